-- SPDX-License-Identifier: Apache-2.0
--
-- Recordings of many hosts in ClickHouse, as `ttalloc-analyze export --to clickhouse` fills them. For one server:
--     clickhouse-client --multiquery < schema.sql
-- cluster.sql has the same over shards and replicas. A recording may be exported again, whole or from where it was interrupted: rows of
-- the same key replace each other (FINAL, or a merge), those exported last win.
--
-- Times: *_ns are nanoseconds since the recording's start; recording.start_realtime_ns is nanoseconds since 1970. Sizes are bytes;
-- size_bytes payload, bank_bytes the footprint in each bank. Blocks of different devices and regions are never added to each other.
--
-- LowCardinality is from ClickHouse 19 on; a server of 18.16 wants --allow_experimental_low_cardinality_type=1.

CREATE DATABASE IF NOT EXISTS ttalloc;

-- One row per recording.
CREATE TABLE IF NOT EXISTS ttalloc.recording(
    recording String,                -- its uuid
    day Date,                        -- of its start, UTC
    host LowCardinality(String),
    user LowCardinality(String),
    command String,
    job String,                      -- of a cluster; '': none
    rank Int64,                      -- in the job; -1: not said
    version LowCardinality(String),  -- of the recorder
    boot_id String,
    start_realtime_ns Int64,
    start_monotonic_ns Int64,
    duration_ns Int64,
    ended UInt8,                     -- 0: in progress, or its recorder was killed
    complete UInt8,                  -- 0: something is missing
    lost_events Int64,
    processes Int64,
    steps Int64,                     -- that its processes began
    exported_ns Int64
) ENGINE = ReplacingMergeTree(exported_ns) PARTITION BY toYYYYMM(day) ORDER BY recording;

-- One row per device and region of a recording: the geometry that was told last.
CREATE TABLE IF NOT EXISTS ttalloc.device(
    recording String, day Date, host LowCardinality(String),
    device Int64, region LowCardinality(String), arch LowCardinality(String),
    banks Int64, bank_bytes Int64,   -- 0: not known
    chip String,                     -- what names it wherever it is used; '': not said
    exported_ns Int64
) ENGINE = ReplacingMergeTree(exported_ns) PARTITION BY toYYYYMM(day) ORDER BY (recording, device, region);

-- One row per block.
CREATE TABLE IF NOT EXISTS ttalloc.allocation(
    recording String, day Date, host LowCardinality(String),
    allocation_id Int64, pid Int64, device Int64,
    region LowCardinality(String), class LowCardinality(String),
    owner LowCardinality(String),    -- program, runtime, or live program, of what was never freed; '': it was
    address UInt64, size_bytes Int64, bank_bytes Int64,
    alloc_ns Int64, free_ns Int64,   -- free_ns -1: it lived when the recording ended
    ended LowCardinality(String),    -- live, freed, replaced, process exit, exec, device close
    label LowCardinality(String), step Int64, -- step -1: none
    exported_ns Int64
) ENGINE = ReplacingMergeTree(exported_ns) PARTITION BY toYYYYMM(day) ORDER BY (recording, device, region, allocation_id);

-- One row per span of time of a device and region: a time line.
CREATE TABLE IF NOT EXISTS ttalloc.usage(
    recording String, day Date, host LowCardinality(String),
    device Int64, region LowCardinality(String),
    from_ns Int64, to_ns Int64, min_bytes Int64, max_bytes Int64, end_bytes Int64, max_ns Int64,
    max_bank_bytes Int64, end_bank_bytes Int64, allocs Int64, frees Int64,
    exported_ns Int64
) ENGINE = ReplacingMergeTree(exported_ns) PARTITION BY toYYYYMM(day) ORDER BY (recording, device, region, from_ns);

-- One row per request that was not served.
CREATE TABLE IF NOT EXISTS ttalloc.failure(
    recording String, day Date, host LowCardinality(String),
    event_id Int64, pid Int64, device Int64, region LowCardinality(String), at_ns Int64,
    size_bytes Int64, bank_bytes Int64, label LowCardinality(String), step Int64, why String,
    exported_ns Int64
) ENGINE = ReplacingMergeTree(exported_ns) PARTITION BY toYYYYMM(day) ORDER BY (recording, event_id);

-- One row per moment at which a bank was looked at: what was free in it, and in how many pieces.
CREATE TABLE IF NOT EXISTS ttalloc.fragmentation(
    recording String, day Date, host LowCardinality(String),
    device Int64, region LowCardinality(String), at_ns Int64,
    used_bytes Int64, free_bytes Int64, largest_free_bytes Int64, free_blocks Int64,
    exported_ns Int64
) ENGINE = ReplacingMergeTree(exported_ns) PARTITION BY toYYYYMM(day) ORDER BY (recording, device, region, at_ns);

-- How far an export came: one row for each chunk of rows that the server has, by which an interrupted one goes on. table_name is the
-- table's, and which file it was of the recording's: the event before its first one, its last event, and what it was cut to.
CREATE TABLE IF NOT EXISTS ttalloc.chunk(
    recording String, day Date, table_name LowCardinality(String), number Int64, rows Int64, exported_ns Int64
) ENGINE = ReplacingMergeTree(exported_ns) PARTITION BY toYYYYMM(day) ORDER BY (recording, table_name, number);
