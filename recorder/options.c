/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - the command line of ttalloc-recorder.
 */
#include "options.h"
#include "recorder/legacy/legacy.h"
#include "sql/base/arguments.h"
#include "sql/base/complete.h"
#include "sql/base/error.h"
#include "ttalloc.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMIT_MS_DEFAULT "200"
#define COMMIT_MS_MAX 10000
#define MOST_STACK_FRAMES 64

/* Whether WORD, after an option whose argument may be left out, is that argument: the path of a socket, or one where a
 * socket may be made. A command is there already, and is no socket. */
static bool is_free_path(const char *word)
{
	struct stat status;

	if (!word || word[0] != '/')
		return false;
	return lstat(word, &status) == 0 ? S_ISSOCK(status.st_mode) : errno == ENOENT;
}

/* Where the table has the value kept. */
#define AT(member) .own = offsetof(struct recorder_options, member)

static const struct option rows[] = {
    {.name = "output",
     .letter = 'o',
     .placeholder = "FILE",
     .type = OPTION_FILE,
     AT(output),
     .help = "database to make; %p, %h, %t, %j, %r, %n and %% in it are the process id, the host, the time, the job "
             "and rank of a cluster, the number of the file (--rotate), and a percent sign. Default: "
             "ttalloc-COMMAND-PID.db"},
    {.name = "rotate",
     .placeholder = "SIZE|TIME",
     .type = OPTION_TEXT,
     AT(limit_options.rotate),
     .help = "go on in another file when FILE has that size (500M) or is that old (6h): FILE.1.db, FILE.2.db, ... or "
             "where %n "
             "stands in FILE. Each begins with what is live then, and answers for its own time; ttalloc-analyze takes "
             "them all, as FILE*.db, for one recording"},
    {.name = "keep",
     .placeholder = "N",
     .type = OPTION_COUNT,
     AT(limit_options.keep),
     .help = "with --rotate: keep the N latest files of this recording and remove those before"},
    {.name = "max-size",
     .placeholder = "SIZE",
     .type = OPTION_TEXT,
     AT(limit_options.max_size),
     .help = "of all files together: with --keep the oldest ones go, else the recording ends there and says so, while "
             "COMMAND goes on"},
    {.name = "duration",
     .placeholder = "TIME",
     .type = OPTION_TEXT,
     AT(limit_options.duration),
     .help = "end the recording after that time (30s, 10m, 6h, 7d), while COMMAND goes on"},
    {.name = "device",
     .placeholder = "N[,N...]",
     .type = OPTION_TEXT,
     AT(devices),
     .help = "record what lies on these devices alone; of others nothing is known then"},
    {.name = "allow-uid",
     .placeholder = "USER[,USER...]|all",
     .type = OPTION_TEXT,
     AT(allow_uid),
     .help = "as root: record processes of these users, too, by name or number, into one recording, which is root's. "
             "Their functions are not looked up"},
    {.name = "append",
     .letter = 'a',
     AT(append),
     .help = "go on with the recording in FILE: take in what its processes reported since its recorder was "
             "killed or ended, and go on while they live"},
    {.name = "wait",
     AT(wait),
     .help =
         "without COMMAND: record the programs that report to the socket already, or else the first that does, and end "
         "when none of them is left"},
    {.name = "force", .letter = 'f', AT(force), .help = "overwrite FILE if it is a ttalloc database"},
    {.name = "socket",
     .letter = 's',
     .placeholder = "PATH",
     .type = OPTION_FILE,
     AT(socket),
     .help = "socket to serve. Default: the one of $TTALLOC_SOCKET and so on (below); with COMMAND, a private one"},
    {.name = "poc-socket",
     .placeholder = "PATH",
     .otherwise = LEGACY_DEFAULT_PATH,
     .is_value = is_free_path,
     .type = OPTION_FILE,
     AT(legacy_socket),
     .help = "serve clients and monitors of the old protocol, too, on the socket that is fixed in "
             "them, " LEGACY_DEFAULT_PATH
             ", or on PATH. Those that still run at the end lose nothing by it: a process that only "
             "reads what they send stays behind until they end"},
    {.name = "log-events",
     AT(log_events),
     .help = "with --poc-socket: print a line for each of their events, as the old server did"},
    {.name = "env",
     AT(env),
     .help = "print the lines by which a shell has its programs report, preload included: eval \"$(ttalloc-recorder "
             "--env)\". --ttnn, --auto-step, --python-stacks, --stacks, --host-malloc and --no-preload count as for a "
             "COMMAND"},
    {.name = "host-malloc",
     AT(host_malloc),
     .help = "preload libttalloc-host-malloc.so into COMMAND: record the host's malloc as region HOST. Not that of "
             "a program with a sanitizer, which has one of its own: there it is only said"},
    {.name = "no-preload",
     AT(no_preload),
     .help = "leave libttalloc-tt-metal.so out of COMMAND. It records TT-Metal programs that are not patched, does "
             "nothing in others, and is preloaded where it is installed"},
    {.name = "lossless",
     AT(lossless),
     .help =
         "threads of COMMAND that are faster than the recorder wait for it, however long it takes. Without it, they "
         "wait for a second when what is kept for it is full (TTALLOC_SPOOL_MIB); then events are lost, and counted"},
    {.name = "stacks",
     .placeholder = "N",
     .otherwise = "16",
     .type = OPTION_COUNT,
     .most = MOST_STACK_FRAMES,
     AT(stacks),
     .help =
         "record the call stack of each allocation, N frames of it, 1 to 64. Default of N: 16. Functions and lines are "
         "looked up at the end"},
    {.name = "unwinder",
     .placeholder = "HOW",
     .type = OPTION_CHOICE,
     .choices = "fp|libunwind",
     AT(unwinder),
     .fallback = "fp",
     .help =
         "how call stacks are found: by frame pointers, or by libunwind, also in programs that were compiled without "
         "them, at several times the cost"},
    {.name = "ttnn",
     AT(ttnn),
     .help = "label what a Python COMMAND allocates with the ttnn operation that it is in, in slow and in fast runtime "
             "mode; nothing in the program changes"},
    {.name = "no-ops",
     AT(no_operations),
     .help = "leave out when operations of ttnn and labels begin and end, which is recorded without any option"},
    {.name = "op-arguments",
     AT(operation_arguments),
     .help = "record what operations of ttnn are called with, too, as TT-Metal writes it: making these texts costs a "
             "tenth of a small operation"},
    {.name = "auto-step",
     .placeholder = "NAME",
     .type = OPTION_TEXT,
     AT(auto_step),
     .help = "in a Python COMMAND, a step ends whenever NAME has returned: module:function or module:Class.method, an "
             "optimizer's step() for example. The first is step 0"},
    {.name = "python-stacks",
     AT(python_stacks),
     .help = "record file, function and line of the Python code that events come from: CPython 3.10 to 3.13"},
    {.name = "commit-ms",
     .placeholder = "N",
     .type = OPTION_COUNT,
     .most = COMMIT_MS_MAX,
     AT(commit_ms),
     .help = "commit at least every N milliseconds, 1 to 10000. Default: " COMMIT_MS_DEFAULT},
    {.name = "watch",
     AT(watch),
     .help = "show the recording on the upper lines of the terminal, above COMMAND's own output; for programs that "
             "print lines, not for ones that fill the screen"},
    {.name = "serve",
     AT(serve),
     .help = "serve the page of 'ttalloc-analyze serve' while it is recorded, on 127.0.0.1, and print its link"},
    {.name = "metrics",
     .placeholder = "ADDRESS:PORT",
     .type = OPTION_TEXT,
     AT(metrics),
     .help = "serve the present state to Prometheus at http://ADDRESS:PORT/metrics, as 'ttalloc-analyze metrics' does"},
    {.name = "metrics-file",
     .placeholder = "FILE",
     .type = OPTION_FILE,
     AT(metrics_file),
     .help = "keep it in FILE, for the textfile collector of node_exporter"},
    {.name = "ship",
     .placeholder = "URL",
     .type = OPTION_TEXT,
     AT(ship),
     .help =
         "send it to the ClickHouse server at http://[USER:PASSWORD@]HOST:8123/ while it is recorded, as "
         "'ttalloc-analyze "
         "export --to clickhouse --follow' does. Recording never waits for the server: the file keeps what it lacks"},
    {.name = "no-symbols",
     AT(no_symbols),
     .help = "do not look up the functions of call stacks at the end: 'ttalloc-analyze symbolize' does it later, "
             "where the programs are installed"},
    {.name = "quiet", .letter = 'q', AT(quiet), .help = "no summary at the end; errors are still shown"},
    {.name = "verbose", .letter = 'v', AT(verbose), .help = "say who joins and who leaves"},
    {.name = "help", .letter = 'h', AT(show_help), .help = "print this"},
    {.name = "version", .letter = 'V', AT(show_version), .help = "print the version"},
};
#define ROW_COUNT (sizeof(rows) / sizeof(*rows))

static const struct syntax syntax = {
    .options = {rows, ROW_COUNT}, .advice = "--help lists them", .before_command = true};

static const char *const variables[][2] = {
    {"TTALLOC_SOCKET", "socket on which programs report. Without it: $XDG_RUNTIME_DIR/ttalloc.sock, else "
                       "/tmp/ttalloc-UID/socket. Set for COMMAND"},
    {"TT_ALLOC_TRACKING_ENABLED", "1: programs report. Set for COMMAND"},
    {"TTALLOC_DB", "set for COMMAND: the recording, which ttalloc-analyze asks when none is named"},
    {"LD_PRELOAD", "set for COMMAND, see --no-preload and --host-malloc; what it held comes after"},
    {"PYTHONPATH, TTALLOC_TTNN, TTALLOC_AUTO_STEP", "set for COMMAND with --ttnn and --auto-step"},
    {"TTALLOC_STACKS, TTALLOC_UNWINDER", "set for COMMAND with --stacks and --unwinder"},
    {"TTALLOC_PYTHON_STACKS", "1 is set for COMMAND with --python-stacks"},
    {"TTALLOC_OPS", "0 is set for COMMAND with --no-ops, 3 with --op-arguments"},
    {"TTALLOC_LOSSLESS", "1 is set for COMMAND with --lossless"},
    {"ASAN_OPTIONS", "verify_asan_link_order=0 is put before what it held, so that a COMMAND with AddressSanitizer "
                     "takes the preload"},
    {"TTALLOC_SEGMENT_DIR", "directory, of the user and with mode 0700, in which programs keep what is not committed "
                            "yet. Without it: ttalloc-UID below $XDG_RUNTIME_DIR, /dev/shm or $TMPDIR"},
    {"XDG_RUNTIME_DIR, TMPDIR", "see above; the private socket of a COMMAND lies there as well, else below /tmp"},
    {NULL, NULL},
};

static const struct manual_head head = {
    .program = "ttalloc-recorder",
    .summary = "record a program's accelerator memory",
    .version = TTALLOC_VERSION,
    .usage = "ttalloc-recorder [-o FILE] [OPTION...] [--] COMMAND [ARGUMENT...]\n"
             "       ttalloc-recorder --socket PATH -o FILE\n"
             "       ttalloc-recorder --wait [--socket PATH] [-o FILE]\n"
             "       ttalloc-recorder --append -o FILE [-- COMMAND [ARGUMENT...]]\n"
             "       ttalloc-recorder --poc-socket -o FILE\n"
             "       ttalloc-recorder --env [--socket PATH] [OPTION...]",
};

static const char about_text[] =
    "With COMMAND: runs it with recording on, and ends when it ends. Descendants that still run then are recorded up "
    "to that moment. Signals are passed on. Without: serves the socket until SIGINT or SIGTERM; a second signal gives "
    "up waiting for a full disk.";

static const char *const statuses[][2] = {
    {"that of COMMAND", "and 128+n when signal n killed it"},
    {"126", "COMMAND cannot be executed"},
    {"127", "COMMAND is not found"},
    {"125", "recording could not start; COMMAND is not run then"},
    {"0", "without COMMAND: all was written"},
    {"1", "without COMMAND: not all could be written"},
    {"2", "without COMMAND: wrong usage"},
    {NULL, NULL},
};

void options_describe(const struct manual *manual)
{
	manual_begin(manual, &head);
	manual_prose(manual,
	             "Records what programs report through libttalloc into one SQLite file, for ttalloc-analyze.");
	manual_prose(manual, about_text);
	manual_options(manual, &syntax.options, 0, "Options");
	manual_section(manual, "Environment");
	manual_entries(manual, variables);
	manual_section(manual, "Exit status");
	manual_entries(manual, statuses);
	if (!manual->roff)
		return;
	manual_section(manual, "See also");
	manual_line(manual, "ttalloc-analyze(1)");
}

void options_complete(int count, char **words)
{
	complete_before_command(stdout, &syntax.options, count, words);
}

static int read_options(int argc, char **argv, struct recorder_options *options, int *next, struct sql_error *error)
{
	struct arguments arguments;
	int result = arguments_parse(&arguments, &syntax, argc, argv, error);

	for (size_t i = 0; i < arguments.setting_count; i++) {
		const struct setting *setting = &arguments.settings[i];
		char *member = (char *)options + setting->option->own;

		if (setting->option->placeholder)
			memcpy(member, &setting->text, sizeof(setting->text));
		else
			memcpy(member, &(bool){true}, sizeof(bool));
	}
	*next = arguments.next;
	if (result == 0 && *next < argc)
		options->command = &argv[*next];
	return result;
}

/* What the hook would quietly take for something else. */
static int check_stacks(const struct recorder_options *options, struct sql_error *error)
{
	const char *stacks = options->stacks, *unwinder = options->unwinder;

	if (stacks && options->command && strspn(options->command[0], "0123456789") == strlen(options->command[0]))
		return sql_fail(error, "--stacks takes its number with '=': --stacks=%s", options->command[0]);
	if (unwinder && !stacks)
		return sql_fail(error, "--unwinder says how call stacks are found: give --stacks, too");
	if (stacks && !options->command && options->mode != MODE_ENV)
		return sql_fail(error,
		                "--stacks needs a command; for programs that join by themselves set "
		                "TTALLOC_STACKS=%s (--env prints it)",
		                stacks);
	return 0;
}

static int check_devices(const char *devices, struct sql_error *error)
{
	const char *c = devices;

	for (; c && *c; c += *c == ',' && isdigit((unsigned char)c[1])) {
		if (!isdigit((unsigned char)*c))
			break;
		c += strspn(c, "0123456789");
	}
	if (c && (*c || c == devices || c - devices > 400))
		return sql_fail(error, "--device takes numbers of devices, such as 0 or 0,2, not '%s'", devices);
	return 0;
}

static int check_users(struct recorder_options *options, struct sql_error *error)
{
	if (!options->allow_uid)
		return 0;
	if (options->command)
		return sql_fail(error, "--allow-uid is for a recorder without COMMAND: others report to its --socket");
	if (geteuid() != 0)
		return sql_fail(error, "--allow-uid: what other users' programs report can be read by root alone");
	options->no_symbols = true; /* their modules may be any files, and root can read all */
	return users_read(options->allow_uid, &options->users, error);
}

/* The option that is about the program that is recorded; NULL: none was given. */
static const char *about_the_program(const struct recorder_options *options)
{
	const struct {
		bool is_given;
		const char *name;
	} of_the_program[] = {
	    {options->host_malloc, "host-malloc"},
	    {options->ttnn, "ttnn"},
	    {options->auto_step, "auto-step"},
	    {options->lossless, "lossless"},
	    {options->python_stacks, "python-stacks"},
	    {options->no_operations, "no-ops"},
	    {options->operation_arguments, "op-arguments"},
	};

	for (size_t i = 0; i < sizeof(of_the_program) / sizeof(*of_the_program); i++) {
		if (of_the_program[i].is_given)
			return of_the_program[i].name;
	}
	return NULL;
}

/* What a shell's programs can be told, too. */
static int check_program(const struct recorder_options *options, struct sql_error *error)
{
	const char *auto_step = options->auto_step;

	if (check_stacks(options, error) < 0)
		return -1;
	if (auto_step && !*auto_step)
		return sql_fail(error, "--auto-step needs a NAME: module:function or module:Class.method");
	if (auto_step && !strchr(auto_step, ':'))
		return sql_fail(error, "--auto-step takes module:function or module:Class.method, not '%s'", auto_step);
	if (options->no_operations && options->operation_arguments)
		return sql_fail(error, "--no-ops and --op-arguments exclude each other");
	return 0;
}

/* Options that need another one, or exclude one. */
static int check_pairs(const struct recorder_options *options, struct sql_error *error)
{
	const char *about_program = about_the_program(options);

	if (!options->command && !options->output && !options->socket && !options->legacy_socket && !options->wait)
		return sql_fail(error,
		                "say what to record: ttalloc-recorder [-o FILE] -- COMMAND, or --socket PATH -o FILE; "
		                "--help tells more");
	if (options->append && !options->output)
		return sql_fail(error, "--append needs the recording to go on with: -o FILE");
	if (options->append && options->force)
		return sql_fail(error, "--append and --force exclude each other");
	if (options->wait && (options->command || options->legacy_socket))
		return sql_fail(error, "--wait is for programs that have the hook in them, and excludes %s",
		                options->command ? "a command" : "--poc-socket");
	if (options->watch && !options->command)
		return sql_fail(error, "--watch needs a command; follow other recordings with ttalloc-analyze watch");
	if (about_program && !options->command)
		return sql_fail(error, "--%s needs a command, or --env for a shell", about_program);
	if (options->log_events && !options->legacy_socket)
		return sql_fail(error, "--log-events needs --poc-socket: it shows the events of old clients");
	return 0;
}

static int check_combination(struct recorder_options *options, struct sql_error *error)
{
	if (options->show_help || options->show_version) {
		options->mode = options->show_help ? MODE_HELP : MODE_VERSION;
		return 0;
	}
	if (options->env)
		options->mode = MODE_ENV;
	if (check_program(options, error) < 0)
		return -1;
	if (options->mode == MODE_ENV)
		return options->command ? sql_fail(error, "--env takes no command") : 0;
	options->mode = options->command ? MODE_WRAP : MODE_DAEMON;
	if (check_pairs(options, error) < 0 || check_users(options, error) < 0 ||
	    check_devices(options->devices, error) < 0)
		return -1;
	return limits_read(&options->limit_options, &options->limits, error);
}

int options_parse(int argc, char **argv, struct recorder_options *options, int *status, struct sql_error *error)
{
	bool failed;
	int next;

	*options = (struct recorder_options){.mode = MODE_DAEMON, .commit_ms = COMMIT_MS_DEFAULT};
	failed = read_options(argc - 1, argv + 1, options, &next, error) < 0 || check_combination(options, error) < 0;
	/* With words left over there was a command to be run: whoever started it must not take our 2 for its own. */
	*status = failed && next < argc - 1 ? STATUS_NOT_STARTED : STATUS_USAGE;
	return failed ? -1 : 0;
}
