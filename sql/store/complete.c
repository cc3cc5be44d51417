/* SPDX-License-Identifier: Apache-2.0
 *
 * complete.c - whether a recording holds all that happened, and what is missing.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sql/base/error.h"
#include "recording.h"
#include "ttalloc/vocabulary.h"

#define LINE_BYTES RECORDING_LINE_BYTES
#define FIRST_LINES 4u /* of a kind; how many more there are is said */

/* Whether WORD is among the regions that are asked about. */
#define IS_ASKED(word) "instr(', ' || ?1 || ',', ', ' || " word " || ',') > 0"

bool recording_complete(struct recording *recording, const char *regions)
{
	struct sql_error error;
	sqlite3_stmt *gaps = NULL;
	int state = -1;

	/* a file that cannot say so is not taken for complete */
	if (recording_begin(recording, &error) == 0)
		gaps = recording_prepare(
		    recording,
		    "SELECT 1 FROM region WHERE NOT complete AND (?1 IS NULL OR " IS_ASKED(
		        "region") ") UNION ALL SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM main.recording_info) "
		                  "LIMIT 1",
		    &error);
	if (gaps && regions)
		sqlite3_bind_text(gaps, 1, regions, -1, SQLITE_STATIC);
	if (gaps)
		state = recording_step(recording, gaps, &error);
	sqlite3_finalize(gaps);
	return state == 0;
}

void recording_gaps(struct recording *recording, char text[static RECORDING_REGIONS_BYTES])
{
	struct sql_error error;
	sqlite3_stmt *row = recording_prepare(recording,
	                                      "SELECT group_concat(region, ', ') FROM region WHERE NOT complete AND "
	                                      "(SELECT sum(complete) FROM region) > 0",
	                                      &error);
	const char *regions = NULL;

	if (row && recording_step(recording, row, &error) == 1)
		regions = (const char *)sqlite3_column_text(row, 0);
	snprintf(text, RECORDING_REGIONS_BYTES, "%s", regions ? regions : "");
	sqlite3_finalize(row);
}

/* What a recording lacks, as far as it fits. */
struct lines {
	char (*list)[LINE_BYTES];
	size_t count, capacity;
};

__attribute__((format(printf, 2, 3))) static void add_line(struct lines *lines, const char *format, ...)
{
	va_list arguments;

	if (lines->count == lines->capacity)
		return;
	va_start(arguments, format);
	vsnprintf(lines->list[lines->count++], LINE_BYTES, format, arguments);
	va_end(arguments);
}

/* Runs SQL, each row of which is a line, and adds the first MOST of them. REGIONS is what it may ask for. Returns how
 * many more there are. */
static size_t add_first(struct recording *recording, const char *sql, const char *regions, size_t most,
                        struct lines *lines)
{
	struct sql_error error;
	sqlite3_stmt *statement = recording_prepare(recording, sql, &error);
	size_t rows = 0;
	int state = -1;

	if (statement && regions)
		sqlite3_bind_text(statement, 1, regions, -1, SQLITE_STATIC);
	for (; statement && (state = recording_step(recording, statement, &error)) == 1; rows++) {
		const char *text = (const char *)sqlite3_column_text(statement, 0);

		if (text && rows < most)
			add_line(lines, "%s", text);
	}
	if (state < 0)
		add_line(lines, "%s", error.text);
	sqlite3_finalize(statement);
	return rows > most ? rows - most : 0;
}

/* Adds the first lines, and how many more there are WHERE. */
static void add_first_of(struct recording *recording, const char *sql, const char *regions, const char *where,
                         struct lines *lines)
{
	size_t more = add_first(recording, sql, regions, FIRST_LINES, lines);

	if (more)
		add_line(lines, "and %zu more, in the view %s", more, where);
}

static void add_lines(struct recording *recording, const char *sql, struct lines *lines)
{
	add_first(recording, sql, NULL, SIZE_MAX, lines);
}

/* How much is missing, and what that makes of figures; then the largest gaps. */
static const char loss_sql[] =
    "SELECT printf('%s event%s lost in %d gap%s; a lost alloc makes a peak too low, a lost free makes a block a "
    "leak',"
    "  CASE WHEN uncounted = 0 THEN events WHEN events = 0 THEN 'an unknown number of' ELSE 'at least ' || events END,"
    "  CASE WHEN events = 1 THEN '' ELSE 's' END,"
    "  gaps, CASE WHEN gaps = 1 THEN '' ELSE 's' END)"
    "  FROM (SELECT count(*) AS gaps, coalesce(sum(count), 0) AS events, sum(count IS NULL) AS uncounted"
    "        FROM main.loss_row WHERE why NOT LIKE 'no room for %') WHERE gaps > 0";
/* Events that are there, and lack what had no room in the hook's table, or where more cannot be recorded. */
static const char left_out_sql[] =
    "SELECT printf('%s: %d event%s without%s',"
    "  why || iif(why LIKE '% in the recorder', '', ' in the tables of the programs'), events,"
    "  CASE WHEN events = 1 THEN ' goes' ELSE 's go' END,"
    "  CASE WHEN why LIKE '% in the recorder' THEN '' WHEN why = 'no room for labels' THEN ' (raise TTALLOC_SPOOL_MIB; "
    "a "
    "thread has at most 64 at once)' ELSE ' (raise TTALLOC_SPOOL_MIB)' END)"
    "  FROM (SELECT why, sum(count) AS events FROM main.loss_row WHERE why LIKE 'no room for %' GROUP BY why)";
/* The largest. */
static const char gaps_sql[] =
    "SELECT printf('lost %s events of process %s from %.6f s to %.6f s: %s', coalesce(r.count, 'an unknown number of'),"
    "  coalesce(p.pid, '?'), r.from_ns / 1e9, r.to_ns / 1e9, r.why ||"
    "  iif(r.why = 'ring full', ' (record with --lossless, or raise TTALLOC_SPOOL_MIB)', ''))"
    "  FROM main.loss_row r LEFT JOIN main.process_info p ON p.id = r.process"
    "  WHERE r.why NOT LIKE 'no room for %'"
    "  ORDER BY r.count IS NOT NULL, r.count DESC, r.id LIMIT 4";
/* What a producer could not see: of all regions, or of those that it names. */
static const char blind_sql[] =
    "SELECT printf('process %s: %s', coalesce(p.pid, '?'), n.note) FROM process_note n "
    "LEFT JOIN main.process_info p ON p.id = n.process WHERE n.count = 0 AND (?1 IS NULL OR NOT EXISTS "
    "(SELECT 1 FROM region r WHERE instr(', ' || substr(n.note, 1, instr(n.note, ': ') - 1) || ',', "
    "', ' || r.region || ',') > 0) OR EXISTS (SELECT 1 FROM region r WHERE "
    "instr(', ' || substr(n.note, 1, instr(n.note, ': ') - 1) || ',', ', ' || r.region || ',') > 0 AND " IS_ASKED(
        "r.region") "))";
/* What figures are about, though nothing is missing. */
static const char in_banks_sql[] =
    "SELECT printf('process %s: %d %s', coalesce(p.pid, '?'), n.count, n.note) FROM process_note n "
    "LEFT JOIN main.process_info p ON p.id = n.process WHERE n.note = '" TTA_NOTE_IN_BANKS "'";
/* Where the allocator itself said something else. */
static const char crosscheck_sql[] =
    "SELECT printf('process %s: %s of device %d is recorded wrong: at %.6f s its allocator held %d bytes in each "
    "bank%s, "
    "recorded were %d%s (%d of %d crosschecks differ)', coalesce(c.pid, '?'), c.region, c.device, c.at_ns / 1e9, "
    "c.said_bank_bytes, coalesce(' in ' || c.said_blocks || ' blocks', ''), c.recorded_bank_bytes, "
    "iif(c.said_blocks IS NULL, '', ' in ' || c.recorded_blocks), c.differences, c.checks) "
    "FROM crosscheck c WHERE c.differences > 0 AND (?1 IS NULL OR " IS_ASKED("c.region") ") ORDER BY c.at_ns";
static const char ended_sql[] = "SELECT 'no clean end: as of the last commit, at ' || printf('%.3f', end_ns / 1e9) || "
                                "' s; it is in progress, or its "
                                "recorder was killed and ttalloc-recorder --append takes in what is left' "
                                "FROM main.recording_info WHERE ended IS NULL";
/* Not that anything is missing of what the file is about. */
static const char cut_sql[] =
    "SELECT printf('cut to what was live or happened from %.6f s to %.6f s, which figures are about', from_ns / 1e9, "
    "to_ns / 1e9) FROM share_info WHERE to_ns IS NOT NULL";

/* What the recording has elsewhere, or not at all because nobody asked for it. */
static const char file_sql[] =
    "SELECT printf('this is file %d of its recording, from %.3f s on: what was before is known as far as it was still "
    "live "
    "then', number, begin_ns / 1e9) FROM recording_file WHERE number > 0 "
    "UNION ALL SELECT 'the recording goes on in another file' FROM main.recording_info WHERE ended = 'rotated' "
    "UNION ALL SELECT printf('recorded up to %.3f s (--%s): its programs went on', end_ns / 1e9, ended) "
    "FROM main.recording_info WHERE ended IN ('duration', 'max-size') "
    "UNION ALL SELECT iif(instr(devices, ','), 'only devices ' || trim(devices, '[]') || ' were', 'only device ' || "
    "trim(devices, '[]') || ' was') || ' recorded' FROM recording_file "
    "WHERE devices IS NOT NULL";

size_t recording_loss_lines(struct recording *recording, const char *regions, char (*list)[LINE_BYTES], size_t capacity)
{
	struct lines lines = {.list = list, .capacity = capacity};
	struct sql_error error;

	if (recording_begin(recording, &error) < 0) {
		add_line(&lines, "%s", error.text);
		return lines.count;
	}
	add_lines(recording, loss_sql, &lines);
	if (lines.count > 0) /* which says how many there are */
		add_lines(recording, gaps_sql, &lines);
	add_lines(recording, left_out_sql, &lines);
	add_first_of(recording, blind_sql, regions, "note", &lines);
	add_first_of(recording, crosscheck_sql, regions, "crosscheck", &lines);
	add_first_of(recording, in_banks_sql, NULL, "note", &lines);
	add_lines(recording, ended_sql, &lines);
	add_lines(recording, file_sql, &lines);
	add_lines(recording, cut_sql, &lines);
	return lines.count;
}
