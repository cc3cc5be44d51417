# SPDX-License-Identifier: Apache-2.0
"""A device is a chip: processes that count their chips from 0, each those that it sees, share no device of a recording
unless they share the chip. Where that is not known it is said, and nothing is called complete.

The script runs itself as the recorded processes (first argument: what to report).
"""
import ctypes
import json
import subprocess
import sys

from harness import BUILD, Place, Recorder, analyze, check, equal, main, program, run, start

DRAM, SIZE = 0, 4096


class Device(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("device", ctypes.c_uint32), ("arch", ctypes.c_char_p),
                ("layouts", ctypes.c_void_p), ("layout_count", ctypes.c_uint32), ("reserved", ctypes.c_uint32),
                ("chip", ctypes.c_char_p), ("allocator", ctypes.c_char_p), ("cores", ctypes.c_uint32),
                ("reserved2", ctypes.c_uint32)]


class Block(ctypes.Structure):
    _fields_ = [("device", ctypes.c_uint32), ("region", ctypes.c_uint16), ("flags", ctypes.c_uint16),
                ("address", ctypes.c_uint64), ("size_bytes", ctypes.c_uint64), ("bank_bytes", ctypes.c_uint64)]


def report(library, number, chip, size=SIZE):
    """A block on device NUMBER, which is CHIP; lives until standard input ends."""
    ttalloc = ctypes.CDLL(library)
    ttalloc.ttalloc_device_open(ctypes.byref(Device(struct_size=ctypes.sizeof(Device), device=int(number),
                                                    chip=chip.encode() or None)))
    ttalloc.ttalloc_alloc(ctypes.byref(Block(device=int(number), region=DRAM, address=65536, size_bytes=int(size))))
    ttalloc.ttalloc_flush(60000)
    print("there", flush=True)
    sys.stdin.read()
    ttalloc.ttalloc_free(int(number), DRAM, ctypes.c_uint64(65536))


class Process:
    def __init__(self, place, number, chip="", size=SIZE, **environment):
        self.process = start([sys.executable, __file__, "report", str(BUILD / "hook/libttalloc.so"), str(number), chip, str(size)],
                             env=place.target_env(**environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        equal(self.process.stdout.readline(), "there\n", "what the process says")
        self.pid = self.process.pid

    def end(self):
        self.process.stdin.close()
        equal(self.process.wait(60), 0, "its status")


def recorded(place, *processes):
    """The recording of processes that are all there at once: (number, chip, environment) of each. And their pids."""
    recorder = Recorder(place)
    there = [Process(place, number, chip, **environment) for number, chip, environment in processes]
    for process in there:
        process.end()
    place.await_drained()
    return recorder.stop(), [process.pid for process in there]


def peaks(file, *arguments):
    answer = analyze("peak", file, *arguments)
    return {row["device"]: row["peak_bytes"] for row in answer["rows"]}, answer["complete"]


def visible(chips):
    return {"TT_VISIBLE_DEVICES": chips}


def two_chips_are_two_devices():
    file, pids = recorded(Place(), (0, "1000001", visible("0")), (0, "1000002", visible("1")), (1, "1000001", visible("1,0")))
    equal(peaks(file), ({0: 2 * SIZE, 256: SIZE}, True), "peaks")
    equal(peaks(file, "--device", "1000002")[0], {256: SIZE}, "of the second chip")
    equal(peaks(file, "--device", "0xf4241")[0], {0: 2 * SIZE}, "of the first chip, in another base")
    equal(peaks(file, "--device", "256")[0], {256: SIZE}, "of the second chip, by the recording's number")
    equal(peaks(file, "--device", "1")[0], {0: 2 * SIZE}, "of what one process calls device 1")
    equal(peaks(file, "--device", "0", "--pid", str(pids[1]))[0], {256: SIZE}, "of what that process calls device 0")
    ambiguous = run([program("ttalloc-analyze"), "peak", file, "--device", "0"])
    equal(ambiguous.returncode, 2, "status where device 0 is two chips")
    check("1000001" in ambiguous.stderr and "1000002" in ambiguous.stderr, ambiguous.stderr)
    equal(run([program("ttalloc-analyze"), "peak", file, "--device", "board-9"]).returncode, 2, "status of no chip")
    rows = analyze("sql", file, "SELECT DISTINCT pid, device, own_number, chip FROM device")["rows"]
    equal(rows, [], "geometry, of which none was said")
    told = analyze("info", file)["rows"][0]["chips"]
    check(f"device 256: chip 1000002, device 0 of process {pids[1]}" in told, told)
    equal(analyze("verify", file)["rows"], [], "what verify finds")


def unknown_chips_are_not_added_up():
    file, _ = recorded(Place(), (0, "", visible("0")), (0, "", visible("1")))
    equal(peaks(file), ({0: SIZE, 256: SIZE}, False), "peaks")
    file, _ = recorded(Place(), (0, "1000001", {}), (0, "", visible("1")))
    equal(peaks(file), ({0: SIZE, 256: SIZE}, False), "peaks, where one is known")


def what_sees_the_same_is_the_same():
    file, _ = recorded(Place(), (0, "", visible("1")), (0, "", visible("1")))
    equal(peaks(file), ({0: 2 * SIZE}, True), "peaks of processes that see the same")
    file, _ = recorded(Place(), (0, "1000001", visible("1")), (0, "", visible("1")), (0, "1000003", visible("1")))
    equal(peaks(file), ({0: 2 * SIZE, 256: SIZE}, True), "peaks where it says of one that it is another")


def one_after_the_other():
    """What is not there at once is kept apart, and no sum lacks it."""
    place = Place()
    recorder = Recorder(place)
    for chips in ("0", "1"):
        Process(place, 0, "", **visible(chips)).end()
        place.await_drained()
    equal(peaks(recorder.stop()), ({0: SIZE, 256: SIZE}, True), "peaks")


def a_resumed_recording_knows_them():
    place = Place()
    recorder = Recorder(place)
    first, second = Process(place, 0, "1000001"), Process(place, 0, "1000002")
    recorder.kill()
    recorder = Recorder(place, arguments=("--append",))
    third = Process(place, 0, "1000002")
    for process in (first, second, third):
        process.end()
    place.await_drained()
    equal(peaks(recorder.stop()), ({0: SIZE, 256: 2 * SIZE}, True), "peaks")


def of_chips(place, name, *chips):
    """A recording NAME of processes, one after the other: each calls its chip 0 and has so many bytes there."""
    recorder = Recorder(place, name=name)
    for chip, size in chips:
        Process(place, 0, chip, size).end()
        place.await_drained()
    return recorder.stop()


def diff(old, new, *arguments):
    answer = analyze("diff", old, new, "--by", "size", *arguments)
    return {(row["device"], row["old_bytes"], row["new_bytes"]) for row in answer["rows"]}, answer["notes"]


def differences_are_of_the_same_chip():
    place = Place()
    first = of_chips(place, "first.db", ("1000001", SIZE), ("1000002", 2 * SIZE))
    turned = of_chips(place, "turned.db", ("1000002", 2 * SIZE), ("1000001", SIZE))
    equal(diff(first, turned)[0], set(), "differences of the same chips, which came in another order")
    notes = diff(first, turned)[1]
    check("device 256 of the older recording is the chip that is device 0 of the newer one" in notes, notes)
    equal(diff(first, turned, "--all", "--device", "1000002")[0], {(0, 2 * SIZE, 2 * SIZE)}, "of one chip, by its name")
    other = of_chips(place, "other.db", ("1000002", 3 * SIZE), ("1000003", 4 * SIZE))
    found, notes = diff(first, other)
    equal(found, {(257, SIZE, 0), (0, 2 * SIZE, 0), (0, 0, 3 * SIZE), (256, 0, 4 * SIZE)}, "one chip is in both")
    check("device 0 of the older recording is no chip of the newer one, and shown as device 257" in notes, notes)
    elsewhere = of_chips(place, "elsewhere.db", ("2000001", SIZE), ("2000002", 2 * SIZE))
    found, notes = diff(first, elsewhere)
    equal(found, set(), "differences of other chips, by number")
    check("the recordings name no chip that both have: devices are paired by their number" in notes, notes)


def budget(file, text):
    result = run([program("ttalloc-analyze"), "check", file, "--budget", text, "--json"])
    rows = [(row["device"], row["verdict"]) for row in json.loads(result.stdout)["rows"]]
    equal(result.returncode, int("failed" in dict(rows).values()), f"status ({result.stderr})")
    return rows


def budgets_are_of_a_chip():
    place = Place()
    file = of_chips(place, "run.db", ("1000001", SIZE), ("1000002", 2 * SIZE))
    turned = of_chips(place, "turned.db", ("1000002", 2 * SIZE), ("1000001", SIZE))
    for device, told in (("1000002", 256), ("0xf4242", 256), ("256", 256), ("1000001", 0)):
        equal(budget(file, f"peak DRAM device {device} < {2 * SIZE}"), [(told, "failed" if told else "ok")], f"of device {device}")
    equal(budget(file, f"peak DRAM <= 100% of {turned}"), [(0, "ok"), (256, "ok")], "of what each chip had")
    equal(budget(file, f"peak DRAM device 1000002 < 100% of {turned}"), [(256, "failed")], "of what one chip had")
    for words in ("board-9", "0"):  # no chip, and two
        result = run([program("ttalloc-analyze"), "check", file, "--budget", f"peak DRAM device {words} < 1G"])
        equal(result.returncode, 2, f"status of device {words} ({result.stderr})")


if __name__ == "__main__":
    if sys.argv[1:2] == ["report"]:
        report(*sys.argv[2:])
    else:
        main(two_chips_are_two_devices, unknown_chips_are_not_added_up, what_sees_the_same_is_the_same, one_after_the_other,
             a_resumed_recording_knows_them, differences_are_of_the_same_chip, budgets_are_of_a_chip)
