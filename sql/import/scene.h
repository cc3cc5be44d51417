/* SPDX-License-Identifier: Apache-2.0
 *
 * scene.h - states of memory, one after the other, as allocations and frees: what is gone was freed, and only then was
 * allocated what is new. What lay there in between is not known.
 *
 * Without memory the program ends.
 */
#ifndef SQL_SCENE_H
#define SQL_SCENE_H

#include "book.h"

struct scene;

struct scene *scene_new(struct book *book);
void scene_free(struct scene *scene);

/* One more block of the next state. */
void scene_add(struct scene *scene, const struct book_block *block);

/* The next state is whole: it becomes the present one. */
void scene_change(struct scene *scene);

#endif
