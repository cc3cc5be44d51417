-- SPDX-License-Identifier: Apache-2.0
-- summary: the most that was live at once, for each device and region
-- about: Regions are never added to each other, nor devices. With --by, what was live at the moment of peak_bytes, summed up by what the blocks have in common, the largest group of each device and region first. By device, then region.
-- about: --by core tells, of program memory (circular buffers, dataflow buffers, scratchpads), how many bytes lay on each core (x-y, as the program numbers them) at that moment; those without a core lay on cores that are not known. Cores do not add up to the peak: share is of it, and the fullest core has about all of it. At most 4096 cores of a device are told, the fullest ones.
-- about: --by life tells what the peak is made of: what persists (it was there in more than one step, or its program never freed it), what was kept beyond its last use (a tensor that no operation takes or makes after the peak, and others ran since, as 'late' has them), what is temporary to one operation, to one step or to the time before the first one, what the runtime owns (kernel binaries, traces), program memory, and what is aliased, which counts zero.
-- about: --since tells how what is live has grown from that moment to the peak, by label or another word of --by: growth_bytes add up to exactly the difference. The moment is a time (1.5s, 30%), "step 3" for its begin, or a label for the first block that was allocated under it: what was live before that.
-- param: by attribution(core|life) - sum up by this what was live at the peak
-- param: since text - what grew from that moment to the peak: a time, "step N", or a label
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
-- column: since_bytes bytes with --since: what was live then
-- column: growth_bytes bytes with --since: bytes - since_bytes
-- column: since_blocks count with --since: live then
-- column: since_ns ns with --since: the moment
SELECT device, region_word(region) AS region, peak_bytes, peak_ns, peak_blocks, peak_bank_bytes, peak_bank_ns
FROM peaks(:device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op)
ORDER BY peaks.device, peaks.region

-- with: since
WITH moment AS (
  SELECT coalesce(moment_ns(:since, end_ns),
    (SELECT min(at_ns) FROM step_mark WHERE :since GLOB 'step *' AND number = CAST(substr(:since, 6) AS INTEGER)
      AND (:pid IS NULL OR process IN (SELECT id FROM process_info WHERE pid = :pid))),
    (SELECT max(min(at_ns) - 1, 0) FROM (
      SELECT min(free_ns - held_ns) AS at_ns FROM freed WHERE origin IN (SELECT id FROM origin WHERE label IN (
        SELECT id FROM label_info WHERE label_matches(:since, path)))
      UNION ALL
      SELECT min(alloc_ns) FROM held WHERE origin IN (SELECT id FROM origin WHERE label IN (
        SELECT id FROM label_info WHERE label_matches(:since, path)))))) AS at_ns
  FROM recording_info),
side AS (
  SELECT 1 AS at_peak, device, region, origin, key, size_bytes
  FROM peak_blocks(:device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op)
  UNION ALL
  SELECT 0, device, region, origin, key, size_bytes
  FROM live_blocks((SELECT at_ns FROM moment), :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op)),
block AS (
  SELECT s.at_peak AS at_peak, s.device AS device, s.region AS region, s.size_bytes AS size_bytes,
    (o.flags & {flag.ALIASED}) = 0 AS counts, attribution(coalesce(:by, 'label'), s.origin, s.key, s.size_bytes) AS "group"
  FROM side s CROSS JOIN origin o ON o.id = s.origin),
sums AS (
  SELECT device, region, "group", sum(size_bytes * counts * at_peak) AS bytes,
    sum(size_bytes * counts * (1 - at_peak)) AS since_bytes, sum(counts * at_peak) AS blocks,
    sum(counts * (1 - at_peak)) AS since_blocks
  FROM block GROUP BY device, region, "group")
SELECT device, region_word(region) AS region, "group", since_bytes, bytes, bytes - since_bytes AS growth_bytes,
  since_blocks, blocks, (SELECT at_ns FROM moment) AS since_ns
FROM sums WHERE bytes <> since_bytes OR blocks <> since_blocks
ORDER BY device, sums.region, bytes - since_bytes DESC, "group"

-- with: by=life
WITH block AS MATERIALIZED (
  SELECT b.device AS device, b.region AS region, b.key AS key, b.origin AS origin, b.size_bytes AS size_bytes,
    b.bank_bytes AS bank_bytes, o.process AS process, o.class AS class, o.flags AS flags, (o.flags & {flag.ALIASED}) = 0 AS counts
  FROM peak_blocks(:device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op) b
    CROSS JOIN origin o ON o.id = b.origin),
ended AS MATERIALIZED (
  SELECT key - life AS alloc_key, key AS end_key FROM freed WHERE key - life IN (SELECT key FROM block)),
peak AS MATERIALIZED (
  SELECT device, region, peak_ns FROM peaks(:device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op)),
late AS MATERIALIZED ( -- the function is not called where there are no tensors
  SELECT l.key AS key FROM (SELECT 1 WHERE EXISTS (SELECT 1 FROM tensor_list)) CROSS JOIN late_blocks(:device, :region) l
    JOIN peak p ON p.device = l.device AND p.region = l.region AND l.used_ns <= p.peak_ns),
life AS (
  SELECT device, region, size_bytes, bank_bytes, counts,
    CASE
      WHEN NOT counts THEN 'aliased'
      WHEN region = {region.CB} THEN 'program memory'
      WHEN block_owner(class, region, flags, size_bytes, bank_bytes,
          (SELECT 'device close' FROM held h WHERE h.key = b.key AND h.end_key IS NOT NULL)) = 'runtime' THEN 'runtime'
      WHEN end_key IS NULL THEN 'persistent'
      WHEN EXISTS (SELECT 1 FROM step_mark s WHERE s.process = b.process AND s.key BETWEEN b.key AND e.end_key)
        THEN 'persistent'
      WHEN b.key IN (SELECT key FROM late) THEN 'kept beyond its last use'
      WHEN attribution('op', b.origin, b.key, NULL) = attribution('op', b.origin, e.end_key, NULL)
        THEN 'temporary to an operation'
      WHEN EXISTS (SELECT 1 FROM step_mark s WHERE s.process = b.process AND s.key < b.key) THEN 'temporary to a step'
      ELSE 'temporary before the first step'
    END AS "group"
  FROM block b LEFT JOIN ended e ON e.alloc_key = b.key),
sums AS (
  SELECT device, region, "group", sum(size_bytes * counts) AS bytes, sum(bank_bytes * counts) AS bank_bytes,
    sum(counts) AS blocks
  FROM life GROUP BY device, region, "group")
SELECT device, region_word(region) AS region, "group", bytes, bank_bytes, blocks,
  1.0 * bytes / nullif(sum(bytes) OVER (PARTITION BY device, sums.region), 0) AS share
FROM sums ORDER BY device, sums.region, bytes DESC, "group"

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
SELECT 'CB is what the fullest core has of the programs that ran last, summed over processes; a piece of program memory ' ||
  'counts for what that core grew by (counted_bytes in the view allocation), or its size where cores are not known'
WHERE (:region IS NULL OR :region = 'CB')
  AND EXISTS (SELECT 1 FROM circular_buffer)

-- notes:
SELECT 'that is of the blocks which these steps allocated; what was live during each step: ttalloc-analyze steps'
WHERE :step IS NOT NULL

-- notes:
SELECT 'how blocks and program memory split L1 when both together took the most: ttalloc-analyze l1'
WHERE :by IS NULL
  AND coalesce(:region, 'CB') IN ('L1', 'CB')
  AND EXISTS (SELECT 1 FROM circular_buffer)
  AND EXISTS (SELECT 1 FROM origin WHERE region = {region.L1})

-- notes:
SELECT 'every core (bank) of ' || group_concat(region_word(region), ', ') || ' holds the same, peak_bank_bytes of ' ||
  'peak without --by: --by core tells of program memory (region CB) alone'
FROM (SELECT DISTINCT region FROM origin WHERE region NOT IN ({region.CB}, {region.KERNEL}, {region.HOST}) AND (:region IS NULL OR region =
  region_number(:region)) ORDER BY region)
WHERE :by = 'core' HAVING count(*) > 0

-- notes:
SELECT 'what persists over steps is not known: no step was marked (ttalloc_step, or ttalloc-recorder --auto-step)'
WHERE :by = 'life' AND EXISTS (SELECT 1 FROM origin) AND NOT EXISTS (SELECT 1 FROM step_mark)

-- refuse:
SELECT '--since tells what grew by label, stack, size and so on, not by ' || :by
WHERE :since IS NOT NULL AND :by IN ('core', 'life')

-- refuse:
SELECT '--since ' || :since || ' is behind the end of the recording, which is ' || end_ns || ' ns long'
FROM recording_info
WHERE moment_ns(:since, end_ns) > end_ns

-- refuse:
SELECT 'no step ' || substr(:since, 6) || ' was marked: record with ttalloc_step(), or ttalloc-recorder --auto-step'
WHERE :since GLOB 'step *'
  AND NOT EXISTS (SELECT 1 FROM step_mark WHERE number = CAST(substr(:since, 6) AS INTEGER)
    AND substr(:since, 6) = CAST(number AS TEXT))

-- refuse:
SELECT '--since ' || :since || ': neither a time, nor "step N", nor a label under which anything was allocated'
FROM recording_info
WHERE moment_ns(:since, end_ns) IS NULL
  AND NOT :since GLOB 'step *'
  AND NOT EXISTS (SELECT 1 FROM origin WHERE label IN (SELECT id FROM label_info WHERE label_matches(:since, path)))
