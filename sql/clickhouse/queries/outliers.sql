-- SPDX-License-Identifier: Apache-2.0
-- summary: hosts whose peak is far from that of the other hosts that ran the same command
SELECT host, command, region, peak_bytes, typical_bytes, round(peak_bytes / typical_bytes, 2) AS times
FROM (
    SELECT command, region, groupArray(host) AS hosts, groupArray(peak) AS peaks, median(peak) AS typical_bytes
    FROM (SELECT u.host AS host, command, region, max(max_bytes) AS peak
            FROM (SELECT * FROM ttalloc.usage FINAL
                    WHERE day >= today() - {days:UInt32} AND ({host:String} = '' OR host = {host:String})) AS u
                ANY LEFT JOIN (SELECT recording, command FROM ttalloc.recording FINAL) AS r USING recording
            GROUP BY host, command, region)
    GROUP BY command, region
    HAVING length(hosts) > 2 AND typical_bytes > 0)
ARRAY JOIN hosts AS host, peaks AS peak_bytes
WHERE peak_bytes > 1.25 * typical_bytes OR peak_bytes < 0.75 * typical_bytes
ORDER BY abs(times - 1) DESC, host, command, region
