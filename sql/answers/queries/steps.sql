-- SPDX-License-Identifier: Apache-2.0
-- summary: each step: what it allocated, freed, took at most and left behind; with --by, what grows from step to step
-- about: A step of a process lasts from its mark to the next one, the last one to the end of the process. All figures are of one process, device and region, whenever its blocks were allocated: peak_bytes is what was live at once during the step. Before the first mark there is no step (-). --step chooses rows; 'peak --step' asks about the blocks that were allocated in a step.
-- about: Where no step was marked, steps are found: of each process the longest period in which what it allocates and frees comes again, at least six times and over at least half of it. They begin where the block is allocated that a note names.
-- about: With --by, the groups that grow, the fastest first: after the warm-up, at least nine of ten steps left something behind that was still live when the last step began, and step_bytes, the median of the slopes between the ends of any two steps (Theil-Sen), is positive. So weights do not grow, nor do caches once they are full, nor what lives into the next step. The last step counts as unfinished. Program memory is left out.
-- param: by attribution - tell what grows, summed up by this
-- param: warm_up integer - with --by: steps at the beginning that do not count; by default a tenth of them
-- filters: device region pid label op step
-- column: pid id of the process
-- column: device id,key chip
-- column: region text kind of memory
-- column: step id,key as the program numbers it
-- column: from_ns ns its begin, since the recording's start
-- column: to_ns ns the next step's begin; null: there is none
-- column: allocated_bytes bytes in it; aliased blocks count zero
-- column: freed_bytes bytes of blocks that ended in it
-- column: live_bytes bytes at its end; of a process's last step before the end of the process takes it back
-- column: peak_bytes bytes the most that was live at once during it
-- column: peak_ns ns the earliest moment of that
-- column: peak_bank_bytes bytes,derived the most that was taken in each bank during it
-- column: allocs count in it
-- column: frees count in it
-- column: group text with --by: what the blocks have in common
-- column: step_bytes bytes with --by: growth per step
-- column: step_bank_bytes bytes,derived with --by: the same in each bank
-- column: kept_bytes bytes with --by: allocated after the warm-up, and live when the last step began
-- column: kept_blocks count with --by: that many blocks
-- column: live_bytes bytes with --by: all of the group that was live then
-- column: share ratio with --by: of the steps after the warm-up, those that left something behind
-- column: steps count with --by: after the warm-up
-- column: steps_until_full count with --by: at least so many more until the bank is full, when this group grows on, what else the process takes does not, and other processes take what they took at most; unknown without the device's geometry
-- exit: above step_bytes
-- rows: 20 of each pid,device,region
-- fold: devices
-- empty: nothing grows, or nothing was ever live
SELECT p.pid AS pid, f.device AS device, region_word(f.region) AS region, f.step AS step, f.from_ns AS from_ns,
  f.to_ns AS to_ns, f.allocated_bytes AS allocated_bytes, f.freed_bytes AS freed_bytes, f.live_bytes AS live_bytes,
  f.peak_bytes AS peak_bytes, f.peak_ns AS peak_ns, f.peak_bank_bytes AS peak_bank_bytes, f.allocs AS allocs,
  f.frees AS frees
FROM step_figures(:device, :region, :pid, :label, NULL, NULL, :step_first, :step_last, :op) f
  LEFT JOIN process_info p ON p.id = f.process
ORDER BY f.process, f.device, f.region, f.from_ns, f.step IS NOT NULL

-- with: by
WITH growth AS (
  SELECT process, device, region, attribution(:by, origin, key, size_bytes) AS "group", step_bytes, step_bank_bytes,
    kept_bytes, kept_blocks, live_bytes, 1.0 * steps / of_steps AS share, of_steps,
    (SELECT m.bank_bytes FROM device_mark m
      WHERE m.process = g.process AND m.device = g.device AND m.region = g.region
      ORDER BY m.key DESC LIMIT 1) - top_bank_bytes - coalesce((
        SELECT sum(u.peak_bank_bytes) FROM process_usage u JOIN process_info o ON o.id = u.process
        WHERE u.device = g.device AND u.region = g.region AND u.process <> g.process
          AND coalesce(o.ended_ns, 9223372036854775807) > (
            SELECT max(at_ns) FROM step_mark WHERE process = g.process)), 0) AS free_bank_bytes
  FROM step_growth(:by, :warm_up, :device, :region, :pid, :label, NULL, NULL, NULL, NULL, :op) g)
SELECT p.pid AS pid, g.device AS device, region_word(g.region) AS region, g."group" AS "group",
  CAST(round(g.step_bytes) AS INTEGER) AS step_bytes, CAST(round(g.step_bank_bytes) AS INTEGER) AS step_bank_bytes,
  g.kept_bytes AS kept_bytes, g.kept_blocks AS kept_blocks, g.live_bytes AS live_bytes, g.share AS share,
  g.of_steps AS steps,
  iif(coalesce(:label, :op) IS NULL AND g.step_bank_bytes > 0, CAST(max(g.free_bank_bytes, 0) / g.step_bank_bytes AS INTEGER), NULL)
    AS steps_until_full
FROM growth g LEFT JOIN process_info p ON p.id = g.process
ORDER BY g.step_bytes DESC, p.pid, g.device, g.region, g."group"

-- notes:
SELECT 'no step was marked; found: a step of process ' || p.pid || ' begins where ' || human_bytes(f.size_bytes) || ' of ' ||
  region_word(f.region) || ' are allocated' ||
  coalesce(' by ' || coalesce(attribution('label', f.origin, f.key, f.size_bytes), attribution('opname', f.origin, f.key, f.size_bytes)), '') ||
  ', ' || f.steps || ' times' || iif(f.is_cut, ' at the end of the recording: steps before that are too many, and left out', '')
FROM found_steps() f LEFT JOIN process_info p ON p.id = f.process
WHERE NOT EXISTS (SELECT 1 FROM step_mark) AND (:pid IS NULL OR p.pid = :pid)

-- notes:
SELECT 'no process marked at least 4 steps after its warm-up: fewer tell of no growth'
WHERE :by IS NOT NULL AND EXISTS (SELECT 1 FROM step_mark) AND NOT EXISTS (
  SELECT 1 FROM step_mark s JOIN process_info p ON p.id = s.process WHERE :pid IS NULL OR p.pid = :pid
  GROUP BY s.process HAVING count(*) - 1 - coalesce(:warm_up, (count(*) + 8) / 10) >= 3)

-- notes:
SELECT 'steps_until_full needs ' || remark
FROM missing_geometry
WHERE has_blocks AND :by IS NOT NULL

-- refuse:
SELECT 'no step was marked, and nothing comes again often and evenly enough to be one: record with ttalloc_step(), ttalloc.step() in Python, or ttalloc-recorder --auto-step'
WHERE NOT EXISTS (SELECT 1 FROM step_mark) AND EXISTS (SELECT 1 FROM origin) AND NOT EXISTS (SELECT 1 FROM found_steps())

-- refuse:
SELECT '--by step is what the rows are without --by'
WHERE :by = 'step'

-- refuse:
SELECT 'with --by all steps of a process are looked at: --warm-up leaves out the first ones, --step none'
WHERE :by IS NOT NULL AND :step IS NOT NULL

-- refuse:
SELECT '--warm-up leaves out steps at the beginning: 0 or more'
WHERE :warm_up < 0

-- refuse:
SELECT '--warm-up is about what grows: say by what, such as --by label'
WHERE :warm_up IS NOT NULL AND :by IS NULL
