/* SPDX-License-Identifier: Apache-2.0
 *
 * poc_take.h - the taking end of the queue: hands what old clients reported to the recording.
 *
 * Not thread-safe: belongs to the thread that calls ingest.h.
 */
#ifndef RECORDER_POC_TAKE_H
#define RECORDER_POC_TAKE_H

#include "ingest.h"
#include "poc_queue.h"

struct poc_process {
	uint32_t process; /* in the recording */
	uint64_t last_number;
};

struct poc_taker {
	struct poc_process *processes; /* owner 1 is processes[0] */
	size_t count, capacity;
	uint64_t at_ns[1024];          /* POC_STAGE_EVENTS */
	uint32_t thread_entries[1024]; /* zeros: the protocol knows no threads */
};

/* Takes ITEM in and frees it. */
void poc_taker_take(struct poc_taker *taker, struct ingest *ingest, struct poc_item *item);

#endif
