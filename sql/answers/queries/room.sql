-- SPDX-License-Identifier: Apache-2.0
-- summary: what takes the room in the file
-- about: One row for each kind of what is stored, the largest first: bytes of its pages in the file, before compression if the file was made by 'share'. Every page is looked at. What is in a -wal yet is not counted.
-- column: what text,key what is stored
-- column: bytes bytes of its pages
-- column: share ratio of all pages
-- column: tables text,derived that hold it, the largest first
-- rows: 0
SELECT what, bytes, bytes * 1.0 / sum(bytes) OVER () AS share, tables
FROM room() ORDER BY bytes DESC
