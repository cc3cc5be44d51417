/* SPDX-License-Identifier: Apache-2.0
 *
 * answers.c - see answers.h.
 */
#include "answers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "sql/store/open.h"

static bool is_plain(const char *word)
{
	return word[0] != '\0' &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-=+,:@%") == strlen(word);
}

/* As a shell takes it. */
static void put_word(FILE *out, const char *word)
{
	fputc(' ', out);
	if (is_plain(word)) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (char[2]){*word, '\0'}, out);
	fputc('\'', out);
}

/* Several files of one recording are as many words. */
static void put_files(FILE *out, const char *files)
{
	char *copy = memory_text(files), *rest = copy;

	for (char *file; (file = strsep(&rest, (char[2]){RECORDING_AND, '\0'}));)
		put_word(out, file);
	free(copy);
}

static void put_command(const struct asker *asker, bool both, const char *const *words, size_t count, FILE *out)
{
	char *text;
	size_t bytes;
	FILE *command = open_memstream(&text, &bytes);

	if (!command)
		memory_exhausted();
	fputs("ttalloc-analyze", command);
	for (size_t i = 0; i < count; i++)
		put_word(command, words[i]);
	if (both)
		put_files(command, asker->old_file);
	put_files(command, asker->file);
	fclose(command);
	text_json(out, text, bytes);
	free(text);
}

static size_t words_of(const struct panel *panel, const struct more_words *more, const char **words)
{
	size_t count = 0;

	for (size_t i = 0; i < panel->word_count; i++)
		words[count++] = panel->words[i];
	for (size_t i = 0; more && i < more->count; i++)
		words[count++] = more->list[i];
	return count;
}

int answer_panel(const struct asker *asker, const struct panel *panel, const struct more_words *more, FILE *out)
{
	const char *words[PANEL_WORDS_MAX + 8];
	size_t count = words_of(panel, more, words), bytes;
	struct sql_error error = {.text = ""};
	char *answer;
	FILE *into = open_memstream(&answer, &bytes);

	if (!into)
		memory_exhausted();
	int result = asker->ask(asker->context, asker->recording, words, count, into, &error);
	fclose(into);
	fprintf(out, "{\"id\": \"%s\", \"command\": ", panel->id);
	put_command(asker, panel->both, words, count, out);
	if (result == 0) {
		fputs(", \"answer\": ", out);
		fwrite(answer, 1, bytes, out);
	} else {
		fputs(", \"error\": ", out);
		text_json(out, error.text, strlen(error.text));
	}
	fputc('}', out);
	free(answer);
	return ferror(out) ? -1 : 0;
}

static const char *or_null(const char *number)
{
	return number[0] != '\0' ? number : "NULL";
}

void answer_draw(const struct asker *asker, const struct panels *panels, bool circular, const char *start,
                 const char *end)
{
	char statement[512];
	struct sql_error ignored;

	snprintf(statement, sizeof statement,
	         "SELECT * FROM drawing('%s', %" PRId64 ", %" PRId64 ", '%s', NULL, NULL, NULL, NULL, %s, %s)",
	         panels->by, panels->buckets, panels->blocks, circular ? "circular" : "blocks", or_null(start),
	         or_null(end));
	struct query_run *run = query_start_sql(asker->recording, statement, &ignored);
	while (run && query_next(run, &ignored) == 1)
		;
	if (run)
		query_finish(run);
}
