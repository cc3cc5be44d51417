-- SPDX-License-Identifier: Apache-2.0
-- summary: requests that were not served, by host, region and label, with the last one's words
SELECT host, region, label, count() AS failures, count(DISTINCT recording) AS recordings, max(size_bytes) AS largest_bytes,
    max(day) AS last_day, argMax(why, (day, event_id)) AS last_words
FROM ttalloc.failure FINAL
WHERE day >= today() - {days:UInt32} AND ({host:String} = '' OR host = {host:String})
GROUP BY host, region, label
ORDER BY failures DESC, host, region, label
