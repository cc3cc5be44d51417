-- SPDX-License-Identifier: Apache-2.0
--
-- The tables of schema.sql over the shards of a cluster called fleet (remote_servers in the servers' configuration), on every server of it:
--     sed 's/ttalloc\([.;]\)/ttalloc_shard\1/' schema.sql | clickhouse-client --multiquery
--     clickhouse-client --multiquery < cluster.sql
-- With replicas, each shard's tables are Replicated:
--     sed 's/ttalloc\([.;]\)/ttalloc_shard\1/; s,ReplacingMergeTree(,ReplicatedReplacingMergeTree('"'"'/ttalloc/{shard}/{uuid}'"'"'\, '"'"'{replica}'"'"'\, ,' schema.sql
-- Old recordings go by themselves after half a year with, on each table of a shard:
--     ALTER TABLE ttalloc_shard.allocation MODIFY TTL day + INTERVAL 6 MONTH
--
-- A recording lies on one shard, so exports go to any server, and so do questions. What differs from server to server version: 18.16
-- has no TTL, no {uuid}, and no window functions, which the question job needs; the rest was tried on 18.16 and on 26.9.

CREATE DATABASE IF NOT EXISTS ttalloc;
CREATE TABLE IF NOT EXISTS ttalloc.recording AS ttalloc_shard.recording ENGINE = Distributed(fleet, ttalloc_shard, recording, cityHash64(recording));
CREATE TABLE IF NOT EXISTS ttalloc.device AS ttalloc_shard.device ENGINE = Distributed(fleet, ttalloc_shard, device, cityHash64(recording));
CREATE TABLE IF NOT EXISTS ttalloc.allocation AS ttalloc_shard.allocation ENGINE = Distributed(fleet, ttalloc_shard, allocation, cityHash64(recording));
CREATE TABLE IF NOT EXISTS ttalloc.usage AS ttalloc_shard.usage ENGINE = Distributed(fleet, ttalloc_shard, usage, cityHash64(recording));
CREATE TABLE IF NOT EXISTS ttalloc.failure AS ttalloc_shard.failure ENGINE = Distributed(fleet, ttalloc_shard, failure, cityHash64(recording));
CREATE TABLE IF NOT EXISTS ttalloc.fragmentation AS ttalloc_shard.fragmentation ENGINE = Distributed(fleet, ttalloc_shard, fragmentation, cityHash64(recording));
CREATE TABLE IF NOT EXISTS ttalloc.chunk AS ttalloc_shard.chunk ENGINE = Distributed(fleet, ttalloc_shard, chunk, cityHash64(recording));
