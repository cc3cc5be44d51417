-- SPDX-License-Identifier: Apache-2.0
-- summary: whether the recording is sound; one row per finding
-- about: Checks the file as SQLite does; that every event has its place in the order, once; that no block ends before it begins, and no two live blocks of a process have the same address in a device and region (that their ranges do not overlap is not checked: blocks on different cores may); that the numbers of events have no holes that no loss row explains; that what is kept ready agrees with the blocks, and they with what the allocators themselves said while it was recorded; and that operations and labels can be read, are numbered without holes, lie in the operation that they are said to lie in, on its thread, and that their names, tensors and blocks are there. No row: it is sound. What was lost is no finding, because the recording says so.
-- column: what text the check
-- column: where text in the recording
-- column: detail text what is wrong
-- exit: nonempty always
-- empty: the file is sound
SELECT what, place AS "where", detail FROM findings() ORDER BY what <> 'integrity', rowid

-- notes:
SELECT 'process ' || pid || ' (' || name || ') is not recorded, and has ' || dram_bytes || ' B of DRAM and ' || l1_bytes || ' B of L1 on chip ' || chip || ' (TT-Metal''s own counters)'
FROM chip_counters() WHERE recorded = 0
