/* SPDX-License-Identifier: Apache-2.0
 *
 * sealer.c - batches to frames. zstd works in memory that is given to it once: nobody calls malloc here, which may be
 * what is being recorded.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include "sealer.h"

#include <zstd.h>

#include "outbox.h"
#include "usage.h"

#define ZSTD_LEVEL 1
#define SMALLEST_BATCH 64u
#define PLAIN_MAX_BYTES (67u * TTA_BATCH_MAX_EVENTS)
#define PACKED_MAX_BYTES ZSTD_COMPRESSBOUND(PLAIN_MAX_BYTES)

/* A sealer and the buffers that only this file looks at. */
struct sealer_pages {
	struct tta_sealer sealer;
	uint8_t plain[PLAIN_MAX_BYTES];
	uint8_t packed[PACKED_MAX_BYTES];
	_Alignas(16) uint8_t zstd_memory[];
};

static size_t zstd_memory_bytes(void)
{
	size_t whole = ZSTD_estimateCCtxSize(ZSTD_LEVEL);
	size_t streaming = ZSTD_estimateCStreamSize(ZSTD_LEVEL);

	return whole > streaming ? whole : streaming; /* which one compress2 needs depends on zstd's version */
}

struct tta_sealer *tta_sealer_make(const struct tta_sealer_source *source)
{
	size_t zstd_bytes = zstd_memory_bytes();
	struct sealer_pages *pages = tta_private_pages(sizeof(*pages) + zstd_bytes);
	struct tta_sealer *sealer;

	if (!pages)
		return NULL;
	sealer = &pages->sealer;
	sealer->source = *source;
	sealer->most_events = TTA_BATCH_MAX_EVENTS;
	sealer->zstd = ZSTD_initStaticCCtx(pages->zstd_memory, zstd_bytes);
	if (!sealer->zstd) {
		tta_private_pages_free(pages, sizeof(*pages) + zstd_bytes);
		return NULL;
	}
	ZSTD_CCtx_setParameter(sealer->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	ZSTD_CCtx_setParameter(sealer->zstd, ZSTD_c_checksumFlag, 1);
	return sealer;
}

/* Packs the batch and puts it into the outbox. */
static bool put_into_outbox(struct tta_sealer *sealer)
{
	struct sealer_pages *pages = (struct sealer_pages *)sealer;
	struct tta_outbox_batch batch = {
	    .first_number = sealer->next_number + 1,
	    .last_ticks = sealer->batch_ticks,
	    .count = sealer->count,
	    .positions = sealer->positions,
	    .ring_count = sealer->ring_count,
	    .packed = pages->packed,
	};
	size_t plain_bytes = tta_batch_encode(sealer->events, sealer->threads, sealer->count, pages->plain);
	size_t packed_bytes = ZSTD_compress2(sealer->zstd, pages->packed, PACKED_MAX_BYTES, pages->plain, plain_bytes);

	if (ZSTD_isError(packed_bytes))
		return false;
	batch.plain_bytes = (uint32_t)plain_bytes;
	batch.packed_bytes = (uint32_t)packed_bytes;
	for (uint32_t i = 0; i < sealer->ring_count; i++)
		sealer->positions[i] =
		    (struct tta_ring_position){.position = sealer->cursors[i].at, .marked = sealer->cursors[i].marked};
	return tta_outbox_append(sealer->source.spool, &batch);
}

/* Batches get smaller when one does not even fit an empty outbox, which the spool's cap may keep small. */
static bool make_smaller_batches(struct tta_sealer *sealer)
{
	if (!tta_outbox_is_empty(sealer->source.spool) || sealer->most_events <= SMALLEST_BATCH)
		return false;
	sealer->most_events /= 2;
	return true;
}

enum tta_sealed tta_sealer_step(struct tta_sealer *sealer)
{
again:
	if (sealer->cuts_begun == sealer->cuts_ended) {
		sealer->cuts_begun++;
		tta_cut_begin(sealer);
	}
	if (tta_cut_take(sealer) == 0) {
		sealer->cuts_ended = sealer->cuts_begun;
		tta_cut_free_rings(sealer);
		return TTA_SEALED_CUT;
	}
	if (!put_into_outbox(sealer)) { /* the cursors have gone on: the next cut begins where the rings' tails are */
		sealer->cuts_begun = sealer->cuts_ended;
		if (make_smaller_batches(sealer))
			goto again;
		return TTA_SEALED_NO_ROOM;
	}
	tta_cut_confirm(sealer);
	if (sealer->usage)
		tta_usage_take(sealer->usage, sealer->events, sealer->count, sealer->source.table);
	return TTA_SEALED_BATCH;
}
