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

PRAGMA user_version = 4;
