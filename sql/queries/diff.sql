-- SPDX-License-Identifier: Apache-2.0
-- summary: what a newer recording needs more, or less, than an older one
-- about: Compares by group, not by address, for each device and region: what was live at the peak of each, what leaked, or all that was allocated. The largest differences come first.
-- param: what choice(peak|leaks|allocated) peak what to compare
-- param: by choice(label|thread|process|size|region|class|device|step) label what makes a group
-- filters: device region label
-- column: device id chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: old_bytes bytes payload in the older recording
-- column: new_bytes bytes payload in the newer one
-- column: delta_bytes bytes new - old
-- column: old_blocks count in the older recording
-- column: new_blocks count in the newer one
WITH side AS (
  SELECT 0 AS is_new, device, region, coalesce(group_text, group_number) AS "group", bytes, blocks
  FROM diff_groups(:what || ' ' || :by, :device, :region, NULL, :label, NULL, NULL, NULL, NULL, 'old')
  UNION ALL
  SELECT 1, device, region, coalesce(group_text, group_number), bytes, blocks
  FROM diff_groups(:what || ' ' || :by, :device, :region, NULL, :label, NULL, NULL, NULL, NULL, 'new')),
change AS (
  SELECT device, region, "group", sum(iif(is_new, 0, bytes)) AS old_bytes, sum(iif(is_new, bytes, 0)) AS new_bytes,
    sum(iif(is_new, 0, blocks)) AS old_blocks, sum(iif(is_new, blocks, 0)) AS new_blocks
  FROM side GROUP BY device, region, "group")
SELECT device, region, "group", old_bytes, new_bytes, new_bytes - old_bytes AS delta_bytes, old_blocks, new_blocks
FROM change ORDER BY abs(new_bytes - old_bytes) DESC, device, region, "group"
