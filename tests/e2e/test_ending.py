# SPDX-License-Identifier: Apache-2.0
"""Recordings that cannot be ended as usual: files that are damaged meanwhile, and limits on their size."""
import pathlib
import resource
import shutil
import sqlite3
import time

from harness import (Generator, Place, Player, Recorder, analyze, check, check_faithful, check_recording, equal, issued,
                     main, program, run, skip, wait_until)


def damage(file):
    """As another program might, while the recorder is at work: nothing can be written from then on."""
    with sqlite3.connect(file, timeout=10) as database:
        database.execute("ALTER TABLE held RENAME TO held_away")
    database.close()


def repair(file):
    with sqlite3.connect(file, timeout=10) as database:
        database.execute("ALTER TABLE held_away RENAME TO held")
    database.close()


def what_waiting_does_not_mend():
    """The recorder ends by itself, with status 1 and the reason; the segments stay, and what they hold is taken later."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(0x1000, 1)
    check(player.flush(), "flush")
    damage(recorder.file)
    player.alloc(0x2000, 2)
    check(not player.flush(300), "a flush into a damaged file")
    player.end()
    recorder.process.terminate()
    equal(recorder.process.wait(10), 1, f"status ({recorder.said()})")
    last = recorder.said().splitlines()[-1]
    check("no such table" in last and "--append" in last, f"the last line: {last}")
    check(place.leftover_segments(), "the segments are gone")
    repair(recorder.file)
    again = Recorder(place, arguments=["--append"], socket=False)
    place.await_drained()
    check_faithful(again.stop(), player)


def what_waiting_does_not_mend_of_a_command():
    """The command's status is kept; the last line says what is missing and how to go on."""
    place = Place()
    file = place.file("run.db")
    script = f"sqlite3 -cmd '.timeout 9000' {file} 'ALTER TABLE held RENAME TO held_away' && " \
             f"printf 'alloc 0 0 0 4096 7 7\\nexit 7\\n' | {program('ttalloc-player')} >player.out"
    if not shutil.which("sqlite3"):
        skip("the sqlite3 shell is not here")
    for quiet in ([], ["-q"]):
        result = run([program("ttalloc-recorder"), "--force", *quiet, "-o", file, "--", "sh", "-c", script], env=place.env,
                     cwd=place.path, timeout=20)
        equal(result.returncode, 7, f"the command's status ({result.stderr})")
        last = result.stderr.splitlines()[-1]
        check("not all" in last and f"ttalloc-recorder --append -o {file}" in last, f"the last line: {last}")
        repair(file)
        result = run([program("ttalloc-recorder"), "--append", "-o", file], env=place.env, timeout=20)
        equal(result.returncode, 0, f"status of --append ({result.stderr})")
        equal(analyze("leaks", file)["rows"][0]["size_bytes"], 7, "the block of the segment")
        equal(place.leftover_segments(), [], "segments")


def a_limit_of_the_file_size():
    """Counts as a full disk: no signal kills the recorder, and all is written once the limit is gone."""
    place = Place()
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 12000, "--threads", 2, "--seed", 4])
    resource.prlimit(recorder.process.pid, resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
    generator.await_issued()
    wait_until(lambda: "cannot grow" in recorder.said(), "a word about the limit", 10)
    check(recorder.process.poll() is None, f"the recorder ended: {recorder.said()}")
    resource.prlimit(recorder.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    generator.release()
    place.await_drained(60)
    check_faithful(recorder.stop(), generator)


def a_file_that_loses_its_name():
    """Deleted, moved, replaced: all of it is written once more, and what has taken the name is left alone."""
    for how in ("deleted", "moved", "replaced"):
        place = Place()
        recorder = Recorder(place)
        player = Player(place)
        player.alloc(0x1000, 1)
        check(player.flush(), "flush")
        for suffix in ("", "-wal", "-shm"):
            file = pathlib.Path(recorder.file + suffix)
            file.rename(place.file("moved" + suffix)) if how == "moved" else file.unlink()
        if how == "replaced":
            pathlib.Path(recorder.file).write_text("mine", encoding="utf-8")
        player.alloc(0x2000, 2)
        player.end()
        place.await_drained()
        written = recorder.file
        file = recorder.stop()
        if how == "replaced":
            equal(pathlib.Path(written).read_text(encoding="utf-8"), "mine", "what has taken the name")
            file = written + ".recorded"
        check_faithful(file, player)
        check(how in recorder.said() or "deleted or moved" in recorder.said(), f"said: {recorder.said()}")


def a_file_that_is_replaced_by_another_recording():
    """What was in the write-ahead log of the one does not get into the other, whatever is asked of it afterwards."""
    place = Place()
    file = place.file("run.db")
    for name in (file, file + ".mine"):
        trainer = [program("ttalloc-trainer"), "--steps", "5"]
        taken = run([program("ttalloc-recorder"), "--stacks", "-q", "-o", name, "--"] + trainer, env=place.env)
        equal(taken.returncode, 0, f"record: {taken.stderr}")
    mine = pathlib.Path(file).read_bytes()
    replacing = f'cp "{file}.mine" "{file}.new" && sleep 0.7 && mv "{file}.new" "{file}"'
    again = run([program("ttalloc-recorder"), "--stacks", "--force", "-o", file, "--", "sh", "-c",
                 f'"{program("ttalloc-trainer")}" --steps 5 && {replacing}'], env=place.env)
    check("was replaced" in again.stderr, f"said: {again.stderr}")
    equal(pathlib.Path(file).read_bytes(), pathlib.Path(file + ".mine").read_bytes(), "the file that has the name")
    check(mine[:16] == b"SQLite format 3\0", "a recording")
    for name in (file, file + ".recorded"):
        verified = run([program("ttalloc-analyze"), "verify", name], env=place.env)
        equal(verified.returncode, 0, f"verify {name}: {verified.stdout}{verified.stderr}")


def signals_of_the_command():
    """The command has the signals that the recorder was started with."""
    place = Place()
    result = run([program("ttalloc-recorder"), "-q", "-o", place.file("run.db"), "--", "grep", "Sig\\(Ign\\|Blk\\)",
                  "/proc/self/status"], env=place.env)
    equal(result.stdout, run(["grep", "Sig\\(Ign\\|Blk\\)", "/proc/self/status"]).stdout, "signals")


def aliased_blocks_at_the_end():
    """They count nothing, so that no total has a change when they end with their device or process: verify knows."""
    for closes in (False, True):
        place = Place()
        recorder = Recorder(place)
        player = Player(place)
        player.alloc(0x1000, 10, flags=issued.ALIASED)
        player.alloc(0x2000, 20)
        player.free(0x2000)
        time.sleep(0.05)
        if closes:
            player.close_device()
        player.end()
        place.await_drained()
        check_recording(recorder.stop(), player)


main(aliased_blocks_at_the_end, what_waiting_does_not_mend, what_waiting_does_not_mend_of_a_command,
     a_limit_of_the_file_size, a_file_that_loses_its_name,
     a_file_that_is_replaced_by_another_recording, signals_of_the_command)
