# SPDX-License-Identifier: Apache-2.0
"""What is not the old protocol, or lies in it: a clear line, nothing recorded wrong, and the recorder goes on."""
import os
import random
import resource
import struct
import subprocess
import sys
import time

import poc
from harness import Place, Recorder, analyze, check, check_memory, equal, main, skip, start, verify, wait_until
from poc import ALLOC, CB_FREE, DRAM, FREE, KERNEL_UNLOAD, L1, Connection, message

MIB = 1 << 20


class Server(Recorder):
    def __init__(self, place):
        self.path = place.file("old.sock")
        super().__init__(place, "run.db", [f"--poc-socket={self.path}"])
        wait_until(lambda: poc.is_served(self.path), "the socket for old clients")

    def good(self):
        """A connection that reports one block."""
        connection = Connection(self.path)
        connection.send(ALLOC, 0, MIB, DRAM, os.getpid(), 1)
        equal(connection.totals().dram, MIB, "what a good client holds")
        return connection

    def stop(self, timeout=60):
        file = super().stop(timeout)
        verify(file)
        return file

    def lines(self, words):
        return [line for line in self.said().splitlines() if words in line]


def recorded(file):
    """(region, size) of all blocks."""
    return sorted((row["region"], row["size_bytes"]) for row in analyze("leaks", file, "-n", "1000000")["rows"])


def rubbish():
    """It is no message. The connection stays open and is read: its client would die of its end."""
    place = Place()
    server = Server(place)
    generator, connections = random.Random(1), []
    for count in (1, 50, 72, 144, 5000, 100000):
        connection = Connection(server.path)
        connection.socket.settimeout(10)
        connection.socket.sendall(b"\xff" + generator.randbytes(count))
        for _ in range(20):
            connection.socket.sendall(generator.randbytes(50000))
        connections.append(connection)
    for size in (24, 40, 64, 80, 100, 128, 143):
        connection = Connection(server.path)
        connection.socket.sendall(message(72, ALLOC, 0, 4096, DRAM, os.getpid(), 5)[:40].ljust(size, b"\0")[:size] * 6)
        connections.append(connection)
    good = server.good()
    check(server.lines("no message of the old protocol"), f"no line about it: {server.said()}")
    check(len(server.said().splitlines()) <= 12, f"too many lines: {server.said()}")
    good.close()
    file = server.stop()
    equal(recorded(file), [("DRAM", MIB)], "blocks")


def rubbish_after_messages():
    """What came before is kept, and the recording says that there is more."""
    place = Place()
    server = Server(place)
    client = server.good()
    client.socket.sendall(b"\x63" * 72)
    client.socket.sendall(message(72, ALLOC, 0, MIB, DRAM, os.getpid(), 2))
    wait_until(lambda: server.lines("no message"), "the line about it")
    client.close()
    monitor = Connection(server.path)
    wait_until(lambda: monitor.totals().dram == 0, "the client's end")
    file = server.stop()
    equal(recorded(file), [("DRAM", MIB)], "blocks")
    equal(analyze("info", file)["complete"], False, "whether it is complete")


def half_messages():
    place = Place()
    server = Server(place)
    for size in poc.SIZES:
        for count in (1, 39, 40, 71, size - 1):
            connection = Connection(server.path)
            connection.socket.sendall(message(size, ALLOC, 0, 4096, L1, os.getpid(), 5)[:count])
            connection.close()
    server.good().close()
    wait_until(lambda: server.lines("within a message"), "the line about it")
    # 112 and 144 bytes that end within their last zeros are the same message to all that can be seen
    equal(recorded(server.stop()), [("DRAM", MIB)], "blocks")


def the_24_byte_monitor():
    place = Place()
    server = Server(place)
    connection = Connection(server.path)
    for _ in range(5):
        connection.socket.sendall(b"\x02" + bytes(23))
        time.sleep(0.01)
    server.good().close()
    info = analyze("info", server.stop())["rows"][0]
    equal((info["frees"], info["processes"]), (0, 2), "frees and processes, the one turned away included")


def a_false_pid():
    """Credentials win: another's pid gets nobody anything."""
    place = Place()
    server = Server(place)
    victim = start([sys.executable, poc.__file__, server.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    victim.stdout.readline()
    victim.stdin.write(f"send {message(72, ALLOC, 0, 4096, DRAM, victim.pid, 7).hex()}\n")
    victim.stdout.readline()
    liar = Connection(server.path)
    for pid in (victim.pid, 1, -5, 1 << 30):
        liar.send(FREE, 0, 0, 0, pid, 7)
        liar.send(ALLOC, 0, 100, DRAM, pid, 8)
    equal(liar.totals().dram, 4096 + 100, "what is held")
    liar.close()
    equal(len(server.lines("reports as process")), 1, "lines about it")
    file = server.stop()
    leaks = sorted((row["pid"], row["size_bytes"]) for row in analyze("leaks", file)["rows"])
    equal(leaks, sorted([(victim.pid, 4096), (os.getpid(), 100)]), "who holds what")


def odd_messages():
    """Recorded as they are, but for what cannot be, which is a loss; never below zero."""
    place = Place()
    server = Server(place)
    client = Connection(server.path, 144)
    pid = os.getpid()
    client.send(ALLOC, 0, 0, DRAM, pid, 1)
    client.send(ALLOC, 0, 100 << 30, L1, pid, 2)
    client.send(ALLOC, 0, 2**63, L1, pid, 8)
    client.send(ALLOC, 0, 100, 7, pid, 3)
    client.send(ALLOC, -2, 300, DRAM, pid, 4)
    client.send(ALLOC, 255, 500, DRAM, pid, 5)
    client.send(ALLOC, 1 << 20, 700, DRAM, pid, 6)
    client.send(ALLOC, 0, 4096, DRAM, pid, 0)  # address 0: TT-Metal's graph capture took no memory
    for kind in (FREE, CB_FREE, KERNEL_UNLOAD):
        for device in (0, 65535, -1, 3):
            client.send(kind, device, 10, 0, pid, 77)
    equal([client.totals(device).dram for device in (0, -2, 255, 1 << 20)], [0, 0, 500, 0], "DRAM of each device")
    equal((client.totals().cb, client.totals().kernel), (0, 0), "CBs and kernels")
    client.send(FREE, 0, 0, 0, pid, 2)
    equal(client.totals().l1, 0, "L1")
    client.close()
    equal((len(server.lines("does not have")), len(server.lines("cannot be"))), (1, 1), "lines about it")
    file = server.stop()
    equal(recorded(file), sorted([("DRAM", 0), ("263", 100), ("DRAM", 500), ("DRAM", 4096)]), "blocks")
    impossible = 3 + 2 * 3  # allocs, and the frees of devices 65535 and -1
    equal(analyze("sql", file, "SELECT count, why FROM loss")["rows"],
          [{"count": impossible, "why": "a device or size that cannot be"}], "losses")
    peaks = {(row["device"], row["region"]): row["peak_bytes"] for row in analyze("peak", file)["rows"]}
    equal(peaks[0, "DRAM"], 0, "a block at address 0 counts nothing")


def a_draft_of_the_protocol():
    """Packed messages of 14, 21 and 17 bytes: named as what they are."""
    place = Place()
    server = Server(place)
    for data in (struct.pack("<BiQB", 8, 0, 4096, 1) * 10, struct.pack("<BiQII", 9, 0, 4096, 3, 64),
                 struct.pack("<BiQI", 10, 1, 4096, 3) * 5):
        connection = Connection(server.path)
        connection.socket.sendall(data)
        connection.close()
    server.good().close()
    wait_until(lambda: len(server.lines("of a draft")) == 3, "the lines about it")
    file = server.stop()
    equal(recorded(file), [("DRAM", MIB)], "blocks")
    equal(analyze("info", file)["rows"][0]["complete"], 0, "complete")


def ten_thousand_connections():
    """At once, some of which report, some with half a message, most of which say nothing."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 10300:
        skip(f"{hard} descriptors are too few")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    place = Place()
    server = Server(place)
    connections = []
    for number in range(10000):
        connections.append(Connection(server.path))
        if number % 10 == 0:
            connections[-1].send(ALLOC, number % 2, 64, DRAM, os.getpid(), number + 1)
        elif number % 10 == 1:
            connections[-1].socket.sendall(b"\x01\0\0\0\0")
    monitor = Connection(server.path)
    wait_until(lambda: monitor.totals().dram == 500 * 64 * 2, "all reports")
    began = time.monotonic()
    for _ in range(100):
        monitor.totals()
    check(time.monotonic() - began < 1, "a monitor waits")
    check_memory(server.process.pid, 200)
    for connection in connections:
        connection.close()
    wait_until(lambda: monitor.totals().dram == 0, "the release of all")
    file = server.stop()
    equal(len(recorded(file)), 1000, "blocks")
    check(len(server.said().splitlines()) <= 20, f"too many lines: {server.said()}")


if __name__ == "__main__":
    main(rubbish, rubbish_after_messages, half_messages, the_24_byte_monitor, a_false_pid, odd_messages, a_draft_of_the_protocol, ten_thousand_connections)
