/* SPDX-License-Identifier: Apache-2.0
 *
 * processes.c - the recorded processes: found, watched, served in turn, and let go once all of theirs is committed.
 */
#include "processes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "connections.h"
#include "liveness.h"
#include "refusals.h"
#include "segments.h"
#include "sql/base/error.h"
#include "sql/base/say.h"

#define BATCHES_PER_TURN 64

struct recorded *processes_find(struct server *server, const uint8_t *segment_id)
{
	for (size_t i = 0; i < server->process_count; i++) {
		struct recorded *process = server->processes[i];

		if (!process->gone && memcmp(recorded_header(process)->id, segment_id, TTA_ID_BYTES) == 0)
			return process;
	}
	return NULL;
}

static int grow(struct server *server)
{
	size_t capacity = server->process_capacity ? server->process_capacity * 2 : 64;
	struct recorded **processes = realloc(server->processes, capacity * sizeof(struct recorded *));

	if (!processes)
		return -1;
	server->processes = processes;
	server->process_capacity = capacity;
	return 0;
}

static void die(struct server *server, struct recorded *process, const char *how, uint64_t end_ns)
{
	if (recorded_is_dead(process))
		return;
	recorded_die(&server->shared, process, how, end_ns);
	if (process->source.fd >= 0) {
		server_unwatch(server, &process->source);
		close(process->source.fd);
		process->source.fd = -1;
	}
	if (process->connection)
		connection_drop(server, process->connection);
	if (server->setup.verbose)
		say("process %" PRIu32 " has ended (%s)", recorded_header(process)->pid, how);
}

static bool same_process(const struct recorded *a, const struct recorded *b)
{
	const struct tta_segment_header *one = recorded_header(a), *other = recorded_header(b);

	return one->pid == other->pid && one->start_time == other->start_time;
}

/* The image that took the place of PROCESS's by exec, if there is one. */
static struct recorded *next_image(const struct server *server, const struct recorded *process)
{
	struct recorded *next = NULL;

	for (size_t i = 0; i < server->process_count; i++) {
		struct recorded *other = server->processes[i];

		if (!other->gone && same_process(process, other) &&
		    recorded_made_ns(other) > recorded_made_ns(process) &&
		    (!next || recorded_made_ns(other) < recorded_made_ns(next)))
			next = other;
	}
	return next;
}

/* Of several segments of one process only the youngest can be alive. */
static void end_earlier_images(struct server *server, const struct recorded *process)
{
	for (size_t i = 0; i < server->process_count; i++) {
		struct recorded *earlier = server->processes[i], *next;

		if (earlier->gone || recorded_is_dead(earlier) || !same_process(process, earlier))
			continue;
		next = next_image(server, earlier);
		if (next)
			die(server, earlier, "exec", clock_map_relative(server->setup.clock, recorded_made_ns(next)));
	}
}

static bool has_other_images(const struct server *server, const struct recorded *process)
{
	for (size_t i = 0; i < server->process_count; i++)
		if (server->processes[i] != process && !server->processes[i]->gone &&
		    same_process(server->processes[i], process))
			return true;
	return false;
}

/* A process whose end is in the file. What is left of it is a segment that the recorder did not live to remove. */
static int dispose(struct recorded *process, struct sql_error *error)
{
	bool lives = liveness_ask((pid_t)recorded_header(process)->pid, process->start_time);

	sql_fail(error, "%s: %s", recorded_path(process),
	         lives ? "its process was taken for dead before" : "all of it was recorded before; it is removed");
	if (!lives)
		recorded_unlink(process);
	recorded_close(process);
	return lives ? -1 : 1;
}

/* 0 with *RESULT; -1, or 1 (nobody has to read it any more), with ERROR. */
static int take(struct server *server, const char *path, uid_t user, struct recorded **result, struct sql_error *error)
{
	struct recorded *process, *known;
	int failed;

	*result = NULL;
	if (server->process_count >= MAX_PROCESSES)
		return sql_fail(error, "too many processes are being recorded (%u)", MAX_PROCESSES);
	failed = recorded_open(&server->shared, path, user, &process, error);
	if (failed)
		return failed;
	if (ingest_has_all(server->setup.ingest, recorded_ledger_id(process)))
		return dispose(process, error);
	known = processes_find(server, recorded_header(process)->id);
	if (known) { /* under another name: a link */
		recorded_close(process);
		*result = known;
		return 0;
	}
	if (server->process_count == server->process_capacity && grow(server) < 0) {
		recorded_close(process);
		return sql_fail(error, "no memory");
	}
	server->processes[server->process_count++] = process;
	server->report.processes++;
	if (server->setup.verbose)
		say("process %" PRIu32 " joins: %s", recorded_header(process)->pid, recorded_header(process)->command);
	if (server->setup.watcher)
		server->setup.watcher->joined(server->setup.watcher->context, (pid_t)recorded_header(process)->pid);
	*result = process;
	return 0;
}

struct recorded *processes_take(struct server *server, const char *path, uid_t user, struct sql_error *error)
{
	struct recorded *process;

	take(server, path, user, &process, error);
	return process;
}

/* Begins to watch the process; if it is dead already, its segment is drained. */
static void watch(struct server *server, struct recorded *process)
{
	end_earlier_images(server, process);
	if (recorded_is_dead(process) || process->source.fd >= 0)
		return;
	if (!liveness_watch((pid_t)recorded_header(process)->pid, process->start_time, &process->source.fd))
		die(server, process, "process exit", 0);
	else if (process->source.fd >= 0 && server_watch(server, &process->source, EPOLLIN) < 0) {
		close(process->source.fd); /* processes_poll() asks then */
		process->source.fd = -1;
	}
	if (!recorded_is_dead(process))
		recorded_look(&server->shared, process);
}

void processes_settle(struct server *server, struct recorded *process)
{
	if (has_other_images(server, process))
		processes_scan(server); /* there may have been more in between */
	watch(server, process);
}

void processes_died(struct server *server, struct recorded *process)
{
	processes_scan(server); /* its last image may be one that never said hello */
	die(server, process, "process exit", server_now_ns(server));
}

void processes_poll(struct server *server, bool all)
{
	for (size_t i = 0; i < server->process_count; i++) {
		struct recorded *process = server->processes[i];

		if (process->gone || recorded_is_dead(process) || (process->source.fd >= 0 && !all))
			continue;
		if (!liveness_ask((pid_t)recorded_header(process)->pid, process->start_time))
			processes_died(server, process);
	}
}

static bool is_recorded(const struct server *server, const char *path)
{
	for (size_t i = 0; i < server->process_count; i++)
		if (!server->processes[i]->gone && strcmp(recorded_path(server->processes[i]), path) == 0)
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

static void find(void *context, const char *path, uid_t user, ino_t inode)
{
	struct server *server = context;
	struct sql_error error;
	struct recorded *process;
	int failed;

	if (is_ignored(server, inode) || is_recorded(server, path))
		return;
	failed = take(server, path, user, &process, &error);
	if (!failed)
		return;
	if (failed < 0)
		server_refuse(server, error.text);
	else
		say("%s", error.text);
	ignore(server, inode);
}

void processes_scan(struct server *server)
{
	size_t before = server->process_count;

	segments_each(server->setup.recording->socket, server->setup.users, find, server);
	/* when all are known, so that images before an exec have been told from the last one */
	for (size_t i = before; i < server->process_count; i++)
		watch(server, server->processes[i]);
}

static void process_committed(uint32_t ledger_id, uint64_t number, bool ended, void *context)
{
	struct server *server = context;

	for (size_t i = 0; i < server->process_count; i++) {
		struct recorded *process = server->processes[i];

		if (process->gone || recorded_ledger_id(process) != ledger_id)
			continue;
		recorded_set_committed(process, number);
		if (ended && recorded_has_ended(process)) {
			recorded_unlink(process);
			process->gone = true;
		} else if (process->connection) {
			connection_tell_committed(server, process->connection);
		}
	}
}

void processes_committed(struct server *server)
{
	ingest_take_committed(server->setup.ingest, process_committed, server);
}

/* One batch of PROCESS. */
static bool pump_one(struct server *server, struct recorded *process)
{
	bool more = recorded_pump(&server->shared, process);

	if (process->urgent && recorded_is_idle(process)) { /* all that was sealed before it was asked has been taken */
		process->urgent = false;
		server->urgent = true;
		ingest_tick(server->setup.ingest, server_now_ns(server), true);
	}
	return more;
}

/* Goes round and round, one batch of each at a time, until nobody has one left, or there is no room, or it is time to
 * look at the sockets again. */
bool processes_pump(struct server *server)
{
	size_t idle = 0;

	for (int taken = 0; server->process_count && idle < server->process_count; idle++) {
		struct recorded *process;

		if (!ingest_has_room(server->setup.ingest))
			return false; /* the event descriptor says when there is */
		if (taken >= BATCHES_PER_TURN)
			return true;
		if (server->next_process >= server->process_count)
			server->next_process = 0;
		process = server->processes[server->next_process++];
		if (!process->gone && pump_one(server, process)) {
			idle = (size_t)-1;
			taken++;
		}
	}
	return false;
}

void processes_sweep(struct server *server)
{
	size_t kept = 0;

	for (size_t i = 0; i < server->process_count; i++) {
		struct recorded *process = server->processes[i];

		if (!process->gone) {
			server->processes[kept++] = process;
			continue;
		}
		recorded_close(process);
	}
	server->process_count = kept;
}

void processes_dismiss(struct server *server)
{
	for (size_t i = 0; i < server->process_count; i++) {
		struct recorded *process = server->processes[i];

		if (recorded_is_dead(process))
			continue;
		recorded_unlink(process); /* nobody would ever come for it */
		if (process->connection)
			connection_refuse(server, process->connection, "the recording has ended");
	}
}
