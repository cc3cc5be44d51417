-- SPDX-License-Identifier: Apache-2.0
-- summary: operations of ttnn: how long each took, what L1 and DRAM had before, at most and after it, what it left
-- about: 'ops N' is operation N whole, as 'op' has it. Without N, in the order in which they began, with the tensors that they took and made. Bytes are those of each bank, over the blocks of all processes; of several chips, those of the one that was fullest. l1_peak_bytes - l1_before_bytes is what an operation needed beside what was there; left is what it allocated and had not freed when it ended: its outputs, or what it forgot. Program memory is not part of these figures: 'op' tells what its program put on each core.
-- about: An operation that does no more than make a tensor for the one around it is left out, unless --all or --op asks for it. Durations are those of the host, which may not wait for the device.
-- param: slowest flag - the slowest first
-- param: largest flag - those first that needed most of L1 beside what was there, or of DRAM with --region DRAM
-- param: all flag - also those that only make a tensor for another
-- param: by choice(name) - name: sum up by name
-- param: parts integer - what each thread ran when, for a picture: of so many equal parts of the time, operations as long as one are rows, and shorter ones that began in the same part are one row, named by what took longest; those in others are left out
-- operand: number op
-- filters: device region pid label op start end step
-- column: number id,key 1, 2, 3, ... of its process, as they began
-- column: pid id,context of the process
-- column: name text
-- column: begin_ns ns since the recording's start
-- column: duration_ns ns from its begin to its end; unknown: it has not ended
-- column: l1_before_bytes bytes,derived of L1, in each bank, when it began
-- column: l1_peak_bytes bytes at most while it ran
-- column: l1_after_bytes bytes,derived when it ended
-- column: l1_left_bytes bytes that it allocated and had not freed then
-- column: dram_before_bytes bytes,derived of DRAM, in each bank
-- column: dram_peak_bytes bytes at most while it ran
-- column: dram_after_bytes bytes,derived when it ended
-- column: dram_left_bytes bytes that it allocated and had not freed then
-- column: ended text,remark returned, exception, running, process exit, exec
-- column: around id,context the number of the operation that it lies in
-- column: inputs text,remark the tensors that it took
-- column: outputs text,remark the tensors that it made
-- column: label text,context open ranges when it began
-- column: asked_by text,context the innermost function of its call stack that is the program's own
-- column: thread text with --parts: name/tid
-- column: end_ns ns with --parts: of the last of them
-- column: operations count with --by: of that name; with --parts: that began there
-- column: total_ns ns with --by and --parts: how long all of them took
-- column: longest_ns ns with --by: how long one took at most
-- column: l1_most_bytes bytes with --by: the most that one needed of L1 beside what was there, in each bank
-- column: dram_most_bytes bytes with --by: likewise of DRAM
-- empty: no operation
WITH what AS MATERIALIZED (
  SELECT w.id AS id, (SELECT text FROM operation_text WHERE id = w.name) AS name,
    (SELECT path FROM label_info WHERE id = w.label) AS label, w.around AS around, w.ended AS ended,
    (SELECT stack_group('function', frames) FROM stack_info WHERE id = w.stack) AS asked_by,
    tensors_text(w.tensors, 0) AS inputs, tensors_text(w.tensors, 1) AS outputs
  FROM range_what w WHERE w.name IS NOT NULL)
SELECT f.number AS number, p.pid AS pid, w.name AS name, f.begin_ns AS begin_ns, f.end_ns - f.begin_ns AS duration_ns,
  f.l1_before_bytes AS l1_before_bytes, f.l1_peak_bytes AS l1_peak_bytes, f.l1_after_bytes AS l1_after_bytes,
  f.l1_left_bytes AS l1_left_bytes, f.dram_before_bytes AS dram_before_bytes, f.dram_peak_bytes AS dram_peak_bytes,
  f.dram_after_bytes AS dram_after_bytes, f.dram_left_bytes AS dram_left_bytes,
  CASE WHEN f.end_ns IS NULL THEN coalesce(p.ended, 'running') WHEN w.ended THEN 'exception' ELSE 'returned' END AS ended,
  f.number - w.around AS around, w.inputs AS inputs, w.outputs AS outputs, w.label AS label, w.asked_by AS asked_by
FROM operation_figures(:device, NULL, :pid, NULL, :start, :end, NULL, NULL, :op) f
  LEFT JOIN what w ON w.id = f.what LEFT JOIN process_info p ON p.id = f.process
WHERE (NOT f.is_helper OR :all OR :op IS NOT NULL)
  AND (:label IS NULL OR label_matches(:label, w.label))
  AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = f.process AND s.key < f.key
    ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last)
ORDER BY CASE WHEN :slowest THEN f.begin_ns - f.end_ns
  WHEN :largest THEN iif(:region = 'DRAM', f.dram_before_bytes - f.dram_peak_bytes, f.l1_before_bytes - f.l1_peak_bytes)
  END, f.begin_ns, f.process, f.number

-- with: parts
SELECT o.number AS number, p.pid AS pid, (SELECT t.name || '/' || t.tid FROM thread_info t WHERE t.id = o.thread) AS thread,
  (SELECT text FROM operation_text WHERE id = o.name) AS name, o.begin_ns AS begin_ns, o.end_ns AS end_ns,
  o.operations AS operations, o.total_ns AS total_ns
FROM operation_parts(:parts, NULL, NULL, NULL, NULL, :start, :end) o LEFT JOIN process_info p ON p.id = o.process
WHERE :pid IS NULL OR p.pid = :pid
ORDER BY o.process, o.thread, o.begin_ns

-- with: by
WITH sums AS (
  SELECT w.name AS name, count(*) AS operations, sum(f.end_ns - f.begin_ns) AS total_ns,
    max(f.end_ns - f.begin_ns) AS longest_ns, max(f.l1_peak_bytes - f.l1_before_bytes) AS l1_most_bytes,
    sum(f.l1_left_bytes) AS l1_left_bytes, max(f.dram_peak_bytes - f.dram_before_bytes) AS dram_most_bytes,
    sum(f.dram_left_bytes) AS dram_left_bytes
  FROM operation_figures(:device, NULL, :pid, NULL, :start, :end, NULL, NULL, :op) f
    LEFT JOIN range_what w ON w.id = f.what
  WHERE (NOT f.is_helper OR :all OR :op IS NOT NULL)
    AND (:label IS NULL OR label_matches(:label, (SELECT path FROM label_info WHERE id = w.label)))
    AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = f.process AND s.key < f.key
      ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last)
  GROUP BY w.name)
SELECT (SELECT text FROM operation_text WHERE id = sums.name) AS name, operations, total_ns, longest_ns, l1_most_bytes,
  l1_left_bytes, dram_most_bytes, dram_left_bytes
FROM sums ORDER BY CASE WHEN :largest THEN -iif(:region = 'DRAM', dram_most_bytes, l1_most_bytes) ELSE -total_ns END, 1

-- refuse:
SELECT '--parts tells of all operations of a time: --start, --end and --pid narrow it, other options do not'
WHERE :parts IS NOT NULL AND (:by IS NOT NULL OR :slowest OR :largest OR :all OR coalesce(:device, :region, :label, :op, :step) IS NOT NULL)

-- refuse:
SELECT operations_missing()
