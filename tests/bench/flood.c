/* SPDX-License-Identifier: Apache-2.0
 *
 * flood - a training loop's events, issued as fast as the hook takes them.
 *
 * A step is 512 layers' worth of allocs and frees over DRAM and L1, with the same addresses every step, made once
 * beforehand; so what is timed is recording, not an allocator. Labels, steps and program runs are reported too.
 * usage: flood EVENTS        exit status 1 when not all of it was committed
 */
#include <ttalloc.h>

#include <stdio.h>
#include <stdlib.h>

#define LAYERS 64
#define OPS_PER_LAYER 8
#define BLOCKS (LAYERS * OPS_PER_LAYER * 2)
#define FLUSH_TIMEOUT_MS 600000

static void make_blocks(struct ttalloc_block *blocks)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		unsigned in_l1 = i & 1;

		blocks[i] = (struct ttalloc_block){
		    .device = 0,
		    .region = (uint16_t)(in_l1 ? TTALLOC_L1 : TTALLOC_DRAM),
		    .flags = (uint16_t)(in_l1 ? TTALLOC_TOP_DOWN | TTALLOC_SHARDED : 0),
		    .address = in_l1 ? 1499136 - 2048u * (1 + i / 2 % 600) : 1048576 + 2097152u * (uint64_t)i,
		    .size_bytes = (in_l1 ? 131072u : 25165824u) + i * 64,
		    .bank_bytes = in_l1 ? 2048 : 2097152,
		};
	}
}

/* One layer: each op runs a program, allocates two blocks and frees two that an earlier op made. */
static uint64_t run_layer(const struct ttalloc_block *blocks, unsigned layer)
{
	uint64_t issued = 0;

	for (unsigned op = 0; op < OPS_PER_LAYER; op++) {
		const struct ttalloc_block *own = &blocks[(layer * OPS_PER_LAYER + op) * 2];

		ttalloc_program_run(0, layer * OPS_PER_LAYER + op);
		ttalloc_alloc(&own[0]);
		ttalloc_alloc(&own[1]);
		ttalloc_free(own[1].device, own[1].region, own[1].address);
		issued += 4;
		if (op > 0) {
			ttalloc_free(own[-2].device, own[-2].region, own[-2].address);
			issued++;
		}
	}
	const struct ttalloc_block *last = &blocks[((layer + 1) * OPS_PER_LAYER - 1) * 2];

	ttalloc_free(last->device, last->region, last->address);
	return issued + 1;
}

int main(int argc, char **argv)
{
	static struct ttalloc_block blocks[BLOCKS];
	static char names[LAYERS][16];

	if (argc != 2) {
		fprintf(stderr, "usage: flood EVENTS\n");
		return 2;
	}
	uint64_t wanted = strtoull(argv[1], NULL, 10);
	uint64_t issued = 0;

	make_blocks(blocks);
	for (unsigned layer = 0; layer < LAYERS; layer++)
		snprintf(names[layer], sizeof names[layer], "layer.%u", layer);
	for (uint64_t step = 0; issued < wanted; step++) {
		ttalloc_step(step);
		for (unsigned layer = 0; layer < LAYERS && issued < wanted; layer++) {
			ttalloc_label_push(names[layer]);
			issued += run_layer(blocks, layer);
			ttalloc_label_pop();
		}
	}
	printf("%llu\n", (unsigned long long)issued);
	return ttalloc_enabled() && !ttalloc_flush(FLUSH_TIMEOUT_MS);
}
