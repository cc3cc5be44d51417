# SPDX-License-Identifier: Apache-2.0
"""Why requests failed: cases that people reported, rebuilt, and random banks against all windows that there are."""
import pathlib
import random
import re
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import issued  # noqa: E402
from harness import Place, Player, Recorder, analyze, check, equal, main, program, run  # noqa: E402

L1, DRAM = issued.L1, issued.DRAM
BASE, UNIT = 104224, 32
BANK = 1394912


class Stage:
    """A recorder, and players whose calls it records."""

    def __init__(self, layouts=(), device=0):
        self.place = Place()
        self.recorder = Recorder(self.place)
        self.player = Player(self.place)
        if layouts:
            self.player.open(list(layouts), device)

    def labelled(self, label, *blocks, region=L1):
        """Allocates BLOCKS, (address, bytes in each bank), under LABEL."""
        self.player.push(label)
        for address, size in blocks:
            self.player.alloc(address, 12 * size, size, region=region)
        self.player.pop()

    def stop(self, *others):
        for player in (*others, self.player):
            player.end()
        self.place.await_drained()
        self.recorder.stop()
        return self.recorder.file


def why(file, *arguments):
    return analyze("why", file, *arguments)["rows"][0]


def figures(row, *names):
    return tuple(row[name] for name in names)


def dram_in_pieces():
    """tt-xla#4130: 4,894,720 B were needed in each bank, 183,397,344 free, 3,382,944 in one piece."""
    free, largest, needed, pieces, block = 183397344, 3382944, 4894720, 70, 4096
    stage = Stage([issued.Layout(DRAM, 12, free + block * pieces, 0x20000, 32)])
    address, left = 0x20000, free
    blocks = []
    for i in range(pieces):
        gap = largest if i == 0 else left // (pieces - i) // 32 * 32 if i < pieces - 1 else left
        left -= gap
        blocks.append((address, block))
        address += block + gap
    stage.labelled("weights", *blocks, region=DRAM)
    stage.player.failed(12 * needed, needed, region=DRAM, why="out-of-memory")
    text = (f"TT_FATAL: Out of Memory: Not enough space to allocate {12 * needed} B DRAM buffer across 12 banks, where each "
            f"bank needs to store {needed} B, but bank size is {free + block * pieces} B (allocated: {block * pieces} B, "
            f"free: {free} B, largest free block: {largest} B)")
    file = stage.stop()
    for row in why(file), why(file, "--message", text):
        equal(figures(row, "verdict", "failure", "needed_bytes", "free_bytes", "largest_free_bytes", "missing_bytes",
                      "eviction_blocks", "eviction_bytes"),
              ("fragmented", 1, needed, free, largest, needed - largest, 1, block), "tt-xla#4130")
        equal(row["remarks"], [], "contradictions")
        check("one 4096-byte block of label weights split" in row["sentence"], row["sentence"])
    # a message that the recording knows better
    wrong = why(file, "--message", text.replace(f"free: {free}", f"free: {free - 32}"))
    equal(len(wrong["remarks"]), 1, "contradictions")
    check(f"what is free is {free - 32} B in the message, {free} B" in wrong["remarks"][0], wrong["remarks"])


def l1_missed_by_30_kilobytes():
    """tt-mlir#8044: 912,096 B free, 522,240 in one piece, and 30,720 missing."""
    free, largest = 912096, 522240
    base = BASE
    low = free - largest
    held = BANK - free - 2048
    stage = Stage([issued.Layout(L1, 64, BANK, base, UNIT)])
    stage.labelled("tensor", (base + low + 2048 + largest, held))
    stage.labelled("cache", (base + low, 2048))
    stage.player.failed(64 * (largest + 30720), largest + 30720, region=L1)
    row = why(stage.stop())
    equal(figures(row, "verdict", "free_bytes", "largest_free_bytes", "free_blocks", "missing_bytes", "window_bytes",
                  "eviction_bytes", "eviction_blocks"),
          ("fragmented", free, largest, 2, 30720, 552960, 2048, 1), "tt-mlir#8044")
    check(row["sentence"].startswith("missed by 30720 B because one 2048-byte block of label cache splits the bottom "
                                     "892.7 KiB of every bank"), row["sentence"])
    check(row["occupants"][0].startswith(f"0x{base + low:x}, 2048 B: cache, pid "), row["occupants"])


def three_markers():
    """PR#54788: three 64-byte markers split the top 230 KB of every bank."""
    top, part = BASE + BANK, 58880
    blocks = [(top - (part + 64) * (i + 1), 64) for i in range(3)]
    span = 4 * part + 3 * 64
    stage = Stage([issued.Layout(L1, 64, BANK, BASE, UNIT)])
    stage.labelled("tensor", (BASE, BANK - span))
    stage.labelled("marker", *blocks)
    stage.player.failed(64 * (4 * part), 4 * part, region=L1)
    row = why(stage.stop())
    equal(figures(row, "verdict", "free_bytes", "largest_free_bytes", "free_blocks", "eviction_bytes", "eviction_blocks"),
          ("fragmented", 4 * part, part, 4, 192, 3), "PR#54788")
    check("because three 64-byte blocks of label marker split the top 230.2 KiB of every bank" in row["sentence"],
          row["sentence"])
    check(re.fullmatch(r"[.:#]+[-=X]+", row["picture"]), row["picture"])


CLASH = ("Statically allocated circular buffers in program 7 clash with L1 buffers on core range {}. L1 buffer allocated at "
         "{} and static circular buffer region ends at {}")


def eight_semaphores():
    """tt-metal#54876: circular buffers miss by 192 B, because of eight 64-byte semaphore slots."""
    floor = BASE + 999424
    stage = Stage([issued.Layout(L1, 64, BANK, BASE, UNIT)])
    stage.labelled("tensor", (floor + 512, BASE + BANK - floor - 512))
    stage.labelled("semaphore", *((floor + 64 * i, 64) for i in reversed(range(8))))
    stage.player.tell("cb", 0, 7, BASE, floor - BASE + 192 - 4096, 0, 0, 0, 0, 7, 7)
    stage.player.tell("cb", 0, 7, floor + 192 - 4096, 4096, 1, 0, 2, 3, 2, 3)
    file = stage.stop()
    for cores in "[(x=0,y=0) - (x=7,y=7)]", "[0-0 - 7-7]":
        row = why(file, "--message", "critical | Always | " + CLASH.format(cores, floor, floor + 192))
        equal(figures(row, "verdict", "missing_bytes", "floor_address", "cb_end_address", "window_bytes",
                      "eviction_blocks", "eviction_bytes"), ("clash", 192, floor, floor + 192, 192, 3, 192), "tt-metal#54876")
        check(row["sentence"].startswith("missed by 192 B because eight 64-byte blocks of label semaphore hold the L1 "
                                         "floor"), row["sentence"])
        check("cores [[2,3,2,3]]" in row["circular_buffers"][0], row["circular_buffers"])
        equal(len(row["circular_buffers"]), 2, "resident circular buffers")
    other = why(file, "--message", CLASH.format("[0-0 - 7-7]", floor - 64, floor + 192))
    check(any("contradict" in remark for remark in other["remarks"]), other["remarks"])


def recorded_clash():
    """A failure whose reason is the message, or one of circular buffers without any."""
    floor = BASE + 4096
    text = CLASH.format("[0-0 - 7-7]", floor, floor + 1024)
    stage = Stage([issued.Layout(L1, 64, BANK, BASE, UNIT)])
    stage.labelled("tensor", (floor, 2048))
    stage.player.cb_alloc(7, BASE, 4096)
    stage.player.failed(1024, 1024, region=issued.CB, why="clash")
    stage.player.free(floor, region=L1)
    file = stage.stop()
    row = why(file)
    equal(figures(row, "verdict", "missing_bytes", "floor_address", "failure"), ("clash", 1024, floor, 1), "by addresses")
    check("resident ones and the request" in row["remarks"][0], row["remarks"])
    with sqlite3.connect(file) as db:
        db.execute("UPDATE failure_info SET why = ?", (text,))
    db.close()
    for row in why(file), why(file, "--message", "before\n" + text + " after"):
        equal(figures(row, "verdict", "missing_bytes", "failure", "eviction_bytes"), ("clash", 1024, 1, 2048), "by its words")
        equal(row["remarks"], [], "contradictions")


def what_grew():
    """The sentence names the class that is there."""
    for kinds, words in (((0,), "circular buffers"), ((1,), "dataflow buffers"), ((1, 2), "dataflow buffers and scratchpads"),
                         ((0, 1), "circular buffers and other program memory")):
        stage = Stage([issued.Layout(L1, 64, BANK, BASE, UNIT)])
        stage.labelled("tensor", (BASE + 4096, 2048))
        for index, kind in enumerate(kinds):
            stage.player.cb_alloc(7, BASE + 2048 * index, 2048, index=index, kind=kind)
        stage.player.failed(4096, 4096, region=issued.CB, why="clash")
        row = why(stage.stop())
        equal(row["verdict"], "clash", "verdict")
        check(f": {words} reach up to" in row["sentence"], row["sentence"])
        for kind in kinds:
            word = ("circular_buffer", "dataflow_buffer", "scratchpad")[kind]
            check(any(word in line for line in row["circular_buffers"]), f"{word} in {row['circular_buffers']}")


def limits_that_messages_tell():
    """Texts that have their own figures: bounds rather than room."""
    stage = Stage([issued.Layout(L1, 64, BANK, BASE, UNIT)])
    stage.labelled("tensor", (BASE + 4096, 2048))
    file = stage.stop()
    for text, verdict, missing, words in (
            ("Out of Memory: Cannot allocate at an address below 104448. Allocation at 104224", "constraint", 224,
             "under which nothing may lie"),
            ("Statically allocated circular buffers on core range [0-0 - 7-7] grow to 1500000 B which is beyond max L1 size of "
             "1499136 B", "exhausted", 864, "L1 ends at 1499136"),
            ("Creating trace buffers of size 2000B on MeshDevice 0, but only 1000B is allocated for trace region.", "exhausted",
             1000, "trace_region_size=2000")):
        row = why(file, "--message", text)
        equal(figures(row, "verdict", "missing_bytes", "eviction_blocks"), (verdict, missing, None), text)
        check(words in row["sentence"], row["sentence"])


def log_on_standard_input():
    stage = Stage([issued.Layout(L1, 64, BANK, BASE, UNIT)])
    stage.labelled("tensor", (BASE + 1024, BANK - 2048))
    file = stage.stop()
    text = ("\x1b[31mcritical\x1b[0m | Out of Memory: Not enough space to allocate 131072 B L1\n buffer across 64 banks, where "
            f"each bank needs to store 2048 B, but bank size is only {BANK} B\n")
    row = why(file, "--message", text)
    result = run([program("ttalloc-analyze"), "why", file, "--message", "-", "--json"], input=text)
    equal(result.returncode, 0, result.stderr)
    check(f'"sentence": "{row["sentence"]}"' in result.stdout, result.stdout)
    equal(figures(row, "verdict", "free_bytes", "largest_free_bytes", "missing_bytes", "failure"),
          ("fragmented", 2048, 1024, 1024, None), "before the process ended")
    check("the last moment after an alloc" in row["remarks"][0], row["remarks"])


def is_clear_about_what_is_missing():
    stage = Stage()
    stage.player.alloc(0, 64, 64, region=L1)
    file = stage.stop()
    oom = "Not enough space to allocate 640 B L1 buffer across 64 banks, where each bank needs to store 10 B"
    for arguments, words in (
            ((), "no failed request is recorded"),
            (("--failure", "1"), "no failed request"),
            (("--failure", "0"), "--failure counts from 1"),
            (("--size", "4K"), "--size needs --at"),
            (("--at", "1s", "--region", "L1"), "--at needs --size"),
            (("--at", "1s", "--size", "4K"), "--at needs --region"),
            (("--at", "0s", "--size", "4K", "--region", "L1"), "ttalloc_device_open"),
            (("--at", "1s", "--failure", "1"), "contradict each other"),
            (("--message", "help"), "no message of TT-Metal"),
            (("--message", oom), "ttalloc_device_open"),
            (("--message", oom, "--region", "DRAM"), "contradict each other")):
        result = run([program("ttalloc-analyze"), "why", file, *arguments])
        equal(result.returncode, 2, f"status of {arguments}: {result.stdout}")
        check(words in result.stderr, f"{arguments}: {result.stderr}")
    row = why(file, "--message", oom + ", but bank size is 99 B (allocated: 90 B, free: 9 B, largest free block: 8 B)")
    equal(figures(row, "verdict", "missing_bytes", "window_address"), ("exhausted", 2, None), "by the message alone")


def counts_what_the_same_nanosecond_had_before():
    """A failure has its own place among events that have its time."""
    stage = Stage([issued.Layout(L1, 1, 4096, 0, 32)])
    stage.player.alloc(0, 1024, 1024, region=L1)
    stage.player.failed(4096, 4096, region=L1)
    stage.player.alloc(2048, 1024, 1024, region=L1)
    file = stage.stop()
    with sqlite3.connect(file) as db:
        db.execute("UPDATE held SET alloc_ns = (SELECT at_ns FROM failure_info)")
    db.close()
    equal(why(file)["free_bytes"], 3072, "free at the failure")
    at = why(file)["at_ns"]
    equal(why(file, "--at", at, "--size", 4096, "--region", "L1")["free_bytes"], 2048, "free behind the nanosecond")


def says_when_it_fits_or_should_have():
    stage = Stage([issued.Layout(L1, 1, 4096, 0, 32)])
    stage.player.alloc(0, 1024, 1024, region=L1)
    stage.player.failed(2048, 2048, region=L1)
    stage.player.close_device()
    stage.player.flush()
    stage.player.open([issued.Layout(L1, 1, 8192, 0, 32)])
    stage.player.alloc(0, 32, 32, region=L1)
    file = stage.stop()
    equal(figures(why(file), "verdict", "free_bytes", "missing_bytes", "bank_bytes"), ("constraint", 3072, 0, 4096),
          "the failure")
    row = why(file, "--at", "100%", "--size", "4K", "--region", "L1")
    equal(figures(row, "verdict", "bank_bytes"), ("fits", 8192), "after the device was closed and opened")


# ---- Random banks ----

UNITS = 48
SIZE = UNITS * UNIT


def random_bank(random, device, players):
    """Blocks come and go on a bank, without lying over each other. Returns those that are live, [(first, end) in units]."""
    live = {}
    for _ in range(random.randrange(2, 40)):
        if live and random.random() < 0.4:
            first = random.choice(list(live))
            live.pop(first)[1].free(BASE + UNIT * first, device=device, region=L1)
            continue
        first, units = random.randrange(UNITS), random.choice((1, 1, 1, 2, 3, 9))
        end = min(first + units, UNITS)
        if any(first < other[0] and at < end for at, other in live.items()):
            continue
        player = random.choice(players)
        size = UNIT * (end - first) - random.choice((0, 0, 0, 1, 31))
        player.alloc(BASE + UNIT * first, size, size, device=device, region=L1)
        live[first] = (end, player)
    return [(first, end) for first, (end, _player) in live.items()]


def expected(blocks, units):
    used = {unit for first, end in blocks for unit in range(first, end)}
    pieces, run_length = [], 0
    for unit in range(UNITS + 1):
        if unit < UNITS and unit not in used:
            run_length += 1
        elif run_length:
            pieces.append(run_length)
            run_length = 0
    free, largest = sum(pieces), max(pieces, default=0)
    cost = min(((sum(end - first for first, end in hit), len(hit)) for hit in (
        [block for block in blocks if block[0] < at + units and block[1] > at] for at in range(UNITS - units + 1))),
        default=(None, None))
    verdict = "exhausted" if free < units else "fragmented" if largest < units else "constraint"
    return (verdict, UNIT * units, UNIT * free, UNIT * largest, len(pieces), UNIT * max(units - largest, 0),
            cost[0] if cost[0] is None else UNIT * cost[0], cost[1])


def random_banks():
    source = random.Random(4130)
    stage = Stage()
    players = [stage.player, Player(stage.place)]
    wanted = {}
    for device in range(150):
        stage.player.open([issued.Layout(L1, 1, SIZE + source.randrange(UNIT), BASE, UNIT)], device)
        blocks = random_bank(source, device, players)
        if blocks and source.random() < 0.5:  # a view of another block counts zero
            first, end = source.choice(blocks)
            stage.player.alloc(BASE + UNIT * first + 4, 8, 8, device=device, region=L1, flags=issued.ALIASED)
        units = source.randrange(1, UNITS + 1)
        stage.player.failed(UNIT * units - source.randrange(UNIT), 0, device=device, region=L1)
        wanted[device] = expected(blocks, units)
        if source.random() < 0.3:
            stage.player.close_device(device)
    file = stage.stop(players[1])
    for device, answer in wanted.items():
        row = why(file, "--device", device)
        equal(figures(row, "verdict", "needed_bytes", "free_bytes", "largest_free_bytes", "free_blocks", "missing_bytes",
                      "eviction_bytes", "eviction_blocks"), answer, f"device {device}")
        if device % 3:
            continue
        occupants = analyze("why", file, "--device", device, "--by", "block")["rows"]
        equal(len([block for block in occupants if not block["aliased"]]), answer[7] or 0, f"blocks of device {device}")


main(dram_in_pieces, l1_missed_by_30_kilobytes, three_markers, eight_semaphores, recorded_clash, what_grew,
     limits_that_messages_tell, log_on_standard_input,
     is_clear_about_what_is_missing, counts_what_the_same_nanosecond_had_before, says_when_it_fits_or_should_have,
     random_banks)
