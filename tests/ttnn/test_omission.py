# SPDX-License-Identifier: Apache-2.0
"""A buffer of the real ttnn that is not recorded: the allocator's own word gives it away.

usage: test_omission.py VERSION  (a directory that mock.py made, in $TTALLOC_TTNN)
"""
import os
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import harness  # noqa: E402

MOCK = pathlib.Path(os.environ.get("TTALLOC_TTNN", harness.BUILD.parent / "ttnn")) / sys.argv[1]
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
# Ends without closing its device: only the request that fails makes the allocator speak again.
PROGRAM = """
import os, ttnn
device = ttnn.open_device(device_id=0)
held = [ttnn.empty((1, 1, 32, 32 * n), dtype=ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device,
                   memory_config=ttnn.DRAM_MEMORY_CONFIG) for n in range(1, 6)]
try:
    ttnn.empty((1, 1, 1 << 17, 1 << 18), dtype=ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device)
except RuntimeError:
    pass
os._exit(0)
"""


def record(place, *preloads):
    """Joins by itself: a recorder that starts it puts its own preload first."""
    recorder = harness.Recorder(place)
    folder = pathlib.Path(place.file("home"))
    folder.mkdir()
    done = harness.run([str(MOCK / "python/bin/python"), "-c", PROGRAM], cwd=folder, timeout=300,
                       env=place.target_env(HOME=str(folder), TT_LOGGER_LEVEL="fatal",
                                            LD_PRELOAD=":".join([*preloads, str(harness.BUILD / "hook/libttalloc-tt-metal.so")]),
                                            TT_METAL_MOCK_CLUSTER_DESC_PATH=str(MOCK / "p100.yaml")))
    harness.equal(done.returncode, 0, f"status ({done.stdout}{done.stderr})")
    place.await_drained()
    file = recorder.stop()
    dram, = harness.analyze("sql", file, "SELECT checks, differences, said_blocks - recorded_blocks AS blocks, said_bank_bytes "
                            "- recorded_bank_bytes AS bytes FROM crosscheck WHERE region = 'DRAM'")["rows"]
    return file, dram


def omission():
    if not (MOCK / "python/bin/python").exists():
        missing = MOCK / "missing"
        harness.skip(missing.read_text().strip() if missing.exists() else f"{MOCK}: mock.py has not set it up")
    if not COMPILER:
        harness.skip("there is no C compiler")
    file, dram = record(harness.Place())
    harness.equal((dram["differences"], harness.analyze("info", file)["complete"]), (0, True), "differences, complete")
    harness.check(dram["checks"] >= 2, f"asked {dram['checks']} times")
    place = harness.Place()
    hide = place.file("hide.so")
    done = harness.run([COMPILER, "-shared", "-fPIC", "-D_GNU_SOURCE", f"-I{harness.SOURCE / 'include'}", str(HERE / "hide.c"), "-o", hide, "-ldl"])
    harness.equal(done.returncode, 0, f"hide.c: {done.stderr}")
    file, dram = record(place, hide)
    harness.check(dram["differences"] >= 1 and dram["bytes"] > 0, f"what differs: {dram}")
    harness.equal((dram["blocks"], harness.analyze("info", file)["complete"]), (1, False), "hidden blocks, complete")
    harness.equal(["crosscheck"], sorted({row["what"] for row in harness.analyze("verify", file)["rows"]}), "verify")


if __name__ == "__main__":
    del sys.argv[1:]  # no names of tests
    harness.main(omission)
