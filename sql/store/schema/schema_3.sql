-- SPDX-License-Identifier: Apache-2.0
--
-- What schema version 3 adds: tables alone, as schema_2.sql does.

-- Which of its process's allocators serves the blocks of an origin. None: the program did not say.
CREATE TABLE origin_allocator(
  origin INTEGER PRIMARY KEY,  -- origin.id
  allocator INTEGER NOT NULL); -- a number of the process's own

-- What a device's opening says of who is who.
CREATE TABLE device_identity(
  key INTEGER PRIMARY KEY,     -- of the device_open, as in device_mark
  process INTEGER NOT NULL, device INTEGER NOT NULL,
  allocator INTEGER,           -- as in origin_allocator; NULL: not said
  allocator_name TEXT,         -- what it is; NULL: not said
  cores INTEGER,               -- that it serves, each with an address of its own; NULL: all, at the same one
  chip TEXT,                   -- what names the chip wherever it is used; NULL: not said
  number INTEGER NOT NULL,     -- the process's own, of the chips that it sees; device is the recording's
  visible TEXT);               -- the chips that it was told to see (TT_VISIBLE_DEVICES); NULL: all

-- Operations, and the ranges that labels are open: begin, end and what they are. The events of a range's thread with a key
-- between those of its begin and its end are its own.
--
-- A page holds up to 256 ranges of one process that have ended, in the order of their begins, either operations, whose
-- numbers then follow each other, or label ranges. Each of its BLOBs has count numbers, all of the same number of bytes,
-- two decimal digits in each: hex() of them is the number. Pages overlap where ranges last, never in their begins.
CREATE TABLE range_page(
  key INTEGER PRIMARY KEY,     -- of the first begin
  process INTEGER NOT NULL,
  first_number INTEGER,        -- operations of a process count from 1 as they begin; NULL: label ranges
  count INTEGER NOT NULL,
  last_key INTEGER NOT NULL,   -- the highest of all ends
  from_ns INTEGER NOT NULL,    -- the earliest begin
  offsets BLOB NOT NULL,       -- key of the begin, from key
  lives BLOB NOT NULL,         -- key of the end, from that of the begin
  begins BLOB NOT NULL,        -- time of the begin, from from_ns
  helds BLOB NOT NULL,         -- how long it took
  whats BLOB NOT NULL);        -- range_what.id

-- Ranges that had not ended at the last commit, or before their process ended.
CREATE TABLE range_open(
  key INTEGER PRIMARY KEY,     -- of the begin
  process INTEGER NOT NULL,
  number INTEGER,              -- NULL: a label range
  at_ns INTEGER NOT NULL,
  what INTEGER NOT NULL);      -- range_what.id

-- The dictionary that ranges point into. A loop that does the same again has the same rows again, tensors included.
CREATE TABLE range_what(
  id INTEGER PRIMARY KEY,
  thread INTEGER NOT NULL,     -- id
  label INTEGER, stack INTEGER,-- ids at the begin; NULL: none. Of a label range the one that it opened
  name INTEGER,                -- operation_text.id; NULL: a label range
  arguments INTEGER,           -- operation_text.id; NULL: not recorded, or none
  around INTEGER,              -- its number minus that of the operation around it, on its thread; NULL: none
  tensors INTEGER,             -- tensor_list.id; NULL: none
  ended INTEGER NOT NULL);     -- 0 it returned, 1 an exception left it

CREATE TABLE operation_text(id INTEGER PRIMARY KEY, text TEXT NOT NULL);

-- What an operation took and made: JSON [[output, index, spec, base, offset], ...]. The tensor's block is the one whose
-- alloc has the key base * (key of the operation) + offset: base is 1 for blocks that were made shortly before it or in it.
CREATE TABLE tensor_list(id INTEGER PRIMARY KEY, list TEXT NOT NULL);

CREATE TABLE tensor_spec(
  id INTEGER PRIMARY KEY,
  shape TEXT, dtype TEXT, layout TEXT, -- 1x1x32x32, bfloat16, TILE
  memory TEXT,                 -- interleaved, block sharded, ...
  shard_shape TEXT,            -- 32x32
  shard_grid TEXT,             -- JSON [[x0,y0,x1,y1],...]
  orientation TEXT);           -- of the shards: ROW_MAJOR, COL_MAJOR

-- The tensor that blocks of an origin hold. None: not known.
CREATE TABLE origin_tensor(origin INTEGER PRIMARY KEY, spec INTEGER NOT NULL);

-- Moments that programs named.
CREATE TABLE snapshot_mark(key INTEGER PRIMARY KEY, process INTEGER NOT NULL, at_ns INTEGER NOT NULL, name TEXT NOT NULL);

-- The job of a cluster that a recording is a part of; no row: of none.
CREATE TABLE recording_job(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  job TEXT,                    -- NULL: it has no name
  rank INTEGER);               -- which of the job's processes was recorded; NULL: not said

PRAGMA user_version = 3;
