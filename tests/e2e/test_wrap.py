# SPDX-License-Identifier: Apache-2.0
"""Wrap mode: exit statuses, signals, names of files, and the summary."""
import os
import shutil
import signal
import time

from harness import (BUILD, Generator, Place, Player, Recorder, analyze, check, check_faithful, check_recording, equal, main,
                     program, run, start, wait_until)


def wrap(place, *arguments, **options):
    return run([program("ttalloc-recorder"), *arguments], env=place.env, cwd=place.path, **options)


def statuses():
    place = Place()
    not_executable = place.file("text")
    with open(not_executable, "w", encoding="ascii") as file:
        file.write("no program")
    cases = [
        (0, ["true"]), (7, ["sh", "-c", "exit 7"]), (128 + 15, ["sh", "-c", "kill -TERM $$"]),
        (128 + 9, ["sh", "-c", "kill -KILL $$"]), (126, [not_executable]), (126, ["/"]), (127, ["no-such-command"]),
        (127, ["/no/such/command"]),
    ]
    for status, command in cases:
        result = wrap(place, "--force", "-o", place.file("run.db"), "--", *command)
        equal(result.returncode, status, f"status of {command} ({result.stderr})")
        equal(result.stdout, "", "the recorder's standard output")


def odd_names():
    """An empty file is nobody's work, so it needs no --force; names that mean something to SQLite are names of files."""
    place = Place()
    for name in ("empty.db", ":memory:", "file:run.db?mode=memory"):
        open(place.file(name), "w", encoding="ascii").close()
        equal(wrap(place, "-q", "-o", name, "--", "true").returncode, 0, f"status of -o {name}")
        equal(analyze("info", name, cwd=place.path)["rows"][0]["processes"], 0, f"info {name}")
    name = "a b\nc%%'\"?#\t\u00fc.db"
    equal(wrap(place, "-q", "-o", name, "--", program("ttalloc-player"), input="alloc 0 0 0 4096 1000 0\n").returncode, 0, "status")
    name = name.replace("%%", "%")
    equal([row["peak_bytes"] for row in analyze("peak", name, cwd=place.path)["rows"]], [1000], "peak")
    equal(analyze("sql", "SELECT count(*) AS blocks FROM allocation", name, cwd=place.path)["rows"], [{"blocks": 1}], "sql")


def a_deep_path():
    """SQLite opens names of some 500 bytes; recordings may lie deeper, also while they are made."""
    place = Place()
    deep = "/".join([place.file("deep")] + ["d" * 200] * 3)
    os.makedirs(deep)
    file = f"{deep}/{'n' * 240}.db"
    recorder = Recorder(place, os.path.relpath(file, place.path))
    player = Player(place)
    player.alloc(0x1000, 100)
    check(player.flush(), "flush")
    equal(analyze("info", file)["rows"][0]["events"], 1, "events, while it is recorded")
    recorder.kill()
    player.alloc(0x2000, 100)
    equal(analyze("info", file)["rows"][0]["events"], 1, "events, after a kill")
    again = Recorder(place, os.path.relpath(file, place.path), arguments=["--append"], socket=False)
    player.end()
    place.await_drained()
    again.stop()
    equal(os.listdir(deep), [os.path.basename(file)], "files")
    check_faithful(shutil.copy(file, place.file("near.db")), player)  # Python's SQLite does not reach it


def recording_that_cannot_start():
    """Status 125, and the command is not run."""
    place = Place()
    mark = place.file("mark")
    link = place.file("link.db")
    os.symlink("nowhere", link)
    cases = [["-o", link], ["-o", "/no/such/directory/run.db"], ["-o", str(place.path)], ["--socket", "/no/such/directory/socket"],
             ["--no-such-option"], ["--append", "-o", place.file("missing.db")]]
    for arguments in cases:
        result = wrap(place, *arguments, "--", "touch", mark)
        equal(result.returncode, 125, f"status of {arguments} ({result.stderr})")
        check(result.stderr.strip(), f"{arguments}: nothing on stderr")
        check(not os.path.exists(mark), f"{arguments}: the command was run")
    equal(os.readlink(link), "nowhere", "the link")


def signals_are_passed_on():
    place = Place()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        ready = place.file(f"ready-{number}")
        script = f"trap 'exit 9' {number.name[3:]}; touch {ready}; while :; do sleep 0.05; done"
        recorder = start([program("ttalloc-recorder"), "-o", place.file(f"{number}.db"), "--", "sh", "-c", script],
                         env=place.env, cwd=place.path, stderr=-3)
        wait_until(lambda: os.path.exists(ready), "the command")
        recorder.send_signal(number)
        equal(recorder.wait(20), 9, f"status after {number.name}")


def names_of_files():
    place = Place()
    result = wrap(place, "--", "true")
    made = [name for name in os.listdir(place.path) if name.startswith("ttalloc-true-") and name.endswith(".db")]
    check(len(made) == 1, f"without -o: {os.listdir(place.path)} ({result.stderr})")
    wrap(place, "-o", "x-%p-%h-%t-%%.db", "--", "true")
    made = [name for name in os.listdir(place.path) if name.startswith("x-")]
    check(len(made) == 1 and made[0].endswith("-%.db") and os.uname().nodename.split(".")[0] in made[0], f"made {made}")


def ranks_of_a_job():
    """Each rank has a file of its own, which knows its job; without a job there is no name for it."""
    place = Place()
    place.env.update(SLURM_JOB_ID="77", SLURM_PROCID="0", OMPI_COMM_WORLD_RANK="2")
    equal(wrap(place, "-o", "run-%j-%r.db", "--", "true").returncode, 0, "status")
    row, = analyze("sql", "SELECT job, rank FROM recording", place.file("run-77-2.db"))["rows"]
    equal((row["job"], row["rank"]), ("77", 2), "job and rank of the file")
    for name in ("SLURM_JOB_ID", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK"):
        del place.env[name]
    result = wrap(place, "-o", "run-%r.db", "--", "true")
    equal(result.returncode, 125, "status without a rank")
    check("TTALLOC_RANK" in result.stderr, result.stderr)


def a_database_is_not_overwritten():
    place = Place()
    file, foreign = place.file("run.db"), place.file("notes.txt")
    wrap(place, "-o", file, "--", "true")
    with open(file, "rb") as opened:
        before = opened.read()
    result = wrap(place, "-o", file, "--", "true")
    equal(result.returncode, 125, "status over an existing file")
    with open(file, "rb") as opened:
        check(opened.read() == before, "the existing file was changed")
    equal(wrap(place, "--force", "-o", file, "--", "true").returncode, 0, "status with --force")
    with open(foreign, "w", encoding="ascii") as opened:
        opened.write("do not lose this")
    equal(wrap(place, "--force", "-o", foreign, "--", "true").returncode, 125, "status of --force over another file")
    with open(foreign, encoding="ascii") as opened:
        equal(opened.read(), "do not lose this", "a file that is no database")


def a_wrapped_run():
    """Recorded as any other; the file is one file with mode 0600; the summary goes to stderr."""
    place = Place()
    file = place.file("run.db")
    generator = Generator(place, arguments=["--calls", 1500, "--processes", 2, "--seed", 3], env=place.env, hold=False,
                          wrapper=[program("ttalloc-recorder"), "-o", file, "--"])
    equal(generator.process.wait(60), 0, "status")
    check_recording(file, generator)
    equal(oct(os.stat(file).st_mode & 0o777), "0o600", "mode of the file")
    equal([name for name in os.listdir(place.path) if name.startswith("run.db")], ["run.db"], "files")
    equal(analyze("info", file)["rows"][0]["processes"], 2, "processes")
    equal(place.leftover_segments(), [], "segments")


def runs_that_are_appended():
    """--append in wrap mode goes on with the file."""
    place = Place()
    file = place.file("run.db")
    generators = []
    for number, more in enumerate(([], ["--append"], ["--append"])):
        generators.append(Generator(place, f"logs{number}", ["--calls", 400, "--seed", number], env=place.env, hold=False,
                                    wrapper=[program("ttalloc-recorder"), *more, "-o", file, "--"]))
        equal(generators[-1].process.wait(60), 0, "status")
        time.sleep(0.05)
    check_recording(file, *generators)


def a_run_without_events_says_why():
    place = Place()
    result = wrap(place, "-o", place.file("run.db"), "--", "true")
    check("0 events" in result.stderr and "report" in result.stderr, f"the summary of a run without events: {result.stderr}")
    equal(analyze("info", place.file("run.db"))["rows"][0]["events"], 0, "events")


def nothing_when_switched_off():
    """Without the environment a program reports nothing, leaves nothing, and says nothing."""
    place = Place()
    result = run([program("ttalloc-generator"), "--log", str(place.path)], env=place.env, input="")
    equal((result.returncode, result.stderr), (0, ""), "status and stderr")
    equal(place.leftover_segments(), [], "segments")


def preloads():
    """TT-Metal's preload comes first, the user's own last, unless it is not wanted."""
    place = Place()
    place.env["LD_PRELOAD"] = "libm.so.6"
    ours, malloc = (os.path.realpath(program(f"hook/libttalloc-{name}.so")) for name in ("tt-metal", "host-malloc"))
    for arguments, expected in (([], [ours]), (["--no-preload"], []), (["--host-malloc"], [ours, malloc]),
                                (["--host-malloc", "--no-preload"], [malloc])):
        result = wrap(place, "--force", "-o", place.file("run.db"), *arguments, "--", "sh", "-c", "echo $LD_PRELOAD")
        equal(result.stdout.strip(), ":".join([*expected, "libm.so.6"]), f"LD_PRELOAD with {arguments}")
    place.env["LD_PRELOAD"] = ""
    for name, status in (("true", 0), ("false", 1)):
        result = wrap(place, "--force", "-o", place.file("run.db"), "-q", "--", name)
        equal((result.returncode, result.stdout, result.stderr), (status, "", ""), f"what {name} did and said")


def a_command_with_a_sanitizer():
    """It insists on being loaded first, which the preload must not spoil."""
    place = Place()
    source = place.file("program.c")
    with open(source, "w", encoding="ascii") as file:
        file.write("#include <stdlib.h>\nint main(void) { free(malloc(1)); return 5; }\n")
    for sanitizer in ("address", "undefined", "thread"):
        compiled = place.file(sanitizer)
        if run(["gcc", f"-fsanitize={sanitizer}", source, "-o", compiled]).returncode or run([compiled]).returncode != 5:
            continue
        for options in ("", "detect_leaks=0"):
            result = run([program("ttalloc-recorder"), "--force", "-q", "-o", place.file("run.db"), "--", compiled],
                         env={**place.env, "ASAN_OPTIONS": options}, cwd=place.path)
            equal(result.returncode, 5, f"status with {sanitizer}, {options} ({result.stderr})")


def a_shell_that_records():
    """--env prints what wrap mode would set, for a daemon; what the shell had stays behind it."""
    place = Place()
    recorder = Recorder(place)
    line = f"eval \"$({program('ttalloc-recorder')} --env --ttnn --stacks=4 --socket {place.socket})\""
    printed = run(["sh", "-c", f"{line}; env"], env={**place.env, "PYTHONPATH": "/a b'c"}).stdout.splitlines()
    found = dict(text.split("=", 1) for text in printed if "=" in text)
    equal((found["TTALLOC_TTNN"], found["TTALLOC_STACKS"], found["TTALLOC_SOCKET"]), ("1", "4", place.socket), "variables")
    check(found["PYTHONPATH"].endswith(":/a b'c") and "/python/start:" in found["PYTHONPATH"],
          f"PYTHONPATH: {found['PYTHONPATH']}")
    if (BUILD / "hook/libttalloc-tt-metal.so").exists():
        check(found.get("LD_PRELOAD", "").endswith("/libttalloc-tt-metal.so"), f"LD_PRELOAD: {found.get('LD_PRELOAD')}")
    player = Player(place, env=place.env, wrapper=("sh", "-c", f"{line}; exec \"$@\"", "sh"))
    player.alloc(0x1000, 1)
    player.end()
    place.await_drained()
    check_faithful(recorder.stop(), player)


main(a_shell_that_records, preloads, a_command_with_a_sanitizer, statuses, recording_that_cannot_start, signals_are_passed_on,
     names_of_files, ranks_of_a_job, odd_names, a_deep_path, a_database_is_not_overwritten, a_wrapped_run, runs_that_are_appended, a_run_without_events_says_why, nothing_when_switched_off)
