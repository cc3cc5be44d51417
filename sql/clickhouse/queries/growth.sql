-- SPDX-License-Identifier: Apache-2.0
-- summary: where the least that lives keeps growing from third to third of a recording: what stays, not what comes and goes
-- Thirds are of tenths: the first one is what a program begins with, and in the last one it frees everything. What was left before a third
-- lives at its start. Of recordings of 20 seconds and more, since a span of usage may be a second long.
SELECT host, recording, device, region, early_bytes, late_bytes, late_bytes - early_bytes AS grown_bytes
FROM (
    SELECT host, recording, device, region,
        argMaxIf(end_bytes, from_ns, tenth < 1) AS before_early, argMaxIf(end_bytes, from_ns, tenth < 3) AS before_middle,
        argMaxIf(end_bytes, from_ns, tenth < 6) AS before_late,
        if(countIf(tenth IN (1, 2)) = 0, before_early, least(before_early, minIf(min_bytes, tenth IN (1, 2)))) AS early_bytes,
        if(countIf(tenth IN (3, 4, 5)) = 0, before_middle, least(before_middle, minIf(min_bytes, tenth IN (3, 4, 5)))) AS middle_bytes,
        if(countIf(tenth IN (6, 7, 8)) = 0, before_late, least(before_late, minIf(min_bytes, tenth IN (6, 7, 8)))) AS late_bytes
    FROM (
        SELECT host, recording, device, region, from_ns, min_bytes, end_bytes, intDiv(from_ns * 10, greatest(1, duration_ns)) AS tenth
        FROM (SELECT * FROM ttalloc.usage FINAL
                WHERE day >= today() - {days:UInt32} AND ({host:String} = '' OR host = {host:String})) AS u
            ANY LEFT JOIN (SELECT recording, duration_ns FROM ttalloc.recording FINAL) AS r USING recording
        WHERE duration_ns >= 20000000000)
    GROUP BY host, recording, device, region)
WHERE early_bytes < middle_bytes AND middle_bytes < late_bytes
ORDER BY grown_bytes DESC, host, recording, device, region
