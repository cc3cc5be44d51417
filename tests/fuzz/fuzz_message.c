/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs in which a message of TT-Metal may be. The first byte of the input chooses a wording, the second how its text is
 * wrapped; the rest is what a log has before and behind it, and what stands for its figures.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sql/answers/why/message.h"

#define TEXT_BYTES_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const breaks[] = {"", "\n", "\r\n", "\\n", "\nE   ", "\n2026-06-05T19:19:37Z 12: | ", "\n> "};

struct text {
	char *bytes;
	size_t used;
};

static void check(int right)
{
	if (!right)
		abort();
}

static void add(struct text *text, const void *bytes, size_t count)
{
	if (count > TEXT_BYTES_MAX - text->used)
		count = TEXT_BYTES_MAX - text->used;
	if (count)
		memcpy(text->bytes + text->used, bytes, count);
	text->used += count;
}

/* Up to 8 bytes of the input, as a length says that comes first. */
static void add_some(struct text *text, const uint8_t **data, size_t *size)
{
	size_t count = *size ? **data % 9u : 0;

	if (count >= *size)
		count = *size ? *size - 1 : 0;
	add(text, *data + 1, count);
	*data += *size ? count + 1 : 0;
	*size -= *size ? count + 1 : 0;
}

static void add_wording(struct text *text, const char *words, unsigned way, const uint8_t **data, size_t *size)
{
	size_t columns = 5 + way / 8, column = 0;
	const char *line_break = breaks[way % (sizeof(breaks) / sizeof(*breaks))];

	for (; *words; words++) {
		if (++column % columns == 0)
			add(text, line_break, strlen(line_break));
		if (*words == '{') {
			add_some(text, data, size);
			words = strchr(words, '}');
		} else {
			add(text, words, 1);
		}
	}
}

static void check_message(const struct message *message)
{
	check(message->wording >= wordings && message->wording < wordings + wording_count);
	check(message->kind == message->wording->kind && message->region >= -1 && message->region <= 4);
	check(message->size_bytes >= -1 && message->request_bank_bytes >= -1 && message->largest_free_bytes >= -1);
	check(message->cb_end >= -1 && message->limit >= -1 && message->address >= -1 && message->cores[3] >= -1);
	check(message_is_same(message, message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text text = {malloc(TEXT_BYTES_MAX), 0};
	struct message message;

	check(text.bytes != NULL);
	if (size >= 2) {
		const uint8_t *rest = data + 2;
		size_t left = size - 2;

		if (data[0] < wording_count) {
			add_some(&text, &rest, &left);
			add_wording(&text, wordings[data[0]].text, data[1], &rest, &left);
		}
		add(&text, rest, left);
	}
	char *exact = malloc(text.used ? text.used : 1); /* not terminated, and its end is guarded */
	check(exact != NULL);
	memcpy(exact, text.bytes, text.used);
	if (message_parse(exact, text.used, &message))
		check_message(&message);
	free(exact);
	free(text.bytes);
	return 0;
}
