-- SPDX-License-Identifier: Apache-2.0
-- summary: the lowest live L1 address over time, and who holds it
-- about: What programs have in L1 (circular buffers, dataflow buffers, scratchpads) grows upwards from the base of L1 and may not reach the lowest block of the whole device, whichever core it is on. So a block that stays low takes room from every program. Each row is a span of time in which the same block was the lowest one; the longest of each device are shown, in order of time, and the one with the lowest address is always among them. Where nothing is live there is no row. What happens within one nanosecond shows only by what it leaves behind. Of blocks at one address the first one is the holder; aliased ones, and those that take no space, are none. Where several allocators serve a chip and do not know of each other's blocks (a mesh and its submeshes), each has spans of its own: a program is held against those of its own mesh.
-- about: With --by, all spans are summed up by what their holders have in common, for each device and region: who was longest the lowest comes first. --region asks about another region of buffers.
-- param: spans integer 100 without --by: how many spans of each device and region, the longest ones
-- param: at_least time 0 leave out spans that are shorter
-- param: by attribution - sum up by this who held the floor
-- regions: L1
-- filters: device region pid label op start end step
-- column: device id,key chip
-- column: region text kind of memory
-- column: from_ns ns start of the span
-- column: to_ns ns its end
-- column: held_ns ns how long that is; with --by: all spans together
-- column: address address of the lowest block
-- column: above_base_bytes bytes from the region's lowest address to it; unknown without the device's geometry
-- column: size_bytes bytes payload of the block
-- column: bank_bytes bytes,derived its footprint in each bank
-- column: label text open ranges when it was allocated
-- column: op text,context the operation that allocated it, and its number
-- column: tensor text,context what it holds: shape, dtype, layout, memory layout
-- column: step id of its process at the alloc
-- column: pid id of its process
-- column: alloc_ns ns when it was allocated, since the recording's start
-- column: allocator text,context where several serve the chip: which of them
-- column: group text with --by: what the holders have in common
-- column: share ratio with --by: of the recording, or of the time window
-- column: longest_ns ns with --by: the longest span of one block
-- column: spans count with --by: how many
-- column: lowest_address address with --by: the lowest one
-- column: lowest_above_base_bytes bytes with --by: the least from the region's lowest address; unknown without the device's geometry
-- rows: 20 of each device,region
-- tables: spans 20
-- empty: nothing was ever live there
SELECT f.device AS device, region_word(f.region) AS region, f.from_ns AS from_ns, f.to_ns AS to_ns,
  f.to_ns - f.from_ns AS held_ns, f.address AS address, f.above_base_bytes AS above_base_bytes,
  f.size_bytes AS size_bytes, f.bank_bytes AS bank_bytes, (SELECT path FROM label_info WHERE id = o.label) AS label,
  attribution('op', o.id, f.key, NULL) AS op, attribution('tensor', o.id, NULL, NULL) AS tensor,
  (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < f.key ORDER BY s.key DESC LIMIT 1) AS step,
  p.pid AS pid, f.alloc_ns AS alloc_ns, f.allocator AS allocator
FROM floor_longest(:spans, :at_least, :device, coalesce(:region, 'L1'), :pid, :label, :start, :end,
    :step_first, :step_last, :op) f
  CROSS JOIN origin o ON o.id = f.origin -- the function on the left, so that it is called once
  LEFT JOIN process_info p ON p.id = o.process
ORDER BY f.device, f.region, f.allocator, f.from_ns

-- with: by
WITH span AS (
  SELECT s.device AS device, s.region AS region, s.held_ns AS held_ns, s.longest_ns AS longest_ns, s.spans AS spans,
    s.lowest_address AS lowest_address, s.lowest_above_base_bytes AS lowest_above_base_bytes,
    s.end_ns - s.start_ns AS window_ns,
    attribution(:by, s.origin, s.key, s.size_bytes) AS "group"
  FROM floor_sums(:by, :at_least, :device, coalesce(:region, 'L1'), :pid, :label, :start, :end, :step_first,
    :step_last, :op) s)
SELECT device, region_word(region) AS region, "group", sum(held_ns) AS held_ns,
  1.0 * sum(held_ns) / nullif(max(window_ns), 0) AS share, max(longest_ns) AS longest_ns, sum(spans) AS spans,
  min(lowest_address) AS lowest_address, min(lowest_above_base_bytes) AS lowest_above_base_bytes
FROM span GROUP BY device, span.region, "group"
ORDER BY device, span.region, sum(held_ns) DESC, "group"

-- notes:
SELECT 'above_base_bytes needs ' || remark
FROM missing_geometry
WHERE has_blocks
  AND (:device IS NULL OR device = :device)
  AND region = coalesce(:region, 'L1')

-- notes:
SELECT 'no block of L1 is recorded; --region asks about another region'
WHERE :region IS NULL
  AND EXISTS (SELECT 1 FROM origin)
  AND NOT EXISTS (SELECT 1 FROM origin WHERE region = {region.L1})

-- notes:
SELECT 'no block has a label: the program opens none (ttalloc_label_push, or ttalloc-recorder --ttnn)'
WHERE :by IS NULL
  AND EXISTS (SELECT 1 FROM origin)
  AND NOT EXISTS (SELECT 1 FROM origin WHERE label IS NOT NULL)

-- notes:
SELECT 'threads without a label of their own have that of the thread that made them: label_inherited in the view ' ||
  'allocation'
WHERE :by IS NULL
  AND EXISTS (SELECT 1 FROM origin WHERE flags & {flag.LABEL_INHERITED})
