/* SPDX-License-Identifier: Apache-2.0
 *
 * prepared_inserts - the yardstick for recording: how fast a plain loop of prepared one-row inserts is.
 *
 * One row per event, eleven INTEGER columns, no index, WAL, synchronous=NORMAL, 65,536 rows per transaction.
 * usage: prepared_inserts FILE EVENTS        prints seconds and nanoseconds per row
 */
#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COLUMNS 11
#define ROWS_PER_TRANSACTION 65536

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void must(sqlite3 *db, int status)
{
	if (status == SQLITE_OK || status == SQLITE_DONE || status == SQLITE_ROW)
		return;
	fprintf(stderr, "prepared_inserts: %s\n", sqlite3_errmsg(db));
	exit(1);
}

/* An event of a training loop: time, kind, device, region, address, size, bank size, process, thread, label, stack. */
static void bind_event(sqlite3_stmt *insert, sqlite3_int64 n)
{
	sqlite3_int64 slot = n / 2 % 1152;
	sqlite3_int64 values[COLUMNS] = {n * 1013,
	                                 n & 1,
	                                 n / 2304 & 1,
	                                 slot % 3 == 0,
	                                 slot * 98304,
	                                 32768 + slot * 64,
	                                 4096 + slot * 32,
	                                 1,
	                                 1 + (n & 3),
	                                 slot % 97,
	                                 0};

	for (int column = 0; column < COLUMNS; column++)
		sqlite3_bind_int64(insert, column + 1, values[column]);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: prepared_inserts FILE EVENTS\n");
		return 2;
	}
	sqlite3_int64 events = atoll(argv[2]);
	sqlite3 *db = NULL;
	sqlite3_stmt *insert = NULL;

	must(db, sqlite3_open(argv[1], &db));
	must(db, sqlite3_exec(db,
	                      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
	                      "CREATE TABLE event(at_ns INTEGER, kind INTEGER, device INTEGER, region INTEGER,"
	                      " address INTEGER, size_bytes INTEGER, bank_bytes INTEGER, process INTEGER,"
	                      " thread INTEGER, label INTEGER, stack INTEGER)",
	                      NULL, NULL, NULL));
	must(db, sqlite3_prepare_v2(db, "INSERT INTO event VALUES(?,?,?,?,?,?,?,?,?,?,?)", -1, &insert, NULL));

	double started_s = now_s();

	for (sqlite3_int64 n = 0; n < events; n++) {
		if (n % ROWS_PER_TRANSACTION == 0)
			must(db, sqlite3_exec(db, n ? "COMMIT; BEGIN" : "BEGIN", NULL, NULL, NULL));
		bind_event(insert, n);
		must(db, sqlite3_step(insert));
		sqlite3_reset(insert);
	}
	must(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));

	double took_s = now_s() - started_s;

	printf("%.6f s  %.1f ns/row\n", took_s, took_s * 1e9 / (double)events);
	sqlite3_finalize(insert);
	sqlite3_close(db);
	return 0;
}
