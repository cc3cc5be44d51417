/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - the command line of ttalloc-recorder.
 */
#include "options.h"
#include "recorder/legacy/legacy.h"
#include "sql/base/error.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COMMIT_MS_DEFAULT 200
#define COMMIT_MS_MAX 10000
#define MOST_STACK_FRAMES 64

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_MODE };

struct option_row {
	const char *name;
	char letter;           /* 0: none */
	const char *argument;  /* its name in --help; NULL: takes none */
	const char *otherwise; /* what it is when left out; NULL: it may not be */
	enum option_kind kind;
	size_t offset;           /* in struct recorder_options */
	enum recorder_mode mode; /* of OPTION_MODE */
	const char *help;
};

#define AT(member) .offset = offsetof(struct recorder_options, member)

static const struct option_row rows[] = {
    {.name = "output",
     .letter = 'o',
     .argument = "FILE",
     .kind = OPTION_TEXT,
     AT(output),
     .help = "database to make; %p, %h, %t, %j, %r and %% in it are the process id, the host, the time, the job and "
             "rank of a cluster, and a percent sign. Default: ttalloc-COMMAND-PID.db"},
    {.name = "append",
     .letter = 'a',
     .kind = OPTION_FLAG,
     AT(append),
     .help = "go on with the recording in FILE: take in what its processes reported since its recorder was "
             "killed or ended, and go on while they live"},
    {.name = "force",
     .letter = 'f',
     .kind = OPTION_FLAG,
     AT(force),
     .help = "overwrite FILE if it is a ttalloc database"},
    {.name = "socket",
     .letter = 's',
     .argument = "PATH",
     .kind = OPTION_TEXT,
     AT(socket),
     .help = "socket to serve. Default: the one of $TTALLOC_SOCKET and so on (below); with COMMAND, a private one"},
    {.name = "poc-socket",
     .argument = "PATH",
     .otherwise = LEGACY_DEFAULT_PATH,
     .kind = OPTION_TEXT,
     AT(legacy_socket),
     .help = "serve clients and monitors of the old protocol, too, on the socket that is fixed in "
             "them, " LEGACY_DEFAULT_PATH
             ", or on PATH. Those that still run at the end lose nothing by it: a process that only "
             "reads what they send stays behind until they end"},
    {.name = "log-events",
     .kind = OPTION_FLAG,
     AT(log_events),
     .help = "with --poc-socket: print a line for each of their events, as the old server did"},
    {.name = "env",
     .kind = OPTION_MODE,
     .mode = MODE_ENV,
     .help = "print the lines by which a shell has its programs report, preload included: eval \"$(ttalloc-recorder "
             "--env)\". --ttnn, --auto-step, --python-stacks, --stacks, --host-malloc and --no-preload count as for a "
             "COMMAND"},
    {.name = "host-malloc",
     .kind = OPTION_FLAG,
     AT(host_malloc),
     .help = "preload libttalloc-host-malloc.so into COMMAND: record the host's malloc as region HOST. Not that of "
             "a program with a sanitizer, which has one of its own: there it is only said"},
    {.name = "no-preload",
     .kind = OPTION_FLAG,
     AT(no_preload),
     .help = "leave libttalloc-tt-metal.so out of COMMAND. It records TT-Metal programs that are not patched, does "
             "nothing in others, and is preloaded where it is installed"},
    {.name = "lossless",
     .kind = OPTION_FLAG,
     AT(lossless),
     .help =
         "threads of COMMAND that are faster than the recorder wait for it, however long it takes. Without it, they "
         "wait for a second when what is kept for it is full (TTALLOC_SPOOL_MIB); then events are lost, and counted"},
    {.name = "stacks",
     .argument = "N",
     .otherwise = "16",
     .kind = OPTION_TEXT,
     AT(stacks),
     .help =
         "record the call stack of each allocation, N frames of it, 1 to 64. Default of N: 16. Functions and lines are "
         "looked up at the end"},
    {.name = "unwinder",
     .argument = "HOW",
     .kind = OPTION_TEXT,
     AT(unwinder),
     .help = "how call stacks are found: fp, by frame pointers, the default; libunwind, also in programs that were "
             "compiled without them, at several times the cost"},
    {.name = "ttnn",
     .kind = OPTION_FLAG,
     AT(ttnn),
     .help = "label what a Python COMMAND allocates with the ttnn operation that it is in, in slow and in fast runtime "
             "mode; nothing in the program changes"},
    {.name = "no-ops",
     .kind = OPTION_FLAG,
     AT(no_operations),
     .help = "leave out when operations of ttnn and labels begin and end, which is recorded without any option"},
    {.name = "auto-step",
     .argument = "NAME",
     .kind = OPTION_TEXT,
     AT(auto_step),
     .help = "in a Python COMMAND, a step ends whenever NAME has returned: module:function or module:Class.method, an "
             "optimizer's step() for example. The first is step 0"},
    {.name = "python-stacks",
     .kind = OPTION_FLAG,
     AT(python_stacks),
     .help = "record file, function and line of the Python code that events come from: CPython 3.10 to 3.13"},
    {.name = "commit-ms",
     .argument = "N",
     .kind = OPTION_NUMBER,
     AT(commit_ms),
     .help = "commit at least every N milliseconds, 1 to 10000. Default: 200"},
    {.name = "watch",
     .kind = OPTION_FLAG,
     AT(watch),
     .help = "show the recording on the upper lines of the terminal, above COMMAND's own output; for programs that "
             "print lines, not for ones that fill the screen"},
    {.name = "serve",
     .kind = OPTION_FLAG,
     AT(serve),
     .help = "serve the page of 'ttalloc-analyze serve' while it is recorded, on 127.0.0.1, and print its link"},
    {.name = "metrics",
     .argument = "ADDRESS:PORT",
     .kind = OPTION_TEXT,
     AT(metrics),
     .help = "serve the present state to Prometheus at http://ADDRESS:PORT/metrics, as 'ttalloc-analyze metrics' does"},
    {.name = "metrics-file",
     .argument = "FILE",
     .kind = OPTION_TEXT,
     AT(metrics_file),
     .help = "keep it in FILE, for the textfile collector of node_exporter"},
    {.name = "no-symbols",
     .kind = OPTION_FLAG,
     AT(no_symbols),
     .help = "do not look up the functions of call stacks at the end: 'ttalloc-analyze symbolize' does it later, "
             "where the programs are installed"},
    {.name = "quiet",
     .letter = 'q',
     .kind = OPTION_FLAG,
     AT(quiet),
     .help = "no summary at the end; errors are still shown"},
    {.name = "verbose", .letter = 'v', .kind = OPTION_FLAG, AT(verbose), .help = "say who joins and who leaves"},
    {.name = "help", .letter = 'h', .kind = OPTION_MODE, .mode = MODE_HELP, .help = "print this"},
    {.name = "version", .letter = 'V', .kind = OPTION_MODE, .mode = MODE_VERSION, .help = "print the version"},
};
#define ROW_COUNT (sizeof(rows) / sizeof(*rows))

static const struct {
	const char *name, *help;
} variables[] = {
    {"TTALLOC_SOCKET", "socket on which programs report. Without it: $XDG_RUNTIME_DIR/ttalloc.sock, else "
                       "/tmp/ttalloc-UID/socket. Set for COMMAND"},
    {"TT_ALLOC_TRACKING_ENABLED", "1: programs report. Set for COMMAND"},
    {"TTALLOC_DB", "set for COMMAND: the recording, which ttalloc-analyze asks when none is named"},
    {"LD_PRELOAD", "set for COMMAND, see --no-preload and --host-malloc; what it held comes after"},
    {"PYTHONPATH, TTALLOC_TTNN, TTALLOC_AUTO_STEP", "set for COMMAND with --ttnn and --auto-step"},
    {"TTALLOC_STACKS, TTALLOC_UNWINDER", "set for COMMAND with --stacks and --unwinder"},
    {"TTALLOC_PYTHON_STACKS", "1 is set for COMMAND with --python-stacks"},
    {"TTALLOC_OPS", "0 is set for COMMAND with --no-ops"},
    {"TTALLOC_LOSSLESS", "1 is set for COMMAND with --lossless"},
    {"ASAN_OPTIONS", "verify_asan_link_order=0 is put before what it held, so that a COMMAND with AddressSanitizer "
                     "takes the preload"},
    {"TTALLOC_SEGMENT_DIR", "directory, of the user and with mode 0700, in which programs keep what is not committed "
                            "yet. Without it: ttalloc-UID below $XDG_RUNTIME_DIR, /dev/shm or $TMPDIR"},
    {"XDG_RUNTIME_DIR, TMPDIR", "see above; the private socket of a COMMAND lies there as well, else below /tmp"},
};

static const char usage_text[] = "Usage: ttalloc-recorder [-o FILE] [OPTION...] [--] COMMAND [ARGUMENT...]\n"
                                 "       ttalloc-recorder --socket PATH -o FILE\n"
                                 "       ttalloc-recorder --append -o FILE [-- COMMAND [ARGUMENT...]]\n"
                                 "       ttalloc-recorder --poc-socket -o FILE\n"
                                 "       ttalloc-recorder --env [--socket PATH] [OPTION...]\n";

static const char about_text[] =
    "Records what programs report through libttalloc into one SQLite file, for ttalloc-analyze.\n"
    "\n"
    "With COMMAND: runs it with recording on, and ends when it ends. Descendants that still run then are recorded up\n"
    "to that moment. Signals are passed on. Without: serves the socket until SIGINT or SIGTERM; a second signal\n"
    "gives up waiting for a full disk.\n";

static const char status_text[] =
    "Exit status: that of COMMAND, 128+n when signal n killed it, 126 when it cannot be executed, 127 when it is not\n"
    "found, 125 when recording could not start (COMMAND is not run then). Without COMMAND: 0, 1 when not all could be\n"
    "written, 2 for wrong usage.\n";

/* Prints TEXT in lines of at most 110 columns, all but the first indented by INDENT. */
static void print_wrapped(const char *text, int indent)
{
	int column = indent;

	while (*text) {
		int word = (int)strcspn(text, " ");

		if (column == indent)
			printf("%.*s", word, text);
		else if (column + 1 + word > 110)
			printf("\n%*s%.*s", column = indent, "", word, text);
		else
			printf(" %.*s", word, text);
		column += word + (column > indent);
		text += word + strspn(text + word, " ");
	}
	putchar('\n');
}

void options_print_help(void)
{
	printf("%s\n%s\nOptions:\n", usage_text, about_text);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char left[64], letter[4] = "  ";
		const char *otherwise = rows[i].otherwise ? "[" : "", *end = rows[i].otherwise ? "]" : "";

		if (rows[i].letter)
			snprintf(letter, sizeof(letter), "-%c", rows[i].letter);
		snprintf(left, sizeof(left), "  %s%s --%s%s%s%s%s", letter, rows[i].letter ? "," : " ", rows[i].name,
		         otherwise, rows[i].argument ? "=" : "", rows[i].argument ? rows[i].argument : "", end);
		printf("%-24s", left);
		if (strlen(left) + 2 > 24)
			printf("\n%24s", "");
		print_wrapped(rows[i].help, 24);
	}
	printf("\nEnvironment:\n");
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		printf("  %s\n      ", variables[i].name);
		print_wrapped(variables[i].help, 6);
	}
	printf("\n%s", status_text);
}

static int parse_number(const struct option_row *row, const char *text, unsigned *value, struct sql_error *error)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || !isdigit((unsigned char)*text) || number < 1 || number > COMMIT_MS_MAX)
		return sql_fail(error, "--%s takes a number from 1 to %d, not '%s'", row->name, COMMIT_MS_MAX, text);
	*value = (unsigned)number;
	return 0;
}

static int apply(const struct option_row *row, char *argument, struct recorder_options *options,
                 struct sql_error *error)
{
	char *base = (char *)options + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		memcpy(base, &(bool){true}, sizeof(bool));
		return 0;
	case OPTION_TEXT:
		if (!argument)
			argument = (char *)row->otherwise;
		if (!*argument)
			return sql_fail(error, "--%s needs a %s", row->name, row->argument);
		memcpy(base, &argument, sizeof(argument));
		return 0;
	case OPTION_NUMBER:
		return parse_number(row, argument, (unsigned *)(void *)base, error);
	case OPTION_MODE:
		options->mode = row->mode;
		return 0;
	}
	return 0;
}

/* What getopt_long wants, made from the table. */
static void make_getopt_tables(char *letters, struct option *longs)
{
	*letters++ = '+'; /* stop at the command */
	*letters++ = ':';
	for (size_t i = 0; i < ROW_COUNT; i++) {
		longs[i] = (struct option){
		    .name = rows[i].name,
		    .has_arg = rows[i].otherwise  ? optional_argument
		               : rows[i].argument ? required_argument
		                                  : no_argument,
		    .val = (int)(256 + i),
		};
		if (!rows[i].letter)
			continue;
		*letters++ = rows[i].letter;
		if (rows[i].argument)
			*letters++ = ':';
	}
	*letters = '\0';
}

static const struct option_row *find_row(int value)
{
	if (value >= 256)
		return &rows[value - 256];
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].letter == value)
			return &rows[i];
	return NULL;
}

/* Whether WORD, after an option whose argument may be left out, is that argument: the path of a socket, or one where a
 * socket may be made. A command is there already, and is no socket. */
static bool is_free_path(const char *word)
{
	struct stat status;

	if (!word || word[0] != '/')
		return false;
	return lstat(word, &status) == 0 ? S_ISSOCK(status.st_mode) : errno == ENOENT;
}

static int read_options(int argc, char **argv, struct recorder_options *options, struct sql_error *error)
{
	char letters[2 * ROW_COUNT + 3];
	struct option longs[ROW_COUNT + 1] = {0};
	const struct option_row *row;
	int value;

	make_getopt_tables(letters, longs);
	optind = 0; /* start anew, also when called again */
	opterr = 0;
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const char *given = argv[optind > 0 ? optind - 1 : 0];

		if (value == ':')
			return sql_fail(error, "option '%s' needs an argument", given);
		if (value == '?' && optopt && optopt < 256)
			return sql_fail(error, "there is no option '-%c'; --help lists them", optopt);
		if (value == '?')
			return sql_fail(error, "there is no option '%s'; --help lists them", given);
		row = find_row(value);
		if (row->otherwise && !optarg && strcmp(row->argument, "PATH") == 0 && is_free_path(argv[optind]))
			optarg = argv[optind++];
		if (apply(row, optarg, options, error) < 0)
			return -1;
	}
	if (optind < argc)
		options->command = &argv[optind];
	return 0;
}

/* What the hook would quietly take for something else. */
static int check_stacks(const struct recorder_options *options, struct sql_error *error)
{
	const char *stacks = options->stacks, *unwinder = options->unwinder;
	size_t digits = stacks ? strspn(stacks, "0123456789") : 0;

	if (stacks && (stacks[digits] || digits > 2 || atoi(stacks) < 1 || atoi(stacks) > MOST_STACK_FRAMES))
		return sql_fail(error, "--stacks takes a number from 1 to %d, not '%s'", MOST_STACK_FRAMES, stacks);
	if (stacks && options->command && strspn(options->command[0], "0123456789") == strlen(options->command[0]))
		return sql_fail(error, "--stacks takes its number with '=': --stacks=%s", options->command[0]);
	if (unwinder && strcmp(unwinder, "fp") != 0 && strcmp(unwinder, "libunwind") != 0)
		return sql_fail(error, "--unwinder is fp or libunwind, not '%s'", unwinder);
	if (unwinder && !stacks)
		return sql_fail(error, "--unwinder says how call stacks are found: give --stacks, too");
	if (stacks && !options->command && options->mode != MODE_ENV)
		return sql_fail(error,
		                "--stacks needs a command; for programs that join by themselves set "
		                "TTALLOC_STACKS=%s (--env prints it)",
		                stacks);
	return 0;
}

static int check_combination(struct recorder_options *options, struct sql_error *error)
{
	if (options->mode == MODE_HELP || options->mode == MODE_VERSION)
		return 0;
	if (check_stacks(options, error) < 0)
		return -1;
	if (options->auto_step && !strchr(options->auto_step, ':'))
		return sql_fail(error, "--auto-step takes module:function or module:Class.method, not '%s'",
		                options->auto_step);
	if (options->mode == MODE_ENV && options->command)
		return sql_fail(error, "--env takes no command");
	if (options->mode == MODE_ENV)
		return 0;
	if (!options->command && !options->output && !options->socket && !options->legacy_socket)
		return sql_fail(error,
		                "say what to record: ttalloc-recorder [-o FILE] -- COMMAND, or --socket PATH -o FILE; "
		                "--help tells more");
	if (options->append && !options->output)
		return sql_fail(error, "--append needs the recording to go on with: -o FILE");
	if (options->append && options->force)
		return sql_fail(error, "--append and --force exclude each other");
	if (options->watch && !options->command)
		return sql_fail(error, "--watch needs a command; follow other recordings with ttalloc-analyze watch");
	if (options->host_malloc && !options->command)
		return sql_fail(error, "--host-malloc needs a command, or --env for a shell");
	if ((options->ttnn || options->auto_step) && !options->command)
		return sql_fail(error, "--%s needs a command, or --env for a shell",
		                options->ttnn ? "ttnn" : "auto-step");
	if (options->lossless && !options->command)
		return sql_fail(error, "--lossless needs a command, or --env for a shell");
	if (options->python_stacks && !options->command)
		return sql_fail(error, "--python-stacks needs a command, or --env for a shell");
	if (options->no_operations && !options->command)
		return sql_fail(error, "--no-ops needs a command, or --env for a shell");
	if (options->log_events && !options->legacy_socket)
		return sql_fail(error, "--log-events needs --poc-socket: it shows the events of old clients");
	options->mode = options->command ? MODE_WRAP : MODE_DAEMON;
	return 0;
}

int options_parse(int argc, char **argv, struct recorder_options *options, int *status, struct sql_error *error)
{
	bool failed;

	*options = (struct recorder_options){.mode = MODE_DAEMON, .commit_ms = COMMIT_MS_DEFAULT};
	failed = read_options(argc, argv, options, error) < 0 || check_combination(options, error) < 0;
	/* With words left over there was a command to be run: whoever started it must not take our 2 for its own. */
	*status = failed && optind < argc ? STATUS_NOT_STARTED : STATUS_USAGE;
	return failed ? -1 : 0;
}
