-- SPDX-License-Identifier: Apache-2.0
-- summary: which kinds of memory are recorded whole
-- about: One row for each region that has events, or of which something is missing. What a program's producer cannot see may be of one region alone, as what programs place in L1 (CB) is where TT-Metal is linked into another library; what was lost may be of any. An answer about one region (--region) is complete when that is.
-- filters: region
-- column: region text,key kind of memory
-- column: complete count 1: nothing of it is missing
-- rows: 0
-- empty: nothing was recorded
SELECT region, complete FROM region
WHERE (:region IS NULL OR region = :region)
  AND (NOT complete OR region IN (SELECT DISTINCT region_word(region) FROM origin))
