# SPDX-License-Identifier: Apache-2.0
"""Several processes on one device: the joint peak is the peak of their sum in the order of time, whatever the order in
which their events reach the recorder."""
import random
import signal
import time

from harness import Place, Player, Recorder, analyze, check, check_recording, equal, issued, main

LAYOUT = [issued.Layout(issued.DRAM, 8, 128 << 20, 0x1000, 32)]


def random_turns(players, count, seed):
    """Each call is over before the next one, whoever makes it, begins."""
    chance = random.Random(seed)
    live = {id(player): [] for player in players}
    for _ in range(count):
        player = chance.choice(players)
        mine = live[id(player)]
        if mine and chance.random() < 0.45:
            player.free(mine.pop(chance.randrange(len(mine))))
        else:
            slot = chance.randrange(200) + 200 * players.index(player)
            address = 0x1000 + slot * 0x10000
            if address not in mine:
                mine.append(address)
            player.alloc(address, chance.randrange(1, 0x10000))


def one_is_stopped_and_one_drained_late():
    """A goes on while B stands still for three seconds with calls that nobody has fetched; C dies with its calls in its
    rings, and is drained by a recorder that comes back later."""
    place = Place()
    recorder = Recorder(place)
    slow = place.target_env(TTALLOC_FLUSH_MS="10000")
    a, b, c = Player(place), Player(place, env=slow), Player(place, env=slow)
    a.open(LAYOUT)
    random_turns([a, b, c], 300, 1)
    b.popen.send_signal(signal.SIGSTOP)
    random_turns([a, c], 200, 2)
    time.sleep(1.5)
    before = analyze("peak", recorder.file)["rows"]
    check(before, "no peak while a process stands still")
    recorder.kill()
    c.kill()
    time.sleep(1.5)
    random_turns([a], 100, 3)
    b.popen.send_signal(signal.SIGCONT)
    random_turns([a, b], 300, 4)
    recorder = Recorder(place, arguments=["--append"], socket=False)
    a.alloc(0x7000000, 1)
    check(a.flush(), "flush after the recorder came back")
    time.sleep(1)
    random_turns([a, b], 200, 5)
    a.end()
    b.end()
    place.await_drained()
    check_recording(recorder.stop(), a, b, c)


def sums_are_not_sums_of_maxima():
    """Two processes take turns with the same memory: the joint peak is that of one."""
    place = Place()
    recorder = Recorder(place)
    a, b = Player(place), Player(place)
    for _ in range(20):
        for player in (a, b):
            player.alloc(0x1000, 1000)
            player.free(0x1000)
    a.end()
    b.end()
    place.await_drained()
    equal([row["peak_bytes"] for row in analyze("peak", recorder.stop())["rows"]], [1000], "the joint peak")
    check_recording(recorder.file, a, b)


main(one_is_stopped_and_one_drained_late, sums_are_not_sums_of_maxima)
