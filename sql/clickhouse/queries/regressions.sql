-- SPDX-License-Identifier: Apache-2.0
-- summary: commands whose peak of the last week is above that of the time before, by region
SELECT command, region, maxIf(max_bytes, day >= today() - 7) AS new_bytes, maxIf(max_bytes, day < today() - 7) AS old_bytes,
    new_bytes - old_bytes AS grown_bytes, round(100 * (new_bytes / old_bytes - 1), 1) AS percent
FROM (SELECT * FROM ttalloc.usage FINAL
        WHERE day >= today() - {days:UInt32} AND ({host:String} = '' OR host = {host:String})) AS u
    ANY LEFT JOIN (SELECT recording, command FROM ttalloc.recording FINAL) AS r USING recording
GROUP BY command, region
HAVING old_bytes > 0 AND new_bytes > old_bytes
ORDER BY percent DESC, command, region
