# SPDX-License-Identifier: Apache-2.0
"""TT-Metal's stand-ins recorded from end to end: preload, drop-in and Python labels, into one file, and the analyzer's
figures for them."""
import collections
import ctypes.util
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tt_metal"))

import harness  # noqa: E402
import nn as tt  # noqa: E402
import standins  # noqa: E402

LAYERS = 4


# --- the traced program ----------------------------------------------------------------------------------------------


def model(place):
    """Weights that stay, activations that go, a program per layer, one buffer that is forgotten, one that is too big."""
    sys.path.insert(0, str(standins.BUILD / "hook/ttalloc/python"))
    import ttalloc

    nn = tt.NN(place)
    device = nn.open_mesh_of([nn.open_chip(0), nn.open_chip(1)])
    programs = []
    for layer in range(LAYERS):
        program = nn.program()
        nn.add_cb(program, 32768, 0, 0, 0, 7, 7)
        nn.add_cb(program, 16384, 0, 0, 0, 7, 7)
        programs.append(program)
    with ttalloc.label("weights"):
        weights = [nn.tensor(device, 12 * 4096, page=4096) for _ in range(LAYERS)]
    for step in range(3):
        ttalloc.step(step)
        with ttalloc.label("forward"):
            for layer in range(LAYERS):
                with ttalloc.label(f"layer.{layer}"):
                    nn.free(nn.tensor(device, 64 * 2048, region=tt.L1))
                    nn.run(programs[layer], device, 1)
    with ttalloc.label("too big"):
        assert nn.tensor(device, 64 << 20, page=1 << 20, region=tt.L1, layout=tt.HEIGHT_SHARDED, cores=1) is None
    for weight in weights[1:]:
        nn.free(weight)


def closing(place):
    """A mesh, whose first chip is in use by itself as well, closes before that; a chip is emptied; what is left ends."""
    nn = tt.NN(place)
    chips = [nn.open_chip(4), nn.open_chip(5)]
    device, emptied = nn.open_mesh_of(chips), nn.open_chip(6)
    nn.free(nn.tensor(device, 36 * 4096, page=4096))
    assert nn.tensor(device, 12 * 4096, page=4096) and nn.tensor(device, 64 * 2048, region=tt.L1)
    assert nn.tensor(chips[0], 64 * 16, page=16, region=tt.L1_SMALL)
    program = nn.program()
    nn.add_cb(program, 32768, 0, 0, 0, 7, 7)
    nn.run(program, device, 1)
    nn.close(device)
    nn.free(nn.tensor(nn.open_chip(5), 12 * 4096, page=4096))  # where the mesh had something
    nn.close(chips[0])
    assert nn.tensor(emptied, 24 * 4096, page=4096)
    nn.clear(emptied)
    assert nn.tensor(emptied, 48 * 4096, page=4096)


def dataflow(place):
    """Programs of dataflow buffers and scratchpads on a mesh; one has no room, and the file of a layout that nobody knows."""
    nn = tt.NN(place)
    device = nn.open_mesh_of([nn.open_chip(0), nn.open_chip(1)])
    nn.tensor(device, 4096)
    small, big = nn.program(), nn.program()
    for program, entries in ((small, 4), (big, 700)):
        nn.add_dataflow(program, 2048, entries, 0, 0, 0, 3, 3)
        nn.add_dataflow(program, 2048, entries, 2, 0, 0, 3, 3)
        nn.add_dataflow(program, 1024, 2, 0, 2, 2, 5, 5)
        nn.add_scratchpad(program, 640, 0, 0, 1, 1)
    assert nn.compile(small, device) == 1
    nn.run(small, device, 1)
    assert nn.compile(big, device) == 0
    nn.end_program(big)


# --- the test --------------------------------------------------------------------------------------------------------


def record(place, name, standin, preload, *options, what=model):
    """Runs WHAT under the recorder; returns the file."""
    file = place.file(name)
    # The recorder adds what it preloads by itself; the environment says what this test wants.
    env = {**place.env, "LD_LIBRARY_PATH": str(standins.preload().parent)}
    if preload:
        env["LD_PRELOAD"] = str(standins.preload())
    done = harness.run([harness.program("ttalloc-recorder"), *options, "-o", file, "--", sys.executable, __file__, what.__name__,
                        str(standin)], env=env, cwd=place.path)
    harness.check(done.returncode == 0, f"status {done.returncode}\n{done.stdout}{done.stderr}")
    return file


def ask(place, verb, file, *options):
    done = harness.run([harness.program("ttalloc-analyze"), verb, file, "--json", *options], env=place.env, cwd=place.path)
    harness.check(done.returncode == 0, f"{verb}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def pick(answer, *names):
    return [tuple(row[name] for name in names) for row in answer["rows"]]


def check_figures(place, file, producer):
    info = ask(place, "info", file)
    harness.equal(info["complete"], True, "complete")
    row = info["rows"][0]
    harness.equal((row["devices"], row["lost"], row["unmatched_frees"], row["replaced"], row["failures"]),
                  (2, 0, 0, 0, 1), "devices, lost, unmatched, replaced, failures")  # a mesh asks once
    # Python's labels may be the first to speak.
    harness.check(row["producers"] in (producer, "api"), f"producer: {row['producers']}")
    harness.equal(row["allocations"], 2 * (LAYERS + 3 * LAYERS + 2 * LAYERS), "allocations")
    expected = []
    for device in (0, 1):
        expected += [(device, "DRAM", LAYERS * 12 * 4096, LAYERS, LAYERS * 4096), (device, "L1", 64 * 2048, 1, 2048),
                     (device, "CB", 32768 + 16384, 2, 32768 + 16384)]
    harness.equal(pick(ask(place, "peak", file), "device", "region", "peak_bytes", "peak_blocks", "peak_bank_bytes"),
                  expected, "peaks")
    # The program ends without a close: what is left is a leak of each chip, under the label it was placed with.
    harness.equal(sorted(pick(ask(place, "leaks", file, "--region", "DRAM"), "device", "size_bytes", "label", "step")),
                  [(0, 12 * 4096, "weights", None), (1, 12 * 4096, "weights", None)], "leaks")


def check_closes(place, file):
    info = ask(place, "info", file)
    row = info["rows"][0]
    harness.equal((info["complete"], row["unmatched_frees"], row["replaced"], row["devices"]), (True, 0, 0, 3),
                  "complete, unmatched, replaced, devices")
    expected = [(chip, *block, "device close") for chip in (4, 5)
                for block in (("CB", 32768), ("DRAM", 12 * 4096), ("L1", 64 * 2048))]
    expected += [(4, "L1_SMALL", 64 * 16, "device close"), (6, "DRAM", 24 * 4096, "device close"),
                 (6, "DRAM", 48 * 4096, "process exit")]
    harness.equal(sorted(pick(ask(place, "leaks", file), "device", "region", "size_bytes", "ended")), sorted(expected), "leaks")
    # The mesh's close ends what it has on both chips; chip 5's own block is freed later, chip 4's own ends with it.
    closed = pick(ask(place, "sql", file, "SELECT b.device AS device, count(DISTINCT b.free_ns) AS ends, max(b.free_ns) < "
                      "(SELECT max(free_ns) FROM allocation WHERE device = 5) AS before FROM allocation b "
                      "WHERE b.ended = 'device close' AND b.region = 'DRAM' GROUP BY 1 ORDER BY 1"), "device", "ends", "before")
    harness.equal(closed, [(4, 1, 1), (5, 1, 1), (6, 1, 0)], "when chips closed")
    harness.equal(pick(ask(place, "peak", file, "--region", "DRAM"), "device", "peak_bytes"),
                  [(4, 36 * 4096), (5, 36 * 4096), (6, 48 * 4096)], "peaks")
    harness.verify(file)


def check_dataflow(place, file):
    """Counted once, per core; what has no room is one failed request of the mesh, under the program's last label."""
    info = ask(place, "info", file)
    harness.equal((info["complete"], info["rows"][0]["failures"]), (True, 1), "complete, failures")
    classes = ask(place, "sql", file, "SELECT class, count(*) AS blocks, sum(size_bytes * (1 - aliased)) AS bytes FROM "
                  "allocation WHERE region = 'CB' GROUP BY 1 ORDER BY 1")
    big = 700 * 2048 + 2048
    harness.equal(pick(classes, "class", "blocks", "bytes"),
                  [("dataflow_buffer", 12, 2 * (8192 + 2048 + big)), ("scratchpad", 4, 4 * 640)], "classes")
    fullest = 8192 + 2048 + 640  # 2-2: TT-Metal takes a scratchpad's place on all cores that share an allocator with its own
    harness.equal(pick(ask(place, "peak", file, "--region", "CB"), "device", "peak_bytes"), [(0, fullest), (1, fullest)], "peaks")
    failures = ask(place, "sql", file, "SELECT device, region, size_bytes, same_request, why FROM failure ORDER BY device")
    harness.equal(pick(failures, "device", "region", "size_bytes", "same_request"),
                  [(0, "CB", big + 640, 0), (1, "CB", big + 640, 1)], "failures")
    harness.check("which is beyond max L1 size" in failures["rows"][0]["why"], failures)
    harness.verify(file)


def check_proof(place, standin, name):
    """An allocator that has more than was reported says so when it closes: the recording is incomplete."""
    place.env["STANDIN_HIDDEN_BYTES"] = "8192"
    try:
        file = record(place, name, standin, True, what=closing)
    finally:
        del place.env["STANDIN_HIDDEN_BYTES"]
    info = ask(place, "info", file)
    harness.equal(info["complete"], False, "complete with a hidden block")
    rows = ask(place, "sql", file, "SELECT region, said_bank_bytes - recorded_bank_bytes AS hidden FROM crosscheck WHERE differences")
    harness.equal({(row["region"], row["hidden"]) for row in rows["rows"]}, {("DRAM", 8192)}, "what differs")
    harness.check("is recorded wrong: at" in " ".join(info["notes"]), f"notes: {info['notes']}")
    harness.check("crosscheck" in {row["what"] for row in harness.analyze("verify", file)["rows"]}, "verify finds nothing")


def by(place, file, what):
    found = collections.Counter()
    for row in ask(place, "allocated", file, "--by", what)["rows"]:
        found[row["region"], row["group"]] += row["bytes"]
    return dict(found)


def check_call_stacks(place, standin, preload, producer):
    """A block belongs to who asked libtt_metal for it, and the preload is not seen. Neither has frame pointers."""
    name = f"stacks-{producer}-{preload}.db"
    file = record(place, name, standin, preload, "--stacks=64", "--unwinder=libunwind", "--python-stacks")
    check_figures(place, file, producer)
    buffers = {"DRAM": 2 * LAYERS * 12 * 4096, "L1": 2 * 3 * LAYERS * 64 * 2048}
    harness.equal(by(place, file, "function"),
                  {**{(region, "nn_buffer"): size for region, size in buffers.items()},
                   ("CB", "nn_run"): 2 * LAYERS * (32768 + 16384)}, "by function")
    for (region, text), _size in by(place, file, "stack").items():
        inner, outer = text.split(" < nn_")
        most = 1 if producer == "drop-in" else 0  # it calls from there; the preload has that function as well
        harness.check("libttalloc" not in text and inner.count("::track_allocate") <= most, f"{region}: preload: {text}")
        harness.check("model (test_tt_metal_recording.py:" in outer, f"{region}: no Python: {text}")
    # By frame pointers there is one native frame at least, and Python's behind it.
    file = record(place, f"python-{name}", standin, preload, "--stacks", "--python-stacks")
    functions = {group.split(" ")[0] for _region, group in by(place, file, "function")}
    harness.check(functions <= {"nn_buffer", "nn_run", "NN.tensor", "tensor", "model"}, f"functions: {functions}")


def main():
    if not standins.preload():
        print("libttalloc-tt-metal is not built")
        return harness.SKIPPED
    if not standins.COMPILERS:
        print("there is no C++ compiler")
        return harness.SKIPPED
    compiler = standins.COMPILERS[-1]
    place = harness.Place()
    for generation in (202503, 202606):
        file = record(place, f"preload-{generation}.db", standins.standin(compiler, generation), True)
        check_figures(place, file, "preload")
        check_closes(place, record(place, f"closing-{generation}.db", standins.standin(compiler, generation), True, what=closing))
        check_proof(place, standins.standin(compiler, generation), f"hidden-{generation}.db")
    check_dataflow(place, record(place, "dataflow.db", standins.standin(compiler, 202606), True, what=dataflow))
    unknown = record(place, "unknown.db", standins.standin(compiler, standins.UNKNOWN_GENERATION), True, what=dataflow)
    harness.equal(ask(place, "info", unknown)["complete"], False, "complete, with memory that is not seen")
    applied = standins.standin(compiler, 202606, "applied")
    for preload in (False, True):
        file = record(place, f"drop-in-{preload}.db", applied, preload)
        check_figures(place, file, "drop-in")
    if ctypes.util.find_library("unwind"):
        check_call_stacks(place, standins.standin(compiler, 202606), True, "preload")
        check_call_stacks(place, applied, False, "drop-in")
    print("ok")
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        {"model": model, "closing": closing, "dataflow": dataflow}[sys.argv[1]](sys.argv[2])
        os._exit(0)  # as a program that crashes: nothing is closed
    sys.exit(main())
