-- SPDX-License-Identifier: Apache-2.0
-- summary: what a recording is of, in a few lines, and what to ask next; it is what FILE alone asks
-- about: What was recorded and for how long, the peak of each region (of the device that has most), what the program never freed, failed requests, and what is missing. The last column is the question that says more. What grows from step to step is told of recordings of up to a million events; of larger ones, 'steps --by label' tells it.
-- column: what text,key recorded, peak, leaks, failures, grows
-- column: says text the answer in words
-- column: ask text,context the verb that says more
-- rows: 0
-- empty: an empty recording
WITH r AS (SELECT * FROM recording_info),
told AS (SELECT CASE WHEN EXISTS (SELECT 1 FROM origin WHERE label IS NOT NULL) THEN 'label' WHEN EXISTS (SELECT 1 FROM stack_info) THEN 'function'
    WHEN operations_missing() IS NULL THEN 'opname' ELSE 'class' END AS apart), -- by what the recording tells blocks apart
p AS (SELECT region, device, peak_bytes, peak_ns, peak_bank_bytes, max(peak_bytes) AS most, count(*) AS devices,
    (SELECT bank_bytes FROM device_mark m WHERE m.device = peaks.device AND m.region = peaks.region AND m.region < {region.CB} AND m.bank_bytes > 0
      ORDER BY m.at_ns DESC LIMIT 1) AS bank_bytes
  FROM peaks() WHERE peak_bytes > 0 GROUP BY region),
leak AS (SELECT group_text, region, bytes - runtime_bytes - live_bytes AS bytes, blocks - runtime_blocks - live_blocks AS blocks
  FROM diff_groups('leaks', (SELECT apart FROM told), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'new')
  WHERE blocks > runtime_blocks + live_blocks)
SELECT what, says, ask FROM (
  SELECT 1 AS part, 0 AS place, 'recorded' AS what,
    coalesce(command || ', ', '') || (SELECT count(*) FROM process_info) || iif((SELECT count(*) FROM process_info) = 1,
      ' process, ', ' processes, ') || (SELECT coalesce(sum(events), 0) FROM process_info) || ' events in ' ||
      printf('%.3f', end_ns / 1e9) || ' s, ' ||
      iif(ended IS NULL, 'in progress, or killed', 'ended') ||
      strftime(' (begun %Y-%m-%d %H:%M:%S UTC)', start_realtime_ns / 1000000000, 'unixepoch') AS says, 'info' AS ask FROM r
  UNION ALL
  SELECT 2, region, 'peak ' || region_word(region),
    human_bytes(peak_bytes) || ' at ' || printf('%.3f ms', peak_ns / 1e6) ||
      iif(bank_bytes > 0, printf(', %.1f %% of each bank', 100.0 * peak_bank_bytes / bank_bytes), '') ||
      iif(devices > 1, ' (device ' || device || ' of ' || devices || ')', ''),
    iif(region IN ({region.L1}, {region.CB}), 'l1', 'peak --by ' || (SELECT apart FROM told)) FROM p
  UNION ALL
  SELECT 3, 0, 'leaks', CASE count(*) WHEN 0 THEN 'none' ELSE human_bytes(sum(bytes)) || ' in ' || sum(blocks) || iif(sum(blocks) = 1, ' block, most of ', ' blocks, most of ') ||
      coalesce((SELECT group_text FROM leak ORDER BY bytes DESC LIMIT 1), 'what has no ' || (SELECT apart FROM told)) END, 'leaks --by ' || (SELECT apart FROM told) FROM leak
  UNION ALL
  SELECT 4, 0, 'failures', CASE (SELECT count(*) FROM failure_info) WHEN 0 THEN 'none' ELSE (SELECT count(*) FROM failure_info) ||
      ', the last one for ' || (SELECT human_bytes(f.size_bytes) || ' of ' || region_word(o.region) FROM failure_info f JOIN
      origin o ON o.id = f.origin ORDER BY f.at_ns DESC, f.key DESC LIMIT 1) END,
    iif((SELECT count(*) FROM failure_info) = 0, NULL, 'why')
  UNION ALL
  SELECT 5, 0, 'steps', count(DISTINCT number) || ' were marked' ||
      coalesce((SELECT '; ' || coalesce(attribution((SELECT apart FROM told), origin, key, size_bytes), 'what has no ' || (SELECT apart FROM told)) || ' grows by ' ||
          human_bytes(CAST(step_bytes AS INTEGER)) || ' of ' || region_word(region) || ' in each'
        FROM step_growth((SELECT apart FROM told), NULL, NULL, NULL, NULL, NULL)
        WHERE (SELECT sum(events) FROM process_info) <= 1000000 ORDER BY step_bytes DESC LIMIT 1), ''),
    'steps --by ' || (SELECT apart FROM told) FROM step_mark HAVING count(*) > 2
  UNION ALL
  SELECT 6, 0, 'to look at', 'a page with time line and address map', 'report -o page.html')
ORDER BY part, place

-- notes:
SELECT 'process ' || pid || ' (' || name || ') is not recorded, and has ' || dram_bytes || ' B of DRAM and ' || l1_bytes || ' B of L1 on chip ' || chip || ' (TT-Metal''s own counters)'
FROM chip_counters() WHERE recorded = 0
