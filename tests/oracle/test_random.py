# SPDX-License-Identifier: Apache-2.0
"""Random streams through the real API, recorded, and every verb's answer compared with the model: threads and processes
with one common order, and threads that run freely."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from align import Mismatch  # noqa: E402
from check import check_differences, check_recording, load  # noqa: E402
from harness import LONG, SANITIZED, Failure, Generator, Place, Recorder, main, wait_until  # noqa: E402

# The default run asks fewer questions of shorter streams: three of the eight filters of each shape, which are others for
# each, and errors are planted into the answers of one. What a sanitizer watches, it watches in two shapes.
MANY = 2 if LONG else 1
SHAPES = [
    ["--calls", 1250 * MANY],
    ["--calls", 750 * MANY, "--threads", 4, "--pace-us", 100],
    ["--calls", 500 * MANY, "--processes", 3, "--threads", 2, "--devices", 3],
    ["--calls", 1000 * MANY, "--processes", 2, "--devices", 1, "--pace-us", 20],
    ["--calls", 500 * MANY, "--processes", 2, "--threads", 3, "--devices", 1, "--apart"],
]
PLANTED = range(len(SHAPES)) if LONG else [2]
RUN = [2, 4] if SANITIZED and not LONG else range(len(SHAPES))
SEEDS = range(1, 21) if LONG else range(1, 2) if SANITIZED else range(1, 3)
ASKED = SEEDS if LONG or SANITIZED else SEEDS[:1]  # the other one is what the first is compared with


def record(shape, seed):
    place = Place()
    recorder = Recorder(place)
    generator = Generator(place, arguments=[*shape, "--seed", seed])
    generator.finish()
    wait_until(lambda: not place.leftover_segments(), "the segments to be drained")
    return recorder.stop(), generator.issued()


def one(number, seed):
    shape = SHAPES[number]
    file, processes = record(shape, seed)
    if seed not in ASKED:
        return file, load(file, processes)
    try:
        questions, planted = check_recording(file, processes, seed=None if SANITIZED else seed,
                                             plant=seed == SEEDS[0] and number in PLANTED and not SANITIZED,
                                             takes=lambda chosen: LONG or (chosen + number) % 3 == 0)
    except Mismatch as error:
        raise Failure(f"seed {seed}, {' '.join(map(str, shape))}: {error}") from None
    print(f"seed {seed}, {' '.join(map(str, shape))}: {sum(len(p.events) for p in processes)} events, "
          f"{questions} answers agree" + (f", {planted} planted errors noticed" if planted else ""))
    return file, load(file, processes)


def compare(old, new):
    try:
        print(f"{check_differences(*old, *new)} differences agree")
    except Mismatch as error:
        raise Failure(str(error)) from None


def test_of(number):
    def test():
        runs = [one(number, seed) for seed in SEEDS[:2]]
        for seed in SEEDS[2:]:
            one(number, seed)
        compare(runs[0], runs[-1])
    test.__name__ = f"shape_{number}"
    return test


main(*map(test_of, RUN))
