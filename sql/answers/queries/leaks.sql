-- SPDX-License-Identifier: Apache-2.0
-- summary: blocks that their program never freed
-- about: A block is a leak until its program frees it: also when the end of its process or the closing of its device took it back, as "ended" says. Blocks that another replaced are none. What the runtime owns (kernel binaries, kernels, traces) is listed as well, and tables sum it up. The largest come first; then by time. Groups: most bytes first, then by device, region and group.
-- about: --by function, file and module take the innermost function of the call stack, in TT-Metal the innermost outside of its allocator (libtt_metal): the one that asked for the memory; --by stack tells all of it, innermost first; stack_id numbers it as the view stack does.
-- param: by choice(label|stack|function|file|module|stack_id|thread|process|size|region|class|device|step) - sum up by this, for each device and region
-- filters: device region pid label start end step
-- column: pid id of the process
-- column: device id chip
-- column: region text kind of memory
-- column: class text buffer, kernel_binary, circular_buffer, kernel, trace
-- column: address address offset in every bank
-- column: size_bytes bytes payload
-- column: bank_bytes bytes footprint in each bank
-- column: alloc_ns ns since the recording's start
-- column: age_ns ns from the alloc to the recording's end
-- column: thread text name/tid of the thread
-- column: label text open ranges at the alloc
-- column: step id of the process at the alloc
-- column: ended text live, process exit, exec, device close
-- column: aliased count 1: lies in another block, and counts zero in every sum
-- column: group text with --by: what the blocks have in common
-- column: blocks count with --by: aliased ones count zero
-- column: bytes bytes with --by: payload; aliased blocks count zero
-- column: runtime_blocks count with --by: of blocks, those of the runtime: kernel binaries, kernels, traces
-- column: runtime_bytes bytes with --by: of bytes, those of the runtime
-- exit: nonempty
-- refuse: SELECT stack_missing() WHERE :by IN ('stack', 'stack_id', 'function', 'file', 'module')
-- notes: SELECT stack_remark() WHERE stack_remark() IS NOT NULL AND :by IN ('stack', 'function', 'file', 'module')
-- notes: UNION ALL SELECT 'threads without a label of their own have that of the thread that made them: label_inherited in the view allocation' WHERE :by = 'label' AND EXISTS (SELECT 1 FROM origin WHERE flags >> 4 & 1)
WITH b AS (
  SELECT key, alloc_ns, address, size_bytes, coalesce(bank_bytes, size_bytes) AS bank_bytes, origin, end_ns,
    CASE WHEN end_key IS NOT NULL THEN 'device close' END AS ended FROM held
  UNION ALL
  SELECT key, alloc_ns, address, size_bytes, size_bytes, origin, end_ns, ended FROM circular_buffer
    WHERE ended IS NULL OR ended = 'device close')
SELECT p.pid AS pid, o.device AS device, region_word(o.region) AS region, class_word(o.class) AS class, b.address AS address,
  b.size_bytes AS size_bytes, b.bank_bytes AS bank_bytes, b.alloc_ns AS alloc_ns,
  (SELECT end_ns FROM recording_info) - b.alloc_ns AS age_ns,
  (SELECT t.name || '/' || t.tid FROM thread_info t WHERE t.id = o.thread) AS thread,
  (SELECT path FROM label_info WHERE id = o.label) AS label,
  (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < b.key ORDER BY s.key DESC LIMIT 1) AS step,
  coalesce(b.ended, p.ended, 'live') AS ended, o.flags >> 2 & 1 AS aliased
FROM b JOIN origin o ON o.id = b.origin LEFT JOIN process_info p ON p.id = o.process
WHERE (:device IS NULL OR o.device = :device)
  AND (:region IS NULL OR o.region = region_number(:region))
  AND (:pid IS NULL OR p.pid = :pid)
  AND (:label IS NULL OR label_matches(:label, (SELECT path FROM label_info WHERE id = o.label)))
  AND (:end IS NULL OR b.alloc_ns <= :end)
  AND (:start IS NULL OR coalesce(b.end_ns, p.ended_ns, :start) >= :start)
  AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < b.key
    ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last)
ORDER BY b.size_bytes DESC, b.alloc_ns, b.key

-- with: by
WITH b AS (
  SELECT key, alloc_ns, size_bytes, origin, end_ns FROM held
  UNION ALL
  SELECT key, alloc_ns, size_bytes, origin, end_ns FROM circular_buffer WHERE ended IS NULL OR ended = 'device close'),
leak AS (
  SELECT o.device AS device, o.region AS region, (o.flags & 4) = 0 AS counts,
    o.class IN (1, 3, 4) AS of_runtime, b.size_bytes AS size_bytes,
    CASE :by
      WHEN 'label' THEN (SELECT path FROM label_info WHERE id = o.label)
      WHEN 'stack' THEN o.stack WHEN 'stack_id' THEN o.stack -- in words below, once for each
      WHEN 'function' THEN o.stack WHEN 'file' THEN o.stack WHEN 'module' THEN o.stack
      WHEN 'thread' THEN (SELECT t.name || '/' || t.tid FROM thread_info t WHERE t.id = o.thread)
      WHEN 'process' THEN p.pid || ' ' || p.command
      WHEN 'size' THEN b.size_bytes
      WHEN 'region' THEN region_word(o.region)
      WHEN 'class' THEN class_word(o.class)
      WHEN 'device' THEN o.device
      ELSE (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < b.key ORDER BY s.key DESC LIMIT 1)
    END AS "group"
  FROM b JOIN origin o ON o.id = b.origin LEFT JOIN process_info p ON p.id = o.process
  WHERE (:device IS NULL OR o.device = :device)
    AND (:region IS NULL OR o.region = region_number(:region))
    AND (:pid IS NULL OR p.pid = :pid)
    AND (:label IS NULL OR label_matches(:label, (SELECT path FROM label_info WHERE id = o.label)))
    AND (:end IS NULL OR b.alloc_ns <= :end)
    AND (:start IS NULL OR coalesce(b.end_ns, p.ended_ns, :start) >= :start)
    AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < b.key
      ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last)),
id_sums AS (
  SELECT device, region, "group", sum(counts) AS blocks, sum(size_bytes * counts) AS bytes,
    sum(counts * of_runtime) AS runtime_blocks, sum(size_bytes * counts * of_runtime) AS runtime_bytes
  FROM leak GROUP BY device, region, "group"),
named AS (
  SELECT device, region, blocks, bytes, runtime_blocks, runtime_bytes,
    CASE WHEN :by IN ('stack', 'function', 'file', 'module')
      THEN (SELECT stack_group(:by, frames) FROM stack_info WHERE id = id_sums."group") ELSE "group" END AS "group"
  FROM id_sums)
SELECT device, region_word(region) AS region, "group", sum(blocks) AS blocks, sum(bytes) AS bytes,
  sum(runtime_blocks) AS runtime_blocks, sum(runtime_bytes) AS runtime_bytes
FROM named GROUP BY device, named.region, "group" ORDER BY sum(bytes) DESC, device, named.region, "group"
