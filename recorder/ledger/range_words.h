/* SPDX-License-Identifier: Apache-2.0
 *
 * range_words.h - the dictionaries that ranges point into: names and arguments, tensors, and what ranges are. Finding
 * or adding, as in dictionary.h. They may grow without end where programs never do the same again, so the oldest words
 * are forgotten: then the same word has a second id, which does no harm.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef RECORDER_RANGE_WORDS_H
#define RECORDER_RANGE_WORDS_H

#include "sql/store/rows.h"

struct range_words;

struct range_words *range_words_new(void);
/* Forgets texts, lists and what ranges are: the recording goes on in a file without them. */
void range_words_begin_file(struct range_words *words);

/* Ids up to these were given out in files before this one. */
void range_words_skip(struct range_words *words, uint32_t last_text, uint32_t last_list, uint32_t last_what);

void range_words_free(struct range_words *words);

/* Ids of the rows with these words, which are logged if they are new. Of ROW, id is not looked at. */
uint32_t range_words_text(struct range_words *words, const void *text, size_t bytes, struct rowlog *log);
uint32_t range_words_list(struct range_words *words, const char *list, size_t bytes, struct rowlog *log);
uint32_t range_words_spec(struct range_words *words, const struct tensor_spec_row *row, struct rowlog *log);
uint32_t range_words_what(struct range_words *words, const struct range_what_row *row, struct rowlog *log);

/* Rows out of the file, in the order of their ids. */
void range_words_know_text(struct range_words *words, const struct operation_text_row *row);
void range_words_know_spec(struct range_words *words, const struct tensor_spec_row *row);
void range_words_know_list(struct range_words *words, const struct tensor_list_row *row);
void range_words_know_what(struct range_words *words, const struct range_what_row *row);

#endif
