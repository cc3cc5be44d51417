/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - answers GET requests, one at a time, by libmicrohttpd. In builds without it http_open() says so.
 */
#ifndef ANALYZE_HTTP_HTTP_H
#define ANALYZE_HTTP_HTTP_H

#include <stddef.h>

#include "sql/base/error.h"

#define HTTP_URL_MAX 96
#define HTTP_HEADERS_MAX 4

struct http_request;
const char *http_path(const struct http_request *request);                       /* decoded, from its first slash */
const char *http_header(const struct http_request *request, const char *name);   /* NULL: it has none */
const char *http_argument(const struct http_request *request, const char *name); /* behind ?; NULL: it has none */

/* What is answered; zero-initialised it is 404. */
struct http_reply {
	unsigned status;  /* 200; 0: 404 */
	const char *type; /* of the text */
	char *text;       /* to be freed; NULL: none */
	size_t bytes;
	struct {
		const char *name, *value; /* a value lives until the next request */
	} headers[HTTP_HEADERS_MAX];
};

/* Fills REPLY. Called on a thread of the server, once at a time. */
typedef void http_answer(void *context, const struct http_request *request, struct http_reply *reply);

/* A line of plain text as the answer. */
void http_say(struct http_reply *reply, unsigned status, const char *line);

struct http;

/* Serves on PLACE, "ADDRESS:PORT" with a numerical address ([::1]:9464; port 0: any that is free), and fills URL, as
 * in http://127.0.0.1:9464. NULL with ERROR filled. */
struct http *http_open(const char *place, http_answer *answer, void *context, char url[static HTTP_URL_MAX],
                       struct sql_error *error);
void http_close(struct http *http);

#endif
