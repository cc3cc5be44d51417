-- SPDX-License-Identifier: Apache-2.0
-- summary: how much is allocated per second and per step, and by whom
-- about: What was allocated in the recording, in the steps or in the time window, whether it was freed or not, over its length, and over the steps that were begun in it by the processes which have blocks there. What was allocated before a process's first step counts for no step. By device and region, most bytes first, then by group.
-- param: by attribution label sum up by this, for each device and region
-- filters: device region pid label op start end step
-- fold: devices
-- column: device id,key chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: bytes_per_second bytes payload that was allocated, over the length of the recording or the window; null with --step
-- column: bytes_per_step bytes payload that was allocated in steps, for each step; null without steps
-- column: blocks_per_second count the same of blocks
-- column: blocks_per_step count the same of blocks
-- column: bytes bytes payload that was allocated; aliased blocks count zero
-- column: blocks count aliased ones count zero
-- column: share ratio of all bytes that were allocated in the device and region
-- rows: 20 of each device,region
-- empty: nothing was allocated
WITH block AS (
  SELECT o.device AS device, o.region AS region, s.blocks AS blocks, s.bytes AS bytes, s.step_blocks AS step_blocks,
    s.step_bytes AS step_bytes, attribution(:by, s.origin, s.key, s.size_bytes) AS "group"
  FROM allocated_sums(:by, :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op) s
    CROSS JOIN origin o ON o.id = s.origin), -- the function on the left, so that it is called once
sums AS (
  SELECT device, region, "group", sum(blocks) AS blocks, sum(bytes) AS bytes, sum(step_blocks) AS step_blocks,
    sum(step_bytes) AS step_bytes
  FROM block GROUP BY device, region, "group"),
place AS (SELECT DISTINCT device, region FROM sums),
pace AS MATERIALIZED ( -- once for each place, not for each group
  SELECT device, region,
    (SELECT (min(coalesce(:end, end_ns), end_ns) - coalesce(:start, 0)) / 1e9 FROM recording_info
      WHERE :step_first IS NULL) AS seconds,
    (SELECT count(*) FROM step_mark m
      WHERE m.process IN (SELECT o.process FROM origin o WHERE o.device = p.device AND o.region = p.region)
        AND (:pid IS NULL OR m.process IN (SELECT id FROM process_info WHERE pid = :pid))
        AND (:step_first IS NULL OR m.number BETWEEN :step_first AND :step_last)
        AND m.at_ns BETWEEN coalesce(:start, m.at_ns) AND coalesce(:end, m.at_ns)) AS steps
  FROM place p)
SELECT s.device AS device, region_word(s.region) AS region, s."group" AS "group",
  CAST(s.bytes / nullif(p.seconds, 0) AS INTEGER) AS bytes_per_second,
  s.step_bytes / nullif(p.steps, 0) AS bytes_per_step, s.blocks / nullif(p.seconds, 0) AS blocks_per_second,
  1.0 * s.step_blocks / nullif(p.steps, 0) AS blocks_per_step, s.bytes AS bytes, s.blocks AS blocks,
  1.0 * s.bytes / nullif(sum(s.bytes) OVER (PARTITION BY s.device, s.region), 0) AS share
FROM sums s JOIN pace p ON p.device = s.device AND p.region = s.region
ORDER BY s.device, s.region, s.bytes DESC, s."group"

-- notes:
SELECT 'bytes_per_step needs steps, and none was marked: ttalloc_step(), or ttalloc-recorder --auto-step'
WHERE EXISTS (SELECT 1 FROM origin) AND NOT EXISTS (SELECT 1 FROM step_mark)
