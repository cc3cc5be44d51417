/* SPDX-License-Identifier: Apache-2.0
 *
 * weights.c - see weights.h: what the query flame asks, device by device and region by region.
 */
#include "weights.h"

#include <stdio.h>
#include <string.h>

const char *const weights_kinds[3] = {"peak", "leaks", "allocated"};

struct query_run *weights_start(struct recording *recording, const char *kind, struct sql_error *error)
{
	char statement[1024];

	snprintf(
	    statement, sizeof(statement),
	    "WITH way(by) AS MATERIALIZED (SELECT iif(stack_missing() IS NULL, 'stack_id', 'label')), line AS "
	    "MATERIALIZED ("
	    "SELECT device, g.region, coalesce(iif(way.by = 'stack_id', (SELECT stack_folded(frames) FROM stack_info "
	    "WHERE id = group_number), label_folded(group_text)), '(none)') AS stack, bytes, blocks "
	    "FROM way, diff_groups('%s', way.by) AS g) "
	    "SELECT device, region, stack, sum(bytes), sum(blocks) FROM line GROUP BY device, region, stack "
	    "HAVING sum(bytes) > 0 ORDER BY device, region_number(region), stack",
	    kind);
	return query_start_sql(recording, statement, error);
}

void weights_frames(const char *stack, size_t bytes, void (*each)(void *context, const char *name, size_t bytes),
                    void *context)
{
	const char *end = stack + bytes;

	while (stack < end) {
		const char *next = memchr(stack, ';', (size_t)(end - stack));

		next = next ? next : end;
		each(context, stack, (size_t)(next - stack));
		stack = next + 1;
	}
}
