/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.c - see stream.h. An address belongs to one slot of one process, so that blocks of one device never overlap,
 * except where a block is placed over a live one on purpose.
 */
#include "stream.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "ttalloc.h"

#define SLOT_BYTES 65536u
#define BASE_ADDRESS 0x20000u
#define MAX_PROCESSES 8u
#define MAX_DEPTH 5u

static const uint16_t regions[GEN_REGIONS] = {
    TTALLOC_DRAM, TTALLOC_L1, TTALLOC_SYSTEM_MEMORY, TTALLOC_L1_SMALL, TTALLOC_TRACE, TTALLOC_HOST,
};

/* xorshift64* */
static uint64_t random_next(struct gen_thread *thread)
{
	thread->random ^= thread->random >> 12;
	thread->random ^= thread->random << 25;
	thread->random ^= thread->random >> 27;
	return thread->random * 2685821657736338717u;
}

static uint32_t random_below(struct gen_thread *thread, uint32_t limit)
{
	return (uint32_t)((random_next(thread) >> 32) * limit >> 32);
}

static bool chance(struct gen_thread *thread, uint32_t percent)
{
	return random_below(thread, 100) < percent;
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

static void call_block(const struct gen_record *r)
{
	struct ttalloc_block block = {
	    .device = r->device,
	    .region = r->region,
	    .flags = r->flags,
	    .address = r->address,
	    .size_bytes = r->size_bytes,
	    .bank_bytes = r->bank_bytes,
	};
	char why[32];

	if (r->kind == GEN_ALLOC) {
		ttalloc_alloc(&block);
		return;
	}
	snprintf(why, sizeof(why), "no room %u", r->name);
	ttalloc_alloc_failed(&block, r->name ? why : NULL);
}

static void call_cb(const struct gen_record *r)
{
	struct ttalloc_core_range cores[4];
	struct ttalloc_cb cb = {
	    .struct_size = sizeof(cb),
	    .device = r->device,
	    .program = r->program,
	    .address = r->address,
	    .size_bytes = r->size_bytes,
	    .index = (uint32_t)r->extra,
	    .aliased = r->flags != 0,
	    .cores = cores,
	    .core_ranges = r->name % 4u,
	};

	for (uint16_t i = 0, x = (uint16_t)(r->name / 4); i < r->name % 4; i++, x++)
		cores[i] = (struct ttalloc_core_range){.x0 = x, .y0 = 0, .x1 = x, .y1 = (uint16_t)(i + 1)};
	ttalloc_cb_alloc(&cb);
}

static void call_kernel(const struct gen_record *r)
{
	char name[32];
	struct ttalloc_kernel kernel = {
	    .struct_size = sizeof(kernel),
	    .device = r->device,
	    .id = r->address,
	    .size_bytes = r->size_bytes,
	    .name = name,
	    .kind = "application",
	    .core_type = "worker",
	};

	snprintf(name, sizeof(name), "kernel%u", r->name);
	ttalloc_kernel_load(&kernel);
}

static void call_push(const struct gen_record *r)
{
	char name[32];

	snprintf(name, sizeof(name), "label%u", r->name);
	ttalloc_label_push(name);
}

static void call(const struct gen_record *r)
{
	switch ((enum gen_kind)r->kind) {
	case GEN_ALLOC:
	case GEN_ALLOC_FAILED:
		call_block(r);
		break;
	case GEN_FREE:
		ttalloc_free(r->device, r->region, r->address);
		break;
	case GEN_CB_ALLOC:
		call_cb(r);
		break;
	case GEN_CB_FREE:
		ttalloc_cb_free(r->device, r->address);
		break;
	case GEN_PROGRAM_RUN:
		ttalloc_program_run(r->device, r->address);
		break;
	case GEN_KERNEL_LOAD:
		call_kernel(r);
		break;
	case GEN_KERNEL_UNLOAD:
		ttalloc_kernel_unload(r->device, r->address);
		break;
	case GEN_DEVICE_CLOSE:
		ttalloc_device_close(r->device);
		break;
	case GEN_STEP:
		ttalloc_step(r->address);
		break;
	case GEN_PUSH:
		call_push(r);
		break;
	case GEN_POP:
		ttalloc_label_pop();
		break;
	case GEN_DEVICE_OPEN:
	case GEN_LAYOUT:
		break;
	}
}

/* Under the common lock, if there is one. */
static void issue(struct gen_thread *thread, struct gen_record record)
{
	record.order = thread->shared ? ++thread->shared->order : 0;
	gen_log_before(thread->log, &record);
	call(&record);
	gen_log_after(thread->log);
	thread->issued++;
}

static void lock(struct gen_thread *thread)
{
	if (thread->shared && pthread_mutex_lock(&thread->shared->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&thread->shared->lock);
}

static void unlock(struct gen_thread *thread)
{
	if (thread->shared)
		pthread_mutex_unlock(&thread->shared->lock);
}

/* --- devices ----------------------------------------------------------------------------------------------------- */

static void open_device(struct gen_thread *thread, uint32_t device)
{
	struct ttalloc_bank_layout layouts[GEN_REGIONS - 1];
	struct gen_record record = {.kind = GEN_DEVICE_OPEN, .device = device};
	char chip[32];

	for (uint32_t i = 0; i < GEN_REGIONS - 1; i++)
		layouts[i] = (struct ttalloc_bank_layout){
		    .region = regions[i],
		    .top_down = regions[i] == TTALLOC_L1,
		    .banks = 4 + i,
		    .bank_bytes = (uint64_t)MAX_PROCESSES * GEN_SLOTS * SLOT_BYTES + 4096 * i,
		    .base_address = BASE_ADDRESS,
		    .alignment_bytes = 32,
		};
	record.order = thread->shared ? ++thread->shared->order : 0;
	snprintf(chip, sizeof(chip), "board-1/%u", device);
	gen_log_before(thread->log, &record);
	ttalloc_device_open(&(struct ttalloc_device){
	    .struct_size = sizeof(struct ttalloc_device),
	    .device = device,
	    .arch = "wormhole_b0",
	    .layouts = layouts,
	    .layout_count = GEN_REGIONS - 1,
	    .chip = thread->space->chips ? chip : NULL,
	});
	gen_log_after(thread->log);
	for (uint32_t i = 0; i < GEN_REGIONS - 1; i++)
		issue(thread, (struct gen_record){
		                  .kind = GEN_LAYOUT,
		                  .device = device,
		                  .region = layouts[i].region,
		                  .flags = layouts[i].top_down,
		                  .program = layouts[i].banks,
		                  .bank_bytes = layouts[i].bank_bytes,
		                  .address = layouts[i].base_address,
		                  .extra = layouts[i].alignment_bytes,
		              });
}

void gen_open_devices(struct gen_thread *thread, uint64_t seed)
{
	lock(thread);
	for (uint32_t i = 0; i < thread->space->devices; i++)
		if (thread->space->chips || (seed + i) % 5)
			open_device(thread, thread->space->first_device + i);
	unlock(thread);
}

static void close_device(struct gen_thread *thread, uint32_t index)
{
	uint32_t device = thread->space->first_device + index;

	issue(thread, (struct gen_record){.kind = GEN_DEVICE_CLOSE, .device = device});
	for (uint32_t r = 0; r < GEN_REGIONS; r++)
		for (uint32_t s = 0; s < GEN_SLOTS; s++)
			thread->space->live[index][r][s] = 0;
	if (chance(thread, 50))
		open_device(thread, device);
}

/* --- blocks ------------------------------------------------------------------------------------------------------ */

static uint16_t random_flags(struct gen_thread *thread, uint16_t region)
{
	uint32_t flags = 0;

	if (region == TTALLOC_L1)
		flags |= TTALLOC_TOP_DOWN;
	if (chance(thread, 10))
		flags |= TTALLOC_SHARDED;
	if (chance(thread, 4))
		flags |= TTALLOC_ALIASED;
	if (region == TTALLOC_DRAM && chance(thread, 8))
		flags |= TTALLOC_KERNEL_BINARY;
	return (uint16_t)flags;
}

static void random_size(struct gen_thread *thread, struct gen_record *record)
{
	if (chance(thread, 25)) {
		record->size_bytes = 1 + random_below(thread, SLOT_BYTES / 2);
		record->bank_bytes = 0;
		return;
	}
	record->size_bytes = 1 + random_below(thread, 4 * (SLOT_BYTES / 2));
	record->bank_bytes = (record->size_bytes / 4 + 32) / 32 * 32;
}

static void do_alloc(struct gen_thread *thread)
{
	uint32_t d = random_below(thread, thread->space->devices), r = random_below(thread, GEN_REGIONS);
	uint32_t s = random_below(thread, GEN_SLOTS);
	uint64_t *live = thread->space->live[d][r];
	struct gen_record record = {.kind = GEN_ALLOC, .device = thread->space->first_device + d, .region = regions[r]};

	for (uint32_t i = 0; i < GEN_SLOTS && live[s] && !chance(thread, 2); i++)
		s = (s + 1) % GEN_SLOTS;
	record.address = live[s];
	if (!record.address)
		record.address = BASE_ADDRESS + (uint64_t)(thread->space->process * GEN_SLOTS + s) * SLOT_BYTES +
		                 32 * random_below(thread, 4);
	record.flags = random_flags(thread, record.region);
	random_size(thread, &record);
	live[s] = record.address;
	issue(thread, record);
}

static void do_free(struct gen_thread *thread)
{
	uint32_t d = random_below(thread, thread->space->devices), r = random_below(thread, GEN_REGIONS);
	uint32_t s = random_below(thread, GEN_SLOTS);
	uint64_t *live = thread->space->live[d][r];
	struct gen_record record = {.kind = GEN_FREE, .device = thread->space->first_device + d, .region = regions[r]};

	for (uint32_t i = 0; i < GEN_SLOTS && !live[s]; i++)
		s = (s + 1) % GEN_SLOTS;
	record.address = live[s] ? live[s] : BASE_ADDRESS;
	/* Without one order of all calls, another thread's block at this address would be a match or not. */
	if (thread->shared && chance(thread, 3))
		record.device = TTALLOC_ANY;
	if (chance(thread, 3))
		record.region = TTALLOC_ANY;
	/* A free that names too little may end another block: then this one is freed a second time later, or replaced.
	 * Now and then the block is not forgotten, so that it is freed twice. */
	if (!chance(thread, 2))
		live[s] = 0;
	issue(thread, record);
}

static void do_failed(struct gen_thread *thread)
{
	uint32_t r = random_below(thread, GEN_REGIONS);
	struct gen_record record = {
	    .kind = GEN_ALLOC_FAILED,
	    .device = thread->space->first_device + random_below(thread, thread->space->devices),
	    .region = regions[r],
	    .name = random_below(thread, 5),
	};

	random_size(thread, &record);
	issue(thread, record);
}

/* --- programs and kernels ---------------------------------------------------------------------------------------- */

static void do_program(struct gen_thread *thread)
{
	uint64_t program = 1000 + thread->space->process * 100 + random_below(thread, GEN_PROGRAMS);
	uint32_t what = random_below(thread, 10);
	struct gen_record record = {
	    .device = thread->space->first_device + random_below(thread, thread->space->devices),
	    .region = TTALLOC_CB,
	    .address = program,
	};

	if (what < 6) {
		record.kind = GEN_CB_ALLOC;
		record.program = program;
		record.extra = random_below(thread, 4);
		record.address = 0x1000 + 0x800 * record.extra;
		record.size_bytes = 32 + random_below(thread, 4096);
		record.flags = chance(thread, 10);
		record.name = (uint16_t)(4 * random_below(thread, 4) + random_below(thread, 4));
	} else {
		record.kind = what < 9 ? GEN_PROGRAM_RUN : GEN_CB_FREE;
	}
	issue(thread, record);
}

static void do_kernel(struct gen_thread *thread)
{
	uint32_t id = random_below(thread, GEN_KERNELS);

	issue(thread, (struct gen_record){
	                  .kind = chance(thread, 55) ? GEN_KERNEL_LOAD : GEN_KERNEL_UNLOAD,
	                  .device = thread->space->first_device + random_below(thread, thread->space->devices),
	                  .region = TTALLOC_KERNEL,
	                  .address = 7000 + id,
	                  .size_bytes = 100 + random_below(thread, 20000),
	                  .name = id,
	              });
}

/* --- the stream -------------------------------------------------------------------------------------------------- */

static void do_label(struct gen_thread *thread)
{
	bool push = thread->depth == 0 || (thread->depth < MAX_DEPTH && chance(thread, 50));

	thread->depth += push ? 1u : -1u;
	issue(thread, (struct gen_record){.kind = push ? GEN_PUSH : GEN_POP, .name = random_below(thread, 10)});
}

static void do_rare(struct gen_thread *thread)
{
	uint32_t what = random_below(thread, 100);

	if (what < 45)
		do_failed(thread);
	else if (what < 50)
		close_device(thread, random_below(thread, thread->space->devices));
	else if (thread->space->steps)
		issue(thread, (struct gen_record){.kind = GEN_STEP, .address = ++thread->space->step});
}

static void do_one(struct gen_thread *thread)
{
	uint32_t what = random_below(thread, 1000);
	/* Waves, so that there are peaks to find. */
	uint32_t allocs = (thread->issued / 500) % 2 ? 300 : 460;

	if (what < allocs)
		do_alloc(thread);
	else if (what < 760)
		do_free(thread);
	else if (what < 860)
		do_program(thread);
	else if (what < 910)
		do_kernel(thread);
	else if (what < 980)
		do_label(thread);
	else
		do_rare(thread);
}

void gen_run(struct gen_thread *thread, uint64_t calls)
{
	uint64_t end = thread->issued + calls;

	/* One call may be a device's close and open with all its layouts. */
	while (thread->issued < end && gen_log_room(thread->log) > 2 * GEN_REGIONS) {
		lock(thread);
		do_one(thread);
		unlock(thread);
		if (thread->pace_us)
			usleep(thread->pace_us);
		else if (thread->shared && chance(thread, 30))
			sched_yield(); /* or the same thread has the lock again and again */
	}
}

void gen_burst(uint32_t device, uint64_t address, uint64_t pairs)
{
	struct ttalloc_block block = {.device = device, .region = TTALLOC_DRAM, .address = address, .size_bytes = 64};

	for (uint64_t i = 0; i < pairs; i++) {
		ttalloc_alloc(&block);
		ttalloc_free(device, TTALLOC_DRAM, address);
	}
}
