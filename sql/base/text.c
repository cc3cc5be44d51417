/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c - see text.h. One decoder, one list of what is unsafe, three encoders.
 */
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define ELLIPSIS "\xe2\x80\xa6"
#define REPLACEMENT "\xef\xbf\xbd"

struct range {
	int32_t first, last;
};

static const struct range unsafe_ranges[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},     {0x061c, 0x061c},   {0x115f, 0x1160},
    {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},     {0x2028, 0x202e},   {0x2060, 0x206f},
    {0x3164, 0x3164},   {0xd800, 0xdfff},   {0xfdd0, 0xfdef},     {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
    {0xffa0, 0xffa0},   {0xfff0, 0xfffb},   {0xfffe, 0xffff},     {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0xe0fff}, {0xf0000, 0xffffd}, {0x100000, 0x10fffd},
};

static size_t sequence_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

size_t text_decode(const char *text, size_t bytes, int32_t *code)
{
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)text[0];
	size_t length = sequence_length(first);
	*code = TEXT_INVALID;
	if (length == 0 || length > bytes)
		return 1;
	int32_t value = length == 1 ? first : first & (0x7f >> length);
	for (size_t i = 1; i < length; i++) {
		unsigned char next = (unsigned char)text[i];
		if ((next & 0xc0) != 0x80)
			return 1;
		value = value << 6 | (next & 0x3f);
	}
	if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 1;
	*code = value;
	return length;
}

bool text_is_unsafe(int32_t code)
{
	if (code >= 0x20 && code < 0x7f) /* nearly always */
		return false;
	for (size_t i = 0; i < sizeof unsafe_ranges / sizeof *unsafe_ranges; i++)
		if (code >= unsafe_ranges[i].first && code <= unsafe_ranges[i].last)
			return true;
	return code == TEXT_INVALID;
}

void text_make_safe(char *text)
{
	char *to = text;
	for (size_t left = strlen(text), length; left > 0; left -= length, text += length) {
		int32_t code;
		length = text_decode(text, left, &code);
		if (text_is_unsafe(code)) {
			*to++ = code == '\n' || code == '\t' ? ' ' : '?';
		} else {
			memmove(to, text, length);
			to += length;
		}
	}
	*to = '\0';
}

size_t text_clean(const char *text, size_t bytes, char *clean)
{
	size_t used = 0, length;
	for (size_t at = 0; at < bytes; at += length) {
		int32_t code;
		length = text_decode(text + at, bytes - at, &code);
		bool valid = code != TEXT_INVALID;
		memcpy(clean + used, valid ? text + at : REPLACEMENT, valid ? length : 3);
		used += valid ? length : 3;
	}
	return used;
}

static size_t code_width(int32_t code)
{
	int width = wcwidth((wchar_t)code);
	return width < 0 ? 1 : (size_t)width;
}

/* The escaped form of an unsafe code point, or of the byte BYTE that is not UTF-8. Returns its length. */
static size_t escape(char out[static 16], int32_t code, unsigned char byte)
{
	static const char *const short_forms[] = {['\a'] = "\\a", ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n",
	                                          ['\v'] = "\\v", ['\f'] = "\\f", ['\r'] = "\\r"};
	if (code >= 0 && code < (int32_t)(sizeof short_forms / sizeof *short_forms) && short_forms[code] != NULL)
		return (size_t)snprintf(out, 16, "%s", short_forms[code]);
	if (code == TEXT_INVALID)
		return (size_t)snprintf(out, 16, "\\x%02x", byte);
	if (code < 0x80)
		return (size_t)snprintf(out, 16, "\\x%02x", (unsigned)code);
	if (code < 0x10000)
		return (size_t)snprintf(out, 16, "\\u%04x", (unsigned)code);
	return (size_t)snprintf(out, 16, "\\U%08x", (unsigned)code);
}

size_t text_terminal(char *out, size_t size, const char *text, size_t bytes)
{
	size_t used = 0, width = 0;
	for (size_t at = 0; at < bytes;) {
		int32_t code;
		char escaped[16];
		size_t length = text_decode(text + at, bytes - at, &code);
		bool unsafe = text_is_unsafe(code);
		size_t need = unsafe ? escape(escaped, code, (unsigned char)text[at]) : length;
		if (used + need + sizeof ELLIPSIS > size) { /* room for the ellipsis and its NUL is always left */
			memcpy(out + used, ELLIPSIS, sizeof ELLIPSIS);
			return width + 1;
		}
		memcpy(out + used, unsafe ? escaped : text + at, need);
		used += need;
		width += unsafe ? need : code_width(code);
		at += length;
	}
	out[used] = '\0';
	return width;
}

size_t text_width(const char *safe)
{
	size_t width = 0, bytes = strlen(safe);
	for (size_t at = 0; at < bytes;) {
		int32_t code;
		at += text_decode(safe + at, bytes - at, &code);
		width += code_width(code);
	}
	return width;
}

/* The byte offset up to which SAFE takes at most WIDTH columns, marks that take none included. */
static size_t offset_of_width(const char *safe, size_t bytes, size_t width)
{
	size_t at = 0, used = 0;
	while (at < bytes) {
		int32_t code;
		size_t length = text_decode(safe + at, bytes - at, &code);
		used += code_width(code);
		if (used > width)
			break;
		at += length;
	}
	return at;
}

void text_shorten(char *safe, size_t width)
{
	text_shorten_behind(safe, width, (width - 1) / 3);
}

void text_shorten_behind(char *safe, size_t width, size_t head_width)
{
	size_t total = text_width(safe), bytes = strlen(safe);
	if (total <= width)
		return;
	size_t tail_width = width - 1 - head_width;
	size_t head = offset_of_width(safe, bytes, head_width);
	size_t tail = offset_of_width(safe, bytes, total - tail_width);
	if (text_width(safe + tail) > tail_width && tail < bytes) { /* a wide character lies across the cut */
		int32_t code;
		tail += text_decode(safe + tail, bytes - tail, &code);
	}
	/* The ellipsis has three bytes and may replace fewer: then the head gives way. */
	while (tail < head + sizeof ELLIPSIS - 1 && head > 0) {
		do
			head--;
		while (head > 0 && ((unsigned char)safe[head] & 0xc0) == 0x80);
	}
	if (tail < head + sizeof ELLIPSIS - 1) {
		safe[offset_of_width(safe, bytes, width)] = '\0';
		return;
	}
	memcpy(safe + head, ELLIPSIS, sizeof ELLIPSIS - 1);
	memmove(safe + head + sizeof ELLIPSIS - 1, safe + tail, bytes - tail + 1);
}

static void json_code(FILE *out, int32_t code)
{
	if (code == '\n')
		fputs("\\n", out);
	else if (code == '\t')
		fputs("\\t", out);
	else if (code < 0x10000)
		fprintf(out, "\\u%04x", (unsigned)code);
	else
		fprintf(out, "\\u%04x\\u%04x", 0xd800u + ((unsigned)(code - 0x10000) >> 10),
		        0xdc00u + ((unsigned)(code - 0x10000) & 0x3ff));
}

static bool json_plain(int32_t code)
{
	/* '<' and '>': a page may carry the JSON inline */
	return code != '"' && code != '\\' && code != '<' && code != '>' && !text_is_unsafe(code);
}

void text_json(FILE *out, const char *text, size_t bytes)
{
	size_t plain = 0; /* where what is not written yet begins */
	fputc('"', out);
	for (size_t at = 0; at < bytes;) {
		int32_t code;
		size_t length = text_decode(text + at, bytes - at, &code);
		if (!json_plain(code)) {
			fwrite(text + plain, 1, at - plain, out);
			plain = at + length;
			if (code == TEXT_INVALID)
				fputs(REPLACEMENT, out);
			else if (code == '"' || code == '\\')
				fprintf(out, "\\%c", (char)code);
			else
				json_code(out, code);
		}
		at += length;
	}
	fwrite(text + plain, 1, bytes - plain, out);
	fputc('"', out);
}

/* Spreadsheets take a cell for a formula by its first character, the fullwidth forms of = + - @ included. */
static bool begins_formula(const char *text, size_t bytes)
{
	int32_t code;
	if (bytes == 0)
		return false;
	text_decode(text, bytes, &code);
	switch (code) {
	case '=':
	case '+':
	case '-':
	case '@':
	case '\t':
	case '\r':
	case '\n':
	case 0xff1d:
	case 0xff0b:
	case 0xff0d:
	case 0xff20:
		return true;
	default:
		return false;
	}
}

void text_csv(FILE *out, const char *text, size_t bytes)
{
	bool formula = begins_formula(text, bytes);
	bool quoted = formula || bytes == 0 || memchr(text, '"', bytes) || memchr(text, ',', bytes) ||
	              memchr(text, '\n', bytes) || memchr(text, '\r', bytes) || text[0] == ' ' ||
	              text[bytes - 1] == ' ';
	if (quoted)
		fputc('"', out);
	if (formula)
		fputc('\'', out);
	for (size_t at = 0; at < bytes;) {
		int32_t code;
		char escaped[16];
		size_t length = text_decode(text + at, bytes - at, &code);
		if (code == '"')
			fputs("\"\"", out);
		else if (code == TEXT_INVALID)
			fputs(REPLACEMENT, out);
		else if (text_is_unsafe(code) && code != '\n' && code != '\t')
			fwrite(escaped, 1, escape(escaped, code, 0), out);
		else
			fwrite(text + at, 1, length, out);
		at += length;
	}
	if (quoted)
		fputc('"', out);
}
