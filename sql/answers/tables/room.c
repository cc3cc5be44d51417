/* SPDX-License-Identifier: Apache-2.0
 *
 * room.c - room(): what takes the room in the file, by what is stored.
 *
 *   what      in words
 *   tables    that hold it, with commas between them
 *   bytes     of their pages, as SQLite counts them; of a shared file before it is compressed
 *
 * Every page is looked at, by SQLite's own dbstat, which some builds of SQLite lack.
 */
#include <stdio.h>
#include <string.h>

#include "sql/answers/table_function.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"

/* What tables hold. A table that is not named is the last of these. */
static const struct kind {
	const char *what, *tables; /* with blanks around each */
} kinds[] = {
    {"blocks", " freed held kernel_info "},
    {"program memory", " circular_buffer circular_count program_run "},
    {"operations, labels and tensors",
     " range_page range_open range_what operation_text tensor_spec tensor_list origin_tensor "},
    {"call stacks", " stack_info frame_info module_info symbol_info "},
    {"who asked for it", " origin origin_allocator label_info thread_info "},
    {"figures that are kept ready", " span region_usage process_usage "},
    {"processes, and the order of events", " process_info process_part process_user batch loss_row step_mark "},
    {"other events, and devices",
     " other_event failure_info device_mark device_identity device_cores snapshot_mark crosscheck_row "},
    {"everything else", ""},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

struct room {
	int64_t bytes[KINDS];
	char tables[KINDS][256];
};

static size_t kind_of(const char *table)
{
	char word[80];
	size_t kind = 0;

	snprintf(word, sizeof(word), " %s ", table);
	while (kind + 1 < KINDS && !strstr(kinds[kind].tables, word))
		kind++;
	return kind;
}

static void add_table(struct room *room, const char *table, int64_t bytes)
{
	size_t kind = kind_of(table), used = strlen(room->tables[kind]);

	room->bytes[kind] += bytes;
	snprintf(room->tables[kind] + used, sizeof(room->tables[kind]) - used, "%s%s", used ? ", " : "", table);
}

static int read_tables(struct table_call *call, struct room *room)
{
	struct sql_error why;
	sqlite3_stmt *rows = recording_prepare(
	    call->recording, "SELECT name, sum(pgsize) FROM dbstat WHERE schema = 'main' GROUP BY name ORDER BY 2 DESC",
	    &why);
	int state = 0;

	if (!rows)
		return sql_fail(call->error, "%s",
		                strstr(why.text, "dbstat")
		                    ? "this SQLite is built without dbstat (SQLITE_ENABLE_DBSTAT_VTAB), "
		                      "which knows what pages hold"
		                    : why.text);
	while ((state = recording_step(call->recording, rows, call->error)) == 1)
		add_table(room, (const char *)sqlite3_column_text(rows, 0), sqlite3_column_int64(rows, 1));
	sqlite3_finalize(rows);
	return state;
}

static int add_row(struct table_call *call, const char *what, const char *tables, int64_t bytes)
{
	int64_t cells[] = {table_text(call->table, what, call->error), table_text(call->table, tables, call->error),
	                   bytes};

	return cells[0] < 0 || cells[1] < 0 ? -1 : table_add(call->table, cells, call->error);
}

static int fill_room(struct table_call *call)
{
	struct room room = {.bytes = {0}};
	int64_t free_pages = 0, page_bytes = 0;
	int result = read_tables(call, &room);

	if (result == 0)
		result = recording_integer(call->recording, "PRAGMA main.freelist_count", 0, &free_pages, call->error);
	if (result == 0)
		result = recording_integer(call->recording, "PRAGMA main.page_size", 0, &page_bytes, call->error);
	for (size_t i = 0; result == 0 && i < KINDS; i++)
		if (room.bytes[i])
			result = add_row(call, kinds[i].what, room.tables[i], room.bytes[i]);
	if (result == 0 && free_pages)
		result = add_row(call, "pages that are free", "", free_pages * page_bytes);
	return result;
}

const struct table_function table_room = {
    .name = "room",
    .columns = "what, tables, bytes",
    .text_columns = 3,
    .fill = fill_room,
};
