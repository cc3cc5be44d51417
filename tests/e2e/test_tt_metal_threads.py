# SPDX-License-Identifier: Apache-2.0
"""Operations of many threads at once, whose first ones are the first of all, and of children that are forked meanwhile: each once, whole
and where it belongs. In a build with ThreadSanitizer the stand-in and the preload are under it, too."""
import collections
import pathlib
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tt_metal"))

import standins  # noqa: E402
from harness import LONG, SANITIZED, Place, check, equal, main, program, run, verify  # noqa: E402

THREADS = 8
ROUNDS = 40 if SANITIZED else 200
FORKS = 6
TIMES = 20 if LONG else 3  # each begins with a race for the first operation
COPY = """CREATE TEMP TABLE o AS SELECT operation_id, pid, tid, name, number, around, ended, begin_ns, end_ns FROM operation;
CREATE INDEX temp.by_number ON o(pid, number); CREATE INDEX temp.by_id ON o(operation_id)"""
FOUND = """SELECT i.pid, i.name, i.ended, i.around IS NOT NULL, count(*),
  sum(a.tid IS i.tid AND i.name LIKE a.name || '.%' AND a.begin_ns <= i.begin_ns AND a.end_ns >= i.end_ns)
FROM o i LEFT JOIN o a ON a.pid = i.pid AND a.number = i.around GROUP BY 1, 2, 3, 4"""
TENSORS = """SELECT o.pid, o.name, x.output, x.shape, count(*) FROM operation_tensor x JOIN o USING(operation_id) GROUP BY 1, 2, 3, 4"""


def of(name, count):
    """What operate() in races.cpp makes: (name, how it ended, whether it lies in another one): (how many, of which in the right one)."""
    nested = [(f"{name}{middle}{depth}", ended, int(depth != ""))
              for middle, ended in (("", "returned"), (".left", "exception")) for depth in ("", ".2", ".2.1")]
    return {row: (count, count * row[2]) for row in [*nested, (f"{name}.tensors", "returned", 0), (f"{name}.captured", "returned", 0)]}


def once(generation):
    place = Place()
    file = place.file("run.db")
    done = run([program("ttalloc-recorder"), "-o", file, "--", standins.races(generation), *map(str, (THREADS, ROUNDS, FORKS, int(SANITIZED)))],
               env=place.env, timeout=120)
    check(done.returncode == 0 and "Sanitizer" not in done.stderr, done.stderr)
    children = [int(line) for line in done.stdout.split()]
    verify(file)
    found = collections.defaultdict(dict)
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        database.executescript(COPY)
        for pid, *row, count, right in database.execute(FOUND):
            found[pid][tuple(row)] = (count, right)
        tensors = collections.Counter({tuple(row[1:4]): row[4] for row in database.execute(TENSORS) if row[0] not in children})
        lost = database.execute("SELECT count(*) FROM loss").fetchone()
    equal(lost, (0,), "losses")
    for pid in children:
        equal(found.pop(pid, None), of("of_child", 1), f"operations of child {pid}")
    equal(list(found.values()), [{key: row for t in range(THREADS) for key, row in of(f"of_{t}", ROUNDS).items()}], "operations of the threads")
    equal(tensors, {(f"of_{t}.tensors", output, f"32x{32 * (t + 1)}"): count * ROUNDS for t in range(THREADS) for output, count in ((0, 3), (1, 1))},
          "tensors")


def exceptions_show_by_the_stack():
    for _ in range(TIMES):
        once(202606)


def exceptions_are_told():
    once(202612)


main(exceptions_show_by_the_stack, exceptions_are_told)
