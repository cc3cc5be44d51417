# SPDX-License-Identifier: Apache-2.0
"""What takes the room in a file adds up to the file, and each kind is what its tables take, page by page as sqlite3 counts them."""
import os
import sqlite3

from harness import Place, analyze, check, equal, main, program, run, skip


def adds_up():
    place = Place()
    file = place.file("run.db")
    run([program("ttalloc-recorder"), "-q", "-o", file, "--", program("ttalloc-trainer"), "--quiet", "--fail"], env=place.env)
    done = run([program("ttalloc-analyze"), "room", "--json", file])
    if "built without dbstat" in done.stderr:
        skip(done.stderr.strip())
    rows = analyze("room", file)["rows"]
    equal(sum(row["bytes"] for row in rows), os.path.getsize(file), "bytes")
    check(abs(sum(row["share"] for row in rows) - 1) < 1e-9, rows)
    equal(rows, sorted(rows, key=lambda row: -row["bytes"]), "order")
    tables = [table for row in rows for table in row["tables"].split(", ") if table]
    equal(len(tables), len(set(tables)), "tables, each once")
    database = sqlite3.connect(file)
    equal(set(tables) - {"sqlite_schema"}, {row[0] for row in database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' OR (type = 'index' AND sql IS NOT NULL) OR name LIKE 'sqlite_autoindex%'")},
        "tables and indexes")
    other, = [row for row in rows if row["what"] == "everything else"]
    check("freed" not in other["tables"] and "origin" not in other["tables"], other)
    shared = place.file("shared.db")
    run([program("ttalloc-analyze"), "share", "-o", shared, file])
    equal({row["what"] for row in analyze("room", shared)["rows"]} >= {"blocks", "call stacks"}, True, "a shared file")


main(adds_up)
