# SPDX-License-Identifier: Apache-2.0
"""What was free for a request is what its own allocator had not given out: a mesh and its submesh do not know of each other's
blocks, a device and its sub-devices do. Figures worked out by hand.

The script runs itself as the recorded process.
"""
import ctypes
import sys

from harness import BUILD, Place, Recorder, analyze, check, equal, main, program, run
from test_chips import Block, Device

SAME_REQUEST = 32
L1, BASE, BANK, UNIT = 1, 4096, 65536, 64
PARENT, CHILD, PART = (number << 16 for number in (1, 2, 3))
MANY = 40


class Layout(ctypes.Structure):
    _fields_ = [("region", ctypes.c_uint16), ("top_down", ctypes.c_uint16), ("banks", ctypes.c_uint32),
                ("bank_bytes", ctypes.c_uint64), ("base_address", ctypes.c_uint64), ("alignment_bytes", ctypes.c_uint64)]


def open_device(ttalloc, device, name):
    layout = Layout(L1, 1, 4, BANK, BASE, UNIT)
    ttalloc.ttalloc_device_open(ctypes.byref(Device(
        struct_size=ctypes.sizeof(Device), device=device, layouts=ctypes.addressof(layout), layout_count=1, allocator=name)))


def block(device, address, size):
    return ctypes.byref(Block(device=device, region=L1, address=address, size_bytes=size))


def report(library):
    ttalloc = ctypes.CDLL(library)
    for device, name in ((PARENT, b"mesh 1 of 4 chips"), (CHILD, b"mesh 2 of 2 chips"), (PART, b"mesh 2 of 2 chips, sub-device")):
        open_device(ttalloc, device, name)
    ttalloc.ttalloc_alloc(block(PARENT, BASE, 16384))
    ttalloc.ttalloc_alloc(block(CHILD, BASE + 32768, 8192))
    ttalloc.ttalloc_alloc(block(PART, BASE + 8192, 1024))
    for device in (PARENT, CHILD, PART, 0):
        ttalloc.ttalloc_alloc_failed(block(device, 0, 65536), None)


def report_many(library):
    """A block of each of many submeshes."""
    ttalloc = ctypes.CDLL(library)
    for number in range(1, MANY + 1):
        open_device(ttalloc, number << 16, b"mesh %d of 2 chips" % number)
        ttalloc.ttalloc_alloc(block(number << 16, BASE, 1024 * number))


def report_mesh(library):
    """A request that fails on both chips of a mesh."""
    ttalloc = ctypes.CDLL(library)
    for device, flags in ((0, 0), (1, SAME_REQUEST)):
        ttalloc.ttalloc_alloc_failed(ctypes.byref(Block(device=device, region=L1, flags=flags, size_bytes=65536)), None)


def the_summary_counts_requests():
    place = Place()
    done = run([program("ttalloc-recorder"), "-o", place.file("run.db"), "--", sys.executable, __file__, "report_mesh",
                str(BUILD / "hook/libttalloc.so")], env=place.env, cwd=place.path)
    equal(done.returncode, 0, done.stderr)
    check("failed requests: 1," in done.stderr, done.stderr)
    equal(len(analyze("failures", place.file("run.db"))["rows"]), 2, "rows, one for each chip")


def each_has_its_own_figures():
    place = Place()
    recorder = Recorder(place)
    done = run([sys.executable, __file__, "report", str(BUILD / "hook/libttalloc.so")], env=place.target_env())
    equal(done.returncode, 0, done.stderr)
    place.await_drained()
    file = recorder.stop()
    behind = BANK - 32768 - 8192  # the child's block
    child = (BANK - 8192 - 1024, behind)
    expected = [(BANK - 16384, BANK - 16384), child, child, (BANK - 16384 - 8192, behind)]
    rows = analyze("failures", file, "--start", "0")["rows"]
    equal([(row["free_bytes"], row["largest_free_bytes"]) for row in rows], expected, "failures")
    for number, figures in enumerate(expected, 1):
        row = analyze("why", file, "--failure", str(number))["rows"][0]
        equal((row["free_bytes"], row["largest_free_bytes"]), figures, f"why, failure {number}")
        check(any("other allocators" in remark for remark in row["remarks"]) == (number < 4), row["remarks"])


def however_many_there_are():
    place = Place()
    done = run([program("ttalloc-recorder"), "-o", place.file("run.db"), "--", sys.executable, __file__, "report_many",
                str(BUILD / "hook/libttalloc.so")], env=place.env, cwd=place.path)
    equal(done.returncode, 0, done.stderr)
    rows = analyze("fragmentation", place.file("run.db"))["rows"]
    at_ns = max(row["at_ns"] for row in rows if row["allocator"] == f"mesh {MANY} of 2 chips")
    equal({row["allocator"]: row["largest_free_bytes"] for row in rows if row["at_ns"] == at_ns},
          {f"mesh {number} of 2 chips": BANK - 1024 * number for number in range(1, MANY + 1)}, "allocators")


if __name__ == "__main__":
    if sys.argv[1:2] == ["report"]:
        report(*sys.argv[2:])
    elif sys.argv[1:2] == ["report_many"]:
        report_many(*sys.argv[2:])
    elif sys.argv[1:2] == ["report_mesh"]:
        report_mesh(*sys.argv[2:])
    else:
        main(each_has_its_own_figures, however_many_there_are, the_summary_counts_requests)
