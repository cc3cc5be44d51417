/* SPDX-License-Identifier: Apache-2.0
 *
 * tensors.h - the lists of what operations took and made (tensor_list.list), in another recording.
 */
#ifndef SQL_TENSORS_H
#define SQL_TENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "words.h"

struct tensor_text {
	char *text; /* free() it */
	size_t count, capacity;
};

/* Writes LIST to MOVED, with the specs and keys of the new file. -1: it is no such list. */
int tensors_move(struct tensor_text *moved, const char *list, size_t bytes, const struct words *words,
                 int64_t key_offset);

#endif
