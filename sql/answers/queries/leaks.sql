-- SPDX-License-Identifier: Apache-2.0
-- summary: blocks that their program never freed
-- about: A block is a leak until its program frees it: also when the end of its process or the closing of its device took it back, as "ended" says. Blocks that another replaced are none. Also listed, though no leaks, are blocks that the runtime owns, and those of programs that have not ended: tables sum them up, and --exit-code does not count them. The runtime owns kernel binaries, kernels and traces, and what programs in its cache keep until their device is closed: circular buffers, semaphores, and blocks in L1_SMALL. The largest come first; then by time. Groups: most bytes first, then by device, region and group.
-- param: by attribution - sum up by this, for each device and region
-- filters: device region pid label op start end step
-- column: pid id of the process
-- column: device id,key chip
-- column: region text kind of memory
-- column: class text,context buffer, kernel_binary, circular_buffer, dataflow_buffer, scratchpad, kernel, trace
-- column: address address offset in every bank
-- column: size_bytes bytes payload
-- column: bank_bytes bytes,derived footprint in each bank
-- column: alloc_ns ns since the recording's start
-- column: age_ns ns from the alloc to the recording's end
-- column: thread text,context name/tid of the thread
-- column: label text open ranges at the alloc
-- column: step id of the process at the alloc
-- column: ended text,remark live, process exit, exec, device close
-- column: owner text,context program; runtime; live program: it may yet free the block
-- column: asked_by text,context the innermost function of its call stack that is the program's own
-- column: op text,context the operation that allocated it, and its number
-- column: tensor text,context what it holds: shape, dtype, layout, memory layout
-- column: aliased count 1: lies in another block, and counts zero in every sum
-- column: group text with --by: what the blocks have in common
-- column: blocks count with --by: aliased ones count zero
-- column: bytes bytes with --by: payload; aliased blocks count zero
-- column: runtime_blocks count with --by: of blocks, those of the runtime
-- column: runtime_bytes bytes,derived with --by: of bytes, those of the runtime
-- column: live_blocks count with --by: of blocks, those of programs that have not ended
-- column: live_bytes bytes,derived with --by: of bytes, those of programs that have not ended
-- exit: nonempty
-- fold: runtime
-- empty: no leaks
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
  coalesce(b.ended, p.ended, 'live') AS ended,
  block_owner(o.class, o.region, o.flags, b.size_bytes, b.bank_bytes, coalesce(b.ended, p.ended)) AS owner,
  iif(o.stack IS NULL, NULL, attribution('function', o.id, NULL, NULL)) AS asked_by,
  attribution('op', o.id, b.key, NULL) AS op, attribution('tensor', o.id, NULL, NULL) AS tensor,
  (o.flags & {flag.ALIASED}) <> 0 AS aliased
FROM b JOIN origin o ON o.id = b.origin LEFT JOIN process_info p ON p.id = o.process
WHERE (:device IS NULL OR o.device = :device)
  AND (:region IS NULL OR o.region = region_number(:region))
  AND (:pid IS NULL OR p.pid = :pid)
  AND (:label IS NULL OR label_matches(:label, (SELECT path FROM label_info WHERE id = o.label)))
  AND op_matches(:op, o.process, o.thread, b.key)
  AND (:end IS NULL OR b.alloc_ns <= :end)
  AND (:start IS NULL OR coalesce(b.end_ns, p.ended_ns, :start) >= :start)
  AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < b.key
    ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last)
ORDER BY b.size_bytes DESC, b.alloc_ns, b.key

-- with: by
WITH b AS (
  SELECT key, alloc_ns, size_bytes, coalesce(bank_bytes, size_bytes) AS bank_bytes, origin, end_ns,
    CASE WHEN end_key IS NOT NULL THEN 'device close' END AS ended FROM held
  UNION ALL
  SELECT key, alloc_ns, size_bytes, size_bytes, origin, end_ns, ended FROM circular_buffer WHERE ended IS NULL OR ended = 'device close'),
leak AS (
  SELECT o.device AS device, o.region AS region, (o.flags & {flag.ALIASED}) = 0 AS counts,
    block_owner(o.class, o.region, o.flags, b.size_bytes, b.bank_bytes, coalesce(b.ended, p.ended)) AS owner,
    b.size_bytes AS size_bytes,
    attribution(:by, b.origin, b.key, b.size_bytes) AS "group"
  FROM b JOIN origin o ON o.id = b.origin LEFT JOIN process_info p ON p.id = o.process
  WHERE (:device IS NULL OR o.device = :device)
    AND (:region IS NULL OR o.region = region_number(:region))
    AND (:pid IS NULL OR p.pid = :pid)
    AND (:label IS NULL OR label_matches(:label, (SELECT path FROM label_info WHERE id = o.label)))
    AND op_matches(:op, o.process, o.thread, b.key)
    AND (:end IS NULL OR b.alloc_ns <= :end)
    AND (:start IS NULL OR coalesce(b.end_ns, p.ended_ns, :start) >= :start)
    AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < b.key
      ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last))
SELECT device, region_word(region) AS region, "group", sum(counts) AS blocks,
  sum(size_bytes * counts) AS bytes, sum(counts * (owner = 'runtime')) AS runtime_blocks,
  sum(size_bytes * counts * (owner = 'runtime')) AS runtime_bytes,
  sum(counts * (owner = 'live program')) AS live_blocks,
  sum(size_bytes * counts * (owner = 'live program')) AS live_bytes
FROM leak GROUP BY device, leak.region, "group" ORDER BY bytes DESC, device, leak.region, "group"
