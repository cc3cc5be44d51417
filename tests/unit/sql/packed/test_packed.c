/* SPDX-License-Identifier: Apache-2.0
 *
 * test_packed.c - what is packed is read back, by any part of it; what was damaged, cut short or made up is refused,
 * and nothing is allocated for what it claims.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "sql/packed/format.h"
#include "sql/packed/group.h"
#include "sql/packed/numbers.h"
#include "sql/packed/packed.h"
#include "ttalloc/crc32.h"

struct fixture {
	char plain[40], packed[40];
	uint8_t *bytes; /* of the packed file */
	size_t count;
};

/* All kinds of values, rows that go on in other pages, tables with keys of their own, an index, and a table of more
 * columns than are laid out. */
static const char rows[] =
    "PRAGMA page_size = 4096; CREATE TABLE a(id INTEGER PRIMARY KEY, n INTEGER, r REAL, t TEXT, b BLOB);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)"
    " INSERT INTO a SELECT i * 3, CASE i % 11 WHEN 0 THEN NULL WHEN 1 THEN -i WHEN 2 THEN (i << 45) ELSE i % 500 END,"
    "  CASE i % 3 WHEN 0 THEN i / 7.0 END, CASE i % 4 WHEN 0 THEN 'label ' || (i % 50) WHEN 1 THEN '' END,"
    "  CASE i % 5 WHEN 0 THEN zeroblob(i % 40) END FROM n;"
    "INSERT INTO a VALUES(-9223372036854775807, 9223372036854775807, -1e300, printf('%.9000c', 'x'), x'00ff');"
    "CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w SELECT 'k' || id, n FROM a;"
    "CREATE INDEX of_n ON a(n); DELETE FROM a WHERE id % 10 = 0;";

static void write_bytes(const char *path, const uint8_t *bytes, size_t count)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, count, file), count);
	assert_int_equal(fclose(file), 0);
}

static uint8_t *read_bytes(const char *path, size_t *count)
{
	struct stat status;
	int file = open(path, O_RDONLY);

	assert_int_equal(fstat(file, &status), 0);
	uint8_t *bytes = malloc((size_t)status.st_size);
	assert_int_equal(read(file, bytes, (size_t)status.st_size), status.st_size);
	close(file);
	*count = (size_t)status.st_size;
	return bytes;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct sql_error error;
	sqlite3 *db;
	char *why = NULL;

	strcpy(fixture->plain, "/tmp/ttalloc-packed-XXXXXX");
	close(mkstemp(fixture->plain));
	strcpy(fixture->packed, "/tmp/ttalloc-packed-XXXXXX");
	int out = mkstemp(fixture->packed);
	assert_int_equal(sqlite3_open(fixture->plain, &db), SQLITE_OK);
	if (sqlite3_exec(db, rows, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
	int from = open(fixture->plain, O_RDONLY);
	if (packed_write(from, out, fixture->packed, &error) < 0)
		fail_msg("%s", error.text);
	close(from);
	close(out);
	fixture->bytes = read_bytes(fixture->packed, &fixture->count);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->plain);
	unlink(fixture->packed);
	free(fixture->bytes);
	free(fixture);
	return 0;
}

static sqlite3 *opened(const char *path)
{
	sqlite3 *db;
	char uri[80];

	snprintf(uri, sizeof(uri), "file:%s?immutable=1", path);
	assert_int_equal(sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, packed_vfs()), SQLITE_OK);
	return db;
}

/* A sum over everything that SQL returns. */
static uint32_t sum_of(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	uint32_t sum = 0;
	int code;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(statement); i++) {
			const void *bytes = sqlite3_column_blob(statement, i);

			sum = sum * 31 + (uint32_t)sqlite3_column_type(statement, i);
			if (bytes)
				sum ^= tta_crc32(bytes, (size_t)sqlite3_column_bytes(statement, i));
		}
	}
	assert_int_equal(code, SQLITE_DONE);
	sqlite3_finalize(statement);
	return sum;
}

static void test_rows_are_the_same(void **state)
{
	static const char *const questions[] = {
	    "SELECT *, typeof(n), typeof(r) FROM a", "SELECT * FROM w",
	    "SELECT id FROM a WHERE n = 7",          "PRAGMA integrity_check",
	    "SELECT sql FROM sqlite_schema",         "SELECT * FROM a ORDER BY t, id DESC"};
	struct fixture *fixture = *state;
	sqlite3 *plain, *packed = opened(fixture->packed);

	assert_int_equal(sqlite3_open(fixture->plain, &plain), SQLITE_OK);
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++)
		assert_int_equal(sum_of(plain, questions[i]), sum_of(packed, questions[i]));
	assert_int_equal(sqlite3_exec(packed, "DELETE FROM a", NULL, NULL, NULL), SQLITE_READONLY);
	sqlite3_close(plain);
	sqlite3_close(packed);
}

/* Opens and reads all of it, into SUM. Whether both worked. */
static bool reads(const char *path, uint32_t *sum, struct sql_error *error)
{
	uint8_t bytes[4096];
	int file = open(path, O_RDONLY);
	struct packed *packed = packed_open(file, path, error);
	bool sound = packed;

	*sum = 0;
	for (uint64_t at = 0; sound && at < packed_bytes(packed); at += sizeof(bytes)) {
		sound = packed_read(packed, bytes, sizeof(bytes), at) == 0;
		*sum = *sum * 31 + tta_crc32(bytes, sizeof(bytes));
	}
	if (sound) {
		assert_int_equal(packed_read(packed, bytes, 1, packed_bytes(packed)), -1);
		assert_int_equal(packed_read(packed, bytes, 2, UINT64_MAX), -1);
	}
	packed_close(packed);
	close(file);
	return sound;
}

static void test_cut_short(void **state)
{
	struct fixture *fixture = *state;
	struct sql_error error;
	uint32_t sum;

	for (size_t count = 0; count < fixture->count; count += count < 80 ? 1 : 2009) {
		write_bytes(fixture->packed, fixture->bytes, count);
		if (reads(fixture->packed, &sum, &error) || !strstr(error.text, "truncated"))
			fail_msg("%zu bytes: %s", count, error.text);
	}
	write_bytes(fixture->packed, fixture->bytes, fixture->count);
}

/* But for a few bits that mean nothing to zstd. */
static void test_any_byte_counts(void **state)
{
	struct fixture *fixture = *state;
	struct sql_error error;
	uint32_t whole, sum;

	assert_true(reads(fixture->packed, &whole, &error));

	for (size_t at = 0; at < fixture->count; at += at < 80 || at + 70 > fixture->count ? 1 : 1997) {
		error.text[0] = '\0';
		fixture->bytes[at] ^= 0x10;
		write_bytes(fixture->packed, fixture->bytes, fixture->count);
		if (reads(fixture->packed, &sum, &error) && sum != whole)
			fail_msg("byte %zu may be anything", at);
		fixture->bytes[at] ^= 0x10;
	}
	write_bytes(fixture->packed, fixture->bytes, fixture->count);
}

/* Puts a header that claims PAGES over the file, with a checksum that fits. */
static void claim(struct fixture *fixture, uint64_t pages, uint32_t page_bytes, uint32_t group_pages)
{
	struct packed_header header;
	uint8_t bytes[PACKED_HEADER_BYTES];

	assert_null(packed_get_header(&header, fixture->bytes));
	header.pages = pages;
	header.page_bytes = page_bytes;
	header.group_pages = group_pages;
	header.groups = group_pages ? (pages + group_pages - 1) / group_pages : pages;
	packed_put_header(&header, bytes);
	int file = open(fixture->packed, O_WRONLY);
	assert_int_equal(pwrite(file, bytes, sizeof(bytes), 0), sizeof(bytes));
	close(file);
}

static void test_claims_are_held_against_the_file(void **state)
{
	static const struct {
		uint64_t pages;
		uint32_t page_bytes, group_pages;
	} claims[] = {
	    {UINT32_MAX - 1, 4096, 1024}, {UINT64_MAX, 4096, 1024}, {0, 4096, 1024}, {100, 4096, 0}, {100, 1 << 20, 1},
	    {100, 4096, UINT32_MAX},      {100, 4095, 1024},        {100, 0, 1024},  {100, 512, 1},  {1, 65536, 128},
	    {UINT32_MAX, 512, 1},         {3000, 512, 16384}};
	struct fixture *fixture = *state;
	struct sql_error error;
	uint32_t sum;

	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
		error.text[0] = '\0';
		claim(fixture, claims[i].pages, claims[i].page_bytes, claims[i].group_pages);
		if (reads(fixture->packed, &sum, &error))
			fail_msg("claim %zu is believed", i);
	}
	write_bytes(fixture->packed, fixture->bytes, fixture->count);
	assert_true(reads(fixture->packed, &sum, &error));
}

static void test_numbers(void **state)
{
	static const int64_t samples[][4] = {
	    {0, 0, 0, 0}, {1, 2, 3, 4}, {INT64_MIN, INT64_MAX, -1, 0}, {1000000007, 1000000009, 1000000001, 999999999}};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		int64_t numbers[4], back[4] = {0};
		struct numbers_plan plan = numbers_plan(samples[i], 4);
		uint8_t plane[4];

		memcpy(numbers, samples[i], sizeof(numbers));
		numbers_apply(&plan, numbers, 4);
		for (unsigned j = 0; j < plan.planes; j++) {
			numbers_get_plane(numbers, 4, j, plane);
			numbers_add_plane(back, 4, j, plane);
		}
		numbers_undo(&plan, back, 4);
		assert_memory_equal(back, samples[i], sizeof(back));
	}
	assert_int_equal(numbers_plan(samples[1], 4).planes, 1);
	assert_int_equal(numbers_plan(samples[3], 4).way, NUMBERS_DELTA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_rows_are_the_same, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cut_short, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_any_byte_counts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_claims_are_held_against_the_file, setup, teardown),
	    cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
