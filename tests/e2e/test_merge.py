# SPDX-License-Identifier: Apache-2.0
"""merge: ranks and hosts in one file: their clocks, chips, jobs, and what is missing."""
import os
import shutil
import sqlite3
import subprocess

from harness import Place, Player, Recorder, analyze, check, equal, issued, main, program, run, skip, verify

MiB = 1 << 20


def record(place, name, rank, chip="board-7/0", job="training", steps=5, end=True):
    """One rank: a step is one block that is freed, and its rank in MiB that stays."""
    recorder = Recorder(place, name, env={"TTALLOC_JOB": job, "TTALLOC_RANK": str(rank)} if job else None)
    player = Player(place)
    player.open([issued.Layout(issued.DRAM, 12, 1 << 30, 0, 32)], chip=chip)
    player.push("weights")
    player.alloc(0x10000, (rank + 1) * MiB)
    player.pop()
    for step in range(steps):
        player.step(step)
        player.alloc(0x4000000, 4 * MiB)
        player.free(0x4000000)
    player.end()
    place.await_drained()
    if end:
        return recorder.stop()
    recorder.kill()
    return recorder.file


def change(file, *statements):
    with sqlite3.connect(file) as database:
        for statement in statements:
            database.execute(statement)
    database.close()
    return file


def to_another_host(file, name, off_ns):
    """As though FILE had been made on another machine, whose wall clock is off by OFF_NS."""
    return change(file, f"UPDATE recording_info SET boot_id = 'boot of {name}', host = '{name}', "
                        f"start_monotonic_ns = start_monotonic_ns + 77, start_realtime_ns = start_realtime_ns + {off_ns}")


def merge(place, *operands, out="all.db", status=0):
    result = run([program("ttalloc-analyze"), "merge", "-o", out, *operands], cwd=place.path)
    equal(result.returncode, status, f"status of merge {operands} (it said: {result.stderr})")
    return result if status else place.file(out)


def parts(file):
    database = sqlite3.connect(file)
    database.row_factory = sqlite3.Row
    rows = [dict(row) for row in database.execute("SELECT * FROM recording_part ORDER BY part_id")]
    database.close()
    return rows


def rows_of(file, *question):
    return analyze(question[0], file, *question[1:])["rows"]


def ranks_of_one_host():
    """One clock, exactly, and one chip: both are in its peak, which tells each one's share."""
    place = Place()
    files = [record(place, f"run-{rank}.db", rank) for rank in range(2)]
    merged = merge(place, *files)
    verify(merged)
    starts = [sqlite3.connect(file).execute("SELECT start_monotonic_ns FROM recording_info").fetchone()[0] for file in files]
    equal([row["offset_ns"] for row in parts(merged)], [0, starts[1] - starts[0]], "when they began")
    equal([(row["clock"], row["error_ns"]) for row in parts(merged)], [("monotonic", 0)] * 2, "clocks")
    check(analyze("peak", merged)["complete"], "both are complete")
    equal([row["device"] for row in rows_of(merged, "peak")], [0], "devices")
    allocated = rows_of(merged, "allocated", "--by", "rank")
    equal({row["group"]: row["bytes"] for row in allocated}, {0: 21 * MiB, 1: 22 * MiB}, "what each rank allocated")
    equal([(row["rank"], row["host"], row["uid"]) for row in rows_of(merged, "processes")],
          [(0, parts(merged)[0]["host"], os.getuid()), (1, parts(merged)[0]["host"], os.getuid())], "ranks of processes")
    labels = sqlite3.connect(merged).execute("SELECT count(*) FROM label").fetchone()[0]
    equal(labels, 1, "a label of both is one")
    again = merge(place, *files, out="again.db")
    uuids = [sqlite3.connect(file).execute("SELECT uuid FROM recording").fetchone() for file in (again, merged)]
    equal(uuids[0], uuids[1], "the same once more is the same recording")


def hosts_are_laid_by_their_steps():
    """The wall clock of the other host is 3 s off; the steps tell so, and how sure that is."""
    place = Place()
    here, there = record(place, "a.db", 0), record(place, "b.db", 1)
    database = sqlite3.connect(there)
    marks = dict(sqlite3.connect(here).execute("SELECT number, at_ns FROM step_mark"))
    # it waits for the others at each step, and comes a little early or late
    apart = {number: 5000000 + late for number, late in enumerate((0, 300, -200, 100, 0))}
    for number, at_ns in marks.items():
        database.execute("UPDATE step_mark SET at_ns = ? WHERE number = ?", (at_ns + apart[number], number))
    database.commit()
    database.close()
    to_another_host(there, "other", 3_000_000_000)
    merged = merge(place, here, there)
    first, second = parts(merged)
    equal((first["clock"], first["error_ns"]), ("monotonic", 0), "the first one's clock")
    equal((second["clock"], second["shared_steps"]), ("steps", 5), "the second one's clock")
    equal(second["offset_ns"] - first["offset_ns"], -5000000, "how they lie to each other")
    equal(second["error_ns"], 300, "how far off")
    equal([row["device"] for row in rows_of(merged, "peak")], [0, 256], "the same chip of another host is another")
    equal({row["group"] for row in rows_of(merged, "peak", "--by", "host")}, {first["host"], "other"}, "hosts")
    check("at most 0.000000 s off, by 5 shared steps" in rows_of(merged, "info")[0]["parts"][1], "info says so")


def without_steps_the_error_is_not_known():
    place = Place()
    files = [record(place, f"{rank}.db", rank, steps=2) for rank in range(2)]
    to_another_host(files[1], "other", 3_000_000_000)
    starts = [sqlite3.connect(file).execute("SELECT start_realtime_ns FROM recording_info").fetchone()[0] for file in files]
    merged = merge(place, *files)
    equal([(row["clock"], row["error_ns"]) for row in parts(merged)], [("monotonic", 0), ("wall", None)], "clocks")
    equal(parts(merged)[1]["offset_ns"], starts[1] - starts[0], "by wall clocks")
    # what is put together can be put together with more: a third of the other host is as far off as the second
    third = to_another_host(record(place, "2.db", 2), "other", 0)
    more = merge(place, merged, third, out="more.db")
    equal([(row["rank"], row["clock"], row["error_ns"]) for row in parts(more)],
          [(0, "monotonic", 0), (1, "wall", None), (2, "wall", None)], "the third is of the second's boot")
    verify(more)


def unknown_chips_are_kept_apart():
    place = Place()
    files = [record(place, f"{rank}.db", rank, chip=None, steps=1) for rank in range(3)]
    result = run([program("ttalloc-analyze"), "merge", "-o", "all.db", *files], cwd=place.path)
    equal(result.stderr.count("which chips devices 256-257 are is not known"), 1, f"times that it says so: {result.stderr}")
    equal([row["device"] for row in rows_of(place.file("all.db"), "peak")], [0, 256, 257], "devices")
    check(not analyze("peak", place.file("all.db"))["complete"], "they may be the same one")
    equal(len(rows_of(place.file("all.db"), "info")[0]["notes"]), 1, "notes in the file")


def jobs():
    place = Place()
    for rank in (0, 1, 3):
        record(place, f"run-{rank}.db", rank)
    record(place, "other.db", 0, job="another")
    result = merge(place, "run-0.db", "other.db", status=2)
    check("is of job 'training', but" in result.stderr and "--force" in result.stderr, result.stderr)
    check(not os.path.exists(place.file("all.db")), "nothing is left behind")
    merge(place, "--force", "run-0.db", "other.db")
    result = run([program("ttalloc-analyze"), "merge", "-o", "job.db", "--job", "training", "."], cwd=place.path)
    equal(result.returncode, 0, result.stderr)
    check("rank 2 is missing" in result.stderr, result.stderr)
    change(place.file("run-1.db"), "INSERT INTO job_size VALUES (1, 9)")
    result = run([program("ttalloc-analyze"), "merge", "--force", "-o", "job.db", "--job", "training", "."], cwd=place.path)
    check("ranks 2, 4-8 are missing" in result.stderr, result.stderr)
    change(place.file("run-3.db"), "UPDATE recording_job SET rank = 9223372036854775807")
    run([program("ttalloc-analyze"), "merge", "--force", "-o", "hostile.db", "run-0.db", "run-3.db"], cwd=place.path)
    change(place.file("run-3.db"), "UPDATE recording_job SET rank = 3")
    equal([row["rank"] for row in parts(place.file("job.db"))], [0, 1, 3], "ranks of the job")
    result = merge(place, "--job", "none", ".", out="none.db", status=2)
    check("no recording of job 'none'" in result.stderr, result.stderr)
    result = merge(place, "run-0.db", "run-0.db", out="twice.db", status=2)
    check("are of the same recording" in result.stderr, result.stderr)
    result = merge(place, "run-0.db", status=2)
    check("exists already" in result.stderr, result.stderr)


def a_part_without_an_end():
    place = Place()
    whole, killed = record(place, "a.db", 0), record(place, "b.db", 1, end=False)
    merged = merge(place, whole, killed)
    check(not analyze("peak", merged)["complete"], "a part is not complete")
    check("no clean end" in rows_of(merged, "info")[0]["parts"][1], "info says which")


def damaged_parts():
    """What points to nothing is an error that names the file, and leaves nothing behind."""
    place = Place()
    for number, damage in enumerate(("UPDATE freed SET origin = 77", "DELETE FROM label_info", "UPDATE batch SET last_key = -5",
                                     "UPDATE batch SET last_key = 9223372036854775807")):
        file = record(place, f"{number}.db", 0)
        change(file, damage)
        result = merge(place, file, out=f"out-{number}.db", status=2)
        check(f"{number}.db: corrupt" in result.stderr, result.stderr)
        equal([name for name in os.listdir(place.path) if name.startswith("out-")], [], "what is left behind")


def ranks_of_mpirun():
    if not shutil.which("mpirun"):
        skip("no mpirun (Debian: openmpi-bin)")
    place = Place()
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "4", program("ttalloc-recorder"), "-q", "-o",
               "run-%r.db", "--", program("ttalloc-trainer"), "--layers", "1", "--steps", "3", "--devices", "1"]
    result = subprocess.run(command, cwd=place.path, env={**place.env, "OMPI_MCA_plm": "isolated"}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    equal(result.returncode, 0, f"mpirun ({result.stdout})")
    merged = merge(place, ".")
    equal(sorted(row["rank"] for row in parts(merged)), [0, 1, 2, 3], "ranks")
    equal(len({row["job"] for row in parts(merged)}), 1, "jobs")
    equal({row["clock"] for row in parts(merged)}, {"monotonic"}, "clocks")
    os.unlink(place.file("run-3.db"))
    result = run([program("ttalloc-analyze"), "merge", "--force", "-o", "less.db", "."], cwd=place.path)
    check("rank 3 is missing" in result.stderr, f"the last one is missing: {result.stderr}")


def files_of_one_recording():
    """A rank that was recorded in several files is one part, wherever they stand among the others."""
    place = Place()
    for name, more in ("several.db", ["--rotate", "1M"]), ("other.db", []):
        run([program("ttalloc-recorder"), "-q", *more, "-o", place.file(name), "--", program("ttalloc-trainer"), "--quiet", "--devices", "1",
             "--events", "200000" if more else "5000"], env=place.env, timeout=120)
    several = sorted(path.name for path in place.path.glob("several*.db"))
    check(len(several) > 2, f"{several}")
    equal(run([program("ttalloc-analyze"), "copy", *several, "whole.db"], cwd=place.path).returncode, 0, "copy")
    whole = merge(place, "whole.db", "other.db", out="of-two.db")
    for out, operands in (("mixed.db", [several[-1], "other.db", *several[:-1]]), ("alone.db", several)):
        made = merge(place, *operands, out=out)
        verify(made)
        against = whole if out == "mixed.db" else place.file("whole.db")
        equal(len(parts(made)), 2 if out == "mixed.db" else 1, "parts")
        for question in ["leaks", "--by", "label"], ["steps"], ["peak", "--by", "label"]:
            equal(analyze(*question, made)["rows"], analyze(*question, against)["rows"], f"{question} of {out}")
    check("of the same recording" in merge(place, several[1], several[1], out="twice.db", status=2).stderr, "one of them twice")
    check("are missing" in merge(place, several[1], several[-1], out="gap.db", status=2).stderr, "one that is missing")


def restricted(place, name, devices, restriction):
    recorder = Recorder(place, name, arguments=["--device", restriction] if restriction else [])
    player = Player(place)
    for device in range(devices):
        player.alloc(4096, 1000 + device, device=device)
    player.end()
    place.await_drained()
    return recorder.stop()


def some_devices():
    """Of one recording the restriction stays what it is; beside others a joint figure may lack what it left out."""
    place = Place()
    for name, restriction in ("some.db", "1,3"), ("all.db", None):
        restricted(place, name, 4, restriction)
    alone = merge(place, "some.db", out="alone.db")
    answer = analyze("peak", alone)
    check("only devices 1,3 were recorded" in answer["notes"], f"alone: {answer['notes']}")
    equal(answer["complete"], True, "alone it is as complete as it was")
    both = merge(place, "some.db", "all.db", out="both.db")
    twice = merge(place, "both.db", out="twice.db")
    for file in both, twice:
        answer = analyze("peak", file)
        check(any("only devices 1,3 (as that one numbered them) were recorded" in note for note in answer["notes"]), f"{answer['notes']}")
        equal(answer["complete"], False, "beside others")
        verify(file)
    check(analyze("peak", merge(place, "all.db", out="whole.db"))["complete"], "one without a restriction")


main(ranks_of_one_host, files_of_one_recording, hosts_are_laid_by_their_steps, without_steps_the_error_is_not_known, unknown_chips_are_kept_apart, jobs,
     some_devices, a_part_without_an_end, damaged_parts, ranks_of_mpirun)
