/* SPDX-License-Identifier: Apache-2.0
 *
 * message.c - see message.h. A message is matched against patterns, in which
 *
 *   #      is a number, decimal or 0x..., stored in the field whose turn it is
 *   @      is the word of a kind of memory, with or without BufferType:: before it
 *   ^      is anything up to what follows, for a core range of either print
 *   blank  is any number of blanks, commas, colons, semicolons and full stops, or none
 *   [x]    is x or nothing
 */
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/units.h"
#include "ttalloc.h"

#define FIELDS_MAX 8
#define CORES_BYTES_MAX 256 /* what a core range may take */
#define REGION_PREFIX "BufferType::"

struct pattern {
	enum message_kind kind;
	const char *text;
	size_t fields[FIELDS_MAX]; /* offsets in struct message, in the order of the numbers */
};

#define FIELD(name) offsetof(struct message, name)

/* Of the patterns that match at one place the first counts: the longest of a kind comes first. */
static const struct pattern patterns[] = {
    {MESSAGE_OUT_OF_MEMORY,
     "Not enough space [after considering dependencies ]to allocate # B @ buffer across # banks [where ]"
     "[each bank needs to store ][(]# B [per bank)] [but ]bank size is [only ]# B (allocated # B free # B largest "
     "free block # B",
     {FIELD(size_bytes), FIELD(banks), FIELD(request_bank_bytes), FIELD(bank_bytes), FIELD(allocated_bytes),
      FIELD(free_bytes), FIELD(largest_free_bytes)}},
    {MESSAGE_OUT_OF_MEMORY,
     "Not enough space [after considering dependencies ]to allocate # B @ buffer across # banks [where ]"
     "[each bank needs to store ][(]# B [per bank)] [but ]bank size is [only ]# B",
     {FIELD(size_bytes), FIELD(banks), FIELD(request_bank_bytes), FIELD(bank_bytes)}},
    {MESSAGE_OUT_OF_MEMORY,
     "Not enough space [after considering dependencies ]to allocate # B @ buffer across # banks [where ]"
     "[each bank needs to store ][(]# B",
     {FIELD(size_bytes), FIELD(banks), FIELD(request_bank_bytes)}},
    {MESSAGE_BELOW_LIMIT, "Cannot allocate at an address below # Allocation at #", {FIELD(limit), FIELD(address)}},
    {MESSAGE_CLASH,
     "circular buffers in program # clash with L1 buffers on core range ^L1 buffer allocated at # and static circular "
     "buffer region ends at #",
     {FIELD(program), FIELD(buffer_address), FIELD(cb_end)}},
    {MESSAGE_BEYOND_L1,
     "circular buffers on core range ^grow to # B which is beyond max L1 size of # B",
     {FIELD(cb_end), FIELD(limit)}},
    {MESSAGE_TRACE_REGION,
     "Creating trace buffers of size # B on MeshDevice # but only # B is allocated for trace region",
     {FIELD(size_bytes), FIELD(program), FIELD(free_bytes)}},
};

/* ---- Text without what a log adds ---- */

/* Behind an escape sequence that begins at TEXT. */
static const char *skip_escape(const char *text, const char *end)
{
	if (++text == end || *text != '[')
		return text;
	for (text++; text < end && (*text < '@' || *text > '~');)
		text++;
	return text < end ? text + 1 : end;
}

/* TEXT with neither colours nor controls, and one blank for any number of them. */
static char *plain_text(const char *text, size_t bytes)
{
	const char *end = text + bytes;
	char *plain = malloc(bytes + 1), *to = plain;

	while (plain && text < end) {
		if (*text == '\033') {
			text = skip_escape(text, end);
			continue;
		}
		char c = (unsigned char)*text > ' ' ? *text : ' ';
		if (c != ' ' || to == plain || to[-1] != ' ')
			*to++ = c;
		text++;
	}
	if (plain)
		*to = '\0';
	return plain;
}

/* ---- Matching ---- */

struct match {
	const struct pattern *pattern;
	struct message *message;
	size_t field;
};

/* Reads the number at TEXT. NULL: there is none, or none that is real. */
static const char *read_number(const char *text, int64_t *number)
{
	bool is_hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *at = is_hexadecimal ? text + 2 : text;
	int64_t base = is_hexadecimal ? 16 : 10;

	*number = 0;
	for (text = at;; at++) {
		int64_t digit = *at >= '0' && *at <= '9' ? *at - '0' : 99;

		if (is_hexadecimal && digit == 99 && ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'f'))
			digit = (*at | 0x20) - 'a' + 10;
		if (digit >= base)
			return at > text ? at : NULL;
		if (*number > (INT64_MAX - digit) / base)
			return NULL;
		*number = *number * base + digit;
	}
}

static const char *take_number(struct match *match, const char *text)
{
	int64_t number;
	const char *end = read_number(text, &number);

	if (end)
		memcpy((char *)match->message + match->pattern->fields[match->field++], &number, sizeof(number));
	return end;
}

static const char *take_region(struct match *match, const char *text)
{
	char word[32];

	if (strncmp(text, REGION_PREFIX, strlen(REGION_PREFIX)) == 0)
		text += strlen(REGION_PREFIX);
	size_t length = strcspn(text, " ");
	if (length == 0 || length >= sizeof(word))
		return NULL;
	memcpy(word, text, length);
	word[length] = '\0';
	match->message->region = region_number(word, NULL);
	return match->message->region < 0 ? NULL : text + length;
}

/* Up to the literal text that follows in PATTERN; the numbers on the way are a core range. */
static const char *take_cores(struct match *match, const char *text, const char *pattern)
{
	size_t length = strcspn(pattern, "#");
	const char *start = text;
	size_t known = 0;
	int64_t number;

	while (*text && text - start < CORES_BYTES_MAX && strncmp(text, pattern, length) != 0) {
		const char *end = read_number(text, &number);

		if (end && known < 4)
			match->message->cores[known++] = number;
		text = end ? end : text + 1;
	}
	for (size_t i = 0; known < 4 && i < 4; i++)
		match->message->cores[i] = MESSAGE_UNKNOWN;
	return strncmp(text, pattern, length) == 0 ? text : NULL;
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " ,:;.");
}

/* The optional part at PATTERN ("[x]"): what it takes of TEXT, which may be nothing. */
static const char *take_optional(const char *text, const char *pattern, size_t length)
{
	const char *at = text;

	for (size_t i = 0; i < length; i++) {
		if (pattern[i] == ' ')
			at = skip_blanks(at);
		else if (*at++ != pattern[i])
			return text;
	}
	return at;
}

static bool matches(struct match *match, const char *text)
{
	for (const char *pattern = match->pattern->text; text && *pattern; pattern++) {
		size_t length;

		switch (*pattern) {
		case '#':
			text = take_number(match, text);
			break;
		case '@':
			text = take_region(match, text);
			break;
		case '^':
			text = take_cores(match, text, pattern + 1);
			break;
		case ' ':
			text = skip_blanks(text);
			break;
		case '[':
			length = strcspn(pattern + 1, "]");
			text = take_optional(text, pattern + 1, length);
			pattern += length + 1;
			break;
		default:
			text = *text == *pattern ? text + 1 : NULL;
		}
	}
	return text != NULL;
}

static struct message unknown_message(enum message_kind kind)
{
	struct message message = {.kind = kind,
	                          .region = MESSAGE_UNKNOWN,
	                          .size_bytes = MESSAGE_UNKNOWN,
	                          .banks = MESSAGE_UNKNOWN,
	                          .request_bank_bytes = MESSAGE_UNKNOWN,
	                          .bank_bytes = MESSAGE_UNKNOWN,
	                          .allocated_bytes = MESSAGE_UNKNOWN,
	                          .free_bytes = MESSAGE_UNKNOWN,
	                          .largest_free_bytes = MESSAGE_UNKNOWN,
	                          .address = MESSAGE_UNKNOWN,
	                          .limit = MESSAGE_UNKNOWN,
	                          .program = MESSAGE_UNKNOWN,
	                          .cb_end = MESSAGE_UNKNOWN,
	                          .buffer_address = MESSAGE_UNKNOWN};

	for (size_t i = 0; i < 4; i++)
		message.cores[i] = MESSAGE_UNKNOWN;
	if (kind == MESSAGE_CLASH || kind == MESSAGE_BEYOND_L1)
		message.region = TTALLOC_L1;
	if (kind == MESSAGE_TRACE_REGION)
		message.region = TTALLOC_TRACE;
	return message;
}

/* The message that begins exactly at TEXT. */
static bool parse_at(const char *text, struct message *message)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		struct message found = unknown_message(patterns[i].kind);
		struct match match = {.pattern = &patterns[i], .message = &found};

		if (text[0] == patterns[i].text[0] && matches(&match, text)) {
			*message = found;
			return true;
		}
	}
	return false;
}

bool message_parse(const char *text, size_t bytes, struct message *message)
{
	char *plain = plain_text(text, bytes);
	bool found = false;

	if (!plain)
		return false;
	for (const char *at = plain + strlen(plain); !found && at > plain;)
		found = parse_at(--at, message);
	free(plain);
	return found;
}

bool message_is_same(const struct message *a, const struct message *b)
{
	size_t from = FIELD(region); /* numbers of one type from there on, without holes */

	return a->kind == b->kind && memcmp((const char *)a + from, (const char *)b + from, sizeof(*a) - from) == 0;
}
