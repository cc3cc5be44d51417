/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h - one recorded process image: its segment, read as it fills, and drained once it is dead.
 *
 * Not thread-safe: clients belong to the server's thread.
 */
#ifndef RECORDER_CLIENT_H
#define RECORDER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "recorder/ledger/ingest.h"
#include "recorder/base/say.h"
#include "segment.h"

/* What all clients share. */
struct client_world {
	struct ingest *ingest;
	struct clock_map *clock;
	struct segment_scratch *scratch;
	uint64_t *at_ns;                  /* TTA_BATCH_MAX_EVENTS: times of the batch in the scratch */
	struct tta_event *drained;        /* TTA_BATCH_MAX_EVENTS */
	uint32_t *drained_thread_entries; /* TTA_BATCH_MAX_EVENTS */
	char boot_id[40];
	bool saw_ticks;   /* some client's clock is the TSC: the map is worth keeping */
	uint64_t refused; /* who was turned away or dropped */
};

/* 0 or -1: no memory. */
int client_world_open(struct client_world *world, struct clock_map *clock);
void client_world_close(struct client_world *world);

struct client;

/* Opens the segment at PATH and introduces its process to the recording. 0, or -1 with ERROR. */
int client_open(struct client_world *world, const char *path, uid_t owner, struct client **client,
                struct front_error *error);

/* Forgets the client; its segment's file stays. */
void client_close(struct client *client);

/* Tells that frames up to SEALED can be read. False: the claim cannot be. */
bool client_sealed(struct client *client, uint64_t sealed);

/* Reads from the segment itself how far it is sealed. */
void client_look(struct client_world *world, struct client *client);

/* Tells that the process is dead since END_NS (0: its last event is the best guess), or, with HOW "exec", that another
 * image took its place. What its segment still holds is drained by client_pump(). */
void client_die(struct client_world *world, struct client *client, const char *how, uint64_t end_ns);

/* Takes in the next batch, or does the next thing towards the end. False: there is nothing to do for now. To be called
 * while ingest_has_room(). */
bool client_pump(struct client_world *world, struct client *client);

/* Whether all sealed frames have been taken. */
bool client_is_idle(const struct client *client);
/* Whether all that was taken is committed, and there is nothing more to take. */
bool client_is_settled(const struct client *client);
/* Whether the process is known to be dead, or replaced. */
bool client_is_dead(const struct client *client);
/* Whether all that the dead process left has been handed on. */
bool client_has_ended(const struct client *client);

uint32_t client_process(const struct client *client);
const struct tta_segment_header *client_header(const struct client *client);
const char *client_path(const struct client *client);

/* Number up to which its events are committed. */
uint64_t client_committed(const struct client *client);
void client_set_committed(struct client *client, uint64_t number);

/* All of it is committed, its end included: the file goes. */
void client_unlink(struct client *client);

#endif
