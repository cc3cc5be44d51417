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
  chip TEXT);                  -- what names the chip wherever it is used; NULL: not said

PRAGMA user_version = 3;
