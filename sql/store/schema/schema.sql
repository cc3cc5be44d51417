-- SPDX-License-Identifier: Apache-2.0
--
-- The tables of a recording, as of schema version 1; schema_2.sql to schema_5.sql have what later versions add. They
-- and views.sql are the file format; it is described nowhere else.
-- Users read the views (views.sql), which are stable; the tables beneath may change with the schema version.
--
-- Keys. Every event and mark gets a recording-wide number, its key, when it is committed: one process's keys rise in its
-- own order, which is also its time order; processes interleave by batch. The order of a recording is (time, process,
-- key). Some keys belong to no event: the recorder takes one where it ends a block on its own (`replaced`).
-- Times are nanoseconds since recording.start_monotonic_ns; sizes and addresses are bytes.

PRAGMA application_id = 0x7474616c; -- "ttal"
PRAGMA user_version = 1;

CREATE TABLE recording_info(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  uuid TEXT NOT NULL,                 -- hexadecimal; names the recording to its hooks
  version TEXT NOT NULL,              -- of the recorder
  start_realtime_ns INTEGER NOT NULL, -- since 1970
  start_monotonic_ns INTEGER NOT NULL,-- CLOCK_MONOTONIC at time 0
  boot_id TEXT NOT NULL,
  host TEXT NOT NULL,
  user TEXT NOT NULL,
  command TEXT,                       -- of wrap mode
  directory TEXT NOT NULL,            -- where the recorder was started
  socket TEXT NOT NULL,               -- on which hooks report; --append binds it again
  end_ns INTEGER NOT NULL,            -- time of the last commit
  ended TEXT                          -- NULL: being recorded, or the recorder was killed; 'clean'; 'rotated': another file
                                      -- goes on; 'duration', 'max-size': the recorder ended before its programs
);

-- Pairs of clocks by which ticks were converted, so that a resumed recording goes on with the same map.
CREATE TABLE clock_anchor(ticks INTEGER PRIMARY KEY, at_monotonic_ns INTEGER NOT NULL);

CREATE TABLE process_info(
  id INTEGER PRIMARY KEY,
  pid INTEGER NOT NULL,
  start_time INTEGER NOT NULL,        -- field 22 of /proc/PID/stat
  parent INTEGER,                     -- process_info.id of the process that forked it, if that is recorded too
  segment_id TEXT NOT NULL UNIQUE,    -- hexadecimal
  segment_path TEXT NOT NULL,         -- '' once it is drained
  producer TEXT NOT NULL,             -- api, host-malloc, preload, drop-in, poc
  executable TEXT NOT NULL,
  command TEXT NOT NULL,
  joined_ns INTEGER NOT NULL,         -- when its segment was made
  ended_ns INTEGER,                   -- NULL: alive
  ended TEXT,                         -- NULL: alive; 'process exit', 'exec'
  first_number INTEGER,               -- of its own numbers, the first in this recording
  committed_number INTEGER NOT NULL DEFAULT 0, -- and the last
  events INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,    -- sum of loss_row.count
  unmatched_frees INTEGER NOT NULL DEFAULT 0, -- frees of nothing
  inherited_frees INTEGER NOT NULL DEFAULT 0, -- frees of what the parent had when it forked; no anomaly
  replaced INTEGER NOT NULL DEFAULT 0 -- blocks that ended because another was placed over them
);

CREATE TABLE thread_info(id INTEGER PRIMARY KEY, process INTEGER NOT NULL, serial INTEGER NOT NULL, tid INTEGER NOT NULL,
  name TEXT NOT NULL);

CREATE TABLE label_info(id INTEGER PRIMARY KEY, parent INTEGER, name TEXT NOT NULL, path TEXT NOT NULL); -- path: a/b/c

CREATE TABLE stack_info(id INTEGER PRIMARY KEY, frames BLOB NOT NULL); -- frame_info.id, 4 bytes each, innermost first

CREATE TABLE step_mark(key INTEGER PRIMARY KEY, process INTEGER NOT NULL, number INTEGER NOT NULL, at_ns INTEGER NOT NULL);
-- Which step a block belongs to is asked for block by block: without this, by way of all steps of all processes.
CREATE INDEX step_mark_of_process ON step_mark(process, key, number);

CREATE TABLE device_mark( -- geometry, one row per opened device and region
  key INTEGER NOT NULL, process INTEGER NOT NULL, device INTEGER NOT NULL, region INTEGER NOT NULL, at_ns INTEGER NOT NULL,
  arch TEXT, banks INTEGER, bank_bytes INTEGER, base_address INTEGER, alignment_bytes INTEGER, top_down INTEGER,
  PRIMARY KEY (key, region)) WITHOUT ROWID;

-- The dictionary that block rows point into: who did it, where, and what it is.
CREATE TABLE origin(
  id INTEGER PRIMARY KEY,
  process INTEGER NOT NULL, thread INTEGER NOT NULL, -- ids
  label INTEGER, stack INTEGER,                      -- ids; NULL: none
  device INTEGER NOT NULL, region INTEGER NOT NULL,  -- as in ttalloc.h
  class INTEGER NOT NULL,                            -- 0 buffer, 1 kernel_binary, 2 circular_buffer, 3 kernel, 4 trace,
                                                     -- 5 dataflow_buffer, 6 scratchpad
  flags INTEGER NOT NULL,                            -- enum ttalloc_flag
  ended INTEGER NOT NULL                             -- of an end: 0 freed by the program, 1 replaced
);

-- Blocks that were freed. Rows are written once, complete, in key order.
CREATE TABLE freed(
  key INTEGER PRIMARY KEY,     -- of the event that ended it
  life INTEGER NOT NULL,       -- key - life is the key of the alloc
  free_ns INTEGER NOT NULL,
  held_ns INTEGER NOT NULL,    -- free_ns - held_ns is the time of the alloc
  address INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL, -- payload
  bank_bytes INTEGER,          -- footprint in each bank; NULL: the same as size_bytes
  origin INTEGER NOT NULL,     -- of the alloc
  free_origin INTEGER          -- of the end; NULL: the same
);

-- Blocks that their program has not freed. Block rows enter at a commit and leave when the block is freed.
CREATE TABLE held(
  key INTEGER PRIMARY KEY,     -- of the alloc
  alloc_ns INTEGER NOT NULL,
  address INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  bank_bytes INTEGER,          -- NULL: the same as size_bytes
  origin INTEGER NOT NULL,
  end_key INTEGER,             -- of the device close that ended it; NULL: live, or until its process ended
  end_ns INTEGER
);

-- Circular buffers, from their cb_alloc to their cb_free. Which of them are resident follows from program_run; before
-- a process's first one on a device, they are those of the program that has the last cb_alloc.
CREATE TABLE circular_buffer(
  key INTEGER PRIMARY KEY, alloc_ns INTEGER NOT NULL, origin INTEGER NOT NULL, program INTEGER NOT NULL,
  idx INTEGER NOT NULL, address INTEGER NOT NULL, size_bytes INTEGER NOT NULL, -- on each core
  cores TEXT,                  -- JSON [[x0,y0,x1,y1],...]; NULL: not known
  end_key INTEGER, end_ns INTEGER,
  ended TEXT                   -- NULL: live, or until its process ended; 'freed', 'replaced', 'device close'
);
CREATE TABLE program_run(key INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, origin INTEGER NOT NULL, program INTEGER NOT NULL);

-- What is known of kernels beyond their block (region KERNEL, in held and freed): key is that of the load.
CREATE TABLE kernel_info(key INTEGER PRIMARY KEY, name TEXT, kind TEXT, core_type TEXT);

CREATE TABLE failure_info(key INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, origin INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL, bank_bytes INTEGER, why TEXT);

-- Every other event: frees of nothing (a: address, or kernel id), cb_free (a: program), device_open, device_close.
CREATE TABLE other_event(key INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, kind INTEGER NOT NULL, -- enum tta_kind
  origin INTEGER NOT NULL, a INTEGER NOT NULL);

CREATE TABLE loss_row(
  id INTEGER PRIMARY KEY, process INTEGER NOT NULL, thread INTEGER, -- id; NULL: not one thread's
  from_ns INTEGER, to_ns INTEGER, from_number INTEGER, to_number INTEGER, -- numbers: NULL when the lost events had none
  count INTEGER,               -- NULL: not known
  why TEXT NOT NULL);

-- Which keys hold which numbers of which process. In first_key..last_key the tensors of operations, which are numbers, have
-- no key, and some keys belong to no number.
CREATE TABLE batch(first_key INTEGER PRIMARY KEY, last_key INTEGER NOT NULL, process INTEGER NOT NULL,
  first_number INTEGER NOT NULL, count INTEGER NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
  marks INTEGER NOT NULL DEFAULT 0); -- among count: steps, loss marks and what was refused

-- Kept ready: what each process did in each region. Exact after every commit.
CREATE TABLE process_usage(
  process INTEGER NOT NULL, device INTEGER NOT NULL, region INTEGER NOT NULL,
  allocs INTEGER NOT NULL, frees INTEGER NOT NULL,          -- frees: that ended a block
  allocated_bytes INTEGER NOT NULL,                          -- sum over allocs
  live_bytes INTEGER NOT NULL, live_bank_bytes INTEGER NOT NULL, live_blocks INTEGER NOT NULL, -- or when it ended
  peak_bytes INTEGER NOT NULL, peak_ns INTEGER, peak_key INTEGER, peak_blocks INTEGER NOT NULL,
  peak_bank_bytes INTEGER NOT NULL, peak_bank_ns INTEGER,
  PRIMARY KEY (process, device, region)) WITHOUT ROWID;

-- Kept ready: all processes together, as spans of time. from and to are the times of a span's first and last change. start
-- is the total before the first one; min and max are over the totals after each. Between two spans of a device and region
-- (ordered by from_ns, id) the total is the former's end. A process's end is a change after all of its events, with the
-- key 9223372036854775807 (INT64_MAX). Aliased blocks change no total. From region_usage.dirty_ns on spans are yet to be
-- made: those with to_ns >= dirty_ns do not count.
CREATE TABLE span(
  id INTEGER PRIMARY KEY, device INTEGER NOT NULL, region INTEGER NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
  start_bytes INTEGER NOT NULL, min_bytes INTEGER NOT NULL, max_bytes INTEGER NOT NULL, end_bytes INTEGER NOT NULL,
  max_ns INTEGER NOT NULL, max_key INTEGER NOT NULL, max_blocks INTEGER NOT NULL, -- the earliest moment of max_bytes
  start_bank_bytes INTEGER NOT NULL, max_bank_bytes INTEGER NOT NULL, max_bank_ns INTEGER NOT NULL,
  end_bank_bytes INTEGER NOT NULL,
  start_blocks INTEGER NOT NULL, end_blocks INTEGER NOT NULL, allocs INTEGER NOT NULL, frees INTEGER NOT NULL);

CREATE TABLE region_usage(
  device INTEGER NOT NULL, region INTEGER NOT NULL,
  dirty_ns INTEGER,            -- NULL: spans are complete; else events at or after this time came out of order
  PRIMARY KEY (device, region)) WITHOUT ROWID;
