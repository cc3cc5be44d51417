# SPDX-License-Identifier: Apache-2.0
"""verify finds nothing in a sound recording, and finds each single thing that is wrong in a damaged one."""
import pathlib
import shutil
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import Generator, Place, Recorder, analyze, check, equal, main  # noqa: E402

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
    "a span is gone": "DELETE FROM span WHERE id = (SELECT min(id) FROM span)",
}


def record(place):
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 3000, "--processes", 2, "--seed", 12, "--pace-us", 100])
    generator.finish()
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
    print(f"{len(DAMAGES)} damages were found")


main(damages_are_found)
