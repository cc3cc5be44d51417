-- SPDX-License-Identifier: Apache-2.0
-- summary: what programs never freed, by host and label, and how much of it for each step
SELECT host, region, label, sum(leaked_blocks) AS blocks, sum(leaked_bytes) AS bytes, count() AS recordings,
    if(sum(steps) = 0, NULL, sum(leaked_bytes) / sum(steps)) AS bytes_per_step
FROM (
    SELECT recording, host, region, label, count() AS leaked_blocks, sum(size_bytes) AS leaked_bytes
    FROM ttalloc.allocation FINAL
    WHERE owner = 'program' AND day >= today() - {days:UInt32} AND ({host:String} = '' OR host = {host:String})
    GROUP BY recording, host, region, label) AS a
    ANY LEFT JOIN (SELECT recording, steps FROM ttalloc.recording FINAL) AS r USING recording
GROUP BY host, region, label
ORDER BY bytes DESC, host, label
