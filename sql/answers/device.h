/* SPDX-License-Identifier: Apache-2.0
 *
 * device.h - which device is meant: --device takes the recording's number, a chip's own name, or the number that
 * processes have for it.
 */
#ifndef SQL_ANSWERS_DEVICE_H
#define SQL_ANSWERS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query.h"

/* The recording's number of the device that TEXT means; PID: of the process that counts it so, or NULL. 0, or -1 with
 * ERROR filled: there is none, or there are several. */
int device_resolve(struct recording *recording, const char *text, const char *pid, int64_t *device,
                   struct sql_error *error);

/* The same of the recording FILE, which need not be there: numbers are then what they are. */
int device_of_file(const char *file, const char *text, int64_t *device, struct sql_error *error);

/* A device of an older recording, and which it is in a newer one. */
struct device_pair {
	int64_t old_device,
	    shown;     /* shown: the newer one's number of it; one that it has not, where it has no such chip */
	bool is_there; /* the newer one has it */
};

/* What devices of two recordings have to do with each other: the same chip is the same device, by its unique id. Where
 * they have no chip in common, or do not say, equal numbers are. */
struct device_pairs {
	struct device_pair *list;
	size_t count;
	bool by_chip;    /* they have chips in common */
	bool may_differ; /* not by chip, and at least one of them names its chips */
};
int device_pairs_load(struct device_pairs *pairs, struct recording *old, struct recording *new,
                      struct sql_error *error);
void device_pairs_clear(struct device_pairs *pairs);

/* The older recording's number of what the newer one calls DEVICE; -1: it has no such device. */
int64_t device_of_old(const struct device_pairs *pairs, int64_t device);

#endif
