-- SPDX-License-Identifier: Apache-2.0
--
-- What schema version 2 adds to schema.sql: tables alone. A file of version 1 that goes on being recorded gets them; one
-- that is only read is given them, empty, as TEMP tables. So these tables are never named with "main." in front.

CREATE TABLE module_info( -- executables and libraries that frames lie in; the same one in several processes is one row
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  build_id TEXT NOT NULL,      -- hexadecimal; '': it has none
  symbols TEXT                 -- NULL: not looked for yet; 'found', or why there are none
);

-- A place in a program, wherever that was loaded: stack_info.frames names it.
CREATE TABLE frame_info(
  id INTEGER PRIMARY KEY,
  module INTEGER,              -- id; NULL: in no module that is known, or code of an interpreter
  address INTEGER NOT NULL     -- return address, as in the module's ELF file; without a module as in the process
);

-- What is at a frame's address. More than one row: functions that the compiler put into one another.
CREATE TABLE symbol_info(
  frame INTEGER NOT NULL,      -- frame_info.id
  depth INTEGER NOT NULL,      -- 0: the innermost
  function TEXT,               -- NULL: not known
  file TEXT, line INTEGER,     -- NULL: not known
  language TEXT,               -- 'python': code of an interpreter; NULL: native
  PRIMARY KEY (frame, depth)) WITHOUT ROWID;

-- Circular buffers of a program that count for something else than their size: a program's count for as much as its
-- fullest core has of them, and each for what that grew by when it was added.
CREATE TABLE circular_count(
  key INTEGER PRIMARY KEY,     -- circular_buffer.key
  counted_bytes INTEGER NOT NULL);

-- What a producer says of its own recording, such as a layout that it does not know.
CREATE TABLE process_note(
  process INTEGER NOT NULL, note TEXT NOT NULL,
  count INTEGER NOT NULL,      -- how often
  PRIMARY KEY (process, note)) WITHOUT ROWID;

PRAGMA user_version = 2;
