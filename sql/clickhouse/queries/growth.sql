-- SPDX-License-Identifier: Apache-2.0
-- summary: where the least that lives in each tenth of a recording keeps growing: what stays, not what comes and goes
SELECT host, recording, device, region, floors[2] AS early_bytes, floors[10] AS late_bytes, late_bytes - early_bytes AS grown_bytes
FROM (
    SELECT host, recording, device, region, groupArray(floor_bytes) AS floors
    FROM (
        SELECT host, recording, device, region, least(9, intDiv(from_ns * 10, greatest(1, duration_ns))) AS tenth, min(min_bytes) AS floor_bytes
        FROM (SELECT * FROM ttalloc.usage FINAL
                WHERE day >= today() - {days:UInt32} AND ({host:String} = '' OR host = {host:String})) AS u
            ANY LEFT JOIN (SELECT recording, duration_ns FROM ttalloc.recording FINAL) AS r USING recording
        GROUP BY host, recording, device, region, tenth
        ORDER BY host, recording, device, region, tenth)
    GROUP BY host, recording, device, region
    HAVING length(floors) = 10)
WHERE floors[2] < floors[5] AND floors[5] < floors[9]
ORDER BY grown_bytes DESC, host, recording, device, region
