-- SPDX-License-Identifier: Apache-2.0
-- summary: how much was allocated, whether it was freed or not
-- about: Over the whole recording, or in the steps or the time window: only blocks that were allocated in it count. By device and region, most bytes first, then by group.
-- about: --by function, file and module take the innermost function of the call stack, in TT-Metal the innermost outside of its allocator (libtt_metal): the one that asked for the memory; --by stack tells all of it, innermost first; stack_id numbers it as the view stack does.
-- param: by choice(label|stack|function|file|module|stack_id|thread|process|size|region|class|device|step) label sum up by this, for each device and region
-- filters: device region pid label start end step
-- column: device id chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: blocks count aliased ones count zero
-- column: bytes bytes payload; aliased blocks count zero
-- refuse: SELECT stack_missing() WHERE :by IN ('stack', 'stack_id', 'function', 'file', 'module')
-- notes: SELECT stack_remark() WHERE stack_remark() IS NOT NULL AND :by IN ('stack', 'function', 'file', 'module')
-- notes: UNION ALL SELECT 'threads without a label of their own have that of the thread that made them: label_inherited in the view allocation' WHERE :by = 'label' AND EXISTS (SELECT 1 FROM origin WHERE flags >> 4 & 1)
WITH block AS (
  SELECT o.device AS device, o.region AS region, s.blocks AS blocks, s.bytes AS bytes,
    CASE :by
      WHEN 'label' THEN (SELECT path FROM label_info WHERE id = o.label)
      WHEN 'stack' THEN o.stack WHEN 'stack_id' THEN o.stack -- in words below, once for each
      WHEN 'function' THEN o.stack WHEN 'file' THEN o.stack WHEN 'module' THEN o.stack
      WHEN 'thread' THEN (SELECT t.name || '/' || t.tid FROM thread_info t WHERE t.id = o.thread)
      WHEN 'process' THEN (SELECT p.pid || ' ' || p.command FROM process_info p WHERE p.id = o.process)
      WHEN 'region' THEN region_word(o.region)
      WHEN 'class' THEN class_word(o.class)
      WHEN 'device' THEN o.device
      ELSE s.extra
    END AS "group"
  FROM allocated_sums(CASE :by WHEN 'size' THEN 1 WHEN 'step' THEN 2 ELSE 0 END, :device, :region, :pid, :label,
      :start, :end, :step_first, :step_last) s
    CROSS JOIN origin o ON o.id = s.origin), -- the function on the left, so that it is called once
id_sums AS (
  SELECT device, region, "group", sum(blocks) AS blocks, sum(bytes) AS bytes FROM block GROUP BY device, region, "group"),
named AS (
  SELECT device, region, blocks, bytes,
    CASE WHEN :by IN ('stack', 'function', 'file', 'module')
      THEN (SELECT stack_group(:by, frames) FROM stack_info WHERE id = id_sums."group") ELSE "group" END AS "group"
  FROM id_sums)
SELECT device, region_word(region) AS region, "group", sum(blocks) AS blocks, sum(bytes) AS bytes
FROM named GROUP BY device, named.region, "group" ORDER BY device, named.region, sum(bytes) DESC, "group"
