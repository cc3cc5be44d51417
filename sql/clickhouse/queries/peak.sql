-- SPDX-License-Identifier: Apache-2.0
-- summary: the highest peak of each host, device and region, and the recording that has it
SELECT host, device, region, max(max_bytes) AS peak_bytes, max(max_bank_bytes) AS peak_bank_bytes,
    argMax(recording, max_bytes) AS of_recording, count(DISTINCT recording) AS recordings
FROM ttalloc.usage FINAL
WHERE day >= today() - {days:UInt32} AND ({host:String} = '' OR host = {host:String})
GROUP BY host, device, region
ORDER BY region, peak_bytes DESC, host, device
