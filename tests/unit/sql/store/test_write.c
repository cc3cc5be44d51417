/* SPDX-License-Identifier: Apache-2.0
 *
 * test_write.c - the write side: rows in, rows in the file; files that must not be touched; a disk that is full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql/base/text.h"
#include "sql/store/write.h"

static char directory[] = "/tmp/ttalloc-test-write-XXXXXX";
static char path[128];

static int make_directory(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/run.db", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static struct writer *create(void)
{
	struct writer_identity identity = {.uuid = "00112233445566778899aabbccddeeff", .version = "1", .boot_id = "b"};
	struct writer *writer;
	struct sql_error error;

	unlink(path);
	if (writer_create(path, &identity, &writer, &error) != 0)
		fail_msg("%s", error.text);
	return writer;
}

static void finish(struct writer *writer)
{
	struct sql_error error;

	assert_int_equal(writer_finish(writer, 99, "clean", 0, &error), WRITE_DONE);
	writer_close(writer);
}

static int64_t ask(const char *text)
{
	sqlite3_stmt *statement;
	int64_t value;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

static void test_rows_arrive(void **state)
{
	const struct freed_row freed[] = {
	    {.key = 2,
	     .life = 1,
	     .free_ns = 20,
	     .held_ns = 10,
	     .address = -1,
	     .size_bytes = 64,
	     .bank_bytes = 32,
	     .origin = 1},
	    {.key = 4, .life = 1, .size_bytes = 5, .bank_bytes = ROW_SAME_BYTES, .origin = 1, .free_origin = 2},
	};
	const struct held_row held[] = {{.key = 5, .bank_bytes = ROW_SAME_BYTES, .origin = 1}, {.key = 6}, {.key = 7}};
	const struct closed_row closed[] = {{7, 8, 80}};
	struct unheld_row unheld[] = {{6}, {5}};
	struct write_rows rows = {.held = held, .held_count = 3, .end_ns = 50};
	struct writer *writer = create();
	struct sql_error error;

	(void)state;
	assert_int_equal(writer_store(writer, &rows, &error), WRITE_DONE);
	rows = (struct write_rows){.freed = freed, .freed_count = 2, .unheld = unheld, .unheld_count = 2};
	rows.closed = closed;
	rows.closed_count = 1;
	assert_int_equal(writer_store(writer, &rows, &error), WRITE_DONE);
	finish(writer);
	assert_int_equal(ask("SELECT count(*) FROM freed WHERE bank_bytes IS NULL AND free_origin = 2 AND key = 4"), 1);
	assert_int_equal(
	    ask("SELECT count(*) FROM freed WHERE bank_bytes = 32 AND free_origin IS NULL AND address = -1"), 1);
	assert_int_equal(ask("SELECT count(*) FROM held WHERE key = 7 AND end_key = 8 AND end_ns = 80"), 1);
	assert_int_equal(ask("SELECT count(*) FROM held"), 1);
	assert_int_equal(ask("SELECT end_ns FROM recording_info WHERE ended = 'clean'"), 99);
}

static void test_all_or_none(void **state)
{
	const struct held_row held[] = {{.key = 1}, {.key = 2}, {.key = 1}};
	struct write_rows rows = {.held = held, .held_count = 3};
	struct writer *writer = create();
	struct sql_error error;

	(void)state;
	assert_int_equal(writer_store(writer, &rows, &error), WRITE_NEVER);
	rows.held_count = 2;
	assert_int_equal(writer_store(writer, &rows, &error), WRITE_DONE);
	finish(writer);
	assert_int_equal(ask("SELECT count(*) FROM held"), 2);
}

static void test_file_is_private_and_says_what_it_is(void **state)
{
	struct stat status;

	(void)state;
	finish(create());
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(ask("PRAGMA application_id"), SQL_APPLICATION_ID);
	assert_int_equal(ask("PRAGMA user_version"), SQL_SCHEMA_VERSION);
	assert_int_equal(ask("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'delete'"), 1);
}

/* Also of a file that was just made, in its own first page: a copy, or what a killed recorder left, is known by it. */
static void test_young_file_says_what_it_is(void **state)
{
	struct writer *writer = create();
	unsigned char page[100] = {0};
	int file = open(path, O_RDONLY);

	(void)state;
	assert_int_equal(pread(file, page, sizeof(page), 0), sizeof(page));
	close(file);
	assert_memory_equal(page, "SQLite format 3", 16);
	assert_memory_equal(page + 60, ((unsigned char[]){0, 0, 0, SQL_SCHEMA_VERSION}), 4);
	assert_memory_equal(page + 68, "ttal", 4);
	assert_int_equal(page[18], 2); /* WAL */
	finish(writer);
}

static void expect_refused(const char *words)
{
	struct writer_identity identity;
	struct writer *writer;
	struct sql_error error;

	assert_int_equal(writer_reopen(path, &writer, &identity, &error), -1);
	assert_null(writer);
	assert_non_null(strstr(error.text, words));
}

static void change_file(const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_refused_files(void **state)
{
	struct writer_identity identity = {.uuid = "00", .version = "1"};
	struct writer *writer;
	struct sql_error error;
	char link[160];

	(void)state;
	finish(create());
	assert_int_equal(writer_create(path, &identity, &writer, &error), -1); /* it is there */
	change_file("PRAGMA user_version = 99");
	expect_refused("newer");
	change_file("PRAGMA user_version = 1; PRAGMA application_id = 5");
	expect_refused("not a ttalloc recording");
	unlink(path);
	expect_refused("cannot be appended to");
	snprintf(link, sizeof(link), "%s/link", directory);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(writer_create(link, &identity, &writer, &error), -1);
	assert_int_not_equal(access(path, F_OK), 0);
	unlink(link);
}

/* While the disk is full nothing is stored, and afterwards all of it. */
static void test_full_disk(void **state)
{
	static struct held_row held[200000];
	struct write_rows rows = {.held = held, .held_count = 200000};
	struct rlimit before, small;
	struct writer *writer = create();
	struct sql_error error;

	(void)state;
	for (int i = 0; i < 200000; i++)
		held[i] = (struct held_row){.key = i + 1, .address = (int64_t)1 << 60, .alloc_ns = (int64_t)1 << 60};
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(writer_store(writer, &rows, &error), WRITE_LATER);
	assert_int_equal(writer_store(writer, &rows, &error), WRITE_LATER);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(writer_store(writer, &rows, &error), WRITE_DONE);
	finish(writer);
	assert_int_equal(ask("SELECT count(*) FROM held"), 200000);
}

/* So many that the image they are copied from has pages on three levels, with numbers of all lengths. */
static void test_rows_of_any_count_and_length(void **state)
{
	enum { COUNT = 2600000 };
	struct run_row *runs = calloc(COUNT, sizeof(*runs));
	struct write_rows rows = {.runs = runs, .run_count = COUNT};
	struct writer *writer = create();
	struct sql_error error;
	int64_t sum = 0, far = 0;

	(void)state;
	assert_non_null(runs);
	for (int64_t i = 0; i < COUNT; i++) {
		runs[i] = (struct run_row){.key = i < COUNT / 2 ? i + 1 : (INT64_C(1) << 60) + i,
		                           .at_ns = INT64_C(1) << (i % 63),
		                           .origin = UINT32_MAX,
		                           .program = i % 2 ? -(INT64_C(1) << (i % 63)) : (INT64_C(1) << (i % 63)) - 1};
		sum += runs[i].at_ns % 1000003 + runs[i].program % 1000003;
		far += runs[i].key > INT64_C(1) << 60;
	}
	assert_int_equal(writer_store(writer, &rows, &error), WRITE_DONE);
	finish(writer);
	assert_int_equal(ask("SELECT count(*) FROM program_run WHERE origin = 4294967295"), COUNT);
	assert_int_equal(ask("SELECT sum(at_ns % 1000003 + program % 1000003) FROM program_run"), sum);
	assert_int_equal(ask("SELECT count(*) FROM program_run WHERE key > 1 << 60"), far);
	assert_int_equal(ask("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
	free(runs);
}

/* The -wal does not grow without end. */
static void test_checkpoints(void **state)
{
	static struct held_row held[1000];
	struct write_rows rows = {.held = held, .held_count = 1000};
	struct writer *writer = create();
	struct stat status;
	struct sql_error error;
	char wal[160];

	(void)state;
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 1000; i++)
			held[i].key = round * 1000 + i + 1;
		assert_int_equal(writer_store(writer, &rows, &error), WRITE_DONE);
		writer_checkpoint(writer, 1 << 18, 1 << 20);
	}
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(stat(wal, &status), 0);
	assert_true(status.st_size < 2 << 20);
	finish(writer);
	assert_int_not_equal(access(wal, F_OK), 0);
	assert_int_equal(ask("SELECT count(*) FROM held"), 200000);
}

/* What a recording says of itself is there, what it does not say is NULL, and who goes on with it is told the same. */
static void test_identity_comes_back(void **state)
{
	const struct writer_identity said = {.uuid = "00112233445566778899aabbccddeeff",
	                                     .version = "1",
	                                     .start_realtime_ns = 1000,
	                                     .start_monotonic_ns = 10,
	                                     .boot_id = "b",
	                                     .host = "h",
	                                     .user = "u",
	                                     .directory = "/d",
	                                     .socket = "/s\xFF", /* a path: its bytes are its own */
	                                     .command = "train",
	                                     .job = "j",
	                                     .rank = 0,
	                                     .devices = "[0, 2]",
	                                     .ranks = 4};
	struct writer_identity heard = {.rank = 7};
	struct writer *writer;
	struct sql_error error;

	(void)state;
	unlink(path);
	assert_int_equal(writer_create(path, &said, &writer, &error), 0);
	finish(writer);
	assert_int_equal(ask("SELECT count(*) FROM recording_info, recording_job, job_size, recording_file "
	                     "WHERE command = 'train' AND job = 'j' AND rank = 0 AND ranks = 4 AND devices = '[0, 2]' "
	                     "AND number = 0 AND last_what = 0"),
	                 1);
	assert_int_equal(writer_reopen(path, &writer, &heard, &error), 0);
	assert_string_equal(heard.uuid, said.uuid);
	assert_int_equal(heard.start_realtime_ns, 1000);
	assert_int_equal(heard.start_monotonic_ns, 10);
	assert_string_equal(heard.boot_id, "b");
	assert_string_equal(heard.host, "h");
	assert_string_equal(heard.user, "u");
	assert_string_equal(heard.directory, "/d");
	assert_string_equal(heard.socket, "/s\xFF");
	assert_string_equal(heard.devices, "[0, 2]");
	assert_true(heard.clean);
	finish(writer);

	change_file("UPDATE recording_info SET uuid = ''");
	expect_refused("does not say which recording it is");
	change_file("DELETE FROM recording_info");
	expect_refused("does not say which recording it is");
	unlink(path);
	assert_int_equal(
	    writer_create(path, &(struct writer_identity){.uuid = "00", .version = "1", .rank = -1}, &writer, &error),
	    0);
	finish(writer);
	assert_int_equal(ask("SELECT (SELECT count(*) FROM recording_job) + (SELECT count(*) FROM job_size) + "
	                     "(SELECT count(*) FROM recording_file) + count(command) FROM recording_info"),
	                 0);
}

static void test_text_is_cleaned(void **state)
{
	char clean[64];
	size_t used = text_clean("a\xC3\xA4\xFF\xC3", 5, clean);

	(void)state;
	assert_int_equal(used, 3 + 3 + 3);
	assert_memory_equal(clean, "a\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD", used);
	used = text_clean("\xC0\x80\xED\xA0\x80", 5, clean); /* overlong, and half of a pair */
	assert_int_equal(used, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows_arrive),
	    cmocka_unit_test(test_all_or_none),
	    cmocka_unit_test(test_file_is_private_and_says_what_it_is),
	    cmocka_unit_test(test_young_file_says_what_it_is),
	    cmocka_unit_test(test_refused_files),
	    cmocka_unit_test(test_full_disk),
	    cmocka_unit_test(test_rows_of_any_count_and_length),
	    cmocka_unit_test(test_checkpoints),
	    cmocka_unit_test(test_identity_comes_back),
	    cmocka_unit_test(test_text_is_cleaned),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
