/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - one run of the recorder: file, socket, command, server, end.
 *
 * In wrap mode the command is forked first and waits, so that its pid can be in the file's name; it is let go when all
 * the rest stands. Whatever fails before that is status 125, and the command has not run.
 */
#include "session.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "recorder/serve/clock.h"
#include "command.h"
#include "companion.h"
#include "recorder/ledger/ingest.h"
#include "recorder/legacy/legacy.h"
#include "recorder/serve/segments.h"
#include "recorder/serve/service.h"
#include "recorder/serve/server.h"
#include "recorder/serve/listener.h"
#include "files.h"
#include "output.h"
#include "sql/symbols/symbolize.h"
#include "summary.h"
#include "ttalloc/paths.h"
#include "witness.h"
#include "sql/base/machine.h"
#include "sql/base/error.h"
#include "sql/base/say.h"

#define CALIBRATION_NS 2000000
#define PROGRESS_AFTER_NS 500000000u
#define DESCRIPTORS_WANTED 16384
#define SHIPPING_PATIENCE_MS 10000
#define MOST_SUMMED_UP_BYTES (256u << 20) /* of several files, which are put together for the summary */

struct session {
	const struct recorder_options *options;
	struct command command;
	struct environment environment;
	struct witness witness;
	struct output output;
	struct files files;
	struct ingest_files ingest_files;
	uint32_t first_number; /* of the file that is recorded into first */
	char pattern[PATH_MAX];
	uint32_t files_seen;
	uint64_t since_ns;
	struct job job;
	char shown_path[PATH_MAX]; /* as the user would write it */
	char present_path[PATH_MAX];
	char socket_path[PATH_MAX];
	struct listener listener;
	struct ingest *ingest;
	struct ingest_recording recording;
	struct clock_map *clock;
	struct clock_reading first_reading; /* so early that the clocks are compared over some time without waiting */
	struct devices *devices;            /* for old monitors; NULL: there are none */
	struct ingest_observer observer;
	sigset_t signals, signals_before;
	struct companion watch, serve, metrics, ship;
	struct server_report report;
	struct ingest_totals totals;
	uint64_t closing_since_ns;
	bool progress_shown;
	bool has_files;
	bool is_elsewhere; /* the file lost its name, and what has it now may be somebody else's */
};

/* Set by a signal while the end is being written. */
static volatile int give_up;

static void set_give_up(int number)
{
	(void)number;
	give_up = 1;
}

/* Blocks what the server reads from a descriptor, before any thread is made. */
static void block_signals(struct session *session)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD};
	sigset_t blocked;

	sigemptyset(&session->signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaddset(&session->signals, numbers[i]);
	blocked = session->signals;
	sigaddset(&blocked, SIGPIPE); /* who reads our messages may go */
	sigaddset(&blocked, SIGXFSZ); /* a file that must not grow is like a full disk */
	sigprocmask(SIG_BLOCK, &blocked, &session->signals_before);
}

/* From here on INT and TERM mean: do not wait for the disk any longer. */
static void let_signals_give_up(void)
{
	struct sigaction action = {.sa_handler = set_give_up};
	sigset_t numbers;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&numbers);
	sigaddset(&numbers, SIGINT);
	sigaddset(&numbers, SIGTERM);
	pthread_sigmask(SIG_UNBLOCK, &numbers, NULL);
}

/* Each client takes three descriptors. After the fork: the command keeps its own limit. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int prepare_command(struct session *session, struct sql_error *error)
{
	const struct recorder_options *options = session->options;
	int status;

	if (!options->command)
		return 0;
	status = command_look_up(options->command, error);
	if (status)
		return status;
	if (environment_find(&session->environment, options, error) < 0 ||
	    command_fork(&session->command, options->command, &session->environment, &session->signals_before, error) <
	        0)
		return STATUS_NOT_STARTED;
	return 0;
}

/* A name that is taken now would be left out later. */
static int check_next_name(const struct session *session, struct sql_error *error)
{
	const struct recorder_options *options = session->options;
	char next[PATH_MAX];

	files_name(session->pattern, session->first_number + 1, next);
	if (!options->limit_options.rotate || options->append || options->force || access(next, F_OK) < 0)
		return 0;
	return sql_fail(
	    error, "%s: exists, and is a name that --rotate is to use; --force overwrites it, -o names another", next);
}

static int prepare_output(struct session *session, struct sql_error *error)
{
	const struct recorder_options *options = session->options;
	pid_t pid = options->command ? session->command.pid : getpid();
	char host[256] = "localhost", *path = session->shown_path;
	const struct output_words words = {pid, host, time(NULL), &session->job};

	gethostname(host, sizeof(host) - 1);
	job_find(&session->job);
	if (!options->output)
		output_default_name(options->command ? options->command[0] : NULL, pid, path, PATH_MAX);
	else if (output_expand(options->output, &words, path, PATH_MAX, error) < 0)
		return -1;
	if (files_pattern(strcpy(session->pattern, path), error) < 0)
		return -1;
	files_name(session->pattern, 0, path);
	if (options->append)
		session->first_number = files_last(session->pattern, path);
	if (check_next_name(session, error) < 0 ||
	    output_prepare(&session->output, path, options->append, options->force, error) < 0)
		return -1;
	files_begin(&session->files, &options->limits, session->pattern, &session->output, session->first_number,
	            options->force);
	session->ingest_files = files_for_ingest(&session->files);
	session->has_files = true;
	return 0;
}

/* A recording that goes on serves its own socket: there its processes look for it. */
static int choose_socket(struct session *session, struct sql_error *error)
{
	const struct recorder_options *options = session->options;
	char given[PATH_MAX] = "";

	if (options->socket && options->socket[0] != '/') {
		if (!realpath(".", given))
			return sql_fail(error, "the current directory: %s", strerror(errno));
		strncat(given, "/", sizeof(given) - strlen(given) - 1);
	}
	if (options->socket)
		strncat(given, options->socket, sizeof(given) - strlen(given) - 1);
	if (options->append) {
		snprintf(session->socket_path, sizeof(session->socket_path), "%s", session->recording.socket);
		if (!options->socket || strcmp(given, session->recording.socket) == 0)
			return 0;
		return sql_fail(error, "this recording's processes report to %s: leave --socket out",
		                session->recording.socket);
	}
	if (options->socket)
		snprintf(session->socket_path, sizeof(session->socket_path), "%s", given);
	else if (options->command)
		return listener_private_path(session->socket_path, error);
	else
		tta_default_socket(session->socket_path, sizeof(session->socket_path));
	return 0;
}

static char *join_command(char **arguments)
{
	size_t bytes = 1;
	char *joined;

	for (char **word = arguments; *word; word++)
		bytes += strlen(*word) + 1;
	joined = calloc(1, bytes);
	for (char **word = arguments; joined && *word; word++) {
		strcat(joined, *word);
		if (word[1])
			strcat(joined, " ");
	}
	return joined;
}

static int open_ingest(struct session *session, struct sql_error *error)
{
	const struct recorder_options *options = session->options;
	char *command = options->command ? join_command(options->command) : NULL;
	struct sql_error failed;
	struct ingest_options wanted = {
	    .path = session->output.path,
	    .append = options->append,
	    .command = command,
	    .socket = session->socket_path,
	    .job = session->job.name,
	    .rank = session->job.rank,
	    .ranks = session->job.ranks,
	    .start_monotonic_ns = clock_monotonic_ns(),
	    .observer = session->devices ? &session->observer : NULL,
	    .files = session->ingest_files.most_bytes || session->ingest_files.most_ns ? &session->ingest_files : NULL,
	    .devices = options->devices,
	};
	int result;

	/* what waits for this recorder already is part of the recording */
	if (!options->append)
		wanted.start_monotonic_ns =
		    segments_earliest_ns(session->socket_path, &options->users, wanted.start_monotonic_ns);
	result = ingest_open(&wanted, &session->ingest, &session->recording, &failed);
	free(command);
	return result < 0 ? sql_fail(error, "%s", failed.text) : 0;
}

/* Binds the chosen socket, or takes the one that the service was started with, which must be it. */
static int open_socket(struct session *session, struct sql_error *error)
{
	bool is_chosen = session->options->socket || session->options->append;
	char path[LISTENER_PATH_BYTES];
	int fd = session->options->command ? -1 : service_socket(path, error);

	if (fd == -2)
		return -1;
	if (fd < 0)
		return listener_open(&session->listener, session->socket_path,
		                     users_have_others(&session->options->users), error);
	if (is_chosen && strcmp(path, session->socket_path) != 0)
		return sql_fail(error, "started with the socket %s, where %s was chosen", path, session->socket_path);
	strcpy(session->socket_path, path);
	return listener_adopt(&session->listener, fd, path, error);
}

/* Without a socket nothing is made; a recording that goes on has to be read to know its socket. */
static int open_file_and_socket(struct session *session, struct sql_error *error)
{
	if (session->options->append) {
		if (open_ingest(session, error) < 0 || choose_socket(session, error) < 0 ||
		    open_socket(session, error) < 0)
			return -1;
	} else if (choose_socket(session, error) < 0 || open_socket(session, error) < 0 ||
	           open_ingest(session, error) < 0) {
		return -1;
	}
	return listener_begin(&session->listener, error);
}

static int open_clock(struct session *session, struct sql_error *error)
{
	uint64_t(*anchors)[2], since_ns;
	size_t count = 1024, found = 0;

	session->clock = clock_map_new(session->recording.start_monotonic_ns);
	if (!session->clock)
		return sql_fail(error, "no memory");
	do {
		count *= 2;
		anchors = calloc(count, sizeof(*anchors));
		if (!anchors)
			return sql_fail(error, "no memory");
		found = ingest_clock_anchors(session->ingest, anchors, count);
		for (size_t i = 0; found < count && i < found; i++)
			clock_map_restore(session->clock, (struct clock_reading){anchors[i][0], anchors[i][1]});
		free(anchors);
	} while (found >= count);
	clock_map_advance(session->clock, session->first_reading);
	since_ns = clock_monotonic_ns() - session->first_reading.monotonic_ns;
	if (since_ns < CALIBRATION_NS)
		nanosleep(&(struct timespec){.tv_nsec = (long)(CALIBRATION_NS - since_ns)}, NULL);
	clock_map_advance(session->clock, clock_read());
	return 0;
}

/* Short ends are not worth a line. */
static void show_progress(double fraction, void *context)
{
	struct session *session = context;
	uint64_t now_ns = clock_monotonic_ns();

	if (!session->closing_since_ns)
		session->closing_since_ns = now_ns;
	if (now_ns - session->closing_since_ns < PROGRESS_AFTER_NS)
		return;
	session->progress_shown = true;
	say_progress("writing: %d %%", (int)(fraction * 100));
}

/* Ends the file. 0, or -1 when something is not in it. */
static int close_ingest(struct session *session, struct sql_error *error)
{
	struct sql_error failed;
	int result;

	if (!session->ingest)
		return 0;
	let_signals_give_up();
	if (session->report.gave_up)
		give_up = 1;
	ingest_totals(session->ingest, &session->totals);
	result = ingest_close(session->ingest, session->report.enough ? session->report.enough : "clean", show_progress,
	                      session, &give_up, &failed);
	if (session->progress_shown)
		say_progress("%s", "");
	session->ingest = NULL;
	session->is_elsewhere = result == 0 && failed.text[0];
	if (session->is_elsewhere)
		say("%s", failed.text);
	return result < 0 ? sql_fail(error, "%s", failed.text) : 0;
}

static int not_started(const struct session *session)
{
	return session->options->command ? STATUS_NOT_STARTED : STATUS_USAGE;
}

/* NULL in *LEGACY: not asked for. */
static int open_legacy(const struct session *session, struct legacy **legacy, struct sql_error *error)
{
	struct legacy_setup setup = {
	    .path = session->options->legacy_socket,
	    .log_events = session->options->log_events,
	    .start_monotonic_ns = session->recording.start_monotonic_ns,
	    .devices = session->devices,
	};

	*legacy = NULL;
	return setup.path ? legacy_open(&setup, legacy, error) : 0;
}

static void see_joined(void *context, pid_t pid)
{
	witness_joined(&((struct session *)context)->witness, pid);
}

static void see_waiting(void *context)
{
	witness_waiting(&((struct session *)context)->witness);
}

static void start_metrics(struct session *session)
{
	const struct recorder_options *options = session->options;
	const char *arguments[8] = {"metrics", "--db", session->present_path};
	size_t count = 3;

	if (options->metrics) {
		arguments[count++] = "--listen";
		arguments[count++] = options->metrics;
	}
	if (options->metrics_file) {
		arguments[count++] = "--output";
		arguments[count++] = options->metrics_file;
	}
	companion_start(&session->metrics, options->metrics ? "--metrics" : "--metrics-file", arguments,
	                &session->signals_before);
	if (session->metrics.pid && options->metrics && !options->quiet)
		say("metrics at %s", session->metrics.word);
}

static void start_companions(struct session *session)
{
	const struct recorder_options *options = session->options;

	if (options->metrics || options->metrics_file)
		start_metrics(session);
	if (options->serve)
		companion_start(&session->serve, "--serve",
		                (const char *[]){"serve", "--db", session->present_path, NULL},
		                &session->signals_before);
	if (session->serve.pid)
		say("the page is at %s", session->serve.word);
	if (options->watch)
		companion_start(&session->watch, "--watch",
		                (const char *[]){"watch", "--above", "--db", session->present_path, NULL},
		                &session->signals_before);
}

/* It goes on by itself where the recording goes on in another file. */
static void start_shipping(struct session *session)
{
	if (session->options->ship)
		companion_start(&session->ship, "--ship",
		                (const char *[]){"export", "--to", "clickhouse", "--follow", "--url",
		                                 session->options->ship, "--db", session->present_path, NULL},
		                &session->signals_before);
}

/* All is in the file by now, which keeps what did not go over. */
static void finish_shipping(struct session *session)
{
	if (!companion_finish(&session->ship, SHIPPING_PATIENCE_MS))
		say("--ship: the server takes too long; what it lacks: ttalloc-analyze export --to clickhouse --url "
		    "URL %s",
		    session->shown_path);
}

static void stop_companions(struct session *session)
{
	companion_stop(&session->watch);
	companion_stop(&session->serve);
	companion_stop(&session->metrics);
}

/* They read one file; where the recording has gone on in another, others are to read that. */
static void follow_files(struct session *session)
{
	uint32_t begun = files_begun(&session->files);

	if (begun == session->files_seen)
		return;
	session->files_seen = begun;
	files_present(&session->files, session->present_path);
	stop_companions(session);
	start_companions(session);
}

/* Whether as much is recorded as is wanted. */
static const char *is_enough(void *context)
{
	struct session *session = context;
	const struct limits *limits = &session->options->limits;

	follow_files(session);
	if (limits->duration_ns && clock_monotonic_ns() - session->since_ns >= limits->duration_ns)
		return "duration";
	if (limits->most_bytes && !limits->keep_files &&
	    files_older_bytes(&session->files) + ingest_file_bytes(session->ingest) >= limits->most_bytes)
		return "max-size";
	return NULL;
}

static struct server_setup setup_of(struct session *session, const struct server_watcher *watcher,
                                    const struct guest *guest)
{
	const struct recorder_options *options = session->options;

	return (struct server_setup){
	    .commit_ms = (unsigned)strtoul(options->commit_ms, NULL, 10),
	    .verbose = options->verbose,
	    .recording = &session->recording,
	    .ingest = session->ingest,
	    .clock = session->clock,
	    .listener = &session->listener,
	    .users = &options->users,
	    .command = options->command ? session->command.pid : 0,
	    .watcher = options->command ? watcher : NULL,
	    .guest = guest,
	    .signals = session->signals,
	    .is_enough = is_enough,
	    .enough_context = session,
	    .until_all_ended = options->wait || (options->append && listener_is_private(session->socket_path)),
	    .await_first = options->wait,
	};
}

/* Begins all that a recording consists of, and serves until its end. 0, or what to exit with and ERROR. */
static int serve(struct session *session, struct server *server, struct sql_error *error)
{
	const struct recorder_options *options = session->options;
	int status = 0;

	if (options->append && server_resume(server, error) < 0)
		return not_started(session);
	files_present(&session->files, session->present_path);
	start_companions(session);
	start_shipping(session);
	if (options->command)
		status = command_start(&session->command, session->socket_path, session->output.path, error);
	session->since_ns = clock_monotonic_ns();
	if (status)
		return status;
	service_tell("READY=1");
	if (options->wait && !options->quiet)
		say("recording what reports to %s, until all of it has ended", session->socket_path);
	server_run(server, &session->report);
	service_tell("STOPPING=1");
	return 0;
}

/* Records. 0, or the status to end with and ERROR: the command did not run then. */
static int record(struct session *session, struct sql_error *error)
{
	const struct server_watcher watcher = {see_joined, see_waiting, session};
	struct server_setup setup;
	struct legacy *legacy;
	struct server *server;
	int status;

	session->witness = (struct witness){
	    .environment = &session->environment,
	    .socket_path = session->socket_path,
	    .command = session->command.pid,
	};
	if (open_legacy(session, &legacy, error) < 0)
		return not_started(session);
	setup = setup_of(session, &watcher, legacy ? legacy_guest(legacy) : NULL);
	server = server_open(&setup, error);
	status = server ? serve(session, server, error) : not_started(session);
	if (server)
		server_close(server);
	legacy_close(legacy);
	return status;
}

static int start(struct session *session, struct sql_error *error)
{
	int status;

	session->first_reading = clock_read();
	status = prepare_command(session, error);
	if (status)
		return status;
	raise_descriptor_limit();
	if (prepare_output(session, error) < 0 || open_file_and_socket(session, error) < 0 ||
	    open_clock(session, error) < 0)
		return not_started(session);
	return record(session, error);
}

/* A signal stops it: the rest can be looked up at any time. */
static bool show_lookup(void *context, size_t done, size_t total)
{
	(void)context;
	if (total)
		say_progress("looking up functions: %zu of %zu", done, total);
	return !give_up;
}

/* Finds the functions of the call stacks, while their programs are as they were. All is in the file by now, and told:
 * nobody loses anything by it. */
static void look_up_functions_of(const char *path)
{
	const struct symbolize_options options = {.progress = show_lookup};
	struct symbolize_totals totals;
	struct sql_error error;

	if (!give_up && symbolize(path, &options, &totals, &error) < 0)
		say("%s; the functions of its call stacks were not looked up", error.text);
}

/* Of all files, each of which is complete in itself. */
static void look_up_functions(struct session *session)
{
	const struct files *files = &session->files;

	if (session->options->no_symbols || session->is_elsewhere || give_up)
		return;
	look_up_functions_of(session->output.path);
	for (size_t i = 0; session->has_files && i < files->older_count; i++)
		look_up_functions_of(files->older[i].path);
	say_progress("%s", "");
	if (give_up)
		say("not all functions were looked up; 'ttalloc-analyze symbolize %s' goes on", session->shown_path);
}

/* Of the last file, as the user would write it. */
static const char *last_path(struct session *session)
{
	if (session->has_files)
		files_name(session->pattern, session->files.number, session->shown_path);
	return session->shown_path;
}

static void show_end(struct session *session, const char *unwritten)
{
	char *all = session->has_files && session->report.processes && !session->options->quiet
	                ? files_as_one(&session->files, MOST_SUMMED_UP_BYTES)
	                : NULL;
	struct summary summary = {
	    .path = last_path(session),
	    .all = all,
	    .totals = &session->totals,
	    .report = &session->report,
	    .witness = &session->witness,
	    .wrapped = session->options->command != NULL,
	    .host_malloc = session->options->host_malloc,
	    .resume = unwritten,
	    .enough = session->report.enough,
	    .files = session->has_files ? files_begun(&session->files) : 0,
	};

	if (!session->options->quiet)
		summary_print(&summary);
	free(all);
	for (size_t i = 0; session->options->quiet && i < session->witness.lacking_count; i++)
		say("%s", session->witness.lacking[i]);
	if (unwritten)
		say("%s: not all could be written (%s); the rest is kept: go on with ttalloc-recorder --append -o %s",
		    session->shown_path, unwritten, session->shown_path);
}

/* Takes everything down, in the reverse order. RAN: there is something to tell. Returns whether all is in the file. */
static bool end(struct session *session, bool ran)
{
	struct sql_error error;
	bool complete;

	companion_stop(&session->watch); /* what is said from here on has the whole terminal */
	complete = close_ingest(session, &error) == 0;
	companion_stop(&session->serve);
	companion_stop(&session->metrics); /* which sees the end */

	if (complete && session->report.unwritten) {
		sql_fail(&error, "some of it is still in the segments");
		complete = false;
	}
	listener_close(&session->listener);
	if (complete || !ran)
		listener_remove_private(session->socket_path);
	clock_map_free(session->clock);
	devices_free(session->devices);
	if (ran)
		show_end(session, complete ? NULL : error.text);
	if (ran && complete)
		look_up_functions(session);
	finish_shipping(session);
	if (session->has_files)
		files_end(&session->files);
	output_release(&session->output, !ran);
	environment_free(&session->environment);
	return complete;
}

int session_run(const struct recorder_options *options)
{
	struct session session = {
	    .options = options,
	    .command = {.pid = -1, .gate_fd = -1, .error_fd = -1},
	    .output = {.lock_fd = -1},
	    .listener = {.fd = -1},
	};
	struct sql_error error;
	bool complete;
	int status;

	if (options->legacy_socket) {
		session.devices = devices_new();
		session.observer = devices_observer(session.devices);
	}
	block_signals(&session);
	status = start(&session, &error);
	if (status) {
		say("%s", error.text);
		command_cancel(&session.command);
	}
	complete = end(&session, status == 0);
	if (status)
		return status;
	if (session.report.command_runs)
		session.report.wait_status = command_await(&session.command, &session.signals);
	return options->command ? command_status(session.report.wait_status) : !complete;
}
