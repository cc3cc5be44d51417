/* SPDX-License-Identifier: Apache-2.0
 *
 * test_stacks.c - addresses of processes become places in modules: the same in every process, found again after a
 * restart, and nothing of a hostile table believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/ledger/ingest.h"
#include "recorder/ledger/stacks.h"
#include "tests/unit/recorder/ingest_file.h"

/* ---- A process's table ---- */

struct table {
	uint8_t bytes[1 << 21];
	uint32_t used;
};

static struct table new_table(void)
{
	return (struct table){.used = 8};
}

static uint32_t add_raw(struct table *table, uint32_t type, const void *data, uint32_t bytes, uint32_t said_bytes)
{
	struct tta_entry_header header = {.type = type, .data_bytes = said_bytes};
	uint32_t number = table->used / 8;

	assert_true(table->used + sizeof(header) + bytes + 8 <= sizeof(table->bytes));
	memcpy(table->bytes + table->used, &header, sizeof(header));
	memcpy(table->bytes + table->used + sizeof(header), data, bytes);
	table->used += ((uint32_t)sizeof(header) + bytes + 7) / 8 * 8;
	return number;
}

static uint32_t add_entry(struct table *table, uint32_t type, const void *data, uint32_t bytes)
{
	return add_raw(table, type, data, bytes, bytes);
}

static uint32_t add_module(struct table *table, struct tta_module_entry head, const char *build_id, const char *name)
{
	uint8_t data[8192];
	uint32_t id_bytes = (uint32_t)strlen(build_id), name_bytes = (uint32_t)strlen(name);

	head.build_id_bytes = head.build_id_bytes ? head.build_id_bytes : id_bytes;
	head.path_bytes = head.path_bytes ? head.path_bytes : name_bytes;
	memcpy(data, &head, sizeof(head));
	memcpy(data + sizeof(head), build_id, id_bytes);
	memcpy(data + sizeof(head) + id_bytes, name, name_bytes);
	return add_entry(table, TTA_ENTRY_MODULE, data, (uint32_t)sizeof(head) + id_bytes + name_bytes);
}

static uint32_t add_code(struct table *table, const char *function, const char *file)
{
	struct tta_code_entry head = {(uint32_t)strlen(function), (uint32_t)strlen(file)};
	uint8_t data[1024];

	memcpy(data, &head, sizeof(head));
	memcpy(data + sizeof(head), function, head.function_bytes);
	memcpy(data + sizeof(head) + head.function_bytes, file, head.file_bytes);
	return add_entry(table, TTA_ENTRY_CODE, data, (uint32_t)sizeof(head) + head.function_bytes + head.file_bytes);
}

#define ADD_STACK(table, ...)                                                                                          \
	add_entry(table, TTA_ENTRY_STACK, ((uint64_t[]){__VA_ARGS__}), sizeof((uint64_t[]){__VA_ARGS__}))

#define CODE_FRAME(line, entry) (TTA_FRAME_CODE | (uint64_t)(line) << 32 | (entry))

/* ---- A recording ---- */

static uint32_t introduce(struct ingest *ingest, uint8_t name)
{
	struct ingest_process about = {.segment_id = {name}, .segment_path = "p"};
	uint64_t committed;

	return ingest_process(ingest, &about, &committed);
}

/* An alloc of SIZE bytes, which tells allocations apart below, with the stack that is entry STACK of TABLE. */
static void alloc_at(struct ingest *ingest, uint32_t process, uint64_t size, const struct table *table, uint32_t stack)
{
	struct tta_event event = {.kind = TTA_ALLOC, .address = size * 4096, .size_bytes = size, .stack = stack};

	ingest_batch(ingest, process,
	             &(struct ingest_batch){
	                 .first_number = size,
	                 .count = 1,
	                 .events = &event,
	                 .at_ns = &size,
	                 .thread_entries = &(uint32_t){0},
	                 .table = {.bytes = table->bytes, .size_bytes = table->used},
	             });
}

/* The one value that TEXT asks for, as text; valid until the next question. */
static const char *ask(const char *text)
{
	static char answer[4096];
	sqlite3_stmt *statement;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	snprintf(answer, sizeof(answer), "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return answer;
}

/* The frames of the alloc of SIZE bytes, innermost first: module+address or function file:line, and spaces between. */
static const char *stack_of(unsigned size)
{
	char text[1024];

	snprintf(text, sizeof(text),
	         "WITH RECURSIVE s(frames) AS (SELECT k.frames FROM allocation a JOIN stack_info k ON k.id = a.stack "
	         "WHERE a.size_bytes = %u LIMIT 1), n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n, s WHERE i + 1 < "
	         "length(frames) / 4), id(i, frame) AS (SELECT i, (SELECT f.id FROM frame_info f WHERE "
	         "hex(substr(s.frames, 4 * i + 1, 4)) = printf('%%02X%%02X%%02X%%02X', f.id & 255, f.id >> 8 & 255, "
	         "f.id >> 16 & 255, f.id >> 24)) FROM n, s) SELECT coalesce(group_concat(what, ' '), 'none') FROM "
	         "(SELECT CASE WHEN y.function IS NOT NULL THEN printf('%%s %%s:%%d', y.function, y.file, y.line) "
	         "ELSE printf('%%s+%%d', coalesce(m.path, '?'), f.address) END AS what FROM id "
	         "JOIN frame_info f ON f.id = id.frame LEFT JOIN module_info m ON m.id = f.module "
	         "LEFT JOIN symbol_info y ON y.frame = f.id ORDER BY id.i)",
	         size);
	return ask(text);
}

/* ---- The tests ---- */

static const struct tta_module_entry at_1000 = {.start = 0x1000, .end = 0x2000, .bias = 0x1000};
static const struct tta_module_entry at_5000 = {.start = 0x5000, .end = 0x6000, .bias = 0x5000};

static void test_same_place_in_two_processes(void **state)
{
	struct table first = new_table(), second = new_table();
	struct ingest *ingest = open_new();
	uint32_t code, stacks[2];

	(void)state;
	add_module(&first, at_1000, "ab", "/lib/a");
	code = add_code(&first, "step", "a.py");
	stacks[0] = ADD_STACK(&first, 0x1010, 0x7777, CODE_FRAME(12, code));
	add_entry(&second, TTA_ENTRY_TEXT, "other numbers", 13);
	code = add_code(&second, "step", "a.py");
	add_module(&second, at_5000, "ab", "/lib/a");
	stacks[1] = ADD_STACK(&second, 0x5010, 0x7777, CODE_FRAME(12, code));
	alloc_at(ingest, introduce(ingest, 1), 1, &first, stacks[0]);
	alloc_at(ingest, introduce(ingest, 2), 2, &second, stacks[1]);
	close_all(ingest);
	assert_string_equal(stack_of(1), "/lib/a+16 ?+30583 step a.py:12");
	assert_string_equal(ask("SELECT count(DISTINCT stack) FROM allocation"), "1");
	assert_string_equal(ask("SELECT count(*) FROM module_info"), "1");
	assert_string_equal(ask("SELECT build_id FROM module_info"), "6162");
	assert_string_equal(ask("SELECT count(*) FROM frame_info"), "3");
}

/* Modules of one path that were built anew are others. */
static void test_build_ids_tell_modules_apart(void **state)
{
	struct table table = new_table();
	struct ingest *ingest = open_new();

	(void)state;
	add_module(&table, at_1000, "a", "/lib/a");
	add_module(&table, at_5000, "b", "/lib/a");
	alloc_at(ingest, introduce(ingest, 1), 1, &table, ADD_STACK(&table, 0x1010, 0x5010));
	close_all(ingest);
	assert_string_equal(stack_of(1), "/lib/a+16 /lib/a+16");
	assert_string_equal(ask("SELECT count(*) FROM module_info"), "2");
	assert_string_equal(ask("SELECT count(*) FROM frame_info"), "2");
}

/* Linkers take any number of bytes for one (--build-id=0x...), of which a hook keeps 64. */
static void test_long_build_id(void **state)
{
	struct table table = new_table();
	struct ingest *ingest = open_new();

	(void)state;
	add_module(&table, at_1000, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "/lib/a");
	alloc_at(ingest, introduce(ingest, 1), 1, &table, ADD_STACK(&table, 0x1010));
	close_all(ingest);
	assert_string_equal(stack_of(1), "/lib/a+16");
	assert_string_equal(ask("SELECT length(build_id) FROM module_info"), "128");
}

static void test_later_module_wins_from_then_on(void **state)
{
	struct tta_module_entry half = {.start = 0x1800, .end = 0x2800, .bias = 0x1800};
	struct table table = new_table();
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1), before, after, again;

	(void)state;
	add_module(&table, at_1000, "", "/lib/a");
	before = ADD_STACK(&table, 0x1010, 0x1810);
	add_module(&table, half, "", "/lib/b");
	after = ADD_STACK(&table, 0x1010, 0x1810, 0x2010);
	add_module(&table, at_1000, "", "/lib/a");
	again = ADD_STACK(&table, 0x1810, 0x2010);
	alloc_at(ingest, process, 1, &table, again); /* all modules are known by the time of the others */
	alloc_at(ingest, process, 2, &table, after);
	alloc_at(ingest, process, 3, &table, before);
	close_all(ingest);
	assert_string_equal(stack_of(3), "/lib/a+16 /lib/a+2064");
	assert_string_equal(stack_of(2), "/lib/a+16 /lib/b+16 /lib/b+2064");
	assert_string_equal(stack_of(1), "/lib/a+2064 /lib/b+2064");
}

/* Where a library was closed there is nothing, until another one comes. */
static void test_holes(void **state)
{
	struct table table = new_table();
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1), stacks[3];

	(void)state;
	add_module(&table, at_1000, "", "/lib/a");
	stacks[0] = ADD_STACK(&table, 0x1010, 0x1010);
	add_module(&table, at_1000, "", "");
	stacks[1] = ADD_STACK(&table, 0x1010);
	add_module(&table, at_1000, "", "/lib/b");
	stacks[2] = ADD_STACK(&table, 0x1010, 0x1010, 0x1010);
	for (uint32_t i = 0; i < 3; i++)
		alloc_at(ingest, process, i + 1, &table, stacks[i]);
	close_all(ingest);
	assert_string_equal(stack_of(1), "/lib/a+16 /lib/a+16");
	assert_string_equal(stack_of(2), "?+4112");
	assert_string_equal(stack_of(3), "/lib/b+16 /lib/b+16 /lib/b+16");
}

/* From the first module on that is one too many nobody knows what lies where. */
static void test_too_many_modules(void **state)
{
	struct table table = new_table();
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1), before, after;

	(void)state;
	for (uint32_t i = 0; i < STACKS_MOST_MODULES; i++)
		add_module(&table, at_1000, "", i % 2 ? "/lib/b" : "/lib/a");
	before = ADD_STACK(&table, 0x1010);
	add_module(&table, at_1000, "", "/lib/a");
	after = ADD_STACK(&table, 0x1010, 0x1010);
	alloc_at(ingest, process, 1, &table, before);
	alloc_at(ingest, process, 2, &table, after);
	close_all(ingest);
	assert_string_equal(stack_of(1), "/lib/b+16");
	assert_string_equal(stack_of(2), "?+4112 ?+4112");
	assert_string_equal(ask("SELECT why || ' ' || count FROM loss"), "no room for the libraries of call stacks 1");
}

/* A table that grows: what comes later is read then. */
static void test_modules_come_later(void **state)
{
	struct table table = new_table();
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1);

	(void)state;
	alloc_at(ingest, process, 1, &table, ADD_STACK(&table, 0x1010));
	add_module(&table, at_1000, "", "/lib/a");
	alloc_at(ingest, process, 2, &table, ADD_STACK(&table, 0x1011));
	alloc_at(ingest, process, 3, &table, 2); /* no entry begins here */
	alloc_at(ingest, process, 4, &table, 1); /* the first stack again */
	close_all(ingest);
	assert_string_equal(stack_of(1), "?+4112");
	assert_string_equal(stack_of(2), "/lib/a+17");
	assert_string_equal(stack_of(3), "none");
	assert_string_equal(stack_of(4), "?+4112");
}

static void test_restart_finds_all_again(void **state)
{
	struct table table = new_table();
	uint32_t stack;
	static const char counts[] = "SELECT (SELECT count(*) FROM module_info) || ' ' || (SELECT count(*) FROM "
	                             "frame_info) || ' ' || (SELECT count(*) FROM symbol_info) || ' ' || "
	                             "(SELECT count(*) FROM stack_info)";

	(void)state;
	add_module(&table, at_1000, "ab", "/lib/a");
	add_module(&table, at_5000, "", "/lib/b");
	stack = ADD_STACK(&table, 0x1010, 0x5010, 0x9999, CODE_FRAME(3, add_code(&table, "f", "\xc3\xa9.py")),
	                  CODE_FRAME(0, 9999));
	for (uint32_t round = 1; round <= 3; round++) {
		struct ingest *ingest = round == 1 ? open_new() : open_file(true);

		alloc_at(ingest, introduce(ingest, (uint8_t)round), 1, &table, stack);
		close_all(ingest);
		assert_string_equal(ask(counts), "2 5 1 1");
		assert_string_equal(ask("SELECT count(DISTINCT stack) FROM allocation"), "1");
	}
}

/* ---- Hostile tables ---- */

static void test_hostile_modules(void **state)
{
	struct tta_module_entry module = at_1000;
	struct table table = new_table();
	struct ingest *ingest = open_new();

	(void)state;
	add_module(&table, at_1000, "", "/lib/sound");
	add_module(&table, (struct tta_module_entry){.start = 0x2000, .end = 0x1000}, "", "/lib/backwards");
	add_module(&table, (struct tta_module_entry){.start = 0x1000, .end = 0x1000}, "", "/lib/empty");
	module.build_id_bytes = 65;
	add_module(&table, module, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", "/lib/long-id");
	module.build_id_bytes = UINT32_MAX; /* takes all there is: no path is left */
	add_module(&table, module, "ab", "/lib/endless-id");
	add_entry(&table, TTA_ENTRY_MODULE, &at_1000, 3);
	module = at_5000;
	module.path_bytes = UINT32_MAX; /* what there is of it */
	add_module(&table, module, "", "/lib/endless");
	alloc_at(ingest, introduce(ingest, 1), 1, &table, ADD_STACK(&table, 0x1010, 0x5010));
	close_all(ingest);
	assert_string_equal(stack_of(1), "/lib/sound+16 /lib/endless+16");
	assert_string_equal(ask("SELECT count(*) FROM module_info"), "2");
}

static void test_hostile_stacks(void **state)
{
	struct tta_code_entry endless = {.function_bytes = UINT32_MAX, .file_bytes = UINT32_MAX};
	struct table table = new_table();
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1), label, numbers[8];
	uint64_t frames[512];

	(void)state;
	for (size_t i = 0; i < 512; i++)
		frames[i] = 0x1000 + i;
	label = add_entry(&table, TTA_ENTRY_LABEL, "\0\0\0\0\0\0\0\0name", 12);
	numbers[0] = add_entry(&table, TTA_ENTRY_STACK, frames, sizeof(frames)); /* cut */
	numbers[1] = add_entry(&table, TTA_ENTRY_STACK, frames, 0);
	numbers[2] = add_entry(&table, TTA_ENTRY_STACK, frames, 7);
	numbers[3] = ADD_STACK(&table, CODE_FRAME(1, label), CODE_FRAME(1, 0), CODE_FRAME(0x7fffffff, UINT32_MAX));
	numbers[4] = ADD_STACK(&table, UINT64_MAX >> 1, 0);
	numbers[5] = ADD_STACK(&table, CODE_FRAME(7, add_entry(&table, TTA_ENTRY_CODE, &endless, sizeof(endless))),
	                       CODE_FRAME(7, add_entry(&table, TTA_ENTRY_CODE, &endless, 3)));
	numbers[6] = label;
	numbers[7] = add_raw(&table, TTA_ENTRY_STACK, frames, 8, UINT32_MAX); /* longer than the table */
	for (uint32_t i = 0; i < 8; i++)
		alloc_at(ingest, process, i + 1, &table, numbers[i]);
	alloc_at(ingest, process, 9, &table, UINT32_MAX);
	alloc_at(ingest, process, 10, &table, table.used / 8);
	close_all(ingest);
	assert_string_equal(ask("SELECT max(length(frames)) FROM stack_info"), "256");
	assert_string_equal(stack_of(2), "none");
	assert_string_equal(stack_of(3), "none");
	assert_string_equal(stack_of(4), "?+0 ?+0 ?+0");
	assert_string_equal(stack_of(5), "?+9223372036854775807 ?+0");
	for (unsigned i = 7; i <= 10; i++)
		assert_string_equal(stack_of(i), "none");
	assert_string_equal(ask("SELECT count(*) FROM allocation"), "10");
}

/* Any bytes: nothing is read outside of the table, which the sanitizers see. */
static void test_random_tables(void **state)
{
	struct ingest *ingest = open_new();
	uint64_t seed = 1;

	(void)state;
	for (uint32_t round = 1; round <= 200; round++) {
		struct table *table = calloc(1, sizeof(*table));
		uint32_t process = introduce(ingest, (uint8_t)round);
		uint8_t *exact;

		*table = new_table();
		add_module(table, at_1000, "ab", "/lib/a");
		add_code(table, "f", "a.py");
		for (uint64_t i = 0; i < 8; i++)
			ADD_STACK(table, 0x1000 + i, CODE_FRAME(i, 10 + i), 0x1100);
		for (uint32_t i = 0; i < round % 20; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			table->bytes[8 + (seed >> 33) % (table->used - 8)] = (uint8_t)(seed >> 56);
		}
		exact = malloc(table->used); /* so that reading behind it is found */
		memcpy(exact, table->bytes, table->used);
		for (uint32_t number = 0; number < table->used / 8 + 2; number++) {
			struct tta_event event = {
			    .kind = TTA_ALLOC, .address = number, .size_bytes = 1, .stack = number};
			uint64_t at_ns = number;

			while (!ingest_has_room(ingest))
				usleep(100);
			ingest_batch(ingest, process,
			             &(struct ingest_batch){.first_number = number + 1,
			                                    .count = 1,
			                                    .events = &event,
			                                    .at_ns = &at_ns,
			                                    .thread_entries = &(uint32_t){0},
			                                    .table = {.bytes = exact, .size_bytes = table->used}});
		}
		ingest_process_ended(ingest, process, 1000, "process exit");
		free(exact);
		free(table);
	}
	close_all(ingest);
	assert_string_equal(ask("PRAGMA integrity_check"), "ok");
	assert_string_equal(ask("SELECT count(*) FROM stack_info WHERE length(frames) % 4"), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_same_place_in_two_processes, clean_up),
	    cmocka_unit_test_teardown(test_build_ids_tell_modules_apart, clean_up),
	    cmocka_unit_test_teardown(test_long_build_id, clean_up),
	    cmocka_unit_test_teardown(test_later_module_wins_from_then_on, clean_up),
	    cmocka_unit_test_teardown(test_holes, clean_up),
	    cmocka_unit_test_teardown(test_too_many_modules, clean_up),
	    cmocka_unit_test_teardown(test_modules_come_later, clean_up),
	    cmocka_unit_test_teardown(test_restart_finds_all_again, clean_up),
	    cmocka_unit_test_teardown(test_hostile_modules, clean_up),
	    cmocka_unit_test_teardown(test_hostile_stacks, clean_up),
	    cmocka_unit_test_teardown(test_random_tables, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
