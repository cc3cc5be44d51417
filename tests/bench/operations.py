# SPDX-License-Identifier: Apache-2.0
"""What recording operations costs a program of small ones: CPU of the process, with and without, in turns.

usage: operations.py MOCK BUILD [ROUNDS | --instructions]  (MOCK: a directory that tests/ttnn/mock.py made)

Adds and as many deallocates of a tensor of 32 x 32 on the mock device. In each round a process of each way is there all the time,
and they add by turns, PER_TURN times each, so that whatever else the machine does meets all of them alike. The same program still
takes a few percent more or less from one start to the next (where its memory lies): what a way costs is the median over all rounds
of its CPU against that of the same round without ttalloc, and the quartiles are beside it.
--instructions counts what the process executes, by valgrind: the same on a busy machine as on a quiet one.
Bytes: how much larger the file is for each operation that is in it than without operations.
"""
import os
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile

PROGRAM = """
import os, resource, sys
os.environ.setdefault("LOGURU_LEVEL", "ERROR")
import ttnn

device = ttnn.open_device(device_id=0)
x = ttnn.ones((1, 1, 32, 32), dtype=ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device)

def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

for line in sys.stdin:
    for _ in range(int(line)):
        ttnn.deallocate(ttnn.add(x, x))
    print("CPU", cpu_s(), flush=True)
os._exit(0)
"""
WAYS = {"without ttalloc": None, "--no-ops": ["--no-ops"], "names": [], "by default": [], "--op-arguments": ["--op-arguments"]}
ENVIRONMENT = {"names": {"TTALLOC_OPS": "1"}}
WARM_UP = 1000
TURNS = 20
PER_TURN = 500
COUNTED = 4000  # instructions of so many


class Program:
    """In one of the ways."""

    def __init__(self, way, mock, build, place, *wrapper):
        env = {**os.environ, "HOME": str(place), "TT_METAL_MOCK_CLUSTER_DESC_PATH": str(mock / "p100.yaml"), "TT_LOGGER_LEVEL": "error",
               "PYTHONHASHSEED": "0", **ENVIRONMENT.get(way, {})}
        command = [*wrapper, mock / "python/bin/python", place / "program.py"]
        if WAYS[way] is not None:
            command = [build / "recorder/ttalloc-recorder", "-q", "--force", "-o", place / f"{way}.db", *WAYS[way], "--", *command]
        self.process = subprocess.Popen([str(part) for part in command], cwd=place, env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def add(self, count):
        """CPU that the process has used when it has done COUNT."""
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("CPU "):
                return float(line[4:])
        sys.exit(self.process.communicate()[1])

    def end(self):
        """What it said on stderr."""
        return self.process.communicate()[1]


def one_round(*where):
    """The CPU that each way takes for an add and a deallocate."""
    programs = {way: Program(way, *where) for way in WAYS}
    before = {way: program.add(WARM_UP) for way, program in programs.items()}
    for _ in range(TURNS):
        after = {way: program.add(PER_TURN) for way, program in programs.items()}
    for program in programs.values():
        program.end()
    return {way: (after[way] - before[way]) / (TURNS * PER_TURN) for way in WAYS}


def print_cpu(rounds):
    for way in WAYS:
        ratios = [took[way] / took["without ttalloc"] - 1 for took in rounds]
        low, median, high = statistics.quantiles(ratios, n=4)
        print(f"{way:16} {statistics.median(took[way] for took in rounds) * 1e6:6.1f} us  {median:+.1%}  ({low:+.1%} to {high:+.1%})")


def instructions(*where):
    """Of an add and a deallocate, thousands of them against none."""
    counted = []
    for count in (0, COUNTED):
        program = Program(*where, "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
        program.add(WARM_UP)
        program.add(count)
        counted.append(int(re.search(r"refs: +([\d,]+)", program.end())[1].replace(",", "")))
    return (counted[1] - counted[0]) / COUNTED


def print_instructions(*where):
    compiler = Program("without ttalloc", *where)  # of its kernels, once for all
    compiler.add(1)
    compiler.end()
    found = {way: instructions(way, *where) for way in WAYS}
    for way, count in found.items():
        print(f"{way:16} {count:9.0f} instructions  {count / found['without ttalloc'] - 1:+.1%}")


def file_bytes(path):
    """Of what is in it, without pages that are free."""
    with sqlite3.connect(path) as database:
        database.execute("VACUUM")
        operations = database.execute("SELECT coalesce(sum(count), 0) FROM range_page").fetchone()[0]
    return path.stat().st_size, operations


def print_bytes(place):
    bare, _ = file_bytes(place / "--no-ops.db")
    for way in ("names", "by default", "--op-arguments"):
        size, operations = file_bytes(place / f"{way}.db")
        print(f"{way}: {operations} operations, {(size - bare) / operations:.1f} bytes each")


def main(mock, build, rounds=12):
    mock, build = pathlib.Path(mock).absolute(), pathlib.Path(build).absolute()
    with tempfile.TemporaryDirectory(prefix="ttalloc-bench-") as folder:
        place = pathlib.Path(folder)
        (place / "program.py").write_text(PROGRAM, encoding="utf-8")
        if rounds == "--instructions":
            print_instructions(mock, build, place)
            return
        print_cpu([one_round(mock, build, place) for _ in range(int(rounds))])
        print_bytes(place)


if __name__ == "__main__":
    main(*sys.argv[1:])
