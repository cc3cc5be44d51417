/* SPDX-License-Identifier: Apache-2.0
 *
 * ranges.c - verify: operations and labels as ranges, and tensors. Pages can be read, and say nothing that cannot be;
 * operations of a process are numbered as they begin, without holes, and lie in those that they name; what a range
 * names is there, the blocks that hold its tensors too. Of each page one finding of a kind is enough.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "findings.h"
#include "sql/operations/operations.h"
#include "sql/operations/tensor_lists.h"
#include "sql/store/key_rows.h"
#include "sql/store/range_page.h"
#include "sql/store/recording.h"

#define KEYS_MAX (INT64_C(1) << 33) /* a bit each */
#define WHATS_MAX (INT64_C(1) << 28)

enum what_kind { WHAT_UNKNOWN, WHAT_LABEL, WHAT_OPERATION };

struct range_check {
	struct findings *findings;
	struct recording *recording;
	struct operations *operations;
	struct tensor_lists lists;
	uint8_t *kinds; /* enum what_kind, by range_what.id */
	int64_t kind_count;
	uint64_t *allocs; /* a bit for each key: a block was allocated with it */
	int64_t key_count;
	int64_t end_ns; /* of the recording */
};

/* ---- what SQL tells ---- */

/* A range that names what is not there. */
static const char whats_sql[] =
    "SELECT 'range_what ' || id, 'names a thread, label, call stack, text or list of tensors that is not there' "
    "FROM range_what w WHERE w.ended NOT IN (0, 1) "
    "OR (w.thread <> 0 AND w.thread NOT IN (SELECT id FROM main.thread_info)) "
    "OR (w.label IS NOT NULL AND w.label NOT IN (SELECT id FROM main.label_info)) "
    "OR (w.stack IS NOT NULL AND w.stack NOT IN (SELECT id FROM main.stack_info)) "
    "OR (w.name IS NOT NULL AND w.name NOT IN (SELECT id FROM operation_text)) "
    "OR (w.arguments IS NOT NULL AND w.arguments NOT IN (SELECT id FROM operation_text)) "
    "OR (w.tensors IS NOT NULL AND w.tensors NOT IN (SELECT id FROM tensor_list))";

static const char lists_sql[] =
    "SELECT 'tensor_list ' || id, 'is no list of tensors, or names one that is not there' FROM ("
    "  SELECT id, NULL AS tensor FROM tensor_list WHERE NOT json_valid(list)"
    "  UNION ALL SELECT t.id, x.value FROM tensor_list t, json_each(iif(json_valid(t.list), t.list, '[]')) x"
    "    WHERE iif(json_valid(x.value), json_array_length(x.value), 0) <> 5"
    "    OR json_extract(x.value, '$[2]') NOT IN (SELECT id FROM tensor_spec)) GROUP BY id";

static const char origins_sql[] =
    "SELECT 'origin_tensor ' || origin, 'names an origin or a tensor that is not there' FROM origin_tensor "
    "WHERE origin NOT IN (SELECT id FROM main.origin) OR spec NOT IN (SELECT id FROM tensor_spec)";

static const char processes_sql[] = "SELECT 'process_id ' || process, 'has ranges, and is not there' FROM ("
                                    "  SELECT process FROM range_page UNION SELECT process FROM range_open) "
                                    "WHERE process NOT IN (SELECT id FROM main.process_info)";

/* Those that have not ended lie between the pages, by begin and by number. In a later file of several, those that had
 * begun before are there as far as they went on: their numbers rise, and the others follow the last one that there was.
 */
static const char numbers_sql[] =
    "SELECT 'process_id ' || process, printf('operation %lld comes where %lld should', first_number, expected) FROM ("
    "  SELECT process, first_number, iif(first_number <= begun, max(next, first_number), max(next, begun + 1)) "
    "    AS expected FROM ("
    "    SELECT r.process, first_number, coalesce(c.operations, 0) AS begun,"
    "      coalesce(lag(first_number + count) OVER (PARTITION BY r.process ORDER BY key), 1) AS next FROM ("
    "      SELECT process, key, first_number, count FROM range_page WHERE first_number IS NOT NULL"
    "      UNION ALL SELECT process, key, number, 1 FROM range_open WHERE number IS NOT NULL) r"
    "    LEFT JOIN carried_process c ON c.process = r.process)) "
    "WHERE first_number <> expected";

static const char open_sql[] =
    "SELECT 'key ' || key, 'a range that has not ended says nothing of itself' FROM range_open "
    "WHERE what NOT IN (SELECT id FROM range_what WHERE (name IS NULL) = (number IS NULL))";

/* ---- what is known beforehand ---- */

static int load_kinds(struct range_check *check, struct sql_error *error)
{
	sqlite3_stmt *rows;
	int64_t largest;
	int state = -1;

	if (recording_integer(check->recording, "SELECT max(id) FROM range_what", 0, &largest, error) < 0)
		return -1;
	check->kind_count = largest < 0 ? 0 : largest < WHATS_MAX ? largest + 1 : WHATS_MAX;
	check->kinds = calloc((size_t)check->kind_count + 1, sizeof(*check->kinds));
	if (!check->kinds) {
		check->findings->failed = true;
		return 0;
	}
	rows = recording_prepare(check->recording, "SELECT id, name IS NOT NULL FROM range_what", error);
	while (rows && (state = recording_step(check->recording, rows, error)) == 1) {
		int64_t id = sqlite3_column_int64(rows, 0);

		if (id >= 0 && id < check->kind_count)
			check->kinds[id] = sqlite3_column_int(rows, 1) ? WHAT_OPERATION : WHAT_LABEL;
	}
	sqlite3_finalize(rows);
	return state;
}

static bool take_alloc(struct range_check *check, int64_t key)
{
	if (key >= 0 && key < check->key_count)
		check->allocs[key / 64] |= UINT64_C(1) << (key & 63);
	return true;
}

static bool take_freed(const int64_t *cells, void *context)
{
	return take_alloc(context, (int64_t)((uint64_t)cells[0] - (uint64_t)cells[1]));
}

static bool take_held(const int64_t *cells, void *context)
{
	return take_alloc(context, cells[0]);
}

static int take_allocs(struct range_check *check, const char *table, size_t columns,
                       bool (*take)(const int64_t *cells, void *context), struct sql_error *error)
{
	static const char *const names[] = {"key", "life"};
	struct key_rows *rows = key_rows_open(check->recording, table, names, columns, error);
	int result = rows ? key_rows_read(rows, INT64_MIN, INT64_MAX, take, check, error) : -1;

	key_rows_close(rows);
	return result;
}

static int load_allocs(struct range_check *check, struct sql_error *error)
{
	int64_t last;

	if (recording_integer(check->recording, "SELECT max(last_key) FROM main.batch", 0, &last, error) < 0)
		return -1;
	if (last < 0 || last >= KEYS_MAX) {
		findings_add(check->findings, "key", "recording",
		             "keys go up to %" PRId64 ", too far to check each operation", last);
		return 0;
	}
	check->key_count = last + 1;
	check->allocs = calloc((size_t)last / 64 + 1, sizeof(*check->allocs));
	if (!check->allocs) {
		check->findings->failed = true;
		return 0;
	}
	return take_allocs(check, "freed", 2, take_freed, error) < 0 ? -1
	                                                             : take_allocs(check, "held", 1, take_held, error);
}

static bool is_alloc(const struct range_check *check, int64_t key)
{
	return !check->allocs || (key >= 0 && key < check->key_count && check->allocs[key / 64] >> (key & 63) & 1);
}

/* ---- pages ---- */

struct page {
	int64_t process, first_number; /* 0: of labels */
	struct range_record records[RANGE_PAGE_MOST];
	size_t count;
};

/* What an operation read or made outside of the time that a file was cut to is not in the file. */
static bool is_cut_off(const struct recording *recording, const struct operation *operation)
{
	return recording->cut &&
	       (operation->begin_ns < recording->cut_from_ns || operation->end_ns > recording->cut_to_ns);
}

/* Why the operation cannot be; NULL: it can. */
static const char *operation_problem(struct range_check *check, const struct operation *operation)
{
	const struct operation_what *what = operations_what(check->operations, operation->what);
	struct tensor_list list = tensor_lists_at(&check->lists, what->tensors);
	struct operation around;

	if (what->around) {
		if (!operations_around(check->operations, operation, &around))
			return "lies in one that is not there";
		if (operations_what(check->operations, around.what)->thread != what->thread)
			return "lies in one of another thread";
		if (around.key >= operation->key || around.end_key < operation->end_key)
			return "does not lie in the one around it";
	}
	if (is_cut_off(check->recording, operation))
		return NULL;
	for (size_t i = 0; i < list.count; i++) {
		int64_t key = tensor_block(&list.tensors[i], operation->key);

		if (!is_alloc(check, key) || key > operation->end_key)
			return "has a tensor in a block that is not there";
	}
	return NULL;
}

/* Why the range at I cannot be; NULL: it can. */
static const char *range_problem(struct range_check *check, const struct page *page, size_t i)
{
	const struct range_record *record = &page->records[i];
	enum what_kind kind = record->what < check->kind_count ? check->kinds[record->what] : WHAT_UNKNOWN;

	if (kind != (page->first_number ? WHAT_OPERATION : WHAT_LABEL))
		return "says nothing of itself";
	if (i > 0 && record->begin_ns < page->records[i - 1].begin_ns)
		return "begins before the one before it";
	if (record->begin_ns + record->held_ns > check->end_ns)
		return "ends behind the recording";
	if (!page->first_number)
		return NULL;
	return operation_problem(check, &(struct operation){.key = record->key,
	                                                    .end_key = record->key + record->life,
	                                                    .begin_ns = record->begin_ns,
	                                                    .end_ns = record->begin_ns + record->held_ns,
	                                                    .number = page->first_number + (int64_t)i,
	                                                    .process = page->process,
	                                                    .what = record->what});
}

static void check_page(struct range_check *check, sqlite3_stmt *row)
{
	struct page page = {.process = sqlite3_column_int64(row, 0), .first_number = sqlite3_column_int64(row, 1)};
	const char *problem = NULL;
	struct range_page_row packed;
	char place[64];

	range_page_take(row, 2, &packed);
	page.count = range_page_unpack(&packed, page.records);
	snprintf(place, sizeof(place), "key %" PRId64, packed.key);
	if (!page.count)
		findings_add(check->findings, "range", place, "a page of ranges that cannot be read");
	for (size_t i = 0; i < page.count && !problem; i++) {
		problem = range_problem(check, &page, i);
		if (problem && page.first_number)
			findings_add(check->findings, "range", place,
			             "operation %" PRId64 " of process_id %" PRId64 " %s",
			             page.first_number + (int64_t)i, page.process, problem);
		else if (problem)
			findings_add(check->findings, "range", place, "a label %s", problem);
	}
}

static int check_pages(struct range_check *check, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(
	    check->recording,
	    "SELECT process, first_number, " RANGE_PAGE_COLUMNS " FROM range_page ORDER BY process, key", error);
	int state = -1;

	while (rows && check->findings->left > 0 && (state = recording_step(check->recording, rows, error)) == 1)
		check_page(check, rows);
	sqlite3_finalize(rows);
	return state < 0 ? -1 : operations_check(check->operations, error);
}

void findings_in_ranges(struct findings *findings)
{
	struct range_check check = {.findings = findings, .recording = findings->call->recording};
	struct sql_error error = {.text = ""};

	findings_add_rows(findings, "range", processes_sql);
	findings_add_rows(findings, "range", numbers_sql);
	findings_add_rows(findings, "range", whats_sql);
	findings_add_rows(findings, "range", open_sql);
	findings_add_rows(findings, "tensor", lists_sql);
	findings_add_rows(findings, "tensor", origins_sql);
	if (recording_integer(check.recording, "SELECT end_ns FROM main.recording_info", 0, &check.end_ns, &error) <
	        0 ||
	    load_kinds(&check, &error) < 0 || tensor_lists_load(&check.lists, check.recording, &error) < 0 ||
	    (check.lists.count > 0 && load_allocs(&check, &error) < 0) ||
	    !(check.operations = operations_open(check.recording, &error)) || check_pages(&check, &error) < 0)
		findings_add(findings, "range", "recording", "%s", error.text);
	operations_close(check.operations);
	tensor_lists_clear(&check.lists);
	free(check.kinds);
	free(check.allocs);
}
