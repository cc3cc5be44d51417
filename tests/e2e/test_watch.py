# SPDX-License-Identifier: Apache-2.0
"""watch: plain text, the whole terminal with keys, the upper part of it above a program's output; files that come late,
are replaced or end while they are watched."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness import (Place, Player, Recorder, analyze, check, equal, issued, main, program, run, start, wait_until)


def _watch(*arguments, **options):
    return run([program("ttalloc-analyze"), "watch", *map(str, arguments)], **options)


class Terminal:
    """A program in a terminal of its own. What it wrote is kept as it came, escape sequences included."""

    def __init__(self, command, env=None, rows=24, columns=80, cwd=None):
        self.written = b""
        pid, self.fd = pty.fork()
        if pid == 0:
            if cwd:
                os.chdir(cwd)
            os.environ.update({**(env or {}), "TERM": "xterm-256color"})
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execv(command[0], command)
        self.pid = pid
        self.status = None

    def read(self):
        """Takes what there is; False when the program has gone."""
        while select.select([self.fd], [], [], 0.02)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.written += data
        return True

    def text(self):
        return re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()][AB0]|[78=>])", "", self.written.decode(errors="replace"))

    def await_text(self, text, seconds=10):
        def shown():
            self.read()
            return text in self.text()
        wait_until(shown, f"{text!r} on the terminal, which shows {self.text()[-1500:]!r}", seconds)

    def press(self, keys):
        self.written = b""
        os.write(self.fd, keys.encode())

    def resize(self, rows, columns):
        self.written = b""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, seconds=10):
        def gone():
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            return pid
        wait_until(gone, "the program in the terminal to end", seconds)
        self.read()
        os.close(self.fd)
        return self.status


def _live_player(place):
    player = Player(place)
    player.open([issued.Layout(issued.DRAM, 8, 4096, 0, 32)])
    player.push("model")
    player.push("weights")
    player.alloc(0x1000, 800, bank=1024)
    player.pop()
    player.alloc(0x2000, 500, device=1)
    player.alloc(0x3000, 7, device=1)
    player.free(0x3000, device=1)
    check(player.flush(), "flush")
    return player


def once_shows_what_is_live():
    """Figures of --once are those of the recording in progress, and later of the ended one."""
    place = Place()
    recorder = Recorder(place)
    player = _live_player(place)
    shown = _watch("--once", recorder.file)
    equal(shown.returncode, 0, f"status ({shown.stderr})")
    check("recording" in shown.stdout and "no loss" in shown.stdout, shown.stdout)
    check(re.search(r"DEVICE 0 .*\nDRAM .* 25.0 % +800 B +800 B +1.00 KiB +4.00 KiB", shown.stdout), shown.stdout)
    check(re.search(r"DEVICE 1 .*\nDRAM +size unknown .* - +500 B +507 B", shown.stdout), shown.stdout)
    check(re.search(r"0 DRAM +800 B +100.0 % +1 +model/weights", shown.stdout), shown.stdout)
    check(re.search(r"1 DRAM +500 B +100.0 % +1 +model\n", shown.stdout), shown.stdout)
    alone = _watch("--once", "-d", 1, recorder.file).stdout
    check("DEVICE 1" in alone and "DEVICE 0" not in alone, alone)
    player.end()
    place.await_drained()
    recorder.stop()
    shown = _watch("--once", recorder.file)
    check("ended" in shown.stdout and re.search(r"0 B +800 B", shown.stdout), shown.stdout)
    alone = _watch("--once", "-d", 1, recorder.file).stdout
    check(re.search(r"PID +DRAM +PEAK", alone) and re.search(r" +500 B +507 B .*\(ended\)", alone), alone)
    check("NOT FREED" in shown.stdout and re.search(r"800 B.*model/weights", shown.stdout), shown.stdout)


def equal_chips_stand_there_once():
    """Of a mesh of 32; the one that is not like the others by itself, and what there is no room for is counted."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    for turn in range(3):
        player.push(f"layer.{turn}")
        for device in range(32):
            player.alloc(4096 * turn, 1000, device=device)
        player.pop()
    check(player.flush(), "flush")
    shown = _watch("--once", recorder.file).stdout
    check(len(re.findall("^DEVICE", shown, re.MULTILINE)) == 1 and "DEVICES 0-31 " in shown, shown)
    equal(len(re.findall(r"^0-31 DRAM +1000 B .* layer\.[012]$", shown, re.MULTILINE)), 3, f"labels of all: {shown}")
    check(len(shown.splitlines()) < 15, shown)
    player.alloc(65536, 7, device=5)
    check(player.flush(), "flush")
    shown = _watch("--once", recorder.file).stdout
    check("DEVICES 0-4,6-31 " in shown and re.search(r"^DEVICE 5 .*\nDRAM .* 2.94 KiB", shown, re.MULTILINE), shown)
    check(re.search(r"^DEVICE 7 .*\nDRAM .* 2.93 KiB", _watch("--once", "-d", 7, recorder.file).stdout, re.MULTILINE), "one of them")
    for number in range(40):
        player.push(f"other.{number}")
        player.alloc(1 << 20 | number << 12, 100, device=5)
        player.pop()
    check(player.flush(), "flush")
    shown = _watch("--once", recorder.file).stdout
    check(re.search(r"^\.\.\. at least \d+ more: top --by label$", shown, re.MULTILINE), shown)
    player.end()
    recorder.stop()


def once_agrees_with_the_verbs():
    """Totals over processes are what the verb processes says, region by region."""
    place = Place()
    recorder = Recorder(place)
    players = [_live_player(place) for _ in range(3)]
    players[1].end()
    wait_until(lambda: [r["pid"] for r in analyze("leaks", recorder.file)["rows"] if r["ended"] != "live"], "an end")
    live = {}
    for row in analyze("leaks", recorder.file)["rows"]:
        if row["ended"] == "live":
            live[row["device"]] = live.get(row["device"], 0) + row["size_bytes"]
    equal(live, {0: 1600, 1: 1000}, "live bytes")
    shown = _watch("--once", recorder.file).stdout
    check(re.search(r"DEVICE 0 .*\nDRAM .* 50.0 % +1.56 KiB", shown), shown)
    check(re.search(r"DEVICE 1 .*\nDRAM .* 1000 B", shown), shown)
    check("(ended)" in shown, shown)
    for player in (players[0], players[2]):
        player.end()
    recorder.stop()


def once_needs_a_recording():
    place = Place()
    missing = _watch("--once", place.file("none.db"))
    equal(missing.returncode, 2, "status")
    check("no recording there" in missing.stderr and missing.stdout == "", missing.stderr)
    with open(place.file("text.db"), "w", encoding="ascii") as file:
        file.write("this is no database " * 20)
    for arguments in (["--once"], []):
        wrong = _watch(*arguments, place.file("text.db"))
        equal(wrong.returncode, 2, "status")
        check("not a ttalloc recording" in wrong.stderr, wrong.stderr)
    for arguments in (["-r", "0"], ["-r", "x"], ["-d", "1", "-a"], ["a.db", "b.db"]):
        equal(_watch(*arguments).returncode, 2, f"status of {arguments}")


def plain_text_follows_to_the_end():
    """Into a pipe: waits for the file, prints each state, and ends with the recording."""
    place = Place()
    watch = start([program("ttalloc-analyze"), "watch", "-r", "50", place.file("run.db")], stdout=subprocess.PIPE,
                  stderr=subprocess.PIPE, text=True)
    time.sleep(0.2)
    recorder = Recorder(place)
    player = _live_player(place)
    time.sleep(0.5)
    player.end()
    place.await_drained()
    recorder.stop()
    out, errors = watch.communicate(timeout=20)
    equal(watch.returncode, 0, f"status ({errors})")
    pictures = out.split("\n\n /")
    check(len(out.split("recording ")) > 1 and "ended" in pictures[-1], out[-2000:])
    check("\x1b" not in out, "an escape sequence in plain text")


def keys_and_a_late_file():
    """In a terminal: waits, shows what comes within a second, obeys keys, and gives the terminal back."""
    place = Place()
    file = place.file("run.db")
    terminal = Terminal([program("ttalloc-analyze"), "watch", "-r", "100", file], env=place.env)
    terminal.await_text("waiting for")
    recorder = Recorder(place)
    player = _live_player(place)
    began = time.monotonic()
    terminal.await_text("800 B")
    check(time.monotonic() - began < 5, "the picture came late")
    terminal.press("1")
    terminal.await_text("500 B")
    terminal.press("a")
    terminal.await_text("800 B")
    terminal.press("s")
    terminal.await_text("events")
    terminal.press("?")
    terminal.await_text("quit")
    terminal.press("x")
    terminal.press("p")
    terminal.await_text("PAUSED")
    terminal.resize(10, 40)
    terminal.await_text("DRAM")
    terminal.press(" ")
    terminal.press("\t")
    player.alloc(0x9000, 100)
    check(player.flush(), "flush")
    time.sleep(1)
    terminal.resize(24, 80)  # all of it is drawn again
    terminal.await_text("900 B")
    terminal.press("q")
    equal(terminal.wait(), 0, "status")
    check(b"\x1b[?1049l" in terminal.written, "the terminal was not given back")
    player.end()
    recorder.stop()


def signals_give_the_terminal_back():
    place = Place()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        terminal = Terminal([program("ttalloc-analyze"), "watch", place.file("run.db")], env=place.env)
        terminal.await_text("waiting for")
        os.kill(terminal.pid, number)
        equal(terminal.wait(), 0, f"status after signal {number}")
        check(b"\x1b[?1049l" in terminal.written, "the terminal was not given back")


def a_replaced_file_and_a_quiet_end():
    """A recording that another replaces is followed; the recorder's end does not wait for who watches."""
    place = Place()
    recorder = Recorder(place)
    player = _live_player(place)
    terminal = Terminal([program("ttalloc-analyze"), "watch", "-r", "50", "-d", "0", recorder.file], env=place.env)
    terminal.await_text("800 B")
    player.end()
    place.await_drained()
    recorder.stop()
    check(not os.path.exists(recorder.file + "-wal"), "the recording was not brought to its end")
    terminal.await_text("ended")
    second = Recorder(place, arguments=["--force"])
    player = Player(place)
    player.alloc(0x1000, 321)
    check(player.flush(), "flush")
    terminal.await_text("321 B")
    player.end()
    second.stop()
    terminal.press("q")
    equal(terminal.wait(), 0, "status")


def operations_are_named():
    """The one that runs, and then that it ran last, beside its process."""
    place = Place()
    recorder = Recorder(place)
    player = _live_player(place)
    player.op("matmul")
    check(player.flush(), "flush")
    terminal = Terminal([program("ttalloc-analyze"), "watch", "-r", "50", recorder.file], env=place.env)
    terminal.await_text("in matmul #1")
    player.end_op()
    player.op("add")
    player.end_op()
    check(player.flush(), "flush")
    terminal.await_text("after add #2")
    terminal.press("q")
    equal(terminal.wait(), 0, "status")
    player.end()
    recorder.stop()


def no_colour_when_not_wanted():
    place = Place()
    recorder = Recorder(place)
    player = _live_player(place)
    for env, arguments, coloured in (({}, [], True), ({"NO_COLOR": "1"}, [], False), ({}, ["--color=never"], False)):
        terminal = Terminal([program("ttalloc-analyze"), "watch", *arguments, recorder.file], env={**place.env, **env})
        terminal.await_text("800 B")
        equal(b"\x1b[32m" in terminal.written, coloured, f"green with {env} {arguments}")
        terminal.press("q")
        terminal.wait()
    player.end()
    recorder.stop()


def above_the_output_of_a_command():
    """--watch divides the terminal, passes the command's output and status on, and unites the terminal."""
    place = Place()
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i; sleep 0.1; done; exit 7"
    for rows, divided in ((24, True), (8, False)):
        terminal = Terminal([program("ttalloc-recorder"), "--watch", "-q", "-f", "-o", place.file("run.db"), "--", "sh",
                             "-c", script], env=place.env, rows=rows)
        terminal.await_text("line 12")
        equal(terminal.wait(20), 7, "status")
        equal(b"\x1b[10;24r" in terminal.written, divided, "the terminal was divided")
        equal(b"\x1b[r\x1b8" in terminal.written, divided, "the terminal was united")
        equal("run.db" in terminal.text(), divided, "the recording is shown")
        check(terminal.written.find(b"line 1\r") > terminal.written.find(b";24r"), "output before the division")


def above_nothing():
    """Without a terminal the command runs all the same."""
    place = Place()
    result = run(["setsid", "-w", program("ttalloc-recorder"), "--watch", "-q", "-o", place.file("run.db"), "--", "sh", "-c",
                  "echo out; exit 3"], env=place.env, stdin=subprocess.DEVNULL)
    equal(result.returncode, 3, "status")
    equal(result.stdout, "out\n", "output")
    check("no terminal" in result.stderr, result.stderr)
    result = run([program("ttalloc-recorder"), "--watch", "-o", place.file("daemon.db"), "--socket", place.socket])
    equal(result.returncode, 2, "status without a command")
    check("--watch needs a command" in result.stderr, result.stderr)


main(once_shows_what_is_live, equal_chips_stand_there_once, once_agrees_with_the_verbs, once_needs_a_recording, plain_text_follows_to_the_end,
     keys_and_a_late_file, signals_give_the_terminal_back, a_replaced_file_and_a_quiet_end, operations_are_named, no_colour_when_not_wanted,
     above_the_output_of_a_command, above_nothing)
