-- SPDX-License-Identifier: Apache-2.0
-- summary: what if the allocator, or the bank, were another one
-- about: The recorded requests, in their order, through a model of each bank. First the model of TT-Metal's own allocator has to place blocks where the recording has them: without 99.9 % of them there is no answer, unless it is forced. Then: would all have fitted, how far would blocks have reached, in how many pieces would the rest have been; and with --smallest, how small a bank does (found by bisection: one unit less does not).
-- about: first takes the first free piece that is large enough; best the smallest; classes the first one in the smallest size class that has one (TT-Metal's own BEST). Directions are those of each block. A request that failed when it was recorded is tried again, and not kept. What was live already when the file begins (one of several, or one that was cut) stays where it was, and is no request of it. The model does not ask whether the program would have done the same: its requests are taken to be independent of where blocks lie.
-- param: policy choice(first|best|classes) first which free piece is taken
-- param: order choice(address|newest|oldest) address of --policy first: by address, or by when pieces became free
-- param: direction choice(recorded|up|down) recorded from which end of the bank
-- param: unit size - blocks take whole units of it; without it the allocator's own
-- param: bank size - so large is each bank; without it as recorded
-- param: free_first text - allocation ids (view allocation) with commas: blocks that are freed right before the first failure
-- param: smallest flag - look for the smallest bank that works
-- param: force flag - answer also when the model does not fit the recording
-- filters: device region pid
-- fold: devices
-- column: pid id,context of the process
-- column: device id,key chip
-- column: region text kind of memory
-- column: allocator text,context its name, or number, where the process has several
-- column: fits text,remark yes, no, or unknown: the bank's geometry was not recorded
-- column: requests count that the recording's allocator served
-- column: fidelity ratio of these, those that the model of the recorded allocator places where the recording has them
-- column: failed count of these, those that do not fit here
-- column: recorded_failures count requests that the recording's allocator refused
-- column: fitted_failures count of these, those that fit here
-- column: failed_ns ns,derived when the first request does not fit
-- column: failed_bytes bytes,derived what it wants in each bank
-- column: bank_bytes bytes that each bank has here
-- column: peak_bytes bytes the most that was taken of each, in whole units
-- column: reached_bytes bytes how far blocks reached from both ends of the bank, at most all of it
-- column: fragmentation ratio of what was free at that peak: 1 - the largest piece / all of it
-- column: least_largest_free_bytes bytes,derived the largest free piece, when it was smallest
-- column: freed_first_bytes bytes,derived what --free-first gave back
-- column: smallest_bank_bytes bytes with --smallest: so large a bank does, and one unit less does not
-- rows: 0
-- empty: no request of memory that has banks
SELECT pid, device, region_word(region) AS region,
  coalesce((SELECT i.allocator_name FROM device_identity i WHERE i.process = r.process AND i.device = r.device
    AND i.allocator = r.allocator ORDER BY i.key DESC LIMIT 1), CAST(r.allocator AS TEXT)) AS allocator,
  CASE WHEN bank_bytes IS NULL THEN 'unknown' WHEN failed = 0 AND fitted_failures = recorded_failures THEN 'yes' ELSE 'no' END AS fits,
  requests, 1.0 * matched / nullif(requests, 0) AS fidelity, failed, recorded_failures, fitted_failures, failed_ns, failed_bytes,
  bank_bytes, peak_bytes, reached_bytes, fragmentation, least_largest_free_bytes, freed_first_bytes, smallest_bank_bytes
FROM refit(:policy, :order, :direction, :unit, :bank, :free_first, :smallest, :force, :device, :region, :pid) r
