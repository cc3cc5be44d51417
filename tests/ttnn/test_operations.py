# SPDX-License-Identifier: Apache-2.0
"""Operations and tensors of the real ttnn on its mock device, against ttnn's own graph capture of the same run.

usage: test_operations.py VERSION [WORKLOAD...]  (a directory that mock.py made, in $TTALLOC_TTNN)

names     the operations that the capture has, in its order
nesting   how deep each is in others
ended     those that an exception left
inputs    their tensors: address, region, shape, type, layout, memory configuration
outputs   likewise, of those that returned
arguments what else they were called with, as text
imported  blocks and frees that the capture makes when it is imported, each at its place, are those of the recording
live      after each operation the blocks that the capture has live are those that the recording has (counted where there are some)
alone     the same run without a capture has the same operations and tensors, but for those that ttnn tells captures alone
both      the same run with a capture and with --ttnn, whose names come from around ttnn's functions, has the same operations and
          tensors, each once, and the same capture
"""
import collections
import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import sqlite3
import sys

from test_workloads import HERE, JOBS, MOCKS, NEEDS, SLOW_DISPATCH, WORKLOADS, harness, reaches, subprocess

# Told to captures alone: names that Python gives, which --ttnn has as labels, and what frees tensors.
OF_CAPTURES = re.compile(r"ttnn\.|Tensor::deallocate$")
# Where ttnn's capture itself is wrong: before 0.81 it takes what an exception left for what all later ones are in.
FIRST_WITH_ABORTS = "0.81.0"
# Or, later, what an exception left in a function that does not say so; and what is free to differ from run to run.
LEAVES_UNSAID = ("failures", "no_region", "submeshes", "hybrid")
IN_NO_ORDER = ("threads",)
# A capture does not tell which cores a block lies on: where the same address is given out on others, it looks replaced.
ON_SINGLE_CORES = ("hybrid", "hybrid_mesh")
# Before, captures left out what each page of a row is padded to (pages of 6 bytes take 64 each): the recording, and TT-Metal's
# own allocator, have it. 0.70.1 does, 0.75.0 does not.
FIRST_WITH_PADDING = "0.75.0"
# Those that are run with --ttnn, too.
WITH_NAMES = ("matmuls", "attention", "failures")
# What a capture writes where an operation takes none of the tensors that it may.
NO_TENSOR = ("{}", "std::nullopt")
# What cannot be recorded: operation and check, to the reason.
EXPLAINED = {
    ("MoveDeviceOperation", "inputs"): "it takes a tensor whose memory it has given back",
}


# --- what ttnn says --------------------------------------------------------------------------------------------------


def shards(config):
    """Shape, cores and orientation of the shards that a memory configuration's text has; empty where it has none."""
    own = re.search(r"shard_spec=ShardSpec\{grid=(.*?), shape=\[(.*?)\], orientation=ShardOrientation::(\w+)\}", config)
    nd = re.search(r'nd_shard_spec=\{"shard_shape":\[(.*?)\],"grid":(.*?),"orientation":"ShardOrientation::(\w+)"', config)
    if not own and not nd:
        return None, None, None
    grid, shape, orientation = own.groups() if own else (nd[2], nd[1], nd[3])
    numbers = [int(number) for number in re.findall(r":(\d+)", grid)]
    ranges = [numbers[i:i + 4] for i in range(0, len(numbers), 4)]
    return shape.replace(", ", "x"), json.dumps(ranges, separators=(",", ":")), orientation


def tensor_of(node):
    """A tensor node as a row; None: it lies on no device, or has been given back."""
    params = node["params"]
    places = json.loads(params.get("device_tensors") or "[]")
    if not places and "address" not in params:
        return None
    config = params["memory_config"]
    shape = re.search(r"\[(.*)\]", params["shape"])[1].replace(", ", "x") or "scalar"
    memory = re.search(r"TensorMemoryLayout::(\w+)", config)[1].lower().replace("_", " ")
    region = re.search(r"BufferType::(\w+)", config)[1]
    return (places[0]["address"] if places else int(params["address"]), region, shape, params["dtype"].rpartition("::")[2].lower(), params["layout"].rpartition("::")[2], memory, *shards(config))


def captured(nodes):
    """Operations as the capture has them: name, depth, how it ended, inputs, outputs."""
    operations, stack, by_counter = [], [], {node["counter"]: node for node in nodes}
    for node in nodes:
        if node["node_type"] == "function_start":
            inputs = [tensor_of(by_counter[number]) for number in node.get("input_tensors") or []]
            arguments = [text for text in node["arguments"] if "Tensor(storage=" not in text and text not in NO_TENSOR]
            operations.append({"name": node["params"]["name"], "depth": len(stack), "ended": None, "arguments": "\n".join(arguments),
                               "inputs": [tensor for tensor in inputs if tensor], "outputs": []})
            stack.append(operations[-1])
        elif node["node_type"] == "function_end" and stack:
            operation = stack.pop()
            operation["ended"] = "exception" if node["params"].get("aborted") == "true" else "returned"
            outputs = [tensor_of(by_counter[number]) for number in node["connections"]
                       if by_counter[number]["node_type"] == "tensor" and number > node["counter"]]
            operation["outputs"] = [tensor for tensor in outputs if tensor]
    return operations


# --- what is recorded ------------------------------------------------------------------------------------------------


TENSORS = """SELECT t.operation_id, t.output, t.position, a.address, a.region, t.shape, t.dtype, t.layout, t.memory,
  t.shard_shape, t.shard_grid, t.orientation
FROM operation_tensor t JOIN allocation a USING (allocation_id) ORDER BY t.operation_id, t.output, t.position, a.device"""


def recorded(file, pid):
    """{thread of the process PID: its operations, in the same form}"""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT operation_id, tid, name, number, around, ended, arguments FROM operation WHERE pid = ? "
                                "ORDER BY number", (pid,)).fetchall()
        tensors = database.execute(TENSORS).fetchall()
    found, depths, threads = {}, {}, {}
    for key, tid, name, number, around, ended, arguments in rows:
        depths[number] = depths[around] + 1 if around else 0
        found[key] = {"name": name, "depth": depths[number], "ended": ended, "inputs": {}, "outputs": {}, "arguments": arguments or ""}
        threads.setdefault(tid, []).append(found[key])
    for key, output, position, *tensor in tensors:
        if key in found:  # of a mesh, the first chip's
            found[key]["outputs" if output else "inputs"].setdefault(position, tuple(tensor))
    for operation in found.values():
        operation["inputs"], operation["outputs"] = list(operation["inputs"].values()), list(operation["outputs"].values())
    return threads


def without(operations):
    """Those that are no capture's alone, which do not count as around others."""
    kept, depths = [], []
    for operation in operations:
        del depths[operation["depth"]:]
        mine = not OF_CAPTURES.match(operation["name"])
        if mine:
            kept.append({**operation, "depth": sum(depths), "arguments": None})
        depths.append(mine)
    return kept


# --- one workload ----------------------------------------------------------------------------------------------------


def record(name, mock, version, place, env, capture, options=()):
    """The recording, the pid of the program, and what was captured."""
    machine, environments = WORKLOADS[name]
    folder = pathlib.Path(place.file("-".join(["captured" if capture else "alone", *options])))
    nodes = str(folder / "captured.json")
    folder.mkdir()
    env = {**env, **environments[0], "HOME": str(folder), "TT_LOGGER_LEVEL": "fatal", "LOGURU_LEVEL": "ERROR",
           "TT_METAL_MOCK_CLUSTER_DESC_PATH": str(mock / f"{machine}.yaml"), "PYTHONDONTWRITEBYTECODE": "1",
           **({"TTALLOC_CAPTURED": nodes} if capture else {})}
    file = str(folder / "run.db")
    done = subprocess.run([harness.program("ttalloc-recorder"), "-q", "--force", "-o", file, *options,
                           *(["--op-arguments"] if capture else []), "--", str(mock / "python/bin/python"),
                           str(HERE / "captured.py"), name], env=env, cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=600)
    harness.check(done.returncode == 0, f"{name}: status {done.returncode}: {done.stdout[-2000:]}")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        pid = database.execute("SELECT pid FROM operation LIMIT 1").fetchone()
        named = database.execute("SELECT count(*) FROM label WHERE name LIKE 'ttnn.%'").fetchone()[0]
    harness.check(pid, f"{name}: there are no operations")
    harness.check(bool(named) == ("--ttnn" in options), f"{name}: {named} labels of ttnn's functions")
    wrong = [row for row in harness.analyze("verify", file)["rows"] if row["what"] in ("range", "tensor")]
    harness.check(not wrong, f"{name}: verify finds {wrong[:3]}")
    imported = (compare_imported(nodes, file, reaches(version, FIRST_WITH_PADDING)), compare_live(nodes, file)) if capture else None
    return (pid[0], recorded(file, pid[0])), imported, captured(json.loads(open(nodes, encoding="utf-8").read())) if capture else None


def blocks_of(file, padded):
    """Buffers as they came, and whether each was given back; a capture does not tell the unit of a bank, 64 B at most."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        return collections.Counter(database.execute(
            "SELECT device, region, address, size_bytes, iif(?, (bank_bytes + 63) / 64, NULL), ended = 'freed' FROM allocation "
            "WHERE class = 'buffer' AND region IN ('DRAM', 'L1', 'L1_SMALL', 'TRACE')", (padded,)))


def compare_imported(nodes, file, padded):
    """(blocks of the import that are recorded, all of them, the first that is not)"""
    out = nodes + ".db"
    done = subprocess.run([harness.program("ttalloc-analyze"), "import", "-q", "-o", out, nodes], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)
    harness.check(done.returncode == 0, f"import: {done.stdout[-2000:]}")
    harness.verify(out)
    said = blocks_of(out, padded)
    differing = said - blocks_of(file, padded)
    count = sum(said.values())
    return count - sum(differing.values()), count, next(iter(differing), None)


BLOCKS = """SELECT device, region, address, size_bytes, allocation_id FROM allocation
WHERE class = 'buffer' AND region IN ('DRAM', 'L1', 'L1_SMALL', 'TRACE')"""
ENDS = """SELECT (SELECT text FROM operation_text WHERE id = w.name), r.key, r.end_key FROM range_row r JOIN range_what w ON w.id = r.what
WHERE r.number IS NOT NULL AND r.process = (SELECT process FROM range_page WHERE first_number = 1 LIMIT 1) ORDER BY r.key"""


def live_after(file):
    """[(operation, the blocks that are live when it ends)], of blocks that were allocated after the first one began."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        ends = database.execute(ENDS).fetchall()
        freed = dict(database.execute("SELECT key - life, key FROM freed").fetchall())
        blocks = [(place, made, freed.get(made)) for *place, made in database.execute(BLOCKS) if made > ends[0][1]]
    return [(name, collections.Counter(tuple(place) for place, made, gone in blocks if made < end and (gone is None or gone > end)))
            for name, _, end in ends if end]


def compare_live(nodes, file):
    said, found = live_after(nodes + ".db"), live_after(file)
    wrong = [f"after {a[0]} #{number}: said {dict(a[1] - b[1])}, recorded {dict(b[1] - a[1])}"
             for number, (a, b) in enumerate(itertools.zip_longest(said, found, fillvalue=(None, collections.Counter()))) if a != b]
    return sum(a == b and bool(a[1]) for a, b in zip(said, found)), len(said), wrong[0] if wrong else None


def is_right(what, said, found):
    if what == "ended" and said["ended"] is None:  # a capture that ends before it does
        return True
    return said[what] == found[what] or (said["name"], what) in EXPLAINED


def compare(what, said, found):
    """(how often right, how often asked, the first difference)"""
    wrong = [f"{a['name']} #{number}: said {a[what]}, recorded {b[what]}" for number, (a, b) in enumerate(zip(said, found))
             if not is_right(what, a, b)]
    if len(said) != len(found):
        wrong.append(f"{len(said)} operations, {len(found)} recorded")
    return len(said) - len(wrong), len(said), wrong[0] if wrong else None


def in_order(threads):
    """What each thread did, whichever it was."""
    return sorted((without(operations) for operations in threads.values()), key=str)


def without_addresses(threads):
    return {tid: [{**operation, **{side: [tensor[1:] for tensor in operation[side]] for side in ("inputs", "outputs")}}
                  for operation in operations] for tid, operations in threads.items()}


def without_pointers(operations):
    """Texts of arguments have some, which differ from run to run."""
    return [{**operation, "arguments": re.sub("0x[0-9a-f]{6,}", "0x", operation["arguments"])} for operation in operations]


def compare_both(name, mock, version, place, env, said, found):
    """What --ttnn changes in the capture, and in the operations: (how often nothing, how often asked, the first difference)"""
    (pid, with_names), _, captured_again = record(name, mock, version, place, env, True, ("--ttnn",))
    wrong = [f"{what}: without {a}, with {b}" for what, one, two in (("captured", said, captured_again),
                                                                    ("recorded", found, with_names.get(pid, [])))
             for a, b in itertools.zip_longest(without_pointers(one), without_pointers(two)) if a != b]
    count = len(said) + len(found)
    return count - len(wrong), count, wrong[0] if wrong else None


def check(name, mock, version, place):
    env = {**os.environ, **place.env}
    (pid, found), imported, said = record(name, mock, version, place, env, True)
    (_, alone), _, _ = record(name, mock, version, place, env, False)
    main = found.get(pid, [])
    both = compare_both(name, mock, version, place, env, said, main) if name in WITH_NAMES else None
    results = {what: compare(key, said, main) for what, key in (("names", "name"), ("nesting", "depth"), ("ended", "ended"),
                                                                ("inputs", "inputs"), ("outputs", "outputs"),
                                                                ("arguments", "arguments"))}
    if name in LEAVES_UNSAID:
        del results["nesting"], results["ended"]
        if not reaches(version, FIRST_WITH_ABORTS):
            del results["outputs"]
    if name in IN_NO_ORDER:  # the capture is of the main thread, which does nothing, or of all of them
        results.clear()
        found, alone = without_addresses(found), without_addresses(alone)
    wanted, differing = in_order(found), None
    for captures, plain in itertools.zip_longest(itertools.chain(*wanted), itertools.chain(*in_order(alone))):
        if captures != plain and not differing:
            differing = f"captured {captures}, alone {plain}"
    count = sum(map(len, wanted))
    if name not in ON_SINGLE_CORES:
        results["imported"] = imported[0]
    if name not in (*ON_SINGLE_CORES, *IN_NO_ORDER, *LEAVES_UNSAID):  # an operation that an exception leaves may end before what it frees
        results["live"] = imported[1]
    if both:
        results["both"] = both
    results["alone"] = (0 if differing else count, count, differing)
    harness.check(count > 1, f"{name}: {count} operations")
    return results


def run(name, mock, version):
    """Lines to print, and whether the workload passed."""
    try:
        found = check(name, mock, version, harness.Place())
    except (harness.Failure, subprocess.TimeoutExpired) as failure:
        return [f"{name}: FAILED: {failure}"], False
    lines = [f"{name}: " + ", ".join(f"{what} {right}/{asked}" for what, (right, asked, _) in found.items())]
    wrong = [f"  {what}: FAILED {first}" for what, (_, _, first) in found.items() if first]
    return lines + wrong, not wrong


def main(version, *names):
    mock = MOCKS / version
    if not (mock / "ready").exists():
        print(f"{mock} was not set up by mock.py")
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
