/* SPDX-License-Identifier: Apache-2.0
 *
 * dictionary.h - threads, labels, stacks and attributions of the whole recording, each stored once and known by its id
 * from then on. Finding or adding; what is added is logged as a row, unless LOG is NULL: then it came out of the file.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef RECORDER_DICTIONARY_H
#define RECORDER_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "frames.h"
#include "sql/store/rows.h"

#define LABEL_MOST_DEPTH 64u /* deeper labels count as their parents */

struct dictionary;

struct dictionary_thread {
	uint32_t process, serial, tid;
	const char *name;
	size_t name_bytes;
};

struct attribution {
	uint32_t process, thread, label, stack; /* ids; 0: none */
	uint32_t device;
	uint32_t spec;              /* of the tensor in it, range_words.h; 0: not said */
	uint16_t region, allocator; /* allocator: of the process; 0: not said */
	uint8_t class, flags, ended;
};

struct dictionary *dictionary_new(void);
void dictionary_free(struct dictionary *dictionary);

uint32_t dictionary_thread(struct dictionary *dictionary, const struct dictionary_thread *thread, struct rowlog *log);
uint32_t dictionary_label(struct dictionary *dictionary, uint32_t parent, const char *name, size_t name_bytes,
                          struct rowlog *log);
/* FRAMES: ids of dictionary_frames(), 4 bytes each, innermost first. */
uint32_t dictionary_stack(struct dictionary *dictionary, const void *frames, size_t bytes, struct rowlog *log);
uint32_t dictionary_attribution(struct dictionary *dictionary, const struct attribution *attribution,
                                struct rowlog *log);

/* Ids up to these were given out already, and are not to be given out again. */
void dictionary_skip_threads(struct dictionary *dictionary, uint32_t last_id);
void dictionary_skip_attributions(struct dictionary *dictionary, uint32_t last_id);

/* What stacks consist of; belongs to the dictionary. */
struct frames *dictionary_frames(struct dictionary *dictionary);

/* The attribution that is ID's, with SPEC. */
uint32_t dictionary_attribution_of_tensor(struct dictionary *dictionary, uint32_t id, uint32_t spec,
                                          struct rowlog *log);

/* What an id stands for; NULL: there is no such id. */
const struct attribution *dictionary_attribution_of(const struct dictionary *dictionary, uint32_t id);

#endif
