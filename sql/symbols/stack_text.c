/* SPDX-License-Identifier: Apache-2.0
 *
 * stack_text.c - see stack_text.h.
 */
#include "stack_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "mangled_name.h"
#include "owner.h"
#include "short_name.h"

#define SHOWN_MAX 64        /* of stack_text(); a line must end somewhere */
#define BRIEF_MAX 6         /* of stack_brief() */
#define FRAMES_MAX 64       /* of any stack: the hook takes fewer */
#define ENTRIES_MAX 1024    /* of any stack, functions that were inlined among them */
#define NAME_BYTES_MAX 1024 /* a name longer than that is cut */

/* A function of a stack, and where it lies. Its strings are SQLite's; NULL: not known. */
struct entry {
	char *function, *file, *module;
	char *name; /* of the function, shortened */
	int64_t line, address;
	enum owner owner;
	bool python, left_out;
};

struct stack {
	struct entry *entries; /* innermost first */
	size_t count, capacity;
};

static const char entries_sql[] =
    "SELECT s.function, s.file, m.path, s.line, f.address, s.language = 'python' FROM frame_info f "
    "LEFT JOIN module_info m ON m.id = f.module LEFT JOIN symbol_info s ON s.frame = f.id WHERE f.id = ?1 "
    "ORDER BY s.depth";

static char *text_of(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text && *text ? sqlite3_mprintf("%.*s", NAME_BYTES_MAX, text) : NULL;
}

static char *short_copy(const struct entry *entry)
{
	char name[NAME_BYTES_MAX + 1];

	if (!entry->function)
		return NULL;
	if (entry->python || !mangled_name(entry->function, name, sizeof(name)))
		snprintf(name, sizeof(name), "%s", entry->function);
	if (!entry->python)
		short_name(name);
	return sqlite3_mprintf("%s", name);
}

static int add_entry(struct stack *stack, sqlite3_stmt *row)
{
	if (stack->count == ENTRIES_MAX)
		return SQLITE_OK;
	if (array_reserve(&stack->entries, &stack->capacity, stack->count) < 0)
		return SQLITE_NOMEM;
	struct entry *entry = &stack->entries[stack->count++];
	*entry = (struct entry){.function = text_of(row, 0),
	                        .file = text_of(row, 1),
	                        .module = text_of(row, 2),
	                        .line = sqlite3_column_int64(row, 3),
	                        .address = sqlite3_column_int64(row, 4),
	                        .python = sqlite3_column_int(row, 5)};
	entry->name = short_copy(entry);
	entry->owner = owner_of(entry->module, entry->file, entry->python ? NULL : entry->name);
	return SQLITE_OK;
}

static void stack_free(struct stack *stack)
{
	for (size_t i = 0; i < stack->count; i++) {
		sqlite3_free(stack->entries[i].function);
		sqlite3_free(stack->entries[i].name);
		sqlite3_free(stack->entries[i].file);
		sqlite3_free(stack->entries[i].module);
	}
	free(stack->entries);
}

/* FRAMES: their ids, 4 bytes each, low ones first. */
static int load(sqlite3 *db, const unsigned char *frames, size_t bytes, struct stack *stack)
{
	sqlite3_stmt *rows = NULL;
	int code = sqlite3_prepare_v2(db, entries_sql, -1, &rows, NULL);

	for (size_t at = 0; code == SQLITE_OK && at < FRAMES_MAX * 4 && at + 4 <= bytes; at += 4) {
		const unsigned char *id = frames + at;

		sqlite3_bind_int64(rows, 1, id[0] | id[1] << 8 | id[2] << 16 | (int64_t)id[3] << 24);
		while (code == SQLITE_OK && (code = sqlite3_step(rows)) == SQLITE_ROW)
			code = add_entry(stack, rows);
		code = code == SQLITE_DONE ? sqlite3_reset(rows) : code;
	}
	sqlite3_finalize(rows);
	return code;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool lies_in(const struct entry *entry, const char *module)
{
	return entry->module && strncmp(base_name(entry->module), module, strlen(module)) == 0;
}

/* Whether the block was reported by ttalloc.alloc() of Python: native functions are those that it does that with. */
static bool is_reported_by_python(const struct stack *stack)
{
	for (size_t i = 0; i < stack->count; i++) {
		const struct entry *entry = &stack->entries[i];

		if (entry->python)
			return entry->owner == OWNER_TTALLOC && entry->function &&
			       strcmp(entry->function, "alloc") == 0;
	}
	return false;
}

/* Leaves out what is not the program's own. Preloads of ours may lie in the middle: those that pass calls on. */
static void leave_out(struct stack *stack)
{
	bool python = false, inside = is_reported_by_python(stack);

	for (size_t i = 0; i < stack->count; i++) {
		stack->entries[i].left_out = stack->entries[i].owner == OWNER_TTALLOC;
		python |= stack->entries[i].python;
	}
	for (size_t i = 0; python && i < stack->count; i++) {
		struct entry *entry = &stack->entries[i];

		inside |= !entry->python && (lies_in(entry, "libpython") || lies_in(entry, "python3"));
		entry->left_out |= inside && !entry->python;
	}
}

/* Puts the entries that are left into ORDER, innermost first: native ones, which Python called, then Python's. */
static size_t put_in_order(struct stack *stack, const struct entry *order[static ENTRIES_MAX])
{
	size_t count = 0;

	leave_out(stack);
	for (int python = 0; python <= 1; python++)
		for (size_t i = 0; i < stack->count; i++)
			if (!stack->entries[i].left_out && stack->entries[i].python == python)
				order[count++] = &stack->entries[i];
	return count;
}

static void append_entry(sqlite3_str *out, const struct entry *entry)
{
	if (entry->python && entry->function && entry->file)
		sqlite3_str_appendf(out, "%s (%s:%lld)", entry->function, base_name(entry->file),
		                    (long long)entry->line);
	else if (entry->function)
		sqlite3_str_appendall(out, entry->name && *entry->name ? entry->name : entry->function);
	else if (entry->module)
		sqlite3_str_appendf(out, "%s+0x%llx", base_name(entry->module), (long long)entry->address);
	else
		sqlite3_str_appendf(out, "0x%llx", (long long)entry->address);
}

/* Takes out of TEXT what folded stacks are divided by: ';' between functions, a blank before the value, lines. */
static void make_harmless(char *text)
{
	for (; *text; text++) {
		if (*text == ';')
			*text = ':';
		else if ((unsigned char)*text <= ' ' || *text == 0x7f)
			*text = '_';
	}
}

static void append_harmless(sqlite3_str *out, const struct entry *entry)
{
	sqlite3_str *name = sqlite3_str_new(NULL);
	char *text;

	append_entry(name, entry);
	text = sqlite3_str_finish(name);
	if (text) {
		make_harmless(text);
		sqlite3_str_appendall(out, text);
	}
	sqlite3_free(text);
}

typedef void writing(sqlite3_str *out, const struct entry **order, size_t count);

static void write_most(sqlite3_str *out, const struct entry **order, size_t count, size_t most)
{
	for (size_t i = 0; i < count && i < most; i++) {
		sqlite3_str_appendall(out, i ? " < " : "");
		append_entry(out, order[i]);
	}
	if (count > most)
		sqlite3_str_appendall(out, " < ...");
}

static void write_stack(sqlite3_str *out, const struct entry **order, size_t count)
{
	write_most(out, order, count, SHOWN_MAX);
}

static void write_brief(sqlite3_str *out, const struct entry **order, size_t count)
{
	write_most(out, order, count, BRIEF_MAX);
}

static void write_folded(sqlite3_str *out, const struct entry **order, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		append_harmless(out, order[i]);
		if (i > 0)
			sqlite3_str_appendchar(out, 1, ';');
	}
}

/* Whom a block is attributed to: the innermost function that is the program's own; without any, the outermost one that
 * called for it. */
static const struct entry *asker(const struct entry **order, size_t count)
{
	const struct entry *outermost = NULL;

	for (size_t i = 0; i < count; i++) {
		if (order[i]->owner == OWNER_PROGRAM)
			return order[i];
		if (order[i]->owner != OWNER_SYSTEM)
			outermost = order[i];
	}
	return outermost ? outermost : order[0];
}

static void write_function(sqlite3_str *out, const struct entry **order, size_t count)
{
	append_entry(out, asker(order, count));
}

static void write_file(sqlite3_str *out, const struct entry **order, size_t count)
{
	const char *file = asker(order, count)->file;

	sqlite3_str_appendall(out, file ? file : "");
}

/* What Python calls a module is a file. */
static void write_module(sqlite3_str *out, const struct entry **order, size_t count)
{
	const struct entry *entry = asker(order, count);
	const char *path = entry->python ? entry->file : entry->module;

	sqlite3_str_appendall(out, path ? path : "");
}

static void answer(sqlite3_context *context, sqlite3_value *frames, writing *write)
{
	const struct entry *order[ENTRIES_MAX];
	sqlite3 *db = sqlite3_context_db_handle(context);
	struct stack stack = {0};
	int code = load(db, sqlite3_value_blob(frames), (size_t)sqlite3_value_bytes(frames), &stack);
	size_t count = put_in_order(&stack, order);
	sqlite3_str *out = sqlite3_str_new(db);

	if (count)
		write(out, order, count);
	if (code == SQLITE_OK)
		code = sqlite3_str_errcode(out);
	if (code != SQLITE_OK)
		sqlite3_result_error_code(context, code);
	int length = sqlite3_str_length(out);
	char *text = sqlite3_str_finish(out);
	if (code == SQLITE_OK && length > 0)
		sqlite3_result_text(context, text, length, sqlite3_free);
	else
		sqlite3_free(text);
	stack_free(&stack);
}

static void stack_text_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	answer(context, values[0], write_stack);
}

static void stack_brief_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	answer(context, values[0], write_brief);
}

static void stack_folded_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	answer(context, values[0], write_folded);
}

static void stack_group_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	static const struct {
		const char *key;
		writing *write;
	} keys[] = {
	    {"stack", write_stack}, {"function", write_function}, {"file", write_file}, {"module", write_module}};
	const char *key = (const char *)sqlite3_value_text(values[0]);

	(void)count;
	for (size_t i = 0; key && i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(keys[i].key, key) == 0)
			answer(context, values[1], keys[i].write);
}

static void label_folded_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *path = (const char *)sqlite3_value_text(values[0]);
	char *folded = path ? sqlite3_mprintf("%s", path) : NULL;

	(void)count;
	if (!folded)
		return;
	make_harmless(folded);
	for (char *slash = folded; (slash = strchr(slash, '/'));)
		*slash++ = ';';
	sqlite3_result_text(context, folded, -1, sqlite3_free);
}

/* The result of CONTEXT is the one cell of SQL. */
static void answer_query(sqlite3_context *context, const char *sql)
{
	sqlite3_stmt *row = NULL;
	int code = sqlite3_prepare_v2(sqlite3_context_db_handle(context), sql, -1, &row, NULL);

	if (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
		sqlite3_result_value(context, sqlite3_column_value(row, 0));
		code = SQLITE_OK;
	}
	sqlite3_finalize(row);
	if (code != SQLITE_OK && code != SQLITE_DONE)
		sqlite3_result_error_code(context, code);
}

static void stack_missing_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count, (void)values;
	answer_query(context, "SELECT iif(EXISTS (SELECT 1 FROM share_info WHERE removed LIKE '%stacks%'), "
	                      "'call stacks were removed when the file was shared', "
	                      "'the recording has no call stacks; record with ''ttalloc-recorder --stacks''') "
	                      "WHERE NOT EXISTS (SELECT 1 FROM stack_info)");
}

/* What the names lack, and what the stacks themselves do. */
static void stack_remark_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count, (void)values;
	answer_query(
	    context,
	    "WITH lacking AS (SELECT substr(path, 1, 200) || ' (' || substr(symbols, 1, 200) || ')' AS what "
	    "FROM module_info WHERE symbols <> 'found' ORDER BY path), "
	    "short AS (SELECT count(*) AS stacks, sum(length(frames) <= 8) AS short FROM stack_info), "
	    "remark AS (SELECT CASE "
	    "WHEN EXISTS (SELECT 1 FROM frame_info f JOIN module_info m ON m.id = f.module WHERE m.symbols IS NULL) "
	    "THEN 'not all functions have been looked up: run ''ttalloc-analyze symbolize'' where the program is "
	    "installed' "
	    "WHEN EXISTS (SELECT 1 FROM lacking) "
	    "THEN 'not all functions have names: ' || (SELECT group_concat(what, ', ') FROM (SELECT what FROM lacking "
	    "LIMIT 5)) || (SELECT iif(count(*) > 5, printf(' and %d more modules', count(*) - 5), '') FROM lacking) "
	    "END AS said "
	    "UNION ALL SELECT printf('%d of %d call stacks have no more than two functions, as in programs without "
	    "frame "
	    "pointers: ''ttalloc-recorder --stacks --unwinder=libunwind'' finds more', short, stacks) FROM short "
	    "WHERE stacks >= 8 AND short * 2 > stacks AND NOT EXISTS (SELECT 1 FROM symbol_info WHERE language IS NOT "
	    "NULL)) "
	    "SELECT group_concat(said, '; ') FROM remark");
}

int stack_text_register(sqlite3 *db)
{
	static const struct {
		const char *name;
		int arguments;
		void (*function)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = {
	    {"stack_text", 1, stack_text_sql},     {"stack_brief", 1, stack_brief_sql},
	    {"stack_folded", 1, stack_folded_sql}, {"stack_group", 2, stack_group_sql},
	    {"label_folded", 1, label_folded_sql}, {"stack_missing", 0, stack_missing_sql},
	    {"stack_remark", 0, stack_remark_sql},
	};
	int code = SQLITE_OK;

	/* Not deterministic: what they say is what the tables say. */
	for (size_t i = 0; code == SQLITE_OK && i < sizeof(functions) / sizeof(*functions); i++)
		code = sqlite3_create_function_v2(db, functions[i].name, functions[i].arguments,
		                                  SQLITE_UTF8 | SQLITE_INNOCUOUS, NULL, functions[i].function, NULL,
		                                  NULL, NULL);
	return code;
}
