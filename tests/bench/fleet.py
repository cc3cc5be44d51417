# SPDX-License-Identifier: Apache-2.0
"""What a fleet takes in ClickHouse: recordings of many hosts loaded into today's engine (chdb, one process), and the questions asked of them.

Recordings of the example trainer, exported as users do it, are loaded once for each host, under another name of host, recording and
day: so rows are real ones, and columns hold what recordings hold, but hosts are alike, and take less room than hosts would that are not;
what one of each kind takes is an upper bound. Sizes rise, so that it shows how times grow with the fleet."""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
FOLDER = SOURCE / "sql/clickhouse"
TABLES = ("recording", "device", "allocation", "usage", "failure", "fragmentation")
PARAMETERS = {"{days:UInt32}": "40", "{host:String}": "''", "{job:String}": "'job-3'"}
VARIANTS = (["--leak-per-step", "1M"], [], ["--fail"], ["--layers", "16"])
DAYS, RANKS = 30, 8


def record(build, place, number, steps):
    """A recording of VARIANTS, exported. Its folder, and how many events it has."""
    file, out = place / f"{number}.db", place / f"{number}.out"
    recorder, analyze, trainer = (build / name for name in ("recorder/ttalloc-recorder", "analyze/ttalloc-analyze", "examples/ttalloc-trainer"))
    subprocess.run([recorder, "-q", "-o", file, "--", trainer, "--quiet", "--steps", str(steps), *VARIANTS[number]], check=False,
                   stderr=subprocess.DEVNULL, env={**os.environ, "TTALLOC_JOB": "job", "TTALLOC_RANK": "0"})
    subprocess.run([analyze, "export", "--to", "clickhouse", "-o", out, file], check=True)
    events = subprocess.run([analyze, "sql", "--no-header", file, "SELECT count(*) FROM event"], check=True, capture_output=True, text=True)
    return out, int(events.stdout.split()[0])


def make_schema(engine):
    for statement in re.sub(r"--[^\n]*", "", (FOLDER / "schema.sql").read_text(encoding="utf-8")).split(";"):
        if statement.strip():
            engine.query(statement)
    engine.query("CREATE DATABASE one")
    for table in TABLES:
        engine.query(f"CREATE TABLE one.{table} AS ttalloc.{table} ENGINE = MergeTree ORDER BY tuple()")


def load_variants(engine, folders):
    """Each recording once, with its number as the recording's name."""
    for table in TABLES:
        columns = str(engine.query("SELECT arrayStringConcat(groupArray(concat(name, ' ', type)), ', ') FROM (SELECT * FROM system.columns "
                                   f"WHERE database = 'ttalloc' AND table = '{table}' ORDER BY position) FORMAT TSVRaw")).strip()
        for number, folder in enumerate(folders):
            engine.query(f"INSERT INTO one.{table} SELECT * REPLACE('{number}' AS recording) FROM "
                         f"file('{folder}/{table}.rowbinary', RowBinary, '{columns}')")


def add_hosts(engine, first, end):
    """Hosts from FIRST on: each has a recording of one of the variants, on one of DAYS; RANKS neighbours are a job."""
    for host in range(first, end):
        names = {"recording": f"lower(hex(MD5('{host}')))", "day": f"today() - {host % DAYS}", "host": f"'host-{host:04}'"}
        for table in TABLES:
            own = dict(names, **({"job": f"'job-{host // RANKS}'", "rank": str(host % RANKS)} if table == "recording" else {}))
            engine.query(f"INSERT INTO ttalloc.{table} SELECT * REPLACE({', '.join(f'{value} AS {name}' for name, value in own.items())}) "
                         f"FROM (SELECT * FROM one.{table} WHERE recording = '{host % len(VARIANTS)}')")


def ask(engine, name):
    """Seconds, and rows of the answer."""
    question = (FOLDER / f"queries/{name}.sql").read_text(encoding="utf-8")
    for parameter, value in PARAMETERS.items():
        question = question.replace(parameter, value)
    began = time.monotonic()
    answer = str(engine.query(question + " FORMAT JSONEachRow"))
    return time.monotonic() - began, len(answer.splitlines())


def number(engine, statement):
    return int(str(engine.query(statement + " FORMAT TSVRaw")).strip() or 0)


def stored_bytes(engine):
    return number(engine, "SELECT sum(bytes_on_disk) FROM system.parts WHERE database = 'ttalloc' AND active")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build/gcc")
    parser.add_argument("--hosts", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--steps", type=int, default=60, help="of the trainer, 5,000 events each")
    options = parser.parse_args()
    try:
        from chdb import session
    except ImportError:
        sys.exit("fleet.py: run it by a Python that has chdb (pip install chdb)")
    with tempfile.TemporaryDirectory(prefix="ttalloc-fleet-") as folder:
        place = pathlib.Path(folder)
        made = [record(options.build.resolve(), place, variant, options.steps) for variant in range(len(VARIANTS))]
        engine = session.Session(str(place / "engine"))
        make_schema(engine)
        load_variants(engine, [out for out, _ in made])
        questions, there, times = sorted(path.stem for path in (FOLDER / "queries").glob("*.sql")), 0, {}
        add_hosts(engine, 0, len(VARIANTS))
        for table in TABLES:
            engine.query(f"OPTIMIZE TABLE ttalloc.{table} FINAL")
        print(f"one of each kind: {stored_bytes(engine) / sum(events for _, events in made):.2f} bytes/event", flush=True)
        for table in TABLES:
            engine.query(f"TRUNCATE TABLE ttalloc.{table}")
        for hosts in options.hosts:
            began = time.monotonic()
            add_hosts(engine, there, hosts)
            took, there_before, there = time.monotonic() - began, there, hosts
            rows = number(engine, "SELECT sum(rows) FROM system.parts WHERE database = 'ttalloc' AND active")
            events = sum(made[host % len(VARIANTS)][1] for host in range(hosts))
            print(f"{hosts} hosts, {events / 1e6:.1f} M events, {rows / 1e6:.1f} M rows: {stored_bytes(engine) / events:.2f} bytes/event, "
                  f"{rows * (hosts - there_before) / hosts / took / 1e3:.0f} k rows/s loaded", flush=True)
            for name in questions:
                seconds, count = ask(engine, name)
                times.setdefault(name, []).append((events, seconds, count))
        print(f"{'question':14}" + "".join(f"{hosts:>9} hosts" for hosts in options.hosts) + "   at 1 B events (extrapolated)")
        for name, row in times.items():
            (before, then, _), (events, seconds, count) = row[-2] if len(row) > 1 else (0, 0, 0), row[-1]
            slope = (seconds - then) / (events - before)
            print(f"{name:14}" + "".join(f"{s:13.2f} s" for _, s, _ in row) + f"{max(seconds, seconds + slope * (1e9 - events)):12.1f} s   {count} rows")


if __name__ == "__main__":
    main()
