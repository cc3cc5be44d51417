# SPDX-License-Identifier: Apache-2.0
"""Moments that a program names are times to every verb; one that is not known, or not the only one, is refused."""
import sqlite3

from harness import Place, Player, Recorder, analyze, check, equal, main, program, run, verify


def record():
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(0x1000, 1000)
    player.tell("snapshot", "loaded")
    player.alloc(0x2000, 500)
    player.tell("snapshot", "warm#1")
    player.free(0x2000)
    player.tell("snapshot", "again")
    player.alloc(0x3000, 7)
    player.tell("snapshot", "again")
    player.alloc(0x4000, 5000)
    player.end()
    place.await_drained()
    return place, recorder.stop()


def live_at(file, moment):
    return sum(row["bytes"] for row in analyze("top", file, "--at", moment, "--by", "size")["rows"])


def names_are_times():
    _, file = record()
    for moment, expected in (("@loaded", 1000), ("@warm#1", 1500), ("@again#1", 1000), ("@again#2", 1007)):
        equal(live_at(file, moment), expected, moment)
    peak = analyze("peak", file, "--start", "@loaded", "--end", "@again#2")["rows"]
    equal([row["peak_bytes"] for row in peak], [1500], "peak between two of them")
    equal([row["peak_bytes"] for row in analyze("peak", file, "--start", "@again#2")["rows"]], [6007], "peak after one")
    with sqlite3.connect(file) as db:
        rows = db.execute("SELECT name, at_ns > 0 FROM snapshot ORDER BY event_id").fetchall()
    equal(rows, [("loaded", 1), ("warm#1", 1), ("again", 1), ("again", 1)], "the view")
    verify(file)


def what_is_not_one_moment_is_refused():
    place, file = record()
    for moment, said in (("@again", "has 2 snapshots 'again': say which, '@again#1' to #2"), ("@again#3", "no number 3"),
                         ("@nil", "no snapshot 'nil'; it has @again @loaded @warm#1"), ("@", "names no snapshot")):
        done = run([program("ttalloc-analyze"), "top", file, "--at", moment])
        check(done.returncode == 2 and said in done.stderr, f"{moment}: {done.returncode} {done.stderr}")
    done = run([program("ttalloc-analyze"), "peak", file, "--start", "@again#2", "--end", "@loaded"])
    check(done.returncode == 2 and "--end is before --start" in done.stderr, done.stderr)
    recorder = Recorder(place, name="none.db")
    player = Player(place)
    player.alloc(0x1000, 1)
    player.end()
    place.await_drained()
    done = run([program("ttalloc-analyze"), "top", recorder.stop(), "--at", "@x"])
    check(done.returncode == 2 and "ttalloc_snapshot()" in done.stderr, done.stderr)


def they_outlive_a_recorder():
    """What comes after a kill is appended."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(0x1000, 10)
    player.tell("snapshot", "before")
    check(player.flush(), "flush")
    recorder.kill()
    player.alloc(0x2000, 20)
    player.tell("snapshot", "after")
    recorder = Recorder(place, arguments=["--append"], socket=False)
    player.end()
    place.await_drained()
    file = recorder.stop()
    equal((live_at(file, "@before"), live_at(file, "@after")), (10, 30), "before and after")
    verify(file)


main(names_are_times, what_is_not_one_moment_is_refused, they_outlive_a_recorder)
