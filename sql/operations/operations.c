/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.c - see operations.h. Pages are in the order of their begins, and so of their numbers, within a process;
 * an operation that has not ended is a page of its own. Everything here comes from a file that nobody vouches for.
 */
#include "operations.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/store/range_page.h"
#include "sql/store/recording.h"

#define PAGES_KEPT 64
#define NAMES_MOST (1 << 26)
#define THREADS_KEPT 64 /* a power of two */

struct page {
	int64_t process, key, last_key, first_number;
	int64_t open_ns;      /* of one that has not ended */
	uint32_t count, what; /* what: likewise; 0: it is a row of range_page */
};

struct kept_page {
	size_t index; /* plus 1; 0: none */
	size_t count;
	struct range_record records[RANGE_PAGE_MOST];
};

/* The last begin on a thread before a key, which need not be looked for again. */
struct kept_begin {
	int64_t process;
	uint32_t thread;
	bool used, any;
	int64_t low, high; /* no other begin of the thread lies between */
	size_t page, record;
};

struct operations {
	struct recording *recording;
	struct page *pages; /* by (process, key) */
	size_t page_count, page_capacity;
	struct operation_what *whats;
	size_t what_count; /* ids below it */
	char **names;      /* by operation_text.id */
	size_t name_count;
	bool *threads; /* whether a thread ever began one, by id */
	size_t thread_count;
	sqlite3_stmt *read;
	struct kept_page *kept;
	struct kept_begin begins[THREADS_KEPT];
	struct sql_error trouble;
};

static void damaged(struct operations *operations)
{
	if (!operations->trouble.text[0])
		sql_fail(&operations->trouble, "%s: corrupt: its operations are out of order; 'verify' says more",
		         operations->recording->path);
}

int operations_check(const struct operations *operations, struct sql_error *error)
{
	if (!operations->trouble.text[0])
		return 0;
	*error = operations->trouble;
	return -1;
}

/* ---- reading ---- */

/* The ranges of one kind. */
struct kind {
	const char *pages, *whats;
};

static const struct kind of_operations = {
    .pages = "SELECT process, key, last_key, first_number, count, 0, 0 FROM range_page WHERE first_number IS NOT NULL "
             "UNION ALL SELECT process, key, 9223372036854775807, number, 1, at_ns, what FROM range_open "
             "WHERE number IS NOT NULL ORDER BY 1, 2",
    .whats = "SELECT id, thread, name, around, tensors FROM range_what WHERE name IS NOT NULL",
};

/* Keys stand in for the numbers that labels have not: they rise, too, and by one at least. */
static const struct kind of_labels = {
    .pages = "SELECT process, key, last_key, key, count, 0, 0 FROM range_page WHERE first_number IS NULL "
             "UNION ALL SELECT process, key, 9223372036854775807, key, 1, at_ns, what FROM range_open "
             "WHERE number IS NULL ORDER BY 1, 2",
    .whats = "SELECT id, thread, 0, 0, 0 FROM range_what WHERE name IS NULL",
};

static bool is_behind(const struct page *page, const struct page *before)
{
	return page->key >= 0 && page->key <= page->last_key && page->first_number > 0 && page->count > 0 &&
	       page->count <= RANGE_PAGE_MOST &&
	       (!before || before->process != page->process ||
	        (before->key < page->key && before->first_number + before->count <= page->first_number));
}

static int load_pages(struct operations *operations, const struct kind *kind, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(operations->recording, kind->pages, error);
	int state = -1;

	while (rows && (state = recording_step(operations->recording, rows, error)) == 1) {
		struct page page = {.process = sqlite3_column_int64(rows, 0),
		                    .key = sqlite3_column_int64(rows, 1),
		                    .last_key = sqlite3_column_int64(rows, 2),
		                    .first_number = sqlite3_column_int64(rows, 3) & (INT64_MAX >> 1),
		                    .count = (uint32_t)sqlite3_column_int64(rows, 4),
		                    .open_ns = sqlite3_column_int64(rows, 5),
		                    .what = (uint32_t)sqlite3_column_int64(rows, 6)};

		if (!is_behind(&page, operations->page_count ? &operations->pages[operations->page_count - 1] : NULL)) {
			damaged(operations);
			continue;
		}
		if (array_reserve(&operations->pages, &operations->page_capacity, operations->page_count) < 0) {
			state = sql_fail(error, "%s: out of memory", operations->recording->path);
			break;
		}
		operations->pages[operations->page_count++] = page;
	}
	sqlite3_finalize(rows);
	return state;
}

static bool is_helper(const char *name)
{
	static const char end[] = "create_device_tensor";
	size_t length = name ? strlen(name) : 0;

	return length >= sizeof(end) - 1 && strcmp(name + length - (sizeof(end) - 1), end) == 0;
}

/* A table by id, from 0 to the largest of SQL, which has no holes to speak of. NULL: no memory, or it has. */
static void *table_by_id(struct operations *operations, const char *sql, size_t size, size_t *count,
                         struct sql_error *error)
{
	int64_t largest;

	if (recording_integer(operations->recording, sql, 0, &largest, error) < 0)
		return NULL;
	if (largest < 0 || largest > UINT32_MAX) {
		sql_fail(error, "%s: corrupt: the numbers of its operations have holes", operations->recording->path);
		return NULL;
	}
	*count = (size_t)largest + 1;
	void *table = calloc(*count, size);
	if (!table)
		sql_fail(error, "%s: out of memory", operations->recording->path);
	return table;
}

static const char names_sql[] = "SELECT name, text FROM operation_text, (SELECT DISTINCT name FROM range_what) "
                                "WHERE id = name";

static int load_names(struct operations *operations, struct sql_error *error)
{
	int64_t largest;
	sqlite3_stmt *rows;
	int state = -1;

	if (recording_integer(operations->recording, "SELECT max(id) FROM operation_text", 0, &largest, error) < 0)
		return -1;
	if (largest < 0 || largest > NAMES_MOST)
		return sql_fail(error, "%s: corrupt: it has too many texts of operations", operations->recording->path);
	operations->names = calloc((size_t)largest + 1, sizeof(*operations->names));
	if (!operations->names)
		return sql_fail(error, "%s: out of memory", operations->recording->path);
	operations->name_count = (size_t)largest + 1;
	rows = recording_prepare(operations->recording, names_sql, error);
	while (rows && (state = recording_step(operations->recording, rows, error)) == 1) {
		int64_t id = sqlite3_column_int64(rows, 0);
		const char *text = (const char *)sqlite3_column_text(rows, 1);

		if (id > 0 && id <= largest && text && !operations->names[id])
			operations->names[id] = strdup(text);
	}
	sqlite3_finalize(rows);
	return state;
}

size_t operations_name_count(const struct operations *operations)
{
	return operations->name_count;
}

const char *operations_name(const struct operations *operations, uint32_t name)
{
	return name < operations->name_count ? operations->names[name] : NULL;
}

static int load_whats(struct operations *operations, const struct kind *kind, struct sql_error *error)
{
	/* as many as there are rows, and what a recorder that went on may have left out */
	static const char largest_sql[] =
	    "SELECT CASE WHEN max(id) > 4 * count(*) + 64 + "
	    "coalesce((SELECT min(last_what, 1 << 24) FROM recording_file), 0) THEN -1 ELSE max(id) END "
	    "FROM range_what";
	static const char threads_sql[] = "SELECT CASE WHEN max(thread) >> 24 THEN -1 ELSE max(thread) END "
	                                  "FROM range_what";
	sqlite3_stmt *rows;
	int state = -1;

	if (load_names(operations, error) < 0)
		return -1;
	operations->whats =
	    table_by_id(operations, largest_sql, sizeof(*operations->whats), &operations->what_count, error);
	operations->threads =
	    table_by_id(operations, threads_sql, sizeof(*operations->threads), &operations->thread_count, error);
	if (!operations->whats || !operations->threads)
		return -1;
	rows = recording_prepare(operations->recording, kind->whats, error);
	while (rows && (state = recording_step(operations->recording, rows, error)) == 1) {
		int64_t id = sqlite3_column_int64(rows, 0);
		uint32_t thread = (uint32_t)sqlite3_column_int64(rows, 1);

		if (id < 0 || (size_t)id >= operations->what_count)
			continue;
		if (thread < operations->thread_count)
			operations->threads[thread] = true;
		uint32_t around = (uint32_t)sqlite3_column_int64(rows, 3),
		         name = (uint32_t)sqlite3_column_int64(rows, 2);
		operations->whats[id] = (struct operation_what){
		    .thread = thread,
		    .name = name < operations->name_count ? name : 0,
		    .around = around,
		    .tensors = (uint32_t)sqlite3_column_int64(rows, 4),
		    .is_helper = around && is_helper(operations_name(operations, name)),
		};
	}
	sqlite3_finalize(rows);
	return state;
}

static struct operations *open_kind(struct recording *recording, const struct kind *kind, struct sql_error *error)
{
	struct operations *operations = calloc(1, sizeof(*operations));

	if (!operations) {
		sql_fail(error, "%s: out of memory", recording->path);
		return NULL;
	}
	operations->recording = recording;
	operations->kept = calloc(PAGES_KEPT, sizeof(*operations->kept));
	operations->read =
	    recording_prepare(recording, "SELECT " RANGE_PAGE_COLUMNS " FROM range_page WHERE key = ?1", error);
	if (operations->kept && operations->read && load_pages(operations, kind, error) == 0 &&
	    load_whats(operations, kind, error) == 0)
		return operations;
	if (!operations->kept)
		sql_fail(error, "%s: out of memory", recording->path);
	operations_close(operations);
	return NULL;
}

struct operations *operations_open(struct recording *recording, struct sql_error *error)
{
	return open_kind(recording, &of_operations, error);
}

struct operations *operations_open_labels(struct recording *recording, struct sql_error *error)
{
	return open_kind(recording, &of_labels, error);
}

void operations_close(struct operations *operations)
{
	if (!operations)
		return;
	sqlite3_finalize(operations->read);
	free(operations->pages);
	for (size_t i = 0; operations->names && i < operations->name_count; i++)
		free(operations->names[i]);
	free(operations->names);
	free(operations->whats);
	free(operations->threads);
	free(operations->kept);
	free(operations);
}

const struct operation_what *operations_what(const struct operations *operations, uint32_t what)
{
	static const struct operation_what none = {0};

	return what < operations->what_count ? &operations->whats[what] : &none;
}

static size_t read_records(struct operations *operations, const struct page *page, struct range_record *records)
{
	size_t count = 0;

	if (page->what) {
		records[0] = (struct range_record){.key = page->key,
		                                   .life = OPERATION_OPEN - page->key,
		                                   .begin_ns = page->open_ns,
		                                   .what = page->what};
		return 1;
	}
	sqlite3_bind_int64(operations->read, 1, page->key);
	if (recording_step(operations->recording, operations->read, &operations->trouble) == 1) {
		struct range_page_row row;

		range_page_take(operations->read, 0, &row);
		count = range_page_unpack(&row, records);
	}
	sqlite3_reset(operations->read);
	if (count != page->count)
		damaged(operations);
	return count;
}

/* The records of a page, until PAGES_KEPT others were asked for. */
static const struct kept_page *page_at(struct operations *operations, size_t index)
{
	struct kept_page *kept = &operations->kept[index % PAGES_KEPT];

	if (kept->index != index + 1) {
		kept->count = read_records(operations, &operations->pages[index], kept->records);
		kept->index = index + 1;
	}
	return kept;
}

static struct operation operation_of(const struct page *page, const struct range_record *record, size_t i)
{
	bool open = page->what != 0;

	return (struct operation){.key = record->key,
	                          .end_key = open ? OPERATION_OPEN : record->key + record->life,
	                          .begin_ns = record->begin_ns,
	                          .end_ns = open ? OPERATION_OPEN : record->begin_ns + record->held_ns,
	                          .number = page->first_number + (int64_t)i,
	                          .process = page->process,
	                          .what = record->what};
}

/* ---- looking up ---- */

/* The number of pages of processes before PROCESS, and of those of it whose key, or number, is below LIMIT. */
static size_t pages_below(const struct operations *operations, int64_t process, int64_t limit, bool by_number)
{
	size_t low = 0, high = operations->page_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct page *page = &operations->pages[middle];
		int64_t place = by_number ? page->first_number : page->key;

		if (page->process != process ? page->process < process : place < limit)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool operations_numbered(struct operations *operations, int64_t process, int64_t number, struct operation *operation)
{
	size_t below = number < INT64_MAX ? pages_below(operations, process, number + 1, true) : 0;
	const struct page *page = below ? &operations->pages[below - 1] : NULL;

	if (!page || page->process != process || number - page->first_number >= page->count)
		return false;
	const struct kept_page *kept = page_at(operations, below - 1);
	size_t i = (size_t)(number - page->first_number);
	if (i >= kept->count)
		return false;
	*operation = operation_of(page, &kept->records[i], i);
	return true;
}

bool operations_has(const struct operations *operations, int64_t number)
{
	for (size_t i = 0; i < operations->page_count; i++)
		if (number >= operations->pages[i].first_number &&
		    number - operations->pages[i].first_number < operations->pages[i].count)
			return true;
	return false;
}

bool operations_around(struct operations *operations, const struct operation *inner, struct operation *operation)
{
	uint32_t around = operations_what(operations, inner->what)->around;

	/* only to lower numbers, so that it ends whatever the file says */
	return around > 0 && operations_numbered(operations, inner->process, inner->number - around, operation);
}

/* Goes back from KEY to the last begin of the thread, no further than to a key that is known to have none behind it. */
static bool seek_begin(struct operations *operations, struct kept_begin *begin, int64_t key)
{
	bool may_stop = begin->used && key >= begin->high;

	for (size_t index = pages_below(operations, begin->process, key, false); index-- > 0;) {
		const struct page *page = &operations->pages[index];

		if (page->process != begin->process)
			break;
		const struct kept_page *kept = page_at(operations, index);
		for (size_t i = kept->count; i-- > 0;) {
			const struct range_record *record = &kept->records[i];

			if (record->key >= key)
				continue;
			if (may_stop && record->key < begin->high)
				return begin->any; /* what was found then */
			if (operations_what(operations, record->what)->thread != begin->thread)
				continue;
			begin->any = true;
			begin->low = record->key;
			begin->page = index;
			begin->record = i;
			return true;
		}
	}
	if (may_stop)
		return begin->any;
	begin->any = false;
	begin->low = INT64_MIN;
	return false;
}

/* The last operation that THREAD began before KEY. */
static bool last_begun(struct operations *operations, int64_t process, uint32_t thread, int64_t key,
                       struct operation *operation)
{
	struct kept_begin *begin = &operations->begins[thread & (THREADS_KEPT - 1)];

	if (begin->thread != thread || begin->process != process)
		*begin = (struct kept_begin){.process = process, .thread = thread};
	if (!begin->used || key <= begin->low || key > begin->high) {
		seek_begin(operations, begin, key);
		begin->used = true;
		begin->high = key;
	}
	if (!begin->any)
		return false;
	const struct kept_page *kept = page_at(operations, begin->page);
	if (begin->record >= kept->count)
		return false;
	*operation = operation_of(&operations->pages[begin->page], &kept->records[begin->record], begin->record);
	return true;
}

bool operations_at(struct operations *operations, int64_t process, uint32_t thread, int64_t key,
                   struct operation *operation)
{
	if (thread >= operations->thread_count || !operations->threads[thread] ||
	    !last_begun(operations, process, thread, key, operation))
		return false;
	while (operation->end_key <= key)
		if (!operations_around(operations, operation, operation))
			return false;
	return true;
}

bool operations_owner(struct operations *operations, int64_t process, uint32_t thread, int64_t key,
                      struct operation *operation)
{
	struct operation around;

	if (!operations_at(operations, process, thread, key, operation))
		return false;
	while (operations_what(operations, operation->what)->is_helper &&
	       operations_around(operations, operation, &around))
		*operation = around;
	return true;
}

/* ---- backwards ---- */

/* Of two that have not ended, the one that began later ends first. */
static bool ends_later(const struct operation *a, const struct operation *b)
{
	return a->end_key != b->end_key ? a->end_key > b->end_key : a->key < b->key;
}

static int push(struct operations_cursor *cursor, const struct operation *operation)
{
	if (array_reserve(&cursor->heap, &cursor->capacity, cursor->count) < 0)
		return -1;
	size_t at = cursor->count++;
	for (; at > 0 && ends_later(operation, &cursor->heap[(at - 1) / 2]); at = (at - 1) / 2)
		cursor->heap[at] = cursor->heap[(at - 1) / 2];
	cursor->heap[at] = *operation;
	return 0;
}

static void pop(struct operations_cursor *cursor)
{
	struct operation moving = cursor->heap[--cursor->count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < cursor->count) {
		child += child + 1 < cursor->count && ends_later(&cursor->heap[child + 1], &cursor->heap[child]);
		if (!ends_later(&cursor->heap[child], &moving))
			break;
		cursor->heap[at] = cursor->heap[child];
		at = child;
	}
	cursor->heap[at] = moving;
}

static int by_last_end(const void *a, const void *b, void *context)
{
	const struct page *pages = context;
	int64_t first = pages[*(const size_t *)a].last_key, second = pages[*(const size_t *)b].last_key;

	return (first < second) - (first > second);
}

static int start(struct operations *operations, int64_t process, struct operations_cursor *cursor)
{
	size_t first = pages_below(operations, process, INT64_MIN, false);

	cursor->pages = pages_below(operations, process, INT64_MAX, false) - first;
	cursor->order = calloc(cursor->pages + 1, sizeof(*cursor->order));
	if (!cursor->order)
		return -1;
	for (size_t i = 0; i < cursor->pages; i++)
		cursor->order[i] = first + i;
	qsort_r(cursor->order, cursor->pages, sizeof(*cursor->order), by_last_end, operations->pages);
	cursor->started = true;
	return 0;
}

static int read_page(struct operations *operations, struct operations_cursor *cursor, size_t index)
{
	struct range_record records[RANGE_PAGE_MOST];
	const struct page *page = &operations->pages[index];
	size_t count = read_records(operations, page, records);

	for (size_t i = 0; i < count; i++) {
		struct operation operation = operation_of(page, &records[i], i);

		if (push(cursor, &operation) < 0)
			return -1;
	}
	return 0;
}

bool operations_next(struct operations *operations, int64_t process, struct operations_cursor *cursor,
                     struct operation *operation)
{
	int code = cursor->started ? 0 : start(operations, process, cursor);

	while (code == 0 && cursor->at < cursor->pages &&
	       (cursor->count == 0 || operations->pages[cursor->order[cursor->at]].last_key >= cursor->heap[0].end_key))
		code = read_page(operations, cursor, cursor->order[cursor->at++]);
	if (code < 0)
		sql_fail(&operations->trouble, "%s: out of memory", operations->recording->path);
	if (code < 0 || cursor->count == 0)
		return false;
	*operation = cursor->heap[0];
	pop(cursor);
	return true;
}

void operations_cursor_clear(struct operations_cursor *cursor)
{
	free(cursor->heap);
	free(cursor->order);
}
