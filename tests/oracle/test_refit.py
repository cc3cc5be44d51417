# SPDX-License-Identifier: Apache-2.0
"""replay: a program that places its blocks as TT-Metal does, recorded, and every trial compared with one that looks at
all free pieces each time. A program that places them otherwise gets no answer."""
import pathlib
import random
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import Place, Player, Recorder, analyze, check, equal, issued, main, program, run  # noqa: E402

BASE, BANK, UNIT, TOP_DOWN = 0x1000, 1 << 17, 64, 1
LAYOUT = [issued.Layout(issued.DRAM, 8, BANK, BASE, UNIT)]


def size_class(bytes_):
    return min(max(bytes_ // 1024, 1).bit_length() - 1, 17)


class Bank:
    """What is live, as a list of (offset, bytes)."""

    def __init__(self, bank=BANK, unit=UNIT, policy="first", direction="recorded"):
        self.bank, self.unit, self.policy, self.direction = bank, unit, policy, direction
        self.live = {}
        self.low = self.high = 0

    def gaps(self):
        at = 0
        for offset, bytes_ in sorted(self.live.values()):
            if offset > at:
                yield at, offset - at
            at = offset + bytes_
        if at < self.bank:
            yield at, self.bank - at

    def rounded(self, bytes_):
        return max(-(-bytes_ // self.unit), 1) * self.unit

    def find(self, bytes_, top_down):
        top_down = top_down if self.direction == "recorded" else self.direction == "down"
        bytes_ = self.rounded(bytes_)
        fitting = [(offset, size) for offset, size in self.gaps() if size >= bytes_]
        if not fitting:
            return None
        by_address = lambda gap: -gap[0] if top_down else gap[0]  # noqa: E731
        key = {"first": by_address, "best": lambda gap: (gap[1], by_address(gap)),
               "classes": lambda gap: (size_class(gap[1]), by_address(gap))}[self.policy]
        offset, size = min(fitting, key=key)
        return offset + size - bytes_ if top_down else offset

    def take(self, name, bytes_, top_down):
        offset = self.find(bytes_, top_down)
        if offset is None:
            return None
        bytes_ = self.rounded(bytes_)
        self.live[name] = offset, bytes_
        top_down = top_down if self.direction == "recorded" else self.direction == "down"
        if top_down:
            self.high = max(self.high, self.bank - offset)
        else:
            self.low = max(self.low, offset + bytes_)
        return offset


def program_of(seed, count=500):
    """A list of ("alloc", name, bytes, top_down) and ("free", name)."""
    chance, live, calls = random.Random(seed), [], []
    for name in range(count):
        if live and chance.random() < 0.47:
            calls.append(("free", live.pop(chance.randrange(len(live)))))
        else:
            live.append(name)
            calls.append(("alloc", name, chance.choice([1, 40, 64, 700, 3000, 9000, 20000]), chance.random() < 0.3))
    return calls


def record(calls, policy="first"):
    """Plays CALLS with an allocator of that policy. The file, and the calls as the recording has them: a request that failed
    is ("failed", bytes, top_down)."""
    place = Place()
    recorder = Recorder(place)
    player, bank, done = Player(place), Bank(policy=policy), []
    player.open(LAYOUT)
    for call in calls:
        if call[0] == "free":
            if call[1] in bank.live:
                player.free(BASE + bank.live.pop(call[1])[0])
                done.append(call)
            continue
        _, name, bytes_, top_down = call
        offset = bank.take(name, bytes_, top_down)
        if offset is None:
            player.failed(bytes_)
            done.append(("failed", bytes_, False))
        else:
            player.alloc(BASE + offset, bytes_, flags=TOP_DOWN * top_down)
            done.append(call)
    player.end()
    place.await_drained()
    return recorder.stop(), done


def tried(calls, freed_first=(), **options):
    """What a trial has to say of CALLS."""
    bank = Bank(**options)
    found = {"requests": 0, "failed": 0, "recorded_failures": 0, "fitted_failures": 0, "peak_bytes": 0,
             "fragmentation": 0, "least_largest_free_bytes": bank.bank, "freed_first_bytes": 0}
    doomed = set(freed_first)
    for call in calls:
        if call[0] == "free":
            bank.live.pop(call[1], None)
            continue
        is_placed = call[0] == "alloc"
        bytes_, top_down = call[-2:]
        if bank.find(bytes_, top_down) is None and doomed & set(bank.live):
            found["freed_first_bytes"] = sum(bank.live.pop(name)[1] for name in doomed & set(bank.live))
            doomed = set()
        fits = bank.find(bytes_, top_down) is not None
        found["requests" if is_placed else "recorded_failures"] += 1
        if is_placed and not fits:
            found["failed"] += 1
        if not is_placed and fits:
            found["fitted_failures"] += 1
        if is_placed and fits:
            bank.take(call[1], bytes_, top_down)
            free, largest = sum(size for _, size in bank.gaps()), max((size for _, size in bank.gaps()), default=0)
            found["least_largest_free_bytes"] = min(found["least_largest_free_bytes"], largest)
            if bank.bank - free > found["peak_bytes"]:
                found["peak_bytes"], found["fragmentation"] = bank.bank - free, 1 - largest / free if free else 0
    found["reached_bytes"] = min(bank.low + bank.high, bank.bank)
    found["fits"] = "no" if found["failed"] or found["fitted_failures"] < found["recorded_failures"] else "yes"
    return found


def fits(calls, **options):
    return tried(calls, **options)["fits"] == "yes"


def ask(file, *arguments):
    rows = analyze("replay", file, *arguments)["rows"]
    equal(len(rows), 1, f"banks of {file}")
    return rows[0]


def trials_agree():
    for seed in (1, 2):
        file, calls = record(program_of(seed))
        check(any(call[0] == "failed" for call in calls), "no request failed")
        for options in ({}, {"policy": "best"}, {"policy": "classes"}, {"direction": "up"}, {"direction": "down"},
                        {"unit": 1024}, {"bank": BANK // 2}, {"bank": BANK * 2}, {"bank": 100000, "policy": "best"}):
            arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
            row, expected = ask(file, *arguments), tried(calls, **options)
            equal(row["fidelity"], 1, f"seed {seed}, fidelity")
            equal({name: row[name] for name in expected}, expected, f"seed {seed}, {options}")


def the_smallest_bank_is_one():
    file, calls = record(program_of(3))
    for options in ({}, {"policy": "best"}, {"policy": "classes"}, {"direction": "up"}):
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        smallest = ask(file, "--smallest", *arguments)["smallest_bank_bytes"]
        check(fits(calls, bank=smallest, **options), f"{options}: it does not fit in {smallest}")
        check(not fits(calls, bank=smallest - UNIT, **options), f"{options}: it fits in less than {smallest}")
    equal(ask(file)["smallest_bank_bytes"], None, "it was not asked for")


def blocks_are_freed_first():
    file, calls = record(program_of(4))
    with sqlite3.connect(file) as db:
        ids = [row[0] for row in db.execute("SELECT allocation_id FROM allocation ORDER BY allocation_id")]
    names = [call[1] for call in calls if call[0] == "alloc"]
    before = calls[:next(i for i, call in enumerate(calls) if call[0] == "failed")]
    live = {call[1] for call in before if call[0] == "alloc"} - {call[1] for call in before if call[0] == "free"}
    doomed = sorted(live)[:3]
    row = ask(file, "--free-first", ",".join(str(ids[names.index(name)]) for name in doomed))
    expected = tried(calls, freed_first=doomed)
    check(expected["freed_first_bytes"] > 0, "nothing is freed")
    equal({name: row[name] for name in expected}, expected, "three blocks freed first")


def refused(file, *arguments):
    done = run([program("ttalloc-analyze"), "replay", file, *map(str, arguments)])
    equal((done.returncode, done.stdout), (2, ""), f"replay {arguments}")
    return done.stderr


def what_the_model_does_not_know_is_refused():
    file, calls = record(program_of(5), policy="best")
    check("too few to say what another policy would do" in refused(file), refused(file))
    row = ask(file, "--force", "--policy", "best")
    check(row["fidelity"] < 0.999 and row["failed"] == 0 and row["fitted_failures"] == 0, row)
    equal(tried(calls, policy="best")["reached_bytes"], row["reached_bytes"], "the same as recorded")
    for arguments, said in ((["--free-first", "1,x"], "no list of allocation ids"), (["--free-first", "999999"], "none of these"),
                            (["--policy", "best", "--order", "newest"], "has an order of its own"),
                            (["--policy", "worst"], "is none of")):
        check(said in refused(file, "--force", *arguments), f"{arguments}: {refused(file, '--force', *arguments)}")
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(BASE, 64)
    player.end()
    place.await_drained()
    check("ttalloc_device_open" in refused(recorder.stop()), "without geometry")


def long_recordings_are_read_in_pieces():
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.open(LAYOUT)
    player.alloc(BASE, 64)
    player.burst(60000, BASE + 64, 100)
    player.alloc(BASE + 64, BANK - 64)
    player.end()
    place.await_drained()
    row = ask(recorder.stop(), "--smallest")
    equal((row["requests"], row["fidelity"], row["peak_bytes"], row["smallest_bank_bytes"]), (60002, 1, BANK, BANK), "a burst")


main(trials_agree, the_smallest_bank_is_one, blocks_are_freed_first, what_the_model_does_not_know_is_refused,
     long_recordings_are_read_in_pieces)
