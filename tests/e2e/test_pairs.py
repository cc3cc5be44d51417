# SPDX-License-Identifier: Apache-2.0
"""Two producers in one process, with the real libraries, into a real file: the drop-in before the preload before the old
protocol; the others are silent, no event is there twice, and `info` names who spoke. The C API is nobody's rival: who
calls it reports memory of its own beside TT-Metal's. The script runs itself as the traced program."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tt_metal"))

import nn as tt  # noqa: E402
import poc  # noqa: E402
import standins  # noqa: E402
from harness import BUILD, SOURCE, Place, Recorder, analyze, equal, main, run, skip, verify, wait_until  # noqa: E402

SIZES = [12 * 4096, 24 * 4096, 36 * 4096]
FREED = 1  # of them
HOST_MALLOC = BUILD / "hook/libttalloc-host-malloc.so"
OWN = (7, 0x5000, 1000)  # a block that the C API alone knows of: its chip, address and size


# --- the traced program ----------------------------------------------------------------------------------------------


def program(place, server, words):
    """TT-Metal's buffers, each of which an old client reports as well, and calls of the C API before and between."""
    sys.path.insert(0, str(BUILD / "hook/ttalloc/python"))
    import ttalloc

    if "label" in words:  # the API is the first to speak
        ttalloc.step(1)
    nn = tt.NN(place)
    chip = nn.open_chip(3)
    client = poc.Connection(server) if "old" in words else None
    for number, size in enumerate(SIZES):
        buffer = nn.tensor(chip, size, page=4096)
        address = nn.address(buffer)
        if client:
            client.send(poc.ALLOC, 3, size, poc.DRAM, os.getpid(), address)
        if "own" in words and number == 1:
            ttalloc.alloc(OWN[0], ttalloc.Region.DRAM, OWN[1], OWN[2])
        if number < FREED:
            if client:
                client.send(poc.FREE, 3, 0, poc.DRAM, os.getpid(), address)
            nn.free(buffer)
    if client:
        client.totals(3)  # all of it has been read
    if "close" in words:
        nn.close(chip)
    sys.stdout.flush()
    os._exit(0)


# --- running it ------------------------------------------------------------------------------------------------------


def record(variant, *words, preload=True, malloc=False):
    if not standins.preload() or not standins.COMPILERS:
        skip("there is no C++ compiler, or no preload")
    place = Place()
    server = place.file("old.sock")
    recorder = Recorder(place, arguments=[f"--poc-socket={server}"])
    wait_until(lambda: poc.is_served(server), "the socket for old clients")
    env = place.target_env(LD_LIBRARY_PATH=str(BUILD / "hook"), PYTHONDONTWRITEBYTECODE="1")
    if preload:
        env["LD_PRELOAD"] = str(standins.preload())
    if malloc:
        env["LD_PRELOAD"] = f"{HOST_MALLOC} {env.get('LD_PRELOAD', '')}"
    standin = standins.standin(standins.COMPILERS[0], 202606, variant)
    result = run([sys.executable, __file__, str(standin), server, *words], env=env, cwd=place.path)
    equal((result.returncode, result.stderr), (0, ""), f"status and stderr ({result.stdout})")
    place.await_drained()
    file = recorder.stop()
    verify(file)
    return file


def spoke(file):
    """By producer: how many blocks of chip 3 it reported."""
    rows = analyze("sql", "SELECT producer, count(allocation_id) AS blocks FROM process LEFT JOIN allocation a "
                          "ON a.process = process_id AND a.device = 3 GROUP BY 1 ORDER BY 1", file)["rows"]
    return {row["producer"]: row["blocks"] for row in rows}


def check_buffers(file, *producers):
    """Each buffer once, as the allocator placed it, by the last of PRODUCERS, and `info` names all."""
    expected = {producer: 0 for producer in producers}
    expected[producers[-1]] = len(SIZES)
    equal(spoke(file), expected, "who reported how many blocks")
    info, = analyze("info", file)["rows"]
    equal((info["producers"], info["processes"], info["unmatched_frees"], info["replaced"], info["lost"]),
          (", ".join(producers), len(producers), 0, 0, 0), "producers, processes, unmatched, replaced, lost")
    rows = analyze("sql", "SELECT size_bytes, ended FROM allocation WHERE device = 3 ORDER BY alloc_ns, allocation_id",
                   file)["rows"]
    equal([(row["size_bytes"], row["ended"] == "freed") for row in rows],
          [(size, number < FREED) for number, size in enumerate(SIZES)], "blocks")


def preload_and_old_client():
    check_buffers(record("plain", "old"), "preload")


def preload_and_old_client_after_a_label():
    """The first to speak is who set a step or a label: the preload's name comes after it, and counts."""
    check_buffers(record("plain", "label", "old"), "preload")


def drop_in_and_old_client():
    check_buffers(record("applied", "old", preload=False), "drop-in")
    check_buffers(record("applied", "label", "old", preload=False), "drop-in")


def all_of_them():
    check_buffers(record("applied", "label", "old"), "drop-in")


def host_malloc_beside():
    """It does not see the accelerator: whoever does is recorded, too, and named after it."""
    if not HOST_MALLOC.is_file():
        skip("the preload for the host's malloc is not built")
    check_buffers(record("plain", "old", malloc=True), "host-malloc, preload")
    check_buffers(record("applied", "old", preload=False, malloc=True), "host-malloc, drop-in")
    check_buffers(record("plain", "old", preload=False, malloc=True), "host-malloc", "poc")


def old_client_alone():
    check_buffers(record("plain", "old", preload=False), "poc")


def api_beside(variant, producer, preload):
    for order in ((), ("label",)):
        file = record(variant, "own", *order, preload=preload)
        check_buffers(file, producer)
        row, = analyze("sql", f"SELECT address, size_bytes, producer FROM allocation JOIN process ON process_id = process "
                              f"WHERE device = {OWN[0]}", file)["rows"]
        equal((row["address"], row["size_bytes"], row["producer"]), (*OWN[1:], producer), "the block of the API")


def api_and_preload():
    api_beside("plain", "preload", True)


def api_and_drop_in():
    api_beside("applied", "drop-in", False)


if __name__ == "__main__":
    if len(sys.argv) > 3 or (len(sys.argv) > 1 and os.path.isdir(sys.argv[1])):
        program(sys.argv[1], sys.argv[2], sys.argv[3:])
    main(preload_and_old_client, preload_and_old_client_after_a_label, drop_in_and_old_client, all_of_them,
         host_malloc_beside, old_client_alone, api_and_preload, api_and_drop_in)
