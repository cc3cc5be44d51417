/* SPDX-License-Identifier: Apache-2.0
 *
 * chips.c - chip_counters(): what TT-Metal itself counts of each chip and living process on this machine now, whether
 * or not it is recorded.
 *
 *   chip        its unique id, as text
 *   device      number that TT-Metal gives it; NULL: its counters cannot be read
 *   pid, name   of the process; NULL: the chip has no place left for more processes, or its counters cannot be read
 *   dram_bytes, l1_bytes, l1_small_bytes, trace_bytes, circular_bytes
 *   recorded    1: the recording goes on and has the process; 0: it does not; NULL: it has ended, or is of another
 * machine
 */
#include "sql/answers/table_function.h"
#include "sql/base/chip_counters.h"
#include "sql/base/error.h"
#include "sql/base/machine.h"
#include "sql/store/recording.h"

#include <stdlib.h>
#include <string.h>

struct counting {
	struct table_call *call;
	bool is_here; /* the recording is being made on this machine */
	sqlite3_stmt *process;
	int result;
};

static int find_here(struct counting *counting)
{
	struct table_call *call = counting->call;
	sqlite3_stmt *row = recording_prepare(
	    call->recording, "SELECT boot_id FROM main.recording_info WHERE ended IS NULL", call->error);
	char boot_id[40];
	int state = row ? recording_step(call->recording, row, call->error) : -1;
	const char *of = state == 1 ? (const char *)sqlite3_column_text(row, 0) : NULL;

	machine_boot_id(boot_id, sizeof(boot_id));
	counting->is_here = of && *of && strcmp(of, boot_id) == 0;
	sqlite3_finalize(row);
	return state < 0 ? -1 : 0;
}

/* 1, 0, or -1. */
static int is_recorded(struct counting *counting, int64_t pid)
{
	int state;

	sqlite3_bind_int64(counting->process, 1, pid);
	state = recording_step(counting->call->recording, counting->process, counting->call->error);
	sqlite3_reset(counting->process);
	return state;
}

static int add_process(struct counting *counting, const struct chip_counters *counters,
                       const struct chip_process *process)
{
	struct table_call *call = counting->call;
	int64_t chip = table_text(call->table, counters->chip, call->error);
	int64_t name = table_text(call->table, process->name, call->error);
	int recorded = counting->is_here ? is_recorded(counting, process->pid) : 0;
	int64_t cells[5 + CHIP_COUNTERS] = {chip, counters->device, process->pid, name};

	if (chip < 0 || name < 0 || recorded < 0)
		return -1;
	for (size_t i = 0; i < CHIP_COUNTERS; i++)
		cells[4 + i] = process->bytes[i] > INT64_MAX ? INT64_MAX : (int64_t)process->bytes[i];
	cells[4 + CHIP_COUNTERS] = counting->is_here ? recorded : TABLE_NULL;
	return table_add(call->table, cells, call->error);
}

/* A row of a chip that says no more than that its processes are not all told. */
static int add_untold(struct counting *counting, const struct chip_counters *counters)
{
	struct table_call *call = counting->call;
	int64_t cells[5 + CHIP_COUNTERS] = {table_text(call->table, counters->chip, call->error),
	                                    counters->is_unread ? TABLE_NULL : counters->device};

	for (size_t i = 2; i < sizeof(cells) / sizeof(*cells); i++)
		cells[i] = TABLE_NULL;
	return cells[0] < 0 ? -1 : table_add(call->table, cells, call->error);
}

static void add_chip(void *context, const struct chip_counters *counters)
{
	struct counting *counting = context;

	if (counting->result == 0 && (counters->is_full || counters->is_unread))
		counting->result = add_untold(counting, counters);
	for (size_t i = 0; i < counters->count && counting->result == 0; i++)
		counting->result = add_process(counting, counters, &counters->processes[i]);
}

static int fill_chip_counters(struct table_call *call)
{
	struct counting counting = {.call = call};

	if (find_here(&counting) < 0)
		return -1;
	counting.process = recording_prepare(
	    call->recording, "SELECT 1 FROM main.process_info WHERE pid = ?1 AND ended_ns IS NULL", call->error);
	if (!counting.process)
		return -1;
	chip_counters_each(add_chip, &counting);
	sqlite3_finalize(counting.process);
	return counting.result;
}

const struct table_function table_chip_counters = {
    .name = "chip_counters",
    .columns = "chip, device, pid, name, dram_bytes, l1_bytes, l1_small_bytes, trace_bytes, circular_bytes, recorded",
    .text_columns = 1u << 0 | 1u << 3,
    .fill = fill_chip_counters,
};
