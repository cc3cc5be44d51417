/* SPDX-License-Identifier: Apache-2.0
 *
 * report.c - what connections report: whose it is, what it does to the totals, and its way into the queue.
 *
 * Whose it is, the kernel says, with each piece that it hands over: connections are inherited by forked children. The
 * pid in a message counts only where the kernel has none, since the sender lives in another namespace. A client that
 * says another pid than its own is mistaken or lies: what it reports is its own.
 */
#include "private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "log.h"
#include "recorder/serve/liveness.h"
#include "sql/base/say.h"
#include "sql/base/memory.h"

static void announce(struct legacy *legacy, const struct legacy_owner *owner)
{
	char executable[512] = "", command[2048] = "";
	size_t executable_bytes, command_bytes;
	struct legacy_item *item;

	if (!owner->private)
		liveness_describe(owner->pid, executable, sizeof(executable), command, sizeof(command));
	executable_bytes = strlen(executable) + 1;
	command_bytes = strlen(command) + 1;
	item = legacy_item_new(&(struct legacy_item){
	    .kind = LEGACY_ITEM_JOINED,
	    .owner = owner->number,
	    .at_ns = legacy->now_ns,
	    .pid = (uint32_t)owner->pid,
	    .start_time = owner->start_time,
	    .count = !owner->private && legacy_has_hook(owner->pid),
	    .payload_bytes = executable_bytes + command_bytes,
	});
	memcpy(item->payload, executable, executable_bytes);
	memcpy(item->payload + executable_bytes, command, command_bytes);
	legacy_queue_put(legacy->queue, item);
}

static void put_note(struct legacy *legacy, const struct legacy_owner *owner, enum legacy_item_kind kind)
{
	legacy_stage_flush(&legacy->stage, legacy->queue);
	legacy_queue_put(legacy->queue, legacy_item_new(&(struct legacy_item){
	                                    .kind = kind, .owner = owner->number, .at_ns = legacy_now_ns(legacy)}));
}

/* What was turned away is lost: once for each owner, since a client that counts wrong does it all the time. */
static void put_impossible(struct legacy *legacy, struct legacy_owner *owner)
{
	struct legacy_item about = {
	    .kind = LEGACY_ITEM_IMPOSSIBLE,
	    .owner = owner->number,
	    .at_ns = legacy_now_ns(legacy),
	    .count = owner->impossible < UINT32_MAX ? (uint32_t)owner->impossible : UINT32_MAX,
	};

	if (!owner->impossible)
		return;
	legacy_stage_flush(&legacy->stage, legacy->queue);
	legacy_queue_put(legacy->queue, legacy_item_new(&about));
	owner->impossible = 0;
}

static void end_owner(struct legacy *legacy, struct legacy_owner *owner)
{
	if (owner->ended)
		return;
	owner->ended = true;
	if (owner->dead)
		legacy->owners.dead_count--;
	put_impossible(legacy, owner);
	put_note(legacy, owner, LEGACY_ITEM_ENDED);
	legacy_model_release(&legacy->model, &owner->holdings);
}

/* Ties OWNER to the connection. */
static void join(struct legacy *legacy, struct legacy_connection *connection, struct legacy_owner *owner)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &owner->source};

	for (uint32_t i = 0; i < connection->owner_count; i++)
		if (connection->owners[i] == owner)
			return;
	connection->owners =
	    memory_or_die(realloc(connection->owners, (connection->owner_count + 1) * sizeof(*connection->owners)));
	connection->owners[connection->owner_count++] = owner;
	if (owner->connections++)
		return;
	announce(legacy, owner);
	if (owner->source.fd >= 0)
		epoll_ctl(legacy->asking_fd, EPOLL_CTL_ADD, owner->source.fd, &event);
}

static void note_pid(struct legacy *legacy, const struct legacy_connection *connection, int32_t said)
{
	atomic_fetch_add(&legacy->refused, 1);
	if (!legacy->said_pid)
		say("process %d reports as process %d to the old protocol's socket: it is recorded as what it is",
		    (int)connection->pid, (int)said);
	legacy->said_pid = true;
}

/* The owner of the connection that is process PID, made when it is new. NULL: there are too many. */
static struct legacy_owner *owner_at(struct legacy *legacy, struct legacy_connection *connection, pid_t pid)
{
	struct legacy_owner *owner;

	for (uint32_t i = 0; i < connection->owner_count; i++)
		if (connection->owners[i]->pid == pid)
			return connection->owners[i];
	if (connection->owner_count == LEGACY_OWNERS_MAX) {
		legacy_refuse(legacy, pid, "too many processes have reported over its connection already");
		return NULL;
	}
	owner = legacy_owner_find(&legacy->owners, pid, connection->pid ? NULL : connection);
	join(legacy, connection, owner);
	return owner;
}

/* Whose report it is that says SAID as its pid; NULL: nobody's who is recorded. */
static struct legacy_owner *owner_of(struct legacy *legacy, struct legacy_connection *connection, int32_t said)
{
	pid_t pid = connection->pid ? connection->pid : said;
	struct legacy_owner *owner;

	if (connection->owner && connection->owner_pid == connection->pid && connection->owner_said == said)
		return connection->owner;
	if (connection->owner && !pid)
		return connection->owner; /* nobody says otherwise */
	if (connection->pid && said && said != connection->pid)
		note_pid(legacy, connection, said);
	owner = owner_at(legacy, connection, pid);
	if (owner) {
		connection->owner_pid = connection->pid;
		connection->owner_said = said;
		connection->owner = owner;
	}
	return owner;
}

static void note_odd(struct legacy *legacy, const struct legacy_owner *owner, const struct legacy_message *message)
{
	if (!legacy->said_odd)
		say("process %d names buffer type %u, which the old protocol does not have: it is recorded as it is, "
		    "and in "
		    "no answer",
		    (int)owner->pid, message->buffer_type);
	legacy->said_odd = true;
}

static void note_impossible(struct legacy *legacy, struct legacy_owner *owner, const struct legacy_message *message)
{
	atomic_fetch_add(&legacy->refused, !owner->impossible);
	owner->impossible++;
	if (!legacy->said_impossible)
		say("process %d reports %llu bytes on device %d over the old protocol, which cannot be: it is turned "
		    "away",
		    (int)owner->pid, (unsigned long long)message->size_bytes, (int)message->device);
	legacy->said_impossible = true;
}

void legacy_report(struct legacy *legacy, struct legacy_connection *connection, const struct legacy_message *message)
{
	struct legacy_owner *owner = owner_of(legacy, connection, message->pid);
	struct legacy_outcome outcome;

	if (!owner || owner->ended)
		return; /* a descendant that reports as the dead, whose blocks are gone */
	legacy_model_take(&legacy->model, &owner->holdings, message, legacy->now_ns, &outcome);
	if (outcome.impossible) {
		note_impossible(legacy, owner, message);
		return;
	}
	if (outcome.odd)
		note_odd(legacy, owner, message);
	legacy_stage_add(&legacy->stage, legacy->queue, owner->number, legacy->now_ns, &outcome.event,
	                 message->buffer_type);
	if (legacy->setup.log_events)
		legacy_log_event(stdout, owner->pid, &outcome,
		                 legacy_framer_answer_bytes(&connection->framer) > LEGACY_SMALL_BYTES);
}

void legacy_report_loss(struct legacy *legacy, struct legacy_connection *connection)
{
	for (uint32_t i = 0; i < connection->owner_count; i++)
		if (!connection->owners[i]->ended)
			put_note(legacy, connection->owners[i], LEGACY_ITEM_LOSS);
}

/* The connection's end is the process's: its client closes it when it ends, and the kernel when it dies. */
void legacy_report_gone(struct legacy *legacy, struct legacy_connection *connection)
{
	for (uint32_t i = 0; i < connection->owner_count; i++) {
		struct legacy_owner *owner = connection->owners[i];

		if (--owner->connections)
			continue;
		end_owner(legacy, owner);
		legacy_owner_remove(&legacy->owners, owner);
	}
	free(connection->owners);
	connection->owners = NULL;
	connection->owner = NULL;
	connection->owner_count = 0;
}

void legacy_report_dead(struct legacy *legacy, struct legacy_owner *owner)
{
	epoll_ctl(legacy->asking_fd, EPOLL_CTL_DEL, owner->source.fd, NULL);
	if (owner->dead || owner->ended)
		return;
	owner->dead = true;
	legacy->owners.dead_count++;
}

static bool has_unread(const struct legacy *legacy, const struct legacy_owner *owner)
{
	for (size_t i = 0; i < legacy->connection_count; i++) {
		const struct legacy_connection *connection = legacy->connections[i];
		int bytes = 0;

		for (uint32_t j = 0; j < connection->owner_count; j++)
			if (connection->owners[j] == owner &&
			    (connection->held || ioctl(connection->source.fd, FIONREAD, &bytes) < 0 || bytes > 0))
				return true;
	}
	return false;
}

static void settle(struct legacy_owner *owner, void *context)
{
	if (owner->dead && !owner->ended && !has_unread(context, owner))
		end_owner(context, owner);
}

void legacy_report_settle(struct legacy *legacy)
{
	if (legacy->owners.dead_count)
		legacy_owners_each(&legacy->owners, settle, legacy);
}

static void put_one(struct legacy_owner *owner, void *context)
{
	if (!owner->ended)
		put_impossible(context, owner);
}

void legacy_report_finish(struct legacy *legacy)
{
	legacy_owners_each(&legacy->owners, put_one, legacy);
}
