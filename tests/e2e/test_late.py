# SPDX-License-Identifier: Apache-2.0
"""Recorders that come late, stand still or are slow, and readers that do not wait for the end."""
import os
import time

from harness import (Generator, Place, Player, Recorder, analyze, check, check_faithful, check_recording, equal, main,
                     program, start, wait_until)


def target_before_recorder():
    """A program that began, and one that began and ended, before there was a recorder."""
    place = Place()
    early = Generator(place, "early", ["--calls", 1500, "--threads", 2, "--seed", 5])
    early.finish()
    living = Player(place)
    for i in range(50):
        living.alloc(0x1000 + 64 * i, 64)
    recorder = Recorder(place)
    check(living.flush(), "what was reported before the recorder came was not committed")
    living.free(0x1000)
    living.end()
    place.await_drained()
    check_faithful(recorder.stop(), early, living)


def recorder_stands_still():
    """SIGSTOP for three seconds: the target goes on, and nothing is lost."""
    place = Place()
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 4000, "--threads", 2, "--seed", 6])
    recorder.pause()
    began = time.monotonic()
    generator.await_issued()
    check(time.monotonic() - began < 3, "the target waited for the recorder")
    time.sleep(3)
    recorder.go_on()
    generator.release()
    place.await_drained()
    check_faithful(recorder.stop(), generator)


def reading_while_recording():
    """An event can be read within 500 ms, and all answers agree with one another while more come in."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(0x1000, 100)
    wait_until(lambda: _events(recorder.file) == 1, "the first event", 5)
    for i in range(1, 5):
        player.alloc(0x1000 + 0x100 * i, 100)
        reported = time.monotonic()
        wait_until(lambda: _events(recorder.file) == i + 1, "an event to be readable", 5)
        check(time.monotonic() - reported < 0.8, f"an event was readable after {time.monotonic() - reported:.2f} s")
        answer = analyze("peak", recorder.file)["rows"]
        equal([row["peak_bytes"] for row in answer], [100 * (i + 1)], "the peak of a recording in progress")
        equal(analyze("verify", recorder.file)["rows"], [], "findings in a recording in progress")
    copy = place.file("copy.db")
    analyze_copy(recorder.file, copy)
    equal(_events(copy), 5, "events of the copy")
    player.end()
    place.await_drained()
    check_recording(recorder.stop(), player)


def _events(file):
    return analyze("info", file)["rows"][0]["events"]


def analyze_copy(file, copy):
    from harness import program, run
    result = run([program("ttalloc-analyze"), "copy", file, copy])
    equal(result.returncode, 0, f"status of copy ({result.stderr})")


def two_recordings_one_after_the_other():
    """A program that outlives its recorder reports the rest to the next one; none of it twice."""
    place = Place()
    first = Recorder(place, "first.db")
    player = Player(place)
    player.alloc(0x1000, 100)
    player.alloc(0x2000, 50)
    check(player.flush(), "flush")
    first.stop()
    equal(_events(first.file), 2, "events of the first recording")
    player.free(0x1000)
    second = Recorder(place, "second.db")
    player.alloc(0x3000, 7)
    check(player.flush(), "flush to the second recorder")
    player.end()
    place.await_drained()
    second.stop()
    equal(_events(second.file), 2, "events of the second recording")


def waiting(place, name, *arguments):
    """A recorder that ends by itself."""
    errors = open(place.file(name + ".err"), "w+", encoding="utf-8")
    return start([program("ttalloc-recorder"), "--wait", *arguments, "--socket", place.socket, "-o", place.file(name)], env=place.env,
                 cwd=place.path, stderr=errors)


def a_program_that_runs_already():
    """--wait takes it from its first event on, with one that has ended before, and ends when it does."""
    place = Place()
    early, living = Player(place), Player(place)
    early.alloc(0x1000, 5)
    early.end()
    living.alloc(0x1000, 100)
    recorder = waiting(place, "run.db")
    wait_until(living.flush, "what was reported before the recorder came")
    living.alloc(0x2000, 7)
    check(recorder.poll() is None, "it ended before the program")
    living.end()
    equal(recorder.wait(60), 0, "status")
    check_recording(place.file("run.db"), early, living)


def a_program_that_is_yet_to_come():
    """It is waited for, and so is its child; then the recorder ends."""
    place = Place()
    recorder = waiting(place, "run.db")
    wait_until(lambda: os.path.exists(place.socket), "the socket")
    time.sleep(0.5)
    check(recorder.poll() is None, "it did not wait")
    player = Player(place)
    player.alloc(0x1000, 100)
    child = player.fork()
    child.alloc(0x2000, 5)
    check(player.flush() and child.flush(), "flush")
    player.end()
    time.sleep(0.3)
    check(recorder.poll() is None, "it ended before the child")
    child.end()
    equal(recorder.wait(60), 0, "status")
    check_recording(place.file("run.db"), player, child)


main(a_program_that_runs_already, a_program_that_is_yet_to_come, target_before_recorder, recorder_stands_still, reading_while_recording, two_recordings_one_after_the_other)
