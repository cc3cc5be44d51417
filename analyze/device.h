/* SPDX-License-Identifier: Apache-2.0
 *
 * device.h - which device is meant: --device takes the recording's number, a chip's own name, or the number that
 * processes have for it.
 */
#ifndef ANALYZE_DEVICE_H
#define ANALYZE_DEVICE_H

#include <stdint.h>

#include "sql/answers/query.h"

/* The recording's number of the device that TEXT means; PID: of the process that counts it so, or NULL. 0, or -1 with
 * ERROR filled: there is none, or there are several. */
int device_resolve(struct recording *recording, const char *text, const char *pid, int64_t *device,
                   struct sql_error *error);

/* The same of the recording FILE, which need not be there: numbers are then what they are. */
int device_of_file(const char *file, const char *text, int64_t *device, struct sql_error *error);

#endif
