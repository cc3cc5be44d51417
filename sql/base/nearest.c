/* SPDX-License-Identifier: Apache-2.0
 *
 * nearest.c - see nearest.h.
 */
#include "nearest.h"

#include <string.h>

#define WORD_MAX 32

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits (insert, delete, replace) between two words of at most WORD_MAX letters. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned row[WORD_MAX + 1];
	for (size_t j = 0; j <= b_length; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[b_length];
}

const char *nearest(const char *word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t length = strlen(word);
	unsigned best_distance = (unsigned)(length / 3 + 2); /* further away is another word */
	for (size_t i = 0; i < count && length > 0 && length <= WORD_MAX; i++) {
		size_t name_length = strlen(names[i]);
		if (name_length > WORD_MAX)
			continue;
		unsigned edits = distance(word, length, names[i], name_length);
		if (strncmp(word, names[i], length) == 0)
			edits = 0;
		if (edits < best_distance && edits < name_length) {
			best = names[i];
			best_distance = edits;
		}
	}
	return best;
}
