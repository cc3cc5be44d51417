-- SPDX-License-Identifier: Apache-2.0
-- summary: what the recording holds, who made it, and what it reveals
-- about: Counts of everything that was recorded, anomalies, and whether anything is missing. The texts show what the file tells to whoever gets it: host, user, commands and paths. 'room' says what takes the room in it.
-- column: processes count process images that reported; exec starts a new one
-- column: devices count chips that events name
-- column: events count without steps
-- column: allocations count allocs, kernel loads, and allocs of program memory
-- column: frees count all of them, those of nothing included
-- column: failures count requests that could not be served
-- column: lost count events that are not in the recording; begins and ends of operations and labels count among what was dropped, too
-- column: unmatched_frees count frees of nothing; those of blocks inherited over a fork are not counted
-- column: replaced count blocks that ended because another was placed over them
-- column: crosschecks count how often an allocator was asked what it has given out, by chip and region
-- column: crosscheck_differences count times that something else was recorded
-- column: duration_ns ns from the recording's start to its last commit
-- column: complete count 1: nothing is missing
-- column: incomplete text,remark the regions of which something is missing, when others are complete
-- column: ended text,remark clean, or that it has not ended or was killed
-- column: started text date and time of the recording's start, UTC
-- column: version text of the recorder
-- column: producers text who reported: api, host-malloc, preload, drop-in
-- column: job text of the cluster that it is a part of
-- column: rank count in the job
-- column: parts list recordings that it was put together from: rank, host, when each began here, and how far off that may be
-- column: host text name of the machine
-- column: user text who recorded
-- column: command text,remark that was wrapped
-- column: directory text where the recorder was started
-- column: removed text,remark before the file was shared; nothing of it is in it
-- column: chips list their names, and what each process calls them where that is another number than the recording's
-- column: notes list what the programs' producers say of their own recording, and how often
-- column: modules list programs and libraries that call stacks lie in
-- column: sources list files that their functions come from
-- column: executables list of the processes
-- column: commands list of the processes
-- show: list
-- empty: an empty recording
SELECT
  (SELECT count(*) FROM process_info) AS processes,
  (SELECT count(DISTINCT device) FROM (SELECT device FROM origin UNION SELECT device FROM device_mark)
    WHERE device <> {unsaid.ANY}) AS devices,
  (SELECT coalesce(sum(events), 0) FROM process_info) AS events,
  (SELECT coalesce(sum(allocs), 0) FROM process_usage) AS allocations,
  (SELECT coalesce(sum(frees), 0) FROM process_usage WHERE region <> {region.CB}) +
    (SELECT count(*) FROM other_event WHERE kind IN ({kind.FREE}, {kind.CB_FREE}, {kind.KERNEL_UNLOAD})) AS frees,
  (SELECT coalesce(sum(failures), 0) FROM process_info) AS failures,
  (SELECT coalesce(sum(lost), 0) FROM process_info) AS lost,
  (SELECT coalesce(sum(unmatched_frees), 0) FROM process_info) AS unmatched_frees,
  (SELECT coalesce(sum(replaced), 0) FROM process_info) AS replaced,
  (SELECT coalesce(sum(checks), 0) FROM crosscheck_row) AS crosschecks,
  (SELECT coalesce(sum(differences), 0) FROM crosscheck_row) AS crosscheck_differences,
  r.end_ns AS duration_ns,
  NOT EXISTS (SELECT 1 FROM region WHERE NOT complete) AS complete,
  (SELECT group_concat(region, ', ') FROM region WHERE NOT complete AND (SELECT sum(complete) FROM region) > 0) AS incomplete,
  coalesce(r.ended, 'in progress, or killed') AS ended,
  strftime('%Y-%m-%d %H:%M:%S', r.start_realtime_ns / 1000000000, 'unixepoch') || ' UTC' AS started,
  r.version AS version,
  (SELECT group_concat(producer, ', ') FROM (SELECT DISTINCT producer FROM process_info)) AS producers,
  (SELECT job FROM recording_job) AS job,
  (SELECT rank FROM recording_job) AS rank,
  (SELECT group_concat(replace(what, char(10), '\n'), char(10)) FROM (
    SELECT iif(rank IS NULL, '', 'rank ' || rank || ' ') || 'on ' || host || ', ' ||
      (SELECT count(*) FROM process_part s WHERE s.part = a.id) || ' processes, from ' || printf('%.6f s', offset_ns / 1e9) || ', ' ||
      CASE WHEN error_ns = 0 AND clock = 'monotonic' THEN 'exactly'
        WHEN error_ns IS NULL THEN 'by wall clocks: how far off is not known'
        ELSE 'at most ' || printf('%.6f s', error_ns / 1e9) || ' off, by ' || shared_steps || ' shared steps' END
      || iif(ended IS NULL, ', no clean end', '') AS what
    FROM part a ORDER BY id)) AS parts,
  r.host AS host,
  r.user AS user,
  r.command AS command,
  r.directory AS directory,
  (SELECT removed FROM share_info) AS removed,
  (SELECT group_concat(what, char(10)) FROM (SELECT 'device ' || i.device || ': ' || coalesce('chip ' || i.chip, 'not known')
      || coalesce(', ' || replace(group_concat(DISTINCT iif(i.number <> i.device, 'device ' || i.number || ' of process ' || p.pid, NULL)), ',', ', '), '') AS what
    FROM device_identity i LEFT JOIN process_info p ON p.id = i.process
    WHERE i.chip IS NOT NULL OR i.number <> i.device GROUP BY i.device, i.chip ORDER BY i.device)) AS chips,
  (SELECT group_concat(replace(what, char(10), '\n'), char(10)) FROM (SELECT iif(sum(count) > 0, sum(count) || ' ', '') || note AS what FROM process_note GROUP BY note ORDER BY note LIMIT 64))
    || (SELECT iif(count(DISTINCT note) > 64, char(10) || 'and ' || (count(DISTINCT note) - 64) || ' more', '') FROM process_note) AS notes,
  (SELECT group_concat(replace(path, char(10), '\n'), char(10)) FROM (SELECT DISTINCT path FROM module_info ORDER BY path LIMIT 64))
    || (SELECT iif(count(DISTINCT path) > 64, char(10) || 'and ' || (count(DISTINCT path) - 64) || ' more', '') FROM module_info) AS modules,
  (SELECT group_concat(replace(file, char(10), '\n'), char(10)) FROM (SELECT DISTINCT file FROM symbol_info WHERE file IS NOT NULL ORDER BY file LIMIT 64))
    || (SELECT iif(count(DISTINCT file) > 64, char(10) || 'and ' || (count(DISTINCT file) - 64) || ' more', '') FROM symbol_info) AS sources,
  (SELECT group_concat(replace(executable, char(10), '\n'), char(10)) FROM (SELECT DISTINCT executable FROM process_info LIMIT 16))
    || (SELECT iif(count(DISTINCT executable) > 16, char(10) || 'and ' || (count(DISTINCT executable) - 16) || ' more', '') FROM process_info) AS executables,
  (SELECT group_concat(replace(command, char(10), '\n'), char(10)) FROM (SELECT DISTINCT command FROM process_info LIMIT 16))
    || (SELECT iif(count(DISTINCT command) > 16, char(10) || 'and ' || (count(DISTINCT command) - 16) || ' more', '') FROM process_info) AS commands
FROM recording_info r
