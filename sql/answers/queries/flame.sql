-- SPDX-License-Identifier: Apache-2.0
-- summary: call stacks folded for flame graph tools: what was live at the peak, leaked, or was allocated
-- about: One line for each call stack, 'outermost;...;innermost BYTES', as flamegraph.pl, inferno and speedscope take it. The outermost frames are device and region, which are never added to each other; --device and --region choose one and leave its frame out. Blocks without a stack, or label, are "(none)". Blanks and semicolons in names become _ and :.
-- about: Where Python called, its functions come first, and then the native ones that it called; the interpreter's own are left out.
-- param: what choice(peak|leaks|allocated) peak what is weighed: what was live at the peak of its device and region, what was never freed, or all that was allocated
-- param: by choice(stack|label) stack whose frames: those of call stacks, or the parts of label paths
-- filters: device region pid label op start end step
-- format: folded
-- column: stack text outermost;...;innermost
-- column: bytes bytes payload; aliased blocks count zero
-- column: blocks count aliased ones count zero
-- empty: nothing to weigh
WITH line AS (
  SELECT iif(:device IS NULL, 'device_' || device || ';', '') || iif(:region IS NULL, g.region || ';', '') ||
      coalesce(iif(:by = 'stack', (SELECT stack_folded(frames) FROM stack_info WHERE id = group_number),
        label_folded(group_text)), '(none)') AS stack,
    bytes, blocks
  FROM diff_groups(:what, iif(:by = 'stack', 'stack_id', 'label'), :device, :region, :pid, :label, :start, :end,
    :step_first, :step_last, :op, 'new') g)
SELECT stack, sum(bytes) AS bytes, sum(blocks) AS blocks FROM line GROUP BY stack HAVING sum(bytes) > 0 ORDER BY stack

-- notes:
SELECT stack_remark()
WHERE stack_remark() IS NOT NULL
  AND :by = 'stack'

-- refuse:
SELECT stack_missing() || ', or fold the labels with --by label'
WHERE :by = 'stack'
