-- SPDX-License-Identifier: Apache-2.0
-- summary: blocks that were freed right after they were allocated
-- about: A block is temporary when its own free, not that of another block of its size, came within so many events of its process after its alloc: 1 is the very next event. Events of all threads of the process count, steps do not, and events that were lost do. Allocating such memory once and keeping it saves an alloc and a free each time. Groups without temporary blocks are left out. By device and region, the most blocks first; then most bytes.
-- about: --by function, file and module take the innermost function of the call stack, in TT-Metal the innermost outside of its allocator (libtt_metal): the one that asked for the memory; --by stack tells all of it, innermost first; stack_id numbers it as the view stack does.
-- param: within integer 1 how many events of its process may lie between a block's alloc and its free, the free included
-- param: by choice(label|stack|function|file|module|stack_id|thread|process|size|region|class|device|step) label sum up by this, for each device and region
-- filters: device region pid label start end step
-- column: device id chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: temporary_blocks count aliased ones count zero
-- column: temporary_bytes bytes payload of all of them, which were never live together
-- column: blocks count all blocks of the group; of a time window, those that lived in it
-- column: share ratio of the group's blocks that are temporary
-- refuse: SELECT stack_missing() WHERE :by IN ('stack', 'stack_id', 'function', 'file', 'module')
-- notes: SELECT 'no block has a label: the program opens none (ttalloc_label_push, or ttalloc-recorder --ttnn)' WHERE :by = 'label' AND EXISTS (SELECT 1 FROM origin) AND NOT EXISTS (SELECT 1 FROM origin WHERE label IS NOT NULL)
-- notes: UNION ALL SELECT 'no step was marked (ttalloc_step, or ttalloc-recorder --auto-step)' WHERE :by = 'step' AND EXISTS (SELECT 1 FROM origin) AND NOT EXISTS (SELECT 1 FROM step_mark)
-- notes: UNION ALL SELECT stack_remark() WHERE stack_remark() IS NOT NULL AND :by IN ('stack', 'function', 'file', 'module')
-- notes: UNION ALL SELECT 'threads without a label of their own have that of the thread that made them: label_inherited in the view allocation' WHERE :by = 'label' AND EXISTS (SELECT 1 FROM origin WHERE flags >> 4 & 1)
WITH block AS (
  SELECT o.device AS device, o.region AS region, s.temporary_blocks AS temporary_blocks,
    s.temporary_bytes AS temporary_bytes, s.blocks AS blocks,
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
  FROM temporary_sums(:within || CASE :by WHEN 'size' THEN ' 1' WHEN 'step' THEN ' 2' ELSE '' END, :device, :region,
      :pid, :label, :start, :end, :step_first, :step_last) s
    CROSS JOIN origin o ON o.id = s.origin), -- the function on the left, so that it is called once
id_sums AS (
  SELECT device, region, "group", sum(temporary_blocks) AS temporary_blocks, sum(temporary_bytes) AS temporary_bytes,
    sum(blocks) AS blocks
  FROM block GROUP BY device, region, "group"),
named AS (
  SELECT device, region, temporary_blocks, temporary_bytes, blocks,
    CASE WHEN :by IN ('stack', 'function', 'file', 'module')
      THEN (SELECT stack_group(:by, frames) FROM stack_info WHERE id = id_sums."group") ELSE "group" END AS "group"
  FROM id_sums),
sums AS (
  SELECT device, region, "group", sum(temporary_blocks) AS temporary_blocks, sum(temporary_bytes) AS temporary_bytes,
    sum(blocks) AS blocks
  FROM named GROUP BY device, region, "group")
SELECT device, region_word(region) AS region, "group", temporary_blocks, temporary_bytes, blocks,
  1.0 * temporary_blocks / nullif(blocks, 0) AS share
FROM sums WHERE temporary_blocks > 0
ORDER BY device, sums.region, temporary_blocks DESC, temporary_bytes DESC, "group"
