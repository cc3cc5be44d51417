# SPDX-License-Identifier: Apache-2.0
"""A recording in several files: no event is lost or doubled between them, each is sound and answers for its own time, and all
of them together answer as one file of the same events does."""
import json
import os
import pathlib
import re
import shutil
import sqlite3
import time

from harness import (LONG, Generator, Place, Player, Recorder, analyze, check, equal, main, program, run, skip, start,
                     verify, wait_until)

SEED = int(os.environ.get("TTALLOC_SEED", time.time_ns() % 100000 if LONG else 1))
CLOCK_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
QUESTIONS = (["peak"], ["peak", "--by", "label"], ["peak", "--by", "stack"], ["leaks", "--by", "stack"], ["peak", "--by", "step"], ["leaks"], ["leaks", "--by", "label"], ["failures"],
             ["fragmentation"], ["processes"], ["timeline"], ["allocated", "--by", "label"], ["floor"], ["temporary"],
             ["histogram"], ["top"], ["l1"], ["steps"], ["overlaps"], ["why"], ["map"], ["summary"], ["verify"],
             ["sql", "SELECT * FROM allocation ORDER BY allocation_id"], ["sql", "SELECT * FROM event"],
             ["sql", "SELECT * FROM label_span ORDER BY 1"], ["sql", "SELECT * FROM step"], ["sql", "SELECT * FROM process"],
             ["sql", "SELECT * FROM thread"], ["sql", "SELECT * FROM device ORDER BY 1, 2, 3, 4, 5"])
OF_MANY = (["peak"], ["peak", "--by", "label"], ["leaks"], ["processes"], ["timeline"], ["verify"])
# of one file against the same time in all of them
IN_A_WINDOW = (["peak"], ["peak", "--by", "label"], ["fragmentation"], ["failures"], ["top"], ["floor"])


def files_of(file):
    """RUN.db, RUN.1.db, ... that are there, in their order."""
    path = pathlib.Path(file)
    found = [(0, path)] if path.exists() else []
    for other in path.parent.glob(path.stem + ".*.db"):
        found.append((int(other.name.split(".")[-2]), other))
    return [str(path) for _, path in sorted(found)]


def value(file, statement):
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    row = database.execute(statement).fetchone()
    database.close()
    return row[0]


def rotated(place, *arguments, **options):
    return Recorder(place, arguments=["--rotate", "1M", "--commit-ms", "50", *map(str, arguments)], **options)


def ask(words, files, *more):
    verb, *rest = words
    operands = [*rest, *more, *files] if verb != "sql" else [*rest, *files]
    return analyze(verb, *operands, timeout=120)


def rows_of(words, files, *more):
    return ask(words, files, *more)["rows"]


def same(actual, expected, what):
    """Says where they differ first."""
    for number, (row, wanted) in enumerate(zip(actual, expected)):
        equal(row, wanted, f"{what}: row {number}")
    equal(len(actual), len(expected), f"{what}: rows")


def expect_events(files, issued):
    """Each once, in one of the files."""
    events = sum(len(process.events) for process in issued)
    equal(sum(value(file, "SELECT sum(events) FROM process_info") for file in files), events, "events in all files")
    equal(analyze("info", *files)["rows"][0]["events"], events, "events of all files together")
    for file in files:
        verify(file)
    verify_together(files)


def verify_together(files):
    equal(analyze("verify", *files)["rows"], [], "findings of verify in all of them")


def a_program_in_several_files():
    """Two processes, threads, labels and steps: the files hold each event once, and each answers for its own time."""
    place = Place()
    recorder = rotated(place)
    generator = Generator(place, arguments=["--calls", 25000, "--processes", 2, "--threads", 2, "--pace-us", 10])
    generator.finish()
    place.await_drained()
    file = recorder.stop()
    files = files_of(file)
    check(len(files) > 1, f"only {files}")
    expect_events(files, generator.issued())
    for number, name in enumerate(files):
        info = analyze("info", name)
        equal(value(name, "SELECT file FROM recording"), number, "the file's number")
        equal(info["complete"], True, "complete")
        equal(value(name, "SELECT count(*) FROM process WHERE uid IS NULL"), 0, "processes of nobody")
        equal(value(name, "SELECT ended FROM recording"), "clean" if name == files[-1] else "rotated", "how it ended")
        check(not os.path.exists(name + "-wal") and not os.path.exists(name + "-lock"), "something lies beside it")
    check(any("this is file 1 of its recording" in note for note in analyze("peak", files[1])["notes"]), "it does not say so")


def each_can_be_replayed():
    """The model places what was asked for where it lies, also among blocks whose own place nobody can tell the reason of: those of an
    earlier file, or from before a cut."""
    place = Place()
    file = place.file("run.db")
    run([program("ttalloc-recorder"), "-q", "--rotate", "1M", "-o", file, "--", program("ttalloc-trainer"), "--quiet", "--steps", "60"], env=place.env)
    files, cut = files_of(file), place.file("cut.db")
    check(len(files) > 1, f"only {files}")
    run([program("ttalloc-analyze"), "share", "--start", "30%", "-o", cut, files[0]])
    for name in (*files, cut):
        rows = analyze("replay", name)["rows"]
        equal({row["fidelity"] for row in rows if row["requests"]} - {1.0}, set(), f"{name}: {rows}")
        if name == files[1]:
            blocks = "SELECT count(*) FROM allocation JOIN recording_file ON region = 'DRAM' AND device = 0 AND allocation_id"
            check(value(name, f"{blocks} <= begin_key") > 0, f"{name} begins with nothing")
            asked, = [row["requests"] for row in rows if row["device"] == 0 and row["region"] == "DRAM"]
            equal(asked, value(name, f"{blocks} > begin_key"), "requests of its own")


def operations_over_a_boundary():
    """One that goes on while files change, and short ones within it, with tensors that later ones read: each file knows those that it
    saw, and together they are as if there had been one file."""
    place = Place()
    recorder = Recorder(place, arguments=["--rotate", "1s"])
    player = Player(place)
    player.op("ns::OuterDeviceOperation")
    until, count = time.monotonic() + 2.5, 0
    while time.monotonic() < until:
        player.op("ns::InnerDeviceOperation")
        player.tensor(4096 * (count % 7 + 1), "1x1x32x32", given=1)
        player.alloc(4096 * (count % 7 + 1), 64)
        player.tensor(4096 * (count % 7 + 1), "1x1x32x32")
        player.end_op()
        if count >= 3:
            player.free(4096 * ((count - 3) % 7 + 1))
        count += 1
        time.sleep(0.005)
    player.end_op()
    player.end()
    place.await_drained()
    files = files_of(recorder.stop())
    check(len(files) > 2, f"only {files}")
    together = {row["number"]: row for row in analyze("ops", *files)["rows"]}
    equal(sorted(together), list(range(1, count + 2)), "operations together")
    seen = set()
    for name in files:
        verify(name)
        rows = analyze("ops", name)["rows"]
        numbers = [row["number"] for row in rows]
        check(1 in numbers, f"{name} does not know the operation that goes on")
        for row in rows[1:]:
            begun = {key: row[key] for key in ("begin_ns", "name", "around")}
            equal(begun, {key: together[row["number"]][key] for key in begun}, f"operation {row['number']} of {name}")
        seen |= set(numbers)
    equal(seen, set(together), "operations of the files")
    verify_together(files)
    equal(together[1]["ended"], "returned", "the one that went on")


def its_own_time():
    """A later file answers as all of them do about its time: of one process, whose events come in their order."""
    place = Place()
    recorder = rotated(place)
    generator = Generator(place, arguments=["--calls", 40000, "--threads", 2, "--devices", 2, "--pace-us", 10])
    generator.finish()
    place.await_drained()
    files = files_of(recorder.stop())
    check(len(files) > 1, f"only {files}")
    for number in range(1, len(files) if LONG else 2):
        begin = value(files[number], "SELECT begin_ns FROM recording")
        end = value(files[number + 1], "SELECT begin_ns FROM recording") if number + 1 < len(files) else \
            value(files[number], "SELECT end_ns FROM recording")
        for words in IN_A_WINDOW:
            window = ("--start", begin + 1, "--end", end)  # the event at BEGIN is the last one of the file before
            same(rows_of(words, [files[number]], *window), rows_of(words, files, *window),
                 f"{' '.join(words)} of file {number}")
        for words in (["peak"], ["peak", "--by", "label"]):
            same(rows_of(words, [files[number]], "--end", end), rows_of(words, files, "--start", begin, "--end", end),
                 f"{' '.join(words)} of file {number}, asked without a window")
        shown = run([program("ttalloc-analyze"), "watch", files[number], "--once"]).stdout
        last_ns = value(files[number], "SELECT end_ns FROM recording")
        rate = value(files[number], "SELECT sum(events) FROM process_info") / (last_ns - begin) * 1e9
        said = float(re.search(r"([\d,]+) events/s on average", shown)[1].replace(",", ""))
        check(abs(said - rate) <= 1, f"watch says {said} events/s of file {number}, which are {rate}")


def twins(run_program):
    """The same segments, recorded twice: in one file, and in several. Their clock counts nanoseconds, so that both recorders
    convert their times alike. RUN_PROGRAM gets the place and what starts a program so, and returns it when it has ended."""
    place = Place()
    source = place.file("clock-source")
    pathlib.Path(source).write_text("none\n", encoding="ascii")
    wrapper = ["unshare", *([] if os.geteuid() == 0 else ["-r"]), "-m", "sh", "-c",
               f'mount --bind {source} {CLOCK_SOURCE} && exec "$@"', "sh"]
    if os.path.exists(CLOCK_SOURCE) and run([*wrapper, "true"]).returncode != 0:
        skip("no mount namespaces here, to have a clock that counts nanoseconds")
    program_run = run_program(place, wrapper if os.path.exists(CLOCK_SOURCE) else ())
    kept = place.file("kept")
    shutil.copytree(place.segments, kept)
    one = Recorder(place, "one.db")
    place.await_drained()
    one = one.stop()
    shutil.copytree(kept, place.segments, dirs_exist_ok=True)
    several = rotated(place, name="several.db")
    place.await_drained()
    return one, files_of(several.stop()), program_run


def end_alike(files):
    """What is still live ages until the recording ends, which is when its recorder was told to."""
    end_ns = max(value(file, "SELECT end_ns FROM recording_info") for file in files)
    for file in files:
        with sqlite3.connect(file) as database:
            database.execute("UPDATE recording_info SET end_ns = ?", (end_ns,))
        database.close()


TWINS = ([["--calls", 24000, "--threads", 3], ["--calls", 12000, "--processes", 3, "--threads", 2, "--devices", 3]]
         if LONG else [["--calls", 24000, "--threads", 3]])


def sort(rows):
    return sorted(rows, key=json.dumps)


def generated(arguments):
    def run_program(place, wrapper):
        generator = Generator(place, arguments=arguments, env=place.target_env(TTALLOC_STACKS="4"), wrapper=wrapper)
        generator.finish()
        return generator
    return run_program


def operations(place, wrapper):
    """Within one another, with tensors that later ones read, labels, and programs."""
    player = Player(place, wrapper=wrapper)
    player.op("ns::OuterDeviceOperation", "an_argument")
    for count in range(300):
        player.push(f"layer {count % 7}")
        player.op(f"ns::Inner{count % 3}DeviceOperation")
        player.tensor(4096 * (count % 7 + 1), "1x1x32x32", given=1)
        player.cb_alloc(count % 5, 1024, 2048 + 64 * count, index=count % 3)
        player.program_run(count % 5)
        player.alloc(4096 * (count % 7 + 1), 64 + count, region=count % 2)
        player.tensor(4096 * (count % 7 + 1), "1x1x32x32", region=count % 2)
        player.end_op(aborted=int(count % 50 == 49))
        player.pop()
        player.burst(100, 1 << 40)
        if count % 5 == 4:
            player.cb_free(count % 5)
        if count >= 3:
            player.free(4096 * ((count - 3) % 7 + 1), region=(count - 3) % 2)
    player.end_op()
    player.end()
    return player


OF_OPERATIONS = (["ops"], ["ranges"], ["ranges", "--each"], ["peak", "--by", "op"], ["peak", "--by", "tensor"], ["peak", "--by", "label"], ["l1"], ["late"], ["churn", "--by", "op"], ["verify"],
                 ["peak", "--by", "core"], ["sql", "SELECT * FROM operation ORDER BY 1"], ["sql", "SELECT * FROM event"], ["sql", "SELECT * FROM label_span ORDER BY 1"],
                 ["sql", "SELECT * FROM allocation ORDER BY allocation_id"])


def twins_of_several(make):
    """Again where a busy recorder took all at once, into one file."""
    for _ in range(5):
        one, several, made = twins(make)
        if len(several) > 1:
            return one, several, made
    check(False, f"only {several}, five times")


def operations_as_in_one_file():
    one, several, _ = twins_of_several(operations)
    end_alike([one, several[-1]])
    for words in OF_OPERATIONS:
        expected, answer = ask(words, [one]), ask(words, several)
        check(expected["rows"] or words == ["verify"], f"{words} has no rows")
        equal(answer["complete"], expected["complete"], f"{' '.join(words)}: complete")
        same(answer["rows"], expected["rows"], " ".join(words))


def as_one_file_does():
    for arguments in TWINS:
        one, several, generator = twins_of_several(generated([*arguments, "--seed", SEED]))
        end_alike([one, several[-1]])
        expect_events(several, generator.issued())
        expected_info, info = (analyze("info", *files)["rows"][0] for files in ([one], several))
        for name in ("processes", "devices", "events", "allocations", "frees", "failures", "lost", "unmatched_frees", "replaced"):
            equal(info[name], expected_info[name], f"info: {name}")
        many = "--processes" in arguments  # which is taken first, and numbered so, is chance
        for words in QUESTIONS:
            if many and words not in OF_MANY:
                continue
            expected, answer = ask(words, [one]), ask(words, several)
            equal(answer["complete"], expected["complete"], f"{' '.join(words)}: complete")
            same(*(sort(answers["rows"]) if many else answers["rows"] for answers in (answer, expected)), " ".join(words))



def grow(place, player, recorder_file, files, pairs=20000):
    """Reports until there are so many FILES."""
    def more():
        player.burst(pairs, 1 << 40)
        time.sleep(0.1)  # more than the recorder takes meanwhile only makes the files larger
        return len(files_of(recorder_file)) >= files
    wait_until(more, f"{files} files", 60)


def what_was_live_is_there():
    """With its label, step, thread and time, in a file that began long after."""
    place = Place()
    recorder = rotated(place)
    player = Player(place)
    player.tell("step", 7)
    player.tell("push", "setup")
    player.alloc(1 << 20, 8192)
    player.tell("pop")
    player.cb_alloc(5, 1024, 2048)
    player.program_run(5)
    player.tell("step", 8)
    grow(place, player, recorder.file, 4)
    files = files_of(recorder.file)
    wanted = "SELECT alloc_ns, label, step, thread, size_bytes, ended FROM allocation WHERE address = 1048576"
    first = analyze("sql", files[0], wanted)["rows"]
    equal((first[0]["label"], first[0]["step"]), ("setup", 7), "the block in the first file")
    later = analyze("sql", files[2], wanted)["rows"]
    equal(later, first, "the block in the third one")
    begin = value(files[2], "SELECT begin_ns FROM recording")
    check(later[0]["alloc_ns"] < begin, "it began in this file")
    peaks = {row["region"]: row for row in analyze("peak", files[2])["rows"]}
    equal((peaks["DRAM"]["peak_bytes"], peaks["CB"]["peak_bytes"]), (8192 + 64, 2048), "peaks of the third file")
    equal(peaks["CB"]["peak_ns"], begin, "what was there at its begin")
    leak = next(row for row in analyze("leaks", files[2])["rows"] if row["region"] == "DRAM")
    equal((leak["size_bytes"], leak["ended"]), (8192, "live"), "what the third file has as a leak")
    player.free(1 << 20)
    player.popen.stdin.close()
    player.popen.wait()
    place.await_drained()
    recorder.stop()
    files = files_of(recorder.file)
    for name in files:
        verify(name)
    verify_together(files)
    equal([row for row in analyze("leaks", *files)["rows"] if row["region"] == "DRAM"], [], "leaks of all files")


def stacks_in_every_file():
    """Functions are looked up in all of them, and the summary is of all."""
    place = Place()
    file = place.file("run.db")
    done = run([program("ttalloc-recorder"), "--rotate", "1M", "--stacks=8", "-o", file, "--", program("ttalloc-trainer"), "--quiet", "--steps",
                "40", "--step-time-us", "60000"], env=place.env, cwd=place.path)
    equal(done.returncode, 0, done.stderr)
    files = files_of(file)
    check(len(files) > 1, f"only {files}")
    for name in files:
        if value(name, "SELECT count(*) FROM allocation"):
            check(value(name, "SELECT count(*) FROM allocation WHERE stack IS NOT NULL"), f"no stacks in {name}")
            groups = [row["group"] for row in analyze("peak", name, "--by", "stack")["rows"]]
            check(groups and not any("ttalloc-trainer+0x" in group for group in groups if group), f"functions in {name}: {groups}")
    equal(sorted(row["bytes"] for row in rows_of(["peak", "--by", "stack"], [whole(place, files)])),
          sorted(row["bytes"] for row in rows_of(["peak", "--by", "stack"], files)), "sums by stack")
    most = max(row["peak_bytes"] for row in rows_of(["peak"], files) if row["region"] == "DRAM")
    said = done.stderr[done.stderr.index("  next: "):]
    if len(files) <= 4:
        check(f"peak {' '.join(files)};" in said, f"all are to be asked: {said}")
    else:
        check(f"(all {len(files)}, from " in said, f"all are to be asked: {said}")
    check("; of all of them:" in done.stderr and f"{most / (1 << 30):.1f} GiB" in done.stderr, f"the summary, with {most}: {done.stderr}")


def whole(place, files):
    copy = place.file("copy-of-all")
    equal(run([program("ttalloc-analyze"), "copy", *files, copy]).returncode, 0, "copy of all files")
    return copy


def names_and_keep():
    """%n stands for the number; --keep removes files of this recording alone, and it is said which are not there."""
    place = Place()
    for name in ("day-x.db", "day-0.db.txt", "day-9999.db"):
        pathlib.Path(place.file(name)).write_text("not ours", encoding="ascii")
    recorder = rotated(place, "--keep", 2, name="day-%n.db")
    player = Player(place)

    def numbers():
        return sorted(int(p.name[4:-3]) for p in place.path.glob("day-*.db")
                      if p.name[4:-3].isdigit() and p.name != "day-9999.db")

    def more():
        player.burst(20000, 1 << 40)
        time.sleep(0.1)
        return numbers()[-1:] and numbers()[-1] >= 3
    wait_until(more, "four files", 60)
    player.popen.stdin.close()
    player.popen.wait()
    place.await_drained()
    recorder.stop()
    equal(len(numbers()), 2, "files that are kept")
    for name in ("day-x.db", "day-0.db.txt", "day-9999.db"):
        equal(pathlib.Path(place.file(name)).read_text(encoding="ascii"), "not ours", name)
    kept = [place.file(f"day-{number}.db") for number in numbers()]
    notes = analyze("peak", *kept)["notes"]
    check(any(f"file {numbers()[0]} of its recording" in note for note in notes), f"it does not say so: {notes}")
    verify_together(kept)
    again = run([program("ttalloc-recorder"), "--rotate", "1M", "-o", place.file("day-9998.db"), "--", "true"], env=place.env)
    equal(again.returncode, 0, again.stderr)


def names_that_are_taken():
    place = Place()
    command = [program("ttalloc-recorder"), "--rotate", "1M", "-o", place.file("run.db"), "--", "true"]
    pathlib.Path(place.file("run.1.db")).write_text("something", encoding="ascii")
    done = run(command, env=place.env)
    equal(done.returncode, 125, done.stderr)
    check("run.1.db: exists, and is a name that --rotate is to use" in done.stderr, done.stderr)


def files_that_do_not_belong_together():
    place = Place()
    recorder = rotated(place)
    player = Player(place)
    grow(place, player, recorder.file, 3)
    files = files_of(recorder.stop())
    for operands, said in (([files[0], files[2]], "files 1 to 1 of the recording are missing"),
                           ([files[0], files[0]], "the same file")):
        done = run([program("ttalloc-analyze"), "peak", *operands])
        equal((done.returncode, done.stdout), (2, ""), f"peak of {operands}")
        check(said in done.stderr, done.stderr)
    equal(rows_of(["peak"], [str(place.path)]), rows_of(["peak"], files), "the directory and its files")
    one = place.file("one.db")
    equal(run([program("ttalloc-analyze"), "copy", *files, one]).returncode, 0, "copy of all files")
    os.rename(one, place.file("whole"))
    equal(rows_of(["peak"], [place.file("whole")]), rows_of(["peak"], files), "one copy of all of them")


def enough():
    """--duration and --max-size end the recording; the program goes on, and its status is returned."""
    place = Place()
    for arguments, ended in ((["--duration", "1s"], "duration"), (["--max-size", "2M"], "max-size")):
        file = place.file(f"{ended}.db")
        script = f"{program('ttalloc-player')} <fifo >/dev/null & exec 3>fifo; while [ ! -e stop ]; do echo 'burst 0 0 0 64 2000' >&3; sleep 0.01; " \
                 "done; exec 3>&-; wait; touch went-on; exit 5"
        os.mkfifo(place.file("fifo"))
        recorder = start([program("ttalloc-recorder"), *arguments, "-o", file, "--", "sh", "-c", script],
                         env=place.env, cwd=place.path, stderr=open(place.file("said"), "w", encoding="utf-8"))
        wait_until(lambda: "ended by --" + ended in pathlib.Path(place.file("said")).read_text(encoding="utf-8"),
                   f"the end by {ended}", 60)
        check(recorder.poll() is None, "the recorder did not wait for the command")
        equal(value(file, "SELECT ended FROM recording"), ended, "how it ended")
        check(any(f"--{ended}" in note for note in analyze("peak", file)["notes"]), "the answer does not say so")
        verify(file)
        pathlib.Path(place.file("stop")).touch()
        equal(recorder.wait(60), 5, "the command's status")
        check(os.path.exists(place.file("went-on")), "the program did not go on")
        for name in ("stop", "went-on", "fifo"):
            os.unlink(place.file(name))


def some_devices():
    """Of others nothing is known, which is not the same as nothing."""
    place = Place()
    recorder = Recorder(place, arguments=["--device", "1,3"])
    player = Player(place)
    for device in range(4):
        player.alloc(4096, 1000 + device, device=device)
        player.failed(1 << 30, device=device)
    player.free(4096, device=0)
    player.free(4096, device=1)
    player.popen.stdin.close()
    player.popen.wait()
    place.await_drained()
    file = recorder.stop()
    equal([(row["device"], row["peak_bytes"]) for row in analyze("peak", file)["rows"]], [(1, 1001), (3, 1003)], "peaks")
    equal(analyze("info", file)["rows"][0]["events"], 5, "events")
    check("only devices 1,3 were recorded" in analyze("leaks", file)["notes"], "it does not say so")
    done = run([program("ttalloc-analyze"), "peak", "--device", "2", file])
    equal(done.returncode, 2, "status for a device that was not recorded")
    check("device 2 was not recorded" in done.stderr, done.stderr)
    verify(file)


def killed_recorders():
    """kill -9 around the moments at which files begin: --append goes on in the last one, and every event is there once."""
    place = Place()
    generator = Generator(place, arguments=["--calls", 100000 if LONG else 50000, "--processes", 2, "--threads", 2, "--pace-us", 20,
                                            "--seed", SEED])
    recorder = rotated(place)
    for _ in range(KILLS):
        known = len(files_of(recorder.file))
        wait_until(lambda: len(files_of(recorder.file)) > known or list(place.path.glob("*.db-new")) or
                   recorder.process.poll() is not None or generator.process.poll() is not None, "a further file", 60)
        recorder.kill()
        recorder = rotated(place, "--append", socket=False, wait=False)
    generator.finish()
    place.await_drained(60)
    files = files_of(recorder.stop())
    expect_events(files, generator.issued())
    check(not list(place.path.glob("*-new")), "something is left behind")


def a_directory_without_room():
    """What cannot begin now begins later, and nothing is lost: there is room for the present file, and none for another."""
    if os.geteuid() == 0 and run(["unshare", "-m", "true"]).returncode == 0:
        place = Place()
        folder = place.file("disk")
        os.mkdir(folder)
        equal(run(["mount", "-t", "tmpfs", "-o", "size=3M", "none", folder]).returncode, 0, "mount")
        try:
            fill_and_go_on(place, folder)
        finally:
            run(["umount", "-l", folder])
    else:
        skip("no file system of its own here")


def fill_and_go_on(place, folder):
    ballast = pathlib.Path(folder, "ballast")
    recorder = rotated(place, name="disk/run.db")
    ballast.write_bytes(bytes(1400 << 10))
    player = Player(place)

    def trouble():
        player.burst(2000, 1 << 40)
        return "disk full" in recorder.said()
    wait_until(trouble, "the disk to be full", 60)
    run(["mount", "-o", "remount,size=200M", folder])
    grow(place, player, recorder.file, 3)
    player.alloc(4096, 77)
    player.popen.stdin.close()
    player.popen.wait()
    place.await_drained()
    files = files_of(recorder.stop())
    for name in files:
        verify(name)
    verify_together(files)
    info = analyze("info", *files)["rows"][0]
    equal((info["lost"], info["complete"]), (0, 1), "what is lost")
    equal(info["allocations"] - info["frees"], 1, "blocks")


KILLS = 12 if LONG else 1

main(a_program_in_several_files, each_can_be_replayed, operations_over_a_boundary, stacks_in_every_file, its_own_time, as_one_file_does, operations_as_in_one_file, what_was_live_is_there, names_and_keep, names_that_are_taken,
     files_that_do_not_belong_together, enough, some_devices, killed_recorders, a_directory_without_room)
