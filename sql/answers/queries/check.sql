-- SPDX-License-Identifier: Apache-2.0
-- summary: whether the recording keeps its budgets: a gate for CI
-- about: A budget is FIGURE [SCOPE] OPERATOR BOUND: "peak DRAM <= 10GiB", "leaks == 0", "peak L1 device 0 label model/* step 2..9 < 300MiB". It holds for each device and region by itself. Figures are peak (payload), bank-peak (footprint in each bank), leaks (blocks), leaked (bytes), held (not freed yet), allocated (bytes), allocations, growth/step (of the group that grows fastest, as steps --by has it), step-peak (live during a step, whenever it was allocated; both of the steps that "steps" finds, where none was marked), overlaps, failures, fragmentation, unusable, largest-free, complete (1 of each region of which nothing is missing), lost, unmatched, replaced and crosscheck, as the verbs have them; of fragmentation and largest-free the worst moment that the verb shows. SCOPE is device N (the recording's number, a chip's own name, or the number that a process has for it, as --device takes it), a region such as DRAM, label PATTERN or step N..M; words with blanks stand in quotes. What a budget does not say, the filters do.
-- about: BOUND is a size, a number, N% of a ratio, N% of the bank (bank-peak), or "N% of FILE", of what another recording has of it: "peak <= 102% of baseline.db" (of the same chip, where both name it). "ignore leaks SCOPE because REASON" leaves leaks out, by class, thread or function (patterns) too. Lines or semicolons part budgets; # begins a comment. Exit status 1 when a budget is exceeded, whose largest holders are named then; 2 when it cannot be checked.
-- param: budget text - budgets on the command line: "peak DRAM <= 10GiB; leaks == 0"
-- param: budgets file - a file of them
-- param: by choice(label|function|thread|class|step|size) - name holders by this; without it by label, function or size, the first that is recorded
-- filters: device region label step
-- column: budget text,key as it was written
-- column: device id,key chip
-- column: region text kind of memory
-- column: verdict text ok, failed or ignored
-- column: amount count,derived what there is, in the budget's unit; of an ignore, how many leaks it left out
-- column: bound count,derived what is allowed
-- column: unit text,derived bytes, count or ratio
-- column: failed count,derived 1: it is exceeded
-- column: at_ns ns,derived when it was worst
-- column: source text,context file and line of the budget
-- column: detail text in words; who holds most, or why it is ignored
-- exit: above failed always
-- format: verdicts
-- rows: 0
SELECT budget, device, region, verdict, coalesce(amount, share) AS amount, coalesce(bound, share_bound) AS bound, unit,
  verdict = 'failed' AS failed, at_ns, source, detail
FROM check_budgets(:budget, :budgets, coalesce(:by, CASE
  WHEN EXISTS (SELECT 1 FROM origin WHERE label IS NOT NULL) THEN 'label'
  WHEN EXISTS (SELECT 1 FROM origin WHERE stack IS NOT NULL) THEN 'function'
  ELSE 'size' END), :device, :region, NULL, :label, NULL, NULL, :step_first, :step_last)

-- refuse:
SELECT 'no budget: --budget ''peak DRAM <= 10GiB; leaks == 0'', or --budgets FILE'
WHERE :budget IS NULL AND :budgets IS NULL

-- refuse:
SELECT 'nothing was recorded, and every budget would be kept; was the program run under ttalloc-recorder?'
WHERE NOT EXISTS (SELECT 1 FROM origin)
