/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - serves a text that is made for each request, by libmicrohttpd. In builds without it http_open() says so.
 */
#ifndef ANALYZE_METRICS_HTTP_H
#define ANALYZE_METRICS_HTTP_H

#include <stddef.h>

#include "sql/base/error.h"

#define HTTP_URL_MAX 96

/* Makes the answer to /metrics, for a client that accepts OpenMetrics or does not. A new text of *BYTES, to be freed;
 * NULL with ERROR filled. It is called on a thread of the server, once at a time. */
typedef char *http_answer(void *context, int openmetrics, size_t *bytes, struct sql_error *error);

struct http;

/* Serves on PLACE, "ADDRESS:PORT" with a numerical address ([::1]:9464; port 0: any that is free), and fills URL. NULL
 * with ERROR filled. */
struct http *http_open(const char *place, http_answer *answer, void *context, char url[static HTTP_URL_MAX],
                       struct sql_error *error);
void http_close(struct http *http);

#endif
