#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks and prints ratios; each ratio's two sides are measured in this one run, by turns.

usage: python3 tests/bench/run.py [--build DIR] [--events N] [--rounds N] [--only hook|rate|file|analyze]

DIR is an optimised build (default: build/bench, made when missing). Nothing is kept but what is printed.
"""
import argparse
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUICK_QUERIES = ("info", "leaks", "peak")  # at most a tenth of the yardstick
OTHER_QUERIES = ("failures", "fragmentation", "processes", "timeline", "peak --by label", "leaks --by label",
                 "peak --region L1", "timeline --region DRAM", "peak --start 40% --end 60%", "diff", "verify", "floor",
                 "floor --by label", "temporary", "histogram", "histogram --of lifetime", "top", "top --at 50%", "steps",
                 "steps --by label", "churn", "overlaps", "diff --what steps", "peak --by life", "peak --since 30%")


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, **options)


def median_of(rounds, measure):
    return statistics.median(measure() for _ in range(rounds))


def timed(*command):
    started = time.monotonic()
    run(*command)
    return time.monotonic() - started


def build(directory):
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        run("cmake", "-S", ROOT, "-B", directory, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
    run("cmake", "--build", directory)


def program(directory, name):
    for folder, _, files in os.walk(directory):
        if name in files and os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    sys.exit(f"{name} is not in {directory}: build it first")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    with open("/proc/meminfo", encoding="utf-8") as file:
        gib = int(file.readline().split()[1]) / 2**20
    return (f"{os.cpu_count()} x {model}, {gib:.0f} GiB, Linux {platform.release().split('-')[0]}, "
            f"SQLite {sqlite3.sqlite_version}")


def bench_hook(bench):
    print()
    print(run(program(bench.build, "hook_cost"), program(bench.build, "ttalloc-recorder"), cwd=bench.scratch).stdout,
          end="")


def record(bench, name, *command):
    path = os.path.join(bench.scratch, name)
    environment = dict(os.environ, TTALLOC_LOSSLESS="1")
    started = time.monotonic()
    result = run(program(bench.build, "ttalloc-recorder"), "--force", "--quiet", "-o", path, "--", *command,
                 env=environment)
    return path, time.monotonic() - started, result.stdout


def bench_rate(bench):
    print("\nrate: events per second, one process sending, one recording, nothing lost")

    def recorded():
        path, took, out = record(bench, "rate.db", program(bench.build, "flood"), bench.events)
        db = sqlite3.connect(path)
        events, lost = db.execute("SELECT sum(events), sum(lost) FROM process_info").fetchone()
        assert lost == 0 and events == int(out), (events, lost, out)
        db.close()
        bytes_per_event = os.path.getsize(path) / events
        os.unlink(path)
        return events / took, bytes_per_event

    def inserted():
        path = os.path.join(bench.scratch, "inserts.db")
        took = float(run(program(bench.build, "prepared_inserts"), path, bench.events).stdout.split()[0])
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path + suffix):
                os.unlink(path + suffix)
        return bench.events / took

    ours, theirs, sizes = [], [], []
    for _ in range(bench.rounds):
        rate, size = recorded()
        ours.append(rate)
        sizes.append(size)
        theirs.append(inserted())
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    print(f"  recorded, from start to one closed file   {ours / 1e6:7.2f} M/s   {sizes[0]:.1f} bytes per event")
    print(f"  loop of prepared one-row inserts          {theirs / 1e6:7.2f} M/s")
    print(f"  ratio                                     {ours / theirs:7.2f} x    (target: at least 2.5)")


def bench_file(bench):
    print("\nfile: bytes per event, training loop of examples/")
    path, _, _ = record(bench, "train.db", program(bench.build, "ttalloc-trainer"), "--events", bench.events)
    db = sqlite3.connect(path)
    events, = db.execute("SELECT sum(events) FROM process_info").fetchone()
    print(f"  {os.path.getsize(path) / events:.1f} bytes per event, {events} events   (target: at most 23)")
    db.close()
    os.unlink(path)


def peak_memory_mib(*command):
    result = run("/usr/bin/env", "python3", "-c",
                 "import resource,subprocess,sys;subprocess.run(sys.argv[1:],check=True,stdout=subprocess.DEVNULL);"
                 "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)", *command)
    return int(result.stdout) / 1024


def bench_analyze(bench):
    path, _, _ = record(bench, "analyze.db", program(bench.build, "ttalloc-trainer"), "--events", bench.events)
    db = sqlite3.connect(path)
    events, = db.execute("SELECT sum(events) FROM process_info").fetchone()
    flat = os.path.join(bench.scratch, "flat.db")
    db.execute("ATTACH ? AS flat", (flat,))
    db.execute("CREATE TABLE flat.flat AS SELECT * FROM allocation")
    db.commit()
    db.close()

    def select(file, table):
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        started = time.monotonic()
        connection.execute(f"SELECT count(*), sum(size_bytes) FROM {table}").fetchone()
        took = time.monotonic() - started
        connection.close()
        return took

    analyzer = program(bench.build, "ttalloc-analyze")
    yardstick = median_of(bench.rounds, lambda: select(flat, "flat"))
    print(f"\nanalyze: {events} events; yardstick: count(*), sum(size_bytes) over a flat table, {yardstick * 1e3:.0f} ms")
    view = median_of(bench.rounds, lambda: select(path, "allocation"))
    print(f"  {'the same on the view allocation':34} {view / yardstick:6.2f} x   (target: at most 3)")
    for query in QUICK_QUERIES + OTHER_QUERIES:
        command = [analyzer, *query.split(), *[path] * (2 if query.startswith("diff") else 1), "--json"]
        took = median_of(bench.rounds, lambda: timed(*command))
        target = "0.1" if query in QUICK_QUERIES else "8"
        print(f"  {query:34} {took / yardstick:6.2f} x   (target: at most {target})   "
              f"{peak_memory_mib(*command):4.0f} MiB")
    for leftover in (path, flat):
        os.unlink(leftover)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "bench"))
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("hook", "rate", "file", "analyze"))
    bench = parser.parse_args()
    benches = {"hook": bench_hook, "rate": bench_rate, "file": bench_file, "analyze": bench_analyze}

    build(bench.build)
    bench.scratch = tempfile.mkdtemp(prefix="ttalloc-bench-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    try:
        print(machine())
        for name, measure in benches.items():
            if bench.only in (None, name):
                measure(bench)
    finally:
        shutil.rmtree(bench.scratch)


if __name__ == "__main__":
    main()
