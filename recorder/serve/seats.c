/* SPDX-License-Identifier: Apache-2.0
 *
 * seats.c - the recorded processes: found, watched, served in turn, and let go once all of theirs is committed.
 */
#include "server_private.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "liveness.h"
#include "ttalloc/paths.h"

#define BATCHES_PER_TURN 64

struct seat *seat_find(struct server *server, const uint8_t *segment_id)
{
	for (size_t i = 0; i < server->seat_count; i++) {
		struct seat *seat = server->seats[i];

		if (!seat->gone && memcmp(client_header(seat->client)->id, segment_id, TTA_ID_BYTES) == 0)
			return seat;
	}
	return NULL;
}

static int grow(struct server *server)
{
	size_t capacity = server->seat_capacity ? server->seat_capacity * 2 : 64;
	struct seat **seats = realloc(server->seats, capacity * sizeof(struct seat *));

	if (!seats)
		return -1;
	server->seats = seats;
	server->seat_capacity = capacity;
	return 0;
}

static void die(struct server *server, struct seat *seat, const char *how, uint64_t end_ns)
{
	if (client_is_dead(seat->client))
		return;
	client_die(&server->world, seat->client, how, end_ns);
	if (seat->source.fd >= 0) {
		server_unwatch(server, &seat->source);
		close(seat->source.fd);
		seat->source.fd = -1;
	}
	if (seat->peer)
		peer_drop(server, seat->peer);
	if (server->setup.options->verbose)
		say("process %" PRIu32 " has ended (%s)", client_header(seat->client)->pid, how);
}

static bool same_process(const struct seat *a, const struct seat *b)
{
	const struct tta_segment_header *one = client_header(a->client), *other = client_header(b->client);

	return one->pid == other->pid && one->start_time == other->start_time;
}

static uint64_t made_ns(const struct seat *seat)
{
	return client_header(seat->client)->anchor_monotonic_ns;
}

/* The image that took the place of SEAT's by exec, if there is one. */
static struct seat *next_image(const struct server *server, const struct seat *seat)
{
	struct seat *next = NULL;

	for (size_t i = 0; i < server->seat_count; i++) {
		struct seat *other = server->seats[i];

		if (!other->gone && same_process(seat, other) && made_ns(other) > made_ns(seat) &&
		    (!next || made_ns(other) < made_ns(next)))
			next = other;
	}
	return next;
}

/* Of several segments of one process only the youngest can be alive. */
static void end_earlier_images(struct server *server, const struct seat *seat)
{
	for (size_t i = 0; i < server->seat_count; i++) {
		struct seat *earlier = server->seats[i], *next;

		if (earlier->gone || client_is_dead(earlier->client) || !same_process(seat, earlier))
			continue;
		next = next_image(server, earlier);
		if (next)
			die(server, earlier, "exec", clock_map_relative(server->setup.clock, made_ns(next)));
	}
}

static bool has_other_images(const struct server *server, const struct seat *seat)
{
	for (size_t i = 0; i < server->seat_count; i++)
		if (server->seats[i] != seat && !server->seats[i]->gone && same_process(server->seats[i], seat))
			return true;
	return false;
}

struct seat *seat_take(struct server *server, const char *path, struct front_error *error)
{
	struct seat *seat, *known;
	struct client *client;

	if (server->seat_count >= MAX_SEATS) {
		front_fail(error, "too many processes are being recorded (%u)", MAX_SEATS);
		return NULL;
	}
	if (client_open(&server->world, path, geteuid(), &client, error) < 0)
		return NULL;
	known = seat_find(server, client_header(client)->id);
	if (known) { /* under another name: a link */
		client_close(client);
		return known;
	}
	seat = calloc(1, sizeof(*seat));
	if (!seat || (server->seat_count == server->seat_capacity && grow(server) < 0)) {
		front_fail(error, "no memory");
		free(seat);
		client_close(client);
		return NULL;
	}
	seat->source = (struct source){.kind = SOURCE_SEAT, .fd = -1};
	seat->client = client;
	server->seats[server->seat_count++] = seat;
	server->report.clients++;
	if (server->setup.options->verbose)
		say("process %" PRIu32 " joins: %s", client_header(client)->pid, client_header(client)->command);
	return seat;
}

/* Begins to watch the process; if it is dead already, its segment is drained. */
static void watch(struct server *server, struct seat *seat)
{
	const struct tta_segment_header *header = client_header(seat->client);

	end_earlier_images(server, seat);
	if (client_is_dead(seat->client) || seat->source.fd >= 0)
		return;
	if (!liveness_watch((pid_t)header->pid, header->start_time, &seat->source.fd))
		die(server, seat, "process exit", 0);
	else if (seat->source.fd >= 0 && server_watch(server, &seat->source, EPOLLIN) < 0) {
		close(seat->source.fd); /* seats_poll() asks then */
		seat->source.fd = -1;
	}
	if (!client_is_dead(seat->client))
		client_look(&server->world, seat->client);
}

void seat_settle(struct server *server, struct seat *seat)
{
	if (has_other_images(server, seat))
		seats_scan(server); /* there may have been more in between */
	watch(server, seat);
}

void seat_died(struct server *server, struct seat *seat)
{
	seats_scan(server); /* its last image may be one that never said hello */
	die(server, seat, "process exit", server_now_ns(server));
}

void seats_poll(struct server *server, bool all)
{
	for (size_t i = 0; i < server->seat_count; i++) {
		struct seat *seat = server->seats[i];
		const struct tta_segment_header *header = client_header(seat->client);

		if (seat->gone || client_is_dead(seat->client) || (seat->source.fd >= 0 && !all))
			continue;
		if (!liveness_ask((pid_t)header->pid, header->start_time))
			seat_died(server, seat);
	}
}

/* Names of this socket's segments begin with its hash. */
static bool is_ours(const char *name, const char *prefix)
{
	size_t length = strlen(name), suffix = strlen(TTA_SEGMENT_SUFFIX);

	return strncmp(name, prefix, strlen(prefix)) == 0 && length > suffix &&
	       strcmp(name + length - suffix, TTA_SEGMENT_SUFFIX) == 0;
}

static void make_prefix(const char *socket_path, char prefix[static 18])
{
	snprintf(prefix, 18, "%016llx-", (unsigned long long)tta_socket_hash(socket_path));
}

static bool is_seated(const struct server *server, const char *path)
{
	for (size_t i = 0; i < server->seat_count; i++)
		if (!server->seats[i]->gone && strcmp(client_path(server->seats[i]->client), path) == 0)
			return true;
	return false;
}

static bool is_ignored(const struct server *server, ino_t inode)
{
	for (size_t i = 0; i < server->ignored_count; i++)
		if (server->ignored[i] == inode)
			return true;
	return false;
}

static void ignore(struct server *server, ino_t inode)
{
	size_t capacity = server->ignored_capacity ? server->ignored_capacity * 2 : 16;

	if (server->ignored_count == server->ignored_capacity) {
		ino_t *ignored = realloc(server->ignored, capacity * sizeof(*ignored));

		if (!ignored)
			return;
		server->ignored = ignored;
		server->ignored_capacity = capacity;
	}
	server->ignored[server->ignored_count++] = inode;
}

static void scan_directory(struct server *server, const char *directory)
{
	char prefix[18], path[TTA_PATH_BYTES];
	DIR *listing = opendir(directory);
	struct front_error error;
	struct dirent *entry;

	if (!listing)
		return;
	make_prefix(server->setup.recording->socket, prefix);
	while ((entry = readdir(listing))) {
		if (!is_ours(entry->d_name, prefix) || is_ignored(server, entry->d_ino) ||
		    snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >= (int)sizeof(path) ||
		    is_seated(server, path))
			continue;
		if (!seat_take(server, path, &error)) {
			server_refusal(server, error.text);
			ignore(server, entry->d_ino);
		}
	}
	closedir(listing);
}

void seats_scan(struct server *server)
{
	char directory[TTA_PATH_BYTES];
	size_t before = server->seat_count;

	for (int i = 0; i < TTA_SEGMENT_ROOTS; i++) {
		int length = tta_segment_directory(i, directory, sizeof(directory));

		if (length > 0 && length < (int)sizeof(directory))
			scan_directory(server, directory);
	}
	/* when all are known, so that images before an exec have been told from the last one */
	for (size_t i = before; i < server->seat_count; i++)
		watch(server, server->seats[i]);
}

static void look_for_earliest(const char *directory, const char *prefix, uint64_t *earliest_ns)
{
	DIR *listing = opendir(directory);
	struct dirent *entry;
	char boot_id[40];

	liveness_boot_id(boot_id, sizeof(boot_id));
	while (listing && (entry = readdir(listing))) {
		char path[TTA_PATH_BYTES];
		struct front_error error;
		struct segment *segment;
		const struct tta_segment_header *header;

		if (!is_ours(entry->d_name, prefix) ||
		    snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >= (int)sizeof(path) ||
		    segment_open(path, geteuid(), &segment, &error) < 0)
			continue;
		header = segment_header(segment);
		if (strcmp(header->boot_id, boot_id) == 0 && header->anchor_monotonic_ns < *earliest_ns)
			*earliest_ns = header->anchor_monotonic_ns;
		segment_close(segment);
	}
	if (listing)
		closedir(listing);
}

uint64_t server_earliest_ns(const char *socket_path, uint64_t now_ns)
{
	char directory[TTA_PATH_BYTES], prefix[18];

	make_prefix(socket_path, prefix);
	for (int i = 0; i < TTA_SEGMENT_ROOTS; i++) {
		int length = tta_segment_directory(i, directory, sizeof(directory));

		if (length > 0 && length < (int)sizeof(directory))
			look_for_earliest(directory, prefix, &now_ns);
	}
	return now_ns;
}

static void process_committed(uint32_t process, uint64_t number, bool ended, void *context)
{
	struct server *server = context;

	for (size_t i = 0; i < server->seat_count; i++) {
		struct seat *seat = server->seats[i];

		if (seat->gone || client_process(seat->client) != process)
			continue;
		client_set_committed(seat->client, number);
		if (ended && client_has_ended(seat->client)) {
			client_unlink(seat->client);
			seat->gone = true;
		} else if (seat->peer) {
			peer_tell_committed(server, seat->peer);
		}
	}
}

void seats_committed(struct server *server)
{
	ingest_take_committed(server->setup.ingest, process_committed, server);
}

/* One batch of SEAT. */
static bool pump_one(struct server *server, struct seat *seat)
{
	bool more = client_pump(&server->world, seat->client);

	if (seat->urgent && client_is_idle(seat->client)) { /* all that was sealed before it was asked has been taken */
		seat->urgent = false;
		server->urgent = true;
		ingest_tick(server->setup.ingest, server_now_ns(server), true);
	}
	return more;
}

/* Goes round and round, one batch of each at a time, until nobody has one left, or there is no room, or it is time to
 * look at the sockets again. */
bool seats_pump(struct server *server)
{
	size_t idle = 0;

	for (int taken = 0; server->seat_count && idle < server->seat_count; idle++) {
		struct seat *seat;

		if (!ingest_has_room(server->setup.ingest))
			return false; /* the event descriptor says when there is */
		if (taken >= BATCHES_PER_TURN)
			return true;
		if (server->next_seat >= server->seat_count)
			server->next_seat = 0;
		seat = server->seats[server->next_seat++];
		if (!seat->gone && pump_one(server, seat)) {
			idle = (size_t)-1;
			taken++;
		}
	}
	return false;
}

void seats_sweep(struct server *server)
{
	size_t kept = 0;

	for (size_t i = 0; i < server->seat_count; i++) {
		struct seat *seat = server->seats[i];

		if (!seat->gone) {
			server->seats[kept++] = seat;
			continue;
		}
		client_close(seat->client);
		free(seat);
	}
	server->seat_count = kept;
}

void seats_dismiss(struct server *server)
{
	for (size_t i = 0; i < server->seat_count; i++) {
		struct seat *seat = server->seats[i];

		if (client_is_dead(seat->client))
			continue;
		client_unlink(seat->client); /* nobody would ever come for it */
		if (seat->peer)
			peer_refuse(server, seat->peer, "the recording has ended");
	}
}
