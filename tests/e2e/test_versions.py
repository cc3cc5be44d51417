# SPDX-License-Identifier: Apache-2.0
"""Recordings of older schema versions: each that ever was stays readable, and can be gone on with."""
import pathlib
import sqlite3
import time

from harness import SOURCE, Place, analyze, check, equal, main, program, run

GOLDEN = SOURCE / "tests/golden"
VERSIONS = (1, 3, 4, 5)
PEAK_OF_DRAM = {"peak_bytes": 2993696992, "peak_blocks": 77}
VERBS = ("info", "peak", "leaks", "failures", "fragmentation", "processes", "timeline", "allocated", "floor", "temporary",
         "histogram", "top", "l1", "verify")


def restore(place, version=1):
    """The file that the recorder of VERSION made."""
    file = place.file(f"version-{version}.db")
    database = sqlite3.connect(file)
    database.executescript((GOLDEN / f"version-{version}.dump").read_text(encoding="utf-8"))
    database.close()
    return file


def move_to_this_boot(file):
    """As though FILE had been made here a second ago: only on the clock that it began with can it be gone on with."""
    boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    started_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - 1_000_000_000
    with sqlite3.connect(file) as database:
        database.execute("UPDATE recording_info SET boot_id = ?, start_monotonic_ns = ?", (boot_id, started_ns))
    database.close()


def append(place, file):
    return run([program("ttalloc-recorder"), "--append", "-q", "-o", file, "--", program("ttalloc-player")],
               env=place.env, cwd=place.path, input="alloc 0 0 0 4096 1000 0\n")


def version_of(file):
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    version = database.execute("PRAGMA user_version").fetchone()[0]
    database.close()
    return version


def dram_of(file):
    row = next(row for row in analyze("peak", file)["rows"] if row["region"] == "DRAM")
    return {name: row[name] for name in PEAK_OF_DRAM}


def reads_older_versions():
    """Every verb answers, and nothing is changed."""
    for version in VERSIONS:
        place = Place()
        file = restore(place, version)
        for verb in VERBS:
            check(analyze(verb, file)["complete"], f"{verb} of version {version}")
        equal(dram_of(file), PEAK_OF_DRAM, "the peak")
        equal(analyze("verify", file)["rows"], [], "what verify finds")
        for by in ("label", "process", "step", "core"):
            check(analyze("peak", file, "--by", by)["rows"], f"peak --by {by}")
        equal(version_of(file), version, "the version that it has after being read")


def goes_on_with_version(version):
    """--append brings the file to this version, with all that was in it."""
    place = Place()
    file = restore(place, version)
    move_to_this_boot(file)
    result = append(place, file)
    equal(result.returncode, 0, f"status ({result.stderr})")
    check(version_of(file) > version, "the file is of the version before")
    equal(dram_of(file), PEAK_OF_DRAM, "the peak")
    equal(analyze("verify", file)["rows"], [], "what verify finds")
    equal(len(analyze("processes", file, "--region", "DRAM")["rows"]), 2, "processes in DRAM")
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    check(database.execute("SELECT count(*) FROM allocation").fetchone()[0] > 500, "the file's own views work")
    database.close()


def goes_on_with_older_versions():
    for version in VERSIONS:
        goes_on_with_version(version)


def another_boot_is_not_gone_on_with():
    """The dump was made elsewhere: its times and the new ones would be of two clocks."""
    place = Place()
    file = restore(place)
    result = append(place, file)
    equal(result.returncode, 125, "status")
    check("before the last boot, or from another machine" in result.stderr, f"it said: {result.stderr}")


main(reads_older_versions, goes_on_with_older_versions, another_boot_is_not_gone_on_with)
