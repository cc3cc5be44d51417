/* SPDX-License-Identifier: Apache-2.0
 *
 * poc_report.c - what connections report: whose it is, what it does to the totals, and its way into the queue.
 *
 * Whose it is, the socket's credentials say. A pid in a message counts only where it is that of a process which the
 * connection's owner forked (the child inherits the connection), or where there are no credentials. A client that says
 * anything else is mistaken or lies: what it reports is its own.
 */
#include "poc_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "poc_log.h"

static void announce(struct poc *poc, const struct poc_owner *owner)
{
	char executable[512] = "", command[2048] = "";
	size_t executable_bytes, command_bytes;
	struct poc_item *item;

	if (!owner->private)
		poc_describe(owner->pid, executable, sizeof(executable), command, sizeof(command));
	executable_bytes = strlen(executable) + 1;
	command_bytes = strlen(command) + 1;
	item = poc_item_new(&(struct poc_item){
	    .kind = POC_ITEM_JOINED,
	    .owner = owner->number,
	    .at_ns = poc->now_ns,
	    .pid = (uint32_t)owner->pid,
	    .start_time = owner->start_time,
	    .payload_bytes = executable_bytes + command_bytes,
	});
	memcpy(item->payload, executable, executable_bytes);
	memcpy(item->payload + executable_bytes, command, command_bytes);
	poc_queue_put(poc->queue, item);
}

static void put_note(struct poc *poc, const struct poc_owner *owner, enum poc_item_kind kind)
{
	poc_stage_flush(&poc->stage, poc->queue);
	poc_queue_put(poc->queue,
	              poc_item_new(&(struct poc_item){.kind = kind, .owner = owner->number, .at_ns = poc_now_ns(poc)}));
}

static void end_owner(struct poc *poc, struct poc_owner *owner)
{
	if (owner->ended)
		return;
	owner->ended = true;
	if (owner->dead)
		poc->owners.dead_count--;
	put_note(poc, owner, POC_ITEM_ENDED);
	poc_model_release(&poc->model, &owner->holdings);
}

/* Ties OWNER to the connection. */
static void join(struct poc *poc, struct poc_peer *peer, struct poc_owner *owner)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &owner->source};

	for (uint32_t i = 0; i < peer->owner_count; i++)
		if (peer->owners[i] == owner)
			return;
	peer->owners = memory_or_die(realloc(peer->owners, (peer->owner_count + 1) * sizeof(*peer->owners)));
	peer->owners[peer->owner_count++] = owner;
	if (owner->connections++)
		return;
	announce(poc, owner);
	if (owner->source.fd >= 0)
		epoll_ctl(poc->asking_fd, EPOLL_CTL_ADD, owner->source.fd, &event);
}

/* Which process PEER speaks for when it says PID. */
static pid_t whose(struct poc *poc, const struct poc_peer *peer, int32_t pid)
{
	if (!peer->pid)
		return pid;
	if (!pid || pid == peer->pid)
		return peer->pid;
	if (peer->owner_count < POC_PEER_OWNERS_MAX && poc_is_descendant(pid, peer->pid))
		return pid;
	atomic_fetch_add(&poc->refused, 1);
	if (!poc->said_pid)
		say("process %d reports as process %d, to the old protocol's socket: it is recorded as what it is",
		    (int)peer->pid, (int)pid);
	poc->said_pid = true;
	return peer->pid;
}

static struct poc_owner *owner_of(struct poc *poc, struct poc_peer *peer, int32_t pid)
{
	struct poc_owner *owner = peer->owner;

	if (owner && peer->said_pid == pid)
		return owner;
	if (owner && !pid && !peer->pid)
		return owner; /* nobody says otherwise */
	peer->said_pid = pid;
	pid = (int32_t)whose(poc, peer, pid);
	for (uint32_t i = 0; i < peer->owner_count; i++)
		if (peer->owners[i]->pid == pid)
			return peer->owner = peer->owners[i];
	owner = poc_owner_find(&poc->owners, pid, peer->pid ? NULL : peer);
	join(poc, peer, owner);
	return peer->owner = owner;
}

static void note_odd(struct poc *poc, const struct poc_owner *owner, const struct poc_message *message)
{
	if (!poc->said_odd)
		say("process %d names buffer type %u on device %d, which the old protocol does not have: it is "
		    "recorded "
		    "as it is, and in no answer",
		    (int)owner->pid, message->buffer_type, message->device);
	poc->said_odd = true;
}

void poc_report(struct poc *poc, struct poc_peer *peer, const struct poc_message *message)
{
	struct poc_owner *owner = owner_of(poc, peer, message->pid);
	struct poc_outcome outcome;

	if (owner->ended)
		return; /* a descendant that reports as the dead, whose blocks are gone */
	poc_model_take(&poc->model, &owner->holdings, message, poc->now_ns, &outcome);
	if (outcome.odd)
		note_odd(poc, owner, message);
	poc_stage_add(&poc->stage, poc->queue, owner->number, poc->now_ns, &outcome.event, message->buffer_type);
	if (poc->setup.log_events)
		poc_log_event(stdout, owner->pid, &outcome);
}

void poc_report_loss(struct poc *poc, struct poc_peer *peer)
{
	for (uint32_t i = 0; i < peer->owner_count; i++)
		if (!peer->owners[i]->ended)
			put_note(poc, peer->owners[i], POC_ITEM_LOSS);
}

/* The connection's end is the process's: its client closes it when it ends, and the kernel when it dies. */
void poc_report_gone(struct poc *poc, struct poc_peer *peer)
{
	for (uint32_t i = 0; i < peer->owner_count; i++) {
		struct poc_owner *owner = peer->owners[i];

		if (--owner->connections)
			continue;
		end_owner(poc, owner);
		poc_owner_remove(&poc->owners, owner);
	}
	free(peer->owners);
	peer->owners = NULL;
	peer->owner = NULL;
	peer->owner_count = 0;
}

void poc_report_dead(struct poc *poc, struct poc_owner *owner)
{
	epoll_ctl(poc->asking_fd, EPOLL_CTL_DEL, owner->source.fd, NULL);
	if (owner->dead || owner->ended)
		return;
	owner->dead = true;
	poc->owners.dead_count++;
}

static bool has_unread(const struct poc *poc, const struct poc_owner *owner)
{
	for (size_t i = 0; i < poc->peer_count; i++) {
		const struct poc_peer *peer = poc->peers[i];
		int bytes = 0;

		for (uint32_t j = 0; j < peer->owner_count; j++)
			if (peer->owners[j] == owner &&
			    (peer->held || ioctl(peer->source.fd, FIONREAD, &bytes) < 0 || bytes > 0))
				return true;
	}
	return false;
}

static void settle(struct poc_owner *owner, void *context)
{
	if (owner->dead && !owner->ended && !has_unread(context, owner))
		end_owner(context, owner);
}

void poc_report_settle(struct poc *poc)
{
	if (poc->owners.dead_count)
		poc_owners_each(&poc->owners, settle, poc);
}
