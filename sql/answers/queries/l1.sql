-- SPDX-License-Identifier: Apache-2.0
-- summary: how L1 was split at its fullest, and how close program memory and blocks came
-- about: One row for each device. Program memory is what programs have in L1: circular buffers, dataflow buffers and scratchpads. Blocks of L1 take the same bytes of every bank (core); program memory takes those of the cores that its program runs on, and only that of the program that ran last is there. So the peak is what blocks took of a bank and program memory of the fullest core together, at the moment when that was the most: neither's own peak need be then.
-- about: Program memory grows upwards from the lowest address and may not reach the lowest block of the whole device. headroom_bytes is the least that there was between them over the run, from the end of the program memory that lay there (or the lowest address) to the lowest block (or the end of the bank); below zero they lay over one another. What lies in a block (aliased) counts nothing.
-- about: reserve_bytes is the lowest address that the device's allocator gives out: below it lie firmware and the ring of kernel configurations, whose use is not recorded.
-- regions: L1, CB
-- filters: device
-- fold: devices
-- column: device id,key chip
-- column: peak_bank_bytes bytes,derived the most that blocks of L1 took of each bank and program memory of the fullest core, together
-- column: peak_ns ns the earliest moment of it, since the recording's start
-- column: buffer_bank_bytes bytes of it, blocks of L1
-- column: circular_bytes bytes of it, program memory, on the fullest core
-- column: core text the fullest core, x-y as the program numbers them; of several the first; unknown where cores are
-- column: reserve_bytes bytes below the lowest address that can be allocated; unknown without the device's geometry
-- column: bank_bytes bytes,derived above it, in each bank; unknown without the device's geometry
-- column: headroom_bytes bytes the least between program memory and the lowest block
-- column: headroom_ns ns the earliest moment of it
-- column: floor_label text open ranges when the lowest block of that moment was allocated
-- column: floor_op text,context the operation that allocated it, and its number
-- column: floor_tensor text,context what it holds: shape, dtype, layout, memory layout
-- column: floor_address address where it begins; none: no block was live then
-- plot: bars device circular_bytes buffer_bank_bytes of bank_bytes
SELECT f.device AS device, f.peak_bank_bytes AS peak_bank_bytes, f.peak_ns AS peak_ns,
  f.buffer_bank_bytes AS buffer_bank_bytes, f.circular_bytes AS circular_bytes, f.core AS core,
  f.reserve_bytes AS reserve_bytes, f.bank_bytes AS bank_bytes, f.headroom_bytes AS headroom_bytes,
  f.headroom_ns AS headroom_ns,
  (SELECT l.path FROM origin o, label_info l WHERE o.id = f.floor_origin AND l.id = o.label) AS floor_label,
  attribution('op', f.floor_origin, f.floor_key, NULL) AS floor_op,
  attribution('tensor', f.floor_origin, NULL, NULL) AS floor_tensor,
  f.floor_address AS floor_address
FROM l1(:device) f ORDER BY f.device

-- notes:
SELECT 'reserve_bytes, bank_bytes and, when there are no blocks or no program memory, the headroom need ' || remark
FROM missing_geometry
WHERE region = 'L1'
  AND (:device IS NULL OR device = :device)

-- notes:
SELECT 'no program memory is recorded: the peak is that of blocks (programs report it with ttalloc_cb_alloc)'
WHERE EXISTS (SELECT 1 FROM origin WHERE region = {region.L1})
  AND NOT EXISTS (SELECT 1 FROM circular_buffer)

-- notes:
SELECT 'the cores of ' || count(*) || ' pieces of program memory are not known: they count their size'
FROM circular_buffer c JOIN origin o ON o.id = c.origin
WHERE c.cores IS NULL
  AND (:device IS NULL OR o.device = :device) HAVING count(*) > 0

-- notes:
SELECT 'blocks of device ' || group_concat(DISTINCT i.device) || ' lie on some cores alone: those of the fullest core and the program '
  || 'memory of the fullest core are added up, which need not be the same one: peak_bank_bytes is at most that'
FROM device_cores c JOIN device_identity i ON i.key = c.key
WHERE (:device IS NULL OR i.device = :device) HAVING count(*) > 0
