/* SPDX-License-Identifier: Apache-2.0
 *
 * server.c - see server.h.
 */
#include "server.h"

#ifdef ANALYZE_HAS_CURL

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"

#define CONNECT_S 10l
#define SLOW_S 120l /* without a byte */
#define WORDS_BYTES 400

struct server {
	CURL *curl;
	char *url;
	/* of the request under way */
	int (*take)(void *context, const char *bytes, size_t count);
	void *context;
	char words[WORDS_BYTES]; /* of an answer that is an error */
	struct curl_slist *headers;
};

/* Whether the server answers, and says no. */
static bool is_error(struct server *server)
{
	long status = 0;

	curl_easy_getinfo(server->curl, CURLINFO_RESPONSE_CODE, &status);
	return status && status != 200;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
	struct server *server = context;

	count *= size;
	if (is_error(server)) {
		size_t used = strlen(server->words), room = sizeof(server->words) - 1 - used;

		strncat(server->words, bytes, count < room ? count : room);
		return count;
	}
	return !server->take || server->take(server->context, bytes, count) ? count : 0;
}

struct server *server_open(const char *url, struct sql_error *error)
{
	struct server *server;

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
		sql_fail(error, "'%.120s' is no http://HOST:PORT/ of a ClickHouse server", url);
		return NULL;
	}
	server = memory_get(1, sizeof(*server));
	server->curl = curl_easy_init();
	server->headers = curl_slist_append(NULL, "Expect:"); /* what is sent goes at once: no server says no before */
	server->url = memory_text(url);
	if (server->curl)
		return server;
	sql_fail(error, "libcurl does not start");
	server_close(server);
	return NULL;
}

void server_close(struct server *server)
{
	curl_easy_cleanup(server->curl);
	curl_slist_free_all(server->headers);
	free(server->url);
	free(server);
}

static char *whole_url(struct server *server, const char *statement)
{
	char *word = memory_or_die(curl_easy_escape(server->curl, statement, (int)strlen(statement)));
	char *url = memory_get(strlen(server->url) + strlen(word) + 16, 1);

	strcat(strcat(strcat(url, server->url), strchr(server->url, '?') ? "&query=" : "?query="), word);
	curl_free(word);
	return url;
}

int server_ask(struct server *server, const char *statement, const char *data, size_t size,
               int (*take)(void *context, const char *bytes, size_t count), void *context, struct sql_error *error)
{
	char *url = whole_url(server, statement), trouble[CURL_ERROR_SIZE] = "";
	CURL *curl = server->curl;
	CURLcode code;

	server->take = take;
	server->context = context;
	server->words[0] = '\0';
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1l);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, server->headers);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1l);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SLOW_S);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, trouble);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, server);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, data ? data : "");
	code = curl_easy_perform(curl);
	free(url);
	if (code != CURLE_OK && !is_error(server))
		return sql_fail(error, "the ClickHouse server: %s", trouble[0] ? trouble : curl_easy_strerror(code));
	if (!is_error(server))
		return 0;
	server->words[strcspn(server->words, "\n")] = '\0';
	return sql_fail(error, "the ClickHouse server says: %s", server->words[0] ? server->words : trouble);
}

#else

struct server *server_open(const char *url, struct sql_error *error)
{
	(void)url;
	sql_fail(error, "--url: this ttalloc-analyze was built without libcurl (libcurl4-openssl-dev)");
	return NULL;
}

void server_close(struct server *server)
{
	(void)server;
}

int server_ask(struct server *server, const char *statement, const char *data, size_t size,
               int (*take)(void *context, const char *bytes, size_t count), void *context, struct sql_error *error)
{
	(void)server, (void)statement, (void)data, (void)size, (void)take, (void)context;
	return sql_fail(error, "no libcurl");
}

#endif
