-- SPDX-License-Identifier: Apache-2.0
-- summary: the ranks of a job on one clock: the most that they held together in each second, at most so much, and the worst rank
-- A span is spread over the seconds up to the next one: its maximum over those that it has events in, what was left at its end over the
-- others. Maxima of a second are added up, so the sum is an upper bound that is a second wide.
SELECT region, toDateTime(second) AS at, sum(held) AS most_bytes, argMax(host, held) AS worst_host, argMax(rank, held) AS worst_rank,
    max(held) AS worst_bytes
FROM (
    SELECT recording, any(host) AS host, any(rank) AS rank, region, second, sum(held) AS held
    FROM (
        SELECT recording, any(host) AS host, any(rank) AS rank, region, device, second, max(if(second <= last, max_bytes, end_bytes)) AS held
        FROM (
            SELECT recording, host, rank, region, device, max_bytes, end_bytes, intDiv(start_realtime_ns + to_ns, 1000000000) AS last,
                arrayJoin(range(toUInt64(intDiv(start_realtime_ns + from_ns, 1000000000)),
                    toUInt64(intDiv(start_realtime_ns + if(next_ns = 0, duration_ns, next_ns), 1000000000) + 1))) AS second
            FROM (SELECT recording, region, device, from_ns, to_ns, max_bytes, end_bytes,
                    leadInFrame(from_ns) OVER (PARTITION BY recording, region, device ORDER BY from_ns
                        ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS next_ns
                    FROM ttalloc.usage FINAL) AS u
                ALL INNER JOIN (SELECT recording, host, rank, start_realtime_ns, duration_ns FROM ttalloc.recording FINAL
                    WHERE job = {job:String}) AS r USING recording)
        GROUP BY recording, region, device, second)
    GROUP BY recording, region, second)
GROUP BY region, second
ORDER BY region, most_bytes DESC, at
