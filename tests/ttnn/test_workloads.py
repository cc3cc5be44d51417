# SPDX-License-Identifier: Apache-2.0
"""Recordings of the real ttnn on its mock device, against what TT-Metal itself said after each operation.

usage: test_workloads.py VERSION [WORKLOAD...]  (a directory that mock.py made, in $TTALLOC_TTNN)

blocks    the live buffers of each chip: region, address, footprint in each bank (ttnn._ttnn.reports.get_buffers, whose
          sizes are rounded to the allocator's unit)
totals    their sum in each bank (ttnn.get_memory_view)
shared    the payload of each chip (what TT-Metal shares with tt-smi, in /dev/shm)
programs  what was placed for programs: chip and size (captured graphs)
tries     nothing is placed for programs that are run without dispatch
failures  requests that failed (the exceptions' words)
alone     blocks on single cores (hybrid allocation): chip, core, address and size of each
fullest   the most that lay on one core of each chip, which is what peak says of its banks
placeable what was left beside the blocks that were in a request's way, as the exceptions' words have it
explained what was free then, as the exceptions' words have it (ttalloc-analyze why)
boards    processes that see different chips have different devices, each known by its chip's unique id
crosschecked  each allocator was asked what it has given out, block by block, and all of that is recorded
complete  a recording is, or says that it is not
sound     ttalloc-analyze verify finds what there is to find, mostly nothing
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness  # noqa: E402
import cluster  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
MOCKS = pathlib.Path(os.environ.get("TTALLOC_TTNN", harness.BUILD.parent / "ttnn"))
JOBS = 2
UNIT_BYTES = {"blackhole": 64, "wormhole_b0": 32}  # of all allocators, L1's too

# Machine, and the environment of each process.
WORKLOADS = {
    "norms": ("p100", [{}]),
    "matmuls": ("p100", [{}]),
    "sharded": ("p100", [{}]),
    "conv": ("p100", [{}]),
    "attention": ("n150", [{}]),
    "training": ("n150", [{}]),
    "mesh4": ("2x2", [{}]),
    "mesh8": ("2x4", [{}]),
    "submeshes": ("2x2", [{}]),
    "one_board": ("2x2", [{"TT_VISIBLE_DEVICES": "0"}, {"TT_VISIBLE_DEVICES": "1"}]),
    "threads": ("p100", [{}]),
    "cache_cleared": ("p100", [{}]),
    "hybrid": ("p100", [{"TT_METAL_ALLOCATOR_MODE_HYBRID": "1"}]),
    "hybrid_mesh": ("2x2", [{"TT_METAL_ALLOCATOR_MODE_HYBRID": "1"}]),
    "failures": ("p100", [{}]),
    "no_region": ("p100", [{}]),
}

# Where a wheel's mock device differs: the first version that has what a workload needs; and who runs no fast dispatch.
NEEDS = {
    "hybrid": "0.70.0",
    "hybrid_mesh": "0.78.0",  # before, TT-Metal tells the addresses of the first chip alone
    "one_board": "0.70.0",  # before, the mock device has all chips whatever a process is told to see
    "failures": "0.75.0",  # before, programs that clash are not refused there
}
SLOW_DISPATCH = ("0.70.1",)

# Where TT-Metal itself says less than there is.
NOT_TOLD = {
    ("hybrid", "blocks"): "its reports do not know blocks of single cores",
    ("hybrid_mesh", "blocks"): "its reports do not know blocks of single cores",
    ("threads", "shared"): "it is kept by the thread that allocated",
}

# What verify has to find: a parent and its submesh really give out the same memory.
FINDINGS = {"submeshes": {"shared memory"}}

# What is not recorded right yet: workload, check, and the first version that it is wrong of, to the reason. It is checked
# all the same, and said when it has become right.
PENDING = {}


def reaches(version, first):
    def number(text):
        return [int(part) for part in text.split(".") if part]
    return version == "newest" or number(version) >= number(first)


def is_pending(workload, check, version):
    """The reason, or None."""
    for (a_workload, a_check, first), why in PENDING.items():
        if a_check == check and a_workload in ("*", workload) and reaches(version, first):
            return why
    return None


class Recording:
    """The rows of one recording, with times on the host's clock."""

    def __init__(self, file):
        self.file = file
        database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        database.row_factory = sqlite3.Row
        start_ns = database.execute("SELECT start_monotonic_ns FROM recording").fetchone()[0]
        in_step = {row[0] for row in database.execute(
            "SELECT i.allocator FROM device_cores c JOIN device_identity i USING (key) WHERE c.in_step")}
        self.blocks = [{**dict(row), "in_step": row["allocator"] in in_step, "alloc_ns": row["alloc_ns"] + start_ns,
                        "free_ns": None if row["free_ns"] is None else row["free_ns"] + start_ns}
                       for row in database.execute("SELECT * FROM allocation")]
        self.failures = [{**dict(row), "at_ns": row["at_ns"] + start_ns} for row in database.execute("SELECT * FROM failure")]
        # TT-Metal counts a process's chips from 0; a recording has its own number for each.
        self.chips = {(row["pid"], row["device"]): row["own_number"]
                      for row in database.execute("SELECT pid, device, own_number FROM device")}
        self.names = {(row["pid"], row["device"]): row["chip"] for row in database.execute("SELECT pid, device, chip FROM device")}
        database.close()

    def chip(self, row):
        return self.chips.get((row["pid"], row["device"]))

    def live(self, pid, at_ns):
        return [block for block in self.blocks if block["pid"] == pid and block["alloc_ns"] <= at_ns and
                (block["free_ns"] is None or block["free_ns"] > at_ns)]


# --- checks: each gives what TT-Metal said and what was recorded, of one moment, or None -----------------------------


def blocks(moment, recording):
    unit = moment["unit_bytes"]
    said = sorted((chip, region, address, -(-size // unit) * unit) for device in moment["devices"] for chip in device["chips"]
                  for region, address, size in device["buffers"])
    live = [block for block in recording.live(moment["pid"], moment["at_ns"]) if block["region"] in ("DRAM", "L1", "L1_SMALL")]
    return said, sorted((recording.chip(block), block["region"], block["address"], block["bank_bytes"]) for block in live
                        if block["class"] != "kernel_binary")


def totals(moment, recording):
    said, recorded = collections.Counter(), collections.Counter()
    for device in moment["devices"]:
        for chip in device["chips"]:
            for region, taken in device["totals"].items():
                said[chip, region] += taken
    for block in recording.live(moment["pid"], moment["at_ns"]):
        if block["region"] in ("DRAM", "L1", "L1_SMALL") and not (block["cores"] and not block["in_step"]):
            recorded[recording.chip(block), block["region"]] += block["bank_bytes"]
    return dict(+said), dict(+recorded)


def on_each_core(recording, block):
    """(chip, x, y, address, bytes in the bank, whether it is in step) of each core that the block lies on alone."""
    return [(recording.chip(block), x, y, block["address"], block["bank_bytes"], block["in_step"])
            for x0, y0, x1, y1 in json.loads(block["cores"] or "[]") for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)]


def alone(moment, recording):
    if "alone" not in moment:
        return None
    live = [block for block in recording.live(moment["pid"], moment["at_ns"]) if block["region"] == "L1"]
    return sorted(map(tuple, moment["alone"])), sorted(place for block in live for place in on_each_core(recording, block))


def placeable(moment, recording):
    """A request that is larger than a bank, or a version that does not say, has no such words."""
    said = moment.get("failure", {})
    if not said.get("placeable"):
        return None
    rows = [number for number, row in enumerate(recording.failures, 1) if moment["after_ns"] < row["at_ns"] <= moment["at_ns"]]
    rows = [harness.analyze("why", recording.file, "--failure", str(number))["rows"][0] for number in rows]
    return [(said["placeable"], said["largest"])], [(row["free_bytes"], row["largest_free_bytes"]) for row in rows]


def shared(moment, recording):
    said = {(int(chip), region): taken for chip, regions in moment["shared"].items() if regions
            for region, taken in regions.items() if taken}
    if not any(moment["shared"].values()):
        return None
    recorded = collections.Counter()
    for block in recording.live(moment["pid"], moment["at_ns"]):
        if block["region"] in ("DRAM", "L1", "L1_SMALL"):
            recorded[recording.chip(block), block["region"]] += block["size_bytes"]
    return said, dict(recorded)


def placed(recording, moment, after_ns, until_ns):
    """(chip, size) of what lies in no other block's memory."""
    return sorted((recording.chip(block), block["size_bytes"]) for block in recording.blocks
                  if block["region"] == "CB" and block["pid"] == moment["pid"] and not block["aliased"] and
                  after_ns < block["alloc_ns"] <= until_ns)


def tries(moment, recording):
    """A run without dispatch places nothing."""
    return None if "circular" not in moment else ([], placed(recording, moment, moment["tried_ns"], moment["started_ns"]))


def programs(moment, recording):
    """Dataflow buffers are told of without a chip: each chip of the device has them."""
    if "circular" not in moment:
        return None
    chips = moment["devices"][0]["chips"]
    # 0.66.0 tells the mesh's number instead.
    said = [(one, size) for chip, size in moment["circular"] for one in ([chip] if chip in chips else chips)]
    said += [(chip, size) for size in moment["dataflow"] for chip in chips]
    return sorted(said), placed(recording, moment, moment["started_ns"], moment["at_ns"])


def failures(moment, recording):
    rows = [row for row in recording.failures if row["pid"] == moment["pid"] and not row["same_request"] and
            moment["after_ns"] < row["at_ns"] <= moment["at_ns"]]
    if "failure" not in moment:
        return [], [(row["region"], row["size_bytes"]) for row in rows]
    said = moment["failure"]
    if "clash" in said and not said["clash"]:
        return None  # said in words that have no figures of the request
    if said.get("clash"):
        return ["a clash"], ["a clash" if "clash" in (row["why"] or "") else row["why"] for row in rows]
    names = ("region", "size_bytes", "bank_bytes")
    return ([tuple(said[name] for name in names)], [tuple(row[name] for name in names) for row in rows])


CHECKS = (blocks, totals, shared, programs, tries, failures, alone, placeable)


def fullest(file, moments, recording):
    """{chip: the most that TT-Metal had on one core}, and what peak says."""
    said, recorded = collections.Counter(), {}
    for moment in moments:
        for chip in {chip for device in moment["devices"] for chip in device["chips"]}:
            level = sum(device["totals"]["L1"] for device in moment["devices"] if chip in device["chips"])
            of_cores, in_step = collections.Counter(), {}
            for at, x, y, address, size, is_in_step in moment["alone"]:
                of_cores[x, y] += size if at == chip else 0
                if is_in_step and at == chip:
                    in_step[address] = size
            said[chip] = max(said[chip], level - sum(in_step.values()) + max(of_cores.values(), default=0))
    for row in harness.analyze("peak", file, "--region", "L1")["rows"]:
        recorded[recording.chips[moments[0]["pid"], row["device"]]] = row["peak_bank_bytes"]
    return dict(said), recorded


# --- running ---------------------------------------------------------------------------------------------------------


def record(name, mock, place):
    """One recording of all processes of a workload; returns the file and the moments."""
    machine, environments = WORKLOADS[name]
    first_id = random.getrandbits(40) << 8
    description = pathlib.Path(place.file("machine.yaml"))
    description.write_text(cluster.describe(machine, first_id), encoding="utf-8")
    recorder = harness.Recorder(place)
    started = []
    for number, more in enumerate(environments):
        visible = int(more.get("TT_VISIBLE_DEVICES", 0))
        folder = pathlib.Path(place.file(f"process-{number}"))
        folder.mkdir()
        env = place.target_env(
            HOME=str(folder), TT_METAL_MOCK_CLUSTER_DESC_PATH=str(description), TT_LOGGER_LEVEL="fatal",
            TTALLOC_FIRST_CHIP_ID=str(first_id + visible), TTALLOC_WITNESS=str(folder / "moments"),
            LD_PRELOAD=str(harness.BUILD / "hook/libttalloc-tt-metal.so"), TTALLOC_FULL_WAIT_MS="10000", **more)
        log = open(folder / "log", "w+", encoding="utf-8")
        started.append((folder, log, harness.start([str(mock / "python/bin/python"), str(HERE / "workloads.py"), name],
                                                   env=env, cwd=folder, stdout=log, stderr=log)))
    moments = []
    try:
        for folder, log, process in started:
            status = process.wait(300)
            log.seek(0)
            harness.equal(status, 0, f"{name}: status ({log.read()[:2000]})")
            for line in (folder / "moments").read_text(encoding="utf-8").splitlines():
                moments.append({**json.loads(line), "pid": process.pid, "unit_bytes": UNIT_BYTES[cluster.MACHINES[machine][0]]})
    finally:
        for path in pathlib.Path("/dev/shm").glob("tt_device_*_memory"):
            if first_id <= int(path.name.split("_")[2]) < first_id + 64:
                path.unlink(missing_ok=True)
    place.await_drained()
    harness.check(len(moments) > 1, f"{name}: TT-Metal was asked {len(moments)} times")
    return recorder.stop(), moments


def differences(said, recorded):
    if isinstance(said, dict):
        return f"said {said}, recorded {recorded}"
    missing = collections.Counter(map(str, said)) - collections.Counter(map(str, recorded))
    beyond = collections.Counter(map(str, recorded)) - collections.Counter(map(str, said))
    return f"said and not recorded {list(missing.elements())[:4]}, recorded and not said {list(beyond.elements())[:4]}"


def explained(file, recording):
    """How many failures why tells the figures of that TT-Metal told, and of how many."""
    right, first = 0, None
    for number in range(1, len(recording.failures) + 1):
        row = harness.analyze("why", file, "--failure", str(number))["rows"][0]
        contradicted = [remark for remark in row["remarks"] or () if "contradict" in remark]
        right += not contradicted
        first = first or (f"failure {number}: {contradicted[0]}" if contradicted else None)
    return right, len(recording.failures), first


def crosschecked(file):
    """How many of the checks that compared blocks found what is recorded."""
    rows = harness.analyze("sql", file, "SELECT region, checks, differences, said_bank_bytes, recorded_bank_bytes, said_blocks, "
                           "recorded_blocks FROM crosscheck")["rows"]
    wrong = [row for row in rows if row["differences"]]
    checks = sum(row["checks"] for row in rows)
    return checks - sum(row["differences"] for row in rows), max(checks, 4), str(wrong[:1] or rows)


def check(name, file, moments):
    """{check: (how often right, how often asked, the first difference)}"""
    recording, found = Recording(file), {}
    for one in CHECKS:
        right, asked, first = 0, 0, None
        if (name, one.__name__) in NOT_TOLD:
            continue
        for moment in moments:
            pair = one(moment, recording)
            if pair is None:
                continue
            asked += 1
            if pair[0] == pair[1]:
                right += 1
            elif first is None:
                first = f"after {moment['name']}: {differences(*pair)}"
        if asked:
            found[one.__name__] = (right, asked, first)
    if recording.failures:
        found["explained"] = explained(file, recording)
    pids = {moment["pid"] for moment in moments}
    if len(pids) > 1:
        devices = {pid: sorted(device for owner, device in recording.chips if owner == pid) for pid in pids}
        apart = len(set(map(tuple, devices.values()))) == len(pids) == len(set(recording.names.values()) - {None})
        found["boards"] = (int(apart), 1, None if apart else f"devices of each process: {devices}, chips {recording.names}")
    if "alone" in moments[0]:
        said, recorded = fullest(file, moments, recording)
        found["fullest"] = (int(said == recorded), 1, differences(said, recorded))
    found["crosschecked"] = crosschecked(file)
    complete = harness.analyze("info", file)["complete"]
    found["complete"] = (int(complete), 1, f"complete: {complete}")
    findings = {row["what"] for row in harness.analyze("verify", file)["rows"]}
    right = findings == FINDINGS.get(name, set())
    found["sound"] = (int(right), 1, None if right else f"findings {findings}")
    return found


def run(name, mock, version):
    """Lines to print, and whether the workload passed."""
    try:
        found = check(name, *record(name, mock, harness.Place()))
    except (harness.Failure, subprocess.TimeoutExpired) as failure:
        return [f"{name}: FAILED: {failure}"], False
    lines, passed = [f"{name}: " + ", ".join(f"{what} {right}/{asked}" for what, (right, asked, _) in found.items())], True
    for what, (right, asked, first) in found.items():
        pending = is_pending(name, what, version)
        if right == asked:
            if pending:
                lines.append(f"  {what}: right now; it can be taken from the table of what is pending")
        elif pending:
            lines.append(f"  {what}: pending, {pending}: {first}")
        else:
            lines.append(f"  {what}: FAILED {first}")
            passed = False
    return lines, passed


def main(version, *names):
    mock = MOCKS / version
    if not (mock / "ready").exists():
        missing = mock / "missing"
        print(missing.read_text(encoding="utf-8").strip() if missing.exists() else f"{mock} was not set up by mock.py")
        return harness.SKIPPED
    if version in SLOW_DISPATCH:
        os.environ["TT_METAL_SLOW_DISPATCH_MODE"] = "1"
    names = names or [name for name in WORKLOADS if reaches(version, NEEDS.get(name, ""))]
    all_passed = True
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for lines, passed in pool.map(lambda name: run(name, mock, version), names):
            print("\n".join(lines), flush=True)
            all_passed = all_passed and passed
    harness.end_all()
    return 0 if all_passed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
