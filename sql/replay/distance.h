/* SPDX-License-Identifier: Apache-2.0
 *
 * distance.h - whether few events of a process lie between two of its keys, told while keys rise. What has a number and
 * is no event (marks) does not count: steps, begins and ends of ranges (operations, labels), and the ends of replaced
 * blocks. What is kept grows with the distance that is asked for, and with the ranges that are open at once.
 */
#ifndef SQL_DISTANCE_H
#define SQL_DISTANCE_H

#include "catalog.h"

struct distance;

/* For distances up to EVENTS, at least 1. CATALOG, with steps, stays the caller's. NULL with ERROR. */
struct distance *distance_open(struct recording *recording, const struct catalog *catalog, size_t events,
                               struct sql_error *error);
void distance_close(struct distance *distance);

/* A replaced block of PROCESS (an index) ended with KEY. Keys of all calls rise, over all processes. 0, or -1. */
int distance_replaced(struct distance *distance, uint32_t process, int64_t key, struct sql_error *error);

/* Whether the event of KEY comes within so many events after that of FROM, both of PROCESS. KEY rises as above. 1, 0,
 * or -1 with ERROR. */
int distance_is_near(struct distance *distance, uint32_t process, int64_t from, int64_t key, struct sql_error *error);

#endif
