/* SPDX-License-Identifier: Apache-2.0
 *
 * carry.c - see carry.h.
 */
#include "carry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/base/index.h"
#include "sql/base/units.h"
#include "sql/store/range_page.h"
#include "sql/store/rows.h"
#include "tensors.h"

#define COLUMNS_MOST 24
#define NAME_BYTES 32

/* How a column is carried, by the word behind its colon; none: as it is. */
enum rule {
	RULE_SAME,
	RULE_KEY,     /* number of an event: moved behind those of the inputs before */
	RULE_TIME,    /* moved */
	RULE_DEVICE,  /* renumbered */
	RULE_NEW,     /* a number that nobody points to: a new one */
	RULE_ID,      /* of the dictionary that the table is */
	RULE_POINTER, /* into a dictionary */
	RULE_FRAMES,  /* a BLOB of such pointers */
	RULE_LIST,    /* tensor_list.list */
	RULE_DOUBT,   /* stored, but no part of what makes two rows the same */
	RULE_TELL,    /* the other way round: tells rows apart, and is not stored */
};

static const struct {
	const char *name;
	enum rule rule;
	enum word word; /* of RULE_POINTER */
} rules[] = {
    {"key", RULE_KEY, WORD_NONE},
    {"time", RULE_TIME, WORD_NONE},
    {"device", RULE_DEVICE, WORD_NONE},
    {"new", RULE_NEW, WORD_NONE},
    {"id", RULE_ID, WORD_NONE},
    {"frames", RULE_FRAMES, WORD_NONE},
    {"tensors", RULE_LIST, WORD_NONE},
    {"doubt", RULE_DOUBT, WORD_NONE},
    {"tell", RULE_TELL, WORD_NONE},
    {"PROCESS", RULE_POINTER, WORD_PROCESS},
    {"THREAD", RULE_POINTER, WORD_THREAD},
    {"LABEL", RULE_POINTER, WORD_LABEL},
    {"MODULE", RULE_POINTER, WORD_MODULE},
    {"FRAME", RULE_POINTER, WORD_FRAME},
    {"STACK", RULE_POINTER, WORD_STACK},
    {"TEXT", RULE_POINTER, WORD_TEXT},
    {"SPEC", RULE_POINTER, WORD_SPEC},
    {"LIST", RULE_POINTER, WORD_LIST},
    {"WHAT", RULE_POINTER, WORD_WHAT},
    {"ORIGIN", RULE_POINTER, WORD_ORIGIN},
};

enum kind {
	ROWS,
	DICTIONARY,  /* rows that are each one of a kind */
	SHARED,      /* rows that are one where they say the same */
	FRAME_ROWS,  /* what is at a frame: all by the first that says anything */
	PAGES,       /* of ranges: packed numbers */
	LEFT_BEHIND, /* of the recording as a whole, or made anew */
};

struct table {
	struct carried_table carried;
	enum kind kind;
	enum word word;   /* the dictionary that it is */
	const char *from; /* what is read, where that is more than the table */
};

/* In an order in which whatever is pointed to is there. The first column is the one that rows are in the order of. */
static const struct table tables[] = {
    {{"process_info",
      "id:id pid start_time parent:PROCESS segment_id segment_path producer executable command joined_ns:time "
      "ended_ns:time ended first_number committed_number events failures lost unmatched_frees inherited_frees "
      "replaced"},
     DICTIONARY,
     WORD_PROCESS,
     NULL},
    {{"thread_info", "id:id process:PROCESS serial tid name"}, DICTIONARY, WORD_THREAD, NULL},
    {{"label_info", "id:id parent:LABEL name path"}, SHARED, WORD_LABEL, NULL},
    {{"module_info", "id:id path build_id symbols:doubt"}, SHARED, WORD_MODULE, NULL},
    /* code of an interpreter lies in no module; its name tells it */
    {{"frame_info", "id:id module:MODULE address function:tell file:tell line:tell"},
     SHARED,
     WORD_FRAME,
     "frame_info LEFT JOIN symbol_info s ON s.frame = id AND s.depth = 0 AND s.language IS NOT NULL"},
    {{"symbol_info", "frame:FRAME depth function file line language"}, FRAME_ROWS, WORD_NONE, NULL},
    {{"stack_info", "id:id frames:frames"}, SHARED, WORD_STACK, NULL},
    {{"operation_text", "id:id text"}, SHARED, WORD_TEXT, NULL},
    {{"tensor_spec", "id:id shape dtype layout memory shard_shape shard_grid orientation"}, SHARED, WORD_SPEC, NULL},
    {{"tensor_list", "id:id list:tensors"}, SHARED, WORD_LIST, NULL},
    {{"range_what", "id:id thread:THREAD label:LABEL stack:STACK name:TEXT arguments:TEXT around tensors:LIST ended"},
     DICTIONARY,
     WORD_WHAT,
     NULL},
    {{"origin", "id:id process:PROCESS thread:THREAD label:LABEL stack:STACK device:device region class flags ended"},
     DICTIONARY,
     WORD_ORIGIN,
     NULL},
    {{"origin_allocator", "origin:ORIGIN allocator"}, ROWS, WORD_NONE, NULL},
    {{"origin_tensor", "origin:ORIGIN spec:SPEC"}, ROWS, WORD_NONE, NULL},
    {{"freed", "key:key life free_ns:time held_ns address size_bytes bank_bytes origin:ORIGIN free_origin:ORIGIN"},
     ROWS,
     WORD_NONE,
     NULL},
    {{"held", "key:key alloc_ns:time address size_bytes bank_bytes origin:ORIGIN end_key:key end_ns:time"},
     ROWS,
     WORD_NONE,
     NULL},
    {{"circular_buffer",
      "key:key alloc_ns:time origin:ORIGIN program idx address size_bytes cores end_key:key end_ns:time ended"},
     ROWS,
     WORD_NONE,
     NULL},
    {{"circular_count", "key:key counted_bytes"}, ROWS, WORD_NONE, NULL},
    {{"program_run", "key:key at_ns:time origin:ORIGIN program"}, ROWS, WORD_NONE, NULL},
    {{"kernel_info", "key:key name kind core_type"}, ROWS, WORD_NONE, NULL},
    {{"failure_info", "key:key at_ns:time origin:ORIGIN size_bytes bank_bytes why"}, ROWS, WORD_NONE, NULL},
    {{"other_event", "key:key at_ns:time kind origin:ORIGIN a"}, ROWS, WORD_NONE, NULL},
    {{"step_mark", "key:key process:PROCESS number at_ns:time"}, ROWS, WORD_NONE, NULL},
    {{"snapshot_mark", "key:key process:PROCESS at_ns:time name"}, ROWS, WORD_NONE, NULL},
    {{"device_mark",
      "key:key process:PROCESS device:device region at_ns:time arch banks bank_bytes base_address alignment_bytes "
      "top_down"},
     ROWS,
     WORD_NONE,
     NULL},
    {{"device_identity", "key:key process:PROCESS device:device allocator allocator_name cores chip number visible"},
     ROWS,
     WORD_NONE,
     NULL},
    {{"device_cores", "key:key core_ranges in_step"}, ROWS, WORD_NONE, NULL},
    {{"range_page",
      "key:key process:PROCESS first_number count last_key:key from_ns:time offsets lives begins helds whats"},
     PAGES,
     WORD_NONE,
     NULL},
    {{"range_open", "key:key process:PROCESS number at_ns:time what:WHAT"}, ROWS, WORD_NONE, NULL},
    {{"process_user", "process:PROCESS uid name"}, ROWS, WORD_NONE, NULL},
    {{"process_note", "process:PROCESS note count"}, ROWS, WORD_NONE, NULL},
    {{"loss_row", "id:new process:PROCESS thread:THREAD from_ns:time to_ns:time from_number to_number count why"},
     ROWS,
     WORD_NONE,
     NULL},
    {{"batch", "first_key:key last_key:key process:PROCESS first_number count from_ns:time to_ns:time marks"},
     ROWS,
     WORD_NONE,
     NULL},
    {{"process_usage",
      "process:PROCESS device:device region allocs frees allocated_bytes live_bytes live_bank_bytes live_blocks "
      "peak_bytes peak_ns:time peak_key:key peak_blocks peak_bank_bytes peak_bank_ns:time"},
     ROWS,
     WORD_NONE,
     NULL},
    {{"carried_process", "process:PROCESS operations had_ended"}, ROWS, WORD_NONE, NULL},
    {{"crosscheck_row",
      "process:PROCESS device:device allocator region checks last_ns:time differences at_ns:time said_bank_bytes "
      "recorded_bank_bytes said_blocks recorded_blocks"},
     ROWS,
     WORD_NONE,
     NULL},
    /* identity.c writes these */
    {{"recording_info", ""}, LEFT_BEHIND, WORD_NONE, NULL},
    {{"recording_job", ""}, LEFT_BEHIND, WORD_NONE, NULL},
    {{"job_size", ""}, LEFT_BEHIND, WORD_NONE, NULL},
    {{"recording_file", ""}, LEFT_BEHIND, WORD_NONE, NULL},
    {{"share_info", ""}, LEFT_BEHIND, WORD_NONE, NULL},
    {{"part", ""}, LEFT_BEHIND, WORD_NONE, NULL},
    {{"process_part", ""}, LEFT_BEHIND, WORD_NONE, NULL},
    /* of a recorder that goes on with its own */
    {{"clock_anchor", ""}, LEFT_BEHIND, WORD_NONE, NULL},
    /* of all processes together */
    {{"span", ""}, LEFT_BEHIND, WORD_NONE, NULL},
    {{"region_usage", ""}, LEFT_BEHIND, WORD_NONE, NULL},
};
#define TABLE_COUNT (sizeof(tables) / sizeof(*tables))

const struct carried_table *carry_table(unsigned number)
{
	return number < TABLE_COUNT ? &tables[number].carried : NULL;
}

/* ---- a table under way ---- */

struct column {
	char name[NAME_BYTES];
	enum rule rule;
	enum word word;
};

struct moving {
	struct carry *carry;
	const struct table *table;
	struct column columns[COLUMNS_MOST];
	int count;
	sqlite3_stmt *rows, *insert, *unsure; /* unsure: of a module that was not looked at in every input */
	struct tensor_text tensors;           /* scratch */
	uint8_t *frames;                      /* likewise */
	size_t frames_bytes;
	struct sql_error *error;
};

static int corrupt(const struct moving *moving, const char *column)
{
	return sql_fail(moving->error, "%s: corrupt: %s of a row of %s points to nothing; 'verify' says more",
	                moving->carry->from->path, column, moving->table->carried.name);
}

static int failed(const struct moving *moving)
{
	return sql_fail_db(moving->error, moving->carry->to_path, moving->carry->to);
}

static struct column parse_column(const char *text, size_t bytes)
{
	struct column column = {.rule = RULE_SAME};
	const char *colon = memchr(text, ':', bytes);
	size_t name_bytes = colon ? (size_t)(colon - text) : bytes;

	snprintf(column.name, sizeof(column.name), "%.*s", (int)name_bytes, text);
	for (size_t i = 0; colon && i < sizeof(rules) / sizeof(*rules); i++) {
		if (strlen(rules[i].name) == bytes - name_bytes - 1 &&
		    memcmp(rules[i].name, colon + 1, bytes - name_bytes - 1) == 0)
			column = (struct column){.rule = rules[i].rule, .word = rules[i].word};
	}
	snprintf(column.name, sizeof(column.name), "%.*s", (int)name_bytes, text);
	return column;
}

static void parse_columns(struct moving *moving)
{
	const char *at = moving->table->carried.columns;

	while (*at && moving->count < COLUMNS_MOST) {
		size_t bytes = strcspn(at, " ");

		moving->columns[moving->count++] = parse_column(at, bytes);
		at += bytes + strspn(at + bytes, " ");
	}
}

/* "a, b, c", or "?1, ?2, ?3", of what is stored, or of all. */
static void append_columns(sqlite3_str *text, const struct moving *moving, bool stored, bool places)
{
	const char *comma = "";

	for (int i = 0; i < moving->count; i++) {
		if (stored && moving->columns[i].rule == RULE_TELL)
			continue;
		if (places)
			sqlite3_str_appendf(text, "%s?%d", comma, i + 1);
		else
			sqlite3_str_appendf(text, "%s%s", comma, moving->columns[i].name);
		comma = ", ";
	}
}

static int prepare_reading(struct moving *moving)
{
	sqlite3_str *text = sqlite3_str_new(NULL);
	char *sql;

	sqlite3_str_appendall(text, "SELECT ");
	append_columns(text, moving, false, false);
	sqlite3_str_appendf(text, " FROM %s ORDER BY 1",
	                    moving->table->from ? moving->table->from : moving->table->carried.name);
	sql = sqlite3_str_finish(text);
	moving->rows = recording_prepare(moving->carry->from, sql ? sql : "", moving->error);
	sqlite3_free(sql);
	return moving->rows ? 0 : -1;
}

static int prepare_writing(struct moving *moving)
{
	sqlite3_str *text = sqlite3_str_new(NULL);
	char *sql;
	int code;

	sqlite3_str_appendf(text, "INSERT INTO %s(", moving->table->carried.name);
	append_columns(text, moving, true, false);
	sqlite3_str_appendall(text, ") VALUES (");
	append_columns(text, moving, true, true);
	sqlite3_str_appendall(text, ")");
	sql = sqlite3_str_finish(text);
	code =
	    sqlite3_prepare_v3(moving->carry->to, sql ? sql : "", -1, SQLITE_PREPARE_PERSISTENT, &moving->insert, NULL);
	sqlite3_free(sql);
	if (code == SQLITE_OK && moving->table->word == WORD_MODULE)
		code = sqlite3_prepare_v2(moving->carry->to,
		                          "UPDATE module_info SET symbols = NULL WHERE id = ?1 AND ?2 IS NULL", -1,
		                          &moving->unsure, NULL);
	return code == SQLITE_OK ? 0 : failed(moving);
}

/* ---- a row under way ---- */

/* What becomes of one column. The texts of rows are those of the statement until it is stepped. */
struct value {
	int type; /* SQLITE_INTEGER, _TEXT, _BLOB, _FLOAT (taken as it is) or _NULL */
	int64_t number;
	const void *bytes;
	size_t count;
};

static struct value read_value(sqlite3_stmt *rows, int column)
{
	struct value value = {.type = sqlite3_column_type(rows, column)};

	if (value.type == SQLITE_INTEGER) {
		value.number = sqlite3_column_int64(rows, column);
	} else if (value.type != SQLITE_NULL) {
		if (value.type == SQLITE_FLOAT) /* of no column of ours */
			value.type = SQLITE_TEXT;
		value.bytes = value.type == SQLITE_BLOB ? sqlite3_column_blob(rows, column)
		                                        : (const void *)sqlite3_column_text(rows, column);
		value.count = (size_t)sqlite3_column_bytes(rows, column);
		if (!value.bytes)
			value.bytes = "";
	}
	return value;
}

/* The numbers of a hostile file may be anything: they wrap. */
static int64_t plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int point(struct moving *moving, const struct column *column, struct value *value)
{
	uint32_t id;

	if (value->number == 0) /* none */
		return 0;
	id = words_find(moving->carry->words, column->word, value->number);
	value->number = id;
	return id ? 0 : corrupt(moving, column->name);
}

/* Four bytes each, little-endian, as schema.sql has it. */
static int move_frames(struct moving *moving, const struct column *column, struct value *value)
{
	const uint8_t *from = value->bytes;

	if (value->count > moving->frames_bytes) {
		moving->frames = memory_or_die(realloc(moving->frames, value->count));
		moving->frames_bytes = value->count;
	}
	for (size_t i = 0; i + 4 <= value->count; i += 4) {
		uint32_t old =
		    from[i] | (uint32_t)from[i + 1] << 8 | (uint32_t)from[i + 2] << 16 | (uint32_t)from[i + 3] << 24;
		uint32_t id = words_find(moving->carry->words, WORD_FRAME, old);

		if (!id && old)
			return corrupt(moving, column->name);
		for (int byte = 0; byte < 4; byte++)
			moving->frames[i + (size_t)byte] = (uint8_t)(id >> 8 * byte);
	}
	value->count &= ~(size_t)3;
	value->bytes = value->count ? moving->frames : value->bytes;
	return 0;
}

static int move_list(struct moving *moving, const struct column *column, struct value *value)
{
	const struct carry *carry = moving->carry;

	if (tensors_move(&moving->tensors, value->bytes, value->count, carry->words, carry->key_offset) < 0)
		return corrupt(moving, column->name);
	value->bytes = moving->tensors.text;
	value->count = moving->tensors.count;
	return 0;
}

static int move_number(struct moving *moving, const struct column *column, struct value *value)
{
	switch (column->rule) {
	case RULE_KEY:
		value->number = plus(value->number, moving->carry->key_offset);
		return 0;
	case RULE_TIME:
		value->number = plus(value->number, moving->carry->time_offset_ns);
		return 0;
	case RULE_DEVICE:
		value->number = chips_number(moving->carry->chips, value->number);
		return 0;
	case RULE_POINTER:
		return point(moving, column, value);
	default:
		return 0;
	}
}

static int move_value(struct moving *moving, const struct column *column, struct value *value)
{
	if (value->type == SQLITE_INTEGER)
		return move_number(moving, column, value);
	if (value->type == SQLITE_NULL)
		return 0;
	if (column->rule == RULE_FRAMES)
		return move_frames(moving, column, value);
	return column->rule == RULE_LIST ? move_list(moving, column, value) : 0;
}

static void hash_value(struct word_hash *hash, const struct value *value)
{
	for (int half = 0; half < 2; half++) {
		uint64_t seed = hash->halves[half] ^ (uint64_t)value->type;

		hash->halves[half] = value->bytes ? hash_bytes(value->bytes, value->count, seed + (uint64_t)half)
		                                  : hash_pair(seed, (uint64_t)value->number);
	}
}

static struct word_hash hash_row(const struct moving *moving, const struct value *values)
{
	struct word_hash hash = {{1, UINT64_C(0x9e3779b97f4a7c15)}};

	for (int i = 0; i < moving->count; i++)
		if (moving->columns[i].rule != RULE_ID && moving->columns[i].rule != RULE_DOUBT)
			hash_value(&hash, &values[i]);
	return hash;
}

static void bind(sqlite3_stmt *statement, int place, const struct value *value)
{
	if (value->type == SQLITE_INTEGER)
		sqlite3_bind_int64(statement, place, value->number);
	else if (value->type == SQLITE_TEXT)
		sqlite3_bind_text64(statement, place, value->bytes, value->count, SQLITE_STATIC, SQLITE_UTF8);
	else if (value->type == SQLITE_BLOB)
		sqlite3_bind_blob64(statement, place, value->bytes, value->count, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, place);
}

static int run(struct moving *moving, sqlite3_stmt *statement)
{
	sqlite3_step(statement);
	return sqlite3_reset(statement) == SQLITE_OK ? 0 : failed(moving);
}

static int insert(struct moving *moving, const struct value *values)
{
	for (int i = 0; i < moving->count; i++)
		if (moving->columns[i].rule != RULE_TELL)
			bind(moving->insert, i + 1, &values[i]);
	return run(moving, moving->insert);
}

/* Its place among those of its kind; *IS_NEW: it has to be stored. */
static int enter(struct moving *moving, struct value *values, bool *is_new)
{
	const struct table *table = moving->table;
	struct word_hash hash = hash_row(moving, values);
	uint32_t id = words_enter(moving->carry->words, table->word, values[0].number,
	                          table->kind == SHARED ? &hash : NULL, is_new);

	values[0] = (struct value){.type = SQLITE_INTEGER, .number = id};
	if (*is_new || !moving->unsure)
		return 0;
	bind(moving->unsure, 1, &values[0]);
	bind(moving->unsure, 2, &values[3]);
	return run(moving, moving->unsure);
}

static int move_row(struct moving *moving)
{
	struct value values[COLUMNS_MOST];
	enum kind kind = moving->table->kind;
	bool stored = true;

	for (int i = 0; i < moving->count; i++) {
		values[i] = read_value(moving->rows, i);
		if (moving->columns[i].rule == RULE_NEW)
			values[i] = (struct value){.type = SQLITE_NULL};
		else if (move_value(moving, &moving->columns[i], &values[i]) < 0)
			return -1;
	}
	if ((kind == DICTIONARY || kind == SHARED) && enter(moving, values, &stored) < 0)
		return -1;
	if (kind == FRAME_ROWS)
		stored = words_own_frame(moving->carry->words, (uint32_t)values[0].number);
	return stored ? insert(moving, values) : 0;
}

/* ---- pages of ranges ---- */

enum page_column { KEY, PROCESS, FIRST_NUMBER, COUNT, LAST_KEY, FROM_NS, OFFSETS, LIVES, BEGINS, HELDS, WHATS };

static struct row_text digits_of(sqlite3_stmt *rows, enum page_column column)
{
	struct value value = read_value(rows, column);

	return value.type == SQLITE_BLOB ? row_text(value.bytes, value.count) : row_text("", 0);
}

static size_t unpack_page(sqlite3_stmt *rows, struct range_record records[RANGE_PAGE_MOST])
{
	struct range_page_row page = {.key = sqlite3_column_int64(rows, KEY),
	                              .count = sqlite3_column_int64(rows, COUNT),
	                              .last_key = sqlite3_column_int64(rows, LAST_KEY),
	                              .from_ns = sqlite3_column_int64(rows, FROM_NS),
	                              .offsets = digits_of(rows, OFFSETS),
	                              .lives = digits_of(rows, LIVES),
	                              .begins = digits_of(rows, BEGINS),
	                              .helds = digits_of(rows, HELDS),
	                              .whats = digits_of(rows, WHATS)};

	return range_page_unpack(&page, records);
}

static struct value digits(struct row_text text)
{
	return (struct value){.type = SQLITE_BLOB, .bytes = text.bytes, .count = text.count};
}

static struct value number(int64_t value)
{
	return (struct value){.type = SQLITE_INTEGER, .number = value};
}

static int insert_page(struct moving *moving, const struct range_record *records, size_t count)
{
	uint8_t bytes[RANGE_PAGE_BYTES];
	struct range_page_row page = {0};
	struct value values[COLUMNS_MOST];

	values[PROCESS] = read_value(moving->rows, PROCESS);
	values[FIRST_NUMBER] = read_value(moving->rows, FIRST_NUMBER);
	if (move_value(moving, &moving->columns[PROCESS], &values[PROCESS]) < 0)
		return -1;
	range_page_pack(records, count, bytes, &page);
	values[KEY] = number(page.key);
	values[COUNT] = number(page.count);
	values[LAST_KEY] = number(page.last_key);
	values[FROM_NS] = number(page.from_ns);
	values[OFFSETS] = digits(page.offsets);
	values[LIVES] = digits(page.lives);
	values[BEGINS] = digits(page.begins);
	values[HELDS] = digits(page.helds);
	values[WHATS] = digits(page.whats);
	return insert(moving, values);
}

static int move_page(struct moving *moving)
{
	struct range_record records[RANGE_PAGE_MOST];
	size_t count = unpack_page(moving->rows, records);

	if (count == 0)
		return corrupt(moving, "a page");
	for (size_t i = 0; i < count; i++) {
		uint32_t what = words_find(moving->carry->words, WORD_WHAT, records[i].what);

		if (!what)
			return corrupt(moving, "whats");
		records[i].what = what;
		records[i].key = plus(records[i].key, moving->carry->key_offset);
		records[i].begin_ns = plus(records[i].begin_ns, moving->carry->time_offset_ns);
	}
	return insert_page(moving, records, count);
}

/* ---- all ---- */

static int move_table(struct carry *carry, const struct table *table, struct sql_error *error)
{
	struct moving moving = {.carry = carry, .table = table, .error = error};
	int state;

	parse_columns(&moving);
	state = prepare_reading(&moving) < 0 || prepare_writing(&moving) < 0 ? -1 : 1;
	while (state == 1 && (state = recording_step(carry->from, moving.rows, error)) == 1)
		if ((table->kind == PAGES ? move_page(&moving) : move_row(&moving)) < 0)
			state = -1;
	sqlite3_finalize(moving.rows);
	sqlite3_finalize(moving.insert);
	sqlite3_finalize(moving.unsure);
	free(moving.tensors.text);
	free(moving.frames);
	return state;
}

int carry_rows(struct carry *carry, struct sql_error *error)
{
	words_next_input(carry->words);
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (tables[i].kind != LEFT_BEHIND && move_table(carry, &tables[i], error) < 0)
			return -1;
	return 0;
}
