-- SPDX-License-Identifier: Apache-2.0
-- summary: who holds most: what is live now, at the end, or at another moment, by what the blocks have in common
-- about: What is live after all that happened at the moment of --at; without it, at the end of the time window, or of the recording: of one in progress that is now. By device and region, the largest group first.
-- about: What a process held when it ended is free from then on, so that nothing is live at the end of a recording whose programs ran to their end: 'leaks' lists what they held, and --at asks about a moment before.
-- about: --by function, file and module take the innermost function of the call stack, in TT-Metal the innermost outside of its allocator (libtt_metal): the one that asked for the memory; --by stack tells all of it, innermost first; stack_id numbers it as the view stack does.
-- param: at time - the moment: nanoseconds, 1.5s, 200ms, 30us, 30%; the end by default
-- param: by choice(label|stack|function|file|module|stack_id|thread|process|size|region|class|device|step) label sum up by this, for each device and region
-- filters: device region pid label start end step
-- column: device id chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: bytes bytes payload; aliased blocks count zero
-- column: bank_bytes bytes footprint in each bank
-- column: blocks count aliased ones count zero
-- column: share ratio of all bytes that are live in the device and region
-- column: oldest_age_ns ns age of the oldest of the blocks at that moment
-- column: at_ns ns the moment, since the recording's start
-- refuse: SELECT stack_missing() WHERE :by IN ('stack', 'stack_id', 'function', 'file', 'module')
-- refuse: UNION ALL SELECT '--at lies outside of --start and --end' WHERE :at < :start OR :at > :end
-- refuse: UNION ALL SELECT '--at is behind the end of the recording, which is ' || end_ns || ' ns long' FROM recording_info WHERE :at > end_ns
-- notes: SELECT 'nothing is live at the end: every process has ended; ''leaks'' lists what they held, and --at 50% asks about a moment before' WHERE :at IS NULL AND :end IS NULL AND EXISTS (SELECT 1 FROM process_info) AND NOT EXISTS (SELECT 1 FROM process_info WHERE ended IS NULL)
-- notes: UNION ALL SELECT 'no block has a label: the program opens none (ttalloc_label_push, or ttalloc-recorder --ttnn)' WHERE :by = 'label' AND EXISTS (SELECT 1 FROM origin) AND NOT EXISTS (SELECT 1 FROM origin WHERE label IS NOT NULL)
-- notes: UNION ALL SELECT 'no step was marked (ttalloc_step, or ttalloc-recorder --auto-step)' WHERE :by = 'step' AND EXISTS (SELECT 1 FROM origin) AND NOT EXISTS (SELECT 1 FROM step_mark)
-- notes: UNION ALL SELECT 'CB is what the fullest core has of the programs that ran last, summed over processes; a circular buffer counts for what that core grew by (counted_bytes in the view allocation), or its size where cores are not known' WHERE (:region IS NULL OR :region = 'CB') AND EXISTS (SELECT 1 FROM circular_buffer)
-- notes: UNION ALL SELECT stack_remark() WHERE stack_remark() IS NOT NULL AND :by IN ('stack', 'function', 'file', 'module')
-- notes: UNION ALL SELECT 'threads without a label of their own have that of the thread that made them: label_inherited in the view allocation' WHERE :by = 'label' AND EXISTS (SELECT 1 FROM origin WHERE flags >> 4 & 1)
WITH moment AS (SELECT coalesce(:at, min(:end, end_ns), end_ns) AS at_ns FROM recording_info),
block AS (
  SELECT b.device AS device, b.region AS region, b.size_bytes AS size_bytes, b.bank_bytes AS bank_bytes,
    b.alloc_ns AS alloc_ns, (o.flags & 4) = 0 AS counts,
    CASE :by
      WHEN 'label' THEN (SELECT path FROM label_info WHERE id = o.label)
      WHEN 'stack' THEN o.stack WHEN 'stack_id' THEN o.stack -- in words below, once for each
      WHEN 'function' THEN o.stack WHEN 'file' THEN o.stack WHEN 'module' THEN o.stack
      WHEN 'thread' THEN (SELECT t.name || '/' || t.tid FROM thread_info t WHERE t.id = o.thread)
      WHEN 'process' THEN (SELECT p.pid || ' ' || p.command FROM process_info p WHERE p.id = o.process)
      WHEN 'size' THEN iif(b.region = 16, (SELECT size_bytes FROM circular_buffer WHERE key = b.key), b.size_bytes)
      WHEN 'region' THEN region_word(b.region)
      WHEN 'class' THEN class_word(o.class)
      WHEN 'device' THEN b.device
      ELSE (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < b.key ORDER BY s.key DESC LIMIT 1)
    END AS "group"
  FROM live_blocks(coalesce(:at, :end), :device, :region, :pid, :label, :start, :end, :step_first, :step_last) b
    CROSS JOIN origin o ON o.id = b.origin), -- the function on the left, so that it is called once
id_sums AS (
  SELECT device, region, "group", sum(size_bytes * counts) AS bytes, sum(bank_bytes * counts) AS bank_bytes,
    sum(counts) AS blocks, min(alloc_ns) AS oldest_ns
  FROM block GROUP BY device, region, "group"),
named AS (
  SELECT device, region, bytes, bank_bytes, blocks, oldest_ns,
    CASE WHEN :by IN ('stack', 'function', 'file', 'module')
      THEN (SELECT stack_group(:by, frames) FROM stack_info WHERE id = id_sums."group") ELSE "group" END AS "group"
  FROM id_sums),
sums AS (
  SELECT device, region, "group", sum(bytes) AS bytes, sum(bank_bytes) AS bank_bytes, sum(blocks) AS blocks,
    min(oldest_ns) AS oldest_ns
  FROM named GROUP BY device, region, "group")
SELECT device, region_word(region) AS region, "group", bytes, bank_bytes, blocks,
  1.0 * bytes / nullif(sum(bytes) OVER (PARTITION BY device, sums.region), 0) AS share,
  (SELECT at_ns FROM moment) - oldest_ns AS oldest_age_ns, (SELECT at_ns FROM moment) AS at_ns
FROM sums ORDER BY device, sums.region, bytes DESC, "group"
