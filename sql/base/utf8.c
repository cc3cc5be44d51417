/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.c - text from other processes made valid UTF-8.
 */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the valid sequence that TEXT begins with; 0: none. */
static size_t sequence(const uint8_t *text, size_t bytes)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = text[0] < 0x80       ? 1
	                : text[0] >> 5 == 6  ? 2
	                : text[0] >> 4 == 14 ? 3
	                : text[0] >> 3 == 30 ? 4
	                                     : 0;
	uint32_t code;

	if (length < 2)
		return length;
	if (length > bytes)
		return 0;
	code = text[0] & (0x7Fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		code = code << 6 | (text[i] & 0x3F);
	}
	if (code < smallest[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
		return 0;
	return length;
}

size_t utf8_clean(const char *text, size_t bytes, char *clean)
{
	size_t used = 0;

	for (size_t i = 0; i < bytes;) {
		size_t length = sequence((const uint8_t *)text + i, bytes - i);

		memcpy(clean + used, length ? text + i : "\xEF\xBF\xBD", length ? length : 3);
		used += length ? length : 3;
		i += length ? length : 1;
	}
	return used;
}
