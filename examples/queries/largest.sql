-- SPDX-License-Identifier: Apache-2.0
-- summary: the largest blocks that were ever placed
-- param: at_least size 0 leave out smaller blocks
-- filters: device region pid
-- column: size_bytes bytes payload
-- column: bank_bytes bytes footprint in each bank
-- column: label text the open labels when it was allocated
-- column: blocks count how many blocks of that size and label there were
SELECT size_bytes, bank_bytes, label, count(*) AS blocks
FROM allocation
WHERE size_bytes >= :at_least
  AND (:device IS NULL OR device = :device)
  AND (:region IS NULL OR region = :region)
  AND (:pid IS NULL OR pid = :pid)
GROUP BY size_bytes, bank_bytes, label
ORDER BY size_bytes DESC, label
