# SPDX-License-Identifier: Apache-2.0
"""Real programs open what export writes, and find our figures in it. TTALLOC_CONSUMERS names what setup.py made."""
import json
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import Place, analyze, check, equal, main, program, run, skip  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
CONSUMERS = pathlib.Path(os.environ.get("TTALLOC_CONSUMERS", "/nonexistent"))


def consumer(name, path):
    if not CONSUMERS.is_dir():
        skip("TTALLOC_CONSUMERS names no directory; see tests/consumers/README.md")
    why = CONSUMERS / f"missing.{name}"
    if why.exists() or not (CONSUMERS / path).exists():
        skip(f"{name} cannot be had: {why.read_text() if why.exists() else 'setup.py did not run'}")
    return CONSUMERS / path


def read(what, file):
    python = consumer("python", "python/bin/python")
    env = {**os.environ, "TTALLOC_SOURCE": str(HERE.parents[1]), "TTALLOC_ANALYZE": program("ttalloc-analyze")}
    done = run([str(python), str(HERE / "read.py"), what, file], timeout=300, env=env)
    check(done.returncode == 0, f"{what} cannot read {file}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def exported(to, *arguments):
    place = Place()
    file = place.file("run.db")
    run([program("ttalloc-recorder"), "-q", "-o", file, "--", program("ttalloc-trainer"), "--quiet", "--layers", "2", "--steps", "2",
         "--fail"], env=place.env, cwd=place.path)
    out = place.file(f"out.{to}")
    done = run([program("ttalloc-analyze"), "export", "--to", to, "-o", out, *arguments, file], timeout=120)
    equal(done.returncode, 0, f"export --to {to} ({done.stderr})")
    return file, out


def peaks(file):
    return {(row["device"], row["region"]): row["peak_bytes"] for row in analyze("peak", file)["rows"]}


def ttnn_visualizer_opens_a_report():
    consumer("python", "python/bin/python")
    file, out = exported("ttnn-visualizer")
    said = read("visualizer", out)
    for path, answer in said.items():
        check(not isinstance(answer, str), f"{path}: {answer}")
    equal(len(said["operations"]), analyze("sql", "SELECT count(*) AS n FROM label_span", file)["rows"][0]["n"], "operations")
    check(all(operation["buffers"] is not None for operation in said["operations"][:10] if "buffers" in operation), "buffers")
    equal(len(said["devices"]), 2, "devices")
    rows = analyze("sql", "SELECT count(*) AS n FROM failure WHERE NOT same_request", file)["rows"]
    equal(len(said["errors"]), rows[0]["n"], "errors")


def pprof_finds_the_peak():
    pprof = consumer("pprof", "go/bin/pprof")
    file, out = exported("pprof")
    for (device, region), peak in peaks(file).items():
        done = run([str(pprof), "-top", "-unit=B", f"-sample_index=device{device}_{region}_peak", out])
        total = re.search(r"% of (\d+)B total", done.stdout)
        check(total and int(total.group(1)) == peak, f"device {device} {region}: expected {peak}: {done.stdout[:300]} {done.stderr[-300:]}")


def speedscope_has_what_its_schema_wants():
    package = consumer("speedscope", "npm/node_modules/speedscope")
    file, out = exported("speedscope")
    schema = json.loads((package / "dist/release/file-format-schema.json").read_text(encoding="utf-8"))
    document = json.loads(pathlib.Path(out).read_text(encoding="utf-8"))
    wanted = schema["definitions"]["FileFormat.SampledProfile"]["required"]
    for profile in document["profiles"]:
        equal([name for name in wanted if name not in profile], [], "members that the schema wants")
    equal([name for name in schema["definitions"]["FileFormat.File"]["required"] if name not in document], [], "members of the file")
    equal({profile["name"]: profile["endValue"] for profile in document["profiles"] if profile["name"].endswith("peak")},
          {f"device {device} {region}: peak": peak for (device, region), peak in peaks(file).items()}, "peaks")


def perfetto_parses_a_trace():
    consumer("python", "python/bin/python")
    file, out = exported("perfetto")
    said = read("perfetto", out)
    equal({name: most for name, most in said["most"].items() if most},
          {f"device {device} {region} live": peak for (device, region), peak in peaks(file).items()}, "peaks")
    check(said["slices"] > 20, "slices")


def data_frames_take_the_views():
    consumer("python", "python/bin/python")
    file, out = exported("csv")
    row = analyze("sql", "SELECT count(*) AS rows, sum(counted_bytes) AS bytes FROM allocation", file)["rows"][0]
    for reader in ("pandas", "polars", "duckdb"):
        equal(read(reader, out), {"rows": row["rows"], "bytes": row["bytes"]}, reader)


def duckdb_takes_the_text_of_the_views():
    consumer("python", "python/bin/python")
    file, _ = exported("csv")
    said = read("duckdb_views", file)
    equal(said["refused"], {}, "views that its parser refuses")
    check(said["views"] > 20, said)
    equal(said["rows"], {view: analyze("sql", f"SELECT count(*) AS n FROM {view}", file)["rows"][0]["n"] for view in ("allocation", "event")}, "rows")
    equal(said["differences"], {"allocation": 0, "event": 0}, "rows that are not as in SQLite")


def parquet_has_the_views():
    consumer("python", "python/bin/python")
    files = [exported("csv")[0], exported("csv")[0]]
    rows = [analyze("sql", "SELECT count(*) AS rows, sum(counted_bytes) AS bytes FROM allocation", file)["rows"][0] for file in files]
    equal(read("parquet", " ".join(files)), {"rows": sum(row["rows"] for row in rows), "bytes": sum(row["bytes"] for row in rows), "hosts": 1, "files": 2}, "parquet")


def an_agent_asks_by_way_of_the_example():
    consumer("python", "python/bin/python")
    file, _ = exported("pprof")
    said = read("agent", os.path.dirname(file))
    check({"recordings", "peak", "leaks", "why", "sql"} <= set(said["tools"]), said["tools"])
    equal(said["peak"], [row for row in analyze("peak", file)["rows"] if row["device"] == 0], "peak")
    check("no recording in" in said["outside"], f"a file elsewhere: {said['outside'][:200]}")
    check(said["sql"][0]["n"] > 0, "sql")


main(an_agent_asks_by_way_of_the_example, ttnn_visualizer_opens_a_report, pprof_finds_the_peak, speedscope_has_what_its_schema_wants, perfetto_parses_a_trace, data_frames_take_the_views, duckdb_takes_the_text_of_the_views, parquet_has_the_views)
