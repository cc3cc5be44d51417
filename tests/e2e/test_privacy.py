# SPDX-License-Identifier: Apache-2.0
"""Who may read, who may report, and what a program that is being recorded notices of it."""
import os
import re
import shutil
import stat
import tempfile
import time

from harness import BUILD, Place, Player, Recorder, analyze, check, equal, main, program, run, run_as_another_user, skip, start


def mode_of(path):
    return oct(stat.S_IMODE(os.stat(path).st_mode))


def files_are_the_users_alone():
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(0x1000, 1)
    check(player.flush(), "flush")
    equal(mode_of(place.socket), "0o600", "mode of the socket")
    for name in ("run.db", "run.db-wal", "run.db-shm"):
        equal(mode_of(place.file(name)), "0o600", f"mode of {name}")
    for name in place.leftover_segments():
        equal(mode_of(place.segments / name), "0o600", f"mode of {name}")
    player.end()
    recorder.stop()


def a_directory_that_others_can_write_is_not_used():
    """The program runs on, unrecorded, and says one line."""
    place = Place()
    place.segments.chmod(0o777)
    recorder = Recorder(place)
    result = run([program("ttalloc-player")], env=place.target_env(), input="alloc 0 0 0 1 2 3\nflush 200\n")
    equal(result.returncode, 0, "status")
    equal(len(result.stdout.splitlines()), 2, "lines of the player")
    check(len(result.stderr.splitlines()) <= 1, f"stderr: {result.stderr}")
    equal(place.leftover_segments(), [], "segments")
    recorder.stop()
    equal(analyze("info", recorder.file)["rows"][0]["events"], 0, "events")


def other_users_are_refused():
    """Also where the socket's permissions would let them in."""
    run_as_another_user("true")
    place = Place()
    recorder = Recorder(place)
    os.chmod(place.path, 0o777)
    os.chmod(place.socket, 0o777)
    segments = tempfile.mkdtemp(prefix="ttalloc-test-", dir="/tmp")
    os.chown(segments, 65534, 65534)
    for file in (program("ttalloc-player"), BUILD / "hook/libttalloc.so.1"):
        shutil.copy(file, place.path)  # the build may lie where nobody else may go, such as in /root
    result = run_as_another_user(place.file("ttalloc-player"), input="alloc 0 0 0 1 2 3\nflush 500\n", cwd=place.path,
                                 env=place.target_env(TTALLOC_SEGMENT_DIR=segments, LD_LIBRARY_PATH=str(place.path)))
    shutil.rmtree(segments)
    equal(result.returncode, 0, f"status of the other user's program ({result.stderr})")
    equal(result.stdout.splitlines()[-1].split()[-1], "0", "result of its flush")
    check(re.search(r"process [1-9]\d*: it is of user 65534\b", recorder.said()), f"it said: {recorder.said()}")
    player = Player(place)
    player.alloc(0x1000, 1)
    player.end()
    place.await_drained()
    file = recorder.stop()
    rows = analyze("sql", file, "SELECT pid, events FROM process ORDER BY events")["rows"]
    equal((rows[0]["events"], rows[1:]), (0, [{"pid": player.pid, "events": 1}]), "processes")
    equal(analyze("info", file)["rows"][0]["complete"], 0, "complete")


def set_user_id_programs_report_nothing():
    run_as_another_user("true")
    place = Place()
    recorder = Recorder(place)
    place.path.chmod(0o755)
    copy = place.file("player")
    shutil.copy(program("ttalloc-player"), copy)
    os.chmod(copy, 0o4755)
    if os.statvfs(copy).f_flag & os.ST_NOSUID:
        skip("set-user-ID has no effect here")
    result = run_as_another_user(copy, input="enabled\n", env=place.target_env())
    equal((result.returncode, result.stderr), (0, ""), "status and stderr")
    equal(result.stdout.split()[-1], "0", "enabled")
    recorder.stop()
    equal(analyze("info", recorder.file)["rows"][0]["processes"], 0, "processes")


def a_target_does_not_notice_a_recorder_that_dies():
    """Not by its output, not by signals, and not by its speed."""
    place = Place()
    recorder = Recorder(place)
    with open(place.file("stderr"), "w+", encoding="utf-8") as errors:
        player = Player(place)
        player.popen.kill()
        process = start([program("ttalloc-player")], env=place.target_env(), stdin=-1, stdout=-1, stderr=errors, text=True,
                        bufsize=1)
        for number in range(3):
            process.stdin.write("burst 0 0 4096 64 20000\n")
            began, ended, _ = map(int, process.stdout.readline().split())
            check(ended - began < 2_000_000_000, f"{ended - began} ns for 40,000 events")
            if number == 0:
                recorder.kill()
                time.sleep(0.1)
        process.stdin.write("alloc 0 0 0 1 2 3\nexit 4\n")
        equal(process.wait(20), 4, "status")
        errors.seek(0)
        equal(errors.read(), "", "stderr")


main(files_are_the_users_alone, a_directory_that_others_can_write_is_not_used, other_users_are_refused,
     set_user_id_programs_report_nothing, a_target_does_not_notice_a_recorder_that_dies)
