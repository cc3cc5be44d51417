/* SPDX-License-Identifier: Apache-2.0
 *
 * attribution.c - see attribution.h.
 */
#include "attribution.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/map.h"
#include "sql/operations/operations.h"
#include "sql/store/recording.h"

const char attribution_choices[] =
    "label|stack|function|file|module|stack_id|op|opname|tensor|thread|process|rank|host|size|"
    "region|class|device|pattern|range|step";

const char attribution_about[] =
    "--by pattern takes labels that differ in numbers alone as one (layer.*), and --by range the outermost part of a "
    "label. --by function, file and module take the innermost function of the call stack that is neither of TT-Metal, "
    "nor of "
    "ttnn, nor of ttalloc itself: the line that asked for the memory; --by stack tells all of it, innermost first; "
    "stack_id numbers it as the view stack does. --by op takes the operation of ttnn that allocated the block, with "
    "its "
    "number ('ops' lists them), --by opname all of a name; one that does no more than make a tensor for another counts "
    "as that one. --by tensor takes what the block holds: shape, dtype, layout, memory layout. --by rank and host tell "
    "the "
    "ranks of a job and the machines apart, in what 'merge' made.";

const char attribution_refuse[] =
    "SELECT stack_missing() WHERE :by IN ('stack', 'stack_id', 'function', 'file', 'module')\n"
    "UNION ALL SELECT operations_missing() WHERE :by IN ('op', 'opname', 'tensor')";

const char attribution_notes[] =
    "SELECT stack_remark() WHERE stack_remark() IS NOT NULL AND :by IN ('stack', 'function', 'file', 'module')\n"
    "UNION ALL SELECT 'no block has a label: the program opens none (ttalloc_label_push, or ttalloc-recorder --ttnn)' "
    "|| "
    "iif(operations_missing() IS NULL, '; --by op, --by opname and --by tensor go by operations', '') "
    "WHERE :by IN ('label', 'pattern', 'range') AND EXISTS (SELECT 1 FROM origin) AND NOT EXISTS (SELECT 1 FROM origin "
    "WHERE label IS NOT "
    "NULL)\n"
    "UNION ALL SELECT 'no step was marked (ttalloc_step, or ttalloc-recorder --auto-step)' "
    "WHERE :by = 'step' AND EXISTS (SELECT 1 FROM origin) AND NOT EXISTS (SELECT 1 FROM step_mark)\n"
    "UNION ALL SELECT 'threads without a label of their own have that of the thread that made them: label_inherited in "
    "the view allocation' WHERE :by = 'label' AND EXISTS (SELECT 1 FROM origin WHERE flags >> 4 & 1)\n"
    "UNION ALL SELECT 'blocks of device ' || group_concat(DISTINCT i.device) || ' lie on some cores alone: bank_bytes "
    "of a "
    "group adds them up, wherever they lie, and may be more than any bank has of them' "
    "FROM device_cores c JOIN device_identity i ON i.key = c.key WHERE :by IS NOT NULL HAVING count(*) > 0";

static const char operation_sql[] =
    "SELECT process, thread, (SELECT pid FROM process_info WHERE id = process) FROM origin WHERE id = ?1";

static const char stack_sql[] = "SELECT stack FROM origin WHERE id = ?1";

/* How a word is looked up for an origin, ?1; for a word that differs within an origin also for a block's key, ?2, and
 * size, ?3; for one that all origins of a call stack share, for that stack, ?1. */
enum word_kind { OF_ORIGIN, OF_STACK, OF_BLOCK, OF_OPERATION /* SQL says who allocated it */ };
static const struct word {
	const char *name, *sql;
	enum word_kind kind;
} words[] = {
    {"label", "SELECT (SELECT path FROM label_info WHERE id = o.label) FROM origin o WHERE o.id = ?1", OF_ORIGIN},
    {"pattern", "SELECT label_pattern((SELECT path FROM label_info WHERE id = o.label)) FROM origin o WHERE o.id = ?1",
     OF_ORIGIN},
    {"range",
     "SELECT substr(l.path, 1, instr(l.path || '/', '/') - 1) FROM origin o JOIN label_info l ON l.id = o.label WHERE "
     "o.id = ?1",
     OF_ORIGIN},
    {"stack", "SELECT stack_group('stack', frames) FROM stack_info WHERE id = ?1", OF_STACK},
    {"function", "SELECT stack_group('function', frames) FROM stack_info WHERE id = ?1", OF_STACK},
    {"file", "SELECT stack_group('file', frames) FROM stack_info WHERE id = ?1", OF_STACK},
    {"module", "SELECT stack_group('module', frames) FROM stack_info WHERE id = ?1", OF_STACK},
    {"stack_id", "SELECT stack FROM origin WHERE id = ?1", OF_ORIGIN},
    {"thread", "SELECT t.name || '/' || t.tid FROM origin o JOIN thread_info t ON t.id = o.thread WHERE o.id = ?1",
     OF_ORIGIN},
    {"process",
     "SELECT p.pid || ' ' || p.command FROM origin o JOIN process_info p ON p.id = o.process WHERE o.id = ?1",
     OF_ORIGIN},
    {"rank",
     "SELECT coalesce((SELECT a.rank FROM process_part s JOIN part a ON a.id = s.part WHERE s.process = o.process), "
     "(SELECT rank FROM recording_job)) FROM origin o WHERE o.id = ?1",
     OF_ORIGIN},
    {"host",
     "SELECT coalesce((SELECT a.host FROM process_part s JOIN part a ON a.id = s.part WHERE s.process = o.process), "
     "(SELECT host FROM recording_info)) FROM origin o WHERE o.id = ?1",
     OF_ORIGIN},
    {"region", "SELECT region_word(region) FROM origin WHERE id = ?1", OF_ORIGIN},
    {"class", "SELECT class_word(class) FROM origin WHERE id = ?1", OF_ORIGIN},
    {"device", "SELECT device FROM origin WHERE id = ?1", OF_ORIGIN},
    {"tensor",
     "SELECT concat_words(s.shape, s.dtype, s.layout) || ', ' || concat_words(region_word(o.region), s.memory, "
     "grid_word(s.shard_grid)) FROM origin_tensor t JOIN tensor_spec s ON s.id = t.spec JOIN origin o ON o.id = "
     "t.origin "
     "WHERE t.origin = ?1",
     OF_ORIGIN},
    {"op", operation_sql, OF_OPERATION},
    {"opname", operation_sql, OF_OPERATION},
    /* what counts of a circular buffer is what its core grew by */
    {"size",
     "SELECT coalesce((SELECT size_bytes FROM circular_buffer WHERE key = ?2 AND (SELECT region FROM origin WHERE id = "
     "?1) = 16), ?3)",
     OF_BLOCK},
    {"step",
     "SELECT number FROM step_mark WHERE process = (SELECT process FROM origin WHERE id = ?1) AND key < ?2 "
     "ORDER BY key DESC LIMIT 1",
     OF_BLOCK},
};

/* What one call site of a statement has looked up. */
struct lookup {
	const struct word *word;
	struct operations *operations; /* of OF_OPERATION */
	bool many_processes;           /* likewise: have operations */
	sqlite3_stmt *statement;
	sqlite3_stmt *stack;            /* of an origin; of OF_STACK */
	struct map of_origin, of_stack; /* -> values */
	sqlite3_value **values;         /* NULL: it has none */
	size_t count, capacity;
};

static void lookup_free(void *context)
{
	struct lookup *lookup = context;

	for (size_t i = 0; i < lookup->count; i++)
		sqlite3_value_free(lookup->values[i]);
	free(lookup->values);
	map_clear(&lookup->of_origin);
	map_clear(&lookup->of_stack);
	sqlite3_finalize(lookup->statement);
	sqlite3_finalize(lookup->stack);
	operations_close(lookup->operations);
	free(lookup);
}

static int open_operations(struct lookup *lookup, struct recording *recording, struct sql_error *error)
{
	int64_t processes;

	if (lookup->word->kind != OF_OPERATION)
		return 0;
	lookup->operations = operations_open(recording, error);
	if (!lookup->operations ||
	    recording_integer(recording, "SELECT count(DISTINCT process) FROM range_page", 0, &processes, error) < 0)
		return -1;
	lookup->many_processes = processes > 1;
	return 0;
}

static struct lookup *lookup_new(struct recording *recording, const char *by, struct sql_error *error)
{
	struct lookup *lookup = NULL;

	for (size_t i = 0; by && i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(words[i].name, by) != 0)
			continue;
		if (!(lookup = calloc(1, sizeof(*lookup))))
			return NULL;
		lookup->word = &words[i];
		if (sqlite3_prepare_v2(recording->db, words[i].sql, -1, &lookup->statement, NULL) != SQLITE_OK ||
		    (words[i].kind == OF_STACK &&
		     sqlite3_prepare_v2(recording->db, stack_sql, -1, &lookup->stack, NULL) != SQLITE_OK) ||
		    open_operations(lookup, recording, error) < 0) {
			lookup_free(lookup);
			return NULL;
		}
	}
	return lookup;
}

/* Steps the statement; SQLITE_ROW: its answer is in column 0, until it is reset. */
static int look_up(struct lookup *lookup, sqlite3_value **values)
{
	bool blocks = lookup->word->kind == OF_BLOCK;

	sqlite3_reset(lookup->statement);
	sqlite3_bind_value(lookup->statement, 1, values[1]);
	if (blocks) {
		sqlite3_bind_value(lookup->statement, 2, values[2]);
		sqlite3_bind_value(lookup->statement, 3, values[3]);
	}
	return sqlite3_step(lookup->statement);
}

/* Adds what STATEMENT answers for ID to the values, as their *INDEX. SQLITE_OK or what went wrong. */
static int add_value(struct lookup *lookup, int64_t id, uint32_t *index)
{
	sqlite3_bind_int64(lookup->statement, 1, id);
	int code = sqlite3_step(lookup->statement);

	if (code == SQLITE_ROW || code == SQLITE_DONE) {
		if (array_reserve(&lookup->values, &lookup->capacity, lookup->count) < 0)
			return SQLITE_NOMEM;
		*index = (uint32_t)lookup->count++;
		lookup->values[*index] =
		    code == SQLITE_ROW ? sqlite3_value_dup(sqlite3_column_value(lookup->statement, 0)) : NULL;
		code = SQLITE_OK;
	}
	sqlite3_reset(lookup->statement);
	return code;
}

/* The value of ID, by the map of those that are known. */
static int value_of(struct lookup *lookup, struct map *known, int64_t id, uint32_t *index)
{
	struct map_key key = {id, 0, 0};

	*index = map_get(known, key);
	if (*index != MAP_NONE)
		return SQLITE_OK;
	int code = add_value(lookup, id, index);
	return code == SQLITE_OK && map_put(known, key, *index) < 0 ? SQLITE_NOMEM : code;
}

/* The value of the stack that ORIGIN has. */
static int value_of_stack(struct lookup *lookup, int64_t origin, uint32_t *index)
{
	struct map_key key = {origin, 0, 0};

	*index = map_get(&lookup->of_origin, key);
	if (*index != MAP_NONE)
		return SQLITE_OK;
	sqlite3_bind_int64(lookup->stack, 1, origin);
	int code = sqlite3_step(lookup->stack);
	if (code == SQLITE_ROW || code == SQLITE_DONE) /* there is no stack 0 */
		code = value_of(lookup, &lookup->of_stack,
		                code == SQLITE_ROW ? sqlite3_column_int64(lookup->stack, 0) : 0, index);
	sqlite3_reset(lookup->stack);
	return code == SQLITE_OK && map_put(&lookup->of_origin, key, *index) < 0 ? SQLITE_NOMEM : code;
}

/* What ORIGIN has, in *FOUND. SQLITE_OK or what went wrong. */
static int find(struct lookup *lookup, int64_t origin, sqlite3_value **found)
{
	uint32_t index;
	int code = lookup->stack ? value_of_stack(lookup, origin, &index)
	                         : value_of(lookup, &lookup->of_origin, origin, &index);

	*found = code == SQLITE_OK ? lookup->values[index] : NULL;
	return code;
}

/* "matmul #41" of the operation that allocated the block; its number is of its process. */
static void result_operation(sqlite3_context *context, const struct lookup *lookup, const struct operation *operation,
                             int64_t pid)
{
	const char *name =
	    operations_name(lookup->operations, operations_what(lookup->operations, operation->what)->name);
	char *text;

	name = name ? name : "?";
	if (strcmp(lookup->word->name, "opname") == 0)
		text = sqlite3_mprintf("%s", name);
	else if (lookup->many_processes)
		text = sqlite3_mprintf("%s #%lld of %lld", name, operation->number, pid);
	else
		text = sqlite3_mprintf("%s #%lld", name, operation->number);
	sqlite3_result_text(context, text, -1, sqlite3_free);
}

static void answer_operation(sqlite3_context *context, struct lookup *lookup, sqlite3_value **values)
{
	struct sql_error error;
	struct operation operation;

	if (look_up(lookup, values) == SQLITE_ROW &&
	    operations_owner(lookup->operations, sqlite3_column_int64(lookup->statement, 0),
	                     (uint32_t)sqlite3_column_int64(lookup->statement, 1), sqlite3_value_int64(values[2]),
	                     &operation))
		result_operation(context, lookup, &operation, sqlite3_column_int64(lookup->statement, 2));
	if (operations_check(lookup->operations, &error) < 0)
		sqlite3_result_error(context, error.text, -1);
	sqlite3_reset(lookup->statement);
}

static void answer(sqlite3_context *context, struct lookup *lookup, sqlite3_value **values)
{
	sqlite3_value *found = NULL;

	if (lookup->word->kind == OF_OPERATION) {
		answer_operation(context, lookup, values);
		return;
	}
	if (lookup->word->kind == OF_ORIGIN || lookup->word->kind == OF_STACK) {
		int code = find(lookup, sqlite3_value_int64(values[1]), &found);

		if (code != SQLITE_OK)
			sqlite3_result_error_code(context, code);
		else if (found)
			sqlite3_result_value(context, found);
		return;
	}
	int code = look_up(lookup, values);
	if (code == SQLITE_ROW)
		sqlite3_result_value(context, sqlite3_column_value(lookup->statement, 0));
	else if (code != SQLITE_DONE)
		sqlite3_result_error_code(context, code);
	sqlite3_reset(lookup->statement);
}

/* SQLite keeps what was looked up with the call's first argument, where that is a constant: queries decide around the
 * call, not in it, whether it is made. */
static void attribution_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct lookup *lookup = sqlite3_get_auxdata(context, 0);
	struct sql_error error = {.text = "attribution: not a word of --by"};

	(void)count;
	if (sqlite3_value_type(values[0]) == SQLITE_NULL)
		return;
	if (!lookup) {
		lookup = lookup_new(sqlite3_user_data(context), (const char *)sqlite3_value_text(values[0]), &error);
		if (!lookup) {
			sqlite3_result_error(context, error.text, -1);
			return;
		}
		answer(context, lookup, values);
		sqlite3_set_auxdata(context, 0, lookup, lookup_free); /* which may free it at once */
		return;
	}
	answer(context, lookup, values);
}

int attribution_register(struct recording *recording)
{
	return sqlite3_create_function_v2(recording->db, "attribution", 4, SQLITE_UTF8 | SQLITE_DIRECTONLY, recording,
	                                  attribution_sql, NULL, NULL, NULL);
}

enum telling telling_by(const char *by)
{
	static const struct {
		const char *by;
		enum telling telling;
	} tellings[] = {{"size", TELLING_SIZE},
	                {"step", TELLING_STEP},
	                {"op", TELLING_OPERATION},
	                {"opname", TELLING_OPERATION_NAME}};

	for (size_t i = 0; by && i < sizeof(tellings) / sizeof(*tellings); i++)
		if (strcmp(tellings[i].by, by) == 0)
			return tellings[i].telling;
	return TELLING_ORIGIN;
}

void telling_need(enum telling telling, struct filter *filter)
{
	filter->needs_steps |= telling == TELLING_STEP;
	filter->needs_operations |= telling == TELLING_OPERATION || telling == TELLING_OPERATION_NAME;
}

static int64_t operation_of(enum telling telling, const struct catalog *catalog, const struct catalog_origin *origin,
                            int64_t key)
{
	struct operation operation;

	if (!operations_owner(catalog->operations, catalog->processes[origin->process].id, origin->thread, key,
	                      &operation))
		return INT64_MIN;
	return telling == TELLING_OPERATION ? operation.key
	                                    : operations_what(catalog->operations, operation.what)->name;
}

int64_t telling_of(enum telling telling, const struct catalog *catalog, const struct catalog_origin *origin,
                   int64_t size_bytes, int64_t key)
{
	switch (telling) {
	case TELLING_SIZE:
		return size_bytes;
	case TELLING_STEP:
		return catalog_step(catalog, origin->process, key, INT64_MIN);
	case TELLING_OPERATION:
	case TELLING_OPERATION_NAME:
		return operation_of(telling, catalog, origin, key);
	default:
		return INT64_MIN;
	}
}
