/* SPDX-License-Identifier: Apache-2.0
 *
 * panels.c - see panels.h.
 */
#include "panels.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/base/memory.h"

/* From so many events on, what reads all blocks once more is left out, unless it is asked for. */
#define LARGE_EVENTS 4000000
#define FAILURES_MAX 8
#define DEVICES_MAX 4
#define DEVICES_MAX_LIVE 256
/* Of all that is drawn together, as long as the page is small enough. */
#define BLOCKS_IN_ALL 14000
#define BUCKETS_IN_ALL 640
#define BUCKETS_MOST 320
#define OPERATION_PARTS 1600

struct facts {
	int64_t events, failures, stacks, labels, operations, tensors, steps, processes;
	int64_t first_ns, last_ns; /* of events */
	int64_t begin_ns, end_ns;  /* what the file is about; of a part of a recording not all of the run */
	int64_t run_ns;
};

/* A device and region that is drawn. */
struct drawn {
	int64_t device, region, blocks;
	char word[32];
};

struct choosing {
	struct panels *panels;
	struct recording *recording;
	const struct panels_wish *wish;
	struct facts facts;
	struct drawn *drawn;
	size_t count;
	int64_t devices; /* that are drawn */
	struct sql_error *error;
};

void panels_clear(struct panels *panels)
{
	free(panels->list);
	*panels = (struct panels){0};
}

const struct panel *panels_find(const struct panels *panels, const char *id)
{
	for (size_t i = 0; i < panels->count; i++)
		if (strcmp(panels->list[i].id, id) == 0)
			return &panels->list[i];
	return NULL;
}

/* Adds a panel. Words are separated by blanks. */
static struct panel *add(struct panels *panels, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static struct panel *add(struct panels *panels, const char *id, const char *format, ...)
{
	char text[PANEL_WORDS_MAX * 16], *rest = text;
	va_list arguments;

	panels->list = memory_room(panels->list, panels->count, &panels->capacity, sizeof *panels->list);
	struct panel *panel = &panels->list[panels->count++];
	*panel = (struct panel){.word_count = 0};
	snprintf(panel->id, sizeof panel->id, "%s%s", panels->prefix, id);
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (char *word; (word = strsep(&rest, " ")) && panel->word_count < PANEL_WORDS_MAX;)
		snprintf(panel->words[panel->word_count++], PANEL_WORD_MAX, "%s", word);
	return panel;
}

static void add_statement(struct panels *panels, const char *id, const char *statement)
{
	struct panel *panel = add(panels, id, "sql");

	snprintf(panel->words[panel->word_count++], PANEL_WORD_MAX, "%s", statement);
}

/* ---- Facts ---- */

int panels_number(struct recording *recording, const char *statement, int64_t fallback, int64_t *number,
                  struct sql_error *error)
{
	struct query_cell cell = {.type = CELL_NULL};
	struct query_run *run = query_start_sql(recording, statement, error);
	int state = run ? query_next(run, error) : -1;

	if (state == 1)
		query_cell(run, 0, &cell);
	*number = cell.type == CELL_INTEGER ? cell.integer : fallback;
	if (run)
		query_finish(run);
	return state < 0 ? -1 : 0;
}

static int ask_facts(struct choosing *choosing)
{
	struct facts *facts = &choosing->facts;
	const struct {
		const char *statement;
		int64_t *number;
	} questions[] = {
	    {"SELECT sum(events) FROM process", &facts->events},
	    {"SELECT count(*) FROM failure", &facts->failures},
	    {"SELECT EXISTS (SELECT 1 FROM stack)", &facts->stacks},
	    {"SELECT EXISTS (SELECT 1 FROM label)", &facts->labels},
	    {"SELECT operations_missing() IS NULL", &facts->operations},
	    {"SELECT EXISTS (SELECT 1 FROM origin_tensor)", &facts->tensors},
	    {"SELECT count(DISTINCT number) FROM step", &facts->steps},
	    {"SELECT count(*) FROM process", &facts->processes},
	    {"SELECT min(from_ns) FROM batch", &facts->first_ns},
	    {"SELECT max(to_ns) FROM batch", &facts->last_ns},
	    {"SELECT max(coalesce((SELECT from_ns FROM share_info), 0), coalesce((SELECT begin_ns FROM "
	     "recording_file), "
	     "0))",
	     &facts->begin_ns},
	    {"SELECT coalesce((SELECT to_ns FROM share_info), end_ns) FROM recording_info", &facts->end_ns},
	    {"SELECT end_ns FROM recording_info", &facts->run_ns},
	};

	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
		if (panels_number(choosing->recording, questions[i].statement, 0, questions[i].number,
		                  choosing->error) < 0)
			return -1;
	return 0;
}

/* Devices whose peaks agree in two digits are alike: the first of them is drawn. */
static const char drawn_sql[] =
    "WITH p AS (SELECT device, region, peak_bytes FROM peaks() ORDER BY device, region),"
    " s AS (SELECT device, group_concat(region || ':' || printf('%%.1e', peak_bytes)) AS likeness FROM p GROUP BY "
    "device),"
    " f AS (SELECT min(device) AS device FROM s GROUP BY likeness ORDER BY 1)"
    " SELECT f.device, r.region, region_word(r.region),"
    "  coalesce((SELECT sum(u.allocs) FROM process_usage u WHERE u.device = f.device AND u.region = r.region), 0)"
    " FROM (SELECT device FROM f WHERE %" PRId64 " < 0 UNION SELECT %" PRId64 " WHERE %" PRId64 " >= 0 LIMIT %d) f"
    " JOIN (SELECT DISTINCT device, region FROM p) r ON r.device = f.device ORDER BY 1, 2";

static int find_drawn(struct choosing *choosing)
{
	char statement[1600];
	int64_t device = choosing->wish->device;
	size_t capacity = 0;
	int state;

	snprintf(statement, sizeof statement, drawn_sql, device, device, device,
	         choosing->wish->live ? DEVICES_MAX_LIVE : DEVICES_MAX);
	struct query_run *run = query_start_sql(choosing->recording, statement, choosing->error);
	if (!run)
		return -1;
	while ((state = query_next(run, choosing->error)) == 1) {
		struct query_cell cells[4];
		for (size_t i = 0; i < 4; i++)
			query_cell(run, i, &cells[i]);
		choosing->drawn = memory_room(choosing->drawn, choosing->count, &capacity, sizeof *choosing->drawn);
		struct drawn *drawn = &choosing->drawn[choosing->count++];
		*drawn =
		    (struct drawn){.device = cells[0].integer, .region = cells[1].integer, .blocks = cells[3].integer};
		snprintf(drawn->word, sizeof drawn->word, "%s", cells[2].type == CELL_TEXT ? cells[2].text : "");
		choosing->devices += choosing->count == 1 || drawn[-1].device != drawn->device;
	}
	query_finish(run);
	return state;
}

/* ---- How much is drawn ---- */

static int64_t blocks_under(const struct choosing *choosing, int64_t most)
{
	int64_t sum = 0;

	for (size_t i = 0; i < choosing->count; i++)
		sum += choosing->drawn[i].blocks < most ? choosing->drawn[i].blocks : most;
	return sum;
}

/* So many of each device and region that all together are few enough. */
static int64_t blocks_of_each(const struct choosing *choosing)
{
	int64_t low = 16, high = BLOCKS_IN_ALL >> choosing->wish->smaller;
	int64_t most = high;

	while (low < high) {
		int64_t middle = (low + high + 1) / 2;
		if (blocks_under(choosing, middle) <= most)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Where events are, in what the file is about: a program that took long to begin, or to end, would otherwise be a
 * narrow strip of the picture. */
static void choose_window(struct choosing *choosing)
{
	const struct facts *facts = &choosing->facts;
	struct panels *panels = choosing->panels;
	int64_t first = facts->first_ns > facts->begin_ns ? facts->first_ns : facts->begin_ns;
	int64_t last = facts->last_ns < facts->end_ns ? facts->last_ns : facts->end_ns;
	int64_t margin = (last - first) / 50 + 1000;
	int64_t start = first > facts->begin_ns + margin ? first - margin : facts->begin_ns;
	int64_t end = last < facts->end_ns - margin ? last + margin : facts->end_ns;

	if (last <= first || end - start > (facts->end_ns - facts->begin_ns) / 10 * 9) {
		start = facts->begin_ns;
		end = facts->end_ns;
	}
	if (start == 0 && end == facts->run_ns)
		return;
	snprintf(panels->start, sizeof panels->start, "%" PRId64, start);
	snprintf(panels->end, sizeof panels->end, "%" PRId64, end);
}

static void choose_size(struct choosing *choosing)
{
	struct panels *panels = choosing->panels;
	int64_t buckets = BUCKETS_IN_ALL / (choosing->devices > 0 && !choosing->wish->live ? choosing->devices : 1);

	panels->whole = choosing->wish->whole || choosing->facts.events < LARGE_EVENTS;
	panels->blocks = blocks_of_each(choosing);
	panels->buckets = (buckets > BUCKETS_MOST ? BUCKETS_MOST : buckets) >> choosing->wish->smaller;
	if (panels->buckets < 40)
		panels->buckets = 40;
	snprintf(panels->by, sizeof panels->by, "%s%s%s%sclass%s", choosing->facts.labels ? "pattern,range," : "",
	         choosing->facts.operations ? "opname," : "", choosing->facts.tensors ? "tensor," : "",
	         choosing->facts.stacks ? "function," : "", choosing->facts.processes > 1 ? ",process" : "");
}

/* ---- Questions ---- */

/* What KIND of picture, which WORDS ask for, of a device and region. */
static void add_picture(struct panels *panels, const struct drawn *drawn, const char *kind, const char *by,
                        const char *words)
{
	char id[80];

	snprintf(id, sizeof id, "%s-%" PRId64 "-%s%s%s", kind, drawn->device, drawn->word, by ? "-" : "", by ? by : "");
	bool part = panels->start[0] != '\0';
	struct panel *panel =
	    add(panels, id, "%s --device %" PRId64 " --region %s%s%s%s%s", words, drawn->device, drawn->word,
	        part ? " --start " : "", panels->start, part ? " --end " : "", panels->end);
	panel->picture = true;
	panel->circular = strcmp(drawn->word, "CB") == 0;
}

/* Asked with --at. */
static void add_moment(struct panels *panels, const struct drawn *drawn, const char *by)
{
	char id[80];

	snprintf(id, sizeof id, "moment-%" PRId64 "-%s-%s", drawn->device, drawn->word, by);
	add(panels, id, "top --by %s --device %" PRId64 " --region %s", by, drawn->device, drawn->word);
}

/* The blocks that matter most; where others are left out, how full all together made the bank; in L1, its cores. */
static void add_map(const struct choosing *choosing, const struct drawn *drawn)
{
	struct panels *panels = choosing->panels;
	bool live = choosing->wish->live, circular = strcmp(drawn->word, "CB") == 0;
	char words[120], id[40];

	snprintf(words, sizeof words, "map --blocks %" PRId64 " --parts %" PRId64, panels->blocks, panels->buckets);
	add_picture(panels, drawn, "map", NULL, words);
	snprintf(words, sizeof words, "density --levels 16 --blocks %" PRId64 " --parts %" PRId64, panels->blocks,
	         panels->buckets);
	if (live || circular || drawn->blocks > panels->blocks)
		add_picture(panels, drawn, "density", NULL, words);
	snprintf(id, sizeof id, "cores-%" PRId64, drawn->device);
	if (circular && (live || panels->whole))
		add(panels, id, "peak --by core --region CB --device %" PRId64 " -n 0", drawn->device);
}

static void add_drawn(struct choosing *choosing, const struct drawn *drawn)
{
	struct panels *panels = choosing->panels;
	char by[200], words[200], *rest = by;

	snprintf(by, sizeof by, "%s", panels->by);
	for (char *word; (word = strsep(&rest, ","));) {
		snprintf(words, sizeof words, "timeline --by %s --buckets %" PRId64, word, panels->buckets);
		add_picture(panels, drawn, "timeline", word, words);
		if (choosing->wish->live)
			add_moment(panels, drawn, word);
	}
	if (strcmp(drawn->word, "KERNEL") != 0 && !choosing->wish->old) /* has no addresses */
		add_map(choosing, drawn);
}

/* What ran when: a line of the picture that all devices share. */
static void add_operations(struct panels *panels, bool smaller)
{
	bool part = panels->start[0] != '\0';

	add(panels, "operations", "ops --parts %d%s%s%s%s", OPERATION_PARTS >> smaller, part ? " --start " : "",
	    panels->start, part ? " --end " : "", panels->end);
}

/* Of more than 4,000 several are one, from NUMBER THROUGH the last of them. */
static const char steps_sql[] =
    "WITH s AS (SELECT number, min(at_ns) AS at_ns, row_number() OVER (ORDER BY number) - 1 AS i FROM step GROUP BY 1) "
    "SELECT min(number) AS number, min(at_ns) AS at_ns, max(number) AS through FROM s "
    "GROUP BY i / ((SELECT count(*) FROM s) / 4000 + 1) ORDER BY 1";

static void add_failures(struct choosing *choosing)
{
	char id[80];
	int64_t count = choosing->facts.failures;

	add(choosing->panels, "failures", "failures");
	for (int64_t i = count > FAILURES_MAX ? count - FAILURES_MAX + 1 : 1; i <= count; i++) {
		snprintf(id, sizeof id, "why-%" PRId64, i);
		add(choosing->panels, id, "why --failure %" PRId64, i);
		snprintf(id, sizeof id, "why-blocks-%" PRId64, i);
		add(choosing->panels, id, "why --failure %" PRId64 " --by block", i);
	}
}

static void add_whole(struct choosing *choosing, const char *by)
{
	struct panels *panels = choosing->panels;
	const char *flame = choosing->facts.stacks ? "stack" : "label";

	add(panels, "peak-by", "peak --by %s", by);
	add(panels, "flame-peak", "flame --what peak --by %s", flame);
	add(panels, "flame-allocated", "flame --what allocated --by %s", flame);
	add(panels, "temporary", "temporary --by %s", by);
	add(panels, "fragmentation", "fragmentation --samples 60");
	add(panels, "l1", "l1");
	if (choosing->facts.operations)
		add(panels, "ops", "ops -n 300");
	if (choosing->facts.steps > 2)
		add(panels, "grows", "steps --by %s -n 100", by);
}

/* Labels that differ in numbers alone are one: what all layers need more is one change, not one of each. */
static void add_changes(struct panels *panels, bool labels, const char *by)
{
	static const char *const whats[] = {"peak", "leaks", "allocated"};
	char id[80];

	for (size_t i = 0; i < sizeof whats / sizeof *whats; i++) {
		snprintf(id, sizeof id, "diff-%s", whats[i]);
		add(panels, id, "diff --what %s --by %s -n 300", whats[i], labels ? "pattern" : by)->both = true;
	}
}

/* What stands beside the newer recording. */
static void add_old_questions(struct choosing *choosing)
{
	struct panels *panels = choosing->panels;

	add(panels, "info", "info");
	add(panels, "peak", "peak");
	add_statement(panels, "steps", steps_sql);
	for (size_t i = 0; i < choosing->count; i++)
		add_drawn(choosing, &choosing->drawn[i]);
}

static void add_questions(struct choosing *choosing)
{
	struct panels *panels = choosing->panels;
	const struct facts *facts = &choosing->facts;
	const char *by = facts->labels ? "label" : facts->stacks ? "function" : "class";
	bool any = facts->labels || facts->stacks;

	add(panels, "info", "info");
	add(panels, "peak", "peak");
	add(panels, "leaks", "leaks -n 1000");
	add(panels, "leaks-by", "leaks --by %s -n 1000", by);
	add(panels, "leaks-by-step", "leaks --by step -n 2000");
	if (any)
		add(panels, "flame-leaks", "flame --what leaks --by %s", facts->stacks ? "stack" : "label");
	add_failures(choosing);
	add(panels, "processes", "processes -n 1000");
	add_statement(panels, "steps", steps_sql);
	add_statement(
	    panels, "geometry",
	    "SELECT device, region, banks, bank_bytes, base_address, top_down, arch, at_ns FROM device ORDER BY at_ns");
	for (size_t i = 0; i < choosing->count; i++)
		add_drawn(choosing, &choosing->drawn[i]);
	if (facts->operations)
		add_operations(panels, choosing->wish->smaller);
	if (choosing->wish->two_files)
		add_changes(panels, facts->labels, by);
	if (panels->whole)
		add_whole(choosing, by);
	else
		snprintf(panels->left_out, sizeof panels->left_out,
		         "%" PRId64
		         " events: peak --by, flame, temporary, fragmentation and l1 are not part of this page, "
		         "each of which reads all blocks once more (--full includes them)",
		         facts->events);
}

int panels_choose(struct panels *panels, struct recording *recording, const struct panels_wish *wish,
                  struct sql_error *error)
{
	struct choosing choosing = {.panels = panels, .recording = recording, .wish = wish, .error = error};
	int result = -1;

	*panels = (struct panels){.prefix = wish->old ? "old-" : ""};
	if (ask_facts(&choosing) == 0 && find_drawn(&choosing) == 0) {
		choose_window(&choosing);
		choose_size(&choosing);
		if (wish->old)
			add_old_questions(&choosing);
		else
			add_questions(&choosing);
		result = 0;
	}
	free(choosing.drawn);
	return result;
}
