-- SPDX-License-Identifier: Apache-2.0
-- summary: label ranges: how often and how long each was open, what L1 and DRAM had at most in it, what it left
-- about: A range is the time from a label's push to its pop, as that of NVTX is; labels are those with the ones around them (a/b/c), whichever thread and process had them open, and what took longest altogether comes first. With --each, each time that one was open is a row, in the order in which they began. A range that lies in another one counts in both. Bytes are those of each bank, over the blocks of all processes; of several chips, those of the one that was fullest. Left is what the thread of a range allocated in it and had not freed when it ended.
-- about: Durations are those of the host, which may not wait for the device. Of the blocks themselves, 'peak --label a/b' and 'leaks --label a/b' tell.
-- param: by choice(label|pattern) label pattern: labels that differ in numbers alone are one (layer.*)
-- param: slowest flag - those first that took longest at once
-- param: largest flag - those first that needed most of L1 beside what was there, or of DRAM with --region DRAM
-- param: each flag - each time that a label was open by itself
-- filters: device region pid label start end step
-- column: label text,key with those around it: a/b/c
-- column: pid id,context with --each: of the process
-- column: thread text,context with --each: name/tid
-- column: begin_ns ns with --each: since the recording's start
-- column: duration_ns ns with --each: from its begin to its end; unknown: it has not ended
-- column: ranges count that many times it was open
-- column: total_ns ns how long altogether; of those that have ended
-- column: mean_ns ns,derived how long on average
-- column: longest_ns ns how long at most
-- column: longest_begin_ns ns,remark when the longest one began, since the recording's start
-- column: l1_before_bytes bytes,derived with --each: of L1, in each bank, when it began
-- column: l1_peak_bytes bytes of L1, in each bank, at most while it was open
-- column: l1_after_bytes bytes,derived with --each: when it ended
-- column: l1_most_bytes bytes,derived the most that one needed of L1 beside what was there when it began
-- column: l1_left_bytes bytes that it allocated and had not freed when it ended
-- column: dram_before_bytes bytes,derived with --each: of DRAM, in each bank
-- column: dram_peak_bytes bytes of DRAM, in each bank, at most while it was open
-- column: dram_after_bytes bytes,derived with --each: when it ended
-- column: dram_most_bytes bytes,derived the most that one needed of DRAM beside what was there when it began
-- column: dram_left_bytes bytes that it allocated and had not freed when it ended
-- column: ended text,remark with --each: returned, running, process exit, exec
-- empty: no label was open
-- plot: bars label total_ns
WITH spans AS MATERIALIZED (
  SELECT iif(:by = 'pattern', label_pattern(l.path), l.path) AS label, f.begin_ns AS begin_ns, f.end_ns - f.begin_ns AS duration_ns,
    f.l1_peak_bytes AS l1_peak_bytes, f.l1_peak_bytes - f.l1_before_bytes AS l1_most_bytes, f.l1_left_bytes AS l1_left_bytes,
    f.dram_peak_bytes AS dram_peak_bytes, f.dram_peak_bytes - f.dram_before_bytes AS dram_most_bytes,
    f.dram_left_bytes AS dram_left_bytes
  FROM range_figures(:device, NULL, :pid, NULL, :start, :end) f
    JOIN range_what w ON w.id = f.what LEFT JOIN label_info l ON l.id = w.label
  WHERE (:label IS NULL OR label_matches(:label, l.path))
    AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = f.process AND s.key < f.key
      ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last)),
sums AS (
  SELECT label, count(*) AS ranges, sum(duration_ns) AS total_ns, CAST(round(avg(duration_ns)) AS INTEGER) AS mean_ns,
    max(duration_ns) AS longest_ns, max(l1_peak_bytes) AS l1_peak_bytes, max(l1_most_bytes) AS l1_most_bytes,
    sum(l1_left_bytes) AS l1_left_bytes, max(dram_peak_bytes) AS dram_peak_bytes, max(dram_most_bytes) AS dram_most_bytes,
    sum(dram_left_bytes) AS dram_left_bytes
  FROM spans GROUP BY label),
longest AS (
  SELECT label, begin_ns, row_number() OVER (PARTITION BY label ORDER BY duration_ns DESC, begin_ns) AS place
  FROM spans WHERE duration_ns IS NOT NULL)
SELECT s.label AS label, ranges, total_ns, mean_ns, longest_ns, o.begin_ns AS longest_begin_ns,
  l1_peak_bytes, l1_most_bytes, l1_left_bytes, dram_peak_bytes, dram_most_bytes, dram_left_bytes
FROM sums s LEFT JOIN longest o ON o.place = 1 AND o.label IS s.label
ORDER BY CASE WHEN :slowest THEN -longest_ns WHEN :largest THEN -iif(:region = 'DRAM', dram_most_bytes, l1_most_bytes)
  ELSE -total_ns END, 1

-- with: each
SELECT l.path AS label, p.pid AS pid, (SELECT t.name || '/' || t.tid FROM thread_info t WHERE t.id = w.thread) AS thread,
  f.begin_ns AS begin_ns, f.end_ns - f.begin_ns AS duration_ns, f.l1_before_bytes AS l1_before_bytes,
  f.l1_peak_bytes AS l1_peak_bytes, f.l1_after_bytes AS l1_after_bytes, f.l1_left_bytes AS l1_left_bytes,
  f.dram_before_bytes AS dram_before_bytes, f.dram_peak_bytes AS dram_peak_bytes, f.dram_after_bytes AS dram_after_bytes,
  f.dram_left_bytes AS dram_left_bytes,
  CASE WHEN f.end_ns IS NULL THEN coalesce(p.ended, 'running') ELSE 'returned' END AS ended
FROM range_figures(:device, NULL, :pid, NULL, :start, :end) f
  JOIN range_what w ON w.id = f.what LEFT JOIN label_info l ON l.id = w.label LEFT JOIN process_info p ON p.id = f.process
WHERE (:label IS NULL OR label_matches(:label, l.path))
  AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = f.process AND s.key < f.key
    ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last)
ORDER BY CASE WHEN :slowest THEN f.begin_ns - f.end_ns
  WHEN :largest THEN iif(:region = 'DRAM', f.dram_before_bytes - f.dram_peak_bytes, f.l1_before_bytes - f.l1_peak_bytes)
  END, f.begin_ns, f.process, f.key

-- refuse:
SELECT iif(EXISTS (SELECT 1 FROM label_info),
  'the labels of this recording have no begin and end: they were recorded with --no-ops, or by 1.0',
  'no label was open: push them with ttalloc_label_push(), ttalloc.label() in Python, or record with --ttnn')
WHERE NOT EXISTS (SELECT 1 FROM label_span)

-- refuse:
SELECT 'with --each no range is summed up: --by has no say'
WHERE :each AND :by = 'pattern'
