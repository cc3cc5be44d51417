/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c - what the old server printed.
 */
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ttalloc.h"
#include "sql/base/memory.h"

#define SHOWN_ONE_BY_ONE 10

/* 7 for a buffer type that the protocol does not have. */
static const char *region_name(uint32_t region, char text[16])
{
	static const char *const names[] = {"DRAM", "L1", "SYSTEM_MEMORY", "L1_SMALL", "TRACE"};

	if (region < sizeof(names) / sizeof(*names))
		return names[region];
	snprintf(text, 16, "type %u", region - LEGACY_ODD_REGION);
	return text;
}

static void log_alloc(FILE *file, int pid, const struct legacy_outcome *outcome, const char *id)
{
	const struct tta_event *event = &outcome->event;
	char text[16];

	fprintf(file, "✓ [PID %d] Allocated %" PRIu64 " bytes of %s on device %d (buffer_id=%s", pid, event->size_bytes,
	        region_name(event->region, text), event->device, id);
	if (outcome->repeats)
		fprintf(file, ", ref_count=%u", outcome->repeats + 1);
	fputs(")\n", file);
}

static void log_free(FILE *file, int pid, const struct legacy_outcome *outcome, const char *id)
{
	const struct tta_event *event = &outcome->event;

	if (outcome->found)
		fprintf(file, "✗ [PID %d] Freed buffer %s on device %d (%" PRIu64 " bytes, FINAL)\n", pid, id,
		        event->device, outcome->freed_bytes);
	else
		fprintf(
		    file,
		    "⚠ [PID %d] Deallocation for unknown buffer %s on device %d (allocated before tracking started)\n",
		    pid, id, event->device);
}

/* Circular buffers and kernels have numbers of their own, which the scripts are not to take for buffers'. */
static void log_other(FILE *file, int pid, const char *what, const char *id_name, const struct legacy_outcome *outcome,
                      const char *id)
{
	const struct tta_event *event = &outcome->event;
	bool ends = event->kind == TTA_CB_FREE || event->kind == TTA_KERNEL_UNLOAD;

	fprintf(file, "%s [PID %d] %s: %" PRIu64 " bytes on device %d (%s=%s)\n", ends ? "✗" : "✓", pid, what,
	        ends ? outcome->freed_bytes : event->size_bytes, event->device, id_name, id);
}

void legacy_log_event(FILE *file, pid_t pid, const struct legacy_outcome *outcome, bool hex)
{
	char id[24];

	snprintf(id, sizeof(id), hex ? "0x%" PRIx64 : "%" PRIu64, outcome->event.address);
	switch (outcome->event.kind) {
	case TTA_ALLOC:
		log_alloc(file, (int)pid, outcome, id);
		break;
	case TTA_FREE:
		log_free(file, (int)pid, outcome, id);
		break;
	case TTA_CB_ALLOC:
		log_other(file, (int)pid, "CB allocated", "cb_id", outcome, id);
		break;
	case TTA_CB_FREE:
		log_other(file, (int)pid, "CB freed", "cb_id", outcome, id);
		break;
	case TTA_KERNEL_LOAD:
		log_other(file, (int)pid, "Kernel loaded", "kernel_id", outcome, id);
		break;
	case TTA_KERNEL_UNLOAD:
		log_other(file, (int)pid, "Kernel unloaded", "kernel_id", outcome, id);
		break;
	default:
		break;
	}
}

/* ---- what is left ---- */

struct left_block {
	uint64_t id, size_bytes, alloc_ns;
	pid_t pid;
	uint32_t repeats;
};

/* On one device and region, over all processes. */
struct left {
	uint32_t device, region;
	uint64_t count, bytes;
	struct left_block shown[SHOWN_ONE_BY_ONE];
};

struct leavings {
	struct left *rows;
	size_t count, capacity;
	const struct legacy_owner *owner;
	FILE *file; /* for kernels: printed as they come */
	uint64_t now_ns;
};

static struct left *row_of(struct leavings *leavings, uint32_t device, uint32_t region)
{
	for (size_t i = 0; i < leavings->count; i++)
		if (leavings->rows[i].device == device && leavings->rows[i].region == region)
			return &leavings->rows[i];
	leavings->rows = memory_room(leavings->rows, leavings->count, &leavings->capacity, sizeof(*leavings->rows));
	leavings->rows[leavings->count] = (struct left){.device = device, .region = region};
	return &leavings->rows[leavings->count++];
}

static void collect_block(void *context, const struct block *block)
{
	struct leavings *leavings = context;
	const struct legacy_place *place = &leavings->owner->holdings.places[block->total - 1];
	struct left *left;

	if (place->region == TTALLOC_CB || place->region == TTALLOC_KERNEL)
		return;
	left = row_of(leavings, place->device, place->region);
	if (left->count < SHOWN_ONE_BY_ONE)
		left->shown[left->count] = (struct left_block){.id = block->address,
		                                               .size_bytes = block->size_bytes,
		                                               .pid = leavings->owner->pid,
		                                               .repeats = block->repeats};
	left->count++;
	left->bytes += block->size_bytes;
}

static void collect_owner(struct legacy_owner *owner, void *context)
{
	struct leavings *leavings = context;

	leavings->owner = owner;
	blocks_each(&owner->holdings.blocks, collect_block, leavings);
}

static int by_device(const void *a, const void *b)
{
	const struct left *left = a, *right = b;

	if (left->device != right->device)
		return left->device < right->device ? -1 : 1;
	return (left->region > right->region) - (left->region < right->region);
}

static void print_left(FILE *file, const struct left *left)
{
	char text[16];

	fprintf(file, "  %s: %" PRIu64 " buffers, %.2f MB\n", region_name(left->region, text), left->count,
	        (double)left->bytes / (1024 * 1024));
	for (uint64_t i = 0; left->count <= SHOWN_ONE_BY_ONE && i < left->count; i++)
		fprintf(file, "    buffer 0x%" PRIx64 ": %.1f KB, PID %d, ref_count=%u\n", left->shown[i].id,
		        (double)left->shown[i].size_bytes / 1024, (int)left->shown[i].pid, left->shown[i].repeats);
}

void legacy_dump_buffers(FILE *file, struct legacy_owners *owners)
{
	struct leavings leavings = {0};

	legacy_owners_each(owners, collect_owner, &leavings);
	if (leavings.count)
		qsort(leavings.rows, leavings.count, sizeof(*leavings.rows), by_device);
	fprintf(file, "Remaining buffers:%s\n", leavings.count ? "" : " none");
	for (size_t i = 0; i < leavings.count; i++) {
		if (!i || leavings.rows[i].device != leavings.rows[i - 1].device)
			fprintf(file, "Device %d:\n", (int32_t)leavings.rows[i].device);
		print_left(file, &leavings.rows[i]);
	}
	free(leavings.rows);
	fflush(file);
}

static void print_kernel(void *context, const struct block *block)
{
	const struct leavings *leavings = context;
	const struct legacy_place *place = &leavings->owner->holdings.places[block->total - 1];

	if (place->region != TTALLOC_KERNEL)
		return;
	fprintf(leavings->file, "  kernel 0x%" PRIx64 " on device %d: %.1f KB, PID %d, %.1f s old\n", block->address,
	        (int32_t)place->device, (double)block->size_bytes / 1024, (int)leavings->owner->pid,
	        (double)(leavings->now_ns - block->alloc_ns) / 1e9);
}

static void print_kernels(struct legacy_owner *owner, void *context)
{
	struct leavings *leavings = context;

	leavings->owner = owner;
	blocks_each(&owner->holdings.blocks, print_kernel, leavings);
}

void legacy_dump_kernels(FILE *file, struct legacy_owners *owners, uint64_t now_ns)
{
	struct leavings leavings = {.file = file, .now_ns = now_ns};

	fputs("Kernels:\n", file);
	legacy_owners_each(owners, print_kernels, &leavings);
	fflush(file);
}
