/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h - strings of a recording, which are whatever its program said, on their way to a terminal, JSON or CSV.
 *
 * All functions take bytes that need not be UTF-8 and may hold NUL. Thread-safe. Widths are terminal columns; they come
 * from wcwidth(), so the caller sets a UTF-8 LC_CTYPE first.
 */
#ifndef SQL_TEXT_H
#define SQL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_INVALID (-1)

/* Decodes the code point at TEXT, of which BYTES > 0 are left. Returns its length; CODE is TEXT_INVALID, and the length
 * 1, where it is not UTF-8 (overlong forms and surrogates included). */
size_t text_decode(const char *text, size_t bytes, int32_t *code);

/* Whether CODE could drive or deceive a terminal: controls, bidi controls, invisible formats, line separators. */
bool text_is_unsafe(int32_t code);

/* Makes TEXT one line that cannot drive a terminal, in place: what is unsafe or no UTF-8 becomes '?', a line break or a
 * tab a blank. */
void text_make_safe(char *text);

/* Copies TEXT to CLEAN with every byte that is not part of valid UTF-8 replaced by U+FFFD, which is what readers of a
 * TEXT column insist on. Returns the bytes used, TEXT_CLEAN_BOUND(BYTES) at most. */
size_t text_clean(const char *text, size_t bytes, char *clean);
#define TEXT_CLEAN_BOUND(bytes) (3 * (bytes) + 1)

/* Writes TEXT into OUT, NUL-terminated, with everything unsafe or invalid as \xNN or \uNNNN, and cut with an ellipsis
 * where OUT is too small (SIZE >= 8). Returns its width. */
size_t text_terminal(char *out, size_t size, const char *text, size_t bytes);

/* Columns that a string made by text_terminal() takes. */
size_t text_width(const char *safe);

/* Shortens such a string in place to at most WIDTH > 0 columns, its middle becoming an ellipsis. The end keeps most:
 * that is where paths differ. The other form keeps HEAD_WIDTH < WIDTH columns of the beginning. */
void text_shorten(char *safe, size_t width);
void text_shorten_behind(char *safe, size_t width, size_t head_width);

/* Writes TEXT as a JSON string, quotes included; invalid UTF-8 becomes U+FFFD. */
void text_json(FILE *out, const char *text, size_t bytes);

/* Writes TEXT as one CSV cell (RFC 4180), quoted where needed. What a spreadsheet would run as a formula gets an
 * apostrophe before it; what could drive a terminal is escaped as in text_terminal(). */
void text_csv(FILE *out, const char *text, size_t bytes);

#endif
