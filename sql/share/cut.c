/* SPDX-License-Identifier: Apache-2.0
 *
 * cut.c - see cut.h. A block stays whole if it was live at some moment of the time, so that figures within are those of
 * the recording that it was cut from: what was live, and since when, and who placed it. Dictionaries stay.
 */
#include "cut.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "share.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"

/* Of processes that had not ended before. */
#define ALIVE "SELECT id FROM process_info WHERE ended_ns IS NULL OR ended_ns >= ?1"
#define OF_ALIVE "origin IN (SELECT id FROM origin WHERE process IN (" ALIVE "))"
/* The last circular buffer before, of each process and device: it tells which program was resident, if none had run. */
#define LAST_PLACED                                                                                                    \
	"key IN (SELECT max(c.key) FROM circular_buffer c JOIN origin o ON o.id = c.origin WHERE c.alloc_ns < ?1 "     \
	"GROUP BY o.process, o.device)"
/* And runs: the last one before, with the one since when its program had been resident, and the one of another program
 * before that; the next one of another program after the time, and the last of all, which tells what is resident now.
 */
#define RUNS_AROUND                                                                                                    \
	"key IN (WITH run AS (SELECT r.key AS key, r.program AS program, r.at_ns AS at_ns, o.process AS process, "     \
	"o.device AS device FROM program_run r JOIN origin o ON o.id = r.origin), "                                    \
	"before AS (SELECT * FROM run WHERE at_ns < ?1), "                                                             \
	"last AS MATERIALIZED (SELECT process, device, max(key) AS key, program FROM before GROUP BY 1, 2), "          \
	"other AS MATERIALIZED (SELECT l.process, l.device, max(iif(r.program <> l.program, r.key, 0)) AS key "        \
	"FROM last l JOIN before r ON r.process = l.process AND r.device = l.device GROUP BY 1, 2), "                  \
	"inside AS MATERIALIZED (SELECT process, device, max(key) AS key, program FROM run WHERE at_ns <= ?2 "         \
	"GROUP BY 1, 2) "                                                                                              \
	"SELECT key FROM last UNION ALL SELECT key FROM other UNION ALL "                                              \
	"SELECT min(r.key) FROM other o JOIN before r ON r.process = o.process AND r.device = o.device AND "           \
	"r.key > o.key GROUP BY o.process, o.device UNION ALL "                                                        \
	"SELECT min(r.key) FROM run r LEFT JOIN inside i ON r.process = i.process AND r.device = i.device "            \
	"WHERE r.at_ns > ?2 AND r.program IS NOT i.program GROUP BY r.process, r.device UNION ALL "                    \
	"SELECT max(key) FROM run GROUP BY process, device)"
#define CIRCULAR "alloc_ns <= ?2 AND (end_ns >= ?1 OR (end_ns IS NULL AND " OF_ALIVE ") OR " LAST_PLACED ")"

static const struct {
	const char *table, *condition;
} conditions[] = {
    {"freed", "free_ns >= ?1 AND free_ns - held_ns <= ?2"},
    {"held", "alloc_ns <= ?2 AND (end_ns >= ?1 OR (end_ns IS NULL AND " OF_ALIVE "))"},
    {"circular_buffer", CIRCULAR},
    {"circular_count", "key IN (SELECT key FROM circular_buffer WHERE " CIRCULAR ")"},
    {"program_run", "at_ns BETWEEN ?1 AND ?2 OR " RUNS_AROUND},
    {"failure_info", "at_ns BETWEEN ?1 AND ?2"},
    {"other_event", "at_ns BETWEEN ?1 AND ?2"},
    {"snapshot_mark", "at_ns BETWEEN ?1 AND ?2"},
    /* blocks that were live already know their step */
    {"step_mark", "at_ns <= ?2"},
    {"device_mark", "at_ns <= ?2"},
    {"loss_row", "coalesce(from_ns <= ?2, 1) AND coalesce(to_ns >= ?1, 1)"},
    {"range_page", "from_ns <= ?2 AND last_key >= (SELECT min(first_key) FROM batch b WHERE b.process = "
                   "range_page.process AND b.to_ns >= ?1)"},
    {"range_open", "at_ns <= ?2 AND process IN (" ALIVE ")"},
    /* what happened outside is in none: of one that lies partly within, extremes may be of what does not */
    {"span", "from_ns >= ?1 AND to_ns <= ?2"},
};

const char *cut_condition(const char *table)
{
	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++)
		if (strcmp(conditions[i].table, table) == 0)
			return conditions[i].condition;
	return NULL;
}

int share_whole(struct recording *recording, int64_t *from_ns, int64_t *to_ns, struct sql_error *error)
{
	*from_ns = recording->cut ? recording->cut_from_ns : 0;
	*to_ns = recording->cut_to_ns;
	return recording->cut ? 0
	                      : recording_integer(recording, "SELECT end_ns FROM main.recording_info", 0, to_ns, error);
}

/* A step lasts up to the mark of the next one, or as long as its process. */
static const char steps_sql[] =
    "SELECT min(at_ns), max(coalesce((SELECT min(n.at_ns) FROM main.step_mark n WHERE n.process = m.process AND "
    "n.key > m.key), p.ended_ns, (SELECT end_ns FROM main.recording_info))) FROM main.step_mark m "
    "LEFT JOIN main.process_info p ON p.id = m.process WHERE m.number BETWEEN ?1 AND ?2";

int share_find_steps(struct recording *recording, int64_t first, int64_t last, int64_t *from_ns, int64_t *to_ns,
                     struct sql_error *error)
{
	sqlite3_stmt *row = recording_prepare(recording, steps_sql, error);
	int result = -1;

	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, first);
	sqlite3_bind_int64(row, 2, last);
	if (recording_step(recording, row, error) == 1) {
		result = 0;
		*from_ns = sqlite3_column_int64(row, 0);
		*to_ns = sqlite3_column_int64(row, 1);
		if (sqlite3_column_type(row, 0) == SQLITE_NULL)
			result = first == last
			             ? sql_fail(error, "%s: no process marked step %" PRId64, recording->path, first)
			             : sql_fail(error, "%s: no process marked a step of %" PRId64 " to %" PRId64,
			                        recording->path, first, last);
	}
	sqlite3_finalize(row);
	return result;
}
