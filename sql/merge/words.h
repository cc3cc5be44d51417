/* SPDX-License-Identifier: Apache-2.0
 *
 * words.h - the dictionaries of a recording that is put together: which id of each input is which of the new file.
 *
 * Without memory the program ends.
 */
#ifndef SQL_WORDS_H
#define SQL_WORDS_H

#include <stdbool.h>
#include <stdint.h>

enum word {
	WORD_NONE,
	WORD_PROCESS,
	WORD_THREAD,
	WORD_LABEL,
	WORD_MODULE,
	WORD_FRAME,
	WORD_STACK,
	WORD_TEXT,
	WORD_SPEC,
	WORD_LIST,
	WORD_WHAT,
	WORD_ORIGIN,
	WORD_KINDS
};

struct words;

struct words *words_new(void);
void words_free(struct words *words);

/* Forgets the ids of the input before. */
void words_next_input(struct words *words);

/* Of what a row says: equal for equal rows. */
struct word_hash {
	uint64_t halves[2];
};

/* Gives the input's OLD the id of what has the same HASH, or a new one; NULL: it is like no other. */
uint32_t words_enter(struct words *words, enum word word, int64_t old, const struct word_hash *hash, bool *is_new);

/* The new file's id of OLD; 0: the input has no such row. */
uint32_t words_find(const struct words *words, enum word word, int64_t old);

/* Whether the input under way is the first that says what is at FRAME, an id of the new file. */
bool words_own_frame(struct words *words, uint32_t frame);

#endif
