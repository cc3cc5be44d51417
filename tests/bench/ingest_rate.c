/* SPDX-License-Identifier: Apache-2.0
 *
 * ingest_rate.c - how fast the recorder's back half takes decoded events to disk, against the yardstick of a plain loop
 * of prepared one-row inserts in the same run, and how many bytes of file an event takes.
 *
 *	ingest_rate [EVENTS [DIRECTORY]]
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "recorder/ledger/ingest.h"
#include "ttalloc.h"

#define BATCH 4096u
#define LAYERS 24u
#define OPS_PER_LAYER 16u
#define LABELS (LAYERS * 4u)
#define THREADS 2u
#define YARDSTICK_ROWS 1000000

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ---- the table: threads and labels of a training loop ---- */

struct table {
	uint8_t bytes[1 << 16];
	uint32_t used, threads[THREADS], labels[LABELS];
};

static uint32_t add_entry(struct table *table, uint32_t type, const void *head, uint32_t head_bytes, const char *tail)
{
	struct tta_entry_header header = {.type = type, .data_bytes = head_bytes + (uint32_t)strlen(tail)};
	uint32_t id = table->used / 8;

	memcpy(table->bytes + table->used, &header, sizeof(header));
	memcpy(table->bytes + table->used + 8, head, head_bytes);
	memcpy(table->bytes + table->used + 8 + head_bytes, tail, strlen(tail));
	table->used += (8 + header.data_bytes + 7) / 8 * 8;
	return id;
}

static void fill_table(struct table *table)
{
	static const char *const parts[] = {"attention", "mlp", "norm", "residual"};
	uint32_t parent[2] = {0, 0};
	char name[32];

	table->used = 8;
	for (uint32_t i = 0; i < THREADS; i++) {
		struct tta_thread_entry thread = {.tid = 1000 + i, .serial = i + 1, .name = "worker"};

		table->threads[i] = add_entry(table, TTA_ENTRY_THREAD, &thread, sizeof(thread), "");
	}
	for (uint32_t i = 0; i < LABELS; i++) {
		snprintf(name, sizeof(name), "layer%u.%s", i / 4, parts[i % 4]);
		table->labels[i] = add_entry(table, TTA_ENTRY_LABEL, parent, sizeof(parent), name);
	}
}

/* ---- the events: forward keeps activations, backward frees them; each op has two temporaries and a run ---- */

struct loop {
	struct table table;
	struct tta_event *events;
	uint64_t *at_ns;
	uint32_t *threads;
	uint32_t count;
	uint64_t clock_ns, steps;
	uint32_t seed;
};

static uint32_t draw(struct loop *loop)
{
	loop->seed = loop->seed * 1664525u + 1013904223u;
	return loop->seed >> 8;
}

static void emit(struct loop *loop, struct tta_event event)
{
	loop->clock_ns += 200 + draw(loop) % 1600;
	loop->at_ns[loop->count] = loop->clock_ns;
	loop->threads[loop->count] = loop->table.threads[event.label / 8 % THREADS];
	loop->events[loop->count++] = event;
}

static struct tta_event block(uint8_t kind, uint16_t device, uint16_t region, uint64_t address, uint32_t label,
                              uint64_t size_bytes)
{
	return (struct tta_event){
	    .kind = kind,
	    .device = device,
	    .region = region,
	    .address = address,
	    .label = label,
	    .size_bytes = kind == TTA_ALLOC ? size_bytes : 0,
	    .bank_bytes = kind == TTA_ALLOC ? size_bytes / 12 / 32 * 32 : 0,
	    .flags = region == TTALLOC_L1 ? TTALLOC_TOP_DOWN : 0,
	};
}

static void emit_op(struct loop *loop, uint32_t layer, uint32_t op, bool forward)
{
	uint32_t label = loop->table.labels[layer * 4 + op / 4];
	uint16_t device = layer % 2;
	uint64_t kept = 0x40000000u + (layer * OPS_PER_LAYER + op) * 0x180000ull;
	uint64_t size_bytes = 2048ull * (64 + op * 32);
	struct tta_event run = {.kind = TTA_PROGRAM_RUN, .device = device, .region = TTALLOC_CB, .label = label};

	if (op % 4 == 0 && forward)
		emit(loop, block(TTA_ALLOC, device, TTALLOC_DRAM, kept, label, 4 * size_bytes));
	emit(loop, block(TTA_ALLOC, device, TTALLOC_L1, 0x120000 - op * 0x2000, label, size_bytes));
	emit(loop, block(TTA_ALLOC, device, TTALLOC_L1, 0x80000 + op * 0x1000, label, size_bytes / 2));
	run.address = 1000 + op + layer * OPS_PER_LAYER;
	emit(loop, run);
	emit(loop, block(TTA_FREE, device, TTALLOC_L1, 0x120000 - op * 0x2000, label, 0));
	emit(loop, block(TTA_FREE, device, TTALLOC_L1, 0x80000 + op * 0x1000, label, 0));
	if (op % 4 == 0 && !forward)
		emit(loop, block(TTA_FREE, device, TTALLOC_DRAM, kept, label, 0));
}

static void emit_step(struct loop *loop)
{
	emit(loop, (struct tta_event){.kind = TTA_STEP, .address = ++loop->steps});
	for (uint32_t i = 0; i < LAYERS * OPS_PER_LAYER; i++)
		emit_op(loop, i / OPS_PER_LAYER, i % OPS_PER_LAYER, true);
	for (uint32_t i = LAYERS * OPS_PER_LAYER; i-- > 0;)
		emit_op(loop, i / OPS_PER_LAYER, i % OPS_PER_LAYER, false);
}

/* ---- runs ---- */

static void feed(struct ingest *ingest, uint32_t process, struct loop *loop, uint64_t first_number)
{
	for (uint32_t at = 0; at < loop->count; at += BATCH) {
		struct ingest_batch batch = {
		    .first_number = first_number + at,
		    .count = loop->count - at < BATCH ? loop->count - at : BATCH,
		    .events = loop->events + at,
		    .at_ns = loop->at_ns + at,
		    .thread_entries = loop->threads + at,
		    .table = {.bytes = loop->table.bytes, .size_bytes = loop->table.used},
		};

		while (!ingest_has_room(ingest))
			nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
		ingest_batch(ingest, process, &batch);
	}
	ingest_tick(ingest, loop->clock_ns, false);
}

static void die(const char *text)
{
	fprintf(stderr, "ingest_rate: %s\n", text);
	exit(1);
}

static double run_ingest(const char *path, struct loop *loop, uint64_t events, uint64_t *taken, double *cpu)
{
	struct ingest_options options = {.path = path, .socket = ""};
	struct ingest_process about = {.segment_id = {1}, .segment_path = "", .pid = 1};
	struct ingest_recording recording;
	struct sql_error error;
	struct ingest *ingest;
	uint64_t committed;
	double start, cpu_start, making = 0;
	uint32_t process;

	if (ingest_open(&options, &ingest, &recording, &error) != 0)
		die(error.text);
	process = ingest_process(ingest, &about, &committed);
	start = seconds(), cpu_start = cpu_seconds();
	for (*taken = 0; *taken < events; *taken += loop->count) {
		double before = seconds();

		loop->count = 0;
		emit_step(loop);
		making += seconds() - before;
		feed(ingest, process, loop, *taken + 1);
	}
	while (ingest_tick(ingest, loop->clock_ns, true), true) {
		struct ingest_totals totals;

		ingest_totals(ingest, &totals);
		if (totals.committed_events == totals.taken_events)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	start = seconds() - start - making;
	*cpu = cpu_seconds() - cpu_start - making;
	if (ingest_close(ingest, "clean", NULL, NULL, NULL, &error) != 0 || error.text[0])
		die(error.text);
	return start;
}

/* One row per event, eleven INTEGER columns, no index, WAL, NORMAL, 65,536 rows per transaction. */
static double run_yardstick(const char *path, const struct loop *loop)
{
	sqlite3_stmt *insert;
	sqlite3 *db;
	double start;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(
	        db,
	        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE e(id INTEGER PRIMARY KEY,"
	        "at INTEGER, kind INTEGER, device INTEGER, region INTEGER, address INTEGER, size INTEGER,"
	        "bank INTEGER, process INTEGER, thread INTEGER, label INTEGER)",
	        NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "INSERT INTO e VALUES (?,?,?,?,?,?,?,?,?,?,?)", -1, &insert, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	start = seconds();
	for (int i = 0; i < YARDSTICK_ROWS; i++) {
		const struct tta_event *event = &loop->events[(uint32_t)i % loop->count];
		const int64_t values[] = {i + 1,
		                          (int64_t)loop->at_ns[(uint32_t)i % loop->count] + i,
		                          event->kind,
		                          event->device,
		                          event->region,
		                          (int64_t)event->address,
		                          (int64_t)event->size_bytes,
		                          (int64_t)event->bank_bytes,
		                          1,
		                          loop->threads[(uint32_t)i % loop->count],
		                          event->label};

		if (i % 65536 == 0)
			sqlite3_exec(db, i ? "COMMIT; BEGIN" : "BEGIN", NULL, NULL, NULL);
		for (int column = 0; column < 11; column++)
			sqlite3_bind_int64(insert, column + 1, values[column]);
		if (sqlite3_step(insert) != SQLITE_DONE)
			die(sqlite3_errmsg(db));
		sqlite3_reset(insert);
	}
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	start = seconds() - start;
	sqlite3_finalize(insert);
	sqlite3_close(db);
	return start;
}

int main(int count, char **arguments)
{
	uint64_t events = count > 1 ? strtoull(arguments[1], NULL, 0) : 4000000, taken;
	const char *directory = count > 2 ? arguments[2] : "/tmp";
	uint32_t most = 2 * LAYERS * OPS_PER_LAYER * 6 + 1;
	struct loop *loop = calloc(1, sizeof(*loop));
	char path[4096], yardstick[4096];
	struct stat status;
	double took, cpu, plain;

	snprintf(path, sizeof(path), "%s/ingest_rate-%d.db", directory, (int)getpid());
	snprintf(yardstick, sizeof(yardstick), "%s/ingest_rate-%d-plain.db", directory, (int)getpid());
	loop->events = calloc(most, sizeof(*loop->events));
	loop->at_ns = calloc(most, sizeof(*loop->at_ns));
	loop->threads = calloc(most, sizeof(*loop->threads));
	fill_table(&loop->table);
	took = run_ingest(path, loop, events, &taken, &cpu);
	plain = run_yardstick(yardstick, loop);
	if (stat(path, &status) != 0)
		die("the file is gone");
	printf("ingest:   %.0f ns/event (CPU %.0f), %.1f bytes/event\n", took * 1e9 / (double)taken,
	       cpu * 1e9 / (double)taken, (double)status.st_size / (double)taken);
	printf("prepared: %.0f ns/row\nratio:    %.2f\n", plain * 1e9 / YARDSTICK_ROWS,
	       plain / YARDSTICK_ROWS / (took / (double)taken));
	if (!getenv("KEEP"))
		unlink(path);
	unlink(yardstick);
	free(loop->events);
	free(loop->at_ns);
	free(loop->threads);
	free(loop);
	return 0;
}
