# SPDX-License-Identifier: Apache-2.0
"""Clients of the old protocol, written from its layouts, and a model of what they hold. As a program: a client that
connects to the socket given and does what its standard input says, a word and hexadecimal bytes in each line."""
import os
import socket
import struct
import sys

ALLOC, FREE, QUERY, RESPONSE, DUMP_REMAINING, DEVICE_INFO_QUERY, DEVICE_INFO_RESPONSE = range(1, 8)
CB_ALLOC, CB_FREE, KERNEL_LOAD, KERNEL_UNLOAD, DUMP_KERNELS = range(8, 13)
DRAM, L1, SYSTEM_MEMORY, L1_SMALL, TRACE = range(5)
REGIONS = {DRAM: "DRAM", L1: "L1", SYSTEM_MEMORY: "SYSTEM_MEMORY", L1_SMALL: "L1_SMALL", TRACE: "TRACE", 16: "CB", 17: "KERNEL"}
SIZES = (72, 112, 144)
HELPER = 32


def message(size, kind, device=0, bytes_=0, buffer_type=0, pid=0, id_=0, time_ns=0):
    if size == HELPER:
        return struct.pack("<B3xiQQi4x", kind, device, bytes_, id_, pid)
    return struct.pack("<B3xiQB3xiQQ", kind, device, bytes_, buffer_type, pid, id_, time_ns).ljust(size, b"\0")


class Totals:
    """An answer to QUERY."""

    def __init__(self, answer):
        self.type, self.device = struct.unpack_from("<B3xi", answer)
        self.dram, self.l1, self.l1_small, self.trace = struct.unpack_from("<4Q", answer, 40)
        self.cb, self.kernel = struct.unpack_from("<2Q", answer, 72) if len(answer) == 144 else (None, None)


class Connection:
    """A connection of this very process."""

    def __init__(self, path, size=72):
        self.size = size
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)

    def send(self, *arguments, **fields):
        self.socket.sendall(message(self.size, *arguments, **fields))

    def ask(self, kind, device):
        self.send(kind, device)
        return self.socket.recv(4096)

    def totals(self, device=0):
        return Totals(self.ask(QUERY, device))

    def close(self):
        self.socket.close()


def is_served(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == 0


class Model:
    """What processes hold, by brute force: the rules are those of the recording."""

    def __init__(self):
        self.held = {}  # process: {(device, region, id): (order, bytes)}
        self.peaks = {}
        self.order = 0
        self.allocs = {}
        self.frees = {}
        self.unmatched = 0

    def totals(self, device):
        """By region."""
        sums = {}
        for blocks in self.held.values():
            for (where, region, id_), (_order, bytes_) in blocks.items():
                if where == device:
                    sums[region] = sums.get(region, 0) + (bytes_ if id_ or region > TRACE else 0)
        return sums

    def _note_peak(self, device, region):
        total = self.totals(device).get(region, 0)
        self.peaks[device, region] = max(self.peaks.get((device, region), 0), total)

    def alloc(self, process, device, region, id_, bytes_):
        self.order += 1
        self.held.setdefault(process, {})[device, region, id_] = (self.order, bytes_)
        self.allocs[process, device, region] = self.allocs.get((process, device, region), 0) + 1
        self._note_peak(device, region)

    def _end(self, process, places):
        blocks = self.held.setdefault(process, {})
        found = [place for place in places if place in blocks]
        if not found:
            self.unmatched += 1
            return
        place = max(found, key=blocks.get)
        del blocks[place]
        key = (process, *place[:2])
        self.frees[key] = self.frees.get(key, 0) + 1

    def free(self, process, device, id_):
        self._end(process, [(device, region, id_) for region in range(5)])

    def end(self, process, device, region, id_):
        self._end(process, [(device, region, id_)])


if __name__ == "__main__":
    import signal
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as in a C++ program: it dies of a closed connection
    connection = Connection(sys.argv[1])
    print("connected", flush=True)
    for line in sys.stdin:
        word, _, text = line.partition(" ")
        if word.strip() == "fork":  # the child goes on with the same connection and input
            child = os.fork()
            os.write(1, b"%d\n" % (child or os.getpid()))
            if child:
                os.waitpid(child, 0)
                os._exit(0)
            continue
        connection.socket.sendall(bytes.fromhex(text))
        print(connection.socket.recv(4096).hex() if word == "ask" else "sent", flush=True)
