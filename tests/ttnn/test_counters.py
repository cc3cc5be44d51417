# SPDX-License-Identifier: Apache-2.0
"""A program of the real ttnn that is not recorded, beside one that is: TT-Metal's own counters tell of it while both live.

usage: test_counters.py VERSION  (a directory that mock.py made, in $TTALLOC_TTNN)
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import cluster  # noqa: E402
import harness  # noqa: E402

MOCK = pathlib.Path(os.environ.get("TTALLOC_TTNN", harness.BUILD.parent / "ttnn")) / sys.argv[1]
HELD_BYTES = 2 << 20
PROGRAM = """
import sys, ttnn
device = ttnn.open_device(device_id=0)
held = ttnn.zeros((1, 1, 1024, 1024), dtype=ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device)
print("HOLDS", flush=True)
sys.stdin.read()
"""


def program(place, name, env):
    folder = pathlib.Path(place.file(name))
    folder.mkdir()
    process = harness.start([str(MOCK / "python/bin/python"), "-c", PROGRAM], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            env={**env, "HOME": str(folder), "TT_LOGGER_LEVEL": "fatal", "TT_METAL_MOCK_CLUSTER_DESC_PATH": place.file("p100.yaml")})
    while "HOLDS" not in (line := process.stdout.readline()):
        harness.check(line, f"{name} ended")
    return process


def who_is_not_recorded():
    if not (MOCK / "python/bin/python").exists():
        missing = MOCK / "missing"
        harness.skip(missing.read_text().strip() if missing.exists() else f"{MOCK}: mock.py has not set it up")
    os.environ.pop("TTALLOC_CHIP_COUNTERS")
    place = harness.Place()
    chip = (1 << 40) + os.getpid()  # of its own: places in the counters of one are few, and never given back
    pathlib.Path(place.file("p100.yaml")).write_text(cluster.describe("p100", chip), encoding="utf-8")
    try:
        check_chip(place)
    finally:
        pathlib.Path(f"/dev/shm/tt_device_{chip}_memory").unlink(missing_ok=True)


def check_chip(place):
    recorder = harness.Recorder(place)
    recorded = program(place, "recorded", place.target_env(LD_PRELOAD=str(harness.BUILD / "hook/libttalloc-tt-metal.so")))
    other = program(place, "other", place.env)
    rows = {row["pid"]: row for row in harness.analyze("chips", recorder.file)["rows"]}
    for process, is_recorded in ((recorded, 1), (other, 0)):
        harness.check(process.pid in rows, f"{process.pid} is not among {sorted(rows)}")
        row = rows[process.pid]
        harness.equal((row["dram_bytes"] >= HELD_BYTES, row["recorded"]), (True, is_recorded), f"{row}")
    for process in (recorded, other):
        process.stdin.close()
        process.wait(60)
    place.await_drained()
    file = recorder.stop()
    harness.check(not {recorded.pid, other.pid} & {row["pid"] for row in harness.analyze("chips", file)["rows"]}, "who has ended is left out")


if __name__ == "__main__":
    del sys.argv[1:]  # no names of tests
    harness.main(who_is_not_recorded)
