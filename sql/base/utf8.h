/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.h - text from other processes made valid UTF-8, which is what readers of a TEXT column insist on.
 */
#ifndef SQL_UTF8_H
#define SQL_UTF8_H

#include <stddef.h>

/* The most bytes that utf8_clean() makes of BYTES bytes. */
static inline size_t utf8_clean_bound(size_t bytes)
{
	return 3 * bytes + 1;
}

/* Copies TEXT to CLEAN with every byte that is not part of valid UTF-8 replaced by U+FFFD. Returns the bytes used. */
size_t utf8_clean(const char *text, size_t bytes, char *clean);

#endif
