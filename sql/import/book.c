/* SPDX-License-Identifier: Apache-2.0
 *
 * book.c - see book.h. The one process has the id 1, and so has its one thread.
 */
#include "book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/base/memory.h"
#include "sql/store/range_page.h"
#include "sql/store/write.h"
#include "sql/totals/cbs.h"
#include "sql/totals/region_total.h"
#include "sql/totals/totals.h"
#include "ttalloc.h"
#include "ttalloc/event.h"

#define ROWS_AT_ONCE 16384
#define CLASS_BUFFER 0
#define CLASS_CIRCULAR_BUFFER 2
#define REPLACED 1

struct live_block {
	int64_t key, alloc_ns;
	struct book_block block;
	uint32_t next_vacant; /* 1 more than the place; while it is not used */
};

struct open_operation {
	size_t number; /* from 1 */
	int64_t begin_ns;
};

struct book {
	struct writer *writer;
	struct sql_error error;
	bool failed;
	int64_t now_ns, next_key, events, unmatched, replaced;
	struct rowlog log;
	struct freed_row *freed;
	size_t freed_count, freed_capacity;
	struct live_block *live;
	size_t live_count, live_capacity;
	uint32_t vacant;
	struct map places;  /* (device, region, address) -> live */
	struct map origins; /* (device, region << 8 | class, flags << 8 | ended) -> id */
	uint32_t origin_count;
	struct region_total *totals;
	size_t total_count, total_capacity;
	struct cbs cbs;
	struct map texts, whats;
	uint32_t text_count, what_count;
	struct range_record *operations; /* by number - 1 */
	size_t operation_count, operation_capacity;
	struct open_operation *open;
	size_t depth, open_capacity;
	int64_t left_out;
};

/* ---- the file ---- */

static void failed(struct book *book)
{
	book->failed = true;
}

bool book_is_fine(const struct book *book)
{
	return !book->failed;
}

static void flush(struct book *book)
{
	struct write_rows rows = {.freed = book->freed,
	                          .freed_count = book->freed_count,
	                          .logs = {&book->log},
	                          .end_ns = (uint64_t)book->now_ns};

	if (!book->failed && writer_store(book->writer, &rows, &book->error) != WRITE_DONE)
		failed(book);
	rowlog_clear(&book->log);
	book->freed_count = 0;
}

static int64_t take_mark(struct book *book)
{
	if (book->next_key % ROWS_AT_ONCE == 0)
		flush(book);
	return book->next_key++;
}

/* Of an event: marks are none. */
static int64_t take_key(struct book *book)
{
	book->events++;
	return take_mark(book);
}

/* The same for the same source again. It began, as far as can be told, when that was written. */
static void make_identity(struct writer_identity *identity, const char *version, const char *source)
{
	uint64_t first = hash_bytes(source, strlen(source), 1), second = hash_bytes(source, strlen(source), 2);
	struct stat status;

	*identity = (struct writer_identity){.version = version, .rank = -1};
	if (stat(source, &status) == 0)
		identity->start_realtime_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
	snprintf(identity->uuid, sizeof(identity->uuid), "%016llx%016llx", (unsigned long long)first,
	         (unsigned long long)second);
}

struct book *book_begin(const char *path, const char *version, const char *producer, const char *source,
                        struct sql_error *error)
{
	struct book *book = memory_zeroed(sizeof(*book));
	struct writer_identity identity;

	make_identity(&identity, version, source);
	identity.command = source;
	if (writer_create_in(path, &identity, &book->writer, error) < 0) {
		free(book);
		return NULL;
	}
	book->next_key = 1;
	rowlog_process(&book->log, &(struct process_row){.id = 1,
	                                                 .segment_id = row_string(identity.uuid),
	                                                 .segment_path = row_string(""),
	                                                 .producer = row_string(producer),
	                                                 .executable = row_string(""),
	                                                 .command = row_string(source)});
	rowlog_thread(&book->log, &(struct thread_row){.id = 1, .process = 1, .serial = 1, .name = row_string("")});
	return book;
}

void book_drop(struct book *book)
{
	if (!book)
		return;
	writer_close(book->writer);
	rowlog_free(&book->log);
	free(book->freed);
	free(book->live);
	free(book->totals);
	free(book->operations);
	free(book->open);
	map_clear(&book->places);
	map_clear(&book->origins);
	map_clear(&book->texts);
	map_clear(&book->whats);
	cbs_free(&book->cbs);
	free(book);
}

void book_time(struct book *book, int64_t at_ns)
{
	if (at_ns > book->now_ns)
		book->now_ns = at_ns;
}

void book_note(struct book *book, const char *note)
{
	rowlog_note(&book->log, &(struct note_row){.process = 1, .note = row_string(note), .count = 0});
}

void book_leave_out(struct book *book)
{
	book->left_out++;
}

static void log_left_out(struct book *book)
{
	static const char note[] = "buffers of a kind of memory, a size or a device that cannot be: left out";

	if (book->left_out)
		rowlog_note(&book->log,
		            &(struct note_row){.process = 1, .note = row_string(note), .count = book->left_out});
}

/* ---- dictionaries ---- */

static uint32_t enter(struct map *map, struct map_key key, uint32_t *count, bool *is_new)
{
	uint32_t id = map_enter(map, key, *count + 1);

	if (id == MAP_NONE)
		memory_exhausted();
	*is_new = id > *count;
	*count += *is_new;
	return id;
}

static uint32_t origin_of(struct book *book, const struct book_block *of, uint32_t ended)
{
	uint32_t class = of->region == TTALLOC_CB ? CLASS_CIRCULAR_BUFFER : CLASS_BUFFER;
	struct map_key key = {(int64_t)of->allocator << 32 | of->device, of->region, (int64_t)of->flags << 8 | ended};
	bool is_new;
	uint32_t id = enter(&book->origins, key, &book->origin_count, &is_new);

	if (!is_new)
		return id;
	rowlog_origin(&book->log, &(struct origin_row){.id = id,
	                                               .process = 1,
	                                               .thread = 1,
	                                               .device = of->device,
	                                               .region = of->region,
	                                               .class = class,
	                                               .flags = of->flags,
	                                               .ended = ended});
	if (of->allocator)
		rowlog_origin_allocator(&book->log,
		                        &(struct origin_allocator_row){.origin = id, .allocator = of->allocator});
	return id;
}

static uint32_t text_of(struct book *book, const char *text)
{
	struct map_key key = {(int64_t)hash_bytes(text, strlen(text), 1), (int64_t)hash_bytes(text, strlen(text), 2),
	                      0};
	bool is_new;
	uint32_t id = enter(&book->texts, key, &book->text_count, &is_new);

	if (is_new)
		rowlog_operation_text(&book->log, &(struct operation_text_row){.id = id, .text = row_string(text)});
	return id;
}

/* The place of a total; it moves when there are more. */
static struct region_total *total_of(struct book *book, uint32_t device, uint32_t region, uint32_t *number)
{
	for (size_t i = 0; i < book->total_count; i++)
		if (book->totals[i].device == device && book->totals[i].region == region) {
			*number = (uint32_t)i + 1;
			return &book->totals[i];
		}
	book->totals = memory_room(book->totals, book->total_count, &book->total_capacity, sizeof(*book->totals));
	region_total_begin(&book->totals[book->total_count++], device, region);
	*number = (uint32_t)book->total_count;
	return &book->totals[book->total_count - 1];
}

/* ---- devices ---- */

void book_bank(struct book *book, const struct book_bank *bank)
{
	int64_t key = take_key(book);

	rowlog_other(&book->log,
	             &(struct other_row){.key = key,
	                                 .at_ns = book->now_ns,
	                                 .kind = TTA_DEVICE_OPEN,
	                                 .origin = origin_of(book, &(struct book_block){.device = bank->device}, 0)});
	rowlog_device(&book->log, &(struct device_row){.key = key,
	                                               .process = 1,
	                                               .device = bank->device,
	                                               .region = bank->region,
	                                               .at_ns = book->now_ns,
	                                               .banks = bank->banks,
	                                               .bank_bytes = bank->bank_bytes,
	                                               .base_address = bank->base_address,
	                                               .alignment_bytes = bank->alignment_bytes});
}

void book_sample(struct book *book, const char *name)
{
	rowlog_snapshot(&book->log,
	                &(struct snapshot_row){
	                    .key = take_mark(book), .process = 1, .at_ns = book->now_ns, .name = row_string(name)});
}

/* ---- blocks ---- */

static struct map_key place_of(const struct book_block *block)
{
	return (struct map_key){(int64_t)block->allocator << 32 | block->device, block->region, block->address};
}

/* SIGN 1: allocated; -1: ended, and REPLACED rather than freed. */
static void count(struct book *book, const struct book_block *block, int64_t key, int sign, bool replaced)
{
	struct usage_change change = {.at_ns = (uint64_t)book->now_ns, .key = key, .process = 1};
	uint32_t number;
	struct region_total *total = total_of(book, block->device, block->region, &number);

	if (!(block->flags & TTALLOC_ALIASED)) {
		change.bytes = sign * block->size_bytes;
		change.bank_bytes = sign * block->bank_bytes;
		change.blocks = sign;
	}
	change.allocs = sign > 0;
	change.frees = sign < 0 && !replaced;
	if (sign > 0)
		total->allocated_bytes += change.bytes;
	region_total_add(total, &change);
}

/* Ends the block at the place; false: there is none. */
static bool end_block(struct book *book, struct map_key place, int64_t key, uint32_t ended)
{
	uint32_t at = map_get(&book->places, place);
	struct live_block *live = at == MAP_NONE ? NULL : &book->live[at];
	const struct book_block *block;

	if (!live)
		return false;
	block = &live->block;
	book->freed = memory_room(book->freed, book->freed_count, &book->freed_capacity, sizeof(*book->freed));
	book->freed[book->freed_count++] = (struct freed_row){
	    .key = key,
	    .life = key - live->key,
	    .free_ns = book->now_ns,
	    .held_ns = book->now_ns - live->alloc_ns,
	    .address = block->address,
	    .size_bytes = block->size_bytes,
	    .bank_bytes = block->bank_bytes == block->size_bytes ? ROW_SAME_BYTES : block->bank_bytes,
	    .origin = origin_of(book, block, 0),
	    .free_origin = ended ? origin_of(book, block, ended) : 0,
	};
	count(book, block, key, -1, ended == REPLACED);
	map_remove(&book->places, place);
	live->key = 0;
	live->next_vacant = book->vacant;
	book->vacant = at + 1;
	return true;
}

void book_alloc(struct book *book, const struct book_block *block)
{
	struct map_key place = place_of(block);
	int64_t key = take_key(book);
	uint32_t at = book->vacant ? book->vacant - 1 : (uint32_t)book->live_count;

	if (map_get(&book->places, place) != MAP_NONE) {
		end_block(book, place, key, REPLACED);
		book->replaced++;
		key = book->next_key++;
		at = book->vacant - 1;
	}
	if (at == book->live_count) {
		book->live = memory_room(book->live, book->live_count, &book->live_capacity, sizeof(*book->live));
		book->live_count++;
	} else {
		book->vacant = book->live[at].next_vacant;
	}
	book->live[at] = (struct live_block){.key = key, .alloc_ns = book->now_ns, .block = *block};
	if (map_put(&book->places, place, at) < 0)
		memory_exhausted();
	count(book, block, key, 1, false);
}

void book_free(struct book *book, const struct book_block *block)
{
	int64_t key = take_key(book);

	if (end_block(book, place_of(block), key, 0))
		return;
	book->unmatched++;
	rowlog_other(&book->log, &(struct other_row){.key = key,
	                                             .at_ns = book->now_ns,
	                                             .kind = TTA_FREE,
	                                             .origin = origin_of(book, block, 0),
	                                             .a = block->address});
}

/* ---- circular buffers ---- */

static uint32_t origin_of_cb(struct book *book, uint32_t device, bool aliased)
{
	return origin_of(
	    book, &(struct book_block){.device = device, .region = TTALLOC_CB, .flags = aliased ? TTALLOC_ALIASED : 0},
	    0);
}

static void settle(struct book *book, uint32_t number, struct usage_change *change)
{
	struct region_total *total = &book->totals[number - 1];

	if (cbs_settle(&book->cbs, total, number, change) || change->allocs || change->frees)
		region_total_add(total, change);
}

static void log_cb(struct book *book, const struct book_cb *about, const struct cb *cb)
{
	char text[CORES_TEXT];
	size_t length = about->cores->count ? cores_format(about->cores, text) : 0;

	rowlog_cb(&book->log, &(struct cb_row){.key = cb->key,
	                                       .alloc_ns = book->now_ns,
	                                       .origin = origin_of_cb(book, about->device, about->aliased),
	                                       .program = (int64_t)about->program,
	                                       .idx = about->index,
	                                       .address = about->address,
	                                       .size_bytes = about->size_bytes,
	                                       .cores = row_text(length ? text : NULL, length)});
	if (!cb->aliased && (int64_t)cb->size_bytes != about->size_bytes)
		rowlog_cb_count(&book->log,
		                &(struct cb_count_row){.key = cb->key, .counted_bytes = (int64_t)cb->size_bytes});
}

void book_cb_alloc(struct book *book, const struct book_cb *about)
{
	struct usage_change change = {.at_ns = (uint64_t)book->now_ns, .process = 1, .allocs = 1};
	struct cb cb = {.program = about->program, .number = about->index, .aliased = about->aliased};
	struct region_total *total = total_of(book, about->device, TTALLOC_CB, &cb.total);

	cb.key = change.key = take_key(book);
	cb.size_bytes = about->aliased ? 0 : (uint64_t)about->size_bytes;
	cbs_add(&book->cbs, total, &cb, about->cores);
	log_cb(book, about, &cb);
	total->allocated_bytes += about->aliased ? 0 : about->size_bytes;
	settle(book, cb.total, &change);
}

struct cb_ending {
	struct book *book;
	int64_t key;
};

static void end_cb(void *context, int64_t key)
{
	struct cb_ending *ending = context;

	rowlog_cb_end(&ending->book->log, &(struct cb_end_row){.key = key,
	                                                       .end_key = ending->key,
	                                                       .end_ns = ending->book->now_ns,
	                                                       .ended = row_string("freed")});
}

void book_cb_free(struct book *book, uint32_t device, uint64_t program)
{
	struct usage_change change = {.at_ns = (uint64_t)book->now_ns, .process = 1};
	struct cb_ending ending = {book, take_key(book)};
	uint32_t number;

	total_of(book, device, TTALLOC_CB, &number);
	rowlog_other(&book->log, &(struct other_row){.key = ending.key,
	                                             .at_ns = book->now_ns,
	                                             .kind = TTA_CB_FREE,
	                                             .origin = origin_of_cb(book, device, false),
	                                             .a = (int64_t)program});
	change.key = ending.key;
	change.frees = cbs_end(&book->cbs, number, program, end_cb, &ending);
	settle(book, number, &change);
}

/* ---- operations ---- */

static uint32_t what_of(struct book *book, const char *name, const char *arguments, size_t around)
{
	struct range_what_row row = {.thread = 1,
	                             .name = text_of(book, name),
	                             .arguments = arguments ? text_of(book, arguments) : 0,
	                             .around = (uint32_t)around};
	struct map_key key = {row.name, row.arguments, (int64_t)around};
	bool is_new;

	row.id = enter(&book->whats, key, &book->what_count, &is_new);
	if (is_new)
		rowlog_range_what(&book->log, &row);
	return (uint32_t)row.id;
}

void book_operation_begin(struct book *book, const char *name, const char *arguments)
{
	size_t around = book->depth ? book->operation_count + 1 - book->open[book->depth - 1].number : 0;

	book->operations =
	    memory_room(book->operations, book->operation_count, &book->operation_capacity, sizeof(*book->operations));
	book->operations[book->operation_count++] = (struct range_record){
	    .key = take_mark(book), .begin_ns = book->now_ns, .what = what_of(book, name, arguments, around)};
	book->open = memory_room(book->open, book->depth, &book->open_capacity, sizeof(*book->open));
	book->open[book->depth++] = (struct open_operation){book->operation_count, book->now_ns};
}

void book_operation_end(struct book *book)
{
	struct range_record *record;

	if (!book->depth)
		return;
	record = &book->operations[book->open[--book->depth].number - 1];
	record->life = take_mark(book) - record->key;
	record->held_ns = book->now_ns - record->begin_ns;
}

/* Those that were never left end with the recording. */
static void log_operations(struct book *book)
{
	uint8_t bytes[RANGE_PAGE_BYTES];

	while (book->depth)
		book_operation_end(book);
	for (size_t first = 0; first < book->operation_count; first += RANGE_PAGE_FULL) {
		size_t left = book->operation_count - first;
		struct range_page_row page = {.process = 1, .first_number = (int64_t)first + 1};

		range_page_pack(book->operations + first, left < RANGE_PAGE_FULL ? left : RANGE_PAGE_FULL, bytes,
		                &page);
		rowlog_range_page(&book->log, &page);
		if (first % (RANGE_PAGE_FULL * 256) == 0)
			flush(book);
	}
}

/* ---- the end ---- */

static void log_held(struct book *book)
{
	struct held_row *held = memory_get(book->live_count + 1, sizeof(*held));
	struct write_rows rows = {.held = held, .end_ns = (uint64_t)book->now_ns};

	for (size_t i = 0; i < book->live_count; i++) {
		const struct live_block *live = &book->live[i];
		const struct book_block *block = &live->block;

		if (live->key)
			held[rows.held_count++] = (struct held_row){
			    .key = live->key,
			    .alloc_ns = live->alloc_ns,
			    .address = block->address,
			    .size_bytes = block->size_bytes,
			    .bank_bytes = block->bank_bytes == block->size_bytes ? ROW_SAME_BYTES : block->bank_bytes,
			    .origin = origin_of(book, block, 0),
			};
	}
	flush(book); /* the origins that they name */
	if (!book->failed && writer_store(book->writer, &rows, &book->error) != WRITE_DONE)
		failed(book);
	free(held);
}

static void log_process(struct book *book)
{
	int64_t last = book->next_key - 1;

	for (size_t i = 0; i < book->total_count; i++)
		region_total_log(&book->totals[i], 1, &book->log);
	rowlog_process_state(&book->log, &(struct process_state_row){.id = 1,
	                                                             .ended_ns = ROW_NO_TIME,
	                                                             .first_number = last ? 1 : 0,
	                                                             .committed_number = last,
	                                                             .events = book->events,
	                                                             .unmatched_frees = book->unmatched,
	                                                             .replaced = book->replaced});
	if (last)
		rowlog_batch(&book->log, &(struct batch_row){.first_key = 1,
		                                             .last_key = last,
		                                             .process = 1,
		                                             .first_number = 1,
		                                             .count = last,
		                                             .to_ns = book->now_ns,
		                                             .marks = last - book->events});
}

int book_finish(struct book *book, struct sql_error *error)
{
	int result = -1;

	log_operations(book);
	log_left_out(book);
	log_held(book);
	log_process(book);
	flush(book);
	if (book->failed)
		*error = book->error;
	else if (totals_make(book->writer, error) == 0 &&
	         writer_finish(book->writer, (uint64_t)book->now_ns, "clean", 0, error) == WRITE_DONE)
		result = 0;
	book_drop(book);
	return result;
}
