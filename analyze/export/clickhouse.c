/* SPDX-License-Identifier: Apache-2.0
 *
 * clickhouse.c - see clickhouse.h.
 *
 * A table goes over in chunks of rows, in the order in which the recording has them, which is fixed once it has ended;
 * behind each goes a row of the table chunk. An interrupted export so goes on behind the last chunk that is there; the
 * chunk that was under way comes twice at most, and ClickHouse lets rows of one key replace each other. Another file of
 * the recording, several of them as one, a part of it, or the same after more was recorded, has other rows in another
 * order, and so chunks of its own.
 */
#include "clickhouse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sql/answers/query.h"
#include "sql/base/machine.h"
#include "sql/base/memory.h"

#define CHUNK_BYTES ((size_t)48 << 20) /* rows with long texts make smaller ones */
#define TYPES_MOST 24

/* What each table holds beside recording, day and host, which come first, and exported_ns, which comes last: TYPES has
 * a letter for each column of SQL, i a number (NULL: -1), s a text (NULL: ''), b one byte. The order is that of
 * schema.sql. */
struct table {
	const char *name, *types, *sql;
	bool has_host;
};

static const struct table tables[] = {
    {"recording", "ssssissiiibbiii",
     "SELECT host, user, coalesce(command, ''), job, rank, version, boot_id, start_realtime_ns, start_monotonic_ns, "
     "end_ns, "
     "ended IS NOT NULL, ended IS NOT NULL AND NOT EXISTS (SELECT 1 FROM loss) AND NOT EXISTS (SELECT 1 FROM note "
     "WHERE count = 0), "
     "(SELECT coalesce(sum(lost), 0) FROM process), (SELECT count(*) FROM process), "
     "(SELECT count(DISTINCT number) FROM step) FROM recording",
     false},
    {"device", "issiis",
     "SELECT device, region, coalesce(arch, ''), coalesce(banks, 0), coalesce(bank_bytes, 0), chip FROM device AS d "
     "WHERE at_ns = "
     "(SELECT max(at_ns) FROM device AS e WHERE e.device = d.device AND e.region = d.region) GROUP BY device, region",
     true},
    {"allocation", "iiisssiiiiissi",
     "SELECT a.allocation_id, a.pid, a.device, a.region, a.class, CASE WHEN a.ended IN ('freed', 'replaced') THEN '' "
     "ELSE "
     "(SELECT block_owner(o.class, o.region, o.flags, a.size_bytes, a.bank_bytes, nullif(a.ended, 'live')) FROM origin "
     "AS o WHERE o.id = "
     "coalesce((SELECT origin FROM held WHERE key = a.allocation_id), (SELECT origin FROM circular_buffer WHERE key = "
     "a.allocation_id))) END, "
     "a.address, a.counted_bytes, a.bank_bytes, a.alloc_ns, a.free_ns, a.ended, a.label, a.step FROM allocation AS a",
     true},
    {"usage", "isiiiiiiiiii",
     "SELECT device, region, from_ns, to_ns, min_bytes, max_bytes, end_bytes, max_ns, max_bank_bytes, end_bank_bytes, "
     "allocs, frees FROM usage",
     true},
    {"failure", "iiisiiisis",
     "SELECT event_id, pid, device, region, at_ns, size_bytes, bank_bytes, label, step, why FROM failure", true},
    {"fragmentation", "isiiiii",
     "SELECT device, region_word(region), at_ns, used_bytes, free_bytes, largest_free_bytes, free_blocks FROM "
     "bank_samples(100)",
     true},
};

struct export
{
	struct recording *recording;
	struct sink *sink;
	struct sql_error *error;
	char *id, *host, *file; /* FILE: tells files of one recording apart */
	uint16_t day;           /* since 1970 */
	int64_t exported_ns, chunk_rows;
	int64_t begin_key, last_key,
	    end_ns; /* of the file: the event before its first one, its last one, how far it reaches */
	bool ended, goes_on;
	char *bytes; /* of the chunk under way */
	size_t size, capacity;
};

/* ---- RowBinary ---- */

static void put(struct export *export, const void *bytes, size_t size)
{
	if (export->size + size > export->capacity) {
		export->capacity = 2 * (export->size + size);
		export->bytes = memory_or_die(realloc(export->bytes, export->capacity));
	}
	memcpy(export->bytes + export->size, bytes, size);
	export->size += size;
}

static void put_number(struct export *export, int64_t number)
{
	put(export, &number, sizeof(number)); /* little-endian, as all machines are that this is built for */
}

static void put_text(struct export *export, const char *text, size_t size)
{
	uint8_t length[10];
	size_t used = 0, rest = size;

	for (; rest >= 0x80; rest >>= 7)
		length[used++] = (uint8_t)(rest | 0x80);
	length[used++] = (uint8_t)rest;
	put(export, length, used);
	put(export, text, size);
}

static void put_cell(struct export *export, char type, const struct query_cell *cell)
{
	bool is_text = cell->type == CELL_TEXT || cell->type == CELL_BLOB;
	uint8_t byte = cell->type == CELL_INTEGER && cell->integer != 0;

	if (type == 's')
		put_text(export, is_text ? cell->text : "", is_text ? cell->bytes : 0);
	else if (type == 'b')
		put(export, &byte, 1);
	else
		put_number(export, cell->type == CELL_INTEGER ? cell->integer : -1);
}

static void put_row(struct export *export, const struct table *table, const struct query_run *run)
{
	struct query_cell cell;

	put_text(export, export->id, strlen(export->id));
	put(export, &export->day, sizeof(export->day));
	if (table->has_host)
		put_text(export, export->host, strlen(export->host));
	for (size_t i = 0; table->types[i]; i++) {
		query_cell(run, i, &cell);
		put_cell(export, table->types[i], &cell);
	}
	put_number(export, export->exported_ns);
}

/* ---- chunks ---- */

#define CHUNK_NAME_BYTES 160

/* What the chunks of TABLE of this file go by. */
static void chunk_name(const struct export *export, const struct table *table, char name[static CHUNK_NAME_BYTES])
{
	snprintf(name, CHUNK_NAME_BYTES, "%s %.120s", table->name, export->file);
}

/* What was put goes over. */
static int send_bytes(struct export *export, const char *table)
{
	int result = sink_add(export->sink, table, export->bytes, export->size, export->error);

	export->size = 0;
	return result;
}

/* That ROWS went over, by the NAME and NUMBER that they go by. */
static int send_mark(struct export *export, const char *name, int64_t number, int64_t rows)
{
	put_text(export, export->id, strlen(export->id));
	put(export, &export->day, sizeof(export->day));
	put_text(export, name, strlen(name));
	put_number(export, number);
	put_number(export, rows);
	put_number(export, export->exported_ns);
	return send_bytes(export, "chunk");
}

static int send_chunk(struct export *export, const struct table *table, int64_t number, int64_t rows)
{
	char name[CHUNK_NAME_BYTES];

	if (send_bytes(export, table->name) < 0)
		return -1;
	chunk_name(export, table, name);
	return send_mark(export, name, number, rows);
}

static int send_rows(struct export *export, const struct table *table, struct query_run *run, int64_t chunks_there)
{
	int64_t rows = 0, number = 0;
	size_t bytes = 0;
	int state;

	while ((state = query_next(run, export->error)) == 1) {
		size_t before = export->size;

		put_row(export, table, run);
		bytes += export->size - before;
		if (number < chunks_there) /* only counted, so that chunks are cut where they were */
			export->size = 0;
		if (++rows < export->chunk_rows && bytes < CHUNK_BYTES)
			continue;
		if (number >= chunks_there && send_chunk(export, table, number, rows) < 0)
			return -1;
		number++;
		rows = 0, bytes = 0;
	}
	if (state < 0 || !rows || number < chunks_there)
		return state;
	return send_chunk(export, table, number, rows);
}

static int send_table(struct export *export, const struct table *table)
{
	char name[CHUNK_NAME_BYTES];
	int64_t chunks_there = 0;
	struct query_run *run;
	int result;

	chunk_name(export, table, name);
	if (export->ended && sink_chunks_there(export->sink, export->id, name, &chunks_there, export->error) < 0)
		return -1;
	if (sink_add(export->sink, table->name, "", 0, export->error) < 0)
		return -1;
	run = query_start_sql(export->recording, table->sql, export->error);
	if (!run)
		return -1;
	if (query_column_count(run) != strlen(table->types))
		abort();
	result = send_rows(export, table, run, chunks_there);
	query_finish(run);
	return result;
}

/* ---- a recording in progress ---- */

#define WINDOW_EVENTS 1000000 /* that are looked at in one go */

/* The rows of TABLE for which WHERE holds, as often as they are asked for. *ROWS grows by how many there are. 0 or -1.
 */
static int send_part(struct export *export, const char *name, const char *where, int64_t *rows)
{
	const struct table *table = tables;
	struct query_run *run;
	char *sql;
	int state;

	while (strcmp(table->name, name) != 0)
		table++;
	sql = memory_get(strlen(table->sql) + strlen(where) + 8, 1);
	sprintf(sql, "%s%s%s", table->sql, *where ? " WHERE " : "", where);
	run = query_start_sql(export->recording, sql, export->error);
	free(sql);
	if (!run)
		return -1;
	while ((state = query_next(run, export->error)) == 1) {
		put_row(export, table, run);
		++*rows;
		if (export->size >= CHUNK_BYTES && (state = send_bytes(export, name)) < 0)
			break;
	}
	query_finish(run);
	return state < 0 || (export->size && send_bytes(export, name) < 0) ? -1 : 0;
}

/* Blocks that ended, requests that failed, in the events from PROGRESS on to TO, and spans that changed since. */
static int send_window(struct export *export, const struct clickhouse_progress *progress, int64_t to, int64_t *rows)
{
	char ended[160], failed[120], changed[60];

	snprintf(ended, sizeof(ended), "a.end_event_id > %" PRId64 " AND a.end_event_id <= %" PRId64, progress->key,
	         to);
	snprintf(failed, sizeof(failed), "event_id > %" PRId64 " AND event_id <= %" PRId64, progress->key, to);
	snprintf(changed, sizeof(changed), "to_ns >= %" PRId64, progress->at_ns);
	if (send_part(export, "allocation", ended, rows) < 0 || send_part(export, "failure", failed, rows) < 0 ||
	    send_part(export, "usage", changed, rows) < 0 || send_part(export, "device", "", rows) < 0)
		return -1;
	return send_part(export, "recording", "", rows);
}

/* What has no event of its own, or is asked of the whole recording. */
static int send_rest(struct export *export, int64_t *rows)
{
	if (send_part(export, "allocation", "a.end_event_id IS NULL", rows) < 0 ||
	    send_part(export, "usage", "", rows) < 0)
		return -1;
	return send_part(export, "fragmentation", "", rows);
}

/* How far a follower that was stopped had come is the number of a chunk of its own. */
static int take_up(struct export *export, struct clickhouse_progress *progress, char name[static CHUNK_NAME_BYTES])
{
	int64_t reached = 0;

	snprintf(name, CHUNK_NAME_BYTES, "followed %" PRId64, export->begin_key);
	if (progress->is_known)
		return 0;
	if (sink_chunk_reached(export->sink, export->id, name, &reached, export->error) < 0)
		return -1;
	*progress = (struct clickhouse_progress){.is_known = true,
	                                         .key = reached > export->begin_key ? reached : export->begin_key};
	return 0;
}

static int follow(struct export *export, struct clickhouse_progress *progress)
{
	int64_t rows = 0, left, to;
	char name[CHUNK_NAME_BYTES];

	if (take_up(export, progress, name) < 0)
		return -1;
	left = export->last_key - progress->key;
	to = left > WINDOW_EVENTS ? progress->key + WINDOW_EVENTS : export->last_key;
	progress->is_behind = to < export->last_key;
	if (left <= 0 && !export->ended)
		return 0;
	if (send_window(export, progress, to, &rows) < 0)
		return -1;
	if (export->ended && !progress->is_behind && send_rest(export, &rows) < 0)
		return -1;
	if (send_mark(export, name, to, rows) < 0)
		return -1;
	progress->key = to;
	progress->at_ns = progress->is_behind ? 0 : export->end_ns;
	progress->has_all = export->ended && !progress->is_behind;
	progress->goes_on = export->goes_on;
	return 0;
}

/* ---- the recording ---- */

static char *text_of(const struct query_cell *cell)
{
	return memory_text(cell->type == CELL_TEXT ? cell->text : "");
}

static int read_identity(struct export *export)
{
	static const char sql[] =
	    "SELECT uuid, host, printf('%d-%d', begin_key, last_key) || cut, day, ended IS NOT NULL, begin_key, "
	    "last_key, end_ns, ended = 'rotated' "
	    "FROM recording, (SELECT start_realtime_ns / 86400000000000 AS day FROM recording), "
	    "(SELECT coalesce((SELECT begin_key FROM recording_file), 0) AS begin_key, "
	    "coalesce((SELECT last_key FROM batch ORDER BY first_key DESC LIMIT 1), 0) AS last_key, "
	    "coalesce((SELECT printf(' %d-%d', from_ns, to_ns) FROM share_info WHERE to_ns IS NOT NULL), '') AS cut)";
	struct query_run *run = query_start_sql(export->recording, sql, export->error);
	struct query_cell cells[9];
	int state = run ? query_next(run, export->error) : -1;

	if (state == 1) {
		for (size_t i = 0; i < 9; i++)
			query_cell(run, i, &cells[i]);
		export->id = text_of(&cells[0]);
		export->host = text_of(&cells[1]);
		export->file = text_of(&cells[2]);
		export->day = (uint16_t)cells[3].integer;
		export->ended = cells[4].integer != 0;
		export->begin_key = cells[5].integer;
		export->last_key = cells[6].integer;
		export->end_ns = cells[7].integer;
		export->goes_on = export->ended && cells[8].integer != 0;
	}
	if (run)
		query_finish(run);
	return state == 1 ? 0 : state < 0 ? -1 : sql_fail(export->error, "the recording is empty");
}

static struct export export_begin(struct recording *recording, struct sink *sink, int64_t chunk_rows,
                                  struct sql_error *error)
{
	return (struct export){.recording = recording,
	                       .sink = sink,
	                       .error = error,
	                       .exported_ns = clock_ns(CLOCK_REALTIME),
	                       .chunk_rows = chunk_rows};
}

static void export_end(struct export *export)
{
	free(export->id);
	free(export->host);
	free(export->file);
	free(export->bytes);
}

int clickhouse_export(struct recording *recording, struct sink *sink, int64_t chunk_rows, struct sql_error *error)
{
	struct export export = export_begin(recording, sink, chunk_rows, error);
	int result = read_identity(&export);

	for (size_t i = 0; result == 0 && i < sizeof(tables) / sizeof(*tables); i++)
		result = send_table(&export, &tables[i]);
	export_end(&export);
	return result;
}

int clickhouse_follow(struct recording *recording, struct sink *sink, struct clickhouse_progress *progress,
                      struct sql_error *error)
{
	struct export export = export_begin(recording, sink, 0, error);
	int result = read_identity(&export);

	if (result == 0)
		result = follow(&export, progress);
	export_end(&export);
	return result;
}
