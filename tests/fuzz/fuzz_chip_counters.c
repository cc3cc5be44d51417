/* SPDX-License-Identifier: Apache-2.0
 *
 * TT-Metal's own counters of a chip. Any program of the user can write there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/chip_counters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chip_counters counters;
	uint8_t *bytes = calloc(1, CHIP_COUNTERS_BYTES);

	/* a file is mostly zeros: what is there is spread over its beginning and its processes */
	memcpy(bytes, data, size < 48 ? size : 48);
	if (size > 48)
		memcpy(bytes + 856, data + 48, size - 48 < 7680 ? size - 48 : 7680);
	if (chip_counters_parse(&counters, bytes, CHIP_COUNTERS_BYTES)) {
		if (counters.count > CHIP_COUNTERS_PROCESSES)
			abort();
		for (size_t i = 0; i < counters.count; i++)
			if (counters.processes[i].pid <= 0 || strlen(counters.processes[i].name) > 64)
				abort();
	}
	free(bytes);
	return 0;
}
