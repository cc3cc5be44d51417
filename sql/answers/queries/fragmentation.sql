-- SPDX-License-Identifier: Apache-2.0
-- summary: how the free memory of each bank is cut up, over time
-- about: All figures are of each bank. external_fragmentation says how much of what is free is not in the largest piece; unusable says how much of it lies in pieces that are too small for the largest request of the run. Both say little when next to nothing is free. Where several allocators serve a chip and do not know of each other's blocks (a mesh and its submeshes), each has a row of its own: what it can still give out, whatever the others have there. Of blocks that lie on some cores alone (hybrid allocation), free is what is free on all cores at once, as a block that lies on all of them needs it. By device, region, time and allocator.
-- param: samples integer 100 moments, spread evenly over the events of each region; its peak, its failures and the end are added
-- filters: device region pid label start end step
-- fold: devices
-- column: device id,key chip
-- column: region text kind of memory
-- column: at_ns ns since the recording's start
-- column: used_bytes bytes,derived of each bank; unknown without the device's geometry
-- column: free_bytes bytes of each bank
-- column: largest_free_bytes bytes in one piece
-- column: free_blocks count pieces
-- column: external_fragmentation ratio 1 - largest_free_bytes / free_bytes; null when nothing is free
-- column: unusable ratio share of free_bytes in pieces that are too small for the largest request of the run
-- column: allocator text,context where several give out the same memory: which of them
-- rows: 20 of each device,region
-- tables: samples 10
-- trim: idle
-- plot: line at_ns external_fragmentation
-- empty: nothing to measure
SELECT device, region_word(region) AS region, at_ns, used_bytes, free_bytes, largest_free_bytes, free_blocks,
  1 - 1.0 * largest_free_bytes / nullif(free_bytes, 0) AS external_fragmentation,
  1 - 1.0 * fitting_bytes / nullif(free_bytes, 0) AS unusable,
  allocator
FROM bank_samples(:samples, :device, :region, :pid, :label, :start, :end, :step_first, :step_last)
ORDER BY device, bank_samples.region, at_ns, allocator

-- notes:
SELECT 'figures need ' || remark
FROM missing_geometry
WHERE has_blocks
  AND (:device IS NULL OR device = :device)
  AND (:region IS NULL OR region = :region)
