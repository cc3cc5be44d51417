#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks and prints ratios; each ratio's two sides are measured in this one run, by turns.

usage: python3 tests/bench/run.py [--build DIR] [--events N] [--rounds N] [--only hook|start|rate|file|analyze]

DIR is an optimised build (default: build/bench, made when missing). Nothing is kept but what is printed. Of 100 M events
--events 100000000 --only analyze: 6 GB below $TMPDIR or /var/tmp. The target of memory is 200 MiB, however many events.
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
                 "steps --by label", "churn", "overlaps", "diff --what steps", "peak --by life", "peak --since 30%",
                 "replay", "map", "density", "l1", "allocated")


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, **options)


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


def bench_start(bench):
    print("\nstart: until the first event of a program is safe, medians of 41 starts (and the middle 80 in 100)")
    print(run(program(bench.build, "first_event"), program(bench.build, "ttalloc-recorder"),
              os.path.join(bench.scratch, "first.db")).stdout, end="")


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


def spent(*command):
    """(seconds, seconds of CPU of all threads, MiB of memory at most) of a command."""
    started = time.monotonic()
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (command, process.returncode)
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def scanned(file, table):
    """(seconds, seconds of CPU) of a flat scan."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    started, cpu = time.monotonic(), time.process_time()
    connection.execute(f"SELECT count(*), sum(size_bytes) FROM {table}").fetchone()
    took = time.monotonic() - started, time.process_time() - cpu
    connection.close()
    return took


def by_turns(rounds, yardstick, measure):
    """Medians: seconds and CPU of MEASURE as multiples of YARDSTICK's, and what else MEASURE gave last."""
    turns = [(yardstick(), measure()) for _ in range(rounds)]
    ratios = [statistics.median(ours[i] for _, ours in turns) / statistics.median(theirs[i] for theirs, _ in turns)
              for i in (0, 1)]
    return *ratios, turns[-1][1][2:]


def bench_analyze(bench):
    path, _, _ = record(bench, "analyze.db", program(bench.build, "ttalloc-trainer"), "--events", bench.events)
    db = sqlite3.connect(path)
    events, = db.execute("SELECT sum(events) FROM process_info").fetchone()
    flat = os.path.join(bench.scratch, "flat.db")
    db.execute("ATTACH ? AS flat", (flat,))
    db.execute("CREATE TABLE flat.flat AS SELECT * FROM allocation")
    db.commit()
    db.close()

    def yardstick():
        return scanned(flat, "flat")

    analyzer = program(bench.build, "ttalloc-analyze")
    page = os.path.join(bench.scratch, "report.html")
    once = statistics.median(yardstick()[0] for _ in range(bench.rounds))
    print(f"\nanalyze: {events} events; yardstick, by turns: count(*), sum(size_bytes) over a flat table, {once * 1e3:.0f} ms")
    print("                                         time      CPU")
    time_ratio, cpu_ratio, _ = by_turns(bench.rounds, yardstick, lambda: scanned(path, "allocation"))
    print(f"  {'the same on the view allocation':34} {time_ratio:6.2f} x {cpu_ratio:6.2f} x   (target: at most 3)")
    for query in QUICK_QUERIES + OTHER_QUERIES + ("report",):
        files = [path] * (2 if query.startswith("diff") else 1)
        last = ["-o", page, "--force"] if query == "report" else ["--json"]
        time_ratio, cpu_ratio, (mib,) = by_turns(bench.rounds, yardstick,
                                                 lambda: spent(analyzer, *query.split(), *files, *last))
        target = "0.1" if query in QUICK_QUERIES else "5"
        print(f"  {query:34} {time_ratio:6.2f} x {cpu_ratio:6.2f} x   (target: at most {target})   {mib:4.0f} MiB",
              flush=True)
    for leftover in (path, flat):
        os.unlink(leftover)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "bench"))
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("hook", "start", "rate", "file", "analyze"))
    bench = parser.parse_args()
    benches = {"hook": bench_hook, "start": bench_start, "rate": bench_rate, "file": bench_file, "analyze": bench_analyze}

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
