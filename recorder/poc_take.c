/* SPDX-License-Identifier: Apache-2.0
 *
 * poc_take.c - hands what old clients reported to the recording.
 */
#include "poc_take.h"

#include <string.h>
#include <sys/random.h>

#include "memory.h"
#include "poc_stage.h"

_Static_assert(POC_STAGE_EVENTS == sizeof(((struct poc_taker *)0)->at_ns) / sizeof(uint64_t), "one batch fits");

/* Owners are numbered in the order in which they joined. */
static void introduce(struct poc_taker *taker, struct ingest *ingest, const struct poc_item *item)
{
	const char *executable = (const char *)item->payload;
	struct ingest_process about = {
	    .segment_path = "", /* none: nothing is left of it should this recorder be killed */
	    .producer = "poc",
	    .executable = executable,
	    .command = executable + strlen(executable) + 1,
	    .pid = item->pid,
	    .start_time = item->start_time,
	    .joined_ns = item->at_ns,
	};
	struct poc_process *process;
	uint64_t committed;

	while (getrandom(about.segment_id, sizeof(about.segment_id), 0) != sizeof(about.segment_id))
		;
	while (taker->count < item->owner) {
		taker->processes =
		    memory_room(taker->processes, taker->count, &taker->capacity, sizeof(*taker->processes));
		taker->processes[taker->count++] = (struct poc_process){0};
	}
	process = &taker->processes[item->owner - 1];
	process->process = ingest_process(ingest, &about, &committed);
}

static void hand_on(struct poc_taker *taker, struct ingest *ingest, struct poc_process *process,
                    const struct poc_item *item)
{
	size_t event_bytes = item->count * sizeof(struct tta_event);
	struct ingest_batch batch = {
	    .first_number = process->last_number + 1,
	    .count = item->count,
	    .events = (const struct tta_event *)(const void *)item->payload,
	    .at_ns = taker->at_ns,
	    .thread_entries = taker->thread_entries,
	    .table = {.bytes = item->payload + event_bytes, .size_bytes = item->payload_bytes - event_bytes},
	};

	for (uint32_t i = 0; i < item->count; i++)
		taker->at_ns[i] = item->at_ns;
	process->last_number += item->count;
	ingest_batch(ingest, process->process, &batch);
}

void poc_taker_take(struct poc_taker *taker, struct ingest *ingest, struct poc_item *item)
{
	struct ingest_loss loss = {.from_ns = item->at_ns, .to_ns = item->at_ns, .why = "unreadable messages"};

	switch (item->kind) {
	case POC_ITEM_JOINED:
		introduce(taker, ingest, item);
		break;
	case POC_ITEM_EVENTS:
		hand_on(taker, ingest, &taker->processes[item->owner - 1], item);
		break;
	case POC_ITEM_LOSS:
		ingest_loss(ingest, taker->processes[item->owner - 1].process, &loss, (struct ingest_table){0});
		break;
	case POC_ITEM_ENDED:
		ingest_process_ended(ingest, taker->processes[item->owner - 1].process, item->at_ns, "process exit");
		break;
	case POC_ITEM_NOTHING:
		break;
	}
	free(item);
}
