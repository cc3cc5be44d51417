# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a private place for each test, recorders, players, generators and the analyzer."""
import atexit
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("TTALLOC_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("TTALLOC_BUILD", SOURCE / "build/gcc"))
MODE = os.environ.get("TTALLOC_TEST_MODE", "default")
LONG = MODE == "long"
SANITIZED = bool(os.environ.get("TTALLOC_SANITIZED"))  # slower, and larger
SKIPPED = 77
sys.path.insert(0, str(SOURCE / "tests/oracle"))

os.environ["TTALLOC_CHIP_COUNTERS"] = "/nowhere"  # whoever else uses TT-Metal on this machine is none of a test's business

import issued  # noqa: E402  (found through the path above)

_started = []


class Failure(AssertionError):
    """What was expected and what came instead."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def equal(actual, expected, what):
    check(actual == expected, f"{what}: expected {expected!r}, got {actual!r}")


class Skip(Exception):
    """Why a test cannot run here."""


def skip(why):
    raise Skip(why)


def run_as_another_user(*command, **options):
    """As run(), as a user who owns nothing. Skipped where there can be none, or none can run anything (as where / is
    closed to others, which the root of a chroot may be)."""
    another = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        skip("only root can be somebody else")
    if run([*another, "true"]).returncode != 0:
        skip("other users cannot run programs here")
    return run([*another, *command], **options)


def check_memory(pid, most_mebibytes):
    """The process PID never held more. What a sanitizer needs beside is not held against it."""
    peak = resident_bytes(pid) >> 20
    check(SANITIZED or peak < most_mebibytes, f"process {pid} needed {peak} MiB")
    return peak


def program(name):
    """The path of a program of the build."""
    for folder in ("recorder", "analyze", "tests/generator", "examples", "bin", "."):
        path = BUILD / folder / name
        if path.is_file():
            return str(path)
    raise Failure(f"{name} is not built in {BUILD}")


def wait_until(condition, what, seconds=120):
    """Waits for CONDITION() to be true, and returns what it returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < end, f"waited {seconds} s for {what}")
        time.sleep(0.01)


class Place:
    """A test's own directory, socket, segment directory and environment."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="ttalloc-test-", dir="/tmp"))
        shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
        self.segments = pathlib.Path(tempfile.mkdtemp(prefix="ttalloc-test-", dir=shm))
        self.socket = str(self.path / "socket")
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("TTALLOC_", "TT_ALLOC", "XDG_")) or name == "TTALLOC_FAULT"}
        self.env.update(TTALLOC_SEGMENT_DIR=str(self.segments), HOME=str(self.path))
        atexit.register(self.remove)

    def remove(self):
        end_all()
        if os.environ.get("TTALLOC_KEEP"):
            print(f"kept {self.path} {self.segments}")
            return
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.rmtree(self.segments, ignore_errors=True)

    def file(self, name):
        return str(self.path / name)

    def target_env(self, **more):
        """The environment of a process that reports to this place's socket."""
        return {**self.env, "TT_ALLOC_TRACKING_ENABLED": "1", "TTALLOC_SOCKET": self.socket, **more}

    def leftover_segments(self):
        return sorted(p.name for p in self.segments.rglob("*.segment"))

    def await_drained(self, seconds=120):
        """Until all that ended processes left behind is committed: their segments are gone then."""
        wait_until(lambda: not self.leftover_segments(), "segments to be drained", seconds)


class SmallDisk:
    """A tmpfs of a few MiB, where the test may mount one."""

    def __init__(self, place, mebibytes):
        self.path = place.path / "disk"
        self.path.mkdir()
        result = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "ttalloc-test", self.path],
                                stderr=subprocess.PIPE, check=False)
        if result.returncode:
            skip("a tmpfs cannot be mounted here")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=False)

    def fill(self):
        filler = self.path / "filler"
        file = os.open(filler, os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(file, bytes(4096))
        except OSError:
            return filler
        finally:
            os.close(file)


def end_all():
    for process in _started:
        if process.poll() is None:
            process.kill()
            process.wait()


def start(command, **options):
    process = subprocess.Popen(command, **options)
    _started.append(process)
    return process


def run(command, timeout=60, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, text=True, **options)


# --- the recorder ----------------------------------------------------------------------------------------------------

class Recorder:
    """A recorder in daemon mode."""

    def __init__(self, place, name="run.db", arguments=(), socket=True, env=None, wait=True):
        self.place = place
        self.file = place.file(name)
        self.errors = open(place.file(f"recorder-{len(_started)}.err"), "w+", encoding="utf-8")
        command = [program("ttalloc-recorder"), *arguments, "-o", self.file]
        if socket:
            command += ["--socket", place.socket]
        self.process = start(command, env={**place.env, **(env or {})}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=self.errors, cwd=place.path)
        if wait:
            wait_until(self._listens, "the recorder's socket")

    def _listens(self):
        import socket as sockets
        check(self.process.poll() is None, f"the recorder ended: {self.said()}")
        with sockets.socket(sockets.AF_UNIX, sockets.SOCK_SEQPACKET) as probe:
            try:
                probe.connect(self.place.socket)
                return True
            except OSError:
                return False

    def said(self):
        self.errors.flush()
        with open(self.errors.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self, timeout=60):
        """Ends it as a user does; its status has to be 0."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout)
        equal(self.process.returncode, 0, f"the recorder's status (it said: {self.said()})")
        return self.file


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


# --- targets ---------------------------------------------------------------------------------------------------------

class Generator:
    """A run of ttalloc-generator, under --hold, so that its processes end when release() says so."""

    def __init__(self, place, name="logs", arguments=(), env=None, hold=True, wrapper=()):
        self.logs = place.file(name)
        os.makedirs(self.logs, exist_ok=True)
        command = [*wrapper, program("ttalloc-generator"), "--log", self.logs, *map(str, arguments)]
        if hold:
            command.append("--hold")
        self.process = start(command, env=place.target_env() if env is None else env, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True, cwd=place.path)
        self.pids = []
        for line in self.process.stdout:
            if line.startswith("process "):
                self.pids.append(int(line.split()[1]))
            elif line == "started\n":
                break

    def await_issued(self):
        equal(self.process.stdout.readline(), "issued\n", "the generator's word")

    def release(self, timeout=60):
        self.process.stdin.close()
        return self.process.wait(timeout)

    def finish(self):
        self.await_issued()
        return self.release()

    def issued(self):
        return issued.read_logs(self.logs)


class Player:
    """A process that does what it is told, and a log of what it was told."""

    _order = 0
    _forks = 0

    def __init__(self, place, env=None, wrapper=(), streams=None, pid=None, parent=None, ahead_ns=0):
        """AHEAD_NS: how far its clocks are ahead of ours, in a time namespace."""
        self.place = place
        self.ahead_ns = ahead_ns
        if streams:
            self.popen, (self.stdin, self.stdout) = None, streams
        else:
            self.popen = start([*wrapper, program("ttalloc-player")], env=place.target_env() if env is None else env,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, cwd=place.path)
            self.stdin = self.popen.stdin
            self.stdout = os.fdopen(os.dup(self.popen.stdout.fileno()), "rb")
        self.pid = pid or self.popen.pid
        self.thread = 0
        self.steps = None
        self.images = [issued.Process(f"{self.pid}.0", self.pid, parent)]

    @property
    def image(self):
        return self.images[-1]

    def tell(self, *words):
        """Sends one line and returns its answer: before, after, result."""
        line = " ".join("-" if word is None else str(word) for word in words) + "\n"
        self.stdin.write(line.encode())
        self.stdin.flush()
        answer = self.stdout.readline()
        check(answer, f"the player ended at: {line}")
        return tuple(map(int, answer.split()))

    def _log(self, kind, answer, **fields):
        Player._order += 1
        self.image.calls.append(issued.Call(kind, self.image.name, self.thread, Player._order, answer[0] - self.ahead_ns,
                                           answer[1] - self.ahead_ns, **fields))
        return self.image.calls[-1]

    def use_thread(self, number):
        self.tell("thread", number)
        self.thread = number

    def end_thread(self, number):
        self.tell("end-thread", number)
        self.thread = 0

    def alloc(self, address, size, bank=0, device=0, region=issued.DRAM, flags=0):
        self._log(issued.ALLOC, self.tell("alloc", device, region, flags, address, size, bank), device=device,
                  region=region, flags=flags, address=address, size=size, bank=bank)

    def free(self, address, device=0, region=issued.DRAM):
        self._log(issued.FREE, self.tell("free", device, region, address), device=device, region=region, address=address)

    def failed(self, size, bank=0, device=0, region=issued.DRAM, why=None):
        self._log(issued.ALLOC_FAILED, self.tell("failed", device, region, 0, 0, size, bank, why), device=device,
                  region=region, size=size, bank=bank, text=why)

    def burst(self, pairs, address, size=64, device=0, region=issued.DRAM):
        """PAIRS of alloc and free that the log does not hold one by one."""
        return self.tell("burst", device, region, address, size, pairs)

    def cb_alloc(self, program_id, address, size, index=0, device=0, aliased=0, kind=0):
        self._log(issued.CB_ALLOC, self.tell("cb", device, program_id, address, size, index, aliased | kind << 1), device=device,
                  region=issued.CB, program=program_id, address=address, size=size, index=index, flags=aliased)

    def cb_free(self, program_id, device=0):
        self._log(issued.CB_FREE, self.tell("cbfree", device, program_id), device=device, region=issued.CB, address=program_id)

    def program_run(self, program_id, device=0):
        self._log(issued.PROGRAM_RUN, self.tell("run", device, program_id), device=device, region=issued.CB, address=program_id)

    def kernel_load(self, kernel, size, name, device=0):
        self._log(issued.KERNEL_LOAD, self.tell("kload", device, kernel, size, name, "application", "worker"),
                  device=device, region=issued.KERNEL, address=kernel, size=size, text=name)

    def kernel_unload(self, kernel, device=0):
        self._log(issued.KERNEL_UNLOAD, self.tell("kunload", device, kernel), device=device, region=issued.KERNEL, address=kernel)

    def open(self, layouts, device=0, chip=None):
        """LAYOUTS: issued.Layout of each region; CHIP: what names it wherever it is used."""
        words = [word for l in layouts for word in (l.region, 0, l.banks, l.bank_bytes, l.base, l.alignment)]
        self._log(issued.DEVICE_OPEN, self.tell("open", device, f"wormhole_b0@{chip}" if chip else "wormhole_b0", *words), device=device, layouts=list(layouts))

    def close_device(self, device=0):
        self._log(issued.DEVICE_CLOSE, self.tell("close", device), device=device)

    def push(self, name):
        self._log(issued.PUSH, self.tell("push", name), text=name)

    def pop(self):
        self._log(issued.POP, self.tell("pop"))

    def op(self, name, arguments=None):
        self.tell("op", name, arguments)

    def end_op(self, aborted=0):
        self.tell("end-op", aborted)

    def tensor(self, address, shape, index=0, given=0, device=0, region=issued.DRAM):
        self.tell("tensor", device, region, address, index, given, shape)

    def step(self, number):
        self._log(issued.STEP, self.tell("step", number), address=number)

    def flush(self, timeout_ms=10000):
        return self.tell("flush", timeout_ms)[2] == 1

    def enabled(self):
        return self.tell("enabled")[2] == 1

    def fork(self):
        """The child as a player of its own."""
        if SANITIZED:
            # The hook's thread needs memory when it begins, and not again. A child that is forked in that moment has
            # AddressSanitizer's lock for ever; a flush that has returned has that behind it.
            self.flush()
        Player._forks += 1
        base = self.place.file(f"fork-{Player._forks}")
        os.mkfifo(base + ".in")
        os.mkfifo(base + ".out")
        pid = self.tell("fork", base + ".in", base + ".out")[2]
        into, out = open(base + ".in", "wb", buffering=0), open(base + ".out", "rb")
        out.readline()  # the child's own answer to fork
        return Player(self.place, streams=(into, out), pid=pid, parent=self.image, ahead_ns=self.ahead_ns)

    def exec(self):
        """A new image in the same process: its answer comes with the first call."""
        self.stdin.write(b"exec\n")
        self.stdin.flush()
        self.images.append(issued.Process(f"{self.pid}.{len(self.images)}", self.pid))

    def leave(self):
        """Its main thread ends by itself, and another one goes on."""
        self.tell("leave")

    def end(self, status=0, how="exit"):
        """Ends it by exit(), or _exit() (vanish)."""
        self.stdin.write(f"{how} {status}\n".encode())
        self.stdin.close()
        if self.popen:
            equal(self.popen.wait(20), status, "the player's status")
        else:
            wait_until(lambda: not os.path.exists(f"/proc/{self.pid}") or _is_zombie(self.pid), "the child's end")

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        if self.popen:
            self.popen.wait()

    def issued(self):
        for image in self.images:
            issued.attribute(image)
        return self.images


def _is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def check_faithful(file, *targets):
    """The recording holds what TARGETS (players and generators) issued, all of it, once."""
    import check as oracle
    try:
        return oracle.check_faithful(file, [process for target in targets for process in target.issued()])
    except oracle.Mismatch as error:
        raise Failure(f"{file}: {error}") from None


def check_recording(file, *targets):
    """As check_faithful(), and every verb's answer is right."""
    import check as oracle
    try:
        return oracle.check_recording(file, [process for target in targets for process in target.issued()])
    except oracle.Mismatch as error:
        raise Failure(f"{file}: {error}") from None


# --- the analyzer ----------------------------------------------------------------------------------------------------

def analyze(*arguments, status=0, timeout=60, **options):
    """Runs a verb and returns its JSON. verify answers with status 1 when it found something."""
    result = run([program("ttalloc-analyze"), *map(str, arguments), "--json"], timeout=timeout, **options)
    check(result.returncode == status or (arguments[0], result.returncode) == ("verify", 1),
          f"ttalloc-analyze {' '.join(map(str, arguments))}: status {result.returncode}: {result.stderr}")
    try:
        return json.loads(result.stdout)
    except ValueError as error:
        raise Failure(f"ttalloc-analyze {' '.join(map(str, arguments))}: {error}: {result.stdout[:2000]}") from None


def verify(file):
    """The recording is sound."""
    equal(analyze("verify", file)["rows"], [], f"findings of verify in {file}")


def main(*tests):
    """Runs the tests; with arguments, those whose names contain one of them."""
    wanted = sys.argv[1:]
    worst, ran = 0, 0
    for test in tests:
        if wanted and not any(word in test.__name__ for word in wanted):
            continue
        began = time.monotonic()
        try:
            test()
            word, ran = "ok", ran + 1
        except Skip as why:
            word = f"skipped: {why}"
        except (Failure, subprocess.TimeoutExpired) as failure:
            word, worst = f"FAILED: {failure}", 1
        finally:
            end_all()
        print(f"{test.__name__} ({time.monotonic() - began:.1f} s): {word}", flush=True)
    sys.exit(worst or (0 if ran else SKIPPED))
