/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c - one recorded process image.
 */
#include "client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drain.h"
#include "recorder/base/fault.h"
#include "liveness.h"

enum client_state {
	CLIENT_LIVES,
	CLIENT_DEAD,     /* its frames are being taken */
	CLIENT_DRAINING, /* its rings are being taken */
	CLIENT_ENDED,    /* its end was handed on */
};

struct client {
	struct segment *segment;
	enum client_state state;
	bool broken; /* nothing further is read from its segment */
	uint32_t process;
	uint64_t committed_number;
	uint64_t sealed;
	uint64_t last_number; /* handed on */
	uint64_t renumber;    /* 0 but with the fault of its name */
	uint64_t last_ns;
	uint64_t end_ns;
	const char *how; /* it ended */
	struct clock_origin origin;
	struct drain *drain;
};

int client_world_open(struct client_world *world, struct clock_map *clock)
{
	*world = (struct client_world){.clock = clock};
	liveness_boot_id(world->boot_id, sizeof(world->boot_id));
	world->scratch = segment_scratch_new();
	world->at_ns = calloc(TTA_BATCH_MAX_EVENTS, sizeof(*world->at_ns));
	world->drained = calloc(TTA_BATCH_MAX_EVENTS, sizeof(*world->drained));
	world->drained_thread_entries = calloc(TTA_BATCH_MAX_EVENTS, sizeof(*world->drained_thread_entries));
	if (world->scratch && world->at_ns && world->drained && world->drained_thread_entries)
		return 0;
	client_world_close(world);
	return -1;
}

void client_world_close(struct client_world *world)
{
	segment_scratch_free(world->scratch);
	free(world->at_ns);
	free(world->drained);
	free(world->drained_thread_entries);
	*world = (struct client_world){0};
}

static int check_machine(const struct client_world *world, const struct segment *segment, struct front_error *error)
{
	const struct tta_segment_header *header = segment_header(segment);

	if (strcmp(header->boot_id, world->boot_id) != 0)
		return front_fail(error, "%s: is from another machine, or from before the last boot",
		                  segment_path(segment));
	if (header->clock == TTA_CLOCK_TSC && !clock_has_ticks())
		return front_fail(error, "%s: has a clock that this machine does not", segment_path(segment));
	return 0;
}

static void introduce(struct client_world *world, struct client *client)
{
	static const uint8_t nobody[TTA_ID_BYTES];
	const struct tta_segment_header *header = segment_header(client->segment);
	struct ingest_process process = {
	    .segment_path = segment_path(client->segment),
	    .producer = header->producer,
	    .executable = header->executable,
	    .command = header->command,
	    .pid = header->pid,
	    .start_time = header->start_time,
	    .joined_ns = clock_map_relative(world->clock, header->anchor_monotonic_ns),
	};

	memcpy(process.segment_id, header->id, TTA_ID_BYTES);
	memcpy(process.parent_id, header->parent_id, TTA_ID_BYTES);
	if (memcmp(header->parent_id, nobody, TTA_ID_BYTES) != 0)
		process.fork_ns = clock_map_convert(world->clock, &client->origin, header->fork_ticks);
	client->process = ingest_process(world->ingest, &process, &client->committed_number);
	if (FAULT("no-commit-number")) {
		client->renumber = client->committed_number;
		client->committed_number = 0;
	}
	client->last_number = client->committed_number;
}

int client_open(struct client_world *world, const char *path, uid_t owner, struct client **result,
                struct front_error *error)
{
	struct client *client = calloc(1, sizeof(*client));
	const struct tta_segment_header *header;

	*result = NULL;
	if (!client)
		return front_fail(error, "no memory");
	if (segment_open(path, owner, &client->segment, error) < 0 ||
	    check_machine(world, client->segment, error) < 0) {
		client_close(client);
		return -1;
	}
	header = segment_header(client->segment);
	client->sealed = segment_cursor(client->segment);
	client->origin = (struct clock_origin){
	    .clock = (enum tta_clock)header->clock,
	    .anchor = {.ticks = header->anchor_ticks, .monotonic_ns = header->anchor_monotonic_ns},
	};
	world->saw_ticks |= header->clock == TTA_CLOCK_TSC;
	clock_map_advance(world->clock, clock_read());
	introduce(world, client);
	*result = client;
	return 0;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	drain_free(client->drain);
	segment_close(client->segment);
	free(client);
}

bool client_sealed(struct client *client, uint64_t sealed)
{
	uint64_t cursor = segment_cursor(client->segment);

	if (sealed <= cursor)
		return true; /* known already */
	if (sealed % 8 || sealed - cursor > segment_header(client->segment)->outbox_capacity)
		return false;
	if (sealed > client->sealed)
		client->sealed = sealed;
	return true;
}

/* What the client reported from here on is not known. */
static void give_up_on(struct client_world *world, struct client *client, const char *why)
{
	struct ingest_loss loss = {.from_ns = client->last_ns, .to_ns = client->last_ns, .why = why};

	if (client->broken)
		return;
	client->broken = true;
	world->refused++;
	say("process %" PRIu32 ": %s: it is not read any further", segment_header(client->segment)->pid, why);
	ingest_loss(world->ingest, client->process, &loss, segment_table(client->segment, 0));
}

void client_look(struct client_world *world, struct client *client)
{
	if (client->broken)
		return;
	if (segment_refresh(client->segment) < 0 ||
	    !client_sealed(client, segment_header(client->segment)->outbox_sealed))
		give_up_on(world, client, "its segment is damaged");
}

void client_die(struct client_world *world, struct client *client, const char *how, uint64_t end_ns)
{
	if (client->state != CLIENT_LIVES)
		return;
	client_look(world, client);
	client->state = CLIENT_DEAD;
	client->how = how;
	client->end_ns = end_ns;
}

/* Fills in the times of a batch. A stamp older than its predecessor's belongs to a thread that was preempted between
 * taking it and publishing the event: it is lifted, so that the order of numbers is the order of times. */
static void convert_times(struct client_world *world, struct client *client, struct tta_event *events, uint32_t count)
{
	clock_map_advance(world->clock, clock_read());
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at_ns = clock_map_convert(world->clock, &client->origin, events[i].ticks);

		if (at_ns > client->last_ns)
			client->last_ns = at_ns;
		world->at_ns[i] = client->last_ns;
		if (events[i].kind == TTA_LOSS) /* which names the time of the first loss */
			events[i].address = clock_map_convert(world->clock, &client->origin, events[i].address);
	}
}

static void hand_on(struct client_world *world, struct client *client, const struct segment_batch *batch, bool final)
{
	convert_times(world, client, batch->events, batch->count);
	client->last_number = batch->first_number + batch->count - 1;
	ingest_batch(world->ingest, client->process,
	             &(struct ingest_batch){
	                 .first_number = batch->first_number + client->renumber,
	                 .count = batch->count,
	                 .events = batch->events,
	                 .at_ns = world->at_ns,
	                 .thread_entries = batch->thread_entries,
	                 .table = segment_table(client->segment, batch->table_bytes),
	                 .final = final,
	             });
}

static void hand_on_unreadable(struct client_world *world, struct client *client, const struct segment_batch *batch)
{
	struct ingest_loss loss = {
	    .from_ns = client->last_ns,
	    .from_number = batch->first_number,
	    .to_number = batch->first_number + batch->count - 1,
	    .count = batch->count,
	    .why = "a batch could not be read",
	};

	convert_times(world, client, &(struct tta_event){.ticks = batch->last_ticks}, 1);
	loss.to_ns = client->last_ns;
	client->last_number = loss.to_number;
	ingest_loss(world->ingest, client->process, &loss, segment_table(client->segment, batch->table_bytes));
}

/* Takes one frame. False: there is none. */
static bool pump_frame(struct client_world *world, struct client *client)
{
	struct segment_batch batch;

	if (client->broken)
		return false;
	switch (segment_next(client->segment, client->sealed, client->committed_number, world->scratch, &batch)) {
	case SEGMENT_NOTHING:
		return false;
	case SEGMENT_BATCH:
		hand_on(world, client, &batch, false);
		return true;
	case SEGMENT_UNREADABLE:
		hand_on_unreadable(world, client, &batch);
		return true;
	case SEGMENT_BROKEN:
		give_up_on(world, client, "its segment is damaged");
		return true;
	}
	return false;
}

/* After the last frame: numbers go on where the frames end, whatever has been committed of the rings before. */
static void start_drain(struct client_world *world, struct client *client)
{
	client->state = CLIENT_DRAINING;
	if (client->broken || FAULT("no-ring-drain"))
		return;
	client->last_number = segment_last_number(client->segment);
	if (!client->last_number)
		client->last_number = segment_header(client->segment)->sealed_number;
	client->drain = drain_new(client->segment);
	if (!client->drain)
		give_up_on(world, client, "no memory to drain it");
}

static void hand_on_losses(struct client_world *world, struct client *client)
{
	struct ingest_table table = segment_table(client->segment, segment_header(client->segment)->table_bytes);
	struct drain_loss lost;

	while (drain_next_loss(client->drain, &lost)) {
		struct ingest_loss loss = {.thread_entry = lost.thread_entry, .count = lost.count, .why = lost.why};

		loss.from_ns = clock_map_convert(world->clock, &client->origin, lost.from_ticks);
		loss.to_ns =
		    lost.to_ticks ? clock_map_convert(world->clock, &client->origin, lost.to_ticks) : client->last_ns;
		ingest_loss(world->ingest, client->process, &loss, table);
	}
}

static void finish(struct client_world *world, struct client *client)
{
	if (client->drain)
		hand_on_losses(world, client);
	drain_free(client->drain);
	client->drain = NULL;
	if (client->end_ns < client->last_ns)
		client->end_ns = client->last_ns;
	ingest_process_ended(world->ingest, client->process, client->end_ns, client->how);
	client->state = CLIENT_ENDED;
}

/* Takes one batch out of the rings, or ends. */
static void pump_rings(struct client_world *world, struct client *client)
{
	struct segment_batch batch = {
	    .first_number = client->last_number + 1,
	    .table_bytes = segment_header(client->segment)->table_bytes,
	    .events = world->drained,
	    .thread_entries = world->drained_thread_entries,
	};

	if (client->drain)
		batch.count = drain_next(client->drain, batch.events, batch.thread_entries, TTA_BATCH_MAX_EVENTS);
	if (batch.count)
		hand_on(world, client, &batch, true);
	else
		finish(world, client);
}

bool client_pump(struct client_world *world, struct client *client)
{
	if (client->state == CLIENT_ENDED)
		return false;
	if (client->state == CLIENT_DRAINING) {
		pump_rings(world, client);
		return true;
	}
	if (pump_frame(world, client))
		return true;
	if (client->state == CLIENT_LIVES)
		return false;
	start_drain(world, client);
	return true;
}

bool client_is_idle(const struct client *client)
{
	return client->broken || segment_cursor(client->segment) == client->sealed;
}

bool client_is_settled(const struct client *client)
{
	return client_is_idle(client) && client->committed_number >= client->last_number;
}

bool client_is_dead(const struct client *client)
{
	return client->state != CLIENT_LIVES;
}

bool client_has_ended(const struct client *client)
{
	return client->state == CLIENT_ENDED;
}

uint32_t client_process(const struct client *client)
{
	return client->process;
}

const struct tta_segment_header *client_header(const struct client *client)
{
	return segment_header(client->segment);
}

const char *client_path(const struct client *client)
{
	return segment_path(client->segment);
}

uint64_t client_committed(const struct client *client)
{
	return client->committed_number;
}

void client_set_committed(struct client *client, uint64_t number)
{
	client->committed_number = number;
}

void client_unlink(struct client *client)
{
	segment_unlink(client->segment);
}
