-- SPDX-License-Identifier: Apache-2.0
-- summary: who uses the chips of this machine now, recorded or not, by TT-Metal's own counters
-- about: One row for each chip and living process, from memory that programs of TT-Metal share (/dev/shm/tt_device_ID_memory; ttnn 0.70 and later, unless TT_METAL_SHM_TRACKING_DISABLED=1). They are sums of payload at this moment: no peaks, no banks, no history. circular_bytes are over all cores, and only of what TT-Metal counts, which are no dataflow buffers. Processes that have ended, which TT-Metal never takes out, are left out here. $TTALLOC_CHIP_COUNTERS names another directory than /dev/shm.
-- column: chip text,key its unique id
-- column: device count number that TT-Metal gives it in the process that came last
-- column: pid id of the operating system
-- column: name text of the program
-- column: dram_bytes bytes payload
-- column: l1_bytes bytes payload
-- column: l1_small_bytes bytes,derived payload
-- column: trace_bytes bytes,derived payload
-- column: circular_bytes bytes circular buffers, over all cores
-- column: recorded count 1: in FILE; unknown when FILE is no recording in progress on this machine
-- rows: 0
-- empty: no process uses a chip, as far as TT-Metal tells
SELECT chip, device, pid, name, dram_bytes, l1_bytes, l1_small_bytes, trace_bytes, circular_bytes, recorded
FROM chip_counters() WHERE pid IS NOT NULL ORDER BY length(chip), chip, dram_bytes DESC, pid

-- notes:
SELECT 'chip ' || chip || ': all 64 places are taken, also by processes that have ended: TT-Metal counts later ones nowhere. While no program uses the chip, '
  || '/dev/shm/tt_device_' || chip || '_memory can be removed'
FROM chip_counters() WHERE pid IS NULL AND device IS NOT NULL

-- notes:
SELECT 'the counters of chip ' || group_concat(chip, ', ') || ' cannot be read (they are another user''s, or of a version that is not known): '
  || 'whoever uses it is not told'
FROM chip_counters() WHERE pid IS NULL AND device IS NULL HAVING count(*) > 0
