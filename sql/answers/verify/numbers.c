/* SPDX-License-Identifier: Apache-2.0
 *
 * numbers.c - verify: the numbers of events: none twice, none missing that no loss row explains.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql/base/array.h"
#include "findings.h"
#include "sql/base/vocabulary_sql.h"
#include "sql/store/recording.h"

void findings_add_rows(struct findings *findings, const char *what, const char *sql)
{
	struct recording *recording = findings->call->recording;
	struct sql_error error;
	sqlite3_stmt *rows = recording_prepare(recording, sql, &error);
	int state = -1;

	while (rows && findings->left > 0 && (state = recording_step(recording, rows, &error)) == 1) {
		const char *place = (const char *)sqlite3_column_text(rows, 0);
		const char *detail = (const char *)sqlite3_column_text(rows, 1);

		findings_add(findings, what, place ? place : "recording", "%s", detail ? detail : "");
	}
	if (state < 0 && findings->left > 0)
		findings_add(findings, what, "recording", "%s", error.text);
	sqlite3_finalize(rows);
}

/* A file that goes on with another begins with batches of that one, for what it holds of them. */
#define BEGIN "(SELECT coalesce(max(begin_key), 0) FROM recording_file)"
#define OWN_BATCHES "(SELECT * FROM main.batch WHERE first_key > " BEGIN ")"

/* Between one batch of a process and the next there is no number that is not in a loss row. Losses without numbers took
 * none. */
static const char number_holes_sql[] =
    "SELECT 'process ' || pid, printf('numbers %lld to %lld are in no batch and no loss row', hole_first, hole_last) "
    "FROM ("
    "  SELECT b.process AS process, coalesce(lag(b.first_number + b.count) OVER w, p.first_number) AS hole_first,"
    "    b.first_number - 1 AS hole_last, p.pid AS pid"
    "  FROM " OWN_BATCHES " b JOIN main.process_info p ON p.id = b.process"
    "  WINDOW w AS (PARTITION BY b.process ORDER BY b.first_number)) hole "
    "WHERE hole_last >= hole_first AND hole_last - hole_first + 1 > (SELECT coalesce(sum("
    "    min(r.to_number, hole_last) - max(r.from_number, hole_first) + 1), 0) FROM main.loss_row r"
    "  WHERE r.process = hole.process AND r.from_number <= hole_last AND r.to_number >= hole_first)";

static const char number_overlaps_sql[] =
    "SELECT 'process ' || pid, printf('numbers %lld to %lld are in two batches', first_number, ended - 1) FROM ("
    "  SELECT b.process AS process, b.first_number AS first_number, p.pid AS pid,"
    "    lag(b.first_number + b.count) OVER (PARTITION BY b.process ORDER BY b.first_number) AS ended"
    "  FROM " OWN_BATCHES " b JOIN main.process_info p ON p.id = b.process) WHERE ended > first_number";

static const char committed_sql[] =
    "SELECT 'process ' || p.pid, printf('committed up to number %lld, its batches end with %lld', p.committed_number, "
    "  b.last) FROM main.process_info p JOIN (SELECT process, max(first_number + count) - 1 AS last FROM main.batch "
    "  GROUP BY process) b ON b.process = p.id WHERE b.last > p.committed_number";

static const char batches_sql[] =
    "SELECT 'key ' || first_key, 'a batch of an unknown process, with impossible numbers, or over another one' FROM ("
    "  SELECT b.*, lag(last_key) OVER (ORDER BY first_key) AS before FROM main.batch b) "
    "WHERE count < 0 OR marks < 0 OR marks > count OR last_key - first_key + 1 < count - marks OR before >= first_key"
    "  OR to_ns < from_ns OR NOT EXISTS (SELECT 1 FROM main.process_info p WHERE p.id = process)";

static const char counts_sql[] =
    "SELECT 'process ' || p.pid, printf('counts %lld events, its batches hold %lld', p.events, coalesce(b.events, 0)) "
    "FROM main.process_info p LEFT JOIN (SELECT process, sum(count - marks) AS events FROM " OWN_BATCHES
    " GROUP BY process) b"
    "  ON b.process = p.id WHERE p.events <> coalesce(b.events, 0)";

static const char lost_sql[] =
    "SELECT 'process ' || p.pid, printf('counts %lld lost events, its loss rows %lld', p.lost, coalesce(r.lost, 0)) "
    "FROM main.process_info p LEFT JOIN (SELECT process, sum(count) AS lost FROM main.loss_row "
    "WHERE why NOT LIKE 'no room for %' GROUP BY process) r"
    "  ON r.process = p.id WHERE p.lost <> coalesce(r.lost, 0)";

static const char failures_sql[] =
    "SELECT 'process ' || p.pid, printf('counts %lld failures, there are %lld', p.failures, coalesce(f.failures, 0)) "
    "FROM main.process_info p LEFT JOIN (SELECT o.process AS process, sum(o.flags >> 5 & 1 = 0) AS failures FROM "
    "main.failure_info f"
    "  JOIN main.origin o ON o.id = f.origin GROUP BY o.process) f ON f.process = p.id "
    "WHERE p.failures <> coalesce(f.failures, 0)";

static const char frees_sql[] =
    "SELECT 'process ' || p.pid, printf('counts %lld frees of nothing, there are %lld',"
    "  p.unmatched_frees + p.inherited_frees, coalesce(f.frees, 0)) FROM main.process_info p LEFT JOIN ("
    "  SELECT o.process AS process, count(*) AS frees FROM main.other_event e JOIN main.origin o ON o.id = e.origin"
    "  WHERE e.kind IN (" SQL_KIND_FREE ", " SQL_KIND_KERNEL_UNLOAD ") GROUP BY o.process) f ON f.process = p.id "
    "WHERE p.unmatched_frees + p.inherited_frees <> coalesce(f.frees, 0)";

/* Where events were lost, that is the reason, and the recording says so. No table of main in older files. */
static const char crosschecks_sql[] =
    "SELECT printf('process %s, device %d, %s, allocator %d', coalesce(c.pid, '?'), c.device, c.region, c.allocator), "
    "printf('at %d ns the allocator held %d bytes in each bank%s, recorded were %d%s; %d of %d crosschecks differ', "
    "  c.at_ns, c.said_bank_bytes, coalesce(' in ' || c.said_blocks || ' blocks', ''), c.recorded_bank_bytes, "
    "  iif(c.said_blocks IS NULL, '', ' in ' || c.recorded_blocks), c.differences, c.checks) "
    "FROM crosscheck c WHERE c.differences > 0 AND NOT EXISTS (SELECT 1 FROM main.loss_row r WHERE r.process = "
    "c.process)";

/* Which is no table of main in a file of version 1. */
static const char circular_counts_sql[] =
    "SELECT 'circular buffer ' || n.key, iif(c.key IS NULL, 'has a count, but there is none', printf("
    "  'counts %lld bytes', n.counted_bytes)) FROM circular_count n LEFT JOIN main.circular_buffer c ON c.key = n.key "
    "WHERE c.key IS NULL OR n.counted_bytes < 0";

void findings_in_numbers(struct findings *findings)
{
	findings_add_rows(findings, "batch", batches_sql);
	if (findings->call->recording->cut) /* the numbers of what was left out are missing */
		return;
	findings_add_rows(findings, "number", number_holes_sql);
	findings_add_rows(findings, "number", number_overlaps_sql);
	findings_add_rows(findings, "number", committed_sql);
	findings_add_rows(findings, "events", counts_sql);
	findings_add_rows(findings, "lost", lost_sql);
	findings_add_rows(findings, "failures", failures_sql);
	findings_add_rows(findings, "frees", frees_sql);
	findings_add_rows(findings, "circular count", circular_counts_sql);
	findings_add_rows(findings, "crosscheck", crosschecks_sql);
}
