# SPDX-License-Identifier: Apache-2.0
"""verify finds nothing in a sound recording, and finds each single thing that is wrong in a damaged one."""
import pathlib
import shutil
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import Generator, Place, Player, Recorder, analyze, check, equal, main  # noqa: E402

# Each leaves a file that SQLite finds nothing wrong with.
DAMAGES = {
    "a freed block is gone": "DELETE FROM freed WHERE key = (SELECT key FROM freed LIMIT 1 OFFSET 10)",
    "a held block is gone": "DELETE FROM held WHERE key = (SELECT min(key) FROM held)",
    "a freed block is one byte larger": "UPDATE freed SET size_bytes = size_bytes + 1 WHERE key = (SELECT max(key) FROM freed)",
    "a held block is one byte larger": "UPDATE held SET size_bytes = size_bytes + 1 WHERE key = (SELECT max(key) FROM held)",
    "a block ends before it begins": "UPDATE freed SET held_ns = -1 WHERE key = (SELECT max(key) FROM freed)",
    "a block names an origin that is not there": "UPDATE freed SET origin = 999999 WHERE key = (SELECT max(key) FROM freed)",
    "an origin names a process that is not there": "UPDATE origin SET process = 77 WHERE id = (SELECT min(id) FROM origin)",
    "a batch is gone": "DELETE FROM batch WHERE first_key = (SELECT first_key FROM batch LIMIT 1 OFFSET 1)",
    "a batch counts one too many": "UPDATE batch SET count = count + 1 WHERE first_key = (SELECT max(first_key) FROM batch)",
    "numbers have a hole": "UPDATE batch SET first_number = first_number + 1 WHERE first_key = (SELECT max(first_key) FROM batch)",
    "an event is counted twice": "UPDATE process_info SET events = events + 1",
    "a failure is counted that is not there": "UPDATE process_info SET failures = failures + 1",
    "a replaced block is counted that is not there": "UPDATE process_info SET replaced = replaced + 1",
    "a loss is counted that has no row": "UPDATE process_info SET lost = lost + 1",
    "live bytes are off by one": "UPDATE process_usage SET live_bytes = live_bytes + 1 WHERE region = 0",
    "a peak is off by one": "UPDATE process_usage SET peak_bytes = peak_bytes + 1 WHERE region = 1",
    "allocs are off by one": "UPDATE process_usage SET allocs = allocs + 1 WHERE region = 0",
    "frees are off by one": "UPDATE process_usage SET frees = frees - 1 WHERE region = 0",
    "allocated bytes are off by one": "UPDATE process_usage SET allocated_bytes = allocated_bytes + 1 WHERE region = 0",
    "circular buffers' peak is off by one": "UPDATE process_usage SET peak_bytes = peak_bytes + 1 WHERE region = 16",
    "circular buffers count one byte more": "UPDATE circular_count SET counted_bytes = counted_bytes + 1",
    "a count belongs to no circular buffer": "INSERT INTO circular_count VALUES (9000000000000000, 1)",
    "a span's maximum is off by one": "UPDATE span SET max_bytes = max_bytes + 1 WHERE id = (SELECT max(id) FROM span)",
    "a span's end is off by one": "UPDATE span SET end_bytes = end_bytes + 1 WHERE id = (SELECT min(id) FROM span)",
    "a page of operations has a number too few": "UPDATE range_page SET whats = substr(whats, 2) WHERE first_number = 1",
    "a page has no digits": "UPDATE range_page SET whats = zeroblob(length(whats) - 1) || x'fa' WHERE first_number = 1",
    "a page of operations is gone": "DELETE FROM range_page WHERE first_number = 1",
    "operations are numbered with a hole": "UPDATE range_page SET first_number = first_number + 1 "
                                           "WHERE first_number = (SELECT max(first_number) FROM range_page)",
    "operations are those of a process that is not there": "UPDATE range_page SET process = 77",
    "operations end behind the recording": "UPDATE range_page SET from_ns = from_ns + 1000000000000",
    "an operation lies in one that is not there": "UPDATE range_what SET around = 1000 WHERE around IS NOT NULL",
    "an operation lies in one that is over": "UPDATE range_what SET around = 2 WHERE name = (SELECT id FROM operation_text WHERE "
                                             "text = 'add')",
    "an operation lies in one of another thread": "UPDATE range_what SET thread = (SELECT max(id) FROM thread_info WHERE id <> thread) "
                                                  "WHERE around IS NOT NULL",
    "an operation that still runs has the wrong number": "UPDATE range_open SET number = number + 1",
    "an operation that still runs says nothing": "UPDATE range_open SET what = 9999",
    "an operation has no name": "DELETE FROM operation_text WHERE text = 'add'",
    "an operation has no arguments": "DELETE FROM operation_text WHERE text = 'arguments'",
    "an operation says nothing": "DELETE FROM range_what WHERE around IS NOT NULL",
    "a label is an operation": "UPDATE range_page SET first_number = NULL WHERE first_number = 1",
    "a list of tensors is none": "UPDATE tensor_list SET list = '[[0,'",
    "a list of tensors has too little": "UPDATE tensor_list SET list = '[[1,0,1,1]]'",
    "a tensor's block is not there": "UPDATE tensor_list SET list = '[[1,0,1,0,99999999]]'",
    "a tensor's block comes later": "UPDATE tensor_list SET list = (SELECT '[[1,0,1,0,' || max(key) || ']]' FROM held)",
    "a tensor is not there": "DELETE FROM tensor_spec",
    "an origin's tensor is not there": "UPDATE origin_tensor SET spec = 99",
    "a span is gone": "DELETE FROM span WHERE id = (SELECT min(id) FROM span)",
}


def operations(player):
    player.op("matmul", "arguments")
    player.op("create_device_tensor")
    player.alloc(0x10000, 64)
    player.end_op()
    player.tensor(0x10000, "1x1x32x32", given=1)
    player.end_op()
    player.op("add")
    player.tensor(0x10000, "1x1x32x32")
    player.end_op(aborted=1)
    player.push("label")
    player.pop()
    check(player.flush(), "flush")
    player.use_thread(1)
    player.op("on another thread".replace(" ", "_"))
    player.end_op()
    player.op("still_runs")
    player.alloc(0x20000, 64)
    player.end()


def record(place):
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 3000, "--processes", 2, "--seed", 12, "--pace-us", 100])
    generator.finish()
    operations(Player(place))
    place.await_drained()
    return recorder.stop()


def damages_are_found():
    place = Place()
    file = record(place)
    equal(analyze("verify", file)["rows"], [], "findings in a sound recording")
    damaged = place.file("damaged.db")
    missed = []
    for name, statement in DAMAGES.items():
        shutil.copy(file, damaged)
        database = sqlite3.connect(damaged)
        changed = database.execute(statement).rowcount
        database.commit()
        database.close()
        check(changed > 0, f"{name}: the statement changes nothing")
        if not analyze("verify", damaged)["rows"]:
            missed.append(name)
    equal(missed, [], "damages that verify does not find")
    shutil.copy(file, damaged)
    database = sqlite3.connect(damaged)
    database.execute(DAMAGES["a freed block is gone"])
    database.commit()
    page_bytes, = database.execute("PRAGMA page_size").fetchone()
    root, = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'batch'").fetchone()
    database.close()
    with open(damaged, "r+b") as pages:
        pages.seek((root - 1) * page_bytes + 7)  # how many bytes of the page are lost between rows
        pages.write(b"\x11")
    found = [row["what"] for row in analyze("verify", damaged)["rows"]]
    check(found[0] == "integrity" and found[-1] != "integrity", f"a damaged page comes first: {found}")
    print(f"{len(DAMAGES)} damages were found")


main(damages_are_found)
