-- SPDX-License-Identifier: Apache-2.0
-- summary: how much was live over time, for each device and region
-- about: Buckets of equal length, by device, region and time. A bucket's maximum includes what was live at its start; a change at its very end belongs to the next one, and in the last bucket to it.
-- param: buckets integer 100 equal parts of the recording, or of the window
-- filters: device region pid label start end step
-- fold: devices
-- column: device id,key chip
-- column: region text kind of memory
-- column: from_ns ns start of the bucket
-- column: to_ns ns its end, which is the start of the next one
-- column: max_bytes bytes the most that was live in it
-- column: end_bytes bytes what was live at its end
-- column: allocs count in it
-- column: frees count by the program, in it
-- rows: 20 of each device,region
-- tables: buckets 20
-- trim: idle
-- empty: nothing was ever live
SELECT device, region_word(region) AS region, from_ns, to_ns, max_bytes, end_bytes, allocs, frees
FROM buckets(:buckets, :device, :region, :pid, :label, :start, :end, :step_first, :step_last)
ORDER BY device, buckets.region, from_ns
