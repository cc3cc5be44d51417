/* SPDX-License-Identifier: Apache-2.0
 *
 * write_changes.c - the changes of one device's and region's totals, read back from the rows in the recording's order.
 */
#include <assert.h>
#include <stdio.h>

#include "ttalloc.h"
#include "ttalloc/event.h"
#include "write_private.h"

/* ?1 device, ?2 region, ?3 time, ?4 smallest key that an event of that time or later can have. */
#define WITH_BLOCKS                                                                                                    \
	"WITH o AS MATERIALIZED (SELECT id, process, iif(flags & 4, 0, 1) AS counts FROM origin "                      \
	"WHERE device = ?1 AND region = ?2), "                                                                         \
	"b AS (SELECT f.key, f.life, free_ns, held_ns, process, counts, counts * size_bytes AS bytes, "                \
	"counts * coalesce(bank_bytes, size_bytes) AS bank, "                                                          \
	"free_origin IS NULL OR (SELECT ended = 0 FROM origin e WHERE e.id = free_origin) AS freed "                   \
	"FROM freed f JOIN o ON o.id = f.origin WHERE f.key >= ?4), "                                                  \
	"h AS (SELECT key, alloc_ns, end_key, end_ns, process, counts, counts * size_bytes AS bytes, "                 \
	"counts * coalesce(bank_bytes, size_bytes) AS bank FROM held JOIN o ON o.id = held.origin) "

#define BLOCK_CHANGES                                                                                                  \
	"SELECT free_ns AS at_ns, process, key, -bytes, -bank, -counts, 0, freed, 0, 0, 0, 0 FROM b "                  \
	"WHERE free_ns >= ?3 "                                                                                         \
	"UNION ALL SELECT free_ns - held_ns, process, key - life, bytes, bank, counts, 1, 0, 0, 0, 0, 0 FROM b "       \
	"WHERE free_ns - held_ns >= ?3 "                                                                               \
	"UNION ALL SELECT alloc_ns, process, key, bytes, bank, counts, 1, 0, 0, 0, 0, 0 FROM h "                       \
	"WHERE key >= ?4 AND alloc_ns >= ?3 "                                                                          \
	"UNION ALL SELECT end_ns, process, end_key, -bytes, -bank, -counts, 0, 0, 0, 0, 0, 0 FROM h "                  \
	"WHERE end_ns >= ?3 "

/* A process's end follows its last event. */
#define PROCESS_ENDS                                                                                                   \
	"UNION ALL SELECT p.ended_ns, p.id, 9223372036854775807, -u.live_bytes, -u.live_bank_bytes, -u.live_blocks, "  \
	"0, 0, 0, 0, 0, 0 FROM process_usage u JOIN process_info p ON p.id = u.process "                               \
	"WHERE u.device = ?1 AND u.region = ?2 AND p.ended_ns >= ?3 AND (u.live_blocks OR u.live_bytes) "

/* From the beginning, since what is resident at some time follows from all that came before. */
#define CB_EVENTS                                                                                                      \
	"UNION ALL SELECT alloc_ns, process, key, counts * size_bytes, 0, 0, 1, 0, 4, program, idx, 1 - counts "       \
	"FROM circular_buffer JOIN o ON o.id = origin "                                                                \
	"UNION ALL SELECT at_ns, process, key, 0, 0, 0, 0, 0, 6, program, 0, 0 FROM program_run JOIN o ON o.id = "     \
	"origin "                                                                                                      \
	"UNION ALL SELECT at_ns, d.process, key, 0, 0, 0, 0, 0, kind, a, 0, 0 FROM other_event e "                     \
	"JOIN origin d ON d.id = e.origin WHERE d.device = ?1 AND kind IN (5, 10) "

#define IN_ORDER "ORDER BY 1, 2, 3"

static const char block_changes[] = WITH_BLOCKS BLOCK_CHANGES PROCESS_ENDS IN_ORDER;
static const char cb_changes[] = WITH_BLOCKS BLOCK_CHANGES PROCESS_ENDS CB_EVENTS IN_ORDER;
static_assert(TTA_CB_ALLOC == 4 && TTA_CB_FREE == 5 && TTA_PROGRAM_RUN == 6 && TTA_DEVICE_CLOSE == 10 &&
                  TTALLOC_ALIASED == 4,
              "the statements above name these by number");

enum change_column { AT_NS, PROCESS, KEY, BYTES, BANK_BYTES, BLOCKS, ALLOCS, FREES, KIND, PROGRAM, NUMBER, ALIASED };

static struct stored_change read_change(sqlite3_stmt *statement)
{
	return (struct stored_change){
	    .change =
	        {
	            .at_ns = (uint64_t)sqlite3_column_int64(statement, AT_NS),
	            .process = (uint32_t)sqlite3_column_int64(statement, PROCESS),
	            .key = sqlite3_column_int64(statement, KEY),
	            .bytes = sqlite3_column_int64(statement, BYTES),
	            .bank_bytes = sqlite3_column_int64(statement, BANK_BYTES),
	            .blocks = sqlite3_column_int64(statement, BLOCKS),
	            .allocs = (uint32_t)sqlite3_column_int64(statement, ALLOCS),
	            .frees = (uint32_t)sqlite3_column_int64(statement, FREES),
	        },
	    .kind = (uint32_t)sqlite3_column_int64(statement, KIND),
	    .program = (uint64_t)sqlite3_column_int64(statement, PROGRAM),
	    .number = (uint32_t)sqlite3_column_int64(statement, NUMBER),
	    .aliased = sqlite3_column_int(statement, ALIASED),
	};
}

static int64_t first_key_since(struct writer *writer, uint64_t from_ns)
{
	sqlite3_stmt *statement;
	int64_t key = INT64_MAX;

	if (sqlite3_prepare_v2(writer->db, "SELECT min(first_key) FROM batch WHERE to_ns >= ?1", -1, &statement,
	                       NULL) != SQLITE_OK)
		return 0;
	sqlite3_bind_int64(statement, 1, (int64_t)from_ns);
	if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
		key = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return key;
}

enum write_result writer_changes(struct writer *writer, uint32_t device, uint32_t region, uint64_t from_ns,
                                 bool (*each)(void *context, const struct stored_change *stored), void *context,
                                 struct sql_error *error)
{
	enum write_result result = WRITE_DONE;
	sqlite3_stmt *statement;
	int code =
	    sqlite3_prepare_v2(writer->db, region == TTALLOC_CB ? cb_changes : block_changes, -1, &statement, NULL);

	if (code == SQLITE_OK) {
		sqlite3_bind_int64(statement, 1, device);
		sqlite3_bind_int64(statement, 2, region);
		sqlite3_bind_int64(statement, 3, (int64_t)from_ns);
		sqlite3_bind_int64(statement, 4, first_key_since(writer, from_ns));
		while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
			struct stored_change stored = read_change(statement);

			if (!each(context, &stored)) {
				code = SQLITE_DONE;
				result = WRITE_LATER;
				break;
			}
		}
	}
	if (code != SQLITE_DONE)
		result = write_failed(writer, error);
	sqlite3_finalize(statement);
	return result;
}

uint64_t writer_events_since(struct writer *writer, uint64_t from_ns)
{
	sqlite3_stmt *statement;
	uint64_t count = 0;

	if (sqlite3_prepare_v2(writer->db, "SELECT coalesce(sum(count), 0) FROM batch WHERE to_ns >= ?1", -1,
	                       &statement, NULL) != SQLITE_OK)
		return 0;
	sqlite3_bind_int64(statement, 1, (int64_t)from_ns);
	if (sqlite3_step(statement) == SQLITE_ROW)
		count = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return count;
}

bool writer_span_before(struct writer *writer, uint32_t device, uint32_t region, uint64_t before_ns,
                        struct span_end *end)
{
	sqlite3_stmt *statement;
	bool found = false;

	if (sqlite3_prepare_v2(writer->db,
	                       "SELECT end_bytes, end_bank_bytes, end_blocks, to_ns FROM span WHERE device = ?1 AND "
	                       "region = ?2 AND to_ns < ?3 ORDER BY to_ns DESC, id DESC LIMIT 1",
	                       -1, &statement, NULL) != SQLITE_OK)
		return false;
	sqlite3_bind_int64(statement, 1, device);
	sqlite3_bind_int64(statement, 2, region);
	sqlite3_bind_int64(statement, 3, (int64_t)before_ns);
	if (sqlite3_step(statement) == SQLITE_ROW) {
		*end = (struct span_end){
		    .bytes = sqlite3_column_int64(statement, 0),
		    .bank_bytes = sqlite3_column_int64(statement, 1),
		    .blocks = sqlite3_column_int64(statement, 2),
		    .to_ns = (uint64_t)sqlite3_column_int64(statement, 3),
		};
		found = true;
	}
	sqlite3_finalize(statement);
	return found;
}
