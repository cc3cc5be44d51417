# SPDX-License-Identifier: Apache-2.0
"""share: one compressed file that every verb answers from as from the original, without what was to go."""
import json
import os
import pathlib
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import Failure, Generator, Place, Player, Recorder, analyze, check, equal, main, program, run, verify, wait_until  # noqa: E402

ANALYZE = program("ttalloc-analyze")
LABELLED = ("peak", "leaks", "churn")


def trained(place, *arguments, recorder=()):
    file = place.file("run.db")
    done = run([program("ttalloc-recorder"), "-q", *recorder, "-o", file, "--", program("ttalloc-trainer"), "--quiet", "--layers", "3",
                "--steps", "6", "--leak-per-step", "1M", *arguments], env=place.env, cwd=place.path)
    check(done.returncode in (0, 1), done.stderr)
    return file


def random(place):
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 1500, "--processes", 2, "--threads", 2, "--devices", 2, "--seed", 3])
    generator.finish()
    wait_until(lambda: not place.leftover_segments(), "the segments to be drained")
    return recorder.stop()


def share(file, name, *arguments, status=0):
    out = str(pathlib.Path(file).parent / name)
    done = run([ANALYZE, "share", "-o", out, *map(str, arguments), file])
    equal(done.returncode, status, f"share {arguments}: {done.stderr}")
    return out if status == 0 else done.stderr


def verbs():
    """Those that are questions about one file, and need no argument."""
    said = json.loads(run([ANALYZE, "help", "--json"]).stdout)["verbs"]
    names = [verb["name"] for verb in said]
    check({"peak", "leaks", "summary", "why", "l1"} <= set(names), f"verbs: {names}")
    return [name for name in names if name not in ("diff", "check", "copy", "share", "report", "serve", "sql", "symbolize", "watch", "metrics",
                                                   "export", "fleet", "help", "merge", "import", "replay", "op")]


def answer(file, *arguments):
    """Status and answer, without the file's name."""
    done = run([ANALYZE, *map(str, arguments), "--json", file], timeout=120)
    if done.returncode == 2:
        return 2, done.stderr.replace(file, "FILE")
    document = json.loads(done.stdout)
    document.pop("file")
    return done.returncode, document


def difference(first, second):
    """Where two answers part, in a few words."""
    texts = [json.dumps(answer, indent=0).splitlines() for answer in (first, second)]
    for number, lines in enumerate(zip(*texts)):
        if lines[0] != lines[1]:
            return f"{lines[0]} is {lines[1]} after {texts[0][max(number - 8, 0):number]}"
    return f"{len(texts[0])} and {len(texts[1])} lines"


def same_answers(old, new, questions):
    for question in questions:
        first, second = answer(old, *question), answer(new, *question)
        if first != second:
            raise Failure(f"{' '.join(map(str, question))}: {difference(first, second)}")
    return len(questions)


def plain_of(file):
    """The database in a shared file, by way of copy."""
    plain = file + ".plain"
    equal(run([ANALYZE, "copy", "-f", file, plain]).returncode, 0, "copy")
    return plain


def every_verb_answers_the_same():
    questions = [(verb,) for verb in verbs()] + [(verb, "--by", by) for verb in LABELLED for by in ("label", "stack")]
    questions += [("replay", "--force"), ("sql", "SELECT * FROM event"), ("sql", "SELECT * FROM label_span"), ("peak", "--start", "30%")]
    for make, asked in ((lambda place: trained(place, "--fail", recorder=("--stacks=8",)), questions), (random, [(verb,) for verb in ("peak", "leaks", "timeline", "fragmentation", "summary", "verify", "l1")])):
        file = make(Place())
        shared = share(file, "shared")
        print(f"{same_answers(file, shared, asked)} answers agree")
        check(os.path.getsize(shared) * 3 < os.path.getsize(file), "size")
        equal(analyze("diff", file, shared)["rows"], [], "diff")
        equal(analyze("peak", plain_of(shared))["rows"], analyze("peak", file)["rows"], "peak of the copy")
        equal(oct(os.stat(shared).st_mode & 0o777), "0o600", "mode")


def shared_files_are_found_and_told():
    place = Place()
    file = trained(place)
    shared = share(file, "small")
    done = run([ANALYZE, "peak", "--json"], cwd=place.path, env=place.env)
    equal(json.loads(done.stdout)["file"], "small", "the newest recording")
    equal(run([ANALYZE, "report", "-o", place.file("page.html"), shared]).returncode, 0, "report")
    equal(run([ANALYZE, "export", "--to", "csv", "-o", place.file("csv"), shared]).returncode, 0, "export")
    said = run([program("ttalloc-recorder"), "--append", "-o", shared, "--", "true"], env=place.env)
    equal(said.returncode, 125, "a recorder that is to go on with it")
    check("shared" in said.stderr, said.stderr)
    said = run([ANALYZE, "symbolize", shared])
    equal(said.returncode, 2, "symbolize")
    check("shared" in said.stderr, said.stderr)


def nothing_is_replaced_or_left_behind():
    place = Place()
    file = trained(place)
    shared = share(file, "shared")
    before = pathlib.Path(shared).read_bytes()
    check("--force" in share(file, "shared", status=2), "refusal")
    equal(pathlib.Path(shared).read_bytes(), before, "the file")
    share(file, "shared", "--force")
    share(file, "missing/shared", status=2)
    share(place.file("none.db"), "other", status=2)
    share(file, "other", "--step", "77", status=2)
    share(file, "other", "--step", "2", "--start", "1ms", status=2)
    share(file, "run.db", status=2)
    equal(sorted(name for name in os.listdir(place.path) if name.startswith(("run.db", "shared", "other"))), ["run.db", "shared"], "files")
    limited = run(["bash", "-c", f"ulimit -f 64; trap '' XFSZ; exec {ANALYZE} share -o {place.file('large')} {file}"])
    equal(limited.returncode, 2, "a full disk")
    check(len(limited.stderr.splitlines()) == 1 and "large" in limited.stderr, limited.stderr)
    check(not [name for name in os.listdir(place.path) if name.startswith("large")], "nothing is left")


SECRETS = {
    "stacks": ["secretfunction", "secretlib", "secretsource"],
    "paths": ["secretfolder", "secretlib", "secretsource", "secretexe", "secretsocket", "secretinnote", "secretinwhy", "secretinargument"],
    "host": ["secrethost", "secretboot", "secretjob", "secretchip", "secretvisible"],
    "user": ["secretuser"],
    "command-lines": ["secretcommand", "secretprogram"],
    "labels": ["secretlabel", "secretsnapshot", "secretkernel", "secretthread"],
}


def plant(file):
    """Secrets in all texts of a recording, and again in free texts; and in a page that is free now."""
    with sqlite3.connect(file) as db:
        db.executescript("""
            PRAGMA secure_delete = OFF;
            CREATE TABLE gone(text); INSERT INTO gone SELECT 'secrethost secretuser secretlabel secretcommand secretfolder secretfunction'
              || randomblob(9) FROM step_mark; DROP TABLE gone;
            UPDATE recording_info SET host = 'secrethost', user = 'secretuser', boot_id = 'secretboot', directory = '/secretfolder/x',
              socket = '/secretfolder/secretsocket', command = 'secretprogram --data secretcommand';
            INSERT OR REPLACE INTO recording_job VALUES(1, 'secretjob', 3);
            UPDATE process_info SET executable = '/secretfolder/secretexe', command = '/secretfolder/secretprogram secretcommand',
              segment_path = '/secretfolder/secretsegment';
            INSERT OR REPLACE INTO process_user VALUES(1, 1234567, 'secretuser');
            UPDATE thread_info SET name = 'secretthread';
            UPDATE label_info SET name = 'secretlabel' || id, path = 'secretlabel/secretlabel' || id;
            INSERT INTO snapshot_mark SELECT max(key), process, at_ns, 'secretsnapshot' FROM step_mark;
            INSERT INTO kernel_info VALUES(1, 'secretkernel', 'application', 'worker');
            INSERT INTO module_info VALUES(7, '/secretfolder/secretlib.so', '00', 'found');
            INSERT INTO frame_info VALUES(7, 7, 64);
            INSERT INTO symbol_info VALUES(7, 0, 'secretfunction', '/secretfolder/secretsource.c', 3, NULL);
            INSERT INTO stack_info VALUES(7, x'07000000');
            UPDATE origin SET stack = 7;
            UPDATE device_identity SET chip = 'secretchip', visible = 'secretvisible', allocator_name = 'of secrethost';
            INSERT INTO process_note SELECT 1, 'secretuser at secrethost ran secretcommand in /secretfolder/secretinnote for secretlabel', 1;
            INSERT INTO failure_info SELECT max(key) + 1, max(free_ns), max(origin), 4096, NULL,
              'Out of Memory: no space for a DRAM buffer of secretuser (secrethost, secretcommand, secretlabel9) /x/secretinwhy' FROM freed;
            INSERT INTO operation_text VALUES(9, 'load("/x/secretinargument", "secretuser@secrethost", secretlabel, secretcommand)');
            INSERT INTO loss_row VALUES(1, 1, NULL, 0, 1, NULL, NULL, 1, 'turned away: secretuser of secrethost');""")


def figures(file):
    """By label, whatever that is called now."""
    rows = analyze("peak", file, "--by", "label")["rows"]
    return sorted((row["device"], row["region"], row["bytes"], row["bank_bytes"], row["blocks"]) for row in rows)


def what_is_removed_is_nowhere():
    place = Place()
    file = trained(place)
    plant(file)
    for without, secrets in [*SECRETS.items(), ("anonymous", sum(SECRETS.values(), []))]:
        option = "--anonymous" if without == "anonymous" else f"--no-{without}"
        shared = share(file, f"without-{without}", option)
        plain = pathlib.Path(plain_of(shared)).read_bytes()
        equal([secret for secret in secrets if secret.encode() in plain], [], f"left in spite of {option}")
        equal([secret for secret in secrets if secret.encode() in pathlib.Path(shared).read_bytes()], [], f"left in spite of {option}")
        others = set(sum(SECRETS.values(), [])) - set(secrets) - {"secretvisible"}
        if without == "host":
            check(all(secret.encode() in plain for secret in others), f"{option} takes more than it says")
        row = analyze("info", shared)["rows"][0]
        check(without.replace("-", " ") in row["removed"] or without == "anonymous", f"removed: {row['removed']}")
        check(figures(shared) == figures(file), f"figures with {option}")
    info = analyze("info", place.file("without-anonymous"))["rows"][0]
    equal([info[name] for name in ("host", "user", "command", "directory", "executables", "commands", "job")],
          ["removed"] * 4 + [["removed"]] * 2 + ["removed"], "texts")
    said = run([ANALYZE, "peak", "--by", "stack", place.file("without-stacks")])
    check("removed" in said.stderr, f"about stacks: {said.stderr}")
    refused = run([ANALYZE, "merge", "-o", place.file("merged"), place.file("without-host")])
    check(refused.returncode == 2 and "without its host" in refused.stderr, f"merge: {refused.stderr}")
    again = share(place.file("without-host"), "again", "--no-user")
    equal(analyze("info", again)["rows"][0]["removed"], "host, user", "what was removed in two goes")


def a_cut_answers_for_its_time():
    questions = [(verb,) for verb in ("peak", "leaks", "timeline", "fragmentation", "churn", "processes")]
    more = [(verb,) for verb in ("failures", "allocated", "temporary", "histogram", "floor")]
    more += [("map", "--blocks", "100000"), ("peak", "--by", "label"), ("leaks", "--step", "3"), ("peak", "--device", "0")]
    for file, step in ((trained(Place(), "--evaluate"), "3..4"), (random(Place()), None)):
        length = analyze("info", file)["rows"][0]["duration_ns"]
        window = ("--step", step) if step else ("--start", int(length * 0.4), "--end", int(length * 0.6))
        shared = share(file, "cut", *window)
        verify(shared)
        cut = analyze("sql", "SELECT cut_from_ns AS a, cut_to_ns AS b FROM recording", shared)["rows"][0]
        for question in questions + (more if step else []):
            first, second = answer(file, *question, "--start", cut["a"], "--end", cut["b"]), answer(shared, *question)
            if second[0] == 2:
                raise Failure(f"{' '.join(question)} of what was cut: {second[1]}")
            second[1]["notes"] = [note for note in second[1]["notes"] if not note.startswith("cut to what")]
            check(second == first, f"{' '.join(question)} of what was cut: {difference(first, second)}")
        spans = analyze("sql", f"SELECT * FROM usage WHERE from_ns >= {cut['a']} AND to_ns <= {cut['b']}", file)["rows"]
        equal(analyze("sql", "SELECT * FROM usage", shared)["rows"], spans, "usage: the spans that lie within")
        outside = run([ANALYZE, "peak", "--start", str(cut["a"] - 1), shared])
        check(outside.returncode == 2 and "cut to" in outside.stderr, f"a time outside: {outside.stderr}")
        check("cut to" in " ".join(analyze("info", shared)["notes"]), "info says so")
        refused = run([ANALYZE, "merge", "-o", shared + ".merged", shared])
        check(refused.returncode == 2 and "in part" in refused.stderr, f"merge: {refused.stderr}")
        if step:
            check(os.path.getsize(shared) < os.path.getsize(share(file, "whole")), "size")
            equal(analyze("steps", shared)["rows"], analyze("steps", file, "--step", step)["rows"], "steps")


def a_cut_ends_operations_that_go_on():
    """What they read before, and made behind it, is not in the file, which is sound all the same."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    for step in range(4):
        player.step(step)
        for block in range(2):
            address = 4096 * (2 * step + block + 1)
            player.op("ns::MakeDeviceOperation")
            player.tensor(address - 4096, "1x1x32x32", given=1)
            player.alloc(address, 64)
            player.tensor(address, "1x1x32x32")
            player.end_op()
            player.free(address - 4096)
    player.end()
    place.await_drained()
    file = recorder.stop()
    verify(file)
    operations = analyze("ops", file)["rows"]
    equal(len(operations), 8, "operations")
    middle = operations[3]["begin_ns"]
    for name, arguments in ("step.ttalloc", ["--step", 1]), ("end.ttalloc", ["--end", middle]), ("start.ttalloc", ["--start", middle]):
        cut = share(file, name, *arguments)
        verify(cut)
        check(0 < len(analyze("ops", cut)["rows"]) < 8, f"operations of {name}")


def damaged_files_are_refused():
    place = Place()
    shared = share(trained(place), "shared")
    whole = pathlib.Path(shared).read_bytes()
    broken = pathlib.Path(place.file("broken"))
    for size in (10, 63, 64, len(whole) // 2, len(whole) - 1):
        broken.write_bytes(whole[:size])
        done = run([ANALYZE, "peak", str(broken)])
        check(done.returncode == 2 and len(done.stderr.splitlines()) == 1, f"{size} bytes: {done.stderr}")
    for at in range(0, len(whole), len(whole) // 20):
        broken.write_bytes(whole[:at] + bytes([whole[at] ^ 0x21]) + whole[at + 1:])
        done = run([ANALYZE, "verify", str(broken)])
        check(done.returncode in (0, 1, 2), f"byte {at}: status {done.returncode}: {done.stderr}")
        check(done.returncode != 0 or "sound" in done.stdout, f"byte {at}: {done.stdout}")


main(every_verb_answers_the_same, shared_files_are_found_and_told, nothing_is_replaced_or_left_behind, what_is_removed_is_nowhere,
     a_cut_answers_for_its_time, a_cut_ends_operations_that_go_on, damaged_files_are_refused)
