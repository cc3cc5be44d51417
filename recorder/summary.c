/* SPDX-License-Identifier: Apache-2.0
 *
 * summary.c - what a recording came to. Figures of blocks are asked of the file, with the queries that
 * ttalloc-analyze has, so that both say the same.
 */
#include "summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sql/base/memory.h"
#include "sql/base/say.h"
#include "sql/answers/query.h"
#include "sql/base/units.h"
#include "sql/store/open.h"

#define NAMED_MOST 4 /* files, on one line */

/* What is shown of one region of one device. */
struct place {
	int64_t device;
	char region[24];
	int64_t peak_bytes, peak_ns;
	int64_t leaked_blocks, leaked_bytes; /* never freed by a program that has ended, or closed the device */
	int64_t live_blocks, live_bytes;     /* held by one that lived on */
	bool has_peak;
	bool shown; /* with an earlier one, which it equals */
};

struct figures {
	struct place *places;
	size_t place_count, place_capacity;
	int64_t runtime_blocks; /* never freed, but owned by the runtime */
	int64_t failures;
	char last_failure[160], last_words[300]; /* words: the allocator's own */
	bool last_in_bank;                       /* it can be said what the last one missed */
	char verdict[24], sentence[1024];
};

/* 1.5 GiB */
static const char *in_units(int64_t bytes, char text[static UNITS_TEXT_MAX])
{
	units_bytes_in_words(text, bytes, 1, 1024);
	return text;
}

static const char *in_seconds(int64_t ns, char *text, size_t text_bytes)
{
	if (ns < 1000000)
		snprintf(text, text_bytes, "%.1f us", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(text, text_bytes, "%.1f ms", (double)ns / 1e6);
	else
		snprintf(text, text_bytes, "%.2f s", (double)ns / 1e9);
	return text;
}

static int64_t integer_of(struct query_run *run, const char *name)
{
	struct query_cell cell;

	for (size_t i = 0; i < query_column_count(run); i++) {
		if (strcmp(query_column_name(run, i), name) != 0)
			continue;
		query_cell(run, i, &cell);
		return cell.type == CELL_INTEGER ? cell.integer : -1;
	}
	return -1;
}

static void text_of(struct query_run *run, const char *name, char *text, size_t text_bytes)
{
	struct query_cell cell = {.type = CELL_NULL};

	for (size_t i = 0; i < query_column_count(run); i++)
		if (strcmp(query_column_name(run, i), name) == 0)
			query_cell(run, i, &cell);
	snprintf(text, text_bytes, "%s", cell.type == CELL_TEXT ? cell.text : "");
}

static struct place *place_of(struct figures *figures, struct query_run *run)
{
	struct place wanted = {.device = integer_of(run, "device")};

	text_of(run, "region", wanted.region, sizeof(wanted.region));
	for (size_t i = 0; i < figures->place_count; i++)
		if (figures->places[i].device == wanted.device && strcmp(figures->places[i].region, wanted.region) == 0)
			return &figures->places[i];
	figures->places =
	    memory_room(figures->places, figures->place_count, &figures->place_capacity, sizeof(*figures->places));
	figures->places[figures->place_count] = wanted;
	return &figures->places[figures->place_count++];
}

static void take_peak(struct figures *figures, struct query_run *run)
{
	struct place *place = place_of(figures, run);

	place->has_peak = true;
	place->peak_bytes = integer_of(run, "peak_bytes");
	place->peak_ns = integer_of(run, "peak_ns");
}

static void take_leak(struct figures *figures, struct query_run *run)
{
	char owner[24];
	struct place *place;

	if (integer_of(run, "aliased") == 1)
		return; /* lies in another block, which counts */
	text_of(run, "owner", owner, sizeof(owner));
	if (strcmp(owner, "runtime") == 0) {
		figures->runtime_blocks++;
		return;
	}
	place = place_of(figures, run);
	if (strcmp(owner, "program") != 0) { /* it lives, and may free it yet */
		place->live_blocks++;
		place->live_bytes += integer_of(run, "size_bytes");
		return;
	}
	place->leaked_blocks++;
	place->leaked_bytes += integer_of(run, "size_bytes");
}

static void take_failure(struct figures *figures, struct query_run *run)
{
	char size[UNITS_TEXT_MAX], at[32], region[24];

	figures->failures++;
	text_of(run, "region", region, sizeof(region));
	text_of(run, "why", figures->last_words, sizeof(figures->last_words));
	figures->last_in_bank = strcmp(region, "HOST") != 0;
	snprintf(figures->last_failure, sizeof(figures->last_failure), "%s of device %" PRId64 " %s at %s",
	         in_units(integer_of(run, "size_bytes"), size), integer_of(run, "device"), region,
	         in_seconds(integer_of(run, "at_ns"), at, sizeof(at)));
}

static void take_why(struct figures *figures, struct query_run *run)
{
	text_of(run, "verdict", figures->verdict, sizeof(figures->verdict));
	text_of(run, "sentence", figures->sentence, sizeof(figures->sentence));
}

/* Runs the built-in query NAME and hands its rows to TAKE. */
static void ask(struct recording *recording, const char *name, void (*take)(struct figures *, struct query_run *),
                struct figures *figures, struct sql_error *error)
{
	const struct query *query = NULL;
	struct query_run *run;
	int row;

	for (size_t i = 0; (query = query_builtin(i)) && strcmp(query->name, name) != 0; i++)
		;
	if (!query)
		return;
	run = query_start(recording, query, NULL, 0, error);
	while (run && (row = query_next(run, error)) == 1)
		take(figures, run);
	if (!run || row < 0)
		say_plain("  %s: %s", name, error->text);
	query_finish(run);
}

/* Chips of a mesh do the same, at about the same time. */
static bool is_like(const struct place *a, const struct place *b)
{
	return strcmp(a->region, b->region) == 0 && a->has_peak == b->has_peak && a->peak_bytes == b->peak_bytes &&
	       a->leaked_blocks == b->leaked_blocks && a->leaked_bytes == b->leaked_bytes &&
	       a->live_blocks == b->live_blocks && a->live_bytes == b->live_bytes;
}

/* The devices of FIRST and all later places like it: "0-3,5". What does not fit is counted. */
static void fold(struct figures *figures, size_t first, char *text, size_t text_bytes)
{
	int64_t from = figures->places[first].device, to = from;
	size_t used = 0, left_out = 0;

	for (size_t i = first + 1; i <= figures->place_count; i++) {
		struct place *place = i < figures->place_count ? &figures->places[i] : NULL;

		if (place && (place->shown || !is_like(place, &figures->places[first])))
			continue;
		if (place)
			place->shown = true;
		if (place && place->device == to + 1) {
			to = place->device;
			continue;
		}
		if (used + 24 < text_bytes)
			used += (size_t)snprintf(text + used, text_bytes - used,
			                         from < to ? "%s%" PRId64 "-%" PRId64 : "%s%" PRId64, used ? "," : "",
			                         from, to);
		else
			left_out += (size_t)(to - from + 1);
		if (place)
			from = to = place->device;
	}
	if (left_out)
		snprintf(text + used, text_bytes - used, " and %zu more", left_out);
}

static void print_place(struct figures *figures, size_t number)
{
	const struct place *place = &figures->places[number];
	char devices[64], peak[32] = "-", at[32] = "-", amount[32], held[160] = "-";
	size_t used = 0;

	fold(figures, number, devices, sizeof(devices));
	if (place->has_peak) {
		in_units(place->peak_bytes, peak);
		in_seconds(place->peak_ns, at, sizeof(at));
	}
	if (place->leaked_blocks)
		used = (size_t)snprintf(held, sizeof(held), "%s in %" PRId64 " block%s%s",
		                        in_units(place->leaked_bytes, amount), place->leaked_blocks,
		                        place->leaked_blocks == 1 ? "" : "s", place->live_blocks ? "; " : "");
	if (place->live_blocks)
		snprintf(held + used, sizeof(held) - used, "still in use: %s in %" PRId64 " block%s",
		         in_units(place->live_bytes, amount), place->live_blocks, place->live_blocks == 1 ? "" : "s");
	say_plain("  %-7s %-14s %12s %12s   %s", devices, place->region, peak, at, held);
}

static void print_figures(struct figures *figures)
{
	if (figures->place_count)
		say_plain("  %-7s %-14s %12s %12s   %s", "device", "region", "peak", "at", "never freed");
	for (size_t i = 0; i < figures->place_count; i++)
		if (!figures->places[i].shown)
			print_place(figures, i);
	if (figures->runtime_blocks)
		say_plain("  and %" PRId64 " that the runtime owns, such as kernel binaries", figures->runtime_blocks);
	if (figures->failures)
		say_plain("  failed requests: %" PRId64 ", the last one %s", figures->failures, figures->last_failure);
	if (figures->verdict[0])
		say_plain("    %s: %s", figures->verdict, figures->sentence);
	else if (figures->last_words[0])
		say_plain("    %s", figures->last_words);
}

/* What the file says of its own gaps. Returns whether it has any. */
static bool print_gaps(struct recording *recording)
{
	char lines[RECORDING_LINES][RECORDING_LINE_BYTES], gaps[RECORDING_REGIONS_BYTES];
	size_t count;

	if (recording_complete(recording, NULL))
		return false;
	count = recording_loss_lines(recording, NULL, lines, RECORDING_LINES);
	recording_gaps(recording, gaps);
	say_plain("  INCOMPLETE%s%s%s:%s", gaps[0] ? " in " : "", gaps, gaps[0] ? ", complete in other regions" : "",
	          count ? "" : " the recording has gaps");
	for (size_t i = 0; i < count; i++)
		say_plain("    %s", lines[i]);
	return true;
}

/* Returns whether a request failed that can be explained. */
static bool print_blocks(const struct summary *summary, struct recording *recording)
{
	static const struct {
		const char *query;
		void (*take)(struct figures *, struct query_run *);
	} questions[] = {{"peak", take_peak}, {"leaks", take_leak}, {"failures", take_failure}};
	struct figures figures = {0};
	struct sql_error error;

	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++)
		ask(recording, questions[i].query, questions[i].take, &figures, &error);
	if (figures.failures && figures.last_in_bank)
		ask(recording, "why", take_why, &figures, &error);
	if (figures.failures) /* rows; a request of a mesh has one for each of its chips */
		figures.failures = (int64_t)summary->totals->failures;
	print_figures(&figures);
	free(figures.places);
	return figures.verdict[0] != '\0';
}

/* How the command ended, if that is of interest. */
static void print_ending(const struct summary *summary)
{
	int status = summary->report->wait_status;

	if (!summary->wrapped)
		return;
	if (WIFSIGNALED(status))
		say_plain("  the command was killed by signal %d (%s)%s", WTERMSIG(status), strsignal(WTERMSIG(status)),
		          summary->totals->events ? "; what it held then counts as never freed"
		                                  : ", before anything was allocated");
	else if (WEXITSTATUS(status) && !summary->totals->events)
		say_plain("  the command ended with status %d before anything was allocated", WEXITSTATUS(status));
}

/* What the programs lacked of what they were given. */
static void print_lacks(const struct summary *summary)
{
	for (size_t i = 0; i < summary->witness->lacking_count; i++)
		say_plain("  %s", summary->witness->lacking[i]);
}

static void explain_nothing(const struct summary *summary)
{
	if (summary->report->processes) {
		say_plain("  A process joined, and reported nothing: its allocator was never asked, or asked while "
		          "recording was off.");
		return;
	}
	if (summary->witness->silent[0]) {
		say_plain("  No process joined. Of %s.", summary->witness->silent);
		return;
	}
	say_plain(
	    "  No process joined. A program reports if it is linked with libttalloc (pkg-config ttalloc), or calls it "
	    "through a preload.");
	if (!summary->host_malloc && summary->wrapped)
		say_plain("  Any program's malloc can be recorded with --host-malloc.");
	say_plain("  Nothing is reported by set-user-ID and statically linked programs, nor where "
	          "TT_ALLOC_TRACKING_ENABLED is not 1 or TTALLOC_SOCKET names another socket.");
}

/* OF_ALL: files, and not of the last one alone, are the figures that follow. */
static void print_counts(const struct summary *summary, bool of_all)
{
	const struct ingest_totals *totals = summary->totals;
	struct stat status;
	char size[UNITS_TEXT_MAX] = "?";

	if (stat(summary->path, &status) == 0)
		in_units(status.st_size, size);
	say_plain("ttalloc-recorder: %" PRIu64 " event%s of %" PRIu64 " process%s in %s (%s)%s", totals->events,
	          totals->events == 1 ? "" : "s", totals->processes, totals->processes == 1 ? "" : "es", summary->path,
	          size,
	          !summary->files ? ""
	          : of_all        ? " and the files before it; of all of them:"
	                          : " and the files before it; of this one alone:");
	if (summary->enough)
		say_plain("  ended by --%s; what its programs did after that is not recorded", summary->enough);
}

static void print_oddities(const struct summary *summary)
{
	const struct ingest_totals *totals = summary->totals;

	if (totals->unmatched_frees)
		say_plain("  frees of nothing: %" PRIu64, totals->unmatched_frees);
	if (totals->replaced)
		say_plain("  blocks that another was placed over: %" PRIu64, totals->replaced);
	if (summary->report->refused)
		say_plain("  turned away, or not readable: %" PRIu64 " (see above)", summary->report->refused);
	if (summary->report->living && summary->wrapped)
		say_plain("  still running when the command ended: %" PRIu64 " process%s, recorded up to then",
		          summary->report->living, summary->report->living == 1 ? "" : "es");
}

/* What to ask: the files that the figures above are of, in their order. Many are not named one by one. */
static void print_next(const struct summary *summary, const char *verb)
{
	bool are_several = summary->all && strchr(summary->all, RECORDING_AND);
	char *names = memory_text(are_several ? summary->all : summary->path); /* one as the user would write it */
	char *last = names;
	static const char ands[] = {RECORDING_AND, '\0'};
	size_t first_bytes = strcspn(names, ands), count = 1;

	for (char *c = names; *c; c++) {
		if (*c != RECORDING_AND)
			continue;
		*c = ' ';
		last = c + 1;
		count++;
	}
	if (count <= NAMED_MOST)
		say_plain("  next: ttalloc-analyze %s %s; ttalloc-analyze leaks %s", verb, names, names);
	else
		say_plain(
		    "  next: ttalloc-analyze %s FILE...; ttalloc-analyze leaks FILE...  (all %zu, from %.*s to %s)",
		    verb, count, (int)first_bytes, names, last);
	free(names);
}

void summary_print(const struct summary *summary)
{
	struct sql_error error;
	struct recording *all = summary->all ? recording_open(summary->all, &error) : NULL;
	struct recording *recording = all ? all : recording_open(summary->path, &error);
	bool explained = false, has_gaps = false;

	print_counts(summary, all != NULL);
	if (!recording)
		say_plain("  %s", error.text);
	if (recording && summary->totals->events)
		explained = print_blocks(summary, recording);
	print_ending(summary);
	print_lacks(summary);
	if (recording)
		has_gaps = print_gaps(recording);
	recording_close(recording);
	if (!summary->totals->events && !has_gaps)
		explain_nothing(summary);
	print_oddities(summary);
	if (summary->totals->events && !summary->resume)
		print_next(summary, explained ? "why" : "peak");
}
