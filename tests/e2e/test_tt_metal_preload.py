# SPDX-License-Identifier: Apache-2.0
"""The preload for unmodified TT-Metal, against stand-ins of every generation, built by g++ and clang++.

What it reports is read from a libttalloc that writes down each call, so that nothing but the preload is tested. The
script runs itself as the traced program (first argument: a scenario).
"""
import collections
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tt_metal"))

import nn as tt  # noqa: E402
import standins  # noqa: E402

L1_BASE, DRAM_BASE = 104224, 1048640
TOP_DOWN, SHARDED, KERNEL_BINARY = 1, 2, 8


# --- scenarios: run in the traced process ----------------------------------------------------------------------------


def matmul_reuse(nn):
    """Two rounds of a cached program over tensors; then it is changed; then it ends."""
    chip = nn.open_chip(3)
    tensors = [nn.tensor(chip, 400 * 2048) for _ in range(3)]
    shard = nn.tensor(chip, 64 * 4096, page=4096, region=tt.L1, layout=tt.HEIGHT_SHARDED, cores=8)
    binary = nn.tensor(chip, 8192, page=2048, bottom_up=False)
    first, second = nn.program(), nn.program()
    nn.add_cb(first, 32768, 0, 0, 0, 4, 4)
    nn.add_cb(first, 16384, nn.address(shard), 0, 0, 7, 0)
    nn.add_cb(second, 65536, 0, 0, 0, 7, 7)
    for program in (first, second, first):
        nn.run(program, chip, 1)
    nn.end_program(first)
    for buffer in [*tensors, shard, binary]:
        nn.free(buffer)
    nn.end_program(second)
    nn.close(chip)
    print(f"calls {nn.tracker_calls()}")


def mesh(nn):
    """A mesh of two chips whose own number is that of another chip."""
    chips = [nn.open_chip(4), nn.open_chip(5)]
    device = nn.open_mesh_of(chips)
    buffer = nn.tensor(device, 1 << 20)
    program = nn.program()
    nn.add_cb(program, 4096, 0, 0, 0, 1, 1)
    nn.run(program, device, 1)
    nn.free(buffer)
    kept = nn.tensor(device, 2048)
    assert kept
    nn.close(device)
    nn.tensor(chips[0], 2048)


def tracking_test(nn):
    """Step by step as the proof of concept's tracking test: L1, DRAM, half freed, all freed."""
    chip = nn.open_chip(0)
    l1 = [nn.tensor(chip, 4096, page=1024, region=tt.L1) for _ in range(4)]
    dram = [nn.tensor(chip, 65536, page=1024) for _ in range(4)]
    for buffer in l1[:2] + dram[:2]:
        nn.free(buffer)
    for buffer in l1[2:] + dram[2:]:
        nn.free(buffer)


def no_dispatch(nn):
    chip = nn.open_chip(0)
    first, second = nn.program(), nn.program()
    nn.run(first, chip, 1)
    nn.no_dispatch(1)
    hooked = nn.tensor(chip, 4096)
    nn.run(second, chip, 1)
    nn.no_dispatch(0)
    real = nn.tensor(chip, 4096)
    nn.free(hooked)
    nn.free(real)
    nn.tensor(chip, 0)
    print(f"hooked {tt.count(2)} placed {tt.count(0)} refused {tt.count(3)}")


def out_of_memory(nn):
    chip = nn.open_chip(1)
    assert nn.tensor(chip, 64 << 20, page=1 << 20, region=tt.L1, layout=tt.BLOCK_SHARDED, cores=2) is None
    print(nn.error().decode())
    assert nn.tensor(chip, 2048, region=tt.SYSTEM_MEMORY) is None
    print(nn.error().decode())
    nn.free(nn.tensor(chip, 2048))


# What failures.hpp throws, in its order from 1 on, and the words that are kept of it.
FAILURES = ["thrown while another was handled", None, "of several bases", "of a virtual base", None, "of another thread", None,
            None, "x" * 1023, "the words"]


def exceptions(nn):
    """After each, requests are served as before."""
    chip = nn.open_chip(1)
    for number in range(1, len(FAILURES) + 1):
        nn.fail_next(number)
        assert nn.tensor(chip, 2048) is None
        nn.free(nn.tensor(chip, 2048))
    nn.fail_again(chip)
    print(nn.error().decode().splitlines())
    assert nn.cancel(chip) == 1
    nn.free(nn.tensor(chip, 2048))


def threads(nn):
    nn.threads(nn.open_chip(2), 8, 200)


def unannounced(nn):
    """Programs that are enqueued without ttnn: they are told apart by their places."""
    chip = nn.open_chip(0)
    for _ in range(2):
        program = nn.program()
        nn.add_cb(program, 4096, 0, 0, 0, 3, 3)
        nn.add_cb(program, 2048, 0, 0, 0, 3, 3)
        nn.run(program, chip, 0)
        nn.run(program, chip, 0)
        nn.end_program(program)


def unannounced_apart(nn):
    """One on more rectangles of cores than are remembered, core by core."""
    chip, program = nn.open_chip(0), nn.program()
    for _ in range(40):
        nn.add_cb_apart(program, 64, [(x, y) for y in range(8) for x in range(15) if (x + y) % 2])
    nn.run(program, chip, 0)


def many_programs(nn):
    chip = nn.open_chip(0)
    programs = [nn.program() for _ in range(300)]
    for program in programs:
        nn.add_cb(program, 1024, 0, 0, 0, 0, 0)
        nn.run(program, chip, 1)
    for program in programs:
        nn.end_program(program)


def dataflow(nn):
    """Programs of dataflow buffers and scratchpads, compiled before they are announced; the first one is resized."""
    chip = nn.open_chip(0)
    tensor = nn.tensor(chip, 4096)
    first, second = nn.program(), nn.program()
    nn.add_dataflow(first, 2048, 1, 1, 0, 0, 3, 3)
    nn.add_dataflow(first, 2048, 4, 0, 0, 0, 3, 3)
    nn.add_dataflow(first, 2048, 4, 2, 0, 0, 3, 3)
    nn.add_dataflow(first, 1024, 3, 0, 2, 2, 5, 5)
    nn.add_scratchpad(first, 640, 0, 0, 3, 3)
    nn.add_scratchpad(second, 320, 1, 1, 1, 1)
    for program in (first, second):
        assert nn.compile(program, chip) == 1
        nn.run(program, chip, 1)
        assert nn.compile(program, chip) == 1
    nn.resize(first, 2)
    assert nn.compile(first, chip) == 1
    nn.resize(first, 3)
    assert nn.compile(first, chip) == 1
    nn.end_program(second)
    nn.end_program(first)
    nn.free(tensor)


def tried(nn):
    """A program that a capture without dispatch compiles; then it runs."""
    chip, program = nn.open_chip(0), nn.program()
    nn.add_dataflow(program, 2048, 1, 0, 0, 0, 3, 3)
    nn.no_dispatch(1)
    assert nn.compile(program, chip) == 1
    nn.run(program, chip, 1)
    nn.no_dispatch(0)
    nn.run(program, chip, 1)
    nn.run(program, chip, 1)


def clash(nn):
    """Program memory that meets a buffer, and some that grows beyond L1, on a mesh of two chips; then they have room."""
    device = nn.open_mesh_of([nn.open_chip(1), nn.open_chip(2)])
    dram = nn.tensor(device, 4096)
    circular, big, small = nn.program(), nn.program(), nn.program()
    nn.add_cb(circular, 32768, 0, 0, 0, 1, 1)
    nn.add_cb(big, 2 << 20, 0, 0, 0, 1, 1)
    nn.add_cb(small, 32, 0, 0, 0, 1, 1)
    low = nn.tensor(device, (1466368 - 104224 - 16384) // 64 * 64, page=64, region=tt.L1, layout=tt.HEIGHT_SHARDED, cores=1)
    assert low and dram
    for program, fits in ((circular, 0), (big, 0), (small, 1)):
        assert nn.compile(program, device) == fits, nn.error()
        if not fits:
            print(nn.error().decode().replace("\n", " "))


def workload(nn):
    """A program for each chip, of another size; then one for all of them."""
    device = nn.open_mesh_of([nn.open_chip(number) for number in range(3)])
    programs = [nn.program() for _ in range(3)]
    for number, program in enumerate(programs):
        nn.add_cb(program, 1024 << number, 0, 0, 0, 0, 0)
    handle = nn.workload_of(programs)
    nn.run_workload(handle, device)
    everywhere = nn.program()
    nn.run(everywhere, device, 1)
    nn.end_workload(handle)


def trace(nn):
    """Two chips; three programs in a trace, the middle one the biggest; what is allocated beside it."""
    device = nn.open_mesh_of([nn.open_chip(0), nn.open_chip(1)])
    programs = [nn.program() for _ in range(4)]
    for program, size in zip(programs, (1024, 8192, 2048, 4096)):
        nn.add_cb(program, size, 0, 0, 0, 0, 0)
        nn.run(program, device, 1)
    before = nn.tensor(device, 4096)
    number = nn.begin_trace(device)
    during = nn.tensor(device, 4096)
    for program in programs[:3] + programs[:1] + programs[2:3]:
        nn.run(program, device, 1)
    nn.end_trace(device, number)
    beside = nn.tensor(device, 4096)
    nn.run(programs[3], device, 1)
    nn.replay(device, number)
    nn.replay(device, number)
    nn.release(device, number)
    after = nn.tensor(device, 4096)
    assert before and during and beside and after


def operations(nn):
    """Operations in each other, beside captures, left by exceptions, in a capture that runs nothing, and on threads."""
    if not hasattr(nn, "operation"):
        return
    nn.operation(b"plain", 2, 0)
    assert not nn.is_enabled(), "a processor that only watches is taken for a capture"
    nn.begin_capture(0)
    assert nn.is_enabled()
    nn.operation(b"captured", 1, 0)
    nn.end_capture()
    print(nn.error().decode())
    assert not nn.is_enabled()
    for depth in (3, 0, 3):  # what failed further in is not taken for what the next is in
        assert not nn.operation(b"failing", depth, 1)
    nn.operation(b"after", 0, 0)
    nn.begin_capture(1)
    nn.operation(b"tried", 1, 0)
    nn.end_capture()
    print(nn.error().decode())
    nn.operation_on_thread()
    nn.operation(b"last", 0, 0)
    print(f"hooked {tt.count(2)}")


def too_many(nn):
    """Core by core: 80 cores of a rectangle, and 128 none of which are neighbours; operations in 70 others."""
    device, program = nn.open_chip(0), nn.program()
    nn.add_cb_apart(program, 4096, [(x, y) for y in range(8) for x in range(10)])
    nn.add_cb_apart(program, 2048, [(x, y) for y in range(16) for x in range(16) if (x + y) % 2])
    nn.run(program, device, 1)
    if hasattr(nn, "operation"):
        nn.operation(b"d", 70, 0)
        nn.operation(b"after", 0, 0)


def many_chips(nn):
    assert nn.tensor(nn.open_mesh_of([nn.open_chip(number) for number in range(257)]), 4096)


def many_allocators(nn):
    """More at once than are told apart."""
    for _ in range(4097):
        assert nn.tensor(nn.open_chip(7), 64)


def has_tensors(nn):
    return hasattr(nn, "operate")


def tensors(nn):
    """Operations on tensors of each kind that they take them in, on a chip and on a mesh of two."""
    if not has_tensors(nn):
        return
    chips = [nn.open_chip(4), nn.open_chip(5)]
    mesh_of_two = nn.open_mesh_of(chips)
    dram, block, l1 = nn.tensor(mesh_of_two, 8192), nn.tensor(chips[0], 4096), nn.tensor(
        chips[0], 8 * 4096, page=4096, region=tt.L1, layout=tt.BLOCK_SHARDED, cores=8)
    made = nn.tensor_of(block, [64, 32], dtype=1, tile=0)
    nn.operation_on("made", "s", [made], made)  # before any operation says how a text of a tensor is made
    print(nn.texts())
    one, alike = nn.tensor_of(dram, [1, 1, 64, 128]), nn.tensor_of(dram, [1, 1, 64, 128])
    sharded = nn.tensor_of(l1, [128, 256], layout=tt.BLOCK_SHARDED, region=tt.L1, shard=(32, 64), grid=[(0, 0, 3, 0), (5, 1, 5, 4)],
                           column_major=1)
    host, gone, none = nn.tensor_of(None, [32]), nn.tensor_of(block, [32]), nn.tensor_of(block, [2, 3, 4, 5, 6], dtype=2)
    nn.give_back(gone)
    nn.operation_on("all", "rtcvonw", [one, sharded, alike, made, host, one, sharded, alike, gone], one)
    print(nn.texts())
    nn.operation_on("again", "ro", [alike, sharded, sharded], alike)
    print(nn.texts())
    nn.operation_on("longer", "t", [none], none)
    other = nn.tensor_of(block, [7, 8])
    nn.say_other(other)
    for _ in range(2):
        nn.operation_on("other", "c", [other], one)


def tensor_threads(nn):
    """Eight threads, whose first operations are the first of all."""
    if not has_tensors(nn):
        return
    chip = nn.open_chip(2)
    one, two = (nn.tensor_of(nn.tensor(chip, 4096), [32, 32 * (i + 1)]) for i in range(2))
    nn.operate_threads(b"rt", (tt.POINTER * 4)(one, two, two, None), one, 8, 200)


def nothing(nn):
    nn.open_chip(0)


SCENARIOS = {function.__name__: function for function in (
    matmul_reuse, mesh, tracking_test, no_dispatch, out_of_memory, exceptions, threads, unannounced, unannounced_apart, many_programs, too_many, many_chips, many_allocators, dataflow, tried,
    clash, workload, trace, operations, tensors, tensor_threads, nothing)}


# --- running them ----------------------------------------------------------------------------------------------------


class Run:
    """What a traced process reported, and said."""

    def __init__(self, command, enabled="1", libraries=None):
        with tempfile.TemporaryDirectory(prefix="ttalloc-test-") as folder:
            log = pathlib.Path(folder, "log")
            env = {**os.environ, "TTALLOC_FAKE_LOG": str(log), "TT_ALLOC_TRACKING_ENABLED": enabled,
                   "LD_LIBRARY_PATH": str(standins.fake_libttalloc()),
                   "LD_PRELOAD": str(libraries or standins.preload())}
            done = subprocess.run([str(part) for part in command], env=env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
            self.lines = log.read_text().splitlines() if log.exists() else []
        self.out, self.err, self.status = done.stdout, done.stderr, done.returncode
        assert self.status == 0, f"{command}: status {self.status}\n{self.out}{self.err}"

    def events(self, *kinds):
        """The calls as (kind, {name: value}), numbers as numbers."""
        found = []
        for line in self.lines:
            kind, *fields = line.split(" ")
            if not kinds or kind in kinds:
                pairs = (field.split("=", 1) for field in fields)
                found.append((kind, {name: int(value) if value.isdigit() else value for name, value in pairs}))
        return found

    def values(self, kind, *names):
        return [tuple(event[name] for name in names) for _, event in self.events(kind)]


def scenario(name, place, **options):
    return Run([sys.executable, __file__, name, place], **options)


def expect(actual, expected, what):
    assert actual == expected, f"{what}:\n  expected {expected!r}\n  got      {actual!r}"


# --- checks ----------------------------------------------------------------------------------------------------------


def check_matmul_reuse(place, generation):
    run = scenario("matmul_reuse", place)
    expect(run.err, "", "stderr")
    per_bank = (400 + 11) // 12 * 2048
    dram = [(3, 0, 0, DRAM_BASE + i * per_bank, 400 * 2048, per_bank) for i in range(3)]
    shard_bank = 64 // 8 * 4096
    shard = (3, 1, TOP_DOWN | SHARDED, 1499136 - 32768 - shard_bank, 64 * 4096, shard_bank)
    binary = (3, 0, TOP_DOWN | KERNEL_BINARY, 1073741824 - 16777216 - 2048, 8192, 2048)
    expect(run.values("alloc", "device", "region", "flags", "address", "size", "bank"), [*dram, shard, binary],
           "blocks")
    expect(run.values("free", "device", "region", "address"), [(b[0], b[1], b[3]) for b in [*dram, shard, binary]],
           "frees")
    runs = run.values("program_run", "device", "program")
    first, second = runs[0][1], runs[1][1]
    expect(runs, [(3, first), (3, second), (3, first)], "runs")
    expect(run.values("cb_alloc", "device", "program", "index", "address", "size", "aliased", "cores"),
           [(3, first, 0, L1_BASE, 32768, 0, "0-0..4-4"), (3, first, 1, shard[3], 16384, 1, "0-0..7-0"),
            (3, second, 0, L1_BASE, 65536, 0, "0-0..7-7")], "circular buffers")
    ends = [(3, first), (3, second)] if generation >= 202507 else []
    expect(run.values("cb_free", "device", "program"), ends, "ends of programs")
    expect(run.values("device_open", "device", "arch", "layouts"), [(3, "wormhole_b0", 4)], "device")
    expect(run.values("layout", "region", "top_down", "banks", "bank", "base", "alignment"),
           [(0, 0, 12, 1073741824 - 16777216 - DRAM_BASE, DRAM_BASE, 32),
            (1, 1, 64, 1499136 - 32768 - L1_BASE, L1_BASE, 32), (3, 1, 64, 32768, 1499136 - 32768, 32),
            (4, 0, 12, 16777216, 1073741824 - 16777216, 32)], "geometry")
    expect(run.events()[-1][0], "device_close", "last event")
    tracked = len(run.events("alloc", "free", "cb_alloc", "program_run")) + (2 if generation >= 202605 else 0)
    expect(run.out, f"calls {tracked}\n", "calls that arrived")


def check_mesh(place, generation):
    run = scenario("mesh", place)
    expect(run.err, "", "stderr")
    expect(run.values("device_open", "device"), [(4,), (5,), (4,)], "devices")
    per_bank = (512 + 11) // 12 * 2048
    expect(run.values("alloc", "device", "address", "size", "bank"),
           [(4, DRAM_BASE, 1 << 20, per_bank), (5, DRAM_BASE, 1 << 20, per_bank), (4, DRAM_BASE, 2048, 2048),
            (5, DRAM_BASE, 2048, 2048), (4, DRAM_BASE, 2048, 2048)], "blocks")
    expect(run.values("free", "device", "address"), [(4, DRAM_BASE), (5, DRAM_BASE)], "frees")
    expect(run.values("cb_alloc", "device", "index", "size"), [(4, 0, 4096), (5, 0, 4096)], "circular buffers")
    expect(run.values("device_close", "device"), [(4,), (5,)], "closes")


def check_tracking_test(place, generation):
    run = scenario("tracking_test", place)
    expect(run.err, "", "stderr")
    live = collections.Counter()
    peak = collections.Counter()
    sizes = {}
    for kind, event in run.events("alloc", "free"):
        key = event["device"], event["region"], event["address"]
        if kind == "alloc":
            sizes[key] = event["size"]
            live[event["region"]] += event["size"]
        else:
            live[event["region"]] -= sizes.pop(key)
        peak = collections.Counter({region: max(peak[region], live[region]) for region in live})
    expect(dict(peak), {1: 4 * 4096, 0: 4 * 65536}, "peaks")
    expect(sizes, {}, "left")


def check_no_dispatch(place, generation):
    run = scenario("no_dispatch", place)
    expect(run.out, "hooked 3 placed 1 refused 0\n", "counters")
    runs = run.values("program_run", "program")
    expect((len(runs), runs[0] == runs[1], runs[2]), (3, False, runs[0]), "runs: the last is resident")
    expect(len(run.events("alloc")), 1, "allocs")
    expect(len(run.events("free")), 1, "frees")


def check_out_of_memory(place, generation):
    run = scenario("out_of_memory", place)
    assert "Out of Memory" in run.out and "Unsupported buffer type" in run.out, run.out
    expect(run.values("failed", "device", "region", "flags", "size", "bank"),
           [(1, 1, TOP_DOWN | SHARDED, 64 << 20, 32 << 20), (1, 2, TOP_DOWN, 2048, 0)], "failures")
    said = [event["why"] for _, event in run.events("failed")]
    assert said[0].startswith("Out_of_Memory:_Not_enough_space_to_allocate_"), said
    expect(said[1], "Unsupported_buffer_type!", "what the exception said")
    expect(run.events()[1][0], "device_open", "first event after the producer's name")
    expect(len(run.events("alloc")), 1, "allocs")


def check_exceptions(place, generation):
    """Each is a failure once, with its words; a thread that is cancelled has not failed."""
    run = scenario("exceptions", place)
    expect(run.err, "", "stderr")
    said = [event.get("why") for _, event in run.events("failed")]
    words = [*FAILURES, FAILURES[-1], FAILURES[2], FAILURES[0]]
    expect(said, [word and word.replace(" ", "_") for word in words], "what the exceptions said")
    expect((len(run.events("alloc")), len(run.events("free"))), (len(FAILURES) + 1, len(FAILURES) + 1), "served")


def check_threads(place, generation):
    run = scenario("threads", place)
    expect(run.err, "", "stderr")
    expect(len(run.events("device_open")), 1, "devices")
    live = set()
    for kind, event in run.events("alloc", "free"):
        key = event["device"], event["region"], event["address"]
        assert (key in live) == (kind == "free"), f"{kind} of {key}, live {live}"
        live ^= {key}
    expect((len(run.events("alloc")), len(live)), (1600, 0), "allocs, left")


def check_unannounced(place, generation):
    run = scenario("unannounced", place)
    kinds = [(kind, event["program"]) for kind, event in run.events("cb_alloc", "cb_free")]
    if generation >= 202507:  # those that place them say whose they are
        first, second = (kinds[i][1] for i in (0, -1))
    else:
        first, second = 1, 2
    once = [("cb_alloc", first), ("cb_alloc", first), ("cb_free", first)]
    again = [(kind, second) for kind, _ in once]
    expect(kinds, once + (again if generation >= 202507 else again[:2]), "circular buffers")


def check_unannounced_apart(place, generation):
    run = scenario("unannounced_apart", place)
    expect(len(run.events("cb_alloc")), 40, "circular buffers")
    notes = [(event["count"], event["text"][:44]) for _, event in run.events("note")]
    expect(notes, [(0, "CB:_a_program_that_was_not_announced_lies_on")] if generation < 202507 else [], "notes")


def check_many_programs(place, generation):
    run = scenario("many_programs", place)
    expect(len(run.events("cb_alloc")), 300, "circular buffers")
    ended = [event["program"] for _, event in run.events("cb_free")]
    expect(ended, [e["program"] for _, e in run.events("program_run")] if generation >= 202507 else [], "ends")


def check_dataflow(place, generation):
    """Each once: what borrows or shares memory is aliased, what is resized is placed anew, what is the same is not."""
    if generation < 202606:
        return
    run = scenario("dataflow", place)
    expect(run.err, "", "stderr")
    placed = run.values("cb_alloc", "device", "program", "index", "address", "size", "aliased", "kind", "cores")
    first, second = placed[0][1], placed[5][1]
    all_over, part, both = "0-0..3-3", "2-2..5-5", "0-0..3-3,4-2..5-5,2-4..3-5"

    def pieces(entries):  # of the first one, which borrows
        own = L1_BASE + 8192
        return [(0, first, 0, 0, 2048 * entries, 1, 1, all_over), (0, first, 1, L1_BASE, 8192, 0, 1, all_over),
                (0, first, 2, L1_BASE, 8192, 1, 1, all_over), (0, first, 3, own, 3072, 0, 1, part),
                (0, first, 4, own + 3072, 640, 0, 2, both)]

    expect(placed, [*pieces(1), (0, second, 0, L1_BASE, 320, 0, 2, "1-1..1-1"), *pieces(2), *pieces(3)], "what was placed")
    expect(run.values("cb_free", "program"), [(first,), (first,), (second,), (first,)], "what was given back")
    expect(run.values("program_run", "program"), [(first,), (second,)], "runs")
    expect(run.events("note"), [], "notes")


def check_tried(place, generation):
    """Nothing lies in L1 for a program that is only tried; when it runs, all that it has does, once."""
    if generation < 202606:
        return
    run = scenario("tried", place)
    kinds = [kind for kind, _ in run.events() if kind in ("cb_alloc", "program_run")]
    expect(kinds, ["program_run", "program_run", "cb_alloc", "program_run", "program_run"], "order")
    expect(run.values("cb_alloc", "address", "size", "kind"), [(L1_BASE, 2048, 1)], "what was placed")


def check_clash(place, generation):
    """One failed request of a mesh, for each of its chips, with TT-Metal's words; what has room fails nothing."""
    if generation < 202507:
        return
    run = scenario("clash", place)
    expect(run.err, "", "stderr")
    met, beyond = L1_BASE + 32768, L1_BASE + (2 << 20)
    expect(run.values("failed", "device", "region", "flags", "size"),
           [(1, 16, 0, met - L1_BASE), (2, 16, 32, met - L1_BASE), (1, 16, 0, beyond - L1_BASE),
            (2, 16, 32, beyond - L1_BASE)], "failures")
    said = [event["why"] for _, event in run.events("failed")]
    assert said[0] == said[1] and said[0].startswith("Statically_allocated_circular_buffers_in_program_7_clash"), said
    assert said[0].endswith(f"region_ends_at_{met}") and f"grow_to_{beyond}_B" in said[2], said


def check_workload(place, generation):
    """Each program runs on its chip alone."""
    run = scenario("workload", place)
    expect(run.err, "", "stderr")
    runs = run.values("program_run", "device", "program")
    sizes = {event["program"]: event["size"] for _, event in run.events("cb_alloc")}
    if generation >= 202507:
        expect([(device, sizes.get(program)) for device, program in runs],
               [(0, 1024), (1, 2048), (2, 4096), (0, None), (1, None), (2, None)], "runs")
    else:
        expect([device for device, _ in runs], [0, 1, 2, 0, 1, 2], "runs")


def check_trace(place, generation):
    """A replay is two runs of each chip: of the highest program, and of the last."""
    if generation < 202507:
        return
    run = scenario("trace", place)
    expect(run.err, "", "stderr")
    programs = list(dict.fromkeys(event["program"] for _, event in run.events("cb_alloc")))
    one, two, three, four = programs
    runs = run.values("program_run", "device", "program")
    captured = [one, two, three, four, one, two, three, one, three, four]
    expect([program for device, program in runs if device == 1], [*captured, two, three, two, three], "runs")
    expect([event["flags"] & 64 for _, event in run.events("alloc") if event["device"] == 1], [0, 0, 64, 0], "beside a trace")


def tree(events):
    """Begins and ends as (name, aborted, [those within])."""
    stack = [(None, None, [])]
    for kind, event in events:
        if kind == "begin":
            stack.append((event["name"], None, []))
        else:
            name, _, within = stack.pop()
            stack[-1][2].append((name, event["aborted"], within))
    expect(len(stack), 1, "operations that do not end")
    return stack[0][2]


def check_operations(place, generation):
    run = scenario("operations", place)
    expect(run.err, "", "stderr")
    found = tree(run.events("begin", "end"))
    if generation < 202606:
        expect(found, [], "operations where there is no place for observers")
        return

    def nest(name, depth, aborted=0):
        return (name, aborted, [nest(f"{name}.{depth}", depth - 1, aborted)] if depth else [])

    expect(found, [nest("plain", 2), nest("captured", 1), nest("failing", 3, 1), nest("failing", 0, 1), nest("failing", 3, 1),
                   nest("after", 0), nest("threaded", 2), nest("last", 0)], "operations")
    expect(run.out.splitlines(), ["captured(captured.1())", "tried(tried.1())", "hooked 1"], "captures")


def told(run):
    """Of each operation: its name, and (device, address, index, given, what it is) of its tensors."""
    found = []
    for kind, event in run.events("begin", "tensor"):
        if kind == "begin":
            found.append((event["name"], []))
        else:
            words = [str(event[name]) for name in ("shape", "dtype", "layout", "memory", "shard", "grid", "orientation")]
            found[-1][1].append((event["device"], event["address"], event["index"], event["given"], " ".join(filter(None, words))))
    return found


def check_tensors(place, generation):
    """A block that lies on both chips of a mesh is told for the first one when it is taken, for each when it is given."""
    run = scenario("tensors", place)
    expect(run.err, "", "stderr")
    if generation not in standins.GENERATIONS_WITH_TENSORS:
        expect(run.events("tensor"), [], "tensors")
        return
    (_, dram), (_, _), (_, block), (_, l1) = run.values("alloc", "device", "address")
    one, made = "1x1x64x128 bfloat16 TILE interleaved", "64x32 float32 ROW_MAJOR interleaved"
    sharded = "128x256 bfloat16 TILE block_sharded 32x64 [[0,0,3,0],[5,1,5,4]] COL_MAJOR"
    longer, other = "2x3x4x5x6 uint32 TILE interleaved", "7x8 bfloat16 TILE interleaved"
    given = [(4, dram, 0, 1, one), (5, dram, 0, 1, one)]
    expect(told(run), [
        ("made", [(4, block, 0, 1, made)]),
        ("all", [(4, dram, 0, 0, one), (4, l1, 1, 0, sharded), (4, dram, 2, 0, one), (4, block, 3, 0, made),
                 (4, dram, 5, 0, one), (4, l1, 6, 0, sharded), (4, dram, 7, 0, one), *given]),
        ("again", [(4, dram, 0, 0, one), (4, l1, 1, 0, sharded), (4, l1, 2, 0, sharded), *given]),
        ("longer", [(4, block, 0, 0, longer), (4, block, 0, 1, longer)]),
        *[("other", [(4, block, 0, 0, other), *given])] * 2], "tensors")
    expect(run.out.split(), ["0", "2", "2"], "texts of tensors, which are made once of those that are alike")


def check_too_many(place, generation):
    run = scenario("too_many", place)
    expect(run.values("cb_alloc", "size", "cores"), [(4096, "0-0..9-7"), (2048, 128)], "circular buffers")
    operations = generation >= 202606
    expect((len(run.events("begin")), len(run.events("end"))), (65, 65) if operations else (0, 0), "operations")
    expect(run.values("note", "count", "text"), [(1, "operations_within_64_others:_left_out")] * 7 if operations else [], "notes")


def check_many_chips(place):
    run = scenario("many_chips", place)
    expect(len(run.events("alloc")), 256, "blocks")
    notes = [(event["count"], event["text"]) for _, event in run.events("note")]
    assert (0, "not_everything_that_TT-Metal_reports_could_be_read_for_certain") in notes, notes


def check_many_allocators(place):
    run = scenario("many_allocators", place)
    expect(len(run.events("alloc")), 4097, "blocks")
    notes = [(event["count"], event["text"][:46]) for _, event in run.events("note")]
    expect(set(notes), {(0, "more_than_4096_allocators_are_there_at_once:_b")}, "notes")


def check_tensor_threads(place, generation):
    if generation not in standins.GENERATIONS_WITH_TENSORS:
        return
    run = scenario("tensor_threads", place)
    expect(run.err, "", "stderr")
    expect((len(run.events("begin")), len(run.events("end"))), (1600, 1600), "operations")
    shapes = collections.Counter(run.values("tensor", "index", "given", "shape"))
    expect(shapes, {(0, 0, "32x32"): 1600, (1, 0, "32x64"): 1600, (2, 0, "32x64"): 1600, (0, 1, "32x32"): 1600}, "tensors")


CHECKS = [check_too_many, check_unannounced_apart, check_tensors, check_tensor_threads, check_operations, check_workload, check_trace, check_dataflow, check_tried, check_clash, check_matmul_reuse, check_mesh, check_tracking_test, check_no_dispatch, check_out_of_memory, check_threads,
          check_unannounced, check_many_programs]
COMPILER_CHECKS = [check_exceptions]  # that depend on the compiler, but on no generation


def check_direct(compiler, generation):
    run = Run([standins.direct(compiler, generation)])
    expect(len(run.events("alloc")), 3, "allocs")
    expect(len(run.events("free")), 3, "frees")
    expect(len(run.events("cb_alloc")), 6, "circular buffers")
    expect(len(run.events("failed")), 1, "failures")


# --- what cannot be recorded -----------------------------------------------------------------------------------------


def one_line(run, *words):
    lines = run.err.splitlines()
    expect(len(lines), 1, f"lines on stderr, which are {lines}")
    for word in words:
        assert word in lines[0], f"{word!r} is not in {lines[0]!r}"


def check_unknown_layout(compiler):
    run = scenario("tracking_test", standins.standin(compiler, standins.UNKNOWN_GENERATION))
    one_line(run, "libtt_metal.so", "not known", "not recorded")
    expect(run.events("alloc", "free", "failed", "device_open"), [], "events")


def check_unknown_programs(compiler):
    """Dataflow buffers of a layout that nobody knows: said in the recording, and in one line."""
    place = standins.standin(compiler, standins.UNKNOWN_GENERATION)
    run = scenario("dataflow", place)
    expect(run.events("cb_alloc"), [], "what is recorded")
    assert any("lays_its_programs_out" in e["text"] and e["count"] == 0 for _, e in run.events("note")), run.lines


def check_unreachable(compiler):
    place = standins.standin(compiler, 202606, "bsymbolic")
    for name in ("tracking_test", "nothing"):
        run = scenario(name, place)
        one_line(run, "libtt_metal.so", "-Bsymbolic")
        expect(run.events("alloc", "free", "failed"), [], "events")
    expect(scenario("tracking_test", place, enabled="0").err, "", "stderr while off")


def check_unity(compiler):
    """Calls inside a unity build may not reach the preload; geometry and buffers are there all the same."""
    run = scenario("tracking_test", standins.standin(compiler, 202606, "unity"))
    expect(run.err, "", "stderr")
    expect(run.values("device_open", "device", "layouts"), [(0, 4)], "devices")
    expect(len(run.events("alloc")), 8, "allocs")


def check_off(place):
    for enabled in ("0", "yes", ""):
        run = scenario("matmul_reuse", place, enabled=enabled)
        expect((run.lines, run.err), ([], ""), f"reports with {enabled!r}")


def check_inert():
    run = Run(["/bin/sh", "-c", "echo hello"])
    expect((run.out, run.err, run.lines), ("hello\n", "", []), "a program without libtt_metal")


def check_two_copies():
    """Two generations in one process, each with its own layout and functions."""
    compiler = standins.COMPILERS[0]
    places = [standins.standin(compiler, 202503, "other"), standins.standin(compiler, 202606)]
    run = Run([sys.executable, __file__, "two_copies", *places])
    expect(run.err, "", "stderr")
    expect(run.values("alloc", "device", "size"), [(0, 4096), (1, 8192)], "blocks")
    expect(run.out, "1 1\n", "calls that arrived in each")


def two_copies(places):
    copies = [tt.NN(place) for place in places]
    for number, nn in enumerate(copies):
        assert nn.tensor(nn.open_chip(number), 4096 << number)
    print(*(nn.tracker_calls() for nn in copies))


def wanted():
    """Which generations each compiler builds: all of them in the long run. Otherwise compilers take turns, and each has the
    generation that the other checks are about."""
    if os.environ.get("TTALLOC_TEST_MODE") == "long":
        return {compiler: standins.GENERATIONS for compiler in standins.COMPILERS}
    return {compiler: [generation for number, generation in enumerate(standins.GENERATIONS)
                       if generation == 202606 or number % len(standins.COMPILERS) == turn]
            for turn, compiler in enumerate(standins.COMPILERS)}


def main():
    if not standins.preload():
        print("libttalloc-tt-metal is not built")
        return 77
    if not standins.COMPILERS:
        print("there is no C++ compiler")
        return 77
    standins.build_all([(compiler, generation) for compiler, generations in wanted().items()
                        for generation in [*generations, standins.UNKNOWN_GENERATION]])
    for compiler, generations in wanted().items():
        for generation in generations:
            place = standins.standin(compiler, generation)
            for check in CHECKS + (COMPILER_CHECKS if generation == 202606 else []):
                try:
                    check(place, generation)
                except AssertionError:
                    print(f"{check.__name__}, {compiler}, {generation}:")
                    raise
            if generation in (generations[0], 202606):
                check_direct(compiler, generation)
        check_unknown_layout(compiler)
        check_unknown_programs(compiler)
        check_unreachable(compiler)
        check_unity(compiler)
        check_off(place)
    check_two_copies()
    check_many_chips(standins.standin(standins.COMPILERS[0], 202606))
    check_many_allocators(standins.standin(standins.COMPILERS[0], 202606))
    check_inert()
    print("ok")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(main())
    if sys.argv[1] == "two_copies":
        two_copies(sys.argv[2:])
    else:
        SCENARIOS[sys.argv[1]](tt.NN(sys.argv[2]))
