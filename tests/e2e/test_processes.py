# SPDX-License-Identifier: Apache-2.0
"""fork without exec, exec, hundreds of threads, and all ways to end."""
from harness import (LONG, SANITIZED, Generator, Place, Player, Recorder, analyze, check, check_faithful, check_memory,
                     check_recording, equal, issued, main)


def finish(place, recorder, *players):
    place.await_drained()
    return check_recording(recorder.stop(), *players)


def fork_without_exec():
    """The child records under its own name, and frees of what its parent had are no anomalies."""
    place = Place()
    recorder = Recorder(place)
    parent = Player(place)
    parent.alloc(0x1000, 100)
    parent.alloc(0x2000, 200)
    child = parent.fork()
    child.free(0x1000)
    child.alloc(0x3000, 300)
    child.free(0x3000)
    child.free(0x3000)  # freed twice: an anomaly of its own
    child.alloc(0x1000, 50)
    parent.free(0x2000)
    child.end()
    parent.end()
    finish(place, recorder, parent, child)
    rows = analyze("sql", recorder.file, "SELECT pid, parent, inherited_frees, unmatched_frees FROM process ORDER BY process_id")
    by_pid = {row["pid"]: row for row in rows["rows"]}
    equal((by_pid[child.pid]["inherited_frees"], by_pid[child.pid]["unmatched_frees"]), (1, 1), "frees of the child")
    check(by_pid[child.pid]["parent"] is not None, "the child's parent is not known")


def fork_before_the_first_event():
    """Neither has reported yet when they part."""
    place = Place()
    recorder = Recorder(place)
    parent = Player(place)
    child = parent.fork()
    child.images[0].parent = None
    parent.alloc(0x1000, 100)
    child.alloc(0x1000, 200)
    child.end(how="vanish")
    parent.end()
    finish(place, recorder, parent, child)


def exec_starts_a_new_image():
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(0x1000, 100)
    player.alloc(0x2000, 70)
    player.free(0x2000)
    player.exec()
    player.alloc(0x1000, 40)
    player.end()
    run = finish_exec(place, recorder, player)
    equal(sorted(block.ended for block in run.blocks), ["exec", "freed", "process exit"], "how the blocks ended")


def finish_exec(place, recorder, player):
    place.await_drained()
    return check_faithful(recorder.stop(), player)


def threads_by_the_hundred():
    """300 threads at once, and rings of ended ones used again."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    count = 300
    for number in range(1, count + 1):
        player.use_thread(number)
        player.alloc(0x1000 * number, 64)
    for number in range(1, count + 1):
        player.use_thread(number)
        player.free(0x1000 * number)
        if number % 3 == 0:
            player.end_thread(number)
    for number in range(3, count + 1, 3):
        player.use_thread(number)
        player.alloc(0x1000 * number, 32)
    player.use_thread(0)
    player.end()
    place.await_drained()
    check_faithful(recorder.stop(), player)


def every_way_to_end():
    """exit, _exit, and SIGKILL right after a call."""
    place = Place()
    recorder = Recorder(place)
    players = [Player(place) for _ in range(3)]
    for player in players:
        for i in range(20):
            player.alloc(0x1000 + 0x100 * i, 10 + i, region=issued.L1)
    players[0].end(status=3)
    players[1].end(how="vanish")
    players[2].kill()
    finish(place, recorder, *players)


def labels_and_steps():
    """Labels belong to a thread, steps to the process."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(0x1000, 1)
    player.step(0)
    player.push("model")
    player.push("layer")
    player.alloc(0x2000, 2)
    player.use_thread(1)
    player.alloc(0x3000, 3)
    player.push("data")
    player.step(7)
    player.alloc(0x4000, 4)
    player.use_thread(0)
    player.pop()
    player.alloc(0x5000, 5)
    player.pop()
    player.pop()  # one too many
    player.free(0x2000)
    player.failed(1 << 40, why="full")
    player.end()
    finish(place, recorder, player)


def many_processes():
    """Processes x 4 threads x 10,000 events at once: all there, in bounded memory."""
    processes = 200 if LONG else 10 if SANITIZED else 40
    place = Place()
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--processes", processes, "--threads", 4, "--burst", 5000])
    generator.await_issued()
    generator.release(120)
    place.await_drained(300)
    peak = check_memory(recorder.process.pid, 200)
    recorder.stop(120)
    row = analyze("info", recorder.file)["rows"][0]
    equal(row["events"] + row["lost"], processes * 4 * 10000, "events, recorded and lost")
    equal(row["lost"], 0, "lost events")
    equal(row["processes"], processes, "processes")
    equal(analyze("verify", recorder.file, timeout=300)["rows"], [], "findings")
    print(f"{row['events']} events, recorder at most {peak} MiB")


main(fork_without_exec, fork_before_the_first_event, exec_starts_a_new_image, threads_by_the_hundred, every_way_to_end,
     labels_and_steps, many_processes)
