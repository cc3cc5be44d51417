/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32.h - CRC-32 (IEEE 802.3, reflected), for the headers of frames: a few hundred bytes each, so four bits at a
 * time are fast enough.
 */
#ifndef TTALLOC_CRC32_H
#define TTALLOC_CRC32_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t tta_crc32(const void *data, size_t bytes)
{
	static const uint32_t table[16] = {
	    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *byte = data;
	uint32_t crc = 0xffffffffu;

	while (bytes--) {
		crc ^= *byte++;
		crc = table[crc & 15] ^ (crc >> 4);
		crc = table[crc & 15] ^ (crc >> 4);
	}
	return ~crc;
}

#endif
