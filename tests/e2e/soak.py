# SPDX-License-Identifier: Apache-2.0
"""A program that reports for TTALLOC_SOAK_MINUTES (60) with labels, threads that come and go, and a recorder that takes it
all: after the first tenth, neither may grow. tests/run.sh --soak MINUTES."""
import os
import random
import time

from harness import Failure, Place, Player, Recorder, analyze, check, equal, main

MINUTES = float(os.environ.get("TTALLOC_SOAK_MINUTES", 60))
ROUND_PAIRS = 20000
MOST_GROWTH = 4 << 20  # what a page cache of SQLite or a sealer's buffers may still take


def resident(pid):
    """Of its own: the segment, which is shared, is bounded by the spool."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return {"private": int(fields["RssAnon"].split()[0]) << 10, "shared": int(fields["RssShmem"].split()[0]) << 10}


def work(player, chance):
    thread = chance.randrange(4)
    player.use_thread(thread)
    player.push(f"layer {chance.randrange(100)}")
    player.alloc(0x100000, 4096)
    player.burst(ROUND_PAIRS, 0x1000 * chance.randrange(1, 200))
    player.free(0x100000)
    player.pop()
    if thread and chance.random() < 0.1:
        player.end_thread(thread)
    check(player.flush(60000), "flush")
    player.image.calls.clear()  # the test itself may not grow either
    return 2 * ROUND_PAIRS + 2


def soak():
    place, chance = Place(), random.Random(60)
    recorder = Recorder(place)
    player = Player(place)
    pids = {"hook": player.pid, "recorder": recorder.process.pid}
    began, events, start = time.monotonic(), 0, None
    while time.monotonic() < began + 60 * MINUTES:
        events += work(player, chance)
        if not start and time.monotonic() > began + 6 * MINUTES:
            start = {name: resident(pid) for name, pid in pids.items()}
        time.sleep(0.05)
    end = {name: resident(pid) for name, pid in pids.items()}
    for name in pids:
        grown = {kind: end[name][kind] - start[name][kind] for kind in ("private", "shared")}
        print(f"{name}: {start[name]['private'] >> 10} KiB of its own after the first tenth, {end[name]['private'] >> 10} KiB at "
              f"the end; shared {start[name]['shared'] >> 10} and {end[name]['shared'] >> 10} KiB")
        if max(grown.values()) > MOST_GROWTH:
            raise Failure(f"{name} has grown: {grown}")
    player.end()
    place.await_drained(600)
    file = recorder.stop(600)
    row = analyze("info", file, timeout=600)["rows"][0]
    equal((row["events"], row["lost"]), (events, 0), "events, and lost ones")
    print(f"{events} events in {MINUTES} minutes, a file of {os.path.getsize(file) >> 20} MiB")


main(soak)
