# SPDX-License-Identifier: Apache-2.0
"""What the analyzer is handed and cannot use: one clear line on stderr, status 2, never a crash, never a file created."""
import os
import random
import shutil
import sqlite3
import time

from harness import LONG, Generator, Place, Player, Recorder, analyze, check, equal, main, program, run

VERBS = ("info", "peak", "leaks", "failures", "fragmentation", "processes", "timeline", "floor", "temporary", "histogram",
         "top", "verify")


def recorded(place):
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 800, "--seed", 2])
    generator.finish()
    place.await_drained()
    return recorder.stop()


def refused(place, *arguments, mentions=None, **options):
    """ARGUMENTS are refused as they should be."""
    before = sorted(os.listdir(place.path))
    result = run([program("ttalloc-analyze"), *map(str, arguments)], cwd=place.path, env=place.env, **options)
    equal(result.returncode, 2, f"status of {arguments} ({result.stderr})")
    lines = result.stderr.splitlines()
    check(len(lines) == 1, f"{arguments}: {len(lines)} lines on stderr: {result.stderr}")
    equal(result.stdout, "", f"standard output of {arguments}")
    check(mentions is None or mentions in result.stderr, f"{arguments}: {result.stderr!r} does not name {mentions}")
    check(all(c.isprintable() for c in lines[0]), f"{arguments}: control characters in {result.stderr!r}")
    equal(sorted(os.listdir(place.path)), before, f"files after {arguments}")


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def files_that_are_no_recordings():
    place = Place()
    file = recorded(place)
    with open(file, "rb") as opened:
        data = opened.read()
    foreign, newer = place.file("foreign.db"), place.file("newer.db")
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE x(y)")
    shutil.copy(file, newer)
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    os.mkdir(place.file("folder"))
    bad = [place.file("missing.db"), write(place.file("empty.db"), b""), write(place.file("text.db"), b"no database\n" * 99),
           write(place.file("short.db"), data[:50]), write(place.file("half.db"), data[:len(data) // 2]),
           write(place.file("header.db"), data[:100] + bytes(len(data) - 100)), foreign, newer, place.file("folder"),
           "/dev/null", place.file("missing\x1b[31m.db")]
    for path in bad:
        for verb in VERBS:
            mentions = None if "\x1b" in path else os.path.basename(path)
            if verb != "verify" or not path.endswith(("half.db", "header.db")):
                refused(place, verb, path, mentions=mentions)
        refused(place, "diff", file, path)
        refused(place, "diff", path, file)
        refused(place, "sql", path, "SELECT 1")
        refused(place, "copy", path, place.file("out.db"))


def arguments_that_make_no_sense():
    place = Place()
    file = recorded(place)
    bad = [
        ["no-such-verb", file], ["peak", file, "--no-such-option"], ["peak", file, "--by", "nonsense"],
        ["leaks", file, "--by", "nonsense"], ["peak", file, "--region", "NOWHERE"], ["peak", file, "--device", "x"],
        ["peak", file, "--device", "-1"], ["peak", file, "--device", "99999999999999999999"], ["peak", file, "--device", "1.5"],
        ["peak", file, "--device"], ["peak", file, "--pid", "me"], ["peak", file, "--start", "yesterday"],
        ["peak", file, "--start", "-5"], ["peak", file, "--start", "1.5h7"], ["peak", file, "--end", "200%"],
        ["peak", file, "--start", "2s", "--end", "1s"], ["peak", file, "--start", "nan"], ["peak", file, "--step", "x"],
        ["peak", file, "--step", "5..2"], ["peak", file, "--step", "1.."[:2] + ".x"], ["timeline", file, "--buckets", "0"],
        ["timeline", file, "--buckets", "-1"], ["timeline", file, "--buckets", "many"], ["fragmentation", file, "--samples", "x"],
        ["floor", file, "--spans", "0"], ["floor", file, "--spans", "-1"], ["floor", file, "--at-least", "long"],
        ["floor", file, "--region", "CB"], ["floor", file, "--by", "nobody"], ["floor", file, "--by", "stack"],
        ["temporary", file, "--within", "0"], ["temporary", file, "--within", "1e9"], ["temporary", file, "--by", "x"],
        ["histogram", file, "--of", "nothing"], ["histogram", file, "--by", "label"], ["top", file, "--at", "200%"],
        ["top", file, "--at", "1h"], ["top", file, "--at", "10%", "--start", "20%"], ["top", file, "--at", "30%", "--end", "20%"],
        ["peak", file, "--format", "xml"], ["peak", file, "-n", "x"], ["peak", file, file], ["diff", file], ["diff"],
        ["diff", file, file, "--what", "nonsense"], ["diff", file, file, file], ["copy", file], ["sql", file, "SELEC 1"],
        ["sql", file, "SELECT * FROM nowhere"], ["sql", file, "DELETE FROM recording_info"], ["sql", file, "SELECT 1; SELECT 2"],
        ["sql", file, "ATTACH 'x.db' AS x"], ["copy", file, file], ["copy", file, "/no/such/directory/out.db"],
        ["sql", file, "PRAGMA user_version = 3"], ["sql", file, "CREATE TABLE x(y)"],
    ]
    for arguments in bad:
        refused(place, *arguments, stdin=-3)


def nothing_to_answer_from():
    """No FILE, and no recording here."""
    place = Place()
    refused(place, "peak")
    refused(place)


def devices_that_were_not_recorded():
    """A device, pid or label that is not in the recording: no rows, or a refusal that says so; never another answer."""
    place = Place()
    file = recorded(place)
    for arguments in (["--device", "200"], ["--pid", "1"], ["--label", "nobody"], ["--step", "99999999"]):
        for verb in ("peak", "leaks", "failures", "processes", "timeline", "floor", "temporary", "histogram", "top"):
            result = run([program("ttalloc-analyze"), verb, file, *arguments, "--json"], env=place.env)
            if result.returncode == 2:
                equal(len(result.stderr.splitlines()), 1, f"lines of the error of {verb} {arguments}")
            else:
                equal((result.returncode, analyze(verb, file, *arguments)["rows"]), (0, []), f"{verb} {arguments}")


def damaged_files():
    """Random bytes of a sound file are changed: an answer or a refusal, but no crash and no endless work."""
    place = Place()
    file = recorded(place)
    with open(file, "rb") as opened:
        data = opened.read()
    chance = random.Random(3)
    for number in range(150 if LONG else 25):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 10, 200))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.2:
            del damaged[chance.randrange(len(damaged)):]
        path = write(place.file("damaged.db"), damaged)
        for verb in VERBS if number % 5 == 0 else (chance.choice(VERBS),):
            result = run([program("ttalloc-analyze"), verb, path, "--json"], timeout=30, env=place.env)
            check(result.returncode in (0, 1, 2), f"{verb}: status {result.returncode} ({result.stderr[-400:]})")
            check(len(result.stderr.splitlines()) <= 1, f"{verb}: several lines: {result.stderr}")


def several_files(place):
    """One recording in three or more, with blocks, operations and labels over their boundaries."""
    recorder = Recorder(place, arguments=["--rotate", "1s"])
    player = Player(place)
    player.op("ns::Outer")
    until, count = time.monotonic() + 2.3, 0
    while time.monotonic() < until:
        player.push(f"label {count % 5}")
        player.alloc(4096 * (count + 1), 64)
        player.tensor(4096 * (count + 1), "1x1x32x32")
        player.pop()
        if count > 3:
            player.free(4096 * (count - 3))
        count += 1
        time.sleep(0.02)
    player.end()
    place.await_drained()
    recorder.stop()
    return sorted(place.path.glob("run*.db"), key=lambda path: (len(path.suffixes), path.name))


def change_a_value(path, chance):
    """Of some row, to something that no recorder writes."""
    with sqlite3.connect(path) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%WITHOUT ROWID%' "
                                                     "AND name NOT LIKE 'sqlite%'")]
        filled = [table for table in tables if database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]]
        table = chance.choice(filled)
        column = chance.choice(database.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchall())[0]
        new = chance.choice((None, -1, 0, 1, 2**31, 2**63 - 1, -2**63, 1.5, "text", b"\xff" * 9, "x" * 5000))
        try:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid IN (SELECT rowid FROM {table} ORDER BY random() LIMIT ?)",
                             (new, chance.choice((1, 1000))))
        except sqlite3.Error:
            pass  # the schema does not allow it
    database.close()


def damaged_files_of_several():
    """One of several files of a recording is damaged, or says what cannot be: an answer or a refusal of all of them."""
    place = Place()
    files = several_files(place)
    check(len(files) > 2, f"only {files}")
    chance = random.Random(4)
    for number in range(150 if LONG else 12):
        victim = chance.choice(files)
        damaged = bytearray(sound := victim.read_bytes())
        if number % 2:
            for _ in range(chance.choice((1, 10, 200))):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            victim.write_bytes(damaged)
        else:
            for _ in range(chance.choice((1, 5))):
                change_a_value(victim, chance)
        for verb in (*VERBS, "ops", "ranges", "l1", "why") if number % 6 == 0 else (chance.choice(VERBS), "info"):
            result = run([program("ttalloc-analyze"), verb, *files, "--json"], timeout=60, env=place.env)
            check(result.returncode in (0, 1, 2), f"{verb}, {number}: status {result.returncode} ({result.stderr[-400:]})")
            check(len(result.stderr.splitlines()) <= 1, f"{verb}, {number}: several lines: {result.stderr}")
        victim.write_bytes(sound)
    equal(analyze("verify", *files)["rows"], [], "findings in what is sound again")


def strings_that_drive_a_terminal():
    """Names out of a recording are shown without their control characters."""
    place = Place()
    file = recorded(place)
    with sqlite3.connect(file) as database:
        database.execute("UPDATE label_info SET name = ?1, path = ?1", ("\x1b[2J\x07\u202eevil\n=1+1",))
        database.execute("UPDATE failure_info SET why = ?", ("\x1b]0;title\x07",))
    database.close()
    for verb in (["leaks"], ["failures"], ["peak", "--by", "label"], ["leaks", "--by", "label"]):
        for form in ("table", "csv"):
            result = run([program("ttalloc-analyze"), *verb, file, "--format", form], env=place.env)
            check(result.returncode == 0, f"{verb}: {result.stderr}")
            check("\x1b" not in result.stdout and "\x07" not in result.stdout and "\u202e" not in result.stdout,
                  f"{verb} --format {form} lets control characters through: {result.stdout[:300]!r}")
        analyze(*verb, file)


def a_schema_that_is_not_ours():
    """Views and triggers of a file are never run."""
    place = Place()
    file = recorded(place)
    with sqlite3.connect(file) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]
        for name in names:
            database.execute(f"DROP VIEW {name}")
            database.execute(f"CREATE VIEW {name} AS SELECT 1 AS hostile")
    database.close()
    check(names, "the file has no views")
    for verb in VERBS:
        rows = analyze(verb, file)["rows"]
        check(not any("hostile" in row for row in rows), f"{verb} ran a view of the file")
    rows = analyze("sql", file, "SELECT * FROM allocation LIMIT 1")["rows"]
    check(rows and "hostile" not in rows[0], "sql ran a view of the file")


main(files_that_are_no_recordings, arguments_that_make_no_sense, nothing_to_answer_from, devices_that_were_not_recorded,
     damaged_files, damaged_files_of_several, strings_that_drive_a_terminal, a_schema_that_is_not_ours)
