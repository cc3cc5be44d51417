-- SPDX-License-Identifier: Apache-2.0
-- summary: how many blocks there are of each size, or how long they lived, in powers of two
-- about: For each device and region, bins from a power of two to the next, which belongs to the next bin; the first one may be that of 0. Bins without blocks between others are shown. A block that its program never freed lived until its device was closed or its process ended, or up to the recording's end: held_blocks says how many of a bin's blocks are of that kind, whose lifetime would have been longer.
-- param: of choice(size|bank|lifetime) size what of: payload, footprint in each bank, or the time from the alloc to the end
-- filters: device region pid label op start end step
-- fold: devices
-- column: device id,key chip
-- column: region text kind of memory
-- column: from_bytes bytes the smallest size in the bin
-- column: to_bytes bytes the smallest size in the next bin
-- column: from_ns ns with --of lifetime: the shortest in the bin
-- column: to_ns ns with --of lifetime: the shortest in the next bin
-- column: blocks count of a time window, those that lived in it; aliased ones count zero
-- column: share ratio of all blocks in the device and region
-- column: bytes bytes payload of all of them
-- column: held_blocks count of blocks, those that were never freed
-- column: held_bytes bytes of bytes, those of blocks that were never freed
-- rows: 0
-- empty: no blocks
SELECT device, region_word(region) AS region, bin_start AS from_bytes, bin_end AS to_bytes, blocks,
  1.0 * blocks / sum(blocks) OVER (PARTITION BY device, b.region) AS share, bytes, held_blocks, held_bytes
FROM histogram_bins(:of, :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op) b
ORDER BY device, b.region, bin_start

-- with: of=lifetime
SELECT device, region_word(region) AS region, bin_start AS from_ns, bin_end AS to_ns, blocks,
  1.0 * blocks / sum(blocks) OVER (PARTITION BY device, b.region) AS share, bytes, held_blocks, held_bytes
FROM histogram_bins(:of, :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op) b
ORDER BY device, b.region, bin_start
