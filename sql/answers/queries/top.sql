-- SPDX-License-Identifier: Apache-2.0
-- summary: who holds most: what is live now, at the end, or at another moment, by what the blocks have in common
-- about: What is live after all that happened at the moment of --at; without it, at the end of the time window, or of the recording: of one in progress that is now. By device and region, the largest group first.
-- about: What a process held when it ended is free from then on, so that nothing is live at the end of a recording whose programs ran to their end: 'leaks' lists what they held, and --at asks about a moment before.
-- param: at time - the moment: nanoseconds, 1.5s, 200ms, 30us, 30%; the end by default
-- param: by attribution label sum up by this, for each device and region
-- filters: device region pid label op start end step
-- fold: devices
-- column: device id,key chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: bytes bytes payload; aliased blocks count zero
-- column: bank_bytes bytes,derived footprint in each bank
-- column: blocks count aliased ones count zero
-- column: share ratio of all bytes that are live in the device and region
-- column: oldest_age_ns ns age of the oldest of the blocks at that moment
-- column: at_ns ns the moment, since the recording's start
-- rows: 20 of each device,region
-- plot: bars group bytes
-- empty: nothing is live
WITH moment AS (SELECT coalesce(:at, min(:end, end_ns), end_ns) AS at_ns FROM recording_info),
block AS (
  SELECT b.device AS device, b.region AS region, b.size_bytes AS size_bytes, b.bank_bytes AS bank_bytes,
    b.alloc_ns AS alloc_ns, (o.flags & {flag.ALIASED}) = 0 AS counts,
    attribution(:by, b.origin, b.key, b.size_bytes) AS "group"
  FROM live_blocks(coalesce(:at, :end), :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op) b
    CROSS JOIN origin o ON o.id = b.origin), -- the function on the left, so that it is called once
sums AS (
  SELECT device, region, "group", sum(size_bytes * counts) AS bytes, sum(bank_bytes * counts) AS bank_bytes,
    sum(counts) AS blocks, min(alloc_ns) AS oldest_ns
  FROM block GROUP BY device, region, "group")
SELECT device, region_word(region) AS region, "group", bytes, bank_bytes, blocks,
  1.0 * bytes / nullif(sum(bytes) OVER (PARTITION BY device, sums.region), 0) AS share,
  (SELECT at_ns FROM moment) - oldest_ns AS oldest_age_ns, (SELECT at_ns FROM moment) AS at_ns
FROM sums ORDER BY device, sums.region, bytes DESC, "group"

-- notes:
SELECT 'nothing is live at the end: every process has ended; ''leaks'' lists what they held, and --at 50% asks ' ||
  'about a moment before'
WHERE :at IS NULL
  AND :end IS NULL
  AND EXISTS (SELECT 1 FROM process_info)
  AND NOT EXISTS (SELECT 1 FROM process_info WHERE ended IS NULL)

-- notes:
SELECT 'CB is what the fullest core has of the programs that ran last, summed over processes; a piece of program memory ' ||
  'counts for what that core grew by (counted_bytes in the view allocation), or its size where cores are not known'
WHERE (:region IS NULL OR :region = 'CB')
  AND EXISTS (SELECT 1 FROM circular_buffer)

-- refuse:
SELECT '--at lies outside of the time that is asked about, from ' || coalesce(:start, 0) || ' to ' || coalesce(:end, end_ns) || ' ns (--start, --end, or the part of a recording that the file is)'
FROM recording_info
WHERE :at < :start OR :at > :end

-- refuse:
SELECT '--at is behind the end of the recording, which is ' || end_ns || ' ns long'
FROM recording_info
WHERE :at > end_ns
