/* SPDX-License-Identifier: Apache-2.0
 *
 * message.c - see message.h: the rows of wording.h, found in the text of a log.
 *
 * A message may be wrapped anywhere, amid a word or a number too. Behind a line break it goes on behind what the line
 * has in common with the one that the message began in: the log's prefix. If nothing fits so, it goes on at the first
 * place between two words from which on all the rest fits.
 */
#include "message.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_text.h"
#include "sql/base/units.h"
#include "ttalloc.h"

#define BREAK '\n'
#define PREFIX_BYTES_MAX 160 /* of what a log puts before each line */
#define LEAD_BYTES_MAX 512   /* ... and what else stands there before the message */
#define ANY_BYTES_MAX 256    /* of what does not matter, or a core range */
#define STEPS_MAX 5000       /* of an attempt to match, so that no text takes for ever */
#define BREAKS_MAX 64        /* within a message */
#define TEXT_BYTES_MAX 1024  /* of a wording */
#define BLANKS " ,:;."       /* one or more of them stand for any others, and so does a line break */
#define DIGITS "0123456789"
#define FIELD(name) offsetof(struct message, name)

/* What people leave out when they copy a message. */
static const char *const leads[] = {"Out of Memory: ", "Statically allocated ", "{}: ", "{} "};

/* What may stand before the word of a region. */
static const char *const types[] = {"", "BufferType::"};

/* ---- Figures ---- */

static int64_t *figure_of(struct message *message, size_t offset)
{
	return (int64_t *)(void *)((char *)message + offset);
}

static struct message unknown_message(const struct wording *wording)
{
	struct message message = {.wording = wording, .kind = wording->kind};

	for (size_t at = FIELD(region); at < sizeof(message); at += sizeof(int64_t))
		*figure_of(&message, at) = MESSAGE_UNKNOWN;
	message.region = wording->region;
	return message;
}

static bool is_at_most(int64_t figure, int64_t limit)
{
	return figure == MESSAGE_UNKNOWN || limit == MESSAGE_UNKNOWN || figure <= limit;
}

/* Whether the figures agree with each other, as those do that were read rightly. */
static bool is_sensible(const struct message *message)
{
	int64_t sum, whole;

	if (message->allocated_bytes != MESSAGE_UNKNOWN && message->free_bytes != MESSAGE_UNKNOWN &&
	    (__builtin_add_overflow(message->allocated_bytes, message->free_bytes, &sum) || sum != message->bank_bytes))
		return false;
	if (message->banks != MESSAGE_UNKNOWN && message->request_bank_bytes != MESSAGE_UNKNOWN &&
	    !__builtin_mul_overflow(message->banks, message->request_bank_bytes, &whole) && message->size_bytes > whole)
		return false;
	return is_at_most(message->largest_free_bytes, message->free_bytes) &&
	       is_at_most(message->largest_placeable_bytes, message->placeable_bytes);
}

bool message_is_same(const struct message *a, const struct message *b)
{
	struct message first = *a, second = *b;

	if (a->kind != b->kind)
		return false;
	for (size_t at = FIELD(region); at < sizeof(first); at += sizeof(int64_t)) {
		int64_t one = *figure_of(&first, at), other = *figure_of(&second, at);

		if (one != MESSAGE_UNKNOWN && other != MESSAGE_UNKNOWN && one != other)
			return false;
	}
	return true;
}

/* ---- Matching ---- */

struct matching {
	struct message *message;
	const char *line, *start; /* where the message begins, and its line */
	bool sensible;            /* the figures have to be */
	bool any_prefix;          /* lines may go on anywhere */
	unsigned steps_left, breaks_left;
};

/* What is left of a wording: its text, and whose turn the figures are. */
struct pattern {
	const char *text;
	const size_t *figures;
};

static bool match(struct matching *matching, struct pattern pattern, const char *text);

static struct pattern behind_figure(struct pattern pattern)
{
	return (struct pattern){strchr(pattern.text, '}') + 1, pattern.figures + 1};
}

static bool is_blank(char c)
{
	return c == ' ' || c == ',' || c == ':' || c == ';' || c == '.';
}

static bool is_of_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int digit_of(char c, int64_t base)
{
	int digit = c >= '0' && c <= '9' ? c - '0' : 99;

	if (digit == 99 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		digit = (c | 0x20) - 'a' + 10;
	return digit < base ? digit : -1;
}

/* The bytes of LINE that are a prefix of the message's own line, too, in which numbers may differ. */
static size_t prefix_bytes(const struct matching *matching, const char *line)
{
	const char *own = matching->line, *at = line;
	size_t bytes = 0;

	while (own < matching->start && *at && *at != BREAK) {
		if (digit_of(*own, 10) >= 0 && digit_of(*at, 10) >= 0) {
			own += strspn(own, DIGITS);
			at += strspn(at, DIGITS);
		} else if (*own++ != *at++) {
			break;
		} else if (!is_of_word(at[-1])) {
			bytes = (size_t)(at - line);
		}
	}
	return bytes;
}

/* The next place behind AT, NULL at first, where a message may go on in LINE; NULL: there is none. */
static const char *next_start(const struct matching *matching, const char *line, const char *at)
{
	if (!matching->any_prefix)
		return at ? NULL : line + prefix_bytes(matching, line);
	if (!at)
		return line;
	while (*at && *at != BREAK && at - line < PREFIX_BYTES_MAX)
		if (!is_of_word(*at++) && *at != BREAK)
			return at;
	return NULL;
}

static bool match_behind_break(struct matching *matching, struct pattern pattern, const char *line)
{
	bool fits = false;

	if (matching->breaks_left == 0)
		return false;
	matching->breaks_left--;
	for (const char *at = NULL; !fits && (at = next_start(matching, line, at));)
		fits = match(matching, pattern, at);
	matching->breaks_left++;
	return fits;
}

static bool match_with_figure(struct matching *matching, struct pattern pattern, const char *text, int64_t figure)
{
	int64_t *place = figure_of(matching->message, *pattern.figures), before = *place;

	if (before == MESSAGE_UNKNOWN)
		*place = figure;
	else if (matching->message->kind != MESSAGE_LIMIT)
		*place = figure > before ? figure : before;
	else if (__builtin_add_overflow(before, figure, place))
		*place = INT64_MAX;
	if (match(matching, behind_figure(pattern), text))
		return true;
	*place = before;
	return false;
}

static bool match_digits(struct matching *matching, struct pattern pattern, const char *text, int64_t base,
                         int64_t number, bool has_digits);

/* A number that goes on in the next line, which begins at LINE. */
static bool match_more_digits(struct matching *matching, struct pattern pattern, const char *line, int64_t base,
                              int64_t number, bool has_digits)
{
	bool fits = false;

	if (matching->breaks_left == 0)
		return false;
	matching->breaks_left--;
	for (const char *at = NULL; !fits && matching->steps_left > 0 && (at = next_start(matching, line, at));) {
		matching->steps_left--;
		fits = digit_of(*at, base) >= 0 && match_digits(matching, pattern, at, base, number, has_digits);
	}
	matching->breaks_left++;
	return fits;
}

/* The rest of a number, of which NUMBER is known if HAS_DIGITS. */
static bool match_digits(struct matching *matching, struct pattern pattern, const char *text, int64_t base,
                         int64_t number, bool has_digits)
{
	for (int digit; (digit = digit_of(*text, base)) >= 0; text++) {
		if (number > (INT64_MAX - digit) / base)
			return false;
		number = number * base + digit;
		has_digits = true;
	}
	if (*text == BREAK && match_more_digits(matching, pattern, text + 1, base, number, has_digits))
		return true;
	return has_digits && match_with_figure(matching, pattern, text, number);
}

static bool match_number(struct matching *matching, struct pattern pattern, const char *text)
{
	bool is_hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

	if (is_hexadecimal)
		return match_digits(matching, pattern, text + 2, 16, 0, false);
	return match_digits(matching, pattern, text, strncmp(pattern.text, "{:x}", 4) == 0 ? 16 : 10, 0, false);
}

/* The word of a region, with or without the name of its type before it. */
static bool match_region(struct matching *matching, struct pattern pattern, const char *text)
{
	struct pattern behind = behind_figure(pattern);
	char words[TEXT_BYTES_MAX];

	for (int64_t region = TTALLOC_DRAM; region <= TTALLOC_TRACE; region++)
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
			snprintf(words, sizeof(words), "%s%s%s", types[i], region_word(region), behind.text);
			matching->message->region = region;
			if (match(matching, (struct pattern){words, behind.figures}, text))
				return true;
		}
	matching->message->region = MESSAGE_UNKNOWN;
	return false;
}

/* Anything up to what follows. Numbers on the way are a core range, if that is what is asked for. */
static bool match_any(struct matching *matching, struct pattern pattern, const char *text)
{
	int64_t *cores = matching->message->cores;
	bool are_cores = *pattern.figures == FIELD(cores), in_number = false;
	const char *start = text;
	size_t known = 0;

	for (;; text++) {
		if (match(matching, behind_figure(pattern), text))
			return true;
		if (!*text || text - start == ANY_BYTES_MAX || matching->steps_left == 0)
			break;
		int digit = digit_of(*text, 10);
		if (*text == BREAK) {
			known = 4; /* what follows may be a prefix */
			cores[0] = cores[1] = cores[2] = cores[3] = MESSAGE_UNKNOWN;
		}
		if (are_cores && digit >= 0 && known < 4)
			cores[known] = (in_number && cores[known] < INT32_MAX ? cores[known] * 10 : 0) + digit;
		known += in_number && digit < 0 && known < 4;
		in_number = digit >= 0;
	}
	for (size_t i = 0; are_cores && i < 4; i++)
		cores[i] = MESSAGE_UNKNOWN;
	return false;
}

static bool match_figure(struct matching *matching, struct pattern pattern, const char *text)
{
	switch (*pattern.figures) {
	case 0:
	case FIELD(cores):
		return match_any(matching, pattern, text);
	case FIELD(region):
		return match_region(matching, pattern, text);
	default:
		return match_number(matching, pattern, text);
	}
}

static bool match(struct matching *matching, struct pattern pattern, const char *text)
{
	while (*pattern.text) {
		if (matching->steps_left == 0)
			return false;
		matching->steps_left--;
		if (*text == BREAK)
			return match_behind_break(matching, pattern, text + 1);
		if (*pattern.text == '{')
			return match_figure(matching, pattern, text);
		if (is_blank(*pattern.text)) {
			if (!is_blank(*text) && !is_blank(text[-1]) && text[-1] != BREAK)
				return false;
			pattern.text += strspn(pattern.text, BLANKS);
			text += strspn(text, BLANKS);
		} else if (*pattern.text++ != *text++) {
			return false;
		}
	}
	return !matching->sensible || is_sensible(matching->message);
}

/* ---- Finding ---- */

static struct pattern pattern_of(const struct wording *wording)
{
	struct pattern pattern = {wording->text, wording->figures};

	for (size_t i = 0; i < sizeof(leads) / sizeof(*leads); i++)
		if (strncmp(pattern.text, leads[i], strlen(leads[i])) == 0) {
			pattern.figures += *pattern.text == '{';
			pattern.text += strlen(leads[i]);
		}
	return pattern;
}

/* The beginning of the line that AT is in, in the text that BEGINs there; AT: too far away for a prefix. */
static const char *line_of(const char *at, const char *begin)
{
	const char *line = at;

	while (line > begin && line[-1] != BREAK)
		if (at - --line > LEAD_BYTES_MAX)
			return at;
	return line;
}

/* The message that begins exactly at TEXT, in a log that BEGINs there: with figures that agree with each other, if that
 * can be. */
static bool parse_at(const char *text, const char *begin, struct message *message)
{
	for (size_t i = 0; i < wording_count; i++) {
		struct pattern pattern = pattern_of(&wordings[i]);

		for (unsigned attempt = 0; attempt < 4 && *text == *pattern.text; attempt++) {
			struct matching matching = {.message = message,
			                            .line = line_of(text, begin),
			                            .start = text,
			                            .sensible = attempt < 2,
			                            .any_prefix = attempt % 2,
			                            .steps_left = STEPS_MAX,
			                            .breaks_left = BREAKS_MAX};

			*message = unknown_message(&wordings[i]);
			if (match(&matching, pattern, text))
				return true;
		}
	}
	return false;
}

bool message_parse(const char *text, size_t bytes, struct message *message)
{
	char *plain = log_text(text, bytes);
	bool found = false, begins[UCHAR_MAX + 1] = {false};

	if (!plain)
		return false;
	for (size_t i = 0; i < wording_count; i++)
		begins[(unsigned char)*pattern_of(&wordings[i]).text] = true;
	for (const char *at = plain + strlen(plain); !found && at > plain;)
		found = begins[(unsigned char)*--at] && parse_at(at, plain, message);
	free(plain);
	return found;
}
