# SPDX-License-Identifier: Apache-2.0
"""Full rings and full outboxes: nothing is lost while there is time; what is lost is counted, and every answer says so."""
import sqlite3

from harness import Generator, Place, Player, Recorder, analyze, check, check_faithful, equal, main, program, run


def a_ring_of_one_page_is_enough():
    """A steady stream fits through the smallest ring."""
    place = Place()
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 4000, "--threads", 2, "--seed", 9, "--pace-us", 50],
                          env=place.target_env(TTALLOC_RING_EVENTS="64"))
    generator.finish()
    place.await_drained()
    check_faithful(recorder.stop(), generator)


def counted(file, issued_events):
    """What is there and what is said to be lost are together what was issued; answers say that something is missing."""
    row = analyze("info", file)["rows"][0]
    equal(row["events"] + row["lost"], issued_events, "events, recorded and lost")
    equal(analyze("verify", file)["rows"], [], "findings")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        equal(database.execute("SELECT sum(count) FROM loss").fetchone()[0] or 0, row["lost"], "sum of the loss rows")
    if row["lost"]:
        equal(bool(row["complete"]), False, "info's complete")
        answer = analyze("peak", file)
        equal(answer["complete"], False, "complete in an answer")
        check(answer["notes"], "no note says what is missing")
        equal(run([program("ttalloc-analyze"), "peak", file, "--strict"]).returncode, 3, "status of --strict")
        table = run([program("ttalloc-analyze"), "peak", file])
        equal(table.returncode, 0, "status of the table")
    return row["lost"]


def a_burst_overruns_the_ring():
    """A thread that is faster than the hook's own empties its ring itself."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place, env=place.target_env(TTALLOC_RING_EVENTS="64"))
    player.burst(50000, 0x1000)
    player.alloc(0x2000, 10)
    player.end()
    place.await_drained()
    equal(counted(recorder.stop(), 100001), 0, "lost")


def fill_the_outbox(place, **env):
    """No recorder, and 1 MiB to keep: the newest are lost."""
    player = Player(place, env=place.target_env(TTALLOC_SPOOL_MIB="1", **env))
    for i in range(40):
        player.burst(50000, 0x1000 + i)
    return player


def the_outbox_is_full():
    """What is lost is counted, once a recorder comes."""
    place = Place()
    player = fill_the_outbox(place)
    recorder = Recorder(place)
    player.flush()
    player.alloc(0x2000, 10)
    player.end()
    place.await_drained()
    check(counted(recorder.stop(), 4000001) > 0, "nothing was lost: the test has to be made harder")


def drops_of_a_thread_that_never_comes_back():
    """The program is killed right after the burst: the drops stand in no mark."""
    place = Place()
    fill_the_outbox(place, TTALLOC_FLUSH_MS="10000").kill()
    recorder = Recorder(place)
    place.await_drained()
    check(counted(recorder.stop(), 4000000) > 0, "nothing was lost: the test has to be made harder")


main(a_ring_of_one_page_is_enough, a_burst_overruns_the_ring, the_outbox_is_full, drops_of_a_thread_that_never_comes_back)
