# SPDX-License-Identifier: Apache-2.0
"""Clients that send garbage, lie, truncate their segment or stop half-way: they are dropped, and the others go on."""
import os
import random
import signal
import struct
import time

from harness import LONG, Place, Player, Recorder, analyze, check, check_faithful, check_memory, equal, main, wait_until
from hello import HELLO, MESSAGE_BYTES, SEALED, connect, hello, message

def still_serves(place, recorder, *others):
    """A client that behaves is recorded from end to end."""
    player = Player(place)
    player.alloc(0x1000, 100)
    check(player.flush(), f"a good client is not served any more: {recorder.said()}")
    player.end()
    check(recorder.process.poll() is None, f"the recorder ended: {recorder.said()}")
    return player


def garbage_on_the_socket():
    place = Place()
    recorder = Recorder(place)
    chance = random.Random(1)
    clients = []
    messages = [b"", b"x", bytes(MESSAGE_BYTES), bytes(MESSAGE_BYTES - 1), message(HELLO, magic=1), message(HELLO, version=99),
                message(77), message(SEALED, struct.pack("<QQII", 1 << 63, 1 << 63, 1, 0)), hello(""), hello("/etc/passwd"),
                hello("/dev/zero"), hello("/dev/stdin"), hello("/no/such/file"), hello("x" * 600), hello(place.segments),
                hello(place.segments, pid=1)]
    messages += [chance.randbytes(chance.randrange(1, 2000)) for _ in range(200 if LONG else 40)]
    for data in messages:
        client = connect(place)
        clients.append(client)
        try:
            client.send(data)
            client.send(message(SEALED, struct.pack("<QQII", 4096, 7, 1, 0)))
        except OSError:
            pass
    player = still_serves(place, recorder)
    for client in clients:
        client.close()
    place.await_drained()
    good_client_alone(recorder.stop(), player)


def good_client_alone(file, player):
    """The good one is recorded; the others were turned away, which is a loss."""
    equal(analyze("sql", file, f"SELECT count(*) AS n FROM event WHERE pid = {player.pid}")["rows"][0]["n"], 1, "events")
    info = analyze("info", file)["rows"][0]
    equal((info["events"], info["complete"]), (1, 0), "events of all, and complete")
    equal(analyze("verify", file)["rows"], [], "findings")


def a_hello_that_never_ends():
    """Clients that connect and say nothing, or vanish at once, take nothing away from the others."""
    place = Place()
    recorder = Recorder(place)
    silent = [connect(place) for _ in range(100)]
    for _ in range(100):
        connect(place).close()
    player = still_serves(place, recorder)
    for client in silent:
        client.close()
    place.await_drained()
    check_faithful(recorder.stop(), player)


def a_fifo_for_a_segment():
    """Opening it must not block."""
    place = Place()
    recorder = Recorder(place)
    fifo = place.segments / "0-1-2.segment"
    os.mkfifo(fifo, 0o600)
    client = connect(place)
    client.send(hello(fifo))
    player = still_serves(place, recorder)
    fifo.unlink()
    place.await_drained()
    good_client_alone(recorder.stop(), player)
    client.close()


def the_segment_is_truncated():
    """Of a live process, to several lengths."""
    place = Place()
    recorder = Recorder(place)
    for length in (0, 100, 4096, 70000):
        victim = Player(place)
        victim.burst(3000, 0x1000)
        check(victim.flush(), "flush")
        for name in place.leftover_segments():
            if f"-{victim.pid}-" in name:
                os.truncate(place.segments / name, length)
        victim.popen.kill()
        victim.popen.wait()
    player = still_serves(place, recorder)
    wait_until(lambda: _events(recorder.file) >= 24001, "the events", 20)
    recorder.stop()
    equal(_events(recorder.file), 24001, "events: those that were committed, and the good client's")
    equal(analyze("verify", recorder.file)["rows"], [], "findings")
    check(player.pid, "")


def _events(file):
    return analyze("info", file)["rows"][0]["events"]


def damaged_segments_of_the_dead():
    """Bytes of a segment are changed at random before a recorder drains it: whatever it takes in, it does not crash, it
    stays small, the file is sound, and the next client is served."""
    place = Place()
    for seed in range(120 if LONG else 24):
        chance = random.Random(seed)
        victim = Player(place, env=place.target_env(TTALLOC_SPOOL_MIB="1",
                                                    TTALLOC_FLUSH_MS="10000" if seed % 2 else "10"))
        victim.push("label")
        victim.open([])
        for i in range(60):
            victim.alloc(0x1000 * (i + 1), 100)
        victim.cb_alloc(1, 0x100, 64)
        victim.kernel_load(7, 100, "kernel")
        time.sleep(0 if seed % 2 else 0.03)
        victim.kill()
        for name in place.leftover_segments():
            if f"-{victim.pid}-" in name:
                damage(place.segments / name, chance)
    recorder = Recorder(place)
    player = still_serves(place, recorder)
    time.sleep(1)
    check(recorder.process.poll() is None, f"the recorder ended: {recorder.said()}")
    check_memory(recorder.process.pid, 300)
    recorder.stop()
    equal(analyze("verify", recorder.file)["rows"], [], "findings")
    rows = analyze("sql", recorder.file, f"SELECT count(*) AS n FROM event WHERE pid = {player.pid}")["rows"]
    equal(rows[0]["n"], 1, "events of the good client")


def damage(path, chance):
    """A few bytes, words of extreme values, or a cut, where something is."""
    with open(path, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        used = [at for first, end in data_of(file) for at in words_in(file, first, end)] or [0]
        for _ in range(chance.choice((1, 3, 20))):
            file.seek(chance.choice(used))
            file.write(chance.choice((chance.randbytes(1), b"\xff" * 8, bytes(8), struct.pack("<Q", 1 << 62),
                                      struct.pack("<Q", chance.randrange(size)))))
    if chance.random() < 0.15:
        os.truncate(path, chance.randrange(size))


def data_of(file):
    """The ranges of a sparse file that are not holes."""
    at = 0
    while True:
        try:
            first = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError:
            return
        at = os.lseek(file.fileno(), first, os.SEEK_HOLE)
        yield first, at


def words_in(file, first, end):
    """Places of words that are not zero."""
    data = os.pread(file.fileno(), min(end - first, 4 << 20), first)
    return [first + i for i in range(0, len(data), 8) if data[i:i + 8].strip(b"\0")]


def a_client_that_stops_half_way():
    """SIGSTOP in the middle, for good: the others' events come through, and the recorder can be ended."""
    place = Place()
    recorder = Recorder(place)
    stopped = Player(place)
    stopped.alloc(0x1000, 1)
    check(stopped.flush(), "flush")
    stopped.alloc(0x2000, 1)
    stopped.popen.send_signal(signal.SIGSTOP)
    player = still_serves(place, recorder)
    began = time.monotonic()
    recorder.stop()
    check(time.monotonic() - began < 10, "the recorder waited for a client that does not answer")
    stopped.popen.kill()
    equal(analyze("verify", recorder.file)["rows"], [], "findings")
    check(_events(recorder.file) >= 2, "events are missing")
    check(player.pid, "")


main(garbage_on_the_socket, a_hello_that_never_ends, a_fifo_for_a_segment, the_segment_is_truncated,
     damaged_segments_of_the_dead, a_client_that_stops_half_way)
