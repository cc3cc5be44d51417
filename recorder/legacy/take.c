/* SPDX-License-Identifier: Apache-2.0
 *
 * take.c - hands what old clients reported to the recording.
 */
#include "take.h"

#include <string.h>
#include <sys/random.h>

#include "recorder/base/memory.h"
#include "recorder/base/say.h"
#include "stage.h"

_Static_assert(POC_STAGE_EVENTS == sizeof(((struct poc_taker *)0)->at_ns) / sizeof(uint64_t), "one batch fits");

/* A hook says hello within a flush of its first event; if it ended before, its segment is found within a second. */
#define DOUBT_NS 1500000000u

static void introduce(struct poc_process *process, struct ingest *ingest, const struct poc_item *item)
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
	uint64_t committed;

	while (getrandom(about.segment_id, sizeof(about.segment_id), 0) != sizeof(about.segment_id))
		;
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

static void apply(struct poc_taker *taker, struct ingest *ingest, struct poc_process *process, struct poc_item *item)
{
	struct ingest_loss loss = {.from_ns = item->at_ns, .to_ns = item->at_ns, .why = "unreadable messages"};

	switch (item->kind) {
	case POC_ITEM_JOINED:
		introduce(process, ingest, item);
		break;
	case POC_ITEM_EVENTS:
		hand_on(taker, ingest, process, item);
		break;
	case POC_ITEM_LOSS:
		ingest_loss(ingest, process->process, &loss, (struct ingest_table){0});
		break;
	case POC_ITEM_ENDED:
		ingest_process_ended(ingest, process->process, item->at_ns, "process exit");
		break;
	case POC_ITEM_NOTHING:
		break;
	}
	free(item);
}

/* The hook's word counts. What the old client said before, if anything, ends here. */
static void silence(struct poc_taker *taker, struct ingest *ingest, struct poc_process *process, uint64_t now_ns)
{
	process->silent = true;
	if (process->process)
		ingest_process_ended(ingest, process->process, now_ns, "process exit");
	if (!taker->said)
		say("process %u reports through the hook and over the old protocol: the hook's events are recorded",
		    process->pid);
	taker->said = true;
}

/* Owners are numbered in the order in which they joined. */
static struct poc_process *join(struct poc_taker *taker, const struct poc_item *item)
{
	struct poc_process *process;

	while (taker->count < item->owner) {
		taker->processes =
		    memory_room(taker->processes, taker->count, &taker->capacity, sizeof(*taker->processes));
		taker->processes[taker->count++] = (struct poc_process){0};
	}
	process = &taker->processes[item->owner - 1];
	*process = (struct poc_process){.pid = item->pid, .joined_ns = item->at_ns, .hooked = item->count};
	process->doubtful = process->hooked;
	taker->doubtful_count += process->doubtful;
	return process;
}

static void keep(struct poc_process *process, struct poc_item *item)
{
	item->next = NULL;
	if (process->waiting)
		process->last_waiting->next = item;
	else
		process->waiting = item;
	process->last_waiting = item;
}

void poc_taker_take(struct poc_taker *taker, struct ingest *ingest, struct poc_item *item,
                    const struct poc_others *others)
{
	struct poc_process *process = NULL;

	if (item->kind == POC_ITEM_JOINED)
		process = join(taker, item);
	else if (item->owner)
		process = &taker->processes[item->owner - 1];
	if (process && process->doubtful) {
		keep(process, item);
		return;
	}
	if (process && process->hooked && !process->silent && others->record(process->pid, others->context))
		silence(taker, ingest, process, others->now_ns);
	if (process && process->silent)
		free(item);
	else
		apply(taker, ingest, process, item);
}

static void decide(struct poc_taker *taker, struct ingest *ingest, struct poc_process *process,
                   const struct poc_others *others)
{
	bool recorded = others->record(process->pid, others->context);

	if (!recorded && others->now_ns < process->joined_ns + DOUBT_NS)
		return;
	process->doubtful = false;
	taker->doubtful_count--;
	if (recorded)
		silence(taker, ingest, process, others->now_ns);
	while (process->waiting) {
		struct poc_item *item = process->waiting;

		process->waiting = item->next;
		if (recorded)
			free(item);
		else
			apply(taker, ingest, process, item);
	}
}

void poc_taker_settle(struct poc_taker *taker, struct ingest *ingest, const struct poc_others *others)
{
	for (size_t i = 0; taker->doubtful_count && i < taker->count; i++)
		if (taker->processes[i].doubtful)
			decide(taker, ingest, &taker->processes[i], others);
}

void poc_taker_free(struct poc_taker *taker)
{
	for (size_t i = 0; i < taker->count; i++)
		while (taker->processes[i].waiting) {
			struct poc_item *item = taker->processes[i].waiting;

			taker->processes[i].waiting = item->next;
			free(item);
		}
	free(taker->processes);
}
