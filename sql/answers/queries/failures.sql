-- SPDX-License-Identifier: Apache-2.0
-- summary: requests that could not be served, and what was free then
-- about: Free figures are of each bank, at the moment of the failure, over the blocks that the allocator knows of ('why' says more of that). A request that is smaller than free_bytes and larger than largest_free_bytes failed because of fragmentation. In the order of the recording. A request of a mesh fails on each of its chips, which have a row each.
-- about: With --by, requests are summed up by what they have in common, for each region: those of retry loops, or of the line that asked (--by function). The most requests come first.
-- param: by attribution - sum up by this
-- filters: device region pid label op start end step
-- column: pid id of the process
-- column: device id,key chip
-- column: region text kind of memory
-- column: at_ns ns since the recording's start
-- column: size_bytes bytes payload that was asked for
-- column: bank_bytes bytes,derived what it would have taken in each bank
-- column: free_bytes bytes in each bank; unknown without the device's geometry
-- column: largest_free_bytes bytes in one piece, in each bank
-- column: label text open ranges of the thread
-- column: asked_by text the innermost function that is the program's own, with --python-stacks its line
-- column: op text,context the operation that asked, and its number
-- column: step id of the process
-- column: why text,remark the allocator's own words
-- column: stack text,context call stack of the request, innermost first
-- column: group text with --by: what the requests have in common
-- column: requests count with --by: those of a mesh count once
-- column: devices count with --by: chips on which they failed
-- column: least_bytes bytes with --by: the smallest payload that was asked for
-- column: most_bytes bytes with --by: the largest
-- column: most_bank_bytes bytes,derived with --by: the most that one would have taken in each bank
-- column: first_ns ns with --by: the first of them
-- column: last_ns ns with --by: the last of them
-- exit: nonempty
-- empty: no failed requests
SELECT p.pid AS pid, o.device AS device, region_word(o.region) AS region, f.at_ns AS at_ns, f.size_bytes AS size_bytes,
  coalesce(f.bank_bytes, f.size_bytes) AS bank_bytes, b.free_bytes AS free_bytes,
  b.largest_free_bytes AS largest_free_bytes, (SELECT path FROM label_info WHERE id = o.label) AS label,
  iif(o.stack IS NULL, NULL, attribution('function', o.id, NULL, NULL)) AS asked_by,
  attribution('op', o.id, f.key, NULL) AS op,
  (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < f.key ORDER BY s.key DESC LIMIT 1) AS step,
  f.why AS why, stack_text((SELECT frames FROM stack_info WHERE id = o.stack)) AS stack
FROM failure_banks(:device, :region, NULL, NULL, :start, :end, NULL, NULL) b
  CROSS JOIN failure_info f ON f.key = b.key -- the function on the left, so that it is called once
  JOIN origin o ON o.id = f.origin LEFT JOIN process_info p ON p.id = o.process
WHERE (:pid IS NULL OR p.pid = :pid)
  AND (:label IS NULL OR label_matches(:label, (SELECT path FROM label_info WHERE id = o.label)))
  AND op_matches(:op, o.process, o.thread, f.key)
  AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < f.key
    ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last)
ORDER BY f.at_ns, o.process, f.key

-- with: by
WITH chip AS ( -- those of one request of a mesh follow each other, chip by chip
  SELECT f.key AS key, coalesce(lag(f.key) OVER before = f.key - 1 AND lag(o.thread) OVER before IS o.thread
      AND lag(o.region) OVER before = o.region AND lag(f.size_bytes) OVER before = f.size_bytes
      AND lag(o.device) OVER before < o.device, 0) = 0 AS begins
    FROM failure_info f JOIN origin o ON o.id = f.origin WINDOW before AS (ORDER BY f.key)),
request AS (SELECT key, sum(begins) OVER (ORDER BY key) AS number FROM chip),
failed AS (
  SELECT r.number AS request, o.region AS region, o.device AS device, f.at_ns AS at_ns, f.size_bytes AS size_bytes,
    coalesce(f.bank_bytes, f.size_bytes) AS bank_bytes, attribution(:by, f.origin, f.key, f.size_bytes) AS "group"
  FROM failure_info f JOIN request r ON r.key = f.key JOIN origin o ON o.id = f.origin
    LEFT JOIN process_info p ON p.id = o.process
  WHERE (:device IS NULL OR o.device = :device)
    AND (:region IS NULL OR o.region = region_number(:region))
    AND (:pid IS NULL OR p.pid = :pid)
    AND (:label IS NULL OR label_matches(:label, (SELECT path FROM label_info WHERE id = o.label)))
    AND op_matches(:op, o.process, o.thread, f.key)
    AND (:start IS NULL OR f.at_ns >= :start) AND (:end IS NULL OR f.at_ns <= :end)
    AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < f.key
      ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last))
SELECT region_word(region) AS region, "group", count(DISTINCT request) AS requests, count(DISTINCT device) AS devices,
  min(size_bytes) AS least_bytes, max(size_bytes) AS most_bytes, max(bank_bytes) AS most_bank_bytes,
  min(at_ns) AS first_ns, max(at_ns) AS last_ns
FROM failed GROUP BY failed.region, "group" ORDER BY requests DESC, last_ns DESC, failed.region, "group"

-- notes:
SELECT 'these are ' || requests || ' requests: one of a mesh fails on each of its chips'
FROM (SELECT count(*) AS rows, sum(begins) AS requests FROM (
  SELECT f.key AS key, coalesce(lag(f.key) OVER before = f.key - 1 AND lag(o.thread) OVER before IS o.thread
      AND lag(o.region) OVER before = o.region AND lag(f.size_bytes) OVER before = f.size_bytes
      AND lag(o.device) OVER before < o.device, 0) = 0 AS begins
    FROM failure_info f JOIN origin o ON o.id = f.origin WINDOW before AS (ORDER BY f.key)))
WHERE requests < rows AND :by IS NULL AND coalesce(:device, :region, :pid, :label, :start, :end, :step_first) IS NULL

-- notes:
SELECT requests || ' requests for ' || size_bytes || ' B of ' || region_word(region) || ' failed, as in a retry ' ||
  'loop: --by function, or label, sums up who asks'
FROM (
  SELECT o.region AS region, f.size_bytes AS size_bytes, count(*) / count(DISTINCT o.device) AS requests
  FROM failure_info f JOIN origin o ON o.id = f.origin
  WHERE (:device IS NULL OR o.device = :device) AND (:region IS NULL OR o.region = region_number(:region))
  GROUP BY o.process, o.region, f.size_bytes)
WHERE :by IS NULL AND requests >= 3

-- notes:
SELECT 'free figures need ' || remark
FROM missing_geometry m
WHERE (:device IS NULL OR device = :device)
  AND (:region IS NULL OR region = :region)
  AND EXISTS (SELECT 1 FROM failure_info f JOIN origin o ON o.id = f.origin
    WHERE o.device = m.device AND o.region = region_number(m.region))
