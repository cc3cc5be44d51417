/* SPDX-License-Identifier: Apache-2.0
 *
 * perfetto.c - a recording for ui.perfetto.dev: counters of what was live, of each device and region; operations, label
 * ranges and steps as slices of their threads and processes; failed requests as instants. The trace is sorted by who
 * reads it, so rows go out as the views have them.
 */
#include "formats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "protobuf.h"
#include "sql/answers/query.h"
#include "sql/base/error.h"

enum { TRACE_PACKET = 1 };
enum { PACKET_TIMESTAMP = 8, PACKET_SEQUENCE = 10, PACKET_EVENT = 11, PACKET_FLAGS = 13, PACKET_TRACK = 60 };
enum { TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PROCESS = 3, TRACK_THREAD = 4, TRACK_PARENT = 5, TRACK_COUNTER = 8 };
enum { PROCESS_PID = 1, PROCESS_NAME = 6, THREAD_PID = 1, THREAD_TID = 2, THREAD_NAME = 5, COUNTER_UNIT = 3 };
enum { EVENT_ANNOTATION = 4, EVENT_TYPE = 9, EVENT_TRACK = 11, EVENT_NAME = 23, EVENT_COUNTER = 30 };
enum { ANNOTATION_INTEGER = 4, ANNOTATION_TEXT = 6, ANNOTATION_NAME = 10 };
enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, TYPE_COUNTER = 4 };
enum { UNIT_BYTES = 3 };

#define SEQUENCE 1
/* Samples of all counters together, and of one. */
#define SAMPLES_TOGETHER 200000
#define SAMPLES_MOST 20000
#define SAMPLES_LEAST 500

/* Kinds of tracks; a track's id is its kind and a number. */
enum track { TRACK_OF_PROCESS = 1, TRACK_OF_STEPS, TRACK_OF_THREAD, TRACK_OF_DEVICE, TRACK_OF_REGION };

struct perfetto {
	FILE *out;
	struct recording *recording;
	struct sql_error *error;
	struct message packet, part, inner;
	uint64_t counting; /* the track of the last count */
	int64_t last_count;
};

static uint64_t track(enum track kind, int64_t number)
{
	return (uint64_t)kind << 56 | ((uint64_t)number & 0xffffffffffffff);
}

static int64_t integer(const struct query_run *run, size_t column)
{
	struct query_cell cell;

	query_cell(run, column, &cell);
	return cell.type == CELL_INTEGER ? cell.integer : 0;
}

/* "" where it is NULL. */
static const char *text(const struct query_run *run, size_t column)
{
	struct query_cell cell;

	query_cell(run, column, &cell);
	return cell.type == CELL_TEXT ? cell.text : "";
}

/* Calls EACH for the rows of STATEMENT. */
static int each_row(struct perfetto *perfetto, const char *statement,
                    void (*each)(struct perfetto *perfetto, const struct query_run *run))
{
	struct query_run *run = query_start_sql(perfetto->recording, statement, perfetto->error);
	int state = run ? 1 : -1;

	while (state == 1 && !ferror(perfetto->out) && (state = query_next(run, perfetto->error)) == 1)
		each(perfetto, run);
	if (run)
		query_finish(run);
	return state < 0 ? -1 : 0;
}

static void write_packet(struct perfetto *perfetto)
{
	message_number(&perfetto->packet, PACKET_SEQUENCE, SEQUENCE);
	message_write(&perfetto->packet, TRACE_PACKET, perfetto->out);
}

/* ---- tracks ---- */

/* Writes the track whose other fields are in perfetto->part. */
static void put_track(struct perfetto *perfetto, uint64_t id, uint64_t parent, const char *name)
{
	message_number(&perfetto->part, TRACK_UUID, id);
	if (parent)
		message_number(&perfetto->part, TRACK_PARENT, parent);
	if (name)
		message_text(&perfetto->part, TRACK_NAME, name);
	message_inner(&perfetto->packet, PACKET_TRACK, &perfetto->part);
	write_packet(perfetto);
}

static void put_process(struct perfetto *perfetto, const struct query_run *run)
{
	uint64_t id = track(TRACK_OF_PROCESS, integer(run, 0));

	message_number(&perfetto->inner, PROCESS_PID, (uint64_t)integer(run, 1));
	message_text(&perfetto->inner, PROCESS_NAME, text(run, 2));
	message_inner(&perfetto->part, TRACK_PROCESS, &perfetto->inner);
	put_track(perfetto, id, 0, NULL);
	put_track(perfetto, track(TRACK_OF_STEPS, integer(run, 0)), id, "steps");
}

static void put_thread(struct perfetto *perfetto, const struct query_run *run)
{
	message_number(&perfetto->inner, THREAD_PID, (uint64_t)integer(run, 2));
	message_number(&perfetto->inner, THREAD_TID, (uint64_t)integer(run, 3));
	message_text(&perfetto->inner, THREAD_NAME, text(run, 4));
	message_inner(&perfetto->part, TRACK_THREAD, &perfetto->inner);
	put_track(perfetto, track(TRACK_OF_THREAD, integer(run, 0)), track(TRACK_OF_PROCESS, integer(run, 1)), NULL);
}

static uint64_t region_track(int64_t device, int64_t region)
{
	return track(TRACK_OF_REGION, device << 16 | region);
}

static void put_device(struct perfetto *perfetto, const struct query_run *run)
{
	char name[64];

	snprintf(name, sizeof(name), "device %" PRId64, integer(run, 0));
	put_track(perfetto, track(TRACK_OF_DEVICE, integer(run, 0)), 0, name);
}

static void put_region(struct perfetto *perfetto, const struct query_run *run)
{
	char name[96];

	snprintf(name, sizeof(name), "device %" PRId64 " %s live", integer(run, 0), text(run, 2));
	message_number(&perfetto->inner, COUNTER_UNIT, UNIT_BYTES);
	message_inner(&perfetto->part, TRACK_COUNTER, &perfetto->inner);
	put_track(perfetto, region_track(integer(run, 0), integer(run, 1)), track(TRACK_OF_DEVICE, integer(run, 0)),
	          name);
}

/* ---- events ---- */

/* Writes the event whose other fields are in perfetto->part. */
static void put_event(struct perfetto *perfetto, int64_t at_ns, unsigned type, uint64_t on)
{
	message_number(&perfetto->part, EVENT_TYPE, type);
	message_number(&perfetto->part, EVENT_TRACK, on);
	message_number(&perfetto->packet, PACKET_TIMESTAMP, (uint64_t)at_ns);
	message_inner(&perfetto->packet, PACKET_EVENT, &perfetto->part);
	write_packet(perfetto);
}

static void annotate(struct perfetto *perfetto, const char *name, const struct query_cell *cell)
{
	if (cell->type != CELL_INTEGER && cell->type != CELL_TEXT)
		return;
	message_text(&perfetto->inner, ANNOTATION_NAME, name);
	if (cell->type == CELL_INTEGER)
		message_number(&perfetto->inner, ANNOTATION_INTEGER, (uint64_t)cell->integer);
	else
		message_bytes(&perfetto->inner, ANNOTATION_TEXT, cell->text, cell->bytes);
	message_inner(&perfetto->part, EVENT_ANNOTATION, &perfetto->inner);
}

/* Columns: number of the track, its kind, name, begin, end; what comes behind are annotations. */
static void put_slice(struct perfetto *perfetto, const struct query_run *run)
{
	uint64_t on = track((enum track)integer(run, 1), integer(run, 0));
	struct query_cell cell;

	message_text(&perfetto->part, EVENT_NAME, text(run, 2));
	for (size_t i = 5; i < query_column_count(run); i++) {
		query_cell(run, i, &cell);
		annotate(perfetto, query_column_name(run, i), &cell);
	}
	put_event(perfetto, integer(run, 3), TYPE_BEGIN, on);
	put_event(perfetto, integer(run, 4), TYPE_END, on);
}

/* Columns: number of the thread, name, time; what comes behind are annotations. */
static void put_instant(struct perfetto *perfetto, const struct query_run *run)
{
	struct query_cell cell;

	message_text(&perfetto->part, EVENT_NAME, text(run, 1));
	for (size_t i = 3; i < query_column_count(run); i++) {
		query_cell(run, i, &cell);
		annotate(perfetto, query_column_name(run, i), &cell);
	}
	put_event(perfetto, integer(run, 2), TYPE_INSTANT, track(TRACK_OF_THREAD, integer(run, 0)));
}

/* What has not changed is not said again. */
static void put_count(struct perfetto *perfetto, int64_t at_ns, int64_t bytes, uint64_t on)
{
	if (perfetto->counting == on && perfetto->last_count == bytes)
		return;
	perfetto->counting = on;
	perfetto->last_count = bytes;
	message_number(&perfetto->part, EVENT_COUNTER, (uint64_t)bytes);
	put_event(perfetto, at_ns, TYPE_COUNTER, on);
}

/* A bucket's maximum, and where it ends on less, that. */
static void put_bucket(struct perfetto *perfetto, const struct query_run *run)
{
	uint64_t on = region_track(integer(run, 0), integer(run, 1));
	int64_t from_ns = integer(run, 2), to_ns = integer(run, 3), most = integer(run, 4), end = integer(run, 5);

	put_count(perfetto, from_ns, most, on);
	if (to_ns > from_ns)
		put_count(perfetto, to_ns - 1, end, on);
}

static int put_counters(struct perfetto *perfetto)
{
	char statement[256];
	struct query_run *run = query_start_sql(
	    perfetto->recording, "SELECT count(*) FROM (SELECT DISTINCT device, region FROM process_usage)",
	    perfetto->error);
	int64_t count = 1;

	if (!run || query_next(run, perfetto->error) < 0) {
		if (run)
			query_finish(run);
		return -1;
	}
	count = integer(run, 0) ? SAMPLES_TOGETHER / integer(run, 0) : SAMPLES_LEAST;
	count = count < SAMPLES_LEAST ? SAMPLES_LEAST : count > SAMPLES_MOST ? SAMPLES_MOST : count;
	query_finish(run);
	snprintf(statement, sizeof(statement),
	         "SELECT device, region, from_ns, to_ns, max_bytes, end_bytes FROM buckets(%" PRId64
	         ") ORDER BY device, "
	         "region, from_ns",
	         count);
	return each_row(perfetto, statement, put_bucket);
}

static const struct {
	const char *statement;
	void (*each)(struct perfetto *perfetto, const struct query_run *run);
} parts[] = {
    {"SELECT process_id, pid, executable FROM process", put_process},
    {"SELECT thread_id, process, pid, tid, name FROM thread", put_thread},
    {"SELECT DISTINCT device FROM process_usage ORDER BY device", put_device},
    {"SELECT DISTINCT device, region, region_word(region) FROM process_usage ORDER BY device, region", put_region},
    {"SELECT process, 2, 'step ' || number, at_ns, coalesce(lead(at_ns) OVER (PARTITION BY process ORDER BY event_id), "
     "(SELECT coalesce(ended_ns, (SELECT end_ns FROM recording)) FROM process WHERE process_id = step.process)) FROM "
     "step",
     put_slice},
    {"SELECT thread, 3, label, begin_ns, coalesce(end_ns, (SELECT end_ns FROM recording)) FROM label_span", put_slice},
    {"SELECT thread, 3, name, begin_ns, coalesce(end_ns, (SELECT end_ns FROM recording)), number, ended, label, step, "
     "arguments FROM operation",
     put_slice},
    {"SELECT thread, 'failed: ' || region, at_ns, device, size_bytes, bank_bytes, label, step, why FROM failure",
     put_instant},
};

int export_perfetto(struct recording *recording, FILE *out, struct sql_error *error)
{
	struct perfetto perfetto = {.out = out, .recording = recording, .error = error};
	int result = 0;

	message_number(&perfetto.packet, PACKET_FLAGS, 1); /* nothing comes before this */
	write_packet(&perfetto);
	for (size_t i = 0; result == 0 && i < sizeof(parts) / sizeof(*parts); i++)
		result = each_row(&perfetto, parts[i].statement, parts[i].each);
	if (result == 0)
		result = put_counters(&perfetto);
	message_clear(&perfetto.packet);
	message_clear(&perfetto.part);
	message_clear(&perfetto.inner);
	return result;
}
