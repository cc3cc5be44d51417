/* SPDX-License-Identifier: Apache-2.0
 *
 * server.h - a ClickHouse server, asked over HTTP by libcurl. In builds without it server_open() says so.
 */
#ifndef ANALYZE_EXPORT_SERVER_H
#define ANALYZE_EXPORT_SERVER_H

#include <stddef.h>

#include "sql/base/error.h"

struct server;

/* URL: http://[USER[:PASSWORD]@]HOST[:PORT]/. NULL with ERROR filled. Nothing is sent yet. */
struct server *server_open(const char *url, struct sql_error *error);
void server_close(struct server *server);

/* Sends STATEMENT, and behind it SIZE bytes of DATA. What it answers goes to TAKE (NULL: nowhere) as it comes; what
 * TAKE returns false for ends it. 0 or -1 with ERROR: the server's own words, or that there is none. */
int server_ask(struct server *server, const char *statement, const char *data, size_t size,
               int (*take)(void *context, const char *bytes, size_t count), void *context, struct sql_error *error);

#endif
