/* SPDX-License-Identifier: Apache-2.0
 *
 * identity.h - what a recording that is put together says of itself, and of its parts.
 */
#ifndef SQL_IDENTITY_H
#define SQL_IDENTITY_H

#include "merge.h"
#include "part.h"
#include "sql/store/write.h"
#include "words.h"

struct identity {
	struct writer_identity of_writer;
	char command[1024], job[256];
};

/* Whether they belong together: parts of different jobs do not unless forced, nor the same recording twice. Says which
 * ranks are missing. 0, or -1 with ERROR. */
int identity_check(const struct input *inputs, size_t count, const struct merge_options *options,
                   struct sql_error *error);

/* IDENTITY, which must not move, of inputs that are on one time. */
void identity_make(struct identity *identity, const struct input *inputs, size_t count, const char *version);

/* Stores the parts of INPUT, from the id FIRST on, and which processes of FROM, whose rows are there, belong to which.
 * 0, or -1 with ERROR. */
int identity_store_parts(const struct input *input, uint32_t first, struct recording *from, const struct words *words,
                         struct writer *writer, struct sql_error *error);

/* Stores what makes the new file incomplete: parts that had not ended. It ends at END_NS. 0, or -1 with ERROR. */
int identity_store_gaps(const struct input *inputs, size_t count, int64_t end_ns, struct writer *writer,
                        struct sql_error *error);

#endif
