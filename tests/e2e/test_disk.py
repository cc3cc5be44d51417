# SPDX-License-Identifier: Apache-2.0
"""Disks that are full for a while, directories that cannot be written, and second recorders."""
import os
import pathlib
import shutil
import time

from harness import (Generator, Place, Player, Recorder, SmallDisk, analyze, check, check_faithful, check_recording,
                     equal, main, program, run, run_as_another_user, wait_until)


def the_disk_is_full_for_a_while():
    """What was accepted waits, and is written when there is room; the recorder says so."""
    place = Place()
    with SmallDisk(place, 16) as disk:
        recorder = Recorder(place, "disk/run.db")
        generator = Generator(place, arguments=["--calls", 6000, "--threads", 2, "--seed", 4, "--pace-us", 100])
        time.sleep(0.3)
        filler = disk.fill()
        generator.await_issued()
        wait_until(lambda: "full" in recorder.said() or "space" in recorder.said(), "a word about the full disk", 10)
        check(recorder.process.poll() is None, "the recorder gave up")
        filler.unlink()
        generator.release()
        place.await_drained(60)
        check_faithful(recorder.stop(), generator)


def the_disk_stays_full():
    """Interrupted twice, it gives up with status 1; the segments stay, and --append finishes the job."""
    place = Place()
    with SmallDisk(place, 16) as disk:
        recorder = Recorder(place, "disk/run.db")
        player = Player(place)
        player.alloc(0x1000, 1)
        check(player.flush(), "flush")
        filler = disk.fill()
        generator = Generator(place, arguments=["--calls", 6000, "--threads", 2, "--seed", 8])
        generator.finish()
        recorder.process.terminate()
        time.sleep(1)
        check(recorder.process.poll() is None, f"it did not wait for room: {recorder.said()}")
        recorder.process.terminate()
        equal(recorder.process.wait(20), 1, "status after giving up")
        check(place.leftover_segments(), "the segments are gone")
        filler.unlink()
        player.alloc(0x2000, 1)
        again = Recorder(place, "disk/run.db", ["--append"], socket=False)
        player.end()
        place.await_drained(60)
        check_faithful(again.stop(), generator, player)


def as_nobody(place, name, *arguments, env):
    """Root may write anywhere: directories that cannot be written need another user. The build may lie where nobody else
    may go."""
    command = [shutil.copy(program(name), place.path), *arguments]
    return run_as_another_user(*command, env=env) if os.geteuid() == 0 else run(command, env=env)


def a_directory_that_cannot_be_written():
    place = Place()
    place.path.chmod(0o755)
    directory = place.path / "locked"
    directory.mkdir(0o555)
    env = {**place.env, "TTALLOC_SEGMENT_DIR": "", "TMPDIR": "/tmp"}
    result = as_nobody(place, "ttalloc-recorder", "-o", str(directory / "run.db"), "--", "true", env=env)
    equal(result.returncode, 125, f"status ({result.stderr})")
    check(str(directory) in result.stderr, f"the message does not name the file: {result.stderr}")


def a_killed_recorders_file_where_nothing_can_be_written():
    """The -wal lies beside it: answered all the same, and no file is made."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    for i in range(100):
        player.alloc(0x1000 * (i + 1), 100)
    check(player.flush(), "flush")
    recorder.kill()
    check(os.path.exists(recorder.file + "-wal"), "the killed recorder left no -wal")
    directory = place.path / "locked"
    directory.mkdir()
    for name in pathlib.Path(place.path).glob("run.db*"):
        shutil.copy(name, directory / name.name)
        (directory / name.name).chmod(0o444)
    (directory / "run.db-shm").unlink(missing_ok=True)
    place.path.chmod(0o755)
    directory.chmod(0o555)
    before = sorted(os.listdir(directory))
    result = as_nobody(place, "ttalloc-analyze", "peak", str(directory / "run.db"), "--json", env=place.env)
    equal(result.returncode, 0, f"status ({result.stderr})")
    check('"peak_bytes": 10000' in result.stdout or '"peak_bytes":10000' in result.stdout, f"answer: {result.stdout}")
    equal(sorted(os.listdir(directory)), before, "files")
    equal(analyze("peak", recorder.file)["rows"][0]["peak_bytes"], 10000, "the peak, where it was recorded")


def a_second_recorder():
    """On the same socket, or into the same file: refused, and the first goes on."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(0x1000, 5)
    tool = program("ttalloc-recorder")
    other = place.file("other.db")
    for arguments in (["--socket", place.socket, "-o", other],
                      ["--socket", place.file("other-socket"), "-o", recorder.file],
                      ["--socket", place.file("other-socket"), "--force", "-o", recorder.file],
                      ["--append", "-o", recorder.file]):
        result = run([tool, *arguments], env=place.env, timeout=20)
        check(result.returncode not in (0, None), f"{arguments} was not refused")
        equal(len(result.stderr.strip().splitlines()), 1, f"lines of the error of {arguments} ({result.stderr})")
    check(not os.path.exists(other), "a recorder that was refused left a file")
    player.alloc(0x2000, 5)
    check(player.flush(), "the first recorder does not go on")
    player.end()
    place.await_drained()
    check_recording(recorder.stop(), player)


def a_stale_socket():
    """What a killed recorder left is replaced."""
    place = Place()
    Recorder(place, "first.db").kill()
    check(os.path.exists(place.socket), "the killed recorder's socket is gone")
    recorder = Recorder(place, "second.db")
    player = Player(place)
    player.alloc(0x1000, 5)
    player.end()
    place.await_drained()
    check_recording(recorder.stop(), player)
    check(not os.path.exists(place.socket), "the socket was left behind")


main(the_disk_is_full_for_a_while, the_disk_stays_full, a_directory_that_cannot_be_written,
     a_killed_recorders_file_where_nothing_can_be_written, a_second_recorder, a_stale_socket)
