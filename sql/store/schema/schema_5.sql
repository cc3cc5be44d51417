-- SPDX-License-Identifier: Apache-2.0
--
-- What schema version 5 adds: tables alone, as schema_2.sql does.

-- The cores of an allocator that serves some alone, each with addresses of its own. A block of it lies at its address on
-- these cores and on no other. None: all cores, or not known which.
CREATE TABLE device_cores(
  key INTEGER PRIMARY KEY,     -- device_identity.key
  core_ranges TEXT NOT NULL,   -- JSON [[x0,y0,x1,y1],...]
  in_step INTEGER NOT NULL);   -- 1: one address for all of these, which no block of all cores has anywhere

-- And how range_page has its digits: each number of a BLOB has length(BLOB) * 2 / count of them, of hex() of all of it, behind a
-- 0 where that leaves one over. In older files all have an even number of digits, so none is left over.

PRAGMA user_version = 5;
