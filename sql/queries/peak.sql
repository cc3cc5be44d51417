-- SPDX-License-Identifier: Apache-2.0
-- summary: the most that was live at once, for each device and region
-- filters: device region pid label start end step
-- column: device id chip
-- column: region text kind of memory
-- column: peak_bytes bytes the most payload that was live at once
-- column: peak_ns ns the earliest moment of it, since the recording's start
-- column: peak_blocks count live at that moment
-- column: peak_bank_bytes bytes the largest footprint in each bank
-- column: peak_bank_ns ns the earliest moment of it
SELECT device, region_word(region) AS region, max_bytes AS peak_bytes, max_ns AS peak_ns, max_blocks AS peak_blocks,
  max_bank_bytes AS peak_bank_bytes, max_bank_ns AS peak_bank_ns
FROM span GROUP BY device, region HAVING max_bytes = max(max_bytes)
