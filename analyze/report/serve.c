/* SPDX-License-Identifier: Apache-2.0
 *
 * serve.c - see serve.h. While it is recorded, a file is opened for each request: a recorder that ends makes one single
 * file of it, which nobody may hold open then.
 *
 *   /TOKEN/                                     the page
 *   /TOKEN/data/ID[?start=NS&end=NS | ?at=NS]   the answer of a panel, of a part of the run, or at a moment
 */
#include "serve.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "analyze/http/http.h"
#include "answers.h"
#include "page.h"
#include "panels.h"
#include "sql/base/memory.h"
#include "sql/base/say.h"
#include "sql/base/text.h"

#define TOKEN_BYTES 16
#define NUMBER_MAX 24

struct serving {
	const struct serve *serve;
	char token[2 * TOKEN_BYTES + 1];
	char *policy;
	struct recording *recordings[2]; /* circular buffers, and all else: each draws pictures of its own */
	struct panels panels;
	bool chosen, ended; /* panels; the recording */
};

/* ---- The file ---- */

static void let_go(struct serving *serving)
{
	for (size_t i = 0; i < 2; i++) {
		recording_close(serving->recordings[i]);
		serving->recordings[i] = NULL;
	}
}

static int open_file(struct serving *serving, struct sql_error *error)
{
	for (size_t i = 0; i < 2; i++)
		if (!serving->recordings[i] && !(serving->recordings[i] = recording_open(serving->serve->file, error)))
			return -1;
	return 0;
}

/* The questions, of the file as it is now. */
static int choose(struct serving *serving, struct sql_error *error)
{
	const struct panels_wish wish = {.device = -1, .whole = true, .live = true};
	int64_t ended;

	panels_clear(&serving->panels);
	if (panels_choose(&serving->panels, serving->recordings[1], &wish, error) < 0 ||
	    panels_number(serving->recordings[1], "SELECT ended IS NOT NULL FROM recording_info", 0, &ended, error) < 0)
		return -1;
	serving->chosen = true;
	serving->ended = ended;
	return 0;
}

/* ---- Replies ---- */

static FILE *begin_text(struct http_reply *reply)
{
	FILE *out = open_memstream(&reply->text, &reply->bytes);

	if (!out)
		memory_exhausted();
	return out;
}

static void end_text(struct serving *serving, struct http_reply *reply, FILE *out, const char *type)
{
	fclose(out);
	reply->status = 200;
	reply->type = type;
	reply->headers[0].name = "Content-Security-Policy";
	reply->headers[0].value = serving->policy;
	reply->headers[1].name = "X-Content-Type-Options";
	reply->headers[1].value = "nosniff";
	reply->headers[2].name = "Cache-Control";
	reply->headers[2].value = "no-store";
	reply->headers[3].name = "Referrer-Policy";
	reply->headers[3].value = "no-referrer";
}

static void put_about(FILE *out, const struct serving *serving)
{
	const struct panels *panels = &serving->panels;
	char *text;
	size_t bytes;
	FILE *json = open_memstream(&text, &bytes);

	if (!json)
		memory_exhausted();
	fputs("{\"live\": true, \"file\": ", json);
	text_json(json, serving->serve->file, strlen(serving->serve->file));
	fprintf(json, ", \"recording\": %s, \"left_out\": \"\", \"panels\": [", serving->ended ? "false" : "true");
	for (size_t i = 0; i < panels->count; i++)
		fprintf(json, "%s\"%s\"", i > 0 ? ", " : "", panels->list[i].id);
	fputc(']', json);
	if (panels->start[0] != '\0')
		fprintf(json, ", \"start\": %s, \"end\": %s", panels->start, panels->end);
	fputc('}', json);
	fclose(json);
	page_block_begin(out, "about");
	page_json(out, text, bytes);
	page_block_end(out);
	free(text);
}

static void reply_page(struct serving *serving, struct http_reply *reply)
{
	struct sql_error error;

	if (choose(serving, &error) < 0) {
		http_say(reply, 503, error.text);
		return;
	}
	FILE *out = begin_text(reply);
	page_begin(out, true);
	put_about(out, serving);
	page_end(out);
	end_text(serving, reply, out, "text/html; charset=utf-8");
}

/* The argument NAME, of digits alone, into NUMBER; "" where it is not given. False: it is no number. */
static bool take_number(const struct http_request *request, const char *name, char number[NUMBER_MAX])
{
	const char *text = http_argument(request, name);
	size_t length = text ? strlen(text) : 0;

	number[0] = '\0';
	if (length >= NUMBER_MAX || (text && strspn(text, "0123456789") != length))
		return false;
	if (text)
		strcpy(number, text);
	return true;
}

/* Leaves out --NAME and its value. */
static void drop_word(struct panel *panel, const char *name)
{
	for (size_t i = 0; i + 1 < panel->word_count; i++) {
		if (strcmp(panel->words[i], name) != 0)
			continue;
		memmove(panel->words[i], panel->words[i + 2], (panel->word_count - i - 2) * sizeof *panel->words);
		panel->word_count -= 2;
		return;
	}
}

static void add_word(struct more_words *more, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	more->list[more->count++] = name;
	more->list[more->count++] = value;
}

static void reply_panel(struct serving *serving, const char *id, const struct http_request *request,
                        struct http_reply *reply)
{
	const struct panel *known = panels_find(&serving->panels, id);
	char start[NUMBER_MAX], end[NUMBER_MAX], at[NUMBER_MAX];
	struct more_words more = {.count = 0};

	if (!known)
		return;
	if (!take_number(request, "start", start) || !take_number(request, "end", end) ||
	    !take_number(request, "at", at)) {
		http_say(reply, 400, "start, end and at are nanoseconds\n");
		return;
	}
	struct panel panel = *known;
	if (start[0] != '\0')
		drop_word(&panel, "--start");
	if (end[0] != '\0')
		drop_word(&panel, "--end");
	add_word(&more, "--start", start);
	add_word(&more, "--end", end);
	add_word(&more, "--at", at);
	const struct asker asker = {.ask = serving->serve->ask,
	                            .context = serving->serve->context,
	                            .recording = serving->recordings[!panel.circular],
	                            .file = serving->serve->file};
	if (panel.picture) {
		bool part = start[0] != '\0' && end[0] != '\0';
		answer_draw(&asker, &serving->panels, panel.circular, part ? start : serving->panels.start,
		            part ? end : serving->panels.end);
	}
	FILE *out = begin_text(reply);
	answer_panel(&asker, &panel, &more, out);
	end_text(serving, reply, out, "application/json");
}

/* What is behind /TOKEN/; NULL: another token, or none. */
static const char *behind_token(const struct serving *serving, const char *path)
{
	size_t length = strlen(serving->token);
	unsigned differ = 0;

	if (path[0] != '/' || strlen(path) < length + 2 || path[length + 1] != '/')
		return NULL;
	for (size_t i = 0; i < length; i++) /* all of it, however soon it differs */
		differ |= (unsigned char)(path[1 + i] ^ serving->token[i]);
	return differ ? NULL : path + length + 2;
}

static void answer(void *context, const struct http_request *request, struct http_reply *reply)
{
	struct serving *serving = context;
	const char *rest = behind_token(serving, http_path(request));
	struct sql_error error;

	if (!rest)
		return;
	if (open_file(serving, &error) < 0)
		http_say(reply, 503, error.text);
	else if (rest[0] == '\0')
		reply_page(serving, reply);
	else if (strncmp(rest, "data/", 5) == 0 && !serving->chosen && choose(serving, &error) < 0)
		http_say(reply, 503, error.text);
	else if (strncmp(rest, "data/", 5) == 0)
		reply_panel(serving, rest + 5, request, reply);
	if (!serving->ended)
		let_go(serving);
}

/* ---- The server ---- */

static void make_token(struct serving *serving)
{
	unsigned char bytes[TOKEN_BYTES];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
		say("no random bytes for a token");
		abort();
	}
	for (size_t i = 0; i < sizeof bytes; i++)
		sprintf(serving->token + 2 * i, "%02x", bytes[i]);
}

static char *make_policy(void)
{
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		memory_exhausted();
	page_policy(out, true);
	fclose(out);
	return text;
}

static void wait_for_signal(const sigset_t *signals)
{
	int signal;

	sigwait(signals, &signal);
}

int serve_run(const struct serve *serve, struct sql_error *error)
{
	struct serving serving = {.serve = serve, .policy = make_policy()};
	char url[HTTP_URL_MAX];
	struct http *http = NULL;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before there are threads */
	make_token(&serving);
	/* a file that cannot be read is told now */
	if (open_file(&serving, error) == 0)
		http = http_open(serve->listen, answer, &serving, url, error);
	let_go(&serving);
	if (http) {
		printf("%s/%s/\n", url, serving.token);
		fflush(stdout);
		wait_for_signal(&signals);
	}
	http_close(http);
	let_go(&serving);
	panels_clear(&serving.panels);
	free(serving.policy);
	return http ? 0 : -1;
}
