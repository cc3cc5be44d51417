/* SPDX-License-Identifier: Apache-2.0
 *
 * sealer.c - batches to frames. zstd works in memory that is given to it once: the flusher never calls malloc, which
 * may be what is being recorded.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include "sealer.h"

#include <zstd.h>

#include "hook/core/context.h"
#include "outbox.h"

#define ZSTD_LEVEL 1
#define PLAIN_MAX_BYTES (67u * TTA_BATCH_MAX_EVENTS)
#define PACKED_MAX_BYTES ZSTD_COMPRESSBOUND(PLAIN_MAX_BYTES)

/* A sealer and what only this file looks at. */
struct workshop {
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

struct tta_sealer *tta_sealer_make(void)
{
	size_t zstd_bytes = zstd_memory_bytes();
	struct workshop *shop = tta_private_pages(sizeof(*shop) + zstd_bytes);

	if (!shop)
		return NULL;
	shop->sealer.zstd = ZSTD_initStaticCCtx(shop->zstd_memory, zstd_bytes);
	if (!shop->sealer.zstd)
		return NULL;
	ZSTD_CCtx_setParameter(shop->sealer.zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	ZSTD_CCtx_setParameter(shop->sealer.zstd, ZSTD_c_checksumFlag, 1);
	return &shop->sealer;
}

/* Packs the batch and puts it into the outbox. */
static bool seal(struct workshop *shop)
{
	struct tta_sealer *sealer = &shop->sealer;
	size_t plain_bytes = tta_batch_encode(sealer->events, sealer->threads, sealer->count, shop->plain);
	size_t packed_bytes = ZSTD_compress2(sealer->zstd, shop->packed, PACKED_MAX_BYTES, shop->plain, plain_bytes);

	return !ZSTD_isError(packed_bytes) &&
	       tta_outbox_append(sealer, shop->packed, (uint32_t)packed_bytes, (uint32_t)plain_bytes);
}

bool tta_sealer_run(struct tta_sealer *sealer)
{
	struct workshop *shop = (struct workshop *)sealer;

	tta_cut_begin(sealer);
	while (tta_cut_take(sealer) > 0) {
		if (!seal(shop))
			return false;
		tta_cut_confirm(sealer);
		tta_flusher_tell_room();
	}
	tta_cut_free_rings(sealer);
	return true;
}
