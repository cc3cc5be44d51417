# SPDX-License-Identifier: Apache-2.0
"""What recording operations costs a program of small ones: CPU of the process, with and without, in turns.

usage: operations.py MOCK BUILD [TURNS | --instructions]  (MOCK: a directory that tests/ttnn/mock.py made)

10,000 adds and as many deallocates of a tensor of 32 x 32 on the mock device, after 1,000 to warm up; the least of all turns.
--instructions counts what the process executes, by valgrind: the same on a busy machine as on a quiet one.
Bytes: how much larger the file is for each operation that is in it than without operations.
"""
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile

PROGRAM = """
import os, resource, sys
os.environ.setdefault("LOGURU_LEVEL", "ERROR")
import ttnn

device = ttnn.open_device(device_id=0)
x = ttnn.ones((1, 1, 32, 32), dtype=ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device)

def run(count):
    for _ in range(count):
        ttnn.deallocate(ttnn.add(x, x))

def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

run(int(sys.argv[1]))
before_s = cpu_s()
run(int(sys.argv[2]))
print("CPU", cpu_s() - before_s, flush=True)
os._exit(0)
"""
WAYS = {"without ttalloc": None, "--no-ops": ["--no-ops"], "names": [], "by default": [], "--op-arguments": ["--op-arguments"]}
ENVIRONMENT = {"names": {"TTALLOC_OPS": "1"}}


def execute(way, mock, build, place, env, count, *wrapper):
    command = [*wrapper, mock / "python/bin/python", place / "program.py", *count]
    if WAYS[way] is not None:
        command = [build / "recorder/ttalloc-recorder", "-q", "--force", "-o", place / f"{way}.db", *WAYS[way], "--", *command]
    return subprocess.run([str(part) for part in command], cwd=place, env={**env, **ENVIRONMENT.get(way, {})}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=True)


def run(*where):
    return float(re.search(r"CPU ([\d.]+)", execute(*where, (1000, 10000)).stdout)[1])


def instructions(*where):
    """Of an add and a deallocate, thousands of them against few."""
    counts = [execute(*where, (200, count), "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
              for count in (0, 1000)]
    few, many = (int(re.search(r"refs: +([\d,]+)", done.stderr)[1].replace(",", "")) for done in counts)
    return (many - few) / 1000


def file_bytes(path):
    """Of what is in it, without pages that are free."""
    with sqlite3.connect(path) as database:
        database.execute("VACUUM")
        operations = database.execute("SELECT coalesce(sum(count), 0) FROM range_page").fetchone()[0]
    return path.stat().st_size, operations


def main(mock, build, turns=7):
    mock, build = pathlib.Path(mock).absolute(), pathlib.Path(build).absolute()
    with tempfile.TemporaryDirectory(prefix="ttalloc-bench-") as folder:
        place = pathlib.Path(folder)
        (place / "program.py").write_text(PROGRAM, encoding="utf-8")
        env = {**os.environ, "HOME": folder, "TT_METAL_MOCK_CLUSTER_DESC_PATH": str(mock / "p100.yaml"), "TT_LOGGER_LEVEL": "error"}
        if turns == "--instructions":
            found = {way: instructions(way, mock, build, place, env) for way in WAYS}
            for way, count in found.items():
                print(f"{way:16} {count:9.0f} instructions  {count / found['without ttalloc'] - 1:+.1%}")
            return
        took = {way: [] for way in WAYS}
        for _ in range(int(turns)):
            for way in WAYS:
                took[way].append(run(way, mock, build, place, env))
        least = {way: min(times) for way, times in took.items()}
        for way, least_s in least.items():
            print(f"{way:16} {least_s:.3f} s  {least_s / least['without ttalloc'] - 1:+.1%}  {' '.join(f'{t:.3f}' for t in took[way])}")
        bare, _ = file_bytes(place / "--no-ops.db")
        for way in ("names", "by default", "--op-arguments"):
            size, operations = file_bytes(place / f"{way}.db")
            print(f"{way}: {operations} operations, {(size - bare) / operations:.1f} bytes each")


if __name__ == "__main__":
    main(*sys.argv[1:])
