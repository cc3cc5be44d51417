# SPDX-License-Identifier: Apache-2.0
"""floor, temporary, histogram and top on real recordings: empty ones, without L1, geometry or labels, in progress, and
what real programs do to blocks: two processes, aliased, replaced and closed ones."""
from harness import Place, Player, Recorder, analyze, check, check_recording, equal, issued, main, program, run

VERBS = (["floor"], ["floor", "--by", "label"], ["temporary"], ["temporary", "--by", "step"], ["histogram"],
         ["histogram", "--of", "lifetime"], ["top"], ["top", "--at", "50%"])


def rows_of(verb, file, *arguments):
    return analyze(verb, file, *arguments)["rows"]


def notes_of(verb, file, *arguments):
    return " ".join(analyze(verb, file, *arguments)["notes"])


def ended(place, recorder, *players):
    for player in players:
        player.end()
    place.await_drained()
    return recorder.stop()


def nothing_was_recorded():
    place = Place()
    file = Recorder(place).stop()
    for verb in VERBS:
        answer = analyze(*verb, file)
        equal((answer["rows"], answer["complete"]), ([], True), f"{verb} of nothing")
        table = run([program("ttalloc-analyze"), *verb, file], env=place.env)
        equal((table.returncode, table.stderr), (0, ""), f"the table of {verb}")


def without_l1_or_geometry_or_labels():
    """What is missing is said, with how to record it."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(0x1000, 100)
    player.alloc(0x2000, 100, region=issued.L1_SMALL)
    player.free(0x2000, region=issued.L1_SMALL)
    file = ended(place, recorder, player)
    equal(rows_of("floor", file), [], "the floor of L1")
    check("--region" in notes_of("floor", file), "floor does not say that L1 is missing")
    row = rows_of("floor", file, "--region", "L1_SMALL")[0]
    equal((row["address"], row["above_base_bytes"]), (0x2000, None), "the floor without geometry")
    check("ttalloc_device_open" in notes_of("floor", file, "--region", "L1_SMALL"), "floor does not miss the geometry")
    for verb in ("floor", "temporary", "top"):
        check("ttalloc_label_push" in notes_of(verb, file, "--by", "label"), f"{verb} does not miss labels")
        check("ttalloc_step" in notes_of(verb, file, "--by", "step"), f"{verb} does not miss steps")
    equal([row["temporary_blocks"] for row in rows_of("temporary", file)], [1], "temporary blocks")
    check("'leaks'" in notes_of("top", file), "top does not say why nothing is live")
    check_recording(file, player)


def two_processes():
    """Events of one between an alloc and a free of the other do not count; the floor is that of both together."""
    place = Place()
    recorder = Recorder(place)
    one, two = Player(place), Player(place)
    one.open([issued.Layout(issued.L1, 64, 1 << 20, 4096, 16)])
    one.push("one")
    two.push("two")
    for i in range(20):
        one.alloc(0x8000, 640, bank=16, region=issued.L1)
        two.alloc(0x4000 if i % 2 else 0x8000, 640, bank=16, region=issued.L1)  # the same address, or below
        two.free(0x4000 if i % 2 else 0x8000, region=issued.L1)
        one.free(0x8000, region=issued.L1)
        if i % 5 == 0:
            check(one.flush() and two.flush(), "flush")  # another batch
    file = ended(place, recorder, one, two)
    groups = {row["group"]: (row["temporary_blocks"], row["share"]) for row in rows_of("temporary", file)}
    equal(groups, {"one": (20, 1.0), "two": (20, 1.0)}, "temporary blocks")
    spans = {row["group"]: (row["spans"], row["lowest_above_base_bytes"]) for row in rows_of("floor", file, "--by", "label")}
    equal(spans, {"one": (30, 0x7000), "two": (10, 0x3000)}, "who held the floor")
    check_recording(file, one, two)


def aliased_replaced_and_closed():
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.open([issued.Layout(issued.L1, 64, 1 << 20, 4096, 16)])
    player.alloc(0x9000, 64, region=issued.L1)
    player.alloc(0x1000, 64, region=issued.L1, flags=issued.ALIASED)
    player.step(1)
    player.alloc(0x9000, 128, region=issued.L1)  # replaces
    player.alloc(0x8000, 256, region=issued.L1)
    player.cb_alloc(7, 0x2000, 64)
    player.cb_alloc(7, 0x2000, 128)              # replaces
    player.cb_free(7)
    player.alloc(0x7000, 512, region=issued.L1)
    player.step(2)
    player.free(0x7000, region=issued.L1)
    player.close_device()
    player.alloc(0x6000, 1024, region=issued.L1)
    file = ended(place, recorder, player)
    equal([(row["address"], row["step"]) for row in rows_of("floor", file)],
          [(0x9000, None), (0x9000, 1), (0x8000, 1), (0x7000, 1), (0x8000, 1), (0x6000, 2)], "holders of the floor")
    equal({(row["region"], row["group"]): row["temporary_blocks"] for row in rows_of("temporary", file, "--by", "size")},
          {("L1", 512): 1, ("CB", 128): 1}, "temporary blocks")
    bins = {row["from_bytes"]: (row["blocks"], row["held_blocks"]) for row in rows_of("histogram", file, "--region", "L1")}
    equal(bins, {64: (1, 0), 128: (1, 1), 256: (1, 1), 512: (1, 0), 1024: (1, 1)}, "sizes")
    check_recording(file, player)


def top_of_a_recording_in_progress():
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.push("weights")
    player.alloc(0x1000, 3000)
    player.alloc(0x2000, 1000, region=issued.L1)
    check(player.flush(), "flush")
    equal([(row["region"], row["group"], row["bytes"], row["share"]) for row in rows_of("top", recorder.file)],
          [("DRAM", "weights", 3000, 1.0), ("L1", "weights", 1000, 1.0)], "what is live now")
    player.free(0x1000)
    check(player.flush(), "flush")
    equal([row["region"] for row in rows_of("top", recorder.file)], ["L1"], "what is live now")
    ended(place, recorder, player)


def tables_and_their_limits():
    """A histogram is shown to its end, once for devices that are equal; of the largest holders 20 of each device and
    region are, since their moments differ."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    for i in range(30):
        player.alloc(0x1000 * (i + 1), 1 << i)
        player.alloc(0x1000 * (i + 1), 1 << i, device=1)
    check(player.flush(), "flush")
    lines = {}
    for verb in (["histogram"], ["top", "--by", "size"], ["top", "--by", "size", "-n", "3"]):
        out = run([program("ttalloc-analyze"), *verb, recorder.file, "--no-header"], env=place.env).stdout
        lines[" ".join(verb)] = sum("DRAM" in line for line in out.splitlines())
    equal(lines, {"histogram": 30, "top --by size": 40, "top --by size -n 3": 3}, "rows of tables")
    ended(place, recorder, player)


def names_that_drive_a_terminal():
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.open([issued.Layout(issued.L1, 64, 1 << 20, 4096, 16)])
    player.push("\x1b[2J\x07evil")
    player.alloc(0x9000, 64, region=issued.L1)
    player.free(0x9000, region=issued.L1)
    file = ended(place, recorder, player)
    for verb in (["floor"], ["floor", "--by", "label"], ["temporary"]):
        for form in ("table", "csv"):
            result = run([program("ttalloc-analyze"), *verb, file, "--format", form], env=place.env)
            equal(result.returncode, 0, f"status of {verb} ({result.stderr})")
            check("evil" in result.stdout and "\x1b" not in result.stdout and "\x07" not in result.stdout,
                  f"{verb} --format {form}: {result.stdout!r}")


main(nothing_was_recorded, without_l1_or_geometry_or_labels, two_processes, aliased_replaced_and_closed,
     top_of_a_recording_in_progress, tables_and_their_limits, names_that_drive_a_terminal)
