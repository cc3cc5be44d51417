# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at random moments, of the target, of the recorder (which goes on with --append), and of both together. What was
reported before is in the recording, once."""
import os
import random
import signal
import time

from harness import MODE, Failure, Generator, Place, Recorder, check_faithful, main

ROUNDS = {"long": 200, "prove": 40}.get(MODE, 10)
SHAPE = ["--processes", 2, "--threads", 2, "--calls", 1500, "--pace-us", 30]


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def begin(seed):
    place, chance = Place(), random.Random(seed)
    recorder = Recorder(place)
    generator = Generator(place, arguments=[*SHAPE, "--seed", seed])
    return place, chance, recorder, generator


def end(place, recorder, generator):
    place.await_drained()
    check_faithful(recorder.stop(), generator)
    place.remove()


def kill_target(seed):
    place, chance, recorder, generator = begin(seed)
    time.sleep(chance.uniform(0, 0.25))
    kill_all(chance.sample(generator.pids, chance.randint(1, 2)))
    generator.process.stdin.close()
    generator.process.wait(30)
    end(place, recorder, generator)


def kill_recorder(seed):
    place, chance, recorder, generator = begin(seed)
    for _ in range(chance.randint(1, 3)):
        time.sleep(chance.uniform(0, 0.12))
        recorder.kill()
        time.sleep(chance.choice((0, 0.05)))
        recorder = Recorder(place, arguments=["--append"], socket=False)
    generator.finish()
    end(place, recorder, generator)


def kill_both(seed):
    place, chance, recorder, generator = begin(seed)
    time.sleep(chance.uniform(0, 0.25))
    victims = [*generator.pids, recorder.process.pid]
    chance.shuffle(victims)
    kill_all(victims)
    recorder.process.wait()
    generator.process.stdin.close()
    generator.process.wait(30)
    end(place, Recorder(place, arguments=["--append"], socket=False), generator)


def rounds(kill):
    def test():
        for seed in range(ROUNDS):
            try:
                kill(seed)
            except Failure as failure:
                raise Failure(f"seed {seed}: {failure}") from None
    test.__name__ = kill.__name__
    return test


main(rounds(kill_target), rounds(kill_recorder), rounds(kill_both))
