/* SPDX-License-Identifier: Apache-2.0
 *
 * private.h - checking the spans of all processes together, while blocks.c replays.
 */
#ifndef SQL_FINDINGS_PRIVATE_H
#define SQL_FINDINGS_PRIVATE_H

#include "sql/replay/circular.h"
#include "findings.h"
#include "sql/replay/replay.h"

struct span_check;

/* CATALOG has series per process. NULL: no memory. */
struct span_check *span_check_new(struct findings *findings, const struct catalog *catalog);
void span_check_free(struct span_check *check);

void span_check_start(struct span_check *check, const struct catalog *catalog, const struct replay_block *block);
void span_check_event(struct span_check *check, const struct catalog *catalog, const struct replay_event *event);
void span_check_circular(struct span_check *check, const struct catalog *catalog, const struct circular_event *event);
void span_check_finish(struct span_check *check);

#endif
