-- SPDX-License-Identifier: Apache-2.0
-- summary: what a newer recording needs more, or less, than an older one
-- about: Compares by group, not by address, for each device and region: what was live at the peak of each, what leaked, or all that was allocated. Groups in which nothing changed are left out. The largest differences come first; then by group, device and region. --exit-code is about what the newer recording needs more.
-- about: Of what leaked, blocks that the runtime owns are left out, unless it is compared by class, and so are those of programs that have not ended.
-- about: A chip is the same device in both when both name it (by its unique id), whatever its number; numbers are the newer recording's. Where they have no chip in common, as on two machines, devices are paired by their number, and a note says so.
-- about: Process and thread ids differ between any two runs: processes are told apart by their command, threads by their name.
-- about: --what steps lays the steps of both beside each other: step 7 beside step 7, the second such beside the second, of each process (by the order in which they joined): what was live in it at most, at its end, and what it allocated. A step that only one of them has was added, or removed. --step compares by group what the blocks of these steps come to.
-- param: what choice(peak|leaks|allocated|steps) peak what to compare
-- param: by attribution label what makes a group
-- param: tolerance text - leave out what changed by no more than this: 5% of the older recording's bytes, or 10M
-- param: all flag - also groups, or steps, in which nothing changed
-- filters: device region label op step
-- column: device id,key chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: old_bytes bytes payload in the older recording
-- column: new_bytes bytes payload in the newer one
-- column: delta_bytes bytes new - old; with --what steps the one of the three that grew most, beyond the tolerance
-- column: process id,key with --what steps: 1 for the first process of its recording, and so on
-- column: step id,key with --what steps: as the program numbers it
-- column: found text with --what steps: both, added or removed
-- column: old_peak_bytes bytes with --what steps: the most that was live in it
-- column: new_peak_bytes bytes the same in the newer one
-- column: old_live_bytes bytes with --what steps: at its end
-- column: new_live_bytes bytes the same in the newer one
-- column: old_allocated_bytes bytes with --what steps: in it
-- column: new_allocated_bytes bytes the same in the newer one
-- column: old_blocks count in the older recording
-- column: new_blocks count in the newer one
-- exit: above delta_bytes
-- files: old new
-- empty: no difference
WITH pairs AS MATERIALIZED (SELECT * FROM device_pairs()),
side AS (
  SELECT 0 AS is_new,
    coalesce((SELECT shown FROM pairs WHERE old_device = g.device AND g.region <> 'HOST'), g.device) AS device,
    region, group_text, group_number, bytes, blocks, runtime_bytes, runtime_blocks, live_bytes, live_blocks
  FROM diff_groups(:what, :by,
    CASE WHEN :device IS NOT NULL THEN coalesce((SELECT old_device FROM pairs WHERE shown = :device), -1) END,
    :region, NULL, :label, NULL, NULL, :step_first, :step_last, :op, 'old') g
  UNION ALL
  SELECT 1, *
  FROM diff_groups(:what, :by, :device, :region, NULL, :label, NULL, NULL, :step_first, :step_last, :op, 'new')),
own AS (
  SELECT is_new, device, region,
    CASE :by
      WHEN 'process' THEN substr(group_text, instr(group_text, ' ') + 1) -- of "pid command"
      WHEN 'thread' THEN substr(rtrim(group_text, '0123456789'), 1, length(rtrim(group_text, '0123456789')) - 1) -- "name/tid"
      ELSE coalesce(group_text, group_number)
    END AS "group",
    bytes - iif(:by = 'class', 0, runtime_bytes) - live_bytes AS bytes,
    blocks - iif(:by = 'class', 0, runtime_blocks) - live_blocks AS blocks
  FROM side
  WHERE runtime_blocks + live_blocks = 0 OR iif(:by = 'class', 0, runtime_blocks) + live_blocks < blocks),
change AS (
  SELECT device, region, "group", sum(iif(is_new, 0, bytes)) AS old_bytes, sum(iif(is_new, bytes, 0)) AS new_bytes,
    sum(iif(is_new, 0, blocks)) AS old_blocks, sum(iif(is_new, blocks, 0)) AS new_blocks
  FROM own GROUP BY device, region, "group")
SELECT device, region, "group", old_bytes, new_bytes, new_bytes - old_bytes AS delta_bytes, old_blocks, new_blocks
FROM change
WHERE :all OR iif(:tolerance IS NULL, old_bytes <> new_bytes OR old_blocks <> new_blocks,
  abs(new_bytes - old_bytes) > allowance(:tolerance, old_bytes))
ORDER BY max(new_bytes - old_bytes, old_bytes - new_bytes) DESC, "group", device, region_number(region)

-- with: what=steps
WITH pairs AS MATERIALIZED (SELECT * FROM device_pairs()),
side AS (
  SELECT 0 AS is_new, *,
    coalesce((SELECT shown FROM pairs WHERE old_device = f.device AND f.region <> {region.HOST}), f.device) AS chip
  FROM step_figures(
    CASE WHEN :device IS NOT NULL THEN coalesce((SELECT old_device FROM pairs WHERE shown = :device), -1) END,
    :region, NULL, :label, NULL, NULL, :step_first, :step_last, :op, 'old') f
  UNION ALL
  SELECT 1, *, device
  FROM step_figures(:device, :region, NULL, :label, NULL, NULL, :step_first, :step_last, :op, 'new')),
placed AS (
  SELECT *, dense_rank() OVER (PARTITION BY is_new ORDER BY process) AS nth_process,
    row_number() OVER (PARTITION BY is_new, process, chip, region, step ORDER BY from_ns) AS nth
  FROM side),
pair AS (
  SELECT chip AS device, region, nth_process AS process, step, nth, count(*) AS sides, max(is_new) AS has_new,
    sum(iif(is_new, 0, peak_bytes)) AS old_peak, sum(iif(is_new, peak_bytes, 0)) AS new_peak,
    sum(iif(is_new, 0, live_bytes)) AS old_live, sum(iif(is_new, live_bytes, 0)) AS new_live,
    sum(iif(is_new, 0, allocated_bytes)) AS old_allocated, sum(iif(is_new, allocated_bytes, 0)) AS new_allocated
  FROM placed GROUP BY chip, region, nth_process, step, nth),
change AS (
  SELECT *,
    iif(abs(new_peak - old_peak) > coalesce(allowance(:tolerance, old_peak), 0), new_peak - old_peak, 0) AS peak,
    iif(abs(new_live - old_live) > coalesce(allowance(:tolerance, old_live), 0), new_live - old_live, 0) AS live,
    iif(abs(new_allocated - old_allocated) > coalesce(allowance(:tolerance, old_allocated), 0),
      new_allocated - old_allocated, 0) AS allocated
  FROM pair)
SELECT device, region_word(region) AS region, process, step,
  CASE WHEN sides = 2 THEN 'both' WHEN has_new THEN 'added' ELSE 'removed' END AS found,
  iif(max(peak, live, allocated) > 0, max(peak, live, allocated), min(peak, live, allocated)) AS delta_bytes,
  old_peak AS old_peak_bytes, new_peak AS new_peak_bytes, old_live AS old_live_bytes, new_live AS new_live_bytes,
  old_allocated AS old_allocated_bytes, new_allocated AS new_allocated_bytes
FROM change WHERE :all OR sides = 1 OR peak <> 0 OR live <> 0 OR allocated <> 0
ORDER BY process, device, change.region, step IS NOT NULL, step, nth

-- refuse:
SELECT '--tolerance is a share, such as 5%, or a size, such as 10M; not ''' || :tolerance || ''''
WHERE :tolerance IS NOT NULL AND allowance(:tolerance, 0) IS NULL

-- refuse:
SELECT 'stack_id numbers the stacks of one recording; --by stack compares them'
WHERE :by = 'stack_id'

-- notes:
SELECT 'device ' || old_device || ' of the older recording is ' || iif(is_there, 'the chip that is device ' || shown ||
  ' of the newer one', 'no chip of the newer one, and shown as device ' || shown)
FROM device_pairs() WHERE by_chip AND old_device <> shown

-- notes:
SELECT 'the recordings name no chip that both have: devices are paired by their number'
WHERE (SELECT max(may_differ) FROM device_pairs())
