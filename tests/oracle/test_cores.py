# SPDX-License-Identifier: Apache-2.0
"""Blocks of several allocators of one chip, against a model that has a list for each core: the fullest core at every moment,
kept ready and replayed, of labels and windows of time too; what blocks had in common; what is free on all cores at once;
and of a mesh and its submesh, which do not know of each other, what each has left, and what its lowest block is."""
import pathlib
import random
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import LONG, Place, Player, Recorder, analyze, check, equal, main, program, run  # noqa: E402
import issued  # noqa: E402

BASE, BANK_BYTES, UNIT = 65536, 1 << 20, 64
SIDE = 4
# Number of the allocator: its name, whether its cores have one address, its rectangles; none: all cores.
ALLOCATORS = {
    1: ("mesh 1 of 1 chip", 0, []),
    2: ("device 0, 1 core alone", 0, [(0, 0, 0, 0)]),
    3: ("device 0, 3 cores alone", 0, [(1, 0, 3, 0)]),
    4: ("device 0, 6 cores alone", 0, [(0, 0, 1, 1), (3, 2, 3, 3)]),
    5: ("mesh 1 of 1 chip, 4 cores in step", 1, [(2, 2, 3, 3)]),
}
MESHES = {1: ("mesh 0 of 4 chips", 0, []), 2: ("mesh 1 of 2 chips", 0, []), 3: ("mesh 1 of 2 chips, sub-device", 0, [])}
ALL = {(x, y) for x in range(SIDE) for y in range(SIDE)}
LABELS = (None, "a", "b")


def cores_of(ranges):
    return {(x, y) for x0, y0, x1, y1 in ranges for x in range(x0, x1 + 1)
            for y in range(y0, y1 + 1)} or ALL


class Block:
    def __init__(self, allocator, ranges, address, bank, label):
        self.allocator, self.address, self.bank, self.label = allocator, address, bank, label
        self.cores = cores_of(ranges)
        self.born = self.died = None  # places in the order of events


class Script:
    """What a player does, at random, and what comes of that."""

    def __init__(self, seed, allocators):
        self.chance, self.allocators = random.Random(seed), allocators
        self.blocks, self.live, self.place = [], [], 0

    def begin(self, player):
        player.open([issued.Layout(issued.L1, 16, BANK_BYTES, BASE, UNIT)], device=1 << 16)
        for number, (name, in_step, ranges) in self.allocators.items():
            player.tell("cores", number << 16, name.replace(" ", "_"), in_step, *(word for each in ranges for word in each))

    def step(self, player):
        self.place += 1
        if self.live and self.chance.random() < 0.45:
            block = self.live.pop(self.chance.randrange(len(self.live)))
            player.free(block.address, device=block.allocator << 16, region=issued.L1)
            block.died = self.place
            return
        allocator = self.chance.choice(list(self.allocators))
        block = Block(allocator, self.allocators[allocator][2], BASE + UNIT * self.chance.randrange(2000), UNIT * self.chance.randrange(1, 400),
                      self.chance.choice(LABELS))
        if any(other.allocator == allocator and other.address == block.address for other in self.live):
            return
        if block.label:
            player.push(block.label)
        player.alloc(block.address, block.bank * len(block.cores), bank=block.bank, device=allocator << 16, region=issued.L1)
        if block.label:
            player.pop()
        block.born = self.place
        self.blocks.append(block)
        self.live.append(block)

    def alive(self, place):
        return [block for block in self.blocks if block.born <= place and (block.died is None or block.died > place)]

    def level(self, place, label=None):
        """Of the fullest core, after the event there."""
        alive = [block for block in self.alive(place) if label in (None, block.label)]
        return max(sum(block.bank for block in alive if core in block.cores) for core in ALL)

    def peak(self, label=None, places=None):
        return max(self.level(place, label) for place in places or range(1, self.place + 1))

    def met(self):
        """Blocks that had memory of some core in common, while both were live."""
        found = set()
        for at, one in enumerate(self.blocks):
            for number, other in enumerate(self.blocks[:at]):
                together = one.born < (other.died or self.place + 1)
                if together and one.address < other.address + other.bank and other.address < one.address + one.bank and \
                        one.cores & other.cores:
                    found.add((number, at))
        return found

    def owner(self, block):
        return self.allocators[block.allocator][0].split(",")[0].replace(" ", "_")

    def free_everywhere(self, place, owner=None):
        """Bytes free on all cores at once, and the largest piece; or what one owner of allocators has left."""
        taken = sorted((block.address, block.address + block.bank) for block in self.alive(place)
                       if owner in (None, self.owner(block)))
        at, gaps = BASE, []
        for start, end in [*taken, (BASE + BANK_BYTES, BASE + BANK_BYTES)]:
            if start > at:
                gaps.append(start - at)
            at = max(at, end)
        return sum(gaps), max(gaps)


def bank_peak(file, *filters):
    rows = analyze("peak", file, "--region", "L1", *filters)["rows"]
    return rows[0]["peak_bank_bytes"] if rows else 0


def check_peaks(file, script):
    equal(bank_peak(file), script.peak(), "the fullest core, as it was kept ready")
    for label in LABELS[1:]:
        equal(bank_peak(file, "--label", label), script.peak(label), f"of what label {label} has")
    groups = analyze("peak", file, "--region", "L1", "--by", "label")
    check(any("on some cores alone: bank_bytes of a group adds them up" in note for note in groups["notes"]), groups["notes"])


def check_windows(file, script):
    """A window that begins or ends with an event."""
    with sqlite3.connect(file) as database:
        times = dict(database.execute("SELECT row_number() OVER (ORDER BY event_id), at_ns FROM event "
                                      "WHERE kind IN ('alloc', 'free') ORDER BY event_id"))
    places = sorted({place for block in script.blocks for place in (block.born, block.died) if place})
    equal(len(times), len(places), "events")
    for _ in range(6):
        first, last = sorted(script.chance.sample(range(1, len(places) + 1), 2))
        if times[first] == times.get(first + 1) or times[last] == times.get(last + 1) or times[first] == times.get(first - 1):
            continue
        # what was live when the window began counts from its start
        chosen = [places[first - 2] if first > 1 else 0] + places[first - 1:last]
        equal(bank_peak(file, "--start", f"{times[first]}ns", "--end", f"{times[last]}ns"),
              max(script.level(place) for place in chosen), f"from event {first} to {last}")


def check_overlaps(file, script):
    numbers = {}
    with sqlite3.connect(file) as database:
        for number, (key,) in enumerate(database.execute("SELECT allocation_id FROM allocation ORDER BY allocation_id")):
            numbers[key] = number
        equal([row[0] for row in database.execute(
            "SELECT count(*) FROM allocation WHERE cores IS NOT NULL")],
              [sum(1 for block in script.blocks if block.cores != ALL)], "blocks that say on which cores they lie")
    rows = analyze("sql", file, "SELECT key, later_key FROM overlaps(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)")["rows"]
    equal({tuple(sorted((numbers[row["key"]], numbers[row["later_key"]]))) for row in rows}, script.met(), "overlaps")
    wanted = {tuple(sorted((script.blocks[a].allocator, script.blocks[b].allocator))) for a, b in script.met()}
    found = [row for row in analyze("verify", file)["rows"] if row["what"] != "overlap"]
    equal({row["what"] for row in found} - {"shared memory"}, set(), "other findings of verify")
    equal(len(found), len({pair for pair in wanted if pair[0] != pair[1]}), "pairs of allocators that share memory")


def check_free(file, script):
    row = analyze("fragmentation", file, "--region", "L1")["rows"][-1]
    equal((row["free_bytes"], row["largest_free_bytes"]), script.free_everywhere(script.place), "free on all cores at once")


def times_of(file):
    """When each place in the order of events was, and of several at one time the last one."""
    with sqlite3.connect(file) as database:
        rows = database.execute("SELECT at_ns FROM event WHERE kind IN ('alloc', 'free') ORDER BY event_id").fetchall()
    return [row[0] for row in rows]


def check_each(file, script):
    """Each owner's free memory wherever fragmentation looked, and its lowest block over the whole time."""
    times = times_of(file)
    places = sorted({place for block in script.blocks for place in (block.born, block.died) if place})
    at = dict(zip(times, places))  # the last of those at one time
    rows = analyze("fragmentation", file, "--region", "L1", "--samples", "40")["rows"]
    told = 0
    for row in rows:
        if row["at_ns"] not in at:
            continue
        owners = {script.owner(block) for block in script.alive(at[row["at_ns"]])}
        check(len(owners) > 1 or row["allocator"] is None, f"one of {owners} is told apart")
        equal((row["free_bytes"], row["largest_free_bytes"]), script.free_everywhere(at[row["at_ns"]], row["allocator"]),
              f"free at {row['at_ns']} for {row['allocator']}")
        told += row["allocator"] is not None
    check(told > 10, f"{told} rows of one allocator")
    spans = analyze("floor", file, "--spans", "100000")["rows"]
    for place, at_ns in zip(places, times):
        if at[at_ns] != place:
            continue
        wanted = {}
        for block in script.alive(place):
            wanted[script.owner(block)] = min(wanted.get(script.owner(block), block.address), block.address)
        found = {row["allocator"]: row["address"] for row in spans if row["from_ns"] <= at_ns < row["to_ns"]}
        equal(found, wanted, f"the lowest block of each at {at_ns}")


def record(seed, steps, stop_after=None, allocators=ALLOCATORS):
    """The recording, made by one recorder or, killed in between, by two."""
    place, script = Place(), Script(seed, allocators)
    recorder = Recorder(place)
    player = Player(place)
    script.begin(player)
    for number in range(steps):
        if number == stop_after:
            player.flush()
            recorder.kill()
            recorder = Recorder(place, arguments=["--append"])
        script.step(player)
    player.flush()
    return place, script, recorder, player


def fullest_core():
    for seed in range(8 if LONG else 2):
        place, script, recorder, player = record(seed, 300 if LONG else 120)
        check_peaks(recorder.file, script)  # while it is recorded
        player.end()
        place.await_drained()
        file = recorder.stop()
        check_peaks(file, script)
        check_windows(file, script)
        check_overlaps(file, script)
        check(analyze("info", file)["complete"], "the recording is complete")


def what_is_free():
    place, script, recorder, player = record(77, 100)
    recorder.stop()
    check_free(recorder.file, script)
    player.kill()


def survives_the_recorder():
    """What lies on single cores is known again, and counted on."""
    place, script, recorder, player = record(5, 160, stop_after=90)
    player.end()
    place.await_drained()
    file = recorder.stop()
    check_peaks(file, script)
    check_overlaps(file, script)


def other_files_have_it():
    """Copied, shared, merged with itself, and with spans that are made anew."""
    place, script, recorder, player = record(9, 100)
    player.end()
    place.await_drained()
    file = recorder.stop()
    for verb, name in (("copy", "copy.db"), ("share", "shared.ttalloc"), ("merge", "merged.db")):
        made = place.file(name)
        words = [file, made] if verb == "copy" else [file, "-o", made]
        result = run([program("ttalloc-analyze"), verb, *words])
        equal(result.returncode, 0, f"{verb}: {result.stderr}")
        check_peaks(made, script)


def each_allocator():
    for seed in range(6 if LONG else 2):
        place, script, recorder, player = record(seed, 150, allocators=MESHES)
        player.end()
        place.await_drained()
        check_each(recorder.stop(), script)


main(fullest_core, each_allocator, what_is_free, survives_the_recorder, other_files_have_it)
