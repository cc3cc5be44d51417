-- SPDX-License-Identifier: Apache-2.0
-- summary: what a newer recording needs more, or less, than an older one
-- about: Compares by group, not by address, for each device and region: what was live at the peak of each, what leaked, or all that was allocated. Groups in which nothing changed are left out. The largest differences come first; then by group, device and region. --exit-code is about what the newer recording needs more.
-- about: Of what leaked, blocks that the runtime owns are left out, unless it is compared by class, and so are those of programs that have not ended.
-- about: Process and thread ids differ between any two runs: processes are told apart by their command, threads by their name.
-- param: what choice(peak|leaks|allocated) peak what to compare
-- param: by attribution label what makes a group
-- param: all flag - also groups in which nothing changed
-- filters: device region label
-- column: device id,key chip
-- column: region text kind of memory
-- column: group text what the blocks have in common
-- column: old_bytes bytes payload in the older recording
-- column: new_bytes bytes payload in the newer one
-- column: delta_bytes bytes new - old
-- column: old_blocks count in the older recording
-- column: new_blocks count in the newer one
-- exit: above delta_bytes
-- files: old new
-- empty: no difference
WITH side AS (
  SELECT 0 AS is_new, *
  FROM diff_groups(:what, :by, :device, :region, NULL, :label, NULL, NULL, NULL, NULL, 'old')
  UNION ALL
  SELECT 1, *
  FROM diff_groups(:what, :by, :device, :region, NULL, :label, NULL, NULL, NULL, NULL, 'new')),
own AS (
  SELECT is_new, device, region,
    CASE :by
      WHEN 'process' THEN substr(group_text, instr(group_text, ' ') + 1) -- of "pid command"
      WHEN 'thread' THEN substr(rtrim(group_text, '0123456789'), 1, length(rtrim(group_text, '0123456789')) - 1) -- "name/tid"
      ELSE coalesce(group_text, group_number)
    END AS "group",
    bytes - iif(:by = 'class', 0, runtime_bytes) - live_bytes AS bytes,
    blocks - iif(:by = 'class', 0, runtime_blocks) - live_blocks AS blocks
  FROM side
  WHERE runtime_blocks + live_blocks = 0 OR iif(:by = 'class', 0, runtime_blocks) + live_blocks < blocks),
change AS (
  SELECT device, region, "group", sum(iif(is_new, 0, bytes)) AS old_bytes, sum(iif(is_new, bytes, 0)) AS new_bytes,
    sum(iif(is_new, 0, blocks)) AS old_blocks, sum(iif(is_new, blocks, 0)) AS new_blocks
  FROM own GROUP BY device, region, "group")
SELECT device, region, "group", old_bytes, new_bytes, new_bytes - old_bytes AS delta_bytes, old_blocks, new_blocks
FROM change WHERE :all OR old_bytes <> new_bytes OR old_blocks <> new_blocks
ORDER BY max(new_bytes - old_bytes, old_bytes - new_bytes) DESC, "group", device, region_number(region)

-- refuse:
SELECT 'stack_id numbers the stacks of one recording; --by stack compares them'
WHERE :by = 'stack_id'
