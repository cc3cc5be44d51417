# SPDX-License-Identifier: Apache-2.0
"""A training loop of JAX on the mock device, recorded block by block.

usage: test_jax.py  (the directory jax that mock.py made, in $TTALLOC_TTNN)
"""
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "tt_metal")]

import harness  # noqa: E402
import standins  # noqa: E402
from test_tt_metal_plugin import record, rows  # noqa: E402

MOCK = pathlib.Path(os.environ.get("TTALLOC_TTNN", harness.BUILD.parent / "ttnn")) / "jax"


def chip_id():
    """As the description of the machine has it, below chip_unique_ids."""
    description = (MOCK / "p100.yaml").read_text()
    return re.search(r"chip_unique_ids:\s+0: (\d+)", description)[1]


def training_loop():
    python = MOCK / "python/bin/python"
    if not python.exists():
        missing = MOCK / "missing"
        harness.skip(missing.read_text().strip() if missing.exists() else f"{MOCK}: mock.py has not set it up")
    place = harness.Place()
    file, _said = record(place, [str(python), str(standins.SOURCE / "examples/jax_training.py"), "1"], "--python-stacks",
                         TT_LOGGER_LEVEL="error", TT_METAL_MOCK_CLUSTER_DESC_PATH=str(MOCK / "p100.yaml"))
    # A matrix of weights takes 64 KiB in each of 8 banks: two at first, and two new ones from the step.
    (matrices,), = rows(file, "SELECT count(*) FROM allocation WHERE region = 'DRAM' AND size_bytes = 65536")
    harness.check(matrices >= 4, f"{matrices} matrices")
    harness.equal(rows(file, "SELECT DISTINCT ended FROM allocation"), [("freed",)], "ends")
    harness.equal(rows(file, "SELECT sum(unmatched_frees), sum(replaced), sum(lost) FROM process"), [(0, 0, 0)], "anomalies")
    (frames,), = rows(file, "SELECT count(*) FROM stack WHERE function LIKE 'train%' AND language = 'python'")
    harness.check(frames > 0, "no Python frame of the program")
    # Nothing is exported, and yet the chip is known, by what TT-Metal shares of it; geometry too, but for the banks.
    harness.equal(rows(file, "SELECT DISTINCT device, chip, arch, banks FROM device"), [(0, chip_id(), "blackhole", None)], "device")
    harness.equal(harness.analyze("peak", file, "--device", chip_id())["rows"], harness.analyze("peak", file)["rows"], "of the chip")
    # What programs place in L1 is not seen. All else is, in bytes of each bank.
    harness.equal({region: harness.analyze("peak", file, "--region", region)["complete"] for region in ("DRAM", "L1", "CB")},
                  {"DRAM": True, "L1": True, "CB": False}, "complete")
    harness.equal(harness.analyze("info", file)["rows"][0]["incomplete"], "CB", "what is not complete")
    notes = harness.analyze("peak", file, "--region", "DRAM")["notes"]
    harness.check(any("sizes are those in each bank" in note for note in notes), notes)
    # Its lists were asked what they hold, and hold what is recorded.
    (checks, differences), = rows(file, "SELECT sum(checks), sum(differences) FROM crosscheck")
    harness.check(checks >= 4, f"{checks} crosschecks")
    harness.equal(differences, 0, "crosschecks that differ")
    harness.verify(file)


if __name__ == "__main__":
    harness.main(training_loop)
