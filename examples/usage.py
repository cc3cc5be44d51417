#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a recording with pandas: what was live at the peak of each region, and the time line as CSV.

    python3 usage.py run.db

Nothing of ttalloc is needed: a recording is a plain SQLite file.
"""
import sqlite3
import sys

import pandas

LIVE_AT = """
    SELECT label, class, count(*) AS blocks, sum(size_bytes) AS bytes
    FROM allocation
    WHERE device = ? AND region = ? AND aliased = 0
      AND alloc_ns <= ? AND (free_ns IS NULL OR free_ns > ?)
    GROUP BY label, class ORDER BY bytes DESC LIMIT 10"""

if len(sys.argv) != 2:
    sys.exit("usage: usage.py FILE")
with sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True) as db:
    usage = pandas.read_sql_query("SELECT * FROM usage", db)
    for (device, region), line in usage.groupby(["device", "region"]):
        peak = line.loc[line.max_bytes.idxmax()]
        print(f"device {device} {region}: peak {peak.max_bytes:,} B at {peak.max_ns / 1e9:.3f} s")
        parameters = (int(device), region, int(peak.max_ns), int(peak.max_ns))
        print(pandas.read_sql_query(LIVE_AT, db, params=parameters).to_string(index=False))
usage.to_csv(sys.stdout, index=False)
