-- SPDX-License-Identifier: Apache-2.0
-- summary: how much was allocated, whether it was freed or not
-- about: Over the whole recording, or in the steps or the time window: only blocks that were allocated in it count. By device and region, most bytes first, then by group.
-- param: by choice(label|stack|thread|process|size|region|class|device|step) label sum up by this, for each device and region
-- filters: device region pid label start end step
-- column: device id chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: blocks count aliased ones count zero
-- column: bytes bytes payload; aliased blocks count zero
-- notes: SELECT 'the recording has no call stacks' WHERE :by = 'stack' AND NOT EXISTS (SELECT 1 FROM stack_info)
-- notes: UNION ALL SELECT n || iif(n = 1, ' block was', ' blocks were') || ' allocated by threads without a label of their own, under an inherited one: that of the thread that made theirs' FROM (SELECT sum(s.blocks * (o.flags >> 4 & 1)) AS n FROM allocated_sums(0, :device, :region, :pid, :label, :start, :end, :step_first, :step_last) s CROSS JOIN origin o ON o.id = s.origin WHERE :by = 'label' AND EXISTS (SELECT 1 FROM origin WHERE flags >> 4 & 1)) WHERE n > 0
WITH block AS (
  SELECT o.device AS device, o.region AS region, s.blocks AS blocks, s.bytes AS bytes,
    CASE :by
      WHEN 'label' THEN (SELECT path FROM label_info WHERE id = o.label)
      WHEN 'stack' THEN (SELECT stack_text(frames) FROM stack_info WHERE id = o.stack)
      WHEN 'thread' THEN (SELECT t.name || '/' || t.tid FROM thread_info t WHERE t.id = o.thread)
      WHEN 'process' THEN (SELECT p.pid || ' ' || p.command FROM process_info p WHERE p.id = o.process)
      WHEN 'region' THEN region_word(o.region)
      WHEN 'class' THEN class_word(o.class)
      WHEN 'device' THEN o.device
      ELSE s.extra
    END AS "group"
  FROM allocated_sums(CASE :by WHEN 'size' THEN 1 WHEN 'step' THEN 2 ELSE 0 END, :device, :region, :pid, :label,
      :start, :end, :step_first, :step_last) s
    CROSS JOIN origin o ON o.id = s.origin) -- the function on the left, so that it is called once
SELECT device, region_word(region) AS region, "group", sum(blocks) AS blocks, sum(bytes) AS bytes
FROM block GROUP BY device, block.region, "group" ORDER BY device, block.region, bytes DESC, "group"
