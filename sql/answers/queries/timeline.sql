-- SPDX-License-Identifier: Apache-2.0
-- summary: how much was live over time, for each device and region
-- about: Buckets of equal length, by device, region and time. A bucket's maximum includes what was live at its start; a change at its very end belongs to the next one, and in the last bucket to it.
-- about: With --by, what each group held at the fullest moment of the bucket (at_ns; the earliest one), so that the rows of a bucket add up to its max_bytes, and 'top --at' says the same of that moment. The groups that reach most in any bucket are told apart, the others are one row, with their number in "groups".
-- param: by attribution - split every bucket up by this, for each device and region
-- param: top integer 8 with --by: so many groups of each device and region are told apart, 0 for all
-- param: buckets integer 100 equal parts of the recording, or of the window
-- filters: device region pid label op start end step
-- fold: devices
-- column: device id,key chip
-- column: region text kind of memory
-- column: from_ns ns start of the bucket
-- column: to_ns ns its end, which is the start of the next one
-- column: max_bytes bytes the most that was live in it
-- column: end_bytes bytes what was live at its end
-- column: allocs count in it
-- column: frees count by the program, in it
-- column: at_ns ns with --by: the moment in it at which most was live
-- column: group text with --by: what the blocks have in common; none where "groups" is more than 1
-- column: groups count with --by: how many groups the row is of
-- column: bytes bytes with --by: payload at that moment; aliased blocks count zero
-- rows: 20 of each device,region
-- tables: buckets 20
-- trim: idle
-- plot: line from_ns max_bytes
-- empty: nothing was ever live
SELECT device, region_word(region) AS region, from_ns, to_ns, max_bytes, end_bytes, allocs, frees
FROM buckets(:buckets, :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op)
ORDER BY device, buckets.region, from_ns

-- with: by
SELECT device, region_word(region) AS region, from_ns, to_ns, at_ns, group_text AS "group", groups, bytes
FROM group_buckets(:buckets, :by, :top, :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op)
ORDER BY device, group_buckets.region, from_ns, groups, bytes DESC, "group"
