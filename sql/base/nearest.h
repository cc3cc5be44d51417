/* SPDX-License-Identifier: Apache-2.0
 *
 * nearest.h - what somebody meant who made a slip.
 */
#ifndef SQL_NEAREST_H
#define SQL_NEAREST_H

#include <stddef.h>

/* The name among NAMES that WORD most likely meant, or NULL. */
const char *nearest(const char *word, const char *const *names, size_t count);

#endif
