/* SPDX-License-Identifier: Apache-2.0
 *
 * figures.c - process_figures(): what each process did in each region, under filters. (Without, the recorder
 * keeps it ready, in process_usage.)
 */
#include <stdlib.h>

#include "sql/base/error.h"
#include "sql/replay/figures.h"
#include "sql/answers/table_function.h"

static int fill_process_figures(struct table_call *call)
{
	struct catalog catalog = {0};
	struct figures *figures = NULL;
	int result = catalog_load(&catalog, call->recording, &call->filter, true, call->error);

	if (result == 0) {
		figures = calloc(catalog.series_count + 1, sizeof(*figures));
		result = figures
		             ? figures_compute(call->recording, &catalog, figures, call->filter.start_ns, call->error)
		             : sql_fail(call->error, "out of memory");
	}
	for (size_t i = 0; result == 0 && i < catalog.series_count; i++) {
		const struct catalog_series *series = &catalog.series[i];
		int64_t cells[] = {catalog.processes[series->process].id,
		                   series->device,
		                   series->region,
		                   figures[i].allocs,
		                   figures[i].frees,
		                   figures[i].allocated_bytes,
		                   figures[i].peak_bytes,
		                   figures[i].live_bytes,
		                   figures[i].peak_bank_bytes,
		                   figures[i].live_bank_bytes};

		if (figures[i].chosen)
			result = table_add(call->table, cells, call->error);
	}
	free(figures);
	catalog_clear(&catalog);
	return result;
}

const struct table_function table_process_figures = {
    .name = "process_figures",
    .columns = "process, device, region, allocs, frees, allocated_bytes, peak_bytes, live_bytes, "
               "peak_bank_bytes, live_bank_bytes",
    .fill = fill_process_figures,
};
