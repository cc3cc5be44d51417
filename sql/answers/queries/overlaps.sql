-- SPDX-License-Identifier: Apache-2.0
-- summary: live blocks that had memory in common
-- about: Two blocks of one chip and region, both live, whose ranges in the bank overlap: of allocators that do not know of each other, such as those of a mesh and of its submeshes, of two processes that share a chip, or of an allocator that is wrong. What one writes, the other reads. Each pair is a row, the ones with most bytes in common first, then by time. A time window takes overlaps that lasted into it, --op those with a block that was allocated in it.
-- about: A block that the same allocator placed at the address of a live one has ended that one, as a free that was not seen: info counts such as "replaced". Left out are aliased blocks, program memory and kernels, and blocks that lie on some cores alone when these are not known, or are others than the other block's.
-- filters: device region pid op start end
-- column: device id,key chip, as the later block's process numbers it
-- column: region text kind of memory
-- column: address address where what they had in common begins
-- column: bytes bytes that they had in common, in each bank
-- column: from_ns ns when the later one was placed
-- column: to_ns ns when one of them ended; null: both are live at the end of the recording
-- column: pid id of the process of the first one
-- column: label text,context of the first one
-- column: op text,context the operation that allocated the first one, and its number
-- column: allocator text,context of the first one: its name, or number
-- column: block_address address of the first one
-- column: size_bytes bytes payload of the first one
-- column: later_pid id of the process of the later one
-- column: later_label text,context of the later one
-- column: later_op text,context of the later one
-- column: later_allocator text,context of the later one
-- column: later_address address of the later one
-- column: later_size_bytes bytes payload of the later one
-- exit: nonempty
-- empty: no live blocks had memory in common
WITH allocators AS (
  SELECT a.origin AS origin, coalesce((SELECT i.allocator_name FROM device_identity i
      WHERE i.process = o.process AND i.device = o.device AND i.allocator = a.allocator
      ORDER BY i.key DESC LIMIT 1), CAST(a.allocator AS TEXT)) AS name
  FROM origin_allocator a JOIN origin o ON o.id = a.origin)
SELECT v.device AS device, region_word(v.region) AS region, v.address AS address, v.bytes AS bytes,
  v.from_ns AS from_ns, v.to_ns AS to_ns, (SELECT pid FROM process_info WHERE id = o.process) AS pid,
  (SELECT path FROM label_info WHERE id = o.label) AS label, attribution('op', o.id, v.key, NULL) AS op,
  (SELECT name FROM allocators WHERE origin = o.id) AS allocator, v.start AS block_address, v.size_bytes AS size_bytes,
  (SELECT pid FROM process_info WHERE id = l.process) AS later_pid,
  (SELECT path FROM label_info WHERE id = l.label) AS later_label,
  attribution('op', l.id, v.later_key, NULL) AS later_op,
  (SELECT name FROM allocators WHERE origin = l.id) AS later_allocator, v.later_start AS later_address,
  v.later_size_bytes AS later_size_bytes
FROM overlaps(:device, :region, :pid, NULL, :start, :end) v
  CROSS JOIN origin o ON o.id = v.origin CROSS JOIN origin l ON l.id = v.later_origin -- the function is called once
WHERE op_matches(:op, o.process, o.thread, v.key) OR op_matches(:op, l.process, l.thread, v.later_key)
ORDER BY v.bytes DESC, v.from_ns, v.key, v.later_key

-- refuse:
SELECT 'program memory and kernels are not looked at: ask for DRAM, L1 or another region of buffers'
WHERE :region IN ('CB', 'KERNEL')
