-- SPDX-License-Identifier: Apache-2.0
-- summary: why a request failed, by how much, and who was in its way
-- about: Answers for the last failed request; for the one that --failure numbers (from 1, in the order of 'failures'; --device, --region and --pid narrow both); for a request that is made up (--at, --size and --region; --size is bytes in each bank); or for the text of an out-of-memory or clash error of TT-Metal (--message, "-" for standard input), with whatever a log has around it. A message is matched with the recorded failure of the same request; without one, the last moment at which it can have happened is shown, and the answer says so.
-- about: Verdicts: exhausted, not enough was free; fragmented, enough, but not in one piece; clash, program memory (circular buffers, dataflow buffers, scratchpads) grew into the lowest L1 block; constraint, a free piece would have held it, so something else than space forbade it; fits, for a request that is made up and would be served. Figures are of each bank, in units of the allocator's alignment, over the blocks that the allocator knows of: those of a mesh and of its submeshes do not know of each other's, nor do processes that share a chip; where allocators are not told apart, over all blocks. The window is where the request would have cost least: the least bytes of whole blocks to be freed. Picture: the bank from its lowest address to its highest; . free, : partly used, # used, the window between brackets.
-- param: failure integer - which failed request, from 1 in the order of failures; the last one by default
-- param: at time - ask about a moment, with --size and --region
-- param: size size - the bytes in each bank that the request of --at is for
-- param: message text - what TT-Metal said; - reads it from standard input
-- param: by choice(block) - block: a row for each block in the window, rather than the answer
-- filters: device region pid
-- column: verdict text exhausted, fragmented, clash, constraint, fits
-- column: sentence text the answer in words
-- column: picture picture the bank, and the window in it
-- column: device id,key chip
-- column: region text kind of memory
-- column: at_ns ns since the recording's start
-- column: failure count its place among 'failures', from 1; unknown for a request that is not recorded as failed
-- column: pid id of the process that asked
-- column: label text open ranges of the thread that asked; with --by: at the alloc
-- column: asked_by text the innermost function that is the program's own, with --python-stacks its line
-- column: op text the operation that asked, and its number; with --by: that allocated it
-- column: tensor text with --by: what the block holds
-- column: stack text call stack of the request, innermost first; with --by: call site of the alloc
-- column: request_bank_bytes bytes asked for in each bank
-- column: needed_bytes bytes the same in whole units of the alignment
-- column: free_bytes bytes in each bank
-- column: largest_free_bytes bytes in one piece, in each bank
-- column: free_blocks count pieces of free space
-- column: missing_bytes bytes by how much it missed: what the largest piece was too small by; of a clash, by how much both overlap
-- column: bank_bytes bytes,derived of each bank
-- column: alignment_bytes bytes units in which the bank is given out
-- column: window_address address of the cheapest place
-- column: window_bytes bytes of it
-- column: eviction_bytes bytes of all blocks that would have to go from there
-- column: eviction_blocks count of them
-- column: floor_address address of a clash: the lowest L1 block
-- column: cb_end_address address of a clash: where program memory ends
-- column: occupants list the blocks that would have to go, the lowest first
-- column: circular_buffers list the program memory that was resident, the highest first
-- column: said text the allocator's own words
-- column: remarks list what the answer rests on, and what contradicts it
-- column: address address with --by: of the block
-- column: size_bytes bytes with --by: payload
-- column: block_bank_bytes bytes with --by: footprint in each bank
-- column: age_ns ns with --by: from the alloc to the failure
-- column: step id with --by: of the process at the alloc
-- column: aliased count with --by: 1: lies in another block, and counts zero
-- show: list known
-- empty: nothing would have to go
SELECT w.verdict AS verdict, w.sentence AS sentence, w.picture AS picture, w.device AS device,
  region_word(w.region) AS region, w.at_ns AS at_ns, w.failure AS failure, w.pid AS pid,
  (SELECT path FROM label_info WHERE id = o.label) AS label,
  iif(o.stack IS NULL, NULL, attribution('function', o.id, NULL, NULL)) AS asked_by,
  attribution('op', o.id, f.key, NULL) AS op,
  stack_text((SELECT frames FROM stack_info WHERE id = o.stack)) AS stack, w.request_bank_bytes AS request_bank_bytes, w.needed_bytes AS needed_bytes, w.free_bytes AS free_bytes,
  w.largest_free_bytes AS largest_free_bytes, w.free_blocks AS free_blocks, w.missing_bytes AS missing_bytes,
  w.bank_bytes AS bank_bytes, w.alignment_bytes AS alignment_bytes, w.window_address AS window_address,
  w.window_bytes AS window_bytes, w.eviction_bytes AS eviction_bytes, w.eviction_blocks AS eviction_blocks,
  w.floor_address AS floor_address, w.cb_end_address AS cb_end_address, w.occupants AS occupants,
  w.circular_buffers AS circular_buffers, w.said AS said, w.remarks AS remarks
FROM why_answer(:failure, :at, :size, :message, :device, :region, :pid) w
  LEFT JOIN failure_info f ON f.key = w.failure_key LEFT JOIN origin o ON o.id = f.origin

-- with: by
SELECT b.device AS device, region_word(b.region) AS region, b.address AS address, b.size_bytes AS size_bytes,
  b.bank_bytes AS block_bank_bytes, p.pid AS pid, (SELECT path FROM label_info WHERE id = o.label) AS label,
  attribution('op', o.id, b.key, NULL) AS op, attribution('tensor', o.id, NULL, NULL) AS tensor,
  stack_text((SELECT frames FROM stack_info WHERE id = o.stack)) AS stack, b.age_ns AS age_ns,
  (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < b.key ORDER BY s.key DESC LIMIT 1) AS step,
  b.aliased AS aliased
FROM why_blocks(:failure, :at, :size, :message, :device, :region, :pid) b
  CROSS JOIN origin o ON o.id = b.origin -- the function on the left, so that it is called once
  LEFT JOIN process_info p ON p.id = o.process
ORDER BY b.address, b.key

-- refuse:
SELECT '--failure, --at and --message contradict each other'
WHERE (:failure IS NOT NULL) + (:at IS NOT NULL) + (:message IS NOT NULL) > 1

-- refuse:
SELECT '--size needs --at'
WHERE :size IS NOT NULL
  AND :at IS NULL

-- refuse:
SELECT '--failure counts from 1, in the order of ''ttalloc-analyze failures'''
WHERE :failure < 1

-- refuse:
SELECT '--pid chooses among failures; what is free at a moment depends on all processes'
WHERE :pid IS NOT NULL
  AND :at IS NOT NULL
