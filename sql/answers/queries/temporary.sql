-- SPDX-License-Identifier: Apache-2.0
-- summary: blocks that were freed right after they were allocated
-- about: A block is temporary when its own free, not that of another block of its size, came within so many events of its process after its alloc: 1 is the very next event. Events of all threads of the process count, steps do not, and events that were lost do. Allocating such memory once and keeping it saves an alloc and a free each time. Groups without temporary blocks are left out. By device and region, the most blocks first; then most bytes.
-- param: within integer 1 how many events of its process may lie between a block's alloc and its free, the free included
-- param: by attribution label sum up by this, for each device and region
-- filters: device region pid label op start end step
-- column: device id,key chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: temporary_blocks count aliased ones count zero
-- column: temporary_bytes bytes payload of all of them, which were never live together
-- column: blocks count all blocks of the group; of a time window, those that lived in it
-- column: share ratio of the group's blocks that are temporary
-- rows: 20 of each device,region
-- empty: no temporary blocks; --within N lets more events lie in between
WITH block AS (
  SELECT o.device AS device, o.region AS region, s.temporary_blocks AS temporary_blocks,
    s.temporary_bytes AS temporary_bytes, s.blocks AS blocks,
    attribution(:by, s.origin, s.key, s.size_bytes) AS "group"
  FROM temporary_sums(:within, :by, :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op) s
    CROSS JOIN origin o ON o.id = s.origin), -- the function on the left, so that it is called once
sums AS (
  SELECT device, region, "group", sum(temporary_blocks) AS temporary_blocks, sum(temporary_bytes) AS temporary_bytes,
    sum(blocks) AS blocks
  FROM block GROUP BY device, region, "group")
SELECT device, region_word(region) AS region, "group", temporary_blocks, temporary_bytes, blocks,
  1.0 * temporary_blocks / nullif(blocks, 0) AS share
FROM sums WHERE temporary_blocks > 0
ORDER BY device, sums.region, temporary_blocks DESC, temporary_bytes DESC, "group"
