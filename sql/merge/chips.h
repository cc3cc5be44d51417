/* SPDX-License-Identifier: Apache-2.0
 *
 * chips.h - the devices of a recording that is put together. The same chip of a host is one device; others are not,
 * even if recordings give them the same number. A device whose chip is not known is one of its own.
 *
 * Without memory the program ends.
 */
#ifndef SQL_CHIPS_H
#define SQL_CHIPS_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/store/recording.h"

struct chips;

struct chips *chips_new(void);
void chips_free(struct chips *chips);

/* Numbers the devices of one more input. 0, or -1 with ERROR. */
int chips_take(struct chips *chips, struct recording *from, struct sql_error *error);

/* What the input that was taken last calls OLD. */
int64_t chips_number(const struct chips *chips, int64_t old);

/* Calls EACH for the devices of that input. */
void chips_each(const struct chips *chips, void (*each)(void *context, uint32_t old, uint32_t device), void *context);

/* Names the devices, of all inputs, that may be the same chip as a device of an input before: "256-259, 301". Returns
 * the first of them; TTALLOC_ANY: there is none. */
uint32_t chips_uncertain(const struct chips *chips, char *text, size_t bytes);

#endif
