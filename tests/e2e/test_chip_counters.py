# SPDX-License-Identifier: Apache-2.0
"""TT-Metal's own counters of the chips: who uses them and is not recorded is said, while the recording goes on; who has ended is not. The
files are written as ttnn 0.81.1 does; recordings of the real one are in tests/ttnn."""
import os
import struct
import time

from harness import Place, Player, Recorder, analyze, check, equal, main, program, run, start


def write(folder, chip, device, processes):
    content = bytearray(8576)
    struct.pack_into("<IIQIxxxxQQI", content, 0, 3, len(processes), time.time_ns(), 1, 0, chip, device)
    for number, (pid, figures, at_ns, name) in enumerate(processes):
        struct.pack_into("<ixxxx5QQ64s", content, 856 + 120 * number, pid, *figures, at_ns, name)
    folder.joinpath(f"tt_device_{chip}_memory").write_bytes(content)


def others_are_told():
    place = Place()
    folder = place.path / "shm"
    folder.mkdir()
    os.environ["TTALLOC_CHIP_COUNTERS"] = str(folder)
    recorder = Recorder(place)
    player, other, dead = Player(place), start(["sleep", "600"]), start(["true"])
    dead.wait()
    player.alloc(0x1000, 100)
    check(player.flush(), "flush")
    now = time.time_ns() + 10**9
    long_ago = 10**18  # a process of today that has the pid of one of then
    write(folder, 1000001, 0, [(player.pid, (100, 0, 0, 0, 0), now, b"player"), (other.pid, (1 << 30, 2048, 64, 0, 7), now, b"sl\x1beep"),
                               (dead.pid, (5, 5, 5, 5, 5), now, b"dead"), (os.getpid(), (5, 5, 5, 5, 5), long_ago, b"then")])
    write(folder, 7, 1, [(other.pid, (4096, 0, 0, 0, 0), now, b"sleep")])
    rows = analyze("chips", recorder.file)["rows"]
    equal([(row["chip"], row["device"], row["pid"], row["dram_bytes"], row["l1_bytes"], row["circular_bytes"], row["recorded"]) for row in rows],
          [("7", 1, other.pid, 4096, 0, 0, 0), ("1000001", 0, other.pid, 1 << 30, 2048, 7, 0), ("1000001", 0, player.pid, 100, 0, 0, 1)], "chips")
    for verb in ("verify", "summary"):
        done = run([program("ttalloc-analyze"), verb, recorder.file])
        check(f"process {other.pid} (sl" in done.stdout and f"{1 << 30} B of DRAM and 2048 B of L1 on chip 1000001" in done.stdout, done.stdout)
        check(f"process {player.pid} (" not in done.stdout and "dead" not in done.stdout and "\x1b" not in done.stdout, done.stdout)
    watched = run([program("ttalloc-analyze"), "watch", "--once", recorder.file])
    check("1 not recorded" in watched.stdout, watched.stdout)
    write(folder, 8, 2, [(dead.pid, (0, 0, 0, 0, 0), now, b"dead")] * 64)
    notes = analyze("chips", recorder.file)["notes"]
    check(any("chip 8: all 64 places are taken" in note for note in notes) and not any("chip 7" in note for note in notes), notes)
    folder.joinpath("tt_device_9_memory").write_bytes(struct.pack("<I", 99) + bytes(8572))
    folder.joinpath("tt_device_10_memory").symlink_to("/dev/zero")
    answer = analyze("chips", recorder.file)
    equal([note for note in answer["notes"] if "cannot be read" in note],
          ["the counters of chip 9, 10 cannot be read (they are another user's, or of a version that is not known): whoever uses it is not told"],
          "what is not read")
    equal([row["chip"] for row in answer["rows"]], ["7", "1000001", "1000001"], "chips that are read")
    player.end()
    place.await_drained()
    file = recorder.stop()
    equal([row["recorded"] for row in analyze("chips", file)["rows"]], [None, None], "of a recording that has ended")
    check("not recorded" not in run([program("ttalloc-analyze"), "watch", "--once", file]).stdout, "it has ended")
    check("is not recorded" not in run([program("ttalloc-analyze"), "verify", file]).stdout, "it has ended")
    other.kill()


main(others_are_told)
