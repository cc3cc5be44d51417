# SPDX-License-Identifier: Apache-2.0
"""Recordings that are put together, compared with the model of all that was issued: two that were made at once, each by a
recorder of its own, answer as one of both would; and one alone answers as itself."""
import pathlib
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from align import Mismatch  # noqa: E402
from check import check_recording  # noqa: E402
from harness import LONG, Failure, Generator, Place, Recorder, analyze, equal, main, program, run  # noqa: E402

VERBS = ("info", "peak", "leaks", "failures", "fragmentation", "processes", "timeline", "allocated", "floor", "temporary",
         "histogram", "top", "l1", "steps", "churn", "overlaps", "verify")


def merge(place, *files, name="merged.db"):
    out = place.file(name)
    result = run([program("ttalloc-analyze"), "merge", "-o", out, "--force", *files], cwd=place.path)
    equal(result.returncode, 0, f"status of merge ({result.stderr})")
    return out


def two_at_once(shape):
    """Both run at the same time, so that their events lie between each other."""
    places = [Place(), Place()]
    recorders = [Recorder(place) for place in places]
    generators = [Generator(place, arguments=["--chips", "--seed", seed, *shape]) for seed, place in enumerate(places, 1)]
    for generator in generators:
        generator.await_issued()
    for generator in generators:
        generator.release()
    issued = []
    for place, generator in zip(places, generators):
        place.await_drained()
        issued.append(generator.issued())
    return places[0], [recorder.stop() for recorder in recorders], issued


def compare(file, issued, seed):
    try:
        questions, _ = check_recording(file, issued, seed=seed)
    except Mismatch as error:
        raise Failure(str(error)) from None
    return questions


def answers_as_one_of_both():
    shape = ["--calls", 600, "--pace-us", 60, "--devices", 2]
    place, files, issued = two_at_once(shape)
    questions = compare(merge(place, *files), issued[0] + issued[1], 1 if LONG else None)
    print(f"{questions} answers agree")


def one_alone_answers_as_itself():
    place = Place()
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 1200, "--processes", 2, "--threads", 2, "--seed", 3])
    generator.finish()
    place.await_drained()
    file = recorder.stop()
    merged = merge(place, file)
    for verb in VERBS:
        was, now = analyze(verb, file), analyze(verb, merged)
        for answer in (was, now):
            for row in answer["rows"] if verb == "info" else ():
                row.pop("parts")
        equal(now["rows"], was["rows"], verb)
        equal(now["complete"], was["complete"], f"whether {verb} is complete")
    for view in ("allocation", "event", "process", "thread", "device", "label", "step", "kernel", "failure", "loss", "note",
                 "operation", "tensor", "label_span", "stack", "module", "recording"):
        rows = [sqlite3.connect(name).execute(f"SELECT * FROM {view}").fetchall() for name in (file, merged)]
        equal(rows[1], rows[0], f"the view {view}")


main(answers_as_one_of_both, one_alone_answers_as_itself)
