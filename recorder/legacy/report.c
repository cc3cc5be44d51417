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
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "log.h"

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
	    .count = !owner->private && poc_has_hook(owner->pid),
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

static void note_pid(struct poc *poc, const struct poc_peer *peer, int32_t said)
{
	atomic_fetch_add(&poc->refused, 1);
	if (!poc->said_pid)
		say("process %d reports as process %d to the old protocol's socket: it is recorded as what it is",
		    (int)peer->pid, (int)said);
	poc->said_pid = true;
}

/* Whose report it is that says SAID as its pid. */
static struct poc_owner *owner_of(struct poc *poc, struct poc_peer *peer, int32_t said)
{
	pid_t pid = peer->pid ? peer->pid : said;

	if (peer->owner && peer->owner_pid == peer->pid && peer->owner_said == said)
		return peer->owner;
	if (peer->owner && !pid)
		return peer->owner; /* nobody says otherwise */
	if (peer->pid && said && said != peer->pid)
		note_pid(poc, peer, said);
	peer->owner_pid = peer->pid;
	peer->owner_said = said;
	for (uint32_t i = 0; i < peer->owner_count; i++)
		if (peer->owners[i]->pid == pid)
			return peer->owner = peer->owners[i];
	if (peer->owner_count >= POC_PEER_OWNERS_MAX)
		return peer->owner;
	peer->owner = poc_owner_find(&poc->owners, pid, peer->pid ? NULL : peer);
	join(poc, peer, peer->owner);
	return peer->owner;
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
