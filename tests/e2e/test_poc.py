# SPDX-License-Identifier: Apache-2.0
"""Clients of the old protocol report to the recorder, and monitors ask it, as they did with the old server."""
import os
import random
import re
import signal
import socket
import sqlite3
import stat
import struct
import subprocess
import sys
import time

import poc
from harness import (BUILD, LONG, SOURCE, Place, Player, Recorder, analyze, check, equal, issued, main, program, run, start,
                     verify, wait_until)
from poc import (ALLOC, CB_ALLOC, CB_FREE, DEVICE_INFO_QUERY, DRAM, DUMP_KERNELS, DUMP_REMAINING, FREE, HELPER, KERNEL_LOAD,
                 KERNEL_UNLOAD, L1, L1_SMALL, QUERY, REGIONS, SIZES, SYSTEM_MEMORY, TRACE, Connection, Model, message)

MIB = 1 << 20


class OldServer(Recorder):
    """A recorder that serves old clients, with what it prints."""

    def __init__(self, place, *arguments, name="run.db"):
        self.path = place.file("old.sock")
        self.printed = place.file("printed")
        super().__init__(place, name, [f"--poc-socket={self.path}", *arguments])
        wait_until(lambda: poc.is_served(self.path), "the socket for old clients")

    def stop(self, timeout=60):
        file = super().stop(timeout)
        verify(file)
        return file


class Process:
    """A client in a process of its own."""

    def __init__(self, server, size=72):
        self.size = size
        self.process = start([sys.executable, poc.__file__, server.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True, bufsize=1)
        self.pid = self.process.pid
        equal(self.process.stdout.readline(), "connected\n", "the client's word")

    def _tell(self, word, data):
        self.process.stdin.write(f"{word} {data.hex()}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def send_bytes(self, data):
        equal(self._tell("send", data), "sent", "the client's word")

    def send(self, kind, *arguments, **fields):
        self.send_bytes(message(self.size, kind, *arguments, pid=fields.pop("pid", self.pid), **fields))

    def ask(self, device=0):
        return poc.Totals(bytes.fromhex(self._tell("ask", message(self.size, QUERY, device))))

    def fork(self):
        """Returns the pid of the child, which takes over; the process waits for it."""
        self.process.stdin.write("fork\n")
        self.process.stdin.flush()
        pids = {int(self.process.stdout.readline()), int(self.process.stdout.readline())}
        return (pids - {self.pid} or pids).pop()

    def end(self):
        self.process.stdin.close()
        return self.process.wait(20)

    def kill(self):
        self.process.kill()
        self.process.wait()


def rows_of(file, sql):
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        return database.execute(sql).fetchall()


def peaks_of(file):
    return {(row["device"], row["region"]): row["peak_bytes"] for row in analyze("peak", file)["rows"]}


def check_answers(connection, model, devices):
    """A monitor sees what the model holds."""
    for device in devices:
        seen, sums = connection.totals(device), model.totals(device)
        equal((seen.type, seen.device), (poc.RESPONSE, device), "head of the answer")
        equal((seen.dram, seen.l1, seen.l1_small, seen.trace),
              (sums.get(DRAM, 0), sums.get(L1, 0), sums.get(L1_SMALL, 0) + sums.get(SYSTEM_MEMORY, 0), sums.get(TRACE, 0)),
              f"totals of device {device}")
        if connection.size == 144:
            equal((seen.cb, seen.kernel), (sums.get(16, 0), sums.get(17, 0)), f"CBs and kernels of device {device}")


def check_file(file, model):
    """The recording holds what the model does."""
    equal(peaks_of(file), {(device, REGIONS[region]): bytes_ for (device, region), bytes_ in model.peaks.items()}, "peaks")
    leaks = sorted((row["pid"], row["device"], row["region"], row["address"], row["size_bytes"])
                   for row in analyze("leaks", file, "-n", "1000000")["rows"])
    equal(leaks, sorted((pid, device, REGIONS[region], id_, bytes_) for pid, blocks in model.held.items()
                        for (device, region, id_), (_order, bytes_) in blocks.items()), "leaks")
    counts = {(row["pid"], row["device"], row["region"]): (row["allocs"], row["frees"])
              for row in analyze("processes", file, "-n", "100000")["rows"] if row["device"] is not None}
    equal(counts, {(pid, device, REGIONS[region]): (allocs, model.frees.get((pid, device, region), 0))
                   for (pid, device, region), allocs in model.allocs.items()}, "processes")


def the_demo():
    """The C++ demo: frees carry neither pid nor device."""
    place = Place()
    server, model = OldServer(place), Model()
    client, monitor = Process(server), Connection(server.path)
    for id_ in range(1, 17):
        region, bytes_ = (DRAM, 25 * MIB) if 5 <= id_ <= 8 else (L1, MIB)
        client.send(ALLOC, 0, bytes_, region, id_=id_, time_ns=time.time_ns())
        model.alloc(client.pid, 0, region, id_, bytes_)
    for id_ in (1, 2, 5, 6, 9, 10, 99):
        client.send(FREE, pid=0, id_=id_)
        model.free(client.pid, 0, id_)
    client.ask()
    check_answers(monitor, model, [0, 1, 7, 200, -3])
    client.end()
    wait_until(lambda: monitor.totals().dram == 0, "the end of the client")
    file = server.stop()
    check_file(file, model)
    equal(analyze("info", file)["rows"][0]["unmatched_frees"], 1, "frees of nothing")
    equal(rows_of(file, "SELECT producer, pid, ended FROM process"), [("poc", client.pid, "process exit")], "the process")


def the_python_client():
    """It frees on device 0 whatever it has allocated where."""
    place = Place()
    server, model = OldServer(place), Model()
    client = Process(server, 112)
    for id_ in range(1, 9):
        client.send(ALLOC, id_ % 3, MIB * id_, id_ % 2, id_=id_)
        model.alloc(client.pid, id_ % 3, id_ % 2, id_, MIB * id_)
    for id_ in range(1, 7):
        client.send(FREE, 0, id_=id_)
        model.free(client.pid, id_ % 3, id_)
    client.ask()
    check_answers(Connection(server.path), model, range(4))
    client.end()
    check_file(server.stop(), model)


def the_same_address_on_every_chip():
    """A client that names devices means them: a free on device 0 is not one on device 1."""
    place = Place()
    server, model = OldServer(place), Model()
    client = Process(server)
    for device in range(4):
        client.send(ALLOC, device, 4096, DRAM, id_=0x1000)
        model.alloc(client.pid, device, DRAM, 0x1000, 4096)
    for device in (3, 0, 0):
        client.send(FREE, device, id_=0x1000)
        model.free(client.pid, device, 0x1000)
    client.ask()
    check_answers(Connection(server.path), model, range(5))
    client.end()
    check_file(server.stop(), model)


def random_messages(generator, count, size, pid, model=None):
    """A stream, which MODEL follows."""
    model, live, stream = model or Model(), [], []
    for _ in range(count):
        device, id_, bytes_ = generator.randrange(3), generator.randrange(1, 40) << 6, generator.choice([0, 64, 4096, 99999])
        kind = generator.choice([ALLOC, ALLOC, FREE] if size in (72, 112) else
                                [CB_ALLOC, CB_FREE, KERNEL_LOAD, KERNEL_UNLOAD] if size == HELPER else
                                [ALLOC, ALLOC, FREE, CB_ALLOC, CB_FREE, KERNEL_LOAD, KERNEL_UNLOAD])
        if kind in (FREE, CB_FREE, KERNEL_UNLOAD) and live and generator.random() < 0.8:
            kind, device, id_ = live.pop(generator.randrange(len(live)))
        region = generator.randrange(5) if kind == ALLOC else 16 if kind in (CB_ALLOC, CB_FREE) else 17
        stream.append(message(size, kind, device, 0 if kind == FREE else bytes_, region if kind == ALLOC else 0, pid, id_,
                              time.time_ns() if kind in (ALLOC, CB_ALLOC, KERNEL_LOAD) else 0))
        if kind in (ALLOC, CB_ALLOC, KERNEL_LOAD):
            model.alloc(pid, device, region, id_, bytes_)
            live.append(({ALLOC: FREE}.get(kind, kind + 1), device, id_))
        elif kind == FREE:
            model.free(pid, device, id_)
        else:
            model.end(pid, device, region, id_)
    return stream, model


def named_first(size, pid, model):
    """Shows that the client names devices, so that the model needs no rule for those that do not."""
    if size == HELPER:
        return []
    model.alloc(pid, 1, DRAM, 0x77, 64)
    model.free(pid, 1, 0x77)
    return [message(size, ALLOC, 1, 64, DRAM, pid, 0x77), message(size, FREE, 1, 0, 0, pid, 0x77)]


def random_streams():
    """Several clients of each size in turn: answers and file are the model's."""
    place = Place()
    server, model, generator = OldServer(place), Model(), random.Random(7)
    clients = [Process(server, size) for size in (*SIZES, HELPER) * 2]
    monitor = Connection(server.path, 144)
    for client in clients:
        client.send_bytes(b"".join(named_first(client.size, client.pid, model)) or b"")
    for _ in range(60 if LONG else 15):
        client = generator.choice(clients)
        stream, _ = random_messages(generator, 40, client.size, client.pid, model)
        client.send_bytes(b"".join(stream))
        wait_until(lambda: sum_seen(monitor) == sum_modelled(model), "the stream to be read", 5)
        check_answers(monitor, model, range(3))
    for client in clients:
        client.end()
    wait_until(lambda: sum_seen(monitor) == 0, "the clients' end")
    check_file(server.stop(), model)


def sum_seen(monitor):
    seen = [monitor.totals(device) for device in range(3)]
    return sum(t.dram + t.l1 + t.l1_small + t.trace + t.cb + t.kernel for t in seen)


def sum_modelled(model):
    return sum(sum(model.totals(device).values()) for device in range(3))


def send_cut(path, size, cut):
    """Sends the stream of this size from a process of its own; CUT makes pieces of its messages."""
    child = os.fork()
    if not child:
        connection = Connection(path, size)
        for piece in cut(random_messages(random.Random(size), 12, size, os.getpid())[0]):
            connection.socket.sendall(piece)
            time.sleep(0.0005)  # so that they are received one by one
        os._exit(0)
    equal(os.waitpid(child, 0)[1], 0, "status of who sends")


def at_offset(offset):
    return lambda stream: [b"".join(stream)[:offset], b"".join(stream)[offset:]]


def in_pieces(length):
    return lambda stream: [b"".join(stream)[at:at + length] for at in range(0, sum(map(len, stream)), length)]


def cut_streams():
    """Glued, one by one, and cut at every byte offset: the same events."""
    place = Place()
    server = OldServer(place)
    sent = 0
    for size in (*SIZES, HELPER):
        offsets = range(12 * size) if LONG else [*range(1, size), *range(size, 12 * size, 29)]
        cuts = [lambda stream: stream, *map(at_offset, offsets), *map(in_pieces, (1, 5, 50, 71, 73, 200))]
        for cut in cuts:
            send_cut(server.path, size, cut)
        sent += len(cuts)
    file = server.stop()
    processes = {}
    for process, *event in rows_of(file, "SELECT process, kind, device, region, address, size_bytes FROM event"):
        processes.setdefault(process, []).append(tuple(event))
    equal(len(processes), sent, "processes")
    equal(len({tuple(events) for events in processes.values()}), 4, "different recordings, of four sizes")
    equal(analyze("info", file)["rows"][0]["lost"], 0, "lost events")


def three_monitors():
    """Old monitors on one connection, tt_smi on a new one per frame: one answer per request, in order and of its size."""
    place = Place()
    server = OldServer(place)
    client = Process(server)
    for device in range(5):
        client.send(ALLOC, device, 1000 + device, DRAM, id_=5)
    client.ask()
    monitors = [Connection(server.path, size) for size in SIZES]
    for _ in range(20):
        for monitor in monitors:
            equal(monitor.totals(3).dram, 1003, "what a monitor sees")
        smi = Connection(server.path, 144)
        equal((smi.totals(2).dram, len(smi.ask(DEVICE_INFO_QUERY, 2)), smi.totals(1).dram), (1002, 144, 1001), "a frame")
        smi.close()
    for size in SIZES[1:]:
        answer = Connection(server.path, size).ask(DEVICE_INFO_QUERY, -1)
        equal((answer[0], len(answer), struct.unpack_from("<II", answer, 104 if size == 112 else 120)), (7, size, (1, 5)),
              "the number of devices")
    for size in SIZES:  # many questions before the first answer is read: more than a socket holds
        asking = Connection(server.path, size)
        asking.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        asking.socket.sendall(b"".join(message(size, QUERY, device % 5) for device in range(2000)))
        answers = b""
        while len(answers) < 2000 * size:
            answers += asking.socket.recv(1 << 16)
        equal([struct.unpack_from("<i", answers, at * size + 4)[0] for at in range(2000)], [n % 5 for n in range(2000)], "answers")
    equal(analyze("info", server.stop())["rows"][0]["processes"], 1, "processes: monitors are none")


def monitors_see_hooks():
    """What a hook's process holds is in the totals, and its geometry is the device's."""
    place = Place()
    server = OldServer(place)
    client, player = Process(server), Player(place)
    player.open([issued.Layout(issued.DRAM, 12, 1 << 30, 32, 32), issued.Layout(issued.L1, 64, 1395424, 104224, 16)], device=3)
    player.alloc(0x1000, 5000, device=3)
    player.alloc(0x2000, 300, device=3, region=issued.L1)
    client.send(ALLOC, 3, 70, DRAM, id_=9)
    client.ask()
    check(player.flush(), "flush")
    for size in SIZES:
        totals = Connection(server.path, size).totals(3)
        equal((totals.dram, totals.l1, totals.trace), (5070, 300, 0), f"totals, {size} bytes")
    for size, at in ((112, 72), (144, 88)):
        answer = Connection(server.path, size).ask(DEVICE_INFO_QUERY, 3)
        equal(struct.unpack_from("<2Q5I", answer, at), (12 << 30, 64 * 1395424, 2, 12, 1 << 30, 1395424, 1), f"device, {size} bytes")
        answer = Connection(server.path, size).ask(DEVICE_INFO_QUERY, 2)
        equal(struct.unpack_from("<2Q5I", answer, at), (0,) * 7, "a device of which nothing is known")
        answer = Connection(server.path, size).ask(DEVICE_INFO_QUERY, -1)
        equal(struct.unpack_from("<II", answer, 104 if size == 112 else 120), (1, 4), "the number of devices")
    player.free(0x1000, device=3)
    check(player.flush(), "flush")
    equal(Connection(server.path).totals(3).dram, 70, "after the free")
    player.kill()
    monitor = Connection(server.path)
    wait_until(lambda: monitor.totals(3).l1 == 0, "what it held to go with it", 10)
    server.stop()


def a_client_dies():
    """What it held is released in the same moment; what others hold is not."""
    place = Place()
    server = OldServer(place)
    monitor, clients = Connection(server.path), [Process(server), Process(server)]
    for client in clients:
        client.send(ALLOC, 0, MIB, DRAM, id_=1)
        client.ask()
    equal(monitor.totals().dram, 2 * MIB, "both hold")
    clients[0].kill()
    wait_until(lambda: monitor.totals().dram == MIB, "the release", 1)
    clients[1].send(FREE, 0, id_=1)
    clients[1].ask()
    equal(monitor.totals().dram, 0, "what is held after the other's free")
    file = server.stop()
    leaks = analyze("leaks", file)["rows"]
    equal([(row["pid"], row["ended"]) for row in leaks], [(clients[0].pid, "process exit")], "leaks")


def a_forked_child():
    """It reports on its parent's connection under its own pid, and is a process of its own."""
    place = Place()
    server = OldServer(place)
    monitor, client = Connection(server.path), Process(server)
    client.send(ALLOC, 0, 1000, DRAM, id_=1)
    child = client.fork()
    client.send(ALLOC, 0, 200, DRAM, id_=1, pid=child)
    client.ask()
    equal(monitor.totals().dram, 1200, "what both hold")
    client.kill()
    wait_until(lambda: monitor.totals().dram == 200, "the release of what the parent held", 2)
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: monitor.totals().dram == 0, "the release of what the child held", 2)
    file = server.stop()
    equal(sorted(rows_of(file, "SELECT pid, ended FROM process")),
          sorted([(client.pid, "process exit"), (child, "process exit")]), "processes")


def many_forked_children():
    """However many children a process has, each is a process of its own."""
    place = Place()
    server = OldServer(place)
    connection, children = Connection(server.path), []
    for _ in range(300):
        child = os.fork()
        if child == 0:
            connection.send(ALLOC, 0, 100, DRAM, id_=1, pid=os.getpid())
            os._exit(0)
        os.waitpid(child, 0)
        children.append(child)
    connection.close()
    file = server.stop()
    equal(rows_of(file, "SELECT count(*), count(DISTINCT process) FROM allocation"), [(300, 300)], "blocks, and their processes")
    equal(sorted(pid for pid, in rows_of(file, "SELECT pid FROM process")), sorted(children), "processes")


def the_recorder_ends_first():
    """Old clients do not survive a connection that is closed on them, and stand still when it is not read."""
    place = Place()
    server = OldServer(place)
    client, monitor = Process(server), Connection(server.path)
    client.send(ALLOC, 0, 4096, DRAM, id_=1)
    client.ask()
    monitor.totals()
    file = server.stop()
    check(not os.path.exists(server.path), "the socket is still there")
    for _ in range(40):
        client.send_bytes(message(72, ALLOC, 0, 64, DRAM, client.pid, 2) * 500)  # 1.4 MB in all
    equal(monitor.socket.recv(100), b"", "what a monitor is told")
    equal(client.end(), 0, "the client's status")
    monitor.close()
    equal([row["ended"] for row in analyze("leaks", file)["rows"]], ["live"], "leaks")
    wait_until(lambda: not lingering(), "the end of who stayed behind for the client", 5)


def a_recorder_is_killed():
    """Its old clients die with it or connect anew; going on with the file ends them, and says that something may be lost."""
    place = Place()
    server = OldServer(place)
    client = Process(server)
    client.send(ALLOC, 0, 4096, DRAM, id_=1)
    client.ask()
    wait_until(lambda: rows_of(server.file, "SELECT 1 FROM allocation"), "the commit")
    server.kill()
    client.kill()
    server = OldServer(place, "--append")
    client = Process(server)
    client.send(ALLOC, 0, 100, DRAM, id_=1)
    equal(client.ask().dram, 100, "what is held")
    file = server.stop()
    equal(rows_of(file, "SELECT ended FROM process"), [("process exit",), (None,)], "how processes ended")
    equal([why for (why,) in rows_of(file, "SELECT why FROM loss")], ["its recorder was killed"], "losses")


def lingering():
    """Readers that a recorder of this build left behind."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"--legacy-linger" in file.read() and os.readlink(f"/proc/{pid}/exe") == program("ttalloc-recorder"):
                    found.append(int(pid))
        except OSError:
            pass
    return found


def whose_socket_it_is():
    """A live server's is not stolen, a stale one is replaced, and nobody else may connect."""
    place = Place()
    path = place.file("old.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as old:
        old.bind(path)
        old.listen()
        result = run([program("ttalloc-recorder"), f"--poc-socket={path}", "-o", place.file("a.db"), "--", "true"], env=place.env)
        equal(result.returncode, 125, f"status where another server lives ({result.stderr})")
        check(path in result.stderr and os.path.exists(path), f"it said: {result.stderr}")
    server = OldServer(place)
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of the socket")
    server.stop()
    result = run([program("ttalloc-recorder"), "--log-events", "-o", place.file("b.db"), "--", "true"], env=place.env)
    equal(result.returncode, 125, "status of --log-events alone")


def wrapped():
    """A wrapped client, the path in the next word, and the lines of the old server, which scripts read."""
    place = Place()
    path = place.file("old.sock")
    # The pid goes to stderr: stdout has the recorder's lines, which may be in the middle of one.
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import os, poc; c = poc.Connection(sys.argv[2]); p = os.getpid();"
            "[c.send(poc.ALLOC, 1, 100 + i, i % 2, p, i + 1) for i in range(3)];"
            "c.send(poc.ALLOC, 1, 100, 0, p, 1); c.send(poc.FREE, 1, 0, 0, p, 2); c.send(poc.FREE, 1, 0, 0, p, 7);"
            "c.size = 72; c.send(poc.DUMP_REMAINING); c.totals(1);"
            "d = poc.Connection(sys.argv[2], 112); d.send(poc.ALLOC, 2, 300, 1, p, 31); d.totals(2); print(p, file=sys.stderr)")
    result = run([program("ttalloc-recorder"), "--poc-socket", path, "--log-events", "-o", place.file("run.db"), "--",
                  sys.executable, "-c", code, os.path.dirname(poc.__file__), path], env=place.env)
    equal(result.returncode, 0, f"status ({result.stderr})")
    pid = re.search(r"^\d+$", result.stderr, re.M).group()
    for line in (f"✓ [PID {pid}] Allocated 101 bytes of L1 on device 1 (buffer_id=2)",
                 f"✓ [PID {pid}] Allocated 100 bytes of DRAM on device 1 (buffer_id=1, ref_count=2)",
                 f"✗ [PID {pid}] Freed buffer 2 on device 1 (101 bytes, FINAL)",
                 f"⚠ [PID {pid}] Deallocation for unknown buffer 7 on device 1 (allocated before tracking started)",
                 f"✓ [PID {pid}] Allocated 300 bytes of L1 on device 2 (buffer_id=0x1f)",
                 "  DRAM: 2 buffers, 0.00 MB"):
        check(line in result.stdout.splitlines(), f"no line {line!r} in {result.stdout}")
    info = analyze("info", place.file("run.db"))["rows"][0]
    equal((info["allocations"], info["frees"], info["replaced"]), (5, 2, 1), "events")


def kernels_and_circular_buffers():
    """Their numbers are a space of their own, a repeated load is one load, and surplus ends do no harm."""
    place = Place()
    server, model = OldServer(place), Model()
    client, monitor = Process(server, 144), Connection(server.path, 144)
    for kind, region in ((ALLOC, L1), (CB_ALLOC, 16), (KERNEL_LOAD, 17), (CB_ALLOC, 16), (KERNEL_LOAD, 17)):
        client.send(kind, 0, 2048, region if kind == ALLOC else 2 if kind == KERNEL_LOAD else 0, id_=0x1000)
        model.alloc(client.pid, 0, region, 0x1000, 2048)
    client.ask()
    check_answers(monitor, model, [0])
    for kind, region in ((CB_FREE, 16), (CB_FREE, 16), (KERNEL_UNLOAD, 17), (KERNEL_UNLOAD, 17)):
        client.send(kind, 0, 2048, id_=0x1000)
        model.end(client.pid, 0, region, 0x1000)
    client.send(KERNEL_LOAD, 0, 512, 1, id_=0x7f0012345678)
    model.alloc(client.pid, 0, 17, 0x7f0012345678, 512)
    client.send(DUMP_KERNELS)
    client.ask()
    check_answers(monitor, model, [0])
    client.end()
    file = server.stop()
    equal(rows_of(file, "SELECT DISTINCT kind FROM kernel ORDER BY 1"), [("dispatch",), ("fabric",)], "kinds of kernels")
    check_file(file, model)


def hook_and_old_client():
    """One process, one producer: what a hook reports as well is recorded once; steps alone change nothing."""
    place = Place()
    server = OldServer(place)
    code = ("import sys; sys.path[:0] = sys.argv[1:3]; import poc, ttalloc, os; c = poc.Connection(sys.argv[3]);"
            "speaks = sys.argv[4] == '1'; ttalloc.enabled();"
            "import ctypes; speaks and ctypes.CDLL('libttalloc.so.1').ttalloc_name_producer(b'preload'); ttalloc.step(1);"
            "[(c.send(poc.ALLOC, 0, 64, poc.DRAM, os.getpid(), n), speaks and ttalloc.alloc(0, 0, n, 64)) for n in (4096, 8192)];"
            "print(c.totals().dram); ttalloc.flush()")
    for speaks in "01":
        result = run([sys.executable, "-c", code, os.path.dirname(poc.__file__), str(BUILD / "hook/ttalloc/python"), server.path, speaks],
                     env=place.target_env(LD_LIBRARY_PATH=str(BUILD / "hook"), PYTHONDONTWRITEBYTECODE="1"))
        equal(result.returncode, 0, f"status ({result.stderr})")
        # What monitors are told has both for a process that speaks both ways, once what the hook said has come.
        check(result.stdout == "128\n" or speaks == "1", f"total ({result.stdout})")
        place.await_drained()  # what it had is no part of the next one's total
    file = server.stop()
    equal(sorted(rows_of(file, "SELECT producer, count(*) FROM allocation JOIN process ON process_id = process GROUP BY 1")),
          [("poc", 2), ("preload", 2)], "blocks by who reported them")


if __name__ == "__main__":
    main(the_demo, the_python_client, the_same_address_on_every_chip, random_streams, cut_streams, three_monitors, monitors_see_hooks,
         a_client_dies, a_forked_child, many_forked_children, the_recorder_ends_first, a_recorder_is_killed, whose_socket_it_is, wrapped, kernels_and_circular_buffers,
         hook_and_old_client)
