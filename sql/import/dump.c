/* SPDX-License-Identifier: Apache-2.0
 *
 * dump.c - the detailed table of ttnn.device.dump_device_memory_state(): for each region what an allocator has, as text
 * with commas here and columns there. It is of one bank, without payloads, and its addresses count from the bank's
 *start.
 *
 *	,DRAM
 *	,Total allocatable (B):,34217131008
 *	...
 *	Block table:
 *	       Block      Address         Size       PrevID       NextID    Allocated
 *	           0            0        16384         none            1          yes
 */
#include "formats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scene.h"
#include "sql/base/error.h"
#include "sql/base/units.h"
#include "ttalloc.h"

#define SIZE_MOST (INT64_C(1) << 48)

struct dump {
	struct book *book;
	struct scene *scene;
	int64_t region; /* -1: none yet */
	int64_t total_bytes, bank_bytes;
	bool in_table, any;
};

/* The region of which a table has just ended. */
static void end_region(struct dump *dump)
{
	if (dump->region >= 0 && dump->bank_bytes > 0)
		book_bank(dump->book,
		          &(struct book_bank){.region = (uint32_t)dump->region,
		                              .banks = (uint32_t)(dump->total_bytes / dump->bank_bytes & 0xffff),
		                              .bank_bytes = dump->bank_bytes});
	dump->in_table = false;
	dump->region = -1;
	dump->total_bytes = dump->bank_bytes = 0;
}

static bool is_size(int64_t size)
{
	return size >= 0 && size <= SIZE_MOST;
}

/* False: this is no row of a table. */
static bool take_row(struct dump *dump, const char *line)
{
	int64_t number, address, size;
	char before[16], behind[16], allocated[8];

	if (sscanf(line, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %15s %15s %7s", &number, &address, &size, before, behind,
	           allocated) != 6 ||
	    !is_size(address) || !is_size(size) || !is_size(dump->bank_bytes + size))
		return false;
	dump->bank_bytes += size;
	if (strcmp(allocated, "yes") == 0 && size > 0)
		scene_add(dump->scene, &(struct book_block){.region = (uint32_t)dump->region,
		                                            .address = address,
		                                            .size_bytes = size,
		                                            .bank_bytes = size});
	return true;
}

static void take_line(struct dump *dump, const char *line)
{
	static const char total[] = "Total allocatable (B):,";
	const char *cell = strchr(line, ',');
	int64_t region = cell && !strchr(cell + 1, ',') ? region_number(cell + 1, NULL) : -1;

	if (region >= 0 && cell[1] > '9') {
		end_region(dump);
		dump->region = region;
		dump->any = true;
	} else if (dump->region < 0) {
		return;
	} else if (cell && strncmp(cell + 1, total, sizeof(total) - 1) == 0) {
		if (parse_integer(cell + sizeof(total), &dump->total_bytes) != NULL || !is_size(dump->total_bytes))
			dump->total_bytes = 0;
	} else if (strstr(line, "Allocated") && strstr(line, "Address")) {
		dump->in_table = true;
	} else if (dump->in_table && !take_row(dump, line)) {
		dump->in_table = false;
	}
}

int dump_import(struct book *book, struct scene *scene, const char *path, char *text, struct sql_error *error)
{
	struct dump dump = {.book = book, .scene = scene, .region = -1};

	for (char *line = text, *end; line; line = end) {
		if ((end = strchr(line, '\n')))
			*end++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		take_line(&dump, line);
	}
	end_region(&dump);
	if (!dump.any)
		return sql_fail(error,
		                "%s: no table of blocks as ttnn.device.dump_device_memory_state() writes it "
		                "(..._detailed_memory_usage.csv)",
		                path);
	scene_change(scene);
	return 0;
}
