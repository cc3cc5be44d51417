/* SPDX-License-Identifier: Apache-2.0
 *
 * Decodes arbitrary columns (ttalloc/batch.h). What decodes is encoded again, and has to come back the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ttalloc/batch.h"

#define MOST_EVENTS 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int right)
{
	if (!right)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tta_event events[MOST_EVENTS], again[MOST_EVENTS];
	static uint32_t threads[MOST_EVENTS], threads_again[MOST_EVENTS];
	uint32_t count;
	uint8_t *plain;
	size_t used;

	if (size < 2)
		return 0;
	count = 1 + (data[0] + 256u * data[1]) % MOST_EVENTS;
	if (tta_batch_decode(data + 2, size - 2, count, events, threads))
		return 0;
	plain = malloc(tta_batch_bound(count));
	check(plain != NULL);
	used = tta_batch_encode(events, threads, count, plain);
	check(used <= tta_batch_bound(count));
	check(tta_batch_decode(plain, used, count, again, threads_again) == 0);
	check(memcmp(events, again, count * sizeof(*events)) == 0);
	check(memcmp(threads, threads_again, count * sizeof(*threads)) == 0);
	free(plain);
	return 0;
}
