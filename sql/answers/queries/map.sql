-- SPDX-License-Identifier: Apache-2.0
-- summary: the address map: which blocks lay where, from when to when
-- about: Of each device and region the blocks that a picture cannot do without: those that were live at its peak or when a request failed, those that took most of the bank for longest, and in every part of the run the largest that began there, and the largest that their program never freed. Where others are left out, a note says how many. Program memory has a row for each time that it was in its place. By device, region and time.
-- param: blocks integer 1000 so many of each device and region at most
-- param: parts integer 100 equal parts of the run, of each of which something is kept
-- filters: device region pid label op start end step
-- fold: devices
-- column: device id,key chip
-- column: region text kind of memory
-- column: address address,key offset in every bank
-- column: bank_bytes bytes footprint in each bank: the block lies from address on for so many bytes
-- column: size_bytes bytes payload
-- column: alloc_ns ns since the recording's start
-- column: end_ns ns when it ended, however; none: it is live
-- column: ended text,remark live, freed, replaced, process exit, exec, device close; gone: of program memory, its program no longer runs
-- column: owner text,context program; runtime; live program: it may yet free the block
-- column: class text,context buffer, kernel_binary, circular_buffer, dataflow_buffer, scratchpad, kernel, trace
-- column: pid id of the process
-- column: step id of the process at the alloc
-- column: label text open ranges at the alloc
-- column: site text innermost function of the call stack that is the program's own
-- column: opname text operation of ttnn that allocated it
-- column: tensor text what it holds: shape, dtype, layout, memory layout
-- column: allocation_id id as in the view allocation
-- column: allocator text,context where several serve the chip, or single cores: which of them
-- rows: 20 of each device,region
-- empty: no block
WITH several AS (SELECT process, device FROM device_identity WHERE allocator IS NOT NULL GROUP BY process, device
  HAVING count(DISTINCT allocator_name) > 1),
operations AS (SELECT operations_missing() IS NOT NULL AS none),
m AS (
  SELECT b.*, CASE WHEN b.end_ns IS NULL THEN 'live' WHEN b.region = {region.CB} THEN 'gone' WHEN b.freed THEN 'freed'
    ELSE coalesce((SELECT iif(h.end_key IS NULL, p.ended, 'device close') FROM held h WHERE h.key = b.key), 'replaced') END AS ended
  FROM map_blocks(:blocks, :parts, :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op) b
    CROSS JOIN origin o ON o.id = b.origin -- the function on the left, so that it is called once
    LEFT JOIN process_info p ON p.id = o.process)
SELECT m.device AS device, region_word(m.region) AS region, m.address AS address, m.bank_bytes AS bank_bytes,
  m.size_bytes AS size_bytes, m.alloc_ns AS alloc_ns, m.end_ns AS end_ns, m.ended AS ended,
  block_owner(o.class, o.region, o.flags, m.size_bytes, m.bank_bytes, iif(m.ended = 'live', NULL, m.ended)) AS owner,
  class_word(o.class) AS class, p.pid AS pid,
  (SELECT s.number FROM step_mark s WHERE s.process = o.process AND s.key < m.key ORDER BY s.key DESC LIMIT 1) AS step,
  (SELECT path FROM label_info WHERE id = o.label) AS label,
  iif(o.stack IS NULL, NULL, attribution('function', o.id, NULL, NULL)) AS site,
  iif((SELECT none FROM operations), NULL, attribution('opname', o.id, m.key, m.size_bytes)) AS opname,
  iif((SELECT none FROM operations), NULL, attribution('tensor', o.id, m.key, m.size_bytes)) AS tensor,
  m.key AS allocation_id,
  CASE WHEN (o.process, o.device) IN (SELECT process, device FROM several) THEN (SELECT i.allocator_name
    FROM origin_allocator a, device_identity i WHERE a.origin = o.id AND i.process = o.process AND i.device = o.device
    AND i.allocator = a.allocator ORDER BY i.key DESC LIMIT 1) END AS allocator
FROM m CROSS JOIN origin o ON o.id = m.origin LEFT JOIN process_info p ON p.id = o.process
ORDER BY m.device, m.region, m.alloc_ns, m.key

-- notes:
SELECT 'device ' || device || ' ' || region_word(region) || ': ' || (blocks - kept) || ' of ' || blocks ||
  ' blocks are left out, each smaller or shorter-lived than those shown around it (density shows them together; --blocks, or a part of the run: --start, --end)'
FROM map_sums(:blocks, :parts, :device, :region, :pid, :label, :start, :end, :step_first, :step_last, :op)
WHERE kept < blocks
