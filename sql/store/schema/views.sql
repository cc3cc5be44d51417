-- SPDX-License-Identifier: Apache-2.0
--
-- The public views: what users of a recording query, from schema version 1 on. Columns may be added, never changed.
-- Times are nanoseconds since the recording's start, sizes and addresses bytes. Regions are never added to each other,
-- devices only when asked for. The recorder creates the views in the file; the analyzer brings this text as TEMP views
-- and never runs those of a file.
--
-- {region:column} stands for the word of a column's number, {region.CB} for a number: vocabulary.h has both.
--
-- What a block's dictionary row says is looked up column by column: SQLite computes only the columns that a query names,
-- while it would run joins for all of them under an aggregate.

CREATE VIEW allocation AS
-- One row per block of memory: when, where, how big, by whom, and how it ended.
SELECT
  b.alloc_key AS allocation_id,                        -- event_id of its alloc
  (SELECT p.pid FROM origin o, process_info p WHERE o.id = b.origin AND p.id = o.process)
    AS pid,                                            -- of the operating system
  (SELECT process FROM origin WHERE id = b.origin)
    AS process,                                        -- process.process_id
  (SELECT thread FROM origin WHERE id = b.origin)
    AS thread,                                         -- thread.thread_id
  (SELECT t.tid FROM origin o, thread_info t WHERE o.id = b.origin AND t.id = o.thread)
    AS tid,                                            -- of the operating system
  (SELECT device FROM origin WHERE id = b.origin)
    AS device,                                         -- chip
  (SELECT allocator FROM origin_allocator WHERE origin = b.origin)
    AS allocator,                                      -- of its process, several of which may serve a chip; NULL: not said
  (SELECT {region:region} FROM origin WHERE id = b.origin)
    AS region,
  (SELECT {class:class} FROM origin WHERE id = b.origin)
    AS class,
  b.address AS address,                                -- offset in every bank; of a kernel its id
  b.size_bytes AS size_bytes,                          -- payload; of a circular buffer on each core
  coalesce(b.bank_bytes, b.size_bytes) AS bank_bytes,  -- footprint in each bank
  b.alloc_ns AS alloc_ns,                              -- since the recording's start
  coalesce(b.free_ns, (SELECT p.ended_ns FROM origin o, process_info p WHERE o.id = b.origin AND p.id = o.process))
    AS free_ns,                                        -- when it ended, however; NULL: live
  CASE WHEN b.fate = 0 THEN 'freed'
    WHEN b.fate > 0 THEN (SELECT {end:ended} FROM origin WHERE id = b.fate)
    WHEN b.fate = -1 THEN 'device close'
    WHEN b.fate = -2 THEN (SELECT ended FROM circular_buffer WHERE key = b.alloc_key)
    ELSE coalesce((SELECT p.ended FROM origin o, process_info p WHERE o.id = b.origin AND p.id = o.process), 'live') END
    AS ended,                                          -- live, freed, replaced, process exit, exec, device close
  (SELECT l.path FROM origin o, label_info l WHERE o.id = b.origin AND l.id = o.label)
    AS label,                                          -- open ranges at the alloc: a/b/c
  (SELECT s.number FROM step_mark s WHERE s.process = (SELECT process FROM origin WHERE id = b.origin)
    AND s.key < b.alloc_key ORDER BY s.key DESC LIMIT 1)
    AS step,                                           -- of its process at the alloc
  (SELECT stack FROM origin WHERE id = b.origin)
    AS stack,                                          -- id of the call stack
  (SELECT flags & {flag.TOP_DOWN} <> 0 FROM origin WHERE id = b.origin)
    AS top_down,                                       -- 1: placed from the end of the bank
  (SELECT flags & {flag.SHARDED} <> 0 FROM origin WHERE id = b.origin)
    AS sharded,                                        -- 1: rather than interleaved
  (SELECT flags & {flag.ALIASED} <> 0 FROM origin WHERE id = b.origin)
    AS aliased,                                        -- 1: lies in another block, counts zero bytes in every figure
  (SELECT flags & {flag.LABEL_INHERITED} <> 0 FROM origin WHERE id = b.origin)
    AS label_inherited,                                -- 1: the label is that of the thread that made this one
  CASE (SELECT CASE WHEN flags & {flag.ALIASED} <> 0 THEN 2 WHEN region = {region.CB} THEN 1 ELSE 0 END FROM origin
      WHERE id = b.origin) WHEN 0 THEN b.size_bytes
    WHEN 1 THEN coalesce((SELECT counted_bytes FROM circular_count WHERE key = b.alloc_key), b.size_bytes) ELSE 0 END
    AS counted_bytes,                                  -- payload in figures: 0 if aliased; of a circular buffer what its
                                                       -- program's fullest core grew by
  (SELECT flags & {flag.TRACE_ACTIVE} <> 0 FROM origin WHERE id = b.origin)
    AS trace_active,                                   -- 1: placed while the device had a captured trace, whose replay
                                                       -- may overwrite it
  (SELECT p.shape || ' ' || p.dtype || ' ' || p.layout || coalesce(' ' || p.memory, '') || coalesce(' ' || p.shard_shape, '')
    FROM origin_tensor t, tensor_spec p WHERE t.origin = b.origin AND p.id = t.spec)
    AS tensor,                                         -- that it holds, as in tensor: 1x1x32x32 bfloat16 TILE
                                                       -- block sharded 32x32; NULL: not known
  coalesce((SELECT cores FROM circular_buffer WHERE key = b.alloc_key),
    (SELECT c.core_ranges FROM device_cores c CROSS JOIN device_identity i CROSS JOIN origin o
      CROSS JOIN origin_allocator a WHERE i.key = c.key AND o.id = b.origin AND a.origin = o.id AND i.process = o.process
      AND i.device = o.device AND i.allocator = a.allocator ORDER BY c.key DESC LIMIT 1))
    AS cores,                                          -- that it lies on alone: JSON [[x0,y0,x1,y1],...]; NULL: in all
                                                       -- banks, or not known on which (circular buffers)
  b.end_key AS end_event_id                            -- event_id of what ended it: its free, the alloc of what replaced
                                                       -- it, the device's close; NULL: live, or ended with its process
FROM ( -- fate: how it ended: 0 freed, above 0 the origin of the end, -1 device close, -2 look it up, NULL not by itself
  SELECT key - life AS alloc_key, free_ns - held_ns AS alloc_ns, free_ns, address, size_bytes, bank_bytes, origin,
    coalesce(free_origin, 0) AS fate, key AS end_key FROM freed
  UNION ALL
  SELECT key, alloc_ns, end_ns, address, size_bytes, bank_bytes, origin, CASE WHEN end_key IS NOT NULL THEN -1 END,
    end_key FROM held
  UNION ALL
  SELECT key, alloc_ns, end_ns, address, size_bytes, NULL, origin, CASE WHEN ended IS NOT NULL THEN -2 END,
    end_key FROM circular_buffer) b;

CREATE VIEW event AS
-- One row per event, in the order of the recording: time, process, number.
SELECT
  b.key AS event_id,                                   -- number in the recording; rises within a process
  b.at_ns AS at_ns,                                    -- since the recording's start
  CASE WHEN o.region = {region.KERNEL} AND b.kind = {kind.ALLOC} THEN 'kernel_load'
    WHEN o.region = {region.KERNEL} AND b.kind = {kind.FREE} THEN 'kernel_unload' ELSE {kind:b.kind} END AS kind,
  p.pid AS pid,                                        -- of the operating system
  o.process AS process,                                -- process.process_id
  o.thread AS thread,                                  -- thread.thread_id
  t.tid AS tid,                                        -- of the operating system
  nullif(o.device, {unsaid.ANY}) AS device,                   -- chip; NULL: a free that did not say
  CASE WHEN b.kind IN ({kind.DEVICE_OPEN}, {kind.DEVICE_CLOSE}) OR o.region = {unsaid.ANY} THEN NULL ELSE {region:o.region} END
    AS region,                                         -- NULL: a free that did not say, or device_open and _close
  b.address AS address,                                -- offset in every bank; of a kernel its id
  b.size_bytes AS size_bytes,                          -- payload; of a free what it freed, NULL when that was nothing
  coalesce(b.bank_bytes, b.size_bytes) AS bank_bytes,  -- footprint in each bank
  b.program AS program,                                -- of circular buffers and program_run
  l.path AS label,                                     -- open ranges of the thread: a/b/c
  (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < b.key
    ORDER BY s.key DESC LIMIT 1) AS step,              -- of its process
  o.stack AS stack,                                    -- id of the call stack
  b.why AS why,                                        -- of a failure: the allocator's own words
  o.flags & {flag.LABEL_INHERITED} <> 0 AS label_inherited -- 1: the label is that of the thread that made this one
FROM (
  SELECT key - life AS key, free_ns - held_ns AS at_ns, {kind.ALLOC} AS kind, origin, address, size_bytes, bank_bytes,
    NULL AS program, NULL AS why FROM freed
  UNION ALL
  SELECT f.key, f.free_ns, {kind.FREE}, coalesce(f.free_origin, f.origin), f.address, f.size_bytes, f.bank_bytes, NULL, NULL
    FROM freed f LEFT JOIN origin e ON e.id = f.free_origin WHERE coalesce(e.ended, 0) <> {end.REPLACED}
  UNION ALL
  SELECT key, alloc_ns, {kind.ALLOC}, origin, address, size_bytes, bank_bytes, NULL, NULL FROM held
  UNION ALL
  SELECT key, alloc_ns, {kind.CB_ALLOC}, origin, address, size_bytes, NULL, program, NULL FROM circular_buffer
  UNION ALL
  SELECT key, at_ns, {kind.PROGRAM_RUN}, origin, NULL, NULL, NULL, program, NULL FROM program_run
  UNION ALL
  SELECT key, at_ns, {kind.ALLOC_FAILED}, origin, NULL, size_bytes, bank_bytes, NULL, why FROM failure_info
  UNION ALL
  SELECT key, at_ns, kind, origin, CASE WHEN kind IN ({kind.FREE}, {kind.KERNEL_UNLOAD}) THEN a END, NULL, NULL,
    CASE WHEN kind = {kind.CB_FREE} THEN a END, NULL
    FROM other_event) b
LEFT JOIN origin o ON o.id = b.origin
LEFT JOIN process_info p ON p.id = o.process
LEFT JOIN thread_info t ON t.id = o.thread
LEFT JOIN label_info l ON l.id = o.label
ORDER BY b.at_ns, o.process, b.key;

CREATE VIEW range_row AS
-- One row per range of time that a thread spent in an operation or under a label: what operation and label_span are made of.
SELECT
  key AS key,                                          -- of its begin, in the order of events, as event_id
  process AS process,                                  -- process.process_id
  number AS number,                                    -- operations of a process count from 1; NULL: a label
  begin_ns AS begin_ns,                                -- since the recording's start
  begin_ns + held_ns AS end_ns,                        -- NULL: it has not ended
  key + life AS end_key,                               -- likewise
  what AS what                                         -- id of what is said of it
FROM ( -- json_each counts the ranges of a page. Of the digits in a BLOB each has as many, behind a 0 where all are an odd number
  SELECT process, number,
    page_key + CAST(substr(hex(offsets), o0 + i * ow, ow) AS INTEGER) AS key,
    CAST(substr(hex(lives), l0 + i * lw, lw) AS INTEGER) AS life,
    from_ns + CAST(substr(hex(begins), b0 + i * bw, bw) AS INTEGER) AS begin_ns,
    CAST(substr(hex(helds), h0 + i * hw, hw) AS INTEGER) AS held_ns,
    CAST(substr(hex(whats), w0 + i * ww, ww) AS INTEGER) AS what
  FROM (
    SELECT process, first_number + n.key AS number, n.key AS i, p.key AS page_key, from_ns, offsets, lives, begins, helds, whats,
      length(offsets) * 2 / count AS ow, length(offsets) * 2 % count + 1 AS o0,
      length(lives) * 2 / count AS lw, length(lives) * 2 % count + 1 AS l0,
      length(begins) * 2 / count AS bw, length(begins) * 2 % count + 1 AS b0,
      length(helds) * 2 / count AS hw, length(helds) * 2 % count + 1 AS h0,
      length(whats) * 2 / count AS ww, length(whats) * 2 % count + 1 AS w0
    FROM range_page p, json_each('[0' || replace(hex(zeroblob(min(max(count, 1), 256) - 1)), '00', ',0') || ']') n)
  UNION ALL
  SELECT process, number, key, NULL, at_ns, NULL, what FROM range_open);

CREATE VIEW operation AS
-- One row per operation that a process began (of ttnn, such as a matmul), those included that lie in others.
SELECT
  r.key AS operation_id,                               -- place in the order of events, as event_id
  p.pid AS pid,                                        -- of the operating system
  r.process AS process,                                -- process.process_id
  r.number AS number,                                  -- 1, 2, 3, ... as they began in their process
  w.thread AS thread,                                  -- thread.thread_id
  t.tid AS tid,                                        -- of the operating system
  (SELECT text FROM operation_text WHERE id = w.name)
    AS name,
  r.number - w.around AS around,                       -- number of the operation that it lies in; NULL: none
  r.begin_ns AS begin_ns,                              -- since the recording's start
  r.end_ns AS end_ns,                                  -- NULL: it has not ended
  r.end_ns - r.begin_ns AS duration_ns,                -- on the host, which may not wait for the device
  CASE WHEN r.end_ns IS NULL THEN coalesce(p.ended, 'running') WHEN w.ended THEN 'exception' ELSE 'returned' END
    AS ended,                                          -- returned, exception, running, process exit, exec
  l.path AS label,                                     -- open ranges at its begin: a/b/c
  (SELECT s.number FROM step_mark s WHERE s.process = r.process AND s.key < r.key
    ORDER BY s.key DESC LIMIT 1) AS step,              -- of its process at its begin
  w.stack AS stack,                                    -- id of the call stack
  (SELECT text FROM operation_text WHERE id = w.arguments)
    AS arguments                                       -- NULL: not recorded, or none
FROM range_row r
LEFT JOIN range_what w ON w.id = r.what
LEFT JOIN process_info p ON p.id = r.process
LEFT JOIN thread_info t ON t.id = w.thread
LEFT JOIN label_info l ON l.id = w.label
WHERE r.number IS NOT NULL;

CREATE VIEW operation_tensor AS
-- One row per tensor that an operation took or made. One block may hold several: a reshape is another view of it.
SELECT
  r.key AS operation_id,                               -- operation.operation_id
  json_extract(x.value, '$[0]') AS output,             -- 1: it made it, or wrote it in place; 0: it took it
  json_extract(x.value, '$[1]') AS position,           -- among its inputs, or its outputs: 0, 1, 2, ...
  json_extract(x.value, '$[3]') * r.key + json_extract(x.value, '$[4]')
    AS allocation_id,                                  -- allocation.allocation_id of the block that holds it
  s.shape AS shape,                                    -- 1x1x32x32
  s.dtype AS dtype,                                    -- such as bfloat16
  s.layout AS layout,                                  -- TILE, ROW_MAJOR
  s.memory AS memory,                                  -- interleaved, block sharded, ...; the region is the block's
  s.shard_shape AS shard_shape,                        -- NULL: not sharded
  s.shard_grid AS shard_grid,                          -- JSON [[x0,y0,x1,y1],...]
  s.orientation AS orientation                         -- of the shards: ROW_MAJOR, COL_MAJOR
FROM range_row r
JOIN range_what w ON w.id = r.what
JOIN tensor_list i ON i.id = w.tensors, json_each(iif(json_valid(i.list), i.list, '[]')) x
LEFT JOIN tensor_spec s ON s.id = json_extract(x.value, '$[2]');

CREATE VIEW tensor AS
-- One row per block that is known to hold a tensor, as that was first described.
SELECT
  b.key AS allocation_id,                              -- allocation.allocation_id
  p.pid AS pid,                                        -- of the operating system
  o.process AS process,                                -- process.process_id
  o.device AS device,                                  -- chip
  {region:o.region} AS region,
  b.address AS address,                                -- offset in every bank
  b.size_bytes AS size_bytes,                          -- payload
  b.alloc_ns AS alloc_ns,                              -- since the recording's start
  coalesce(b.free_ns, p.ended_ns) AS free_ns,          -- when it ended, however; NULL: live
  s.shape AS shape,                                    -- 1x1x32x32
  s.dtype AS dtype,                                    -- such as bfloat16
  s.layout AS layout,                                  -- TILE, ROW_MAJOR
  s.memory AS memory,                                  -- interleaved, block sharded, ...
  s.shard_shape AS shard_shape,                        -- NULL: not sharded
  s.shard_grid AS shard_grid,                          -- JSON [[x0,y0,x1,y1],...]
  s.orientation AS orientation,                        -- of the shards: ROW_MAJOR, COL_MAJOR
  u.made_by AS made_by,                                -- operation_id of the first that returned it; NULL: none did
  coalesce(u.uses, 0) AS uses,                         -- by how many operations it was taken
  u.last_used_by AS last_used_by                       -- operation_id of the last that took it; NULL: none did
FROM (
  SELECT key - life AS key, free_ns - held_ns AS alloc_ns, free_ns, address, size_bytes, origin FROM freed
  UNION ALL
  SELECT key, alloc_ns, end_ns, address, size_bytes, origin FROM held) b
JOIN origin_tensor x ON x.origin = b.origin
JOIN tensor_spec s ON s.id = x.spec
LEFT JOIN origin o ON o.id = b.origin
LEFT JOIN process_info p ON p.id = o.process
LEFT JOIN (
  SELECT allocation_id, min(operation_id) FILTER (WHERE output AND operation_id < allocation_id) AS made_by,
    count(*) FILTER (WHERE NOT output) AS uses, max(operation_id) FILTER (WHERE NOT output) AS last_used_by
  FROM operation_tensor GROUP BY allocation_id) u ON u.allocation_id = b.key;

CREATE VIEW label_span AS
-- One row per time that a thread had a label open.
SELECT
  r.key AS label_span_id,                              -- place in the order of events, as event_id
  p.pid AS pid,                                        -- of the operating system
  r.process AS process,                                -- process.process_id
  w.thread AS thread,                                  -- thread.thread_id
  t.tid AS tid,                                        -- of the operating system
  l.path AS label,                                     -- with those around it: a/b/c
  r.begin_ns AS begin_ns,                              -- since the recording's start
  r.end_ns AS end_ns,                                  -- NULL: it has not ended
  r.end_ns - r.begin_ns AS duration_ns
FROM range_row r
LEFT JOIN range_what w ON w.id = r.what
LEFT JOIN process_info p ON p.id = r.process
LEFT JOIN thread_info t ON t.id = w.thread
LEFT JOIN label_info l ON l.id = w.label
WHERE r.number IS NULL;

CREATE VIEW process AS
-- One row per process image that reported: exec starts a new one.
SELECT
  id AS process_id,                                    -- in order of introduction
  pid AS pid,                                          -- of the operating system
  parent AS parent,                                    -- process_id of the recorded process that forked it
  producer AS producer,                                -- who reported: api, host-malloc, preload, drop-in, poc, or several
  executable AS executable,
  command AS command,
  joined_ns AS joined_ns,                              -- since the recording's start
  ended_ns AS ended_ns,                                -- NULL: alive
  ended AS ended,                                      -- NULL: alive; process exit, exec
  events AS events,                                    -- without steps
  failures AS failures,                                -- requests that could not be served
  lost AS lost,                                        -- events that are not in the recording; begins and ends of operations and labels
                                                       -- count among what was dropped, too
  unmatched_frees AS unmatched_frees,                  -- frees of nothing
  inherited_frees AS inherited_frees,                  -- frees of what its parent had when it forked
  replaced AS replaced,                                -- blocks that another was placed over
  (SELECT coalesce(a.host, r.host) FROM recording_info r LEFT JOIN part a
    ON a.id = (SELECT part FROM process_part WHERE process = p.id))
    AS host,                                           -- name of the machine
  (SELECT coalesce(a.job, j.job) FROM recording_info r LEFT JOIN recording_job j ON true LEFT JOIN part a
    ON a.id = (SELECT part FROM process_part WHERE process = p.id))
    AS job,                                            -- of a cluster; NULL: none
  (SELECT coalesce(a.rank, j.rank) FROM recording_info r LEFT JOIN recording_job j ON true LEFT JOIN part a
    ON a.id = (SELECT part FROM process_part WHERE process = p.id))
    AS rank,                                           -- in the job; NULL: not said
  (SELECT uid FROM process_user WHERE process = p.id)
    AS uid,                                            -- of its user, as the recorder sees it; NULL: not known
  (SELECT name FROM process_user WHERE process = p.id)
    AS user                                            -- as the recorder's machine has it in /etc/passwd; NULL: not known
FROM process_info p;

CREATE VIEW recording_part AS
-- One row per recording that this one was put together from; none: it was recorded as it is.
SELECT
  id AS part_id,
  uuid AS uuid,
  version AS version,                                  -- of the recorder
  boot_id AS boot_id,                                  -- which boot its monotonic clock counted from
  host AS host,
  user AS user,
  command AS command,                                  -- that was wrapped
  directory AS directory,                              -- where the recorder was started
  job AS job,                                          -- of a cluster; NULL: none
  rank AS rank,                                        -- in the job; NULL: not said
  start_realtime_ns AS start_realtime_ns,              -- since 1970, by its host's clock
  start_monotonic_ns AS start_monotonic_ns,            -- of its host's monotonic clock
  offset_ns AS offset_ns,                              -- its start, since this recording's start
  clock AS clock,                                      -- what told that: monotonic, steps, wall
  error_ns AS error_ns,                                -- how far off its times may be; NULL: not known
  shared_steps AS shared_steps,                        -- moments that told the error
  end_ns AS end_ns,                                    -- of its last commit, since this recording's start
  ended AS ended                                       -- NULL: it was in progress, or its recorder was killed; clean
FROM part;

CREATE VIEW thread AS
-- One row per thread that reported.
SELECT
  t.id AS thread_id,
  t.process AS process,                                -- process.process_id
  p.pid AS pid,                                        -- of the operating system
  t.tid AS tid,                                        -- of the operating system
  t.name AS name,
  t.serial AS serial                                   -- 1, 2, 3, ... in the order in which a process's threads reported
FROM thread_info t LEFT JOIN process_info p ON p.id = t.process;

CREATE VIEW device AS
-- One row per opening of a device, and region: its geometry. Zero or NULL: not known.
SELECT
  m.device AS device,                                  -- chip
  {region:m.region} AS region,
  p.pid AS pid,                                        -- who opened it
  m.process AS process,                                -- process.process_id
  m.at_ns AS at_ns,                                    -- since the recording's start
  m.arch AS arch,
  m.banks AS banks,
  m.bank_bytes AS bank_bytes,                          -- allocatable, of each bank
  m.base_address AS base_address,                      -- lowest allocatable address
  m.alignment_bytes AS alignment_bytes,
  m.top_down AS top_down,                              -- 1: banks fill from their end
  d.allocator AS allocator,                            -- of its process: whose geometry it is; NULL: not said
  d.allocator_name AS allocator_name,                  -- what that is
  d.chip AS chip,                                      -- what names the chip wherever it is used; NULL: not said
  coalesce(d.number, m.device) AS own_number           -- what the process itself calls it
FROM device_mark m LEFT JOIN process_info p ON p.id = m.process LEFT JOIN device_identity d ON d.key = m.key;

CREATE VIEW missing_geometry AS
-- One row per device and region of banks that blocks lie in and whose geometry nobody told: figures over it are NULL.
SELECT
  device AS device,                                    -- chip
  {region:region} AS region,
  has_blocks AS has_blocks,                            -- 0: L1, in which only circular buffers are known
  'the geometry of device ' || device || ' ' || {region:region} || ', which was not recorded (ttalloc_device_open)'
    AS remark                                          -- for "needs ..."
FROM (
  SELECT device, iif(region = {region.CB}, {region.L1}, region) AS region, max(region <> {region.CB}) AS has_blocks
  FROM origin WHERE device <> {unsaid.ANY} AND region NOT IN ({region.KERNEL}, {region.HOST}, {unsaid.ANY}) GROUP BY 1, 2) o
WHERE NOT EXISTS (SELECT 1 FROM device_mark m WHERE m.device = o.device AND m.region = o.region AND m.bank_bytes > 0);

CREATE VIEW label AS
-- One row per label path that events carry, and the paths above it.
SELECT
  id AS label_id,
  parent AS parent,                                    -- label_id of the range around it
  name AS name,                                        -- of the innermost range
  path AS path                                         -- a/b/c
FROM label_info;

CREATE VIEW step AS
-- One row per step that a process began.
SELECT
  m.key AS event_id,                                   -- place in the order of the process
  p.pid AS pid,                                        -- of the operating system
  m.process AS process,                                -- process.process_id
  m.number AS number,                                  -- as the program numbers it
  m.at_ns AS at_ns                                     -- since the recording's start
FROM step_mark m LEFT JOIN process_info p ON p.id = m.process;

CREATE VIEW snapshot AS
-- One row per moment that a program named: @NAME where a time is asked for, @NAME#2 for the second one of that name.
SELECT
  m.key AS event_id,                                   -- place in the order of the process
  p.pid AS pid,                                        -- of the operating system
  m.process AS process,                                -- process.process_id
  m.name AS name,                                      -- need not be the only one of that name
  m.at_ns AS at_ns                                     -- since the recording's start
FROM snapshot_mark m LEFT JOIN process_info p ON p.id = m.process;

CREATE VIEW kernel AS
-- One row per kernel that was loaded. Shown beside DRAM and L1, never added to them.
SELECT
  k.key AS allocation_id,
  p.pid AS pid,                                        -- of the operating system
  o.process AS process,                                -- process.process_id
  o.device AS device,                                  -- chip
  b.address AS kernel,                                 -- id while it is loaded
  k.name AS name,
  k.kind AS kind,                                      -- such as application, fabric, dispatch
  k.core_type AS core_type,                            -- such as worker, ethernet
  b.size_bytes AS size_bytes,                          -- of its binaries
  b.alloc_ns AS load_ns,                               -- since the recording's start
  coalesce(b.free_ns, p.ended_ns) AS unload_ns         -- NULL: still loaded
FROM (
  SELECT key - life AS alloc_key, free_ns - held_ns AS alloc_ns, free_ns, address, size_bytes, origin FROM freed
  UNION ALL
  SELECT key, alloc_ns, end_ns, address, size_bytes, origin FROM held) b
JOIN kernel_info k ON k.key = b.alloc_key
LEFT JOIN origin o ON o.id = b.origin
LEFT JOIN process_info p ON p.id = o.process;

CREATE VIEW failure AS
-- One row per request that could not be served.
SELECT
  f.key AS event_id,
  p.pid AS pid,                                        -- of the operating system
  o.process AS process,                                -- process.process_id
  o.thread AS thread,                                  -- thread.thread_id
  t.tid AS tid,                                        -- of the operating system
  o.device AS device,                                  -- chip
  {region:o.region} AS region,
  f.at_ns AS at_ns,                                    -- since the recording's start
  f.size_bytes AS size_bytes,                          -- payload that was asked for
  coalesce(f.bank_bytes, f.size_bytes) AS bank_bytes,  -- what it would take in each bank
  l.path AS label,                                     -- open ranges of the thread: a/b/c
  (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < f.key
    ORDER BY s.key DESC LIMIT 1) AS step,              -- of its process
  o.stack AS stack,                                    -- id of the call stack
  f.why AS why,                                        -- the allocator's own words
  o.flags & {flag.LABEL_INHERITED} <> 0 AS label_inherited, -- 1: the label is that of the thread that made this one
  o.flags & {flag.SAME_REQUEST} <> 0 AS same_request   -- 1: the request before it, on another chip of the same mesh
FROM failure_info f
LEFT JOIN origin o ON o.id = f.origin
LEFT JOIN process_info p ON p.id = o.process
LEFT JOIN thread_info t ON t.id = o.thread
LEFT JOIN label_info l ON l.id = o.label;

CREATE VIEW loss AS
-- One row per gap: events that were not recorded, or ('no room for ...') lack what found none. None: the recording is
-- complete.
SELECT
  p.pid AS pid,                                        -- of the operating system
  r.process AS process,                                -- process.process_id
  t.tid AS tid,                                        -- NULL: not one thread's
  r.from_ns AS from_ns,                                -- since the recording's start
  r.to_ns AS to_ns,
  r.count AS count,                                    -- of events; NULL: not known
  r.why AS why
FROM loss_row r LEFT JOIN process_info p ON p.id = r.process LEFT JOIN thread_info t ON t.id = r.thread;

CREATE VIEW note AS
-- One row per thing that a process's producer says of its own recording.
SELECT
  p.pid AS pid,                                        -- of the operating system
  n.process AS process,                                -- process.process_id
  n.note AS note,
  n.count AS count                                     -- of events that are not recorded for that reason; 0: the note
FROM process_note n LEFT JOIN process_info p ON p.id = n.process; -- says what the producer cannot see

CREATE VIEW crosscheck AS
-- One row per allocator, chip and region of which the allocator itself was asked what it has given out.
SELECT
  p.pid AS pid,                                        -- of the operating system
  c.process AS process,                                -- process.process_id
  c.device AS device,                                  -- chip
  c.allocator AS allocator,                            -- as allocation has it
  {region:c.region} AS region,
  c.checks AS checks,                                  -- how often it was asked
  c.last_ns AS last_ns,                                -- the last time, since the recording's start
  c.differences AS differences,                        -- how often what is recorded was something else
  c.at_ns AS at_ns,                                    -- the first time that it was; NULL: never
  c.said_bank_bytes AS said_bank_bytes,                -- what it said then, in each bank
  c.recorded_bank_bytes AS recorded_bank_bytes,
  c.said_blocks AS said_blocks,                        -- NULL: it does not count them
  c.recorded_blocks AS recorded_blocks
FROM crosscheck_row c LEFT JOIN process_info p ON p.id = c.process;

CREATE VIEW region AS
-- One row per kind of memory: whether all that happened in it is recorded. A note that begins with regions and a colon,
-- such as "CB: ...", and a crosscheck, are about these alone; all else that is missing may be of any.
WITH number(n) AS (VALUES ({region.DRAM}), ({region.L1}), ({region.SYSTEM_MEMORY}), ({region.L1_SMALL}), ({region.TRACE}),
  ({region.CB}), ({region.KERNEL}), ({region.HOST})),
kind(number, word) AS MATERIALIZED (SELECT n, {region:n} FROM number),
gap(number) AS MATERIALIZED (
  SELECT NULL FROM loss_row UNION SELECT NULL FROM process_info WHERE lost > 0
  UNION SELECT NULL FROM recording_info WHERE ended IS NULL
  UNION SELECT region FROM crosscheck_row WHERE differences > 0
  UNION SELECT k.number FROM process_note n LEFT JOIN kind k
    ON instr(', ' || substr(n.note, 1, instr(n.note, ': ') - 1) || ',', ', ' || k.word || ',') > 0 WHERE n.count = 0)
SELECT
  word AS region,
  NOT EXISTS (SELECT 1 FROM gap g WHERE g.number IS NULL OR g.number = k.number)
    AS complete                                        -- 1: nothing of it is missing
FROM kind k;

CREATE VIEW recording AS
-- One row: the recording itself.
SELECT
  uuid AS uuid,
  version AS version,                                  -- of the recorder
  start_realtime_ns AS start_realtime_ns,              -- since 1970
  start_monotonic_ns AS start_monotonic_ns,            -- of the host's monotonic clock at time 0
  boot_id AS boot_id,                                  -- which boot that clock counts from
  host AS host,
  user AS user,
  command AS command,                                  -- that was wrapped
  directory AS directory,                              -- where the recorder was started
  end_ns AS end_ns,                                    -- of the last commit, since the recording's start
  ended AS ended,                                      -- NULL: being recorded, or the recorder was killed; clean;
                                                       -- rotated; duration, max-size: before its programs
  (SELECT job FROM recording_job) AS job,              -- of a cluster; NULL: none
  (SELECT rank FROM recording_job) AS rank,            -- in the job; NULL: not said
  (SELECT ranks FROM job_size) AS ranks,               -- that the job has; NULL: not said
  coalesce((SELECT number FROM recording_file), 0)
    AS file,                                           -- which of the recording's files this one is: 0, 1, ...
  coalesce((SELECT begin_ns FROM recording_file), 0)
    AS begin_ns,                                       -- what is in it began before then only where it was still live
  (SELECT devices FROM recording_file) AS devices,     -- JSON [0, 2]: only these were recorded; NULL: all
  (SELECT removed FROM share_info) AS removed,         -- before it was shared, with commas between; NULL: nothing
  (SELECT from_ns FROM share_info) AS cut_from_ns,     -- the file is about the time from then
  (SELECT to_ns FROM share_info) AS cut_to_ns          -- to then; NULL: about all of it
FROM recording_info;

CREATE VIEW usage AS
-- A time line of all processes together: one row per device, region and span of time. Between two spans nothing changed. A file that
-- was cut has those that lie wholly in the time that it is about.
SELECT
  s.device AS device,                                  -- chip
  {region:s.region} AS region,
  s.from_ns AS from_ns,                                -- of its first change, since the recording's start
  s.to_ns AS to_ns,                                    -- of its last one
  s.min_bytes AS min_bytes,                            -- of the payload that was live after each change
  s.max_bytes AS max_bytes,
  s.end_bytes AS end_bytes,                            -- up to the next span
  s.max_ns AS max_ns,                                  -- the earliest moment of max_bytes
  s.max_bank_bytes AS max_bank_bytes,                  -- in each bank
  s.end_bank_bytes AS end_bank_bytes,
  s.end_blocks AS end_blocks,                          -- live
  s.allocs AS allocs,
  s.frees AS frees
FROM span s LEFT JOIN region_usage u ON u.device = s.device AND u.region = s.region
WHERE u.dirty_ns IS NULL OR s.to_ns < u.dirty_ns OR (SELECT to_ns FROM share_info) IS NOT NULL;

CREATE VIEW module AS
-- One row per program or library that frames of call stacks lie in.
SELECT
  m.id AS module_id,
  m.path AS path,
  m.build_id AS build_id,                              -- hexadecimal; empty: it has none
  coalesce(f.frames, 0) AS frames,                     -- places in it that stacks name
  m.symbols AS symbols                                 -- NULL: not looked for yet; found, or why there are none
FROM module_info m
LEFT JOIN (SELECT module, count(*) AS frames FROM frame_info GROUP BY module) f ON f.module = m.id;

CREATE VIEW stack AS
-- One row per function of a call stack, those included that the compiler put into others.
SELECT
  s.id AS stack_id,                                    -- as allocation.stack has it
  row_number() OVER (PARTITION BY s.id ORDER BY s.i, y.depth) - 1
    AS depth,                                          -- 0: the innermost
  m.path AS module,                                    -- NULL: in none that is known, or code of an interpreter
  m.build_id AS build_id,
  f.address AS address,                                -- it returns to, in the module's ELF file, or else in the process
  y.function AS function,                              -- NULL: not known
  y.file AS file,                                      -- of the source; NULL: not known
  y.line AS line,
  EXISTS (SELECT 1 FROM symbol_info o WHERE o.frame = f.id AND o.depth > y.depth)
    AS inlined,                                        -- 1: the compiler put it into the next one
  y.language AS language                               -- python; NULL: native
FROM ( -- json_each counts the frames
  SELECT id, i,
    (instr('123456789ABCDEF', substr(h, 7, 1)) << 28) | (instr('123456789ABCDEF', substr(h, 8, 1)) << 24) |
    (instr('123456789ABCDEF', substr(h, 5, 1)) << 20) | (instr('123456789ABCDEF', substr(h, 6, 1)) << 16) |
    (instr('123456789ABCDEF', substr(h, 3, 1)) << 12) | (instr('123456789ABCDEF', substr(h, 4, 1)) << 8) |
    (instr('123456789ABCDEF', substr(h, 1, 1)) << 4) | instr('123456789ABCDEF', substr(h, 2, 1)) AS frame
  FROM (
    SELECT k.id AS id, n.key AS i, hex(substr(k.frames, 4 * n.key + 1, 4)) AS h
    FROM stack_info k, json_each('[0' || replace(hex(zeroblob(min(length(k.frames) / 4, 1024) - 1)), '00', ',0') || ']') n
    WHERE length(k.frames) >= 4)) s
LEFT JOIN frame_info f ON f.id = s.frame
LEFT JOIN module_info m ON m.id = f.module
LEFT JOIN symbol_info y ON y.frame = f.id;
