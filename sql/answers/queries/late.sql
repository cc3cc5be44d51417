-- SPDX-License-Identifier: Apache-2.0
-- summary: tensors that were kept beyond their last use, and what the peak would have been without
-- about: A tensor is used by the operations that take or make it. It is late when other operations ran after the last of them before it was freed, or was never freed. Each row sums up tensors that the same operation made at the same line: the most bytes times time first. without_peak_bytes is the peak of the device and region if each tensor had been freed when the last operation that used it ended; blocks that are known to hold no tensor count as ever. A time window takes tensors that were late in it, and its peak; --step and --op take tensors that were allocated in them.
-- about: Tensors that the host reads are used without an operation; keep those, and weights, in mind.
-- param: at_least time 0 leave out tensors that were kept for less
-- filters: device region pid label op start end step
-- column: device id,key chip
-- column: region text kind of memory
-- column: made_by text the operation that made them; none: no operation did
-- column: made_at text the innermost function that is the program's own when they were allocated, with --python-stacks its line
-- column: last_used_by text the operation that used them last; of several the one that did latest
-- column: tensor text what they are; of several the largest
-- column: blocks count how many
-- column: bytes bytes payload of all
-- column: longest_ns ns how long one was kept after its last use
-- column: operations count how many other operations ran meanwhile, at most
-- column: never_freed count of blocks, those that the program never freed
-- column: peak_bytes bytes,derived the most that was live at once in the device and region, of all blocks
-- column: without_peak_bytes bytes what that would have been
-- empty: no tensor was kept beyond its last use
WITH late AS MATERIALIZED (
  SELECT b.device AS device, b.region AS region, b.size_bytes AS size_bytes, b.used_ns AS used_ns,
    b.operations AS operations, NOT b.freed AS never_freed,
    coalesce(b.free_ns, p.ended_ns, (SELECT end_ns FROM recording_info)) - b.used_ns AS kept_ns,
    attribution('opname', b.origin, b.key, b.size_bytes) AS made_by,
    iif(o.stack IS NULL, NULL, attribution('function', o.id, NULL, NULL)) AS made_at,
    (SELECT t.text FROM range_what w, operation_text t WHERE w.id = b.used_what AND t.id = w.name) || ' #' ||
      b.used_number AS last_used_by,
    attribution('tensor', b.origin, b.key, b.size_bytes) AS tensor
  FROM late_blocks(:device, :region) b
    CROSS JOIN origin o ON o.id = b.origin -- the function on the left, so that it is called once
    LEFT JOIN process_info p ON p.id = o.process
  WHERE (:pid IS NULL OR p.pid = :pid)
    AND (:label IS NULL OR label_matches(:label, (SELECT path FROM label_info WHERE id = o.label)))
    AND (:start IS NULL OR coalesce(b.free_ns, p.ended_ns, 9223372036854775807) > :start)
    AND (:end IS NULL OR b.used_ns <= :end)
    AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < b.key
      ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last)
    AND op_matches(:op, o.process, o.thread, b.key)),
peak AS MATERIALIZED (SELECT * FROM late_peaks(:device, :region, NULL, NULL, :start, :end)),
-- SQLite takes the bare columns from the row of the maximum
latest AS (SELECT device, region, made_by, made_at, last_used_by, max(used_ns) FROM late GROUP BY 1, 2, 3, 4),
largest AS (SELECT device, region, made_by, made_at, tensor, max(size_bytes) FROM late GROUP BY 1, 2, 3, 4)
SELECT l.device AS device, region_word(l.region) AS region, l.made_by AS made_by, l.made_at AS made_at,
  (SELECT last_used_by FROM latest x WHERE x.device = l.device AND x.region = l.region AND x.made_by IS l.made_by
    AND x.made_at IS l.made_at) AS last_used_by,
  (SELECT tensor FROM largest x WHERE x.device = l.device AND x.region = l.region AND x.made_by IS l.made_by
    AND x.made_at IS l.made_at) AS tensor,
  count(*) AS blocks, sum(l.size_bytes) AS bytes, max(l.kept_ns) AS longest_ns, max(l.operations) AS operations,
  sum(l.never_freed) AS never_freed, p.peak_bytes AS peak_bytes, p.needed_peak_bytes AS without_peak_bytes
FROM late l JOIN peak p ON p.device = l.device AND p.region = l.region
WHERE l.kept_ns >= :at_least
GROUP BY l.device, l.region, l.made_by, l.made_at
ORDER BY sum(1.0 * l.size_bytes * l.kept_ns) DESC, l.device, l.region, l.made_by

-- refuse:
SELECT operations_missing()
