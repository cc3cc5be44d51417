/* SPDX-License-Identifier: Apache-2.0
 *
 * server.c - the loop: descriptors, signals, time, and the way to the end.
 */
#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connections.h"
#include "processes.h"
#include "segments.h"
#include "service.h"
#include "sql/base/machine.h"
#include "sql/base/error.h"
#include "sql/base/say.h"
#include "ttalloc/wire.h"

#define NS_PER_MS 1000000ull
#define TICK_MS 50
#define SECOND_NS (1000 * NS_PER_MS)
#define STALL_NS (2000 * NS_PER_MS) /* without progress, after a signal that said to give up */
#define GRACE_NS (500 * NS_PER_MS)  /* for descendants that end with the command */
#define EVENTS_AT_ONCE 64
#define UNASKED_COMMIT_MS 200

uint64_t server_now_ns(const struct server *server)
{
	return clock_map_relative(server->setup.clock, clock_monotonic_ns());
}

int server_watch(struct server *server, struct source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, source->fd, &event);
}

void server_unwatch(struct server *server, struct source *source)
{
	epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

static int open_timer(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct itimerspec interval = {
	    .it_interval = {.tv_nsec = TICK_MS * (long)NS_PER_MS},
	    .it_value = {.tv_nsec = TICK_MS * (long)NS_PER_MS},
	};

	if (fd >= 0)
		timerfd_settime(fd, 0, &interval, NULL);
	return fd;
}

static int watch_guest(struct server *server)
{
	if (!server->setup.guest)
		return 0;
	server->guest_events = (struct source){.kind = SOURCE_GUEST, .fd = server->setup.guest->event_fd};
	return server_watch(server, &server->guest_events, EPOLLIN | EPOLLET);
}

static int open_sources(struct server *server)
{
	int ingest_fd = ingest_event_fd(server->setup.ingest);

	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->listener = (struct source){.kind = SOURCE_LISTENER, .fd = server->setup.listener->fd};
	server->signals = (struct source){.kind = SOURCE_SIGNALS};
	server->signals.fd = signalfd(-1, &server->setup.signals, SFD_CLOEXEC | SFD_NONBLOCK);
	server->timer = (struct source){.kind = SOURCE_TIMER, .fd = open_timer()};
	server->ingest_events = (struct source){.kind = SOURCE_INGEST, .fd = ingest_fd};
	if (server->epoll_fd < 0 || server->signals.fd < 0 || server->timer.fd < 0 ||
	    server_watch(server, &server->listener, EPOLLIN) < 0 ||
	    server_watch(server, &server->signals, EPOLLIN) < 0 || server_watch(server, &server->timer, EPOLLIN) < 0 ||
	    (ingest_fd >= 0 && server_watch(server, &server->ingest_events, EPOLLIN) < 0) || watch_guest(server) < 0)
		return -1;
	server->listening = true;
	return 0;
}

struct server *server_open(const struct server_setup *setup, struct sql_error *error)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server || recorded_shared_open(&server->shared, setup->clock) < 0) {
		sql_fail(error, "no memory");
		free(server);
		return NULL;
	}
	server->shared.ingest = setup->ingest;
	server->setup = *setup;
	server->epoll_fd = server->signals.fd = server->timer.fd = -1;
	if (open_sources(server) < 0) {
		sql_fail(error, "the event loop cannot be set up: %s", strerror(errno));
		server_close(server);
		return NULL;
	}
	return server;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void server_close(struct server *server)
{
	for (size_t i = 0; i < server->connection_count; i++)
		connection_drop(server, server->connections[i]);
	connections_sweep(server);
	for (size_t i = 0; i < server->process_count; i++) {
		close_fd(server->processes[i]->source.fd);
		server->processes[i]->gone = true;
	}
	processes_sweep(server);
	free(server->connections);
	free(server->processes);
	free(server->ignored);
	close_fd(server->signals.fd);
	close_fd(server->timer.fd);
	close_fd(server->epoll_fd);
	recorded_shared_close(&server->shared);
	free(server);
}

/* A signal from the terminal has reached the command as well; any other is passed on. */
static void take_signal(struct server *server, const struct signalfd_siginfo *signal)
{
	pid_t command = server->setup.command;
	int number = (int)signal->ssi_signo;

	if (number == SIGCHLD)
		return; /* the loop asks by itself */
	if (command && !server->command_ended) {
		if (signal->ssi_code != SI_KERNEL)
			kill(command, number);
		return;
	}
	if (number == SIGUSR1 || number == SIGUSR2)
		return;
	if (server->stop_wanted || command)
		server->give_up = true;
	server->stop_wanted = true;
}

static void take_signals(struct server *server)
{
	struct signalfd_siginfo signal;

	while (read(server->signals.fd, &signal, sizeof(signal)) == sizeof(signal))
		take_signal(server, &signal);
}

static void show_trouble(struct server *server)
{
	const char *trouble = ingest_trouble(server->setup.ingest);

	if (!trouble)
		trouble = "";
	if (strncmp(server->trouble, trouble, sizeof(server->trouble) - 1) == 0)
		return;
	if (*trouble)
		say("%s", trouble);
	else
		say("the recording is being written again");
	snprintf(server->trouble, sizeof(server->trouble), "%s", trouble);
}

static void store_anchors(struct server *server)
{
	struct clock_reading nodes[16];
	size_t count;

	if (!server->shared.saw_ticks)
		return;
	while ((count = clock_map_take_new(server->setup.clock, nodes, 16)))
		for (size_t i = 0; i < count; i++)
			ingest_clock_anchor(server->setup.ingest, nodes[i].ticks, nodes[i].monotonic_ns);
}

static void every_second(struct server *server)
{
	processes_scan(server);
	processes_poll(server, false);
	connections_expire(server);
	service_is_well();
	if (!server->listening && server_watch(server, &server->listener, EPOLLIN) == 0)
		server->listening = true;
}

static void look_at_silent(struct server *server)
{
	if (server->setup.watcher && !server->report.processes)
		server->setup.watcher->waiting(server->setup.watcher->context);
}

static void take_time(struct server *server)
{
	uint64_t now_ns = server_now_ns(server), expirations;
	uint64_t commit_ms = server->setup.commit_ms;
	bool due = now_ns - server->last_commit_ns >= commit_ms * NS_PER_MS;

	if (read(server->timer.fd, &expirations, sizeof(expirations)) < 0)
		return;
	store_anchors(
	    server); /* the map only grows where there are events to convert: an idle recorder writes nothing */
	if (due)
		server->last_commit_ns = now_ns;
	if (due || commit_ms < UNASKED_COMMIT_MS) /* in between the back half would commit by itself */
		ingest_tick(server->setup.ingest, now_ns, due);
	for (size_t i = 0; i < server->process_count; i++)
		if (!server->processes[i]->gone && server->processes[i]->connection)
			connection_tell_committed(server,
			                          server->processes[i]->connection); /* what could not be sent before */
	show_trouble(server);
	look_at_silent(server);
	if (now_ns - server->last_second_ns >= SECOND_NS && !server->finishing) {
		server->last_second_ns = now_ns;
		every_second(server);
	}
}

static void take_event(struct server *server, struct source *source)
{
	uint64_t ignored;

	switch (source->kind) {
	case SOURCE_LISTENER:
		connections_accept(server);
		break;
	case SOURCE_SIGNALS:
		take_signals(server);
		break;
	case SOURCE_TIMER:
		take_time(server);
		break;
	case SOURCE_INGEST:
		if (read(source->fd, &ignored, sizeof(ignored)) != sizeof(ignored))
			break;
		processes_committed(server);
		if (server->urgent) /* it may have come while the last commit was under way */
			ingest_tick(server->setup.ingest, server_now_ns(server), true);
		server->urgent = false;
		break;
	case SOURCE_CONNECTION:
		if (!((struct connection *)(void *)source)->gone)
			connection_receive(server, (struct connection *)(void *)source);
		break;
	case SOURCE_PROCESS:
		if (!((struct recorded *)(void *)source)->gone)
			processes_died(server, (struct recorded *)(void *)source);
		break;
	case SOURCE_GUEST:
		break; /* the loop takes it in, as it does with what processes have */
	}
}

static bool is_hooked(uint32_t pid, void *context)
{
	const struct server *server = context;

	for (size_t i = 0; i < server->process_count; i++) {
		const struct recorded *process = server->processes[i];

		if (recorded_header(process)->pid == pid && !process->gone &&
		    ingest_is_hooked(server->setup.ingest, recorded_ledger_id(process)))
			return true;
	}
	return false;
}

static bool take_from_guest(struct server *server)
{
	struct guest_others others = {is_hooked, server, server_now_ns(server)};
	const struct guest *guest = server->setup.guest;

	return guest && guest->take(guest->context, server->setup.ingest, &others);
}

/* One round: what happened, then what can be taken in. WAIT: for something to happen. True: more can be taken in. */
static bool run_once(struct server *server, bool wait)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(server->epoll_fd, events, EVENTS_AT_ONCE, wait ? -1 : 0);
	bool more;

	for (int i = 0; i < count; i++)
		take_event(server, events[i].data.ptr);
	more = processes_pump(server);
	more |= take_from_guest(server);
	connections_sweep(server);
	processes_sweep(server);
	return more;
}

static uint64_t count_living(const struct server *server)
{
	uint64_t living = 0;

	for (size_t i = 0; i < server->process_count; i++)
		living += !recorded_is_dead(server->processes[i]);
	return living;
}

static bool reap_command(struct server *server)
{
	pid_t command = server->setup.command;
	siginfo_t ended = {.si_pid = 0};

	if (server->command_ended || waitid(P_PID, (id_t)command, &ended, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    ended.si_pid != command)
		return server->command_ended;
	look_at_silent(server); /* the last occasion */
	server->command_ended = waitpid(command, &server->report.wait_status, WNOHANG) == command;
	return server->command_ended;
}

/* Whether the recording has come to its end, so that what is left can be brought in. */
static bool is_over(struct server *server)
{
	if (server->setup.is_enough)
		server->report.enough = server->setup.is_enough(server->setup.enough_context);
	if (server->report.enough)
		return true;
	if (!server->setup.command)
		return server->stop_wanted || (server->setup.until_all_ended && !server->process_count &&
		                               (server->report.processes || !server->setup.await_first));
	if (!reap_command(server))
		return false;
	if (!server->command_ended_ns)
		server->command_ended_ns = server_now_ns(server);
	return !count_living(server) || server_now_ns(server) - server->command_ended_ns > GRACE_NS;
}

/* Whether anything is left that was reported and is not committed. */
static uint64_t count_unwritten(const struct server *server)
{
	const struct guest *guest = server->setup.guest;
	uint64_t count = 0;

	for (size_t i = 0; i < server->process_count; i++)
		count += recorded_is_dead(server->processes[i]) || !recorded_is_settled(server->processes[i]);
	count += guest && !guest->is_finished(guest->context);
	return count;
}

/* Whoever waits for the end for more than a second is told why. */
static void show_finishing(struct server *server)
{
	struct ingest_totals totals;

	if (server_now_ns(server) - server->finishing_since_ns < SECOND_NS)
		return;
	if (*server->trouble && !server->waiting_said) {
		say("waiting until it can be written; interrupt to give up: the rest then stays in its segments for "
		    "--append");
		server->waiting_said = true;
	}
	if (*server->trouble)
		return;
	ingest_totals(server->setup.ingest, &totals);
	say_progress("writing: %llu of %llu events", (unsigned long long)totals.committed_events,
	             (unsigned long long)totals.taken_events);
	server->progress_shown = true;
}

/* Whether to end with something unwritten, which then stays in its segments. */
static bool is_futile(struct server *server)
{
	struct ingest_totals totals;
	uint64_t now_ns = server_now_ns(server);

	if (ingest_is_hopeless(server->setup.ingest))
		return true;
	if (!server->give_up)
		return false;
	ingest_totals(server->setup.ingest, &totals);
	if (totals.committed_events != server->progress_events || !server->progress_ns)
		server->progress_ns = now_ns;
	server->progress_events = totals.committed_events;
	return *server->trouble || now_ns - server->progress_ns > STALL_NS;
}

/* Brings in what is left. While the disk is full this goes on until a signal says to give up. */
static void finish(struct server *server)
{
	bool more = true;

	if (server->setup.guest)
		server->setup.guest->finish(server->setup.guest->context);
	connections_hear(server);
	processes_scan(server);
	processes_poll(server, true); /* who died just now is not among those who live on */
	for (size_t i = 0; i < server->process_count; i++)
		if (!recorded_is_dead(server->processes[i]))
			recorded_look(&server->shared, server->processes[i]);
	server->finishing = true;
	server->finishing_since_ns = server_now_ns(server);
	while (count_unwritten(server) && !is_futile(server)) {
		more = run_once(server, !more);
		if (!more)
			ingest_tick(server->setup.ingest, server_now_ns(server), true);
		show_finishing(server);
	}
	if (server->progress_shown)
		say_progress("%s", "");
}

/* What the file knows of processes that had not ended in it. */
struct leftover {
	uint32_t process;
	char path[TTA_PATH_BYTES];
};

struct leftovers {
	struct leftover *items;
	size_t count, capacity;
};

static void collect(uint32_t process, const char *segment_path, uint64_t committed_number, void *context)
{
	struct leftovers *all = context;

	(void)committed_number; /* processes_take() asks for it */
	if (all->count == all->capacity) {
		size_t capacity = all->capacity ? all->capacity * 2 : 64;
		struct leftover *items = realloc(all->items, capacity * sizeof(*items));

		if (!items)
			return;
		all->items = items;
		all->capacity = capacity;
	}
	all->items[all->count].process = process;
	snprintf(all->items[all->count++].path, TTA_PATH_BYTES, "%s", segment_path);
}

/* A process whose segment cannot be read any more: what it had not committed is lost, and nobody can say how much that
 * was. A recording that had ended had all of it; the process just went on living for a while. */
static void write_off(struct server *server, const struct leftover *gone, const char *why)
{
	struct ingest_loss loss = {.why = why};

	if (server->setup.recording->clean)
		return;
	ingest_loss(server->setup.ingest, gone->process, &loss, (struct ingest_table){0});
	ingest_process_ended(server->setup.ingest, gone->process, 0, "process exit");
}

/* The clocks of a recording run from one start of the machine to the next. */
static int check_boot(struct server *server, struct sql_error *error)
{
	if (strcmp(server->setup.recording->boot_id, server->shared.boot_id) == 0)
		return 0;
	if (server->setup.command)
		return sql_fail(error, "this recording is from before the last boot, or from another machine: it can "
		                       "be ended (leave the command out), but not go on; make a new one");
	server->setup.until_all_ended = true;
	server->setup.await_first = false;
	return 0;
}

/* Whose segment lies at PATH, of those whose are taken in. */
static uid_t owner_of(const struct server *server, const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && users_have(server->setup.users, status.st_uid) ? status.st_uid : geteuid();
}

int server_resume(struct server *server, struct sql_error *error)
{
	struct leftovers all = {0};
	struct sql_error unreadable;

	if (check_boot(server, error) < 0)
		return -1;
	ingest_open_processes(server->setup.ingest, collect, &all);
	for (size_t i = 0; i < all.count; i++) {
		if (processes_take(server, all.items[i].path, owner_of(server, all.items[i].path), &unreadable))
			continue;
		if (access(all.items[i].path, F_OK) < 0 && errno == ENOENT)
			write_off(server, &all.items[i],
			          *all.items[i].path ? "its segment is gone" : "its recorder was killed");
		else
			write_off(server, &all.items[i], unreadable.text);
	}
	free(all.items);
	for (size_t i = 0; i < server->process_count; i++)
		processes_settle(server, server->processes[i]);
	return 0;
}

void server_run(struct server *server, struct server_report *report)
{
	bool more = false;

	segments_sweep(server->setup.users);
	processes_scan(server);
	while (!is_over(server))
		more = run_once(server, !more);
	finish(server);
	server->report.living = count_living(server);
	server->report.unwritten = count_unwritten(server);
	server->report.command_runs = server->setup.command && !reap_command(server);
	if ((server->setup.command || server->report.enough) && !server->report.unwritten)
		processes_dismiss(server);
	server->report.refused = server->shared.refused;
	if (server->setup.guest)
		server->report.refused += server->setup.guest->refused(server->setup.guest->context);
	server->report.gave_up = server->give_up;
	*report = server->report;
}
