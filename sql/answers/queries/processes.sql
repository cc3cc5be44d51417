-- SPDX-License-Identifier: Apache-2.0
-- summary: what each process did in each region
-- about: A process that execs is two. What a process held when it ended is its live_bytes. Under a time window allocs, frees and allocated_bytes are those of the events in it, peak_bytes and live_bytes take in what was live at its start. Processes in the order in which they joined; then by device and region.
-- filters: device region pid label start end step
-- column: pid id of the operating system
-- column: command text
-- column: device id,key chip
-- column: region text kind of memory
-- column: allocs count in the window
-- column: frees count that ended a block, in the window
-- column: allocated_bytes bytes over these allocs; aliased blocks count zero
-- column: peak_bytes bytes the most that it held at once
-- column: live_bytes bytes what it holds, or held when it ended
-- column: peak_bank_bytes bytes,derived the most that it took in each bank at once, maybe at another moment
-- column: live_bank_bytes bytes footprint in each bank of what it holds, or held when it ended
-- column: rank count,derived in its job
-- column: host text,derived name of its machine
-- column: uid id,derived of its user; NULL: not known
-- column: user text,context name of that, in /etc/passwd of its machine; NULL: not known, or none
WITH chosen AS (SELECT coalesce(:device, :region, :pid, :label, :start, :end, :step_first) IS NOT NULL AS filtered),
figure AS (
  SELECT process, device, region, allocs, frees, allocated_bytes, peak_bytes, live_bytes,
    peak_bank_bytes, live_bank_bytes
  FROM process_usage WHERE NOT (SELECT filtered FROM chosen)
  UNION ALL
  SELECT process, device, region, allocs, frees, allocated_bytes, peak_bytes, live_bytes,
    peak_bank_bytes, live_bank_bytes
  FROM chosen CROSS JOIN process_figures(:device, :region, :pid, :label, :start, :end, :step_first, :step_last)
  WHERE filtered)
SELECT p.pid AS pid, p.command AS command, f.device AS device, region_word(f.region) AS region, f.allocs AS allocs,
  f.frees AS frees, f.allocated_bytes AS allocated_bytes, f.peak_bytes AS peak_bytes, f.live_bytes AS live_bytes,
  f.peak_bank_bytes AS peak_bank_bytes, f.live_bank_bytes AS live_bank_bytes,
  iif(a.id IS NULL, (SELECT rank FROM recording_job), a.rank) AS rank,
  coalesce(a.host, (SELECT host FROM recording_info)) AS host, u.uid AS uid, u.name AS user
FROM figure f LEFT JOIN process_info p ON p.id = f.process
  LEFT JOIN process_user u ON u.process = f.process LEFT JOIN process_part s ON s.process = f.process LEFT JOIN part a ON a.id = s.part
ORDER BY f.process, f.device, f.region
