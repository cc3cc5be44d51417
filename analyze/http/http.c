/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c - see http.h.
 */
#include "http.h"

#include <string.h>

#include "sql/base/memory.h"

void http_say(struct http_reply *reply, unsigned status, const char *line)
{
	reply->status = status;
	reply->type = "text/plain; charset=utf-8";
	reply->text = memory_text(line);
	reply->bytes = strlen(line);
}

#ifdef ANALYZE_HAS_MICROHTTPD

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_CONNECTIONS 16u
#define IDLE_S 10u
#define CONNECTION_BYTES ((size_t)32 << 10) /* a request longer than that is turned away */

struct http {
	struct MHD_Daemon *daemon;
	http_answer *answer;
	void *context;
};

struct http_request {
	struct MHD_Connection *connection;
	const char *path;
};

const char *http_path(const struct http_request *request)
{
	return request->path;
}

const char *http_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_argument(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result respond(struct MHD_Connection *connection, struct http_reply *reply)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (!reply->text)
		http_say(reply, reply->status ? reply->status : MHD_HTTP_NOT_FOUND, "there is no such page\n");
	response = MHD_create_response_from_buffer(reply->bytes, reply->text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(reply->text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	for (size_t i = 0; i < HTTP_HEADERS_MAX && reply->headers[i].name; i++)
		MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
	result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result take_request(void *context, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *upload, size_t *upload_bytes,
                                    void **state)
{
	static int begun; /* its address alone: the headers have come, and the body is yet to be awaited */
	struct http *http = context;
	struct http_reply reply = {.status = 0};
	const struct http_request request = {connection, url};
	(void)version, (void)upload;

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		http_say(&reply, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
		return respond(connection, &reply);
	}
	if (!*state) {
		*state = &begun;
		return MHD_YES;
	}
	*upload_bytes = 0;
	http->answer(http->context, &request, &reply);
	return respond(connection, &reply);
}

/* A socket that listens on PLACE; -1 with ERROR. */
static int listen_on(const char *place, struct sql_error *error)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	                               .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(place, ':');
	size_t length = colon ? (size_t)(colon - place) : 0;
	bool bracketed = length > 2 && place[0] == '[' && place[length - 1] == ']';
	struct addrinfo *found;
	char address[64];
	int fd, yes = 1;

	if (!length || length >= sizeof(address) || !colon[1])
		return sql_fail(error, "'%.80s' is no ADDRESS:PORT, such as 127.0.0.1:9464", place);
	snprintf(address, sizeof(address), "%.*s", (int)(bracketed ? length - 2 : length), place + bracketed);
	if (getaddrinfo(address, colon + 1, &hints, &found) != 0)
		return sql_fail(error, "'%.80s' is no ADDRESS:PORT, such as 127.0.0.1:9464", place);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 16) < 0) {
		sql_fail(error, "cannot listen on %s: %s", place, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

static void name_url(int fd, char url[static HTTP_URL_MAX])
{
	struct sockaddr_storage address;
	socklen_t bytes = sizeof(address);
	char host[64], port[16];

	url[0] = '\0';
	if (getsockname(fd, (struct sockaddr *)&address, &bytes) < 0 ||
	    getnameinfo((struct sockaddr *)&address, bytes, host, sizeof(host), port, sizeof(port),
	                NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	snprintf(url, HTTP_URL_MAX, address.ss_family == AF_INET6 ? "http://[%s]:%s" : "http://%s:%s", host, port);
}

struct http *http_open(const char *place, http_answer *answer, void *context, char url[static HTTP_URL_MAX],
                       struct sql_error *error)
{
	struct http *http = memory_get(1, sizeof(*http));
	int fd = listen_on(place, error);

	*http = (struct http){.answer = answer, .context = context};
	if (fd < 0) {
		free(http);
		return NULL;
	}
	name_url(fd, url);
	http->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, take_request, http,
	                                MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, MOST_CONNECTIONS,
	                                MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	                                CONNECTION_BYTES, MHD_OPTION_END);
	if (http->daemon)
		return http;
	sql_fail(error, "cannot serve on %s: libmicrohttpd does not start", place);
	close(fd);
	free(http);
	return NULL;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	MHD_stop_daemon(http->daemon);
	free(http);
}

#else

const char *http_path(const struct http_request *request)
{
	(void)request;
	return "";
}

const char *http_header(const struct http_request *request, const char *name)
{
	(void)request, (void)name;
	return NULL;
}

const char *http_argument(const struct http_request *request, const char *name)
{
	return http_header(request, name);
}

struct http *http_open(const char *place, http_answer *answer, void *context, char url[static HTTP_URL_MAX],
                       struct sql_error *error)
{
	(void)place, (void)answer, (void)context, (void)url;
	sql_fail(error, "this ttalloc-analyze was built without libmicrohttpd (libmicrohttpd-dev), and serves nothing");
	return NULL;
}

void http_close(struct http *http)
{
	(void)http;
}

#endif
