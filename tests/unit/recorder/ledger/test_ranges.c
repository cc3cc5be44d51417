/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ranges.c - operations and labels as they come from a process, and what the file then says of them.
 */
#include <sqlite3.h>
#include <string.h>

#include "tests/unit/recorder/ingest_file.h"
#include "ttalloc.h"

#define MOST_TABLE 4096

/* A process, its table, and how far it is. */
struct stream {
	struct ingest *ingest;
	uint32_t process;
	uint64_t number;
	uint64_t table[MOST_TABLE / 8]; /* aligned */
	uint32_t used, threads[2];
};

static uint32_t add_entry(struct stream *stream, uint32_t type, const void *data, uint32_t bytes)
{
	struct tta_entry_header header = {.type = type, .data_bytes = bytes};
	uint8_t *at = (uint8_t *)stream->table + stream->used;
	uint32_t entry = stream->used / 8;

	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), data, bytes);
	stream->used += (uint32_t)sizeof(header) + (bytes + 7) / 8 * 8;
	assert_true(stream->used <= MOST_TABLE);
	return entry;
}

static uint32_t add_name(struct stream *stream, const char *name)
{
	return add_entry(stream, TTA_ENTRY_OPERATION, name, (uint32_t)strlen(name));
}

static void open_stream(struct stream *stream, struct ingest *ingest)
{
	struct ingest_process about = {.segment_id = {1}, .segment_path = "p"};
	uint64_t committed;

	*stream = (struct stream){.ingest = ingest, .used = 8};
	stream->process = ingest_process(ingest, &about, &committed);
	for (uint32_t i = 0; i < 2; i++) {
		struct tta_thread_entry thread = {.tid = 10 + i, .serial = 1 + i, .name = "thread"};

		stream->threads[i] = add_entry(stream, TTA_ENTRY_THREAD, &thread, sizeof(thread));
	}
}

static void send_from(struct stream *stream, uint32_t thread, struct tta_event event)
{
	stream->number++;
	ingest_batch(
	    stream->ingest, stream->process,
	    &(struct ingest_batch){.first_number = stream->number,
	                           .count = 1,
	                           .events = &event,
	                           .at_ns = &(uint64_t){10 * stream->number},
	                           .thread_entries = &stream->threads[thread],
	                           .table = {.bytes = (const uint8_t *)stream->table, .size_bytes = stream->used}});
}

static void begin(struct stream *stream, uint32_t thread, uint32_t name, uint64_t level)
{
	send_from(stream, thread,
	          (struct tta_event){.kind = TTA_OPERATION_BEGIN, .range = {.entry = name, .depth = level}});
}

static void end(struct stream *stream, uint32_t thread, uint64_t level, uint64_t how)
{
	send_from(stream, thread, (struct tta_event){.kind = TTA_OPERATION_END, .range = {.end = how, .depth = level}});
}

static void send_tensor(struct stream *stream, uint64_t address, uint32_t spec, uint32_t index, bool given)
{
	send_from(stream, 0,
	          (struct tta_event){.kind = TTA_TENSOR,
	                             .device = 1,
	                             .region = TTALLOC_L1,
	                             .tensor = {.address = address, .entry = spec, .place = index << 1 | given}});
}

static void send_block(struct stream *stream, uint8_t kind, uint64_t address)
{
	send_from(
	    stream, 0,
	    (struct tta_event){
	        .kind = kind, .device = 1, .region = TTALLOC_L1, .address = address, .size_bytes = kind == TTA_ALLOC});
}

static uint32_t add_spec(struct stream *stream, const char *shape)
{
	uint8_t data[64] = {0};
	struct tta_tensor_entry head = {.bytes = {(uint16_t)strlen(shape), 8}};

	memcpy(data, &head, sizeof(head));
	memcpy(data + sizeof(head), shape, strlen(shape));
	memcpy(data + sizeof(head) + strlen(shape), "bfloat16", 8);
	return add_entry(stream, TTA_ENTRY_TENSOR, data, (uint32_t)(sizeof(head) + strlen(shape) + 8));
}

static void commit(struct ingest *ingest)
{
	struct ingest_totals totals;

	do {
		ingest_tick(ingest, 0, true);
		usleep(1000);
		ingest_totals(ingest, &totals);
	} while (totals.committed_events < totals.taken_events);
}

/* All rows of what SQL yields, a line each. */
static void expect(const char *sql, const char *wanted)
{
	char text[4096] = "";
	sqlite3_stmt *rows;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s\n", sqlite3_column_text(rows, 0));
	}
	sqlite3_finalize(rows);
	sqlite3_close(db);
	assert_string_equal(text, wanted);
}

#define OPERATIONS                                                                                                     \
	"SELECT number || ' ' || name || ' ' || coalesce(around, '-') || ' ' || begin_ns || '..' || "                  \
	"coalesce(end_ns, '') || ' ' || ended || ' ' || tid FROM operation ORDER BY number"

static void test_operations_nest_by_thread(void **state)
{
	struct stream stream;
	uint32_t matmul, create;

	(void)state;
	open_stream(&stream, open_new());
	matmul = add_name(&stream, "matmul");
	create = add_name(&stream, "create");
	begin(&stream, 0, matmul, 0);
	begin(&stream, 1, create, 0);
	begin(&stream, 0, create, 1);
	end(&stream, 0, 1, TTA_OPERATION_RETURNED);
	end(&stream, 1, 0, TTA_OPERATION_ABORTED);
	end(&stream, 0, 0, TTA_OPERATION_RETURNED);
	end(&stream, 0, 0, TTA_OPERATION_RETURNED); /* of one that began before the recording */
	close_all(stream.ingest);
	expect(OPERATIONS,
	       "1 matmul - 10..60 returned 10\n2 create - 20..50 exception 11\n3 create 1 30..40 returned 10\n");
	expect("SELECT events FROM process_info", "0\n");
	expect("SELECT count(*) FROM loss_row", "0\n");
}

/* Texts are kept once; what found no room in the process's table is counted. */
static void test_arguments(void **state)
{
	struct stream stream;
	uint64_t arguments[4] = {0};

	(void)state;
	open_stream(&stream, open_new());
	arguments[0] = add_entry(&stream, TTA_ENTRY_ARGUMENTS, "Shape([1, 2])\n3", 15);
	arguments[1] = arguments[0];
	arguments[3] = TTA_LEFT_OUT;
	for (size_t i = 0; i < 4; i++) {
		send_from(&stream, 0,
		          (struct tta_event){.kind = TTA_OPERATION_BEGIN, .range = {.arguments_entry = arguments[i]}});
		end(&stream, 0, 0, TTA_OPERATION_RETURNED);
	}
	close_all(stream.ingest);
	expect("SELECT number || ' ' || coalesce(arguments, '-') FROM operation ORDER BY number",
	       "1 Shape([1, 2])\n3\n2 Shape([1, 2])\n3\n3 -\n4 -\n");
	expect("SELECT count(*) FROM operation_text WHERE text LIKE 'Shape%'", "1\n");
	expect("SELECT why || ' ' || count FROM loss_row", "no room for arguments of operations 1\n");
}

/* What its thread drops tells no end: the next beginning of the level, or of one around it, does. */
static void test_lost_ends(void **state)
{
	struct stream stream;
	uint32_t name;

	(void)state;
	open_stream(&stream, open_new());
	name = add_name(&stream, "a");
	begin(&stream, 0, name, 0);
	begin(&stream, 0, name, 1);
	begin(&stream, 0, name, 2);
	begin(&stream, 0, name, 1);
	end(&stream, 0, 0, TTA_OPERATION_RETURNED);
	close_all(stream.ingest);
	expect(OPERATIONS, "1 a - 10..50 returned 10\n2 a 1 20..40 returned 10\n3 a 2 30..40 returned 10\n"
	                   "4 a 1 40..50 returned 10\n");
}

/* A recorder that goes on knows what is open; what is open at a process's end has no end. */
static void test_open_over_commits_and_recorders(void **state)
{
	struct stream stream;
	struct ingest *ingest;
	uint32_t name;

	(void)state;
	open_stream(&stream, open_new());
	name = add_name(&stream, "a");
	begin(&stream, 0, name, 0);
	begin(&stream, 0, name, 1);
	end(&stream, 0, 1, TTA_OPERATION_RETURNED);
	commit(stream.ingest);
	expect(OPERATIONS, "1 a - 10.. running 10\n2 a 1 20..30 returned 10\n");
	close_all(stream.ingest);

	ingest = open_file(true);
	stream.ingest = ingest;
	begin(&stream, 0, name, 1);
	end(&stream, 0, 1, TTA_OPERATION_RETURNED);
	end(&stream, 0, 0, TTA_OPERATION_RETURNED);
	begin(&stream, 0, name, 0);
	ingest_process_ended(ingest, stream.process, 1000, "process exit");
	close_all(ingest);
	expect(OPERATIONS, "1 a - 10..60 returned 10\n2 a 1 20..30 returned 10\n3 a 1 40..50 returned 10\n4 a - 70.. "
	                   "process exit 10\n");
	expect("SELECT count(*) FROM range_open", "1\n");
}

static void test_labels_are_ranges(void **state)
{
	struct tta_event mark = {.kind = TTA_LABEL_BEGIN};
	struct stream stream;
	uint8_t outer[8 + 5] = {0};

	(void)state;
	open_stream(&stream, open_new());
	memcpy(outer + 8, "outer", 5);
	mark.label = add_entry(&stream, TTA_ENTRY_LABEL, outer, sizeof(outer));
	for (int turn = 0; turn < 2; turn++) {
		mark.kind = TTA_LABEL_BEGIN;
		send_from(&stream, 0, mark);
		mark.kind = TTA_LABEL_END;
		send_from(&stream, 0, mark);
	}
	close_all(stream.ingest);
	expect("SELECT label || ' ' || begin_ns || '..' || end_ns FROM label_span ORDER BY begin_ns",
	       "outer 10..20\nouter 30..40\n");
	expect("SELECT count(*) FROM operation", "0\n");
}

/* A tensor is its block's; of one that is another view of it, the operations know. */
static void test_tensors(void **state)
{
	struct stream stream;
	uint32_t name, wide, tall;

	(void)state;
	open_stream(&stream, open_new());
	name = add_name(&stream, "a");
	wide = add_spec(&stream, "1x64");
	tall = add_spec(&stream, "64x1");
	send_block(&stream, TTA_ALLOC, 64);
	send_block(&stream, TTA_ALLOC, 128);
	commit(stream.ingest);                    /* these rows are in the file */
	send_tensor(&stream, 64, wide, 0, false); /* of no operation */
	for (int turn = 0; turn < 3; turn++) {
		begin(&stream, 0, name, 0);
		send_tensor(&stream, 64, wide, 0, false);
		send_block(&stream, TTA_ALLOC, 192);
		send_tensor(&stream, 192, wide, 0, true);
		send_tensor(&stream, 64, tall, 1, true);
		send_tensor(&stream, 999, wide, 2, true);    /* of no block */
		send_tensor(&stream, 64, 1u << 20, 3, true); /* of no kind */
		end(&stream, 0, 0, TTA_OPERATION_RETURNED);
		send_block(&stream, TTA_FREE, 192);
	}
	close_all(stream.ingest);
	expect("SELECT o.number || ' ' || t.output || ' ' || t.position || ' ' || a.address || ' ' || t.shape FROM "
	       "operation_tensor t JOIN operation o USING (operation_id) JOIN allocation a USING (allocation_id) "
	       "WHERE o.number < 3 ORDER BY 1",
	       "1 0 0 64 1x64\n1 1 0 192 1x64\n1 1 1 64 64x1\n2 0 0 64 1x64\n2 1 0 192 1x64\n2 1 1 64 64x1\n");
	expect("SELECT count(*) FROM operation_tensor", "9\n");
	expect(
	    "SELECT address || ' ' || shape FROM held h JOIN origin_tensor t ON t.origin = h.origin JOIN tensor_spec s "
	    "ON s.id = t.spec",
	    "64 1x64\n");
	expect("SELECT count(*) FROM freed f JOIN origin_tensor t ON t.origin = f.origin WHERE free_origin IS NULL",
	       "3\n");
	expect("SELECT count(*) FROM tensor_spec", "2\n");
	expect("SELECT events || ' ' || lost FROM process_info", "8 0\n");
}

/* Of an operation that takes lists of tensors; what is one too many is counted. */
static void test_many_tensors(void **state)
{
	enum { MOST = 65536, MORE = 3 };
	struct stream stream;
	uint32_t name, spec;

	(void)state;
	open_stream(&stream, open_new());
	name = add_name(&stream, "a");
	spec = add_spec(&stream, "1x64");
	send_block(&stream, TTA_ALLOC, 64);
	begin(&stream, 0, name, 0);
	for (uint32_t i = 0; i < MOST + MORE; i++)
		send_tensor(&stream, 64, spec, i, false);
	end(&stream, 0, 0, TTA_OPERATION_RETURNED);
	close_all(stream.ingest);
	expect("SELECT count(*) || ' ' || max(position) FROM operation_tensor", "65536 65535\n");
	expect("SELECT why || ' ' || sum(count) FROM loss_row GROUP BY why",
	       "no room for more tensors of an operation in the recorder 3\n");
	expect("SELECT lost FROM process_info", "0\n");
	expect("SELECT sum(complete) FROM region", "0\n");
}

/* More than a thread can have open at once are lost, and their ends end nothing else. */
static void test_too_deep(void **state)
{
	enum { MOST = 4096, MORE = 2 };
	struct stream stream;
	uint32_t name;

	(void)state;
	open_stream(&stream, open_new());
	name = add_name(&stream, "a");
	for (uint32_t i = 0; i < MOST + MORE; i++)
		begin(&stream, 0, name, i);
	for (uint32_t i = MOST + MORE; i-- > 0;)
		end(&stream, 0, i, TTA_OPERATION_RETURNED);
	close_all(stream.ingest);
	expect("SELECT count(*) || ' ' || sum(ended = 'returned') FROM operation", "4096 4096\n");
	expect("SELECT end_ns FROM operation WHERE number = 4096", "41010\n");
	expect("SELECT why || ' ' || sum(count) FROM loss_row GROUP BY why",
	       "unknown kind, or too many devices, regions or open ranges 2\n");
}

/* Many fit few rows, and those that are open meanwhile do not matter. */
static void test_pages(void **state)
{
	struct stream stream;
	uint32_t name;

	(void)state;
	open_stream(&stream, open_new());
	name = add_name(&stream, "a");
	begin(&stream, 1, name, 0);
	for (int i = 0; i < 1000; i++) {
		begin(&stream, 0, name, 0);
		end(&stream, 0, 0, TTA_OPERATION_RETURNED);
	}
	close_all(stream.ingest);
	expect("SELECT count(*) || ' ' || count(DISTINCT number) || ' ' || min(number) || ' ' || max(number) FROM "
	       "operation",
	       "1001 1001 1 1001\n");
	expect("SELECT sum(end_ns - begin_ns) FROM operation", "10000\n");
	expect("SELECT max(count) FROM range_page", "64\n");
	expect("SELECT count(*) < 50 FROM range_page", "1\n");
	expect("SELECT count(*) FROM range_what", "2\n");
}

/* More than a thread can have, and levels that are none. */
static void test_hostile(void **state)
{
	struct stream stream;
	uint32_t name;

	(void)state;
	open_stream(&stream, open_new());
	name = add_name(&stream, "a");
	for (uint64_t level = 0; level < 5000; level++)
		begin(&stream, 0, name + (uint32_t)level % 3, level);
	end(&stream, 0, UINT64_MAX, 7);
	begin(&stream, 0, 1u << 30, UINT64_MAX);
	end(&stream, 0, 17, 7);
	close_all(stream.ingest);
	expect("SELECT count(*) FROM operation", "4096\n");
	expect("SELECT sum(count) FROM loss_row WHERE why LIKE 'unknown kind%'", "905\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_operations_nest_by_thread, clean_up),
	    cmocka_unit_test_teardown(test_arguments, clean_up),
	    cmocka_unit_test_teardown(test_lost_ends, clean_up),
	    cmocka_unit_test_teardown(test_open_over_commits_and_recorders, clean_up),
	    cmocka_unit_test_teardown(test_labels_are_ranges, clean_up),
	    cmocka_unit_test_teardown(test_tensors, clean_up),
	    cmocka_unit_test_teardown(test_many_tensors, clean_up),
	    cmocka_unit_test_teardown(test_too_deep, clean_up),
	    cmocka_unit_test_teardown(test_pages, clean_up),
	    cmocka_unit_test_teardown(test_hostile, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
