# SPDX-License-Identifier: Apache-2.0
"""The model itself, on cases that are worked out by hand: it has to be right before anything is compared with it."""
import sys

import expect
import expect_views
from issued import (ALIASED, ALLOC, ALLOC_FAILED, ANY, CB_ALLOC, CB_FREE, DEVICE_CLOSE, DEVICE_OPEN, FREE, KERNEL_BINARY,
                    KERNEL_LOAD, KERNEL_UNLOAD, POP, PROGRAM_RUN, PUSH, STEP, Call, Layout, Process, attribute)
from replay import Run


def run_of(*processes, end_ns=1000, ended=None):
    """Calls are tuples (at_ns, kind, fields)."""
    made = []
    for row, calls in enumerate(processes, 1):
        process = Process(row, 100 + row)
        process.row = row
        process.ended, process.ended_ns = ended, end_ns if ended else process.ended_ns
        for number, (at_ns, kind, fields) in enumerate(calls):
            process.calls.append(Call(kind, row, at_ns=at_ns, place=(at_ns, row, number), **fields))
        attribute(process)
        made.append(process)
    return Run(made, end_ns)


def block(at_ns, address, size, **more):
    return at_ns, ALLOC, dict(address=address, size=size, **more)


def free(at_ns, address, **more):
    return at_ns, FREE, dict(address=address, **more)


def one_row(rows):
    assert len(rows) == 1, rows
    return rows[0]


def peak_is_the_first_maximum():
    run = run_of([block(10, 1, 5), block(20, 2, 5), free(30, 1), block(40, 3, 5), free(50, 2), free(60, 3)])
    row = one_row(expect.peak(run))
    assert (row["peak_bytes"], row["peak_ns"], row["peak_blocks"]) == (10, 20, 2)


def replaced_and_freed_twice():
    run = run_of([block(10, 1, 5), block(20, 1, 7), free(30, 1), free(40, 1)])
    info = expect.info(run)
    assert (info["replaced"], info["unmatched_frees"], info["frees"]) == (1, 1, 2)
    assert one_row(expect.peak(run))["peak_bytes"] == 7
    assert expect.leaks(run) == []


def any_free_takes_the_youngest():
    run = run_of([block(10, 1, 5, device=0), block(20, 1, 6, device=1), free(30, 1, device=ANY)])
    assert one_row(expect.leaks(run))["device"] == 0


def processes_are_summed_in_order():
    run = run_of([block(10, 1, 5), free(30, 1)], [block(20, 1, 3), free(40, 1)])
    row = one_row(expect.peak(run))
    assert (row["peak_bytes"], row["peak_ns"]) == (8, 20)
    assert [r["peak_bytes"] for r in expect.processes(run)] == [5, 3]


def aliased_blocks_count_nothing():
    run = run_of([block(10, 1, 5), block(20, 2, 100, flags=ALIASED)])
    assert one_row(expect.peak(run))["peak_bytes"] == 5
    assert one_row(expect.processes(run))["allocs"] == 2


def buffers_are_resident_while_their_program_is_the_last():
    buffer = lambda at, program, size: (at, CB_ALLOC, dict(program=program, size=size, region=16))
    runs = lambda at, program: (at, PROGRAM_RUN, dict(address=program, region=16))
    run = run_of([buffer(10, 1, 100), runs(20, 2), buffer(30, 2, 30), buffer(40, 1, 7), runs(50, 1), (60, CB_FREE, dict(address=1, region=16))])
    row = one_row(expect.peak(run))
    assert (row["peak_bytes"], row["peak_ns"]) == (100, 10)
    row = one_row(expect.peak(run, expect.Filter(start=15, end=45)))
    assert (row["peak_bytes"], row["peak_ns"]) == (100, 15)
    row = one_row(expect.peak(run, expect.Filter(start=25, end=45)))
    assert (row["peak_bytes"], row["peak_ns"]) == (30, 30)


def events_count_inside_the_window():
    run = run_of([block(10, 1, 5), block(20, 2, 7), free(30, 1), block(40, 3, 9), free(50, 2)])
    row = one_row(expect.processes(run, expect.Filter(start=15, end=45)))
    assert (row["allocs"], row["frees"], row["allocated_bytes"], row["peak_bytes"]) == (2, 1, 16, 16)
    assert [r["bytes"] for r in expect.allocated(run, "size", expect.Filter(start=15, end=45))] == [7, 9]


def differences_leave_out_what_is_the_same():
    old = run_of([block(10, 1, 5), block(20, 2, 7), block(30, 3, 1, flags=KERNEL_BINARY)], ended="process exit")
    live = run_of([block(10, 1, 5), block(20, 2, 9)])
    new = run_of([block(10, 1, 5), block(20, 2, 9)], ended="process exit")
    assert [(r["group"], r["delta_bytes"]) for r in expect.diff(live, old, "leaks", "size")] == [(5, 5), (7, 7)]
    assert [(r["group"], r["delta_bytes"]) for r in expect.diff(old, new, "leaks", "size")] == [(7, -7), (9, 9)]
    assert len(expect.diff(old, new, "leaks", "size", everything=True)) == 3
    assert [(r["group"], r["delta_bytes"]) for r in expect.diff(old, new, "leaks", "class")] == [
        ("buffer", 2), ("kernel_binary", -1)]


def buffers_before_any_run_are_the_last_configured_program_s():
    buffer = lambda at, program, size, index=0: (at, CB_ALLOC, dict(program=program, size=size, index=index, region=16))
    runs = lambda at, program: (at, PROGRAM_RUN, dict(address=program, region=16))
    run = run_of([buffer(10, 1, 1000), buffer(20, 2, 1000), runs(30, 1), runs(40, 2)])
    row = one_row(expect.peak(run))
    assert (row["peak_bytes"], row["peak_ns"], row["peak_blocks"]) == (1000, 10, 1)
    run = run_of([buffer(10, 1, 100), buffer(20, 2, 10), buffer(30, 1, 5, index=1), (40, CB_FREE, dict(address=1, region=16))])
    row = one_row(expect.peak(run))
    assert (row["peak_bytes"], row["peak_ns"], row["peak_blocks"]) == (105, 30, 2)
    assert one_row(expect.peak(run, expect.Filter(start=15, end=25)))["peak_bytes"] == 100
    assert [r["end_bytes"] for r in expect.timeline(run, 1)] == [0]


def closing_a_device_is_a_leak():
    run = run_of([block(10, 1, 5), (20, DEVICE_CLOSE, {}), free(30, 1)])
    assert one_row(expect.leaks(run))["ended"] == "device close"
    assert expect.info(run)["unmatched_frees"] == 1
    assert [row["end_bytes"] for row in expect.timeline(run, 2)] == [0, 0]


def labels_and_steps():
    run = run_of([(5, PUSH, dict(text="a")), (6, STEP, dict(address=4)), (7, PUSH, dict(text="b")), block(10, 1, 5),
                  (11, POP, {}), block(12, 2, 6), (13, POP, {}), block(14, 3, 7)])
    assert [(row["label"], row["step"]) for row in expect.leaks(run)] == [("a/b", 4), ("a", 4), (None, 4)]
    assert {row["group"]: row["bytes"] for row in expect.leaks_by(run, "label")} == {"a/b": 5, "a": 6, None: 7}
    assert len(expect.leaks(run, expect.Filter(label="a"))) == 2


def gaps_of_a_bank():
    layout = Layout(0, 2, 100, 1000, 1)
    run = run_of([(1, DEVICE_OPEN, dict(layouts=[layout])), block(10, 1010, 60, bank=30), block(11, 1060, 20, bank=10),
                  (12, ALLOC_FAILED, dict(size=100, bank=50))])
    row = one_row(expect.failures(run))
    assert (row["free_bytes"], row["largest_free_bytes"]) == (60, 30)
    sample = expect.Fragmentation(run).at(0, 0, 12)
    assert (sample["used_bytes"], sample["free_blocks"], sample["external_fragmentation"]) == (40, 3, 0.5)
    assert sample["unusable"] == 1


def time_line_in_halves():
    run = run_of([block(100, 1, 5), block(499, 2, 5), free(500, 2), free(900, 1)])
    rows = expect.timeline(run, 2)
    assert [(r["from_ns"], r["to_ns"], r["max_bytes"], r["end_bytes"], r["allocs"], r["frees"]) for r in rows] == [
        (0, 500, 10, 10, 2, 0), (500, 1000, 10, 0, 0, 2)]


def kernels():
    run = run_of([(1, KERNEL_LOAD, dict(address=7, size=10, region=17)), (2, KERNEL_UNLOAD, dict(address=7, region=17)),
                  (3, KERNEL_UNLOAD, dict(address=7, region=17))])
    assert expect.info(run)["unmatched_frees"] == 1
    assert one_row(expect.peak(run))["region"] == "KERNEL"


def the_floor_is_the_lowest_block():
    run = run_of([block(10, 800, 5, region=1), block(20, 400, 5, region=1), block(25, 100, 5, region=1, flags=ALIASED),
                  free(30, 400, region=1), block(40, 300, 5, region=1), free(40, 300, region=1), (50, DEVICE_CLOSE, {})])
    floor = expect_views.Floor(run)
    assert [(b.address, a, z) for b, a, z in floor.spans] == [(800, 10, 20), (400, 20, 30), (800, 30, 50)], floor.spans
    assert [(r["address"], r["held_ns"]) for r in floor.longest(1)] == [(800, 20), (400, 10)]
    assert {r["group"]: (r["held_ns"], r["spans"]) for r in floor.by("size")} == {5: (40, 3)}
    assert [(b.address, a, z) for b, a, z in expect_views.Floor(run, expect.Filter(start=15, end=20)).spans] == [
        (800, 15, 20), (400, 20, 20)]


def temporary_blocks_are_told_by_identity():
    run = run_of([block(10, 1, 5), block(20, 2, 5), free(30, 2), free(40, 1), (45, STEP, dict(address=1)), block(50, 1, 7),
                  (55, STEP, dict(address=2)), free(60, 1)])
    count = lambda within: {r["group"]: (r["temporary_blocks"], r["blocks"]) for r in expect_views.temporary(run, "size", within)}
    assert count(1) == {5: (1, 2), 7: (1, 1)} and count(2) == count(1) and count(3)[5] == (2, 2), count(3)


def bins_are_powers_of_two():
    run = run_of([block(10, 1, 0), block(20, 2, 7), block(30, 3, 8), free(40, 3)])
    assert [(r["from_bytes"], r["to_bytes"], r["blocks"], r["held_blocks"]) for r in expect_views.histogram(run, "size")] == [
        (0, 1, 1, 1), (1, 2, 0, 0), (2, 4, 0, 0), (4, 8, 1, 1), (8, 16, 1, 0)]
    assert [(r["from_ns"], r["blocks"]) for r in expect_views.histogram(run, "lifetime") if r["blocks"]] == [(8, 1), (512, 2)]


def the_largest_holders_at_a_moment():
    run = run_of([block(10, 1, 5), block(20, 2, 5), block(30, 3, 10), free(40, 1)])
    rows = expect_views.top(run, "size", 35)
    assert {r["group"]: (r["bytes"], r["blocks"], r["share"], r["oldest_age_ns"]) for r in rows} == {
        5: (10, 2, 0.5, 25), 10: (10, 1, 0.5, 5)}
    assert [r["bytes"] for r in expect_views.top(run, "device", 40)] == [15]


def main():
    tests = [peak_is_the_first_maximum, replaced_and_freed_twice, any_free_takes_the_youngest, processes_are_summed_in_order,
             aliased_blocks_count_nothing, buffers_are_resident_while_their_program_is_the_last,
             buffers_before_any_run_are_the_last_configured_program_s,
             events_count_inside_the_window, differences_leave_out_what_is_the_same, closing_a_device_is_a_leak, labels_and_steps,
             gaps_of_a_bank, time_line_in_halves, kernels, the_floor_is_the_lowest_block,
             temporary_blocks_are_told_by_identity, bins_are_powers_of_two, the_largest_holders_at_a_moment]
    for test in tests:
        test()
        print(f"{test.__name__}: ok")
    return 0


sys.exit(main())
