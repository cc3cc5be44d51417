-- SPDX-License-Identifier: Apache-2.0
-- summary: one operation of ttnn, whole: its tensors and arguments, its call stack, and what it did to memory
-- about: Bytes of L1 and DRAM are those of each bank, over the blocks of all processes; of several chips, those of the one that was fullest. The pictures are of the bank of L1 of that chip, from its lowest address to its highest; free, partly used, used as in why. Program memory is what circular buffers, dataflow buffers and scratchpads took of each core when the operation ended, which are those of its own program, if it ran one.
-- param: number integer - its number, as 'ops' has it; op N and ops N say the same
-- operand: number
-- filters: device pid
-- column: number id,key 1, 2, 3, ... of its process, as they began
-- column: name text
-- column: pid id of the process
-- column: around text the operation that it lies in
-- column: begin_ns ns since the recording's start
-- column: duration_ns ns from its begin to its end; unknown: it has not ended
-- column: ended text returned, exception, running, process exit, exec
-- column: thread text name/tid
-- column: label text open ranges when it began
-- column: step id of its process
-- column: inputs list the tensors that it took
-- column: outputs list the tensors that it made
-- column: arguments text where they were recorded
-- column: stack text its call stack, innermost first
-- column: l1_before_bytes bytes of L1, in each bank, when it began
-- column: l1_peak_bytes bytes at most while it ran
-- column: l1_after_bytes bytes when it ended
-- column: l1_left_bytes bytes that it allocated and had not freed then
-- column: dram_before_bytes bytes of DRAM, in each bank
-- column: dram_peak_bytes bytes at most while it ran
-- column: dram_after_bytes bytes when it ended
-- column: dram_left_bytes bytes that it allocated and had not freed then
-- column: program_memory list how many cores have how much of program memory
-- column: picture_before picture L1 when it began
-- column: picture_at_peak picture L1 when it was fullest
-- show: list known
-- empty: no operation has that number
WITH f AS MATERIALIZED (
  SELECT * FROM operation_figures(:device, NULL, :pid, NULL, NULL, NULL, NULL, NULL, :number) WHERE number = :number),
fullest AS MATERIALIZED ( -- when the L1 of its chip was
  SELECT f.process AS process, (SELECT peak_bank_ns FROM peaks(f.l1_device, 'L1', NULL, NULL, f.begin_ns, f.end_ns)) AS at_ns
  FROM f)
SELECT f.number AS number, (SELECT text FROM operation_text WHERE id = w.name) AS name, p.pid AS pid,
  (SELECT text || ' #' || (f.number - w.around) FROM operation a, range_what aw, operation_text t
    WHERE a.process = f.process AND a.number = f.number - w.around AND t.text = a.name AND aw.name = t.id LIMIT 1) AS around,
  f.begin_ns AS begin_ns, f.end_ns - f.begin_ns AS duration_ns,
  CASE WHEN f.end_ns IS NULL THEN coalesce(p.ended, 'running') WHEN w.ended THEN 'exception' ELSE 'returned' END AS ended,
  (SELECT t.name || '/' || t.tid FROM thread_info t WHERE t.id = w.thread) AS thread,
  (SELECT path FROM label_info WHERE id = w.label) AS label,
  (SELECT s.number FROM step_mark s WHERE s.process = f.process AND s.key < f.key ORDER BY s.key DESC LIMIT 1) AS step,
  replace(tensors_text(w.tensors, 0), '; ', char(10)) AS inputs,
  replace(tensors_text(w.tensors, 1), '; ', char(10)) AS outputs,
  (SELECT text FROM operation_text WHERE id = w.arguments) AS arguments,
  stack_text((SELECT frames FROM stack_info WHERE id = w.stack)) AS stack,
  f.l1_before_bytes AS l1_before_bytes, f.l1_peak_bytes AS l1_peak_bytes, f.l1_after_bytes AS l1_after_bytes,
  f.l1_left_bytes AS l1_left_bytes, f.dram_before_bytes AS dram_before_bytes, f.dram_peak_bytes AS dram_peak_bytes,
  f.dram_after_bytes AS dram_after_bytes, f.dram_left_bytes AS dram_left_bytes,
  (SELECT group_concat(cores || ' cores: ' || bytes || ' B', char(10)) FROM (
    SELECT count(*) AS cores, c.bytes AS bytes FROM peak_cores(coalesce(f.l1_device, f.dram_device), NULL, NULL, NULL,
      f.end_ns, f.end_ns) c GROUP BY c.bytes ORDER BY c.bytes DESC)) AS program_memory,
  (SELECT replace(replace(replace(replace(replace(y.picture, '-', '.'), '=', ':'), 'X', '#'), '[', ''), ']', '')
    FROM why_answer(NULL, f.begin_ns, 1, NULL, f.l1_device, 'L1') y WHERE f.l1_device IS NOT NULL) AS picture_before,
  (SELECT replace(replace(replace(replace(replace(y.picture, '-', '.'), '=', ':'), 'X', '#'), '[', ''), ']', '')
    FROM why_answer(NULL, (SELECT at_ns FROM fullest u WHERE u.process = f.process), 1, NULL, f.l1_device, 'L1') y
    WHERE f.l1_device IS NOT NULL) AS picture_at_peak
FROM f LEFT JOIN range_what w ON w.id = f.what LEFT JOIN process_info p ON p.id = f.process
ORDER BY f.process LIMIT 1

-- refuse:
SELECT operations_missing()

-- refuse:
SELECT 'which operation? ops N, with a number that ops has'
WHERE :number IS NULL

-- notes:
SELECT 'operations of several processes have that number: --pid chooses another'
FROM (SELECT count(*) AS processes FROM operation WHERE number = :number AND :pid IS NULL)
WHERE processes > 1
