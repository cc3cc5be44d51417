-- SPDX-License-Identifier: Apache-2.0
-- summary: requests that could not be served, and what was free then
-- about: Free figures are of each bank, at the moment of the failure, over the blocks of all processes. A request that is smaller than free_bytes and larger than largest_free_bytes failed because of fragmentation. In the order of the recording.
-- filters: device region pid label start end step
-- column: pid id of the process
-- column: device id,key chip
-- column: region text kind of memory
-- column: at_ns ns since the recording's start
-- column: size_bytes bytes payload that was asked for
-- column: bank_bytes bytes,derived what it would have taken in each bank
-- column: free_bytes bytes in each bank; unknown without the device's geometry
-- column: largest_free_bytes bytes in one piece, in each bank
-- column: label text open ranges of the thread
-- column: step id of the process
-- column: why text,remark the allocator's own words
-- exit: nonempty
-- empty: no failed requests
SELECT p.pid AS pid, o.device AS device, region_word(o.region) AS region, f.at_ns AS at_ns, f.size_bytes AS size_bytes,
  coalesce(f.bank_bytes, f.size_bytes) AS bank_bytes, b.free_bytes AS free_bytes,
  b.largest_free_bytes AS largest_free_bytes, (SELECT path FROM label_info WHERE id = o.label) AS label,
  (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < f.key ORDER BY s.key DESC LIMIT 1) AS step,
  f.why AS why
FROM failure_banks(:device, :region, NULL, NULL, :start, :end, NULL, NULL) b
  CROSS JOIN failure_info f ON f.key = b.key -- the function on the left, so that it is called once
  JOIN origin o ON o.id = f.origin LEFT JOIN process_info p ON p.id = o.process
WHERE (:pid IS NULL OR p.pid = :pid)
  AND (:label IS NULL OR label_matches(:label, (SELECT path FROM label_info WHERE id = o.label)))
  AND (:step_first IS NULL OR (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < f.key
    ORDER BY s.key DESC LIMIT 1) BETWEEN :step_first AND :step_last)
ORDER BY f.at_ns, o.process, f.key

-- notes:
SELECT 'free figures need the geometry of device ' || o.device || ' ' || region_word(o.region) || ', which was not ' ||
  'recorded (ttalloc_device_open)'
FROM failure_info f JOIN origin o ON o.id = f.origin
WHERE (:device IS NULL OR o.device = :device)
  AND (:region IS NULL OR o.region = region_number(:region))
  AND o.region NOT IN (16, 32)
  AND NOT EXISTS (SELECT 1 FROM device_mark m WHERE m.device = o.device AND m.region = o.region AND m.bank_bytes > 0)
GROUP BY o.device, o.region
