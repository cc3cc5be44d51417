/* SPDX-License-Identifier: Apache-2.0
 *
 * legacy.c - the server for old clients: its thread, and the loop in which those who ask come before those who report.
 */
#include "private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "recorder/serve/clock.h"
#include "linger.h"
#include "listen.h"

#define EVENTS_AT_ONCE 64
#define REFUSALS_SHOWN 10
#define ITEMS_PER_TURN 32
#define BRIEFLY_BYTES 4096u /* read at once while somebody may ask: some 50 messages */
#define CATCH_UP_BYTES 576u /* read from each before an answer, so that it tells what was reported before */
#define DEAD_POLL_MS 5
#define SLICE_NS 100000
#define IDLE_POLL_MS 500
#define DRAIN_NS 2000000000u /* for clients that report faster than can be read, at the end */

uint64_t poc_now_ns(const struct poc *poc)
{
	uint64_t now_ns = clock_monotonic_ns();

	return now_ns > poc->setup.start_monotonic_ns ? now_ns - poc->setup.start_monotonic_ns : 0;
}

void poc_refuse(struct poc *poc, const char *why)
{
	atomic_fetch_add(&poc->refused, 1);
	if (++poc->lines_said <= REFUSALS_SHOWN)
		say("refused: %s%s", why, poc->lines_said == REFUSALS_SHOWN ? " (no more of these are shown)" : "");
}

/* ---- the thread ---- */

static void take_event(struct poc *poc, const struct epoll_event *event, size_t most_bytes)
{
	struct poc_source *source = event->data.ptr;

	switch (source->kind) {
	case POC_SOURCE_LISTENER:
		poc_peers_accept(poc);
		break;
	case POC_SOURCE_WAKE:
		poc_queue_clear(source->fd);
		break;
	case POC_SOURCE_PEER:
		if (event->events & EPOLLOUT)
			poc_peer_write(poc, (struct poc_peer *)(void *)source);
		else
			poc_peer_read(poc, (struct poc_peer *)(void *)source, most_bytes);
		break;
	case POC_SOURCE_OWNER:
		poc_report_dead(poc, (struct poc_owner *)(void *)source);
		break;
	}
}

/* Owners go with the last of their connections: an event that names one must not be left over from before. */
static void serve_asking(struct poc *poc)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(poc->asking_fd, events, EVENTS_AT_ONCE, 0);

	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < count; i++)
			if ((((struct poc_source *)events[i].data.ptr)->kind == POC_SOURCE_OWNER) == (pass == 0))
				take_event(poc, &events[i], POC_RECEIVE_BYTES);
}

static bool is_behind(const struct poc_source *source)
{
	return source->kind == POC_SOURCE_PEER && ((const struct poc_peer *)(const void *)source)->behind;
}

/* What was reported before a question belongs into its answer; where clients report faster than is read, there is no
 * before. */
static void catch_up(struct poc *poc)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = 0;

	if (poc->asking_count && !poc_queue_is_full(poc->queue))
		count = epoll_wait(poc->reporting_fd, events, EVENTS_AT_ONCE, 0);
	for (int i = 0; i < count; i++)
		if (!is_behind(events[i].data.ptr))
			take_event(poc, &events[i], CATCH_UP_BYTES);
}

static bool is_asked(const struct poc *poc)
{
	struct pollfd asking = {.fd = poc->asking_fd, .events = POLLIN};

	return poc->asking_count && poll(&asking, 1, 0) > 0;
}

static void serve_reporting(struct poc *poc)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(poc->reporting_fd, events, EVENTS_AT_ONCE, 0);

	for (int i = 0; i < count && !poc_queue_is_full(poc->queue); i++) {
		take_event(poc, &events[i], poc->asking_count ? BRIEFLY_BYTES : POC_RECEIVE_BYTES);
		if (is_asked(poc))
			break; /* epoll goes on with the others next time */
	}
}

static void listen_again(struct poc *poc)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &poc->listener_source};

	if (poc->listening || poc->listener.fd < 0 || poc_now_ns(poc) < poc->deaf_until_ns)
		return;
	poc->listening = epoll_ctl(poc->asking_fd, EPOLL_CTL_ADD, poc->listener.fd, &event) == 0;
}

static int patience_ms(const struct poc *poc)
{
	if (poc->owners.dead_count)
		return DEAD_POLL_MS;
	return poc->listening ? -1 : IDLE_POLL_MS;
}

static void run_once(struct poc *poc)
{
	struct pollfd polled[] = {
	    {.fd = poc->asking_fd, .events = POLLIN},
	    {.fd = poc_queue_drained_fd(poc->queue), .events = POLLIN},
	    {.fd = poc_queue_is_full(poc->queue) ? -1 : poc->reporting_fd, .events = POLLIN},
	};
	int ready = poll(polled, sizeof(polled) / sizeof(*polled), patience_ms(poc));

	if (polled[0].revents) {
		catch_up(poc);
		serve_asking(poc);
	}
	if (polled[1].revents)
		poc_queue_clear(polled[1].fd);
	if (polled[2].revents)
		serve_reporting(poc);
	if (!ready || poc->owners.dead_count)
		poc_report_settle(poc);
	listen_again(poc);
	poc_peers_sweep(poc);
}

/* Reads what clients have sent up to now. The queue may grow over its bound by what the sockets hold. */
static void drain(struct poc *poc)
{
	uint64_t end_ns = poc_now_ns(poc) + DRAIN_NS;
	bool more = true;

	while (more && poc_now_ns(poc) < end_ns) {
		more = false;
		for (size_t i = 0; i < poc->peer_count; i++)
			more |= poc_peer_read(poc, poc->peers[i], POC_RECEIVE_BYTES);
		poc_peers_sweep(poc);
	}
	poc_report_settle(poc);
}

/* The processes live on, and so does what they hold: they are not said to have ended. */
static void leave_connections(struct poc *poc)
{
	int *fds = memory_or_die(malloc((poc->peer_count + 1) * sizeof(*fds)));

	for (size_t i = 0; i < poc->peer_count; i++)
		fds[i] = poc->peers[i]->source.fd;
	if (poc_linger_start(fds, poc->peer_count) < 0)
		say("old clients that still run cannot be kept from noticing the end: %s", strerror(errno));
	free(fds);
	for (size_t i = 0; i < poc->peer_count; i++) {
		close(poc->peers[i]->source.fd);
		free(poc->peers[i]->owners);
		free(poc->peers[i]->held);
		free(poc->peers[i]);
	}
	poc->peer_count = 0;
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
	struct poc *poc = context;

	ask_for_short_slices();
	while (!poc->finishing && !poc->stopping)
		run_once(poc);
	poc_peers_accept(poc); /* who came just now would find the connection closed */
	listener_close(&poc->listener);
	if (!poc->stopping)
		drain(poc);
	leave_connections(poc);
	fflush(stdout);
	poc->finished = true;
	poc_queue_put(poc->queue, poc_item_new(&(struct poc_item){.kind = POC_ITEM_NOTHING}));
	return NULL;
}

/* ---- for the other thread ---- */

static int watch(struct poc *poc, struct poc_source *source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	return source->fd < 0 ? -1 : epoll_ctl(poc->asking_fd, EPOLL_CTL_ADD, source->fd, &event);
}

static int open_sources(struct poc *poc, struct front_error *error)
{
	if (poc_listen(&poc->listener, poc->setup.path, error) < 0)
		return -1;
	poc->queue = poc_queue_new();
	poc->asking_fd = epoll_create1(EPOLL_CLOEXEC);
	poc->reporting_fd = epoll_create1(EPOLL_CLOEXEC);
	poc->listener_source = (struct poc_source){.kind = POC_SOURCE_LISTENER, .fd = poc->listener.fd};
	poc->wake = (struct poc_source){.kind = POC_SOURCE_WAKE, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (!poc->queue || poc->reporting_fd < 0 || watch(poc, &poc->listener_source) < 0 || watch(poc, &poc->wake) < 0)
		return front_fail(error, "the server for old clients cannot be set up: %s", strerror(errno));
	poc->listening = true;
	return 0;
}

int poc_open(const struct poc_setup *setup, struct poc **result, struct front_error *error)
{
	struct poc *poc = memory_zeroed(sizeof(*poc));
	int failed;

	*result = NULL;
	poc->setup = *setup;
	poc->asking_fd = poc->reporting_fd = poc->wake.fd = poc->listener.fd = -1;
	poc_stage_init(&poc->stage);
	if (open_sources(poc, error) < 0) {
		poc_close(poc);
		return -1;
	}
	failed = pthread_create(&poc->thread, NULL, run, poc);
	if (failed) {
		poc_close(poc);
		return front_fail(error, "a thread for old clients: %s", strerror(failed));
	}
	poc->started = true;
	*result = poc;
	return 0;
}

int poc_event_fd(const struct poc *poc)
{
	return poc_queue_filled_fd(poc->queue);
}

bool poc_take(struct poc *poc, struct ingest *ingest, const struct poc_others *others)
{
	struct poc_item *item = NULL;

	poc_taker_settle(&poc->taker, ingest, others);
	for (int i = 0; i < ITEMS_PER_TURN && ingest_has_room(ingest); i++) {
		item = poc_queue_take(poc->queue);
		if (!item) {
			poc_queue_clear(poc_queue_filled_fd(poc->queue));
			item = poc_queue_take(poc->queue); /* put in between */
		}
		if (!item)
			return false;
		poc_taker_take(&poc->taker, ingest, item, others);
	}
	return ingest_has_room(ingest) && !poc_queue_is_empty(poc->queue);
}

static void wake(struct poc *poc)
{
	uint64_t one = 1;

	if (write(poc->wake.fd, &one, sizeof(one)) < 0)
		return; /* it is awake */
}

void poc_finish(struct poc *poc)
{
	poc->finishing = true;
	wake(poc);
}

bool poc_is_finished(const struct poc *poc)
{
	return poc->finished && poc_queue_is_empty(poc->queue) && !poc->taker.doubtful_count;
}

uint64_t poc_refused(const struct poc *poc)
{
	return poc->refused;
}

static void free_owner(struct poc_owner *owner, void *context)
{
	struct poc *poc = context;

	poc_model_release(&poc->model, &owner->holdings);
	if (owner->source.fd >= 0)
		close(owner->source.fd);
}

static void free_owners(struct poc *poc)
{
	poc_owners_each(&poc->owners, free_owner, poc);
	for (size_t i = 0; i < POC_OWNER_BUCKETS; i++)
		for (struct poc_owner *owner = poc->owners.buckets[i], *next; owner; owner = next) {
			next = owner->next;
			free(owner);
		}
}

void poc_close(struct poc *poc)
{
	int fds[3];

	if (!poc)
		return;
	if (poc->started) {
		poc->stopping = true;
		wake(poc);
		pthread_join(poc->thread, NULL);
	}
	listener_close(&poc->listener);
	free_owners(poc);
	poc_model_free(&poc->model);
	poc_queue_free(poc->queue);
	poc_taker_free(&poc->taker);
	free(poc->peers);
	fds[0] = poc->asking_fd, fds[1] = poc->reporting_fd, fds[2] = poc->wake.fd;
	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(poc);
}
