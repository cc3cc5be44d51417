-- SPDX-License-Identifier: Apache-2.0
-- summary: how full each part of a bank was in each part of the run, of all blocks
-- about: What `map` cannot show block by block: the bank in up to 64 bands of equal height, the run in equal parts, and of each such cell the share that blocks took up, over addresses and time. Every block counts, however small or short-lived, and is rounded up. Neighbouring parts of a band that are equally full are one row; empty ones have none. By device, region, address and time.
-- param: blocks integer 1000 as given to map: both then read the recording once
-- param: parts integer 100 equal parts of the run
-- param: levels integer 64 that shares are told apart in
-- filters: device region pid label op start end step
-- fold: devices
-- column: device id,key chip
-- column: region text kind of memory
-- column: address address,key the band begins there, in every bank
-- column: bank_bytes bytes height of the band
-- column: from_ns ns from then on
-- column: to_ns ns up to then
-- column: share ratio of the band in that time that blocks took up, rounded up to one of the levels; those that share memory are added up, to no more than 1
-- rows: 20 of each device,region
-- empty: no block
SELECT device, region_word(region) AS region, address, bank_bytes, from_ns, to_ns, 1.0 * steps / :levels AS share
FROM map_shares(:blocks, :parts, :levels, :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op)
ORDER BY device, map_shares.region, address, from_ns
