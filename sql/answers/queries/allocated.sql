-- SPDX-License-Identifier: Apache-2.0
-- summary: how much was allocated, whether it was freed or not
-- about: Over the whole recording, or in the steps or the time window: only blocks that were allocated in it count. By device and region, most bytes first, then by group.
-- param: by attribution label sum up by this, for each device and region
-- filters: device region pid label op start end step
-- column: device id,key chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: blocks count aliased ones count zero
-- column: bytes bytes payload; aliased blocks count zero
WITH block AS (
  SELECT o.device AS device, o.region AS region, s.blocks AS blocks, s.bytes AS bytes,
    attribution(:by, s.origin, s.key, s.size_bytes) AS "group"
  FROM allocated_sums(:by, :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op) s
    CROSS JOIN origin o ON o.id = s.origin) -- the function on the left, so that it is called once
SELECT device, region_word(region) AS region, "group", sum(blocks) AS blocks, sum(bytes) AS bytes
FROM block GROUP BY device, block.region, "group" ORDER BY device, block.region, sum(bytes) DESC, "group"
