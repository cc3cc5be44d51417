-- SPDX-License-Identifier: Apache-2.0
-- summary: the banks that were most in pieces: 1 - largest / free, where at least a tenth of the bank was free
SELECT f.host AS host, recording, device, region, max(1 - largest_free_bytes / free_bytes) AS external_fragmentation,
    argMax(f.at_ns, 1 - largest_free_bytes / free_bytes) AS at_ns, argMax(free_bytes, 1 - largest_free_bytes / free_bytes) AS then_free_bytes
FROM ttalloc.fragmentation AS f FINAL
WHERE free_bytes * 10 > used_bytes + free_bytes AND day >= today() - {days:UInt32} AND ({host:String} = '' OR host = {host:String})
GROUP BY f.host, recording, device, region
ORDER BY external_fragmentation DESC, host, recording, device, region
