/* SPDX-License-Identifier: Apache-2.0
 *
 * legacy.c - the server for old clients: its thread, and the loop in which those who ask come before those who report.
 */
#include "private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "recorder/serve/clock.h"
#include "linger.h"
#include "listen.h"
#include "sql/base/machine.h"
#include "sql/base/error.h"
#include "sql/base/say.h"
#include "sql/base/memory.h"

#define EVENTS_AT_ONCE 64
#define REFUSALS_SHOWN 10
#define REFUSALS_STORED 256
#define ITEMS_PER_TURN 32
#define BRIEFLY_BYTES 4096u /* read at once while somebody may ask: some 50 messages */
#define CATCH_UP_BYTES 576u /* read from each before an answer, so that it tells what was reported before */
#define DEAD_POLL_MS 5
#define SLICE_NS 100000
#define IDLE_POLL_MS 500
#define DRAIN_NS 2000000000u /* for clients that report faster than can be read, at the end */

uint64_t legacy_now_ns(const struct legacy *legacy)
{
	uint64_t now_ns = clock_monotonic_ns();

	return now_ns > legacy->setup.start_monotonic_ns ? now_ns - legacy->setup.start_monotonic_ns : 0;
}

void legacy_refuse(struct legacy *legacy, pid_t pid, const char *why)
{
	bool last = ++legacy->lines_said == REFUSALS_SHOWN;
	struct legacy_item about = {
	    .kind = LEGACY_ITEM_REFUSED,
	    .at_ns = legacy_now_ns(legacy),
	    .pid = (uint32_t)pid,
	    .payload_bytes = strlen(why) + 1,
	};
	struct legacy_item *item;

	atomic_fetch_add(&legacy->refused, 1);
	if (legacy->lines_said <= REFUSALS_SHOWN)
		say("refused: process %d: %s%s", (int)pid, why, last ? " (no more of these are shown)" : "");
	if (legacy->lines_said > REFUSALS_STORED)
		return;
	item = legacy_item_new(&about);
	memcpy(item->payload, why, item->payload_bytes);
	legacy_queue_put(legacy->queue, item);
}

/* ---- the thread ---- */

static void take_event(struct legacy *legacy, const struct epoll_event *event, size_t most_bytes)
{
	struct legacy_source *source = event->data.ptr;

	switch (source->kind) {
	case LEGACY_SOURCE_LISTENER:
		legacy_connections_accept(legacy);
		break;
	case LEGACY_SOURCE_WAKE:
		legacy_queue_clear(source->fd);
		break;
	case LEGACY_SOURCE_CONNECTION:
		if (event->events & EPOLLOUT)
			legacy_connection_write(legacy, (struct legacy_connection *)(void *)source);
		else
			legacy_connection_read(legacy, (struct legacy_connection *)(void *)source, most_bytes);
		break;
	case LEGACY_SOURCE_OWNER:
		legacy_report_dead(legacy, (struct legacy_owner *)(void *)source);
		break;
	}
}

/* Owners go with the last of their connections: an event that names one must not be left over from before. */
static void serve_asking(struct legacy *legacy)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(legacy->asking_fd, events, EVENTS_AT_ONCE, 0);

	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < count; i++)
			if ((((struct legacy_source *)events[i].data.ptr)->kind == LEGACY_SOURCE_OWNER) == (pass == 0))
				take_event(legacy, &events[i], LEGACY_RECEIVE_BYTES);
}

static bool is_behind(const struct legacy_source *source)
{
	return source->kind == LEGACY_SOURCE_CONNECTION &&
	       ((const struct legacy_connection *)(const void *)source)->behind;
}

/* What was reported before a question belongs into its answer; where clients report faster than is read, there is no
 * before. */
static void catch_up(struct legacy *legacy)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = 0;

	if (legacy->asking_count && !legacy_queue_is_full(legacy->queue))
		count = epoll_wait(legacy->reporting_fd, events, EVENTS_AT_ONCE, 0);
	for (int i = 0; i < count; i++)
		if (!is_behind(events[i].data.ptr))
			take_event(legacy, &events[i], CATCH_UP_BYTES);
}

static bool is_asked(const struct legacy *legacy)
{
	struct pollfd asking = {.fd = legacy->asking_fd, .events = POLLIN};

	return legacy->asking_count && poll(&asking, 1, 0) > 0;
}

static void serve_reporting(struct legacy *legacy)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(legacy->reporting_fd, events, EVENTS_AT_ONCE, 0);

	for (int i = 0; i < count && !legacy_queue_is_full(legacy->queue); i++) {
		take_event(legacy, &events[i], legacy->asking_count ? BRIEFLY_BYTES : LEGACY_RECEIVE_BYTES);
		if (is_asked(legacy))
			break; /* epoll goes on with the others next time */
	}
}

static void listen_again(struct legacy *legacy)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &legacy->listener_source};

	if (legacy->listening || legacy->listener.fd < 0 || legacy_now_ns(legacy) < legacy->deaf_until_ns)
		return;
	legacy->listening = epoll_ctl(legacy->asking_fd, EPOLL_CTL_ADD, legacy->listener.fd, &event) == 0;
}

static int patience_ms(const struct legacy *legacy)
{
	if (legacy->owners.dead_count)
		return DEAD_POLL_MS;
	return legacy->listening ? -1 : IDLE_POLL_MS;
}

static void run_once(struct legacy *legacy)
{
	struct pollfd polled[] = {
	    {.fd = legacy->asking_fd, .events = POLLIN},
	    {.fd = legacy_queue_drained_fd(legacy->queue), .events = POLLIN},
	    {.fd = legacy_queue_is_full(legacy->queue) ? -1 : legacy->reporting_fd, .events = POLLIN},
	};
	int ready = poll(polled, sizeof(polled) / sizeof(*polled), patience_ms(legacy));

	if (polled[0].revents) {
		catch_up(legacy);
		serve_asking(legacy);
	}
	if (polled[1].revents)
		legacy_queue_clear(polled[1].fd);
	if (polled[2].revents)
		serve_reporting(legacy);
	if (!ready || legacy->owners.dead_count)
		legacy_report_settle(legacy);
	listen_again(legacy);
	legacy_connections_sweep(legacy);
}

/* Reads what clients have sent up to now. The queue may grow over its bound by what the sockets hold. */
static void drain(struct legacy *legacy)
{
	uint64_t end_ns = legacy_now_ns(legacy) + DRAIN_NS;
	bool more = true;

	while (more && legacy_now_ns(legacy) < end_ns) {
		more = false;
		for (size_t i = 0; i < legacy->connection_count; i++)
			more |= legacy_connection_read(legacy, legacy->connections[i], LEGACY_RECEIVE_BYTES);
		legacy_connections_sweep(legacy);
	}
	legacy_report_settle(legacy);
}

/* The processes live on, and so does what they hold: they are not said to have ended. */
static void leave_connections(struct legacy *legacy)
{
	int *fds = memory_or_die(malloc((legacy->connection_count + 1) * sizeof(*fds)));

	for (size_t i = 0; i < legacy->connection_count; i++)
		fds[i] = legacy->connections[i]->source.fd;
	if (legacy_linger_start(fds, legacy->connection_count) < 0)
		say("old clients that still run cannot be kept from noticing the end: %s", strerror(errno));
	free(fds);
	for (size_t i = 0; i < legacy->connection_count; i++) {
		close(legacy->connections[i]->source.fd);
		free(legacy->connections[i]->owners);
		free(legacy->connections[i]->held);
		free(legacy->connections[i]);
	}
	legacy->connection_count = 0;
}

/* Who asks for short slices is let in early: monitors wait for us while clients keep the processors busy. Kernels
 * before 6.12 know nothing of it, and nothing is lost by that. */
static void ask_for_short_slices(void)
{
	struct {
		uint32_t bytes, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t slice_ns, deadline_ns, period_ns;
	} wanted = {.bytes = sizeof(wanted), .nice = getpriority(PRIO_PROCESS, 0), .slice_ns = SLICE_NS};

	syscall(SYS_sched_setattr, 0, &wanted, 0);
}

static void *run(void *context)
{
	struct legacy *legacy = context;

	ask_for_short_slices();
	while (!legacy->finishing && !legacy->stopping)
		run_once(legacy);
	legacy_connections_accept(legacy); /* who came just now would find the connection closed */
	listener_close(&legacy->listener);
	if (!legacy->stopping)
		drain(legacy);
	legacy_report_finish(legacy);
	leave_connections(legacy);
	fflush(stdout);
	legacy->finished = true;
	legacy_queue_put(legacy->queue, legacy_item_new(&(struct legacy_item){.kind = LEGACY_ITEM_NOTHING}));
	return NULL;
}

/* ---- for the other thread ---- */

static int watch(struct legacy *legacy, struct legacy_source *source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	return source->fd < 0 ? -1 : epoll_ctl(legacy->asking_fd, EPOLL_CTL_ADD, source->fd, &event);
}

static int open_sources(struct legacy *legacy, struct sql_error *error)
{
	if (legacy_listen(&legacy->listener, legacy->setup.path, error) < 0)
		return -1;
	legacy->queue = legacy_queue_new();
	legacy->asking_fd = epoll_create1(EPOLL_CLOEXEC);
	legacy->reporting_fd = epoll_create1(EPOLL_CLOEXEC);
	legacy->listener_source = (struct legacy_source){.kind = LEGACY_SOURCE_LISTENER, .fd = legacy->listener.fd};
	legacy->wake = (struct legacy_source){.kind = LEGACY_SOURCE_WAKE, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (!legacy->queue || legacy->reporting_fd < 0 || watch(legacy, &legacy->listener_source) < 0 ||
	    watch(legacy, &legacy->wake) < 0)
		return sql_fail(error, "the server for old clients cannot be set up: %s", strerror(errno));
	legacy->listening = true;
	return 0;
}

static bool take(void *context, struct ingest *ingest, const struct guest_others *others)
{
	struct legacy *legacy = context;
	struct legacy_item *item = NULL;

	legacy_forwarder_settle(&legacy->forwarder, ingest, others);
	for (int i = 0; i < ITEMS_PER_TURN && ingest_has_room(ingest); i++) {
		item = legacy_queue_take(legacy->queue);
		if (!item) {
			legacy_queue_clear(legacy_queue_filled_fd(legacy->queue));
			item = legacy_queue_take(legacy->queue); /* put in between */
		}
		if (!item)
			return false;
		legacy_forward(&legacy->forwarder, ingest, item, others);
	}
	return ingest_has_room(ingest) && !legacy_queue_is_empty(legacy->queue);
}

static void wake(struct legacy *legacy)
{
	uint64_t one = 1;

	if (write(legacy->wake.fd, &one, sizeof(one)) < 0)
		return; /* it is awake */
}

static void finish(void *context)
{
	struct legacy *legacy = context;

	legacy->finishing = true;
	wake(legacy);
}

static bool is_finished(void *context)
{
	const struct legacy *legacy = context;

	return legacy->finished && legacy_queue_is_empty(legacy->queue) && !legacy->forwarder.doubtful_count;
}

static uint64_t refused(void *context)
{
	return ((const struct legacy *)context)->refused;
}

const struct guest *legacy_guest(const struct legacy *legacy)
{
	return &legacy->guest;
}

static void free_owner(struct legacy_owner *owner, void *context)
{
	struct legacy *legacy = context;

	legacy_model_release(&legacy->model, &owner->holdings);
	if (owner->source.fd >= 0)
		close(owner->source.fd);
}

static void free_owners(struct legacy *legacy)
{
	legacy_owners_each(&legacy->owners, free_owner, legacy);
	for (size_t i = 0; i < LEGACY_OWNER_BUCKETS; i++)
		for (struct legacy_owner *owner = legacy->owners.buckets[i], *next; owner; owner = next) {
			next = owner->next;
			free(owner);
		}
}

void legacy_close(struct legacy *legacy)
{
	int fds[3];

	if (!legacy)
		return;
	if (legacy->started) {
		legacy->stopping = true;
		wake(legacy);
		pthread_join(legacy->thread, NULL);
	}
	listener_close(&legacy->listener);
	free_owners(legacy);
	legacy_model_free(&legacy->model);
	legacy_queue_free(legacy->queue);
	legacy_forwarder_free(&legacy->forwarder);
	free(legacy->connections);
	fds[0] = legacy->asking_fd, fds[1] = legacy->reporting_fd, fds[2] = legacy->wake.fd;
	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(legacy);
}

int legacy_open(const struct legacy_setup *setup, struct legacy **result, struct sql_error *error)
{
	struct legacy *legacy = memory_zeroed(sizeof(*legacy));
	int failed;

	*result = NULL;
	legacy->setup = *setup;
	legacy->asking_fd = legacy->reporting_fd = legacy->wake.fd = legacy->listener.fd = -1;
	legacy_stage_init(&legacy->stage);
	if (open_sources(legacy, error) < 0) {
		legacy_close(legacy);
		return -1;
	}
	failed = pthread_create(&legacy->thread, NULL, run, legacy);
	if (failed) {
		legacy_close(legacy);
		return sql_fail(error, "a thread for old clients: %s", strerror(failed));
	}
	legacy->started = true;
	legacy->guest = (struct guest){
	    .context = legacy,
	    .event_fd = legacy_queue_filled_fd(legacy->queue),
	    .take = take,
	    .finish = finish,
	    .is_finished = is_finished,
	    .refused = refused,
	};
	*result = legacy;
	return 0;
}
