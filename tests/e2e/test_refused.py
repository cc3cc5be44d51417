# SPDX-License-Identifier: Apache-2.0
"""Whom the recorder turns away is not in the recording, so the recording is not complete, and says what to do. And what
programs and recorders that were killed left behind is taken for what it is."""
import os
import pathlib
import re
import shutil
import time

from harness import Place, Player, Recorder, analyze, check, check_faithful, equal, main, program, run, skip, start, verify, wait_until
from hello import connect, hello


def losses(file):
    return analyze("sql", file, "SELECT pid, why FROM loss ORDER BY why")["rows"]


def turned_away(message, mentions):
    """Says MESSAGE twice, and then nothing that happens to others may make the recording complete."""
    place = Place()
    recorder = Recorder(place)
    clients = [connect(place), connect(place)]
    for client in clients:
        client.send(message(place))
        client.settimeout(10)
        client.recv(1000)
    player = Player(place)
    player.alloc(0x1000, 100)
    player.end()
    place.await_drained()
    file = recorder.stop()
    equal([(row["pid"], bool(re.search(mentions, row["why"]))) for row in losses(file)], [(os.getpid(), True)],
          f"the loss, once ({losses(file)})")
    equal(analyze("info", file)["rows"][0]["complete"], 0, "complete")
    equal(run([program("ttalloc-analyze"), "peak", "--strict", file]).returncode, 3, "status of --strict")
    equal(analyze("sql", file, f"SELECT count(*) AS n FROM event WHERE pid = {player.pid}")["rows"][0]["n"], 1,
          "events of the one that was let in")
    verify(file)


def another_pid_namespace():
    turned_away(lambda place: hello(place.segments / "x", pid=os.getpid() + 1), "another pid namespace; run the recorder inside")


def a_pid_namespace_of_the_early():
    """It reported before there was a recorder, which finds its segment before its hello: it is not taken for dead."""
    in_namespace = ("unshare", "--pid", "--fork", "--mount-proc")
    if run([*in_namespace, "true"]).returncode:
        skip("no pid namespaces here")
    place = Place()
    player = Player(place, wrapper=in_namespace)
    player.alloc(0x1000, 1)
    wait_until(place.leftover_segments, "the segment")
    recorder = Recorder(place)
    other = Player(place)
    other.alloc(0x2000, 2)
    other.end()
    player.end()
    wait_until(lambda: "another pid namespace" in recorder.said(), "a word about it")
    file = recorder.stop()
    equal(analyze("sql", file, "SELECT size_bytes FROM allocation")["rows"], [{"size_bytes": 2}], "blocks")
    check(losses(file) and all("another pid namespace; run the recorder inside it" in row["why"] for row in losses(file)), f"losses: {losses(file)}")
    equal(analyze("info", file)["rows"][0]["complete"], 0, "complete")


def a_container_with_files_of_its_own():
    turned_away(lambda place: hello(place.segments / "x.segment"), "set TTALLOC_SEGMENT_DIR")


def a_run_that_was_turned_away_says_so():
    """Of a command that sees another directory, nothing at all is recorded."""
    if run(["unshare", "-m", "true"]).returncode:
        skip("no mount namespaces here")
    place = Place()
    file = place.file("run.db")
    script = f"mount -t tmpfs -o mode=700 tmpfs {place.segments} && exec {program('ttalloc-player')}"
    result = run([program("ttalloc-recorder"), "-o", file, "--", "unshare", "-m", "sh", "-c", script], env=place.env,
                 cwd=place.path, input="alloc 0 0 0 4096 1000 0\nflush 1000\n")
    equal(result.returncode, 0, f"status ({result.stderr})")
    check("INCOMPLETE" in result.stderr and "TTALLOC_SEGMENT_DIR" in result.stderr, f"the summary: {result.stderr}")
    check("No process joined" not in result.stderr, f"the summary: {result.stderr}")


def a_time_namespace():
    """Clocks of its own: its events lie where they happened, and the process is not taken for dead."""
    if run(["unshare", "-T", "--monotonic", "100000", "true"]).returncode:
        skip("no time namespaces here")
    for offset in ("3600", "-1"):
        place = Place()
        recorder = Recorder(place)
        player = Player(place, wrapper=("unshare", "-T", f"--monotonic={offset}", f"--boottime={offset}", "--fork"))
        player.alloc(0x1000, 1)
        check(player.flush(), f"flush ({recorder.said()})")
        time.sleep(0.1)
        player.free(0x1000)
        player.end()
        place.await_drained()
        file = recorder.stop()
        row = analyze("sql", file, "SELECT alloc_ns, free_ns FROM allocation")["rows"][0]
        check(0 < row["alloc_ns"] < 10e9 and 90e6 < row["free_ns"] - row["alloc_ns"] < 10e9, f"times: {row}")
        equal(losses(file), [], "losses")


def a_time_namespace_of_the_dead():
    """The same of a process that has ended before the recorder looks, and cannot be asked any more."""
    if run(["unshare", "-T", "--monotonic", "100000", "true"]).returncode:
        skip("no time namespaces here")
    for offset in ("3600", "-1"):
        place = Place()
        recorder = Recorder(place)
        early = Player(place)
        early.alloc(0x1000, 1)
        check(early.flush(), f"flush ({recorder.said()})")
        recorder.pause()
        player = Player(place, wrapper=("unshare", "-T", f"--monotonic={offset}", f"--boottime={offset}", "--fork"))
        player.alloc(0x2000, 2)
        player.free(0x2000)
        player.end()
        early.free(0x1000)
        recorder.go_on()
        early.end()
        place.await_drained()
        rows = analyze("sql", recorder.stop(), "SELECT joined_ns, alloc_ns, free_ns FROM allocation JOIN process USING (pid) "
                       "ORDER BY size_bytes")["rows"]
        equal(len(rows), 2, "blocks")
        before, dead = rows
        check(before["alloc_ns"] < dead["joined_ns"] <= dead["alloc_ns"] < dead["free_ns"] < before["free_ns"], f"times: {rows}")


def a_time_namespace_of_the_early():
    """The same of a process that reported before there was a recorder: the recording begins with it."""
    if run(["unshare", "-T", "--monotonic", "100000", "true"]).returncode:
        skip("no time namespaces here")
    for offset in ("3600", "-1"):
        place = Place()
        player = Player(place, wrapper=("unshare", "-T", f"--monotonic={offset}", f"--boottime={offset}", "--fork"))
        player.alloc(0x1000, 1)
        time.sleep(0.1)
        player.free(0x1000)
        time.sleep(0.1)
        recorder = Recorder(place)
        player.end()
        place.await_drained()
        row = analyze("sql", recorder.stop(), "SELECT alloc_ns, free_ns FROM allocation")["rows"][0]
        check(row["alloc_ns"] < 10e9 and 90e6 < row["free_ns"] - row["alloc_ns"] < 10e9, f"times: {row}")


def a_time_namespace_without_its_main_thread():
    """Which has ended by itself, and whose clocks are not there any more: the others go on, and are recorded until they end."""
    if run(["unshare", "-T", "--monotonic", "100000", "true"]).returncode:
        skip("no time namespaces here")
    place = Place()
    player = Player(place, wrapper=("unshare", "-T", "--monotonic=3600", "--boottime=3600", "--fork"))
    player.alloc(0x1000, 1)
    player.leave()
    recorder = Recorder(place)
    player.alloc(0x2000, 2)
    check(player.flush(), f"flush ({recorder.said()})")
    player.free(0x1000)
    player.end()
    place.await_drained()
    file = recorder.stop()
    equal((analyze("info", file)["rows"][0]["events"], losses(file)), (3, []), "events and losses")


def an_image_in_a_time_namespace():
    """It ends when the next one begins, by this machine's clock."""
    if run(["unshare", "-T", "--monotonic", "100000", "true"]).returncode:
        skip("no time namespaces here")
    place = Place()
    recorder = Recorder(place)
    player = Player(place, wrapper=("unshare", "-T", "--monotonic=3600", "--boottime=3600", "--fork"))
    player.alloc(0x1000, 1)
    player.exec()
    player.alloc(0x2000, 2)
    player.end()
    place.await_drained()
    rows = analyze("sql", recorder.stop(), "SELECT ended, ended_ns < 10e9 AS soon FROM process ORDER BY process_id")["rows"]
    equal(rows, [{"ended": "exec", "soon": 1}, {"ended": "process exit", "soon": 1}], "images")


def a_recorder_without_proc():
    """It says what it lacks itself, and not that the program is of another machine; the recording is not complete."""
    if run(["unshare", "-m", "true"]).returncode:
        skip("no mount namespaces here")
    place = Place()
    with open(place.file("said"), "w", encoding="utf-8") as said:
        recorder = start(["unshare", "-m", "sh", "-c", f"mount -t tmpfs none /proc && exec {program('ttalloc-recorder')} --socket {place.socket} "
                          f"-o {place.file('run.db')}"], env=place.env, stderr=said)
    wait_until(lambda: os.path.exists(place.socket), "the socket")
    player = Player(place)
    player.alloc(0x1000, 1)
    wait_until(lambda: "the recorder has no /proc" in pathlib.Path(place.file("said")).read_text(encoding="utf-8"), "a word about /proc", 20)
    player.end()
    recorder.terminate()
    recorder.wait(30)
    equal(analyze("info", place.file("run.db"))["complete"], False, "complete")


def an_end_that_was_committed():
    """Its recorder was killed before it removed the segment: --append removes it, and ends."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(0x1000, 1)
    check(player.flush(), "flush")
    name = wait_until(place.leftover_segments, "the segment")[0]
    kept = place.file("kept")
    shutil.copyfile(place.segments / name, kept)
    player.end()
    place.await_drained()
    recorder.kill()
    shutil.copyfile(kept, place.segments / name)
    again = Recorder(place, arguments=["--append"], socket=False)
    place.await_drained(10)
    check_faithful(again.stop(10), player)


def unfinished_segments():
    """What a program left that was killed while it made its segment is removed, whomever it would have reported to."""
    place = Place()
    dead = start(["true"])
    dead.wait()
    made = {"dead and old": (dead.pid, 60), "alive": (os.getpid(), 60), "new": (dead.pid, 0)}
    for what, (pid, age) in made.items():
        made[what] = place.segments / f".0123456789abcdef-{pid}-{age:08x}.segment.new"
        made[what].write_bytes(b"")
        os.utime(made[what], (time.time() - age,) * 2)
    Recorder(place).stop()
    equal([what for what, path in made.items() if path.exists()], ["alive", "new"], "what is left")


main(another_pid_namespace, a_pid_namespace_of_the_early, a_container_with_files_of_its_own, a_run_that_was_turned_away_says_so, a_time_namespace,
     a_time_namespace_of_the_dead, a_time_namespace_of_the_early,
     a_time_namespace_without_its_main_thread, an_image_in_a_time_namespace, a_recorder_without_proc, an_end_that_was_committed, unfinished_segments)
