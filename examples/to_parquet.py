#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recordings as Parquet, for those who have Spark, Trino or DuckDB: a folder for each view, host and day, a file for each recording.

usage: to_parquet.py [-o DIR] [--views NAME,...] RECORDING...        (needs: pip install pyarrow)

    DIR/allocation/host=node7/day=2026-12-01/RECORDING.parquet

Done again, a recording replaces its files. Rows go over in pieces, so that memory does not grow with the recording. With DuckDB:

    SELECT host, region, sum(size_bytes) FROM read_parquet('DIR/allocation/*/*/*.parquet', hive_partitioning=true) GROUP BY ALL
"""
import argparse
import contextlib
import datetime
import pathlib
import sqlite3
import sys

import pyarrow
import pyarrow.parquet

VIEWS = "recording,process,thread,device,allocation,event,usage,failure,operation,operation_tensor,label_span,step,loss,note,crosscheck"
ROWS = 100_000  # that are in memory at a time
# Columns that hold text where they hold anything; others are numbers.
TEXTS = set("allocator_name arch arguments boot_id chip class command cores devices directory dtype ended executable host job kind label layout memory "
            "name note orientation producer region removed shape shard_grid shard_shape tensor user uuid version why".split())
TYPES = {"integer": pyarrow.int64(), "real": pyarrow.float64(), "text": pyarrow.string(), "blob": pyarrow.binary()}


def opened(path):
    database = sqlite3.connect(f"{pathlib.Path(path).resolve().as_uri()}?mode=ro", uri=True)
    database.text_factory = lambda text: text.decode(errors="replace")
    return database


def schema_of(database, view, names):
    """What the columns hold, which SQLite knows of values alone: it has to be the same in all files, also in those where a column has none."""
    kinds = []
    for name in names:
        found = database.execute(f'SELECT typeof("{name}") FROM "{view}" WHERE "{name}" IS NOT NULL LIMIT 1').fetchone()
        kinds.append(TYPES[found[0]] if found else TYPES["text" if name in TEXTS else "integer"])
    return pyarrow.schema([pyarrow.field(name, kind) for name, kind in zip(names, kinds)])


def write_view(database, view, path):
    """All rows of VIEW to PATH, which is there when it is whole. Their number."""
    rows = database.execute(f'SELECT * FROM "{view}"')
    names = [column[0] for column in rows.description]
    schema, count, unfinished = schema_of(database, view, names), 0, path.with_suffix(".unfinished")
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(pyarrow.parquet.ParquetWriter(unfinished, schema, compression="zstd")) as writer:
        while piece := rows.fetchmany(ROWS):
            columns = [pyarrow.array(values, field.type) for values, field in zip(zip(*piece), schema)]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
            count += len(piece)
    unfinished.rename(path)
    return count


def write_recording(path, views, out):
    with contextlib.closing(opened(path)) as database:
        known = {name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
        identity, host, start_ns = database.execute("SELECT uuid, host, start_realtime_ns FROM recording").fetchone()
        day = datetime.datetime.fromtimestamp(start_ns / 1e9, datetime.timezone.utc).date()
        folder = pathlib.PurePath(f"host={host.replace('/', '_')}", f"day={day}", f"{identity}.parquet")
        return sum(write_view(database, view, out / view / folder) for view in views if view in known)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="+", metavar="RECORDING")
    parser.add_argument("-o", "--output", default="parquet", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--views", default=VIEWS, metavar="NAME,...", help=f"default: {VIEWS}")
    options = parser.parse_args()
    failed = 0
    for path in options.recordings:
        try:
            print(f"{path}: {write_recording(path, options.views.split(','), options.output)} rows in {options.output}")
        except (sqlite3.Error, TypeError, OSError) as problem:
            print(f"to_parquet.py: {path}: {problem}; is it a recording of ttalloc-recorder? A shared one: 'ttalloc-analyze copy' it first",
                  file=sys.stderr)
            failed = 1
    sys.exit(failed)


if __name__ == "__main__":
    main()
