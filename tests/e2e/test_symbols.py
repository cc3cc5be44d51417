# SPDX-License-Identifier: Apache-2.0
"""What a recording knows of call stacks: looked up in a real program, summed up exactly, and kept when that is gone."""
import collections
import os
import shutil
import signal
import sqlite3
import subprocess

from harness import Generator, Place, Recorder, analyze, check, equal, main, program, run, skip, verify

SOURCE = """
#define KEEP __attribute__((noinline))
int KEEP grow(int n) { __asm__ volatile(""); return n + 1; }
int KEEP shrink(int n) { __asm__ volatile(""); return n - 1; }
int main(void) { return grow(shrink(0)); }
"""


def built(place):
    """A program, its build id, and where its functions lie."""
    if not all(shutil.which(tool) for tool in ("cc", "nm", "readelf")):
        skip("cc, nm or readelf is not installed")
    source, path = place.file("program.c"), place.file("program")
    with open(source, "w", encoding="ascii") as file:
        file.write(SOURCE)
    subprocess.run(["cc", "-O1", "-g", "-Wl,--build-id", "-o", path, source], check=True)
    notes = run(["readelf", "-n", path]).stdout
    build_id = next(line.split()[-1] for line in notes.splitlines() if "Build ID" in line)
    addresses = {line.split()[2]: int(line.split()[0], 16) for line in run(["nm", path]).stdout.splitlines()
                 if len(line.split()) == 3}
    return path, build_id, addresses


def recorded(place):
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 3000, "--seed", 5])
    generator.finish()
    place.await_drained()
    return recorder.stop()


STACKS = [("grow", "main"), ("shrink", "main"), ("grow", "shrink", "main"), ("main",)]


def with_stacks(place, file):
    """Gives the origins of the recording stacks in a program, a fifth of them none. The program's path."""
    path, build_id, addresses = built(place)
    with sqlite3.connect(file) as database:
        database.execute("INSERT INTO module_info VALUES(1, ?, ?, NULL)", (path, build_id))
        frames = {name: number for number, name in enumerate(("main", "grow", "shrink"), 1)}
        database.executemany("INSERT INTO frame_info VALUES(?, 1, ?)",
                             [(number, addresses[name] + 2) for name, number in frames.items()])
        database.executemany("INSERT INTO stack_info VALUES(?, ?)", [
            (number, b"".join(frames[name].to_bytes(4, "little") for name in stack))
            for number, stack in enumerate(STACKS, 1)])
        database.execute("UPDATE origin SET stack = nullif(id % 5, 0)")
    database.close()
    return path


def stack_of(number):
    return None if number is None else STACKS[number - 1]


def sums(file, key, where):
    """What the blocks of the view come to, by hand."""
    found = collections.Counter()
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        for device, region, stack, size in database.execute(
                f"SELECT device, region, stack, size_bytes FROM allocation WHERE NOT aliased AND {where}"):
            found[device, region, key(stack_of(stack))] += size
    return {group: size for group, size in found.items() if size}


def answered(file, verb, by, *arguments):
    rows = analyze(verb, file, "--by", by, *arguments)["rows"]
    return {(row["device"], row["region"], row["group"]): row["bytes"] for row in rows if row["bytes"]}


def folded(file, *arguments):
    result = run([program("ttalloc-analyze"), "flame", file, *arguments])
    equal(result.returncode, 0, f"status of flame {arguments} ({result.stderr})")
    lines = [line.rsplit(" ", 1) for line in result.stdout.splitlines()]
    check(all(len(line) == 2 and " " not in line[0] for line in lines), f"not folded: {result.stdout[:300]}")
    return {stack: int(size) for stack, size in lines}


def check_answers(file):
    """By function, by whole stack and as a flame graph: to the byte."""
    def innermost(stack):
        return stack and stack[0]

    def text(stack):
        return stack and " < ".join(stack)

    for verb, where in (("allocated", "1"), ("leaks", "ended NOT IN ('freed', 'replaced')")):
        equal(answered(file, verb, "function"), sums(file, innermost, where), f"{verb} by function")
        equal(answered(file, verb, "stack"), sums(file, text, where), f"{verb} by stack")
        expected = {f"device_{device};{region};" + (";".join(reversed(stack)) if stack else "(none)"): size
                    for (device, region, stack), size in sums(file, lambda stack: stack, where).items()}
        equal(folded(file, "--what", verb), expected, f"flame of {verb}")
    peaks = {(row["device"], row["region"]): row["peak_bytes"] for row in analyze("peak", file)["rows"]}
    flame = collections.Counter()
    for stack, size in folded(file).items():
        device, region, _rest = stack.split(";", 2)
        flame[int(device.removeprefix("device_")), region] += size
    equal(dict(flame), {place: size for place, size in peaks.items() if size}, "what the flames of a peak come to")


def exact_and_kept():
    """The answers are exact, and stay when file and program part."""
    place = Place()
    file = recorded(place)
    path = with_stacks(place, file)
    equal(analyze("symbolize", file)["rows"], [{"path": path, "frames": 3, "symbols": "found"}], "symbolize")
    check_answers(file)
    verify(file)
    other = shutil.move(file, os.path.join(Place().path, "other.db"))
    os.unlink(path)
    equal(analyze("symbolize", other, "--force")["rows"][0]["symbols"], "found", "symbolize without the program")
    check_answers(other)
    equal(sorted(os.listdir(os.path.dirname(other))), ["other.db"], "files beside the recording")


def says_what_is_missing():
    place = Place()
    file = recorded(place)
    for arguments in (("flame",), ("peak", "--by", "function"), ("leaks", "--by", "stack"), ("symbolize",)):
        result = run([program("ttalloc-analyze"), *arguments, "--db", file])
        equal(result.returncode, 2, f"status of {arguments}")
        check("ttalloc-recorder --stacks" in result.stderr, f"{arguments}: {result.stderr}")
    check(folded(file, "--by", "label"), "labels make no flames")
    path = with_stacks(place, file)
    result = run([program("ttalloc-analyze"), "flame", file])
    check("ttalloc-analyze symbolize" in result.stderr, f"flame before symbolize: {result.stderr}")
    os.unlink(path)
    equal(analyze("symbolize", file)["rows"][0]["symbols"], "no such file", "symbolize without the program")
    result = run([program("ttalloc-analyze"), "peak", file, "--by", "function"])
    check("no such file" in result.stdout, f"peak without names: {result.stdout}")


def refuses_to_write():
    """Not while it is recorded; and not what cannot be written."""
    place = Place()
    recorder = Recorder(place)
    with sqlite3.connect(recorder.file) as database:
        database.execute("INSERT INTO frame_info VALUES(1, NULL, 1)")
    database.close()
    result = run([program("ttalloc-analyze"), "symbolize", recorder.file])
    equal((result.returncode, "recorded" in result.stderr), (2, True), f"while it is recorded ({result.stderr})")
    file = recorder.stop()
    if os.geteuid() != 0:
        os.chmod(file, 0o400)
        result = run([program("ttalloc-analyze"), "symbolize", file])
        equal((result.returncode, "cannot be written" in result.stderr), (2, True), f"read-only ({result.stderr})")


def recorder_looks_up():
    """At the end of a recording, unless it is told not to."""
    place = Place()
    file = recorded(place)
    with_stacks(place, file)
    append = [program("ttalloc-recorder"), "--append", "-q", "-o", file]
    for options, expected in ((["--no-symbols"], "not looked up"), ([], "found")):
        result = run([*append, *options, "--", "true"], env=place.env)
        equal((result.returncode, result.stderr), (0, ""), f"recorder {options}")
        rows = analyze("sql", "SELECT coalesce(symbols, 'not looked up') AS symbols FROM module", file)["rows"]
        equal(rows, [{"symbols": expected}], f"what the recorder found with {options}")
    check_answers(file)
    verify(file)


def killed_in_the_middle():
    """Whenever it is killed, the file is sound, and the same command goes on."""
    place = Place()
    file = recorded(place)
    path = with_stacks(place, file)
    with sqlite3.connect(file) as database:
        database.execute("WITH RECURSIVE n(i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
                         "INSERT INTO frame_info SELECT i, 1, (SELECT address FROM frame_info WHERE id = 2) FROM n")
    database.close()
    for milliseconds in (5, 20, 50, 80):
        process = subprocess.Popen([program("ttalloc-analyze"), "symbolize", file], stdout=subprocess.DEVNULL)
        try:
            process.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        verify(file)
    equal(analyze("symbolize", file)["rows"], [{"path": path, "frames": 60000, "symbols": "found"}], "at last")
    check_answers(file)


def killed_between_two_modes():
    """A writer that was killed while it had a rollback journal: what it had begun is taken back."""
    place = Place()
    file, killed = recorded(place), place.file("killed.db")
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA cache_size = 1")
    database.execute("BEGIN IMMEDIATE")
    database.execute("UPDATE freed SET size_bytes = size_bytes + 1")
    for suffix in ("", "-journal"):
        shutil.copy(file + suffix, killed + suffix)
    database.execute("ROLLBACK")
    database.close()
    with open(killed + "-journal", "rb") as journal:
        left = journal.read()
    verify(killed)
    equal(analyze("peak", killed)["rows"], analyze("peak", file)["rows"], "with the journal played back")
    with open(killed + "-journal", "rb") as journal:
        check(journal.read() == left, "asking leaves what lies beside the file as it is")


if __name__ == "__main__":
    main(exact_and_kept, says_what_is_missing, refuses_to_write, recorder_looks_up, killed_in_the_middle,
         killed_between_two_modes)
