# SPDX-License-Identifier: Apache-2.0
"""The preload that records the host's malloc: exact on programs that are known, and harmless to all others."""
import os
import shutil

from harness import SOURCE, Place, Skip, analyze, check, equal, main, program, run, verify


def compiled(place, name, *options):
    """The path of host_malloc_NAME.c, compiled so that every call in it is made."""
    out = place.file(name)
    result = run(["cc", "-O1", "-fno-builtin", "-D_GNU_SOURCE", str(SOURCE / f"tests/e2e/host_malloc_{name}.c"), "-o", out,
                  "-pthread", *options])
    check(result.returncode == 0, f"cc {name}: {result.stderr}")
    return out


def record(place, *command, **options):
    file = place.file("run.db")
    env = {**place.env, "TTALLOC_LOSSLESS": "1"}  # malloc can outrun a busy machine's recorder
    result = run([program("ttalloc-recorder"), "--force", "--host-malloc", "-o", file, "--", *command], env=env,
                 cwd=place.path, timeout=300, **options)
    return file, result


def check_sound(file):
    info = analyze("info", file)
    check(info["complete"], f"incomplete: {info['notes']}")
    for column in ("lost", "unmatched_frees", "replaced"):
        equal(info["rows"][0][column], 0, column)
    verify(file)
    return info["rows"][0]


def known_figures():
    place = Place()
    file, result = record(place, compiled(place, "own"))
    equal((result.returncode, result.stdout), (0, ""), f"status and output ({result.stderr})")
    row = check_sound(file)
    equal((row["allocations"], row["frees"]), (8, 3), "allocs and frees")
    peak = analyze("peak", file)["rows"]
    equal([(r["device"], r["region"], r["peak_bytes"], r["peak_blocks"]) for r in peak], [(0, "HOST", 108280, 5)], "peak")
    leaks = analyze("leaks", file)["rows"]
    equal(sorted(r["size_bytes"] for r in leaks), [0, 6, 1280, 2000, 5000], "leaks")
    equal({r["ended"] for r in leaks}, {"process exit"}, "how they ended")
    equal(analyze("sql", file, "SELECT producer FROM process")["rows"], [{"producer": "host-malloc"}], "producer")


def nothing_of_our_own():
    """A program that allocates nothing has no events, although libttalloc is in it."""
    place = Place()
    file, result = record(place, compiled(place, "own"), "nothing")
    equal(result.returncode, 0, f"status ({result.stderr})")
    equal(analyze("peak", file)["rows"], [], "peaks")


def whole_family():
    place = Place()
    file, result = record(place, compiled(place, "family"))
    equal(result.returncode, 0, f"a function behaves differently: {result.stderr}")
    check_sound(file)
    equal(analyze("leaks", file)["rows"], [], "leaks of a program that frees everything")


def threads_and_forks():
    place = Place()
    file, result = record(place, compiled(place, "threads"))
    equal(result.returncode, 0, f"status ({result.stderr})")
    row = check_sound(file)
    equal(row["processes"], 3, "processes")
    # What stays is libc's: a table for each thread stack that it keeps for the next thread.
    leaks = analyze("leaks", file)["rows"]
    left = [r["size_bytes"] for r in leaks if r["thread"] and r["size_bytes"] > 1024]
    equal(left, [], "large blocks that were never freed")


def own_malloc_and_static():
    """The preload has no effect there, and does no harm."""
    place = Place()
    _, result = record(place, compiled(place, "replaced"))
    equal(result.returncode, 0, f"a program with its own malloc ({result.stderr})")
    _, result = record(place, compiled(place, "own", "-static"))
    equal(result.returncode, 0, f"a static program ({result.stderr})")
    check("0 events" in result.stderr, f"the summary does not say that nothing was recorded: {result.stderr!r}")


def sanitizers():
    """They have a malloc of their own. It is left alone, and the recording says that it does not know it."""
    place = Place()
    for sanitizer in ("address", "thread"):
        binary = compiled(place, "own", f"-fsanitize={sanitizer}")
        if run([binary]).returncode:
            continue
        file, result = record(place, binary)
        equal(result.returncode, 0, f"status with -fsanitize={sanitizer} ({result.stderr})")
        info = analyze("info", file)
        equal((info["rows"][0]["events"], info["complete"]), (0, False), "events, and whether that is all")
        check(any("sanitizer" in note for note in info["notes"]), f"notes: {info['notes']}")


def beside_a_client():
    """A program that uses libttalloc itself has one recording, with both."""
    place = Place()
    file, result = record(place, program("ttalloc-trainer"), "--steps", "2", "--layers", "2", "--step-time-us", "20000")
    equal(result.returncode, 0, f"status ({result.stderr})")
    row = check_sound(file)
    equal(row["processes"], 1, "processes")
    regions = {r["region"] for r in analyze("peak", file, "--device", "0")["rows"]}
    check({"HOST", "DRAM", "L1", "CB"} <= regions, f"regions {regions}")


def same_output(name, *command, stdin=None, outputs=()):
    """COMMAND says and writes the same with the preload as without it."""
    place = Place()
    if not shutil.which(command[0]):
        raise Skip(f"{name} is not installed")
    plain = run([*command], cwd=place.path, input=stdin)
    written = [(place.path / out).read_bytes() for out in outputs]
    file, recorded = record(place, *command, input=stdin)
    equal(recorded.returncode, plain.returncode, f"status of {name} ({recorded.stderr})")
    equal(recorded.stdout, plain.stdout, f"output of {name}")
    equal([(place.path / out).read_bytes() for out in outputs], written, f"files of {name}")
    row = check_sound(file)
    check(row["allocations"] > 100, f"{name}: {row}")
    return file


def compiler():
    source = str(SOURCE / "examples/training.c")
    file = same_output("gcc", "gcc", "-O2", "-D_GNU_SOURCE", f"-I{SOURCE}/include", "-c", source, "-o", "out.o",
                       outputs=["out.o"])
    names = {os.path.basename(r["executable"]) for r in analyze("sql", file, "SELECT executable FROM process")["rows"]}
    check({"cc1", "as"} <= {name.split("-")[-1] for name in names}, f"processes of gcc: {names}")


def interpreter():
    same_output("python3", "python3", "-c", "import json, threading, re\n"
                "t = [threading.Thread(target=lambda: json.dumps(list(range(20000)))) for _ in range(8)]\n"
                "[x.start() for x in t]; [x.join() for x in t]\nprint(sum(map(len, map(str, range(100000)))))")


def database():
    same_output("sqlite3", "sqlite3", "out.sqlite", "DROP TABLE IF EXISTS t; CREATE TABLE t AS WITH RECURSIVE c(x) AS (SELECT 1 "
                "UNION ALL SELECT x + 1 FROM c WHERE x < 50000) SELECT x, hex(x) h FROM c; SELECT sum(length(h)) FROM t")


def compressor():
    same_output("xz", "sh", "-c", f"cat {SOURCE}/include/*.h {SOURCE}/hook/*.c | xz -T2 -6 | sha256sum")


main(known_figures, nothing_of_our_own, whole_family, threads_and_forks, own_malloc_and_static, sanitizers, beside_a_client, compiler,
     interpreter, database, compressor)
