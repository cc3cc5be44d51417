-- SPDX-License-Identifier: Apache-2.0
-- summary: the most that was live at once, for each device and region
-- about: Regions are never added to each other, nor devices. With --by, what was live at the moment of peak_bytes, summed up by what the blocks have in common, the largest group of each device and region first. By device, then region.
-- about: --by core tells, of circular buffers, how many bytes lay on each core (x-y, as the program numbers them) at that moment; those without a core lay on cores that are not known. Cores do not add up to the peak: share is of it, and the fullest core has about all of it. At most 4096 cores of a device are told, the fullest ones.
-- param: by attribution(core) - sum up by this what was live at the peak
-- filters: device region pid label op start end step
-- fold: devices
-- column: device id,key chip
-- column: region text kind of memory
-- column: peak_bytes bytes the most payload that was live at once
-- column: peak_ns ns the earliest moment of it, since the recording's start
-- column: peak_blocks count live at that moment
-- column: peak_bank_bytes bytes,derived the most that was taken in each bank
-- column: peak_bank_ns ns the earliest moment of it
-- column: group text with --by: what the blocks have in common
-- column: bytes bytes with --by: payload at peak_ns; aliased blocks count zero
-- column: bank_bytes bytes,derived with --by: footprint in each bank
-- column: blocks count with --by: live at that moment; aliased ones count zero
-- column: share ratio with --by: of peak_bytes
SELECT device, region_word(region) AS region, peak_bytes, peak_ns, peak_blocks, peak_bank_bytes, peak_bank_ns
FROM peaks(:device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op)
ORDER BY peaks.device, peaks.region

-- with: by
WITH block AS (
  SELECT b.device AS device, b.region AS region, b.size_bytes AS size_bytes, b.bank_bytes AS bank_bytes,
    (o.flags & {flag.ALIASED}) = 0 AS counts,
    attribution(:by, b.origin, b.key, b.size_bytes) AS "group"
  FROM peak_blocks(:device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op) b
    CROSS JOIN origin o ON o.id = b.origin -- the function on the left, so that it is called once
  WHERE :by <> 'core'),
sums AS (
  SELECT device, region, "group", sum(size_bytes * counts) AS bytes, sum(bank_bytes * counts) AS bank_bytes,
    sum(counts) AS blocks
  FROM block GROUP BY device, region, "group"),
shares AS (
  SELECT device, region, "group", bytes, bank_bytes, blocks,
    1.0 * bytes / nullif(sum(bytes) OVER (PARTITION BY device, region), 0) AS share
  FROM sums
  UNION ALL -- cores share what lies on several of them
  SELECT device, {region.CB}, x || '-' || y, bytes, bytes, blocks, 1.0 * bytes / nullif(peak_bytes, 0)
  FROM peak_cores(:device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op) WHERE :by = 'core')
SELECT device, region_word(region) AS region, "group", bytes, bank_bytes, blocks, share
FROM shares AS sums ORDER BY device, sums.region, bytes DESC, "group"

-- notes:
SELECT 'CB is what the fullest core has of the programs that ran last, summed over processes; a circular buffer ' ||
  'counts for what that core grew by (counted_bytes in the view allocation), or its size where cores are not known'
WHERE (:region IS NULL OR :region = 'CB')
  AND EXISTS (SELECT 1 FROM circular_buffer)

-- notes:
SELECT 'that is of the blocks which these steps allocated; what was live during each step: ttalloc-analyze steps'
WHERE :step IS NOT NULL

-- notes:
SELECT 'how blocks and circular buffers split L1 when both together took the most: ttalloc-analyze l1'
WHERE :by IS NULL
  AND coalesce(:region, 'CB') IN ('L1', 'CB')
  AND EXISTS (SELECT 1 FROM circular_buffer)
  AND EXISTS (SELECT 1 FROM origin WHERE region = {region.L1})

-- notes:
SELECT 'every core (bank) of ' || group_concat(region_word(region), ', ') || ' holds the same, peak_bank_bytes of ' ||
  'peak without --by: --by core tells of circular buffers alone'
FROM (SELECT DISTINCT region FROM origin WHERE region NOT IN ({region.CB}, {region.KERNEL}, {region.HOST}) AND (:region IS NULL OR region =
  region_number(:region)) ORDER BY region)
WHERE :by = 'core' HAVING count(*) > 0
