# SPDX-License-Identifier: Apache-2.0
"""As systemd starts it: with the socket that programs already connect to, told when it is ready and well; its units are sound."""
import os
import pathlib
import shutil
import socket as sockets
import sys

from harness import SOURCE, Place, Player, Recorder, check, check_faithful, equal, main, program, run, skip, start, wait_until

# Runs COMMAND with the descriptor FD as the one socket that systemd passes, as sd_listen_fds(3) has it.
STARTER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def passed(place, listener, *arguments, **env):
    """The process of a recorder that was given LISTENER."""
    command = [sys.executable, "-c", STARTER, str(listener.fileno()), program("ttalloc-recorder"), *arguments]
    return start(command, env={**place.env, **env}, cwd=place.path, pass_fds=[listener.fileno()],
                 stderr=open(place.file("recorder.err"), "w", encoding="utf-8"))


def listener_at(path, kind=sockets.SOCK_SEQPACKET):
    listener = sockets.socket(sockets.AF_UNIX, kind)
    listener.bind(path)
    listener.listen()
    return listener


def said(place):
    return pathlib.Path(place.file("recorder.err")).read_text(encoding="utf-8")


def a_passed_socket_is_served():
    place = Place()
    with listener_at(place.socket) as listener, sockets.socket(sockets.AF_UNIX, sockets.SOCK_DGRAM) as notified:
        notified.bind(place.file("notify"))
        notified.settimeout(30)
        player = Player(place)  # before there is a recorder
        for i in range(20):
            player.alloc(0x1000 + 64 * i, 64)
        recorder = passed(place, listener, "-o", place.file("run.db"), NOTIFY_SOCKET=place.file("notify"), WATCHDOG_USEC="4000000")
        equal(notified.recv(64), b"READY=1", "the first word")
        check(player.flush(), "what was reported before was not committed")
        equal(notified.recv(64), b"WATCHDOG=1", "the watchdog")
        player.end()
        place.await_drained()
        recorder.terminate()
        equal(recorder.wait(60), 0, f"status ({said(place)})")
        words = {notified.recv(64)}
        while b"STOPPING=1" not in words:
            words.add(notified.recv(64))
        check(os.path.exists(place.socket), "the socket belongs to who passed it, and was removed")
    check_faithful(place.file("run.db"), player)


def another_socket_is_refused():
    place = Place()
    with listener_at(place.socket, sockets.SOCK_STREAM) as listener:
        recorder = passed(place, listener, "-o", place.file("run.db"))
        equal(recorder.wait(30), 2, "status")
        check("ListenSequentialPacket" in said(place), said(place))
    check(not os.path.exists(place.file("run.db")), "a recording of nothing")
    with listener_at(place.file("other")) as listener:
        recorder = passed(place, listener, "-o", place.file("run.db"), "--socket", place.file("wanted"))
        equal(recorder.wait(30), 2, "status")
        check("was chosen" in said(place), said(place))


def somebody_elses_variables_are_left_alone():
    """LISTEN_PID is of another process: they were inherited."""
    place = Place()
    recorder = Recorder(place, env={"LISTEN_FDS": "1", "LISTEN_PID": "1", "NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1000"})
    wait_until(lambda: os.path.exists(recorder.file), "the file")
    recorder.stop()


def units_are_sound():
    """As units of root, of the programs of this build."""
    if not shutil.which("systemd-analyze"):
        skip("there is no systemd-analyze")
    for folder in ("machine", "system", "user"):
        place = Place()
        units = []
        for path in sorted((SOURCE / "examples/systemd" / folder).iterdir()):
            text = path.read_text(encoding="utf-8").replace("/usr/bin/ttalloc-recorder", program("ttalloc-recorder"))
            units.append(place.file(path.name.replace("@", "")))
            pathlib.Path(units[-1]).write_text(text.replace("@%i.", ".").replace("%i", "root"), encoding="utf-8")
        said = run(["systemd-analyze", "verify", "--man=no", *units])
        if "Failed to initialize" in said.stderr:
            skip(said.stderr.strip())
        equal((said.returncode, said.stderr), (0, ""), f"what systemd says of {folder}")


main(a_passed_socket_is_served, another_socket_is_refused, somebody_elses_variables_are_left_alone, units_are_sound)
