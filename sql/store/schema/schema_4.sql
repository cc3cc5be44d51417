-- SPDX-License-Identifier: Apache-2.0
--
-- What schema version 4 adds: tables alone, as schema_2.sql does.

-- The recordings that one was put together from ("merge"); none: it was recorded as it is.
CREATE TABLE part(
  id INTEGER PRIMARY KEY,
  uuid TEXT NOT NULL, version TEXT NOT NULL, boot_id TEXT NOT NULL, host TEXT NOT NULL, user TEXT NOT NULL,
  command TEXT, directory TEXT NOT NULL, -- as in recording_info
  job TEXT, rank INTEGER,      -- as in recording_job
  start_realtime_ns INTEGER NOT NULL, start_monotonic_ns INTEGER NOT NULL, -- at time 0 of the part
  offset_ns INTEGER NOT NULL,  -- what was added to its times
  clock TEXT NOT NULL,         -- that told this: 'monotonic' the same boot's, 'steps' wall clocks and shared steps, 'wall'
  error_ns INTEGER,            -- how far off its times may be; 0: they are exact; NULL: not known
  shared_steps INTEGER NOT NULL, -- moments that told the error
  end_ns INTEGER NOT NULL,     -- of its last commit
  ended TEXT);                 -- as in recording_info

-- Which part a process was recorded in.
CREATE TABLE process_part(process INTEGER PRIMARY KEY, part INTEGER NOT NULL);

-- A recording in several files (ttalloc-recorder --rotate). Keys, times and ids go on from one file to the next, so that
-- the same row has the same key in each. A file begins with what was live when the one before it ended: rows whose key is
-- begin_key or lower were carried over. No row: the only file, of all devices.
CREATE TABLE recording_file(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  number INTEGER NOT NULL,     -- of this file: 0, 1, 2, ...
  begin_ns INTEGER NOT NULL,   -- time of the last event in the file before it
  begin_key INTEGER NOT NULL,  -- the last key there
  devices TEXT,                -- JSON [0, 2]: only these were recorded; NULL: all
  last_process INTEGER NOT NULL, last_thread INTEGER NOT NULL, last_origin INTEGER NOT NULL, -- the last ids there
  last_text INTEGER NOT NULL, last_list INTEGER NOT NULL, last_what INTEGER NOT NULL);

-- Processes that were carried over. Counters of process_info and process_usage begin at 0 in each file, but for lost; what
-- was lost before is in loss_row with an id below 0.
CREATE TABLE carried_process(
  process INTEGER PRIMARY KEY,
  operations INTEGER NOT NULL, -- that it had begun
  had_ended INTEGER NOT NULL); -- 1: it is here only to be known again

-- What an allocator itself said that it had given out, compared with what is recorded of it at that place in the order.
CREATE TABLE crosscheck_row(
  process INTEGER NOT NULL, device INTEGER NOT NULL,
  allocator INTEGER NOT NULL,    -- as in origin_allocator
  region INTEGER NOT NULL,
  checks INTEGER NOT NULL, last_ns INTEGER NOT NULL,
  differences INTEGER NOT NULL,  -- of the checks; what follows is the first of them
  at_ns INTEGER,
  said_bank_bytes INTEGER, recorded_bank_bytes INTEGER,
  said_blocks INTEGER,           -- NULL: not said
  recorded_blocks INTEGER,
  PRIMARY KEY(process, device, allocator, region)) WITHOUT ROWID;

-- How many ranks the job of recording_job has; no row: not known.
CREATE TABLE job_size(id INTEGER PRIMARY KEY CHECK (id = 1), ranks INTEGER NOT NULL);

-- What was left out when a recording was made from another one ("share"); no row: nothing was.
CREATE TABLE share_info(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  from_ns INTEGER, to_ns INTEGER, -- cut to what was live or happened from then to then; NULL: not cut
  removed TEXT);                  -- stacks, paths, host, user, command lines, labels, with commas between; NULL: nothing

PRAGMA user_version = 4;
