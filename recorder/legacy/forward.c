/* SPDX-License-Identifier: Apache-2.0
 *
 * forward.c - hands what old clients reported to the recording.
 */
#include "forward.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sql/base/memory.h"
#include "sql/base/say.h"
#include "recorder/serve/refusals.h"
#include "stage.h"

_Static_assert(LEGACY_STAGE_EVENTS == sizeof(((struct legacy_forwarder *)0)->at_ns) / sizeof(uint64_t),
               "one batch fits");

/* A hook says hello within a flush of its first event; if it ended before, its segment is found within a second. */
#define DOUBT_NS 1500000000u

static void introduce(struct legacy_process *process, struct ingest *ingest, const struct legacy_item *item)
{
	const char *executable = (const char *)item->payload;
	struct ingest_process about = {
	    .segment_path = "", /* none: nothing is left of it should this recorder be killed */
	    .producer = "poc",
	    .unobserved = true,
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

static void hand_on(struct legacy_forwarder *forwarder, struct ingest *ingest, struct legacy_process *process,
                    const struct legacy_item *item)
{
	size_t event_bytes = item->count * sizeof(struct tta_event);
	struct ingest_batch batch = {
	    .first_number = process->last_number + 1,
	    .count = item->count,
	    .events = (const struct tta_event *)(const void *)item->payload,
	    .at_ns = forwarder->at_ns,
	    .thread_entries = forwarder->thread_entries,
	    .table = {.bytes = item->payload + event_bytes, .size_bytes = item->payload_bytes - event_bytes},
	};

	for (uint32_t i = 0; i < item->count; i++)
		forwarder->at_ns[i] = item->at_ns;
	process->last_number += item->count;
	ingest_batch(ingest, process->process, &batch);
}

static void apply(struct legacy_forwarder *forwarder, struct ingest *ingest, struct legacy_process *process,
                  struct legacy_item *item)
{
	struct ingest_loss loss = {.from_ns = item->at_ns, .to_ns = item->at_ns, .why = "unreadable messages"};
	const char *why = (const char *)item->payload;

	switch (item->kind) {
	case LEGACY_ITEM_JOINED:
		introduce(process, ingest, item);
		break;
	case LEGACY_ITEM_EVENTS:
		hand_on(forwarder, ingest, process, item);
		break;
	case LEGACY_ITEM_LOSS:
		ingest_loss(ingest, process->process, &loss, (struct ingest_table){0});
		break;
	case LEGACY_ITEM_IMPOSSIBLE:
		loss.count = item->count;
		loss.why = "a device or size that cannot be";
		ingest_loss(ingest, process->process, &loss, (struct ingest_table){0});
		break;
	case LEGACY_ITEM_REFUSED:
		if (item->pid)
			refusals_store(ingest, (pid_t)item->pid, item->at_ns, why);
		else
			ingest_turned_away(ingest, NULL, item->at_ns, why);
		break;
	case LEGACY_ITEM_ENDED:
		ingest_process_ended(ingest, process->process, item->at_ns, "process exit");
		break;
	case LEGACY_ITEM_NOTHING:
		break;
	}
	free(item);
}

/* The hook's word counts. What the old client said before, if anything, ends here. */
static void silence(struct legacy_forwarder *forwarder, struct ingest *ingest, struct legacy_process *process,
                    uint64_t now_ns)
{
	process->silent = true;
	if (process->process)
		ingest_process_ended(ingest, process->process, now_ns, "process exit");
	if (!forwarder->said)
		say("process %u reports through the hook and over the old protocol: the hook's events are recorded",
		    process->pid);
	forwarder->said = true;
}

/* Owners are numbered in the order in which they joined. */
static struct legacy_process *join(struct legacy_forwarder *forwarder, const struct legacy_item *item)
{
	struct legacy_process *process;

	while (forwarder->count < item->owner) {
		forwarder->processes = memory_room(forwarder->processes, forwarder->count, &forwarder->capacity,
		                                   sizeof(*forwarder->processes));
		forwarder->processes[forwarder->count++] = (struct legacy_process){0};
	}
	process = &forwarder->processes[item->owner - 1];
	*process = (struct legacy_process){.pid = item->pid, .joined_ns = item->at_ns, .hooked = item->count};
	process->doubtful = process->hooked;
	forwarder->doubtful_count += process->doubtful;
	return process;
}

static void keep(struct legacy_process *process, struct legacy_item *item)
{
	item->next = NULL;
	if (process->waiting)
		process->last_waiting->next = item;
	else
		process->waiting = item;
	process->last_waiting = item;
}

void legacy_forward(struct legacy_forwarder *forwarder, struct ingest *ingest, struct legacy_item *item,
                    const struct guest_others *others)
{
	struct legacy_process *process = NULL;

	if (item->kind == LEGACY_ITEM_JOINED)
		process = join(forwarder, item);
	else if (item->owner)
		process = &forwarder->processes[item->owner - 1];
	if (process && process->doubtful) {
		keep(process, item);
		return;
	}
	if (process && process->hooked && !process->silent && others->are_hooked(process->pid, others->context))
		silence(forwarder, ingest, process, others->now_ns);
	if (process && process->silent)
		free(item);
	else
		apply(forwarder, ingest, process, item);
}

static void decide(struct legacy_forwarder *forwarder, struct ingest *ingest, struct legacy_process *process,
                   const struct guest_others *others)
{
	bool recorded = others->are_hooked(process->pid, others->context);

	if (!recorded && others->now_ns < process->joined_ns + DOUBT_NS)
		return;
	process->doubtful = false;
	forwarder->doubtful_count--;
	if (recorded)
		silence(forwarder, ingest, process, others->now_ns);
	while (process->waiting) {
		struct legacy_item *item = process->waiting;

		process->waiting = item->next;
		if (recorded)
			free(item);
		else
			apply(forwarder, ingest, process, item);
	}
}

void legacy_forwarder_settle(struct legacy_forwarder *forwarder, struct ingest *ingest,
                             const struct guest_others *others)
{
	for (size_t i = 0; forwarder->doubtful_count && i < forwarder->count; i++)
		if (forwarder->processes[i].doubtful)
			decide(forwarder, ingest, &forwarder->processes[i], others);
}

void legacy_forwarder_free(struct legacy_forwarder *forwarder)
{
	for (size_t i = 0; i < forwarder->count; i++)
		while (forwarder->processes[i].waiting) {
			struct legacy_item *item = forwarder->processes[i].waiting;

			forwarder->processes[i].waiting = item->next;
			free(item);
		}
	free(forwarder->processes);
}
