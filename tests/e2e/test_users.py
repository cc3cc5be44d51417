# SPDX-License-Identifier: Apache-2.0
"""One recorder for several users of a machine: only if it is asked for, only by root, and only those that were named."""
import os
import pathlib
import pwd
import re
import shutil
import stat

from harness import BUILD, Place, Player, Recorder, analyze, check, equal, main, program, run, run_as_another_user, wait_until

ANOTHER = 65534
THEIR_SEGMENTS = pathlib.Path(f"/dev/shm/ttalloc-{ANOTHER}")


def shared_place():
    """Where another user can run the player, and reach the socket."""
    run_as_another_user("true")
    place = Place()
    place.path.chmod(0o755)
    for file in (program("ttalloc-player"), BUILD / "hook/libttalloc.so.1"):
        shutil.copy(file, place.path)  # the build may lie where nobody else may go
    return place


def play_as_another(place, text, **more):
    """A program of another user, whose segment lies where such segments lie."""
    env = place.target_env(LD_LIBRARY_PATH=str(place.path), HOME="/tmp", **more)
    del env["TTALLOC_SEGMENT_DIR"]
    return run_as_another_user(place.file("ttalloc-player"), input=text, cwd=place.path, env=env)


def their_segments():
    return sorted(THEIR_SEGMENTS.glob("*.segment")) if THEIR_SEGMENTS.is_dir() else []


def those_who_are_named_are_recorded():
    for names in str(ANOTHER), "all", f"daemon,{ANOTHER}":
        place = shared_place()
        before = their_segments()
        recorder = Recorder(place, arguments=["--allow-uid", names])
        equal(oct(stat.S_IMODE(os.stat(place.socket).st_mode)), "0o666", "mode of the socket")
        result = play_as_another(place, "alloc 0 0 4096 64 64 3\nalloc 0 0 8192 64 64 3\nflush 5000\n")
        equal(result.stdout.splitlines()[-1].split()[-1], "1", f"its flush ({result.stderr})")
        player = Player(place)
        player.alloc(0x1000, 1)
        player.end()
        place.await_drained()
        wait_until(lambda: their_segments() == before, "their segment to be removed")
        file = recorder.stop()
        equal(oct(stat.S_IMODE(os.stat(file).st_mode)), "0o600", "mode of the file")
        rows = analyze("sql", file, "SELECT events FROM process ORDER BY events")["rows"]
        equal([row["events"] for row in rows], [1, 2], f"events of both ({recorder.said()})")
        equal(analyze("info", file)["rows"][0]["complete"], 1, "complete")
        users = {(row["uid"], row["user"], row["allocs"]) for row in analyze("processes", file)["rows"]}
        equal(users, {(os.getuid(), pwd.getpwuid(os.getuid()).pw_name, 1), (ANOTHER, pwd.getpwuid(ANOTHER).pw_name, 2)}, "users of processes")
        for without, left in (("user", ()), ("host", users)):
            shared = place.file(f"without-{without}.db")
            equal(run([program("ttalloc-analyze"), "share", f"--no-{without}", "-o", shared, file]).returncode, 0, "status of share")
            named = analyze("sql", shared, "SELECT uid, user FROM process WHERE uid IS NOT NULL OR user IS NOT NULL")["rows"]
            equal({(row["uid"], row["user"]) for row in named}, {row[:2] for row in left}, f"users without {without}")


def others_are_not():
    place = shared_place()
    recorder = Recorder(place, arguments=["--allow-uid", "1,2"])
    result = play_as_another(place, "alloc 0 0 4096 64 64 3\nflush 500\n")
    equal((result.returncode, result.stdout.splitlines()[-1].split()[-1]), (0, "0"), "status, and its flush")
    check(re.search(r"it is of user 65534, not of the recorder's: .*--allow-uid", recorder.said()), f"it said: {recorder.said()}")
    equal(analyze("info", recorder.stop())["rows"][0]["complete"], 0, "complete")


def one_that_nobody_heard_is_found():
    """A program that ended before there was a recorder: its segment waits where its user's segments are."""
    place = shared_place()
    before = their_segments()
    play_as_another(place, "alloc 0 0 4096 64 64 3\n")
    equal(len(their_segments()), len(before) + 1, "its segment waits")
    recorder = Recorder(place, arguments=["--allow-uid", "all"])
    wait_until(lambda: their_segments() == before, "it to be taken in")
    equal(analyze("info", recorder.stop())["rows"][0]["allocations"], 1, "what it allocated")


def root_alone_can():
    place = Place()
    result = run([program("ttalloc-recorder"), "--allow-uid", "nobody-of-that-name", "--socket", place.socket, "-o", place.file("run.db")], env=place.env)
    equal(result.returncode, 2, "the status")
    check("--allow-uid" in result.stderr, result.stderr)
    for wrong, status in (["all", "--", "true"], 125), (["", "--socket", place.socket], 2), (["4294967295", "--socket", place.socket], 2):
        equal(run([program("ttalloc-recorder"), "--allow-uid", *wrong], env=place.env).returncode, status, f"the status of {wrong}")
    place = shared_place()
    shutil.copy(program("ttalloc-recorder"), place.path)  # the build may lie where nobody else may go
    result = run_as_another_user(place.file("ttalloc-recorder"), "--allow-uid", "all", "--socket", "/tmp/nowhere/socket", cwd="/")
    equal(result.returncode, 2, "as another user")
    check("root" in result.stderr, result.stderr)


main(those_who_are_named_are_recorded, others_are_not, one_that_nobody_heard_is_found, root_alone_can)
