-- SPDX-License-Identifier: Apache-2.0
--
-- What schema version 6 adds: a table alone, as schema_2.sql does.

-- Whose processes are. No row: not known, as of old clients and of processes that were turned away.
CREATE TABLE process_user(
  process INTEGER PRIMARY KEY, -- process_info.id
  uid INTEGER NOT NULL,        -- as the recorder sees it
  name TEXT);                  -- as its machine's own list has it; NULL: that has none

PRAGMA user_version = 6;
