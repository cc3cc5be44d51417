# SPDX-License-Identifier: Apache-2.0
"""Circular buffers count what their program's fullest core has; how L1 was split, and peaks core by core. Figures worked
out by hand."""
from harness import Place, Player, Recorder, analyze, check, equal, issued, main

BASE, BANK = 104224, 1394912
TOP = BASE + BANK
LEFT, RIGHT = (0, 0, 3, 6), (4, 0, 7, 6)


def cb(player, program, index, address, size, *ranges, aliased=0):
    player.tell("cb", 0, program, address, size, index, aliased, *(number for cores in ranges for number in cores))


def opened(place, geometry=True):
    player = Player(place)
    if geometry:
        player.tell("open", 0, "wormhole_b0", issued.L1, 1, 64, BANK, BASE, 32)
    return player


def stopped(place, recorder, *players):
    for player in players:
        player.end()
    place.await_drained()
    return recorder.stop()


def cb_peak(file, *arguments):
    rows = analyze("peak", file, "--region", "CB", *arguments)["rows"]
    equal(len(rows), 1, "rows of CB")
    return rows[0]["peak_bytes"], rows[0]["peak_blocks"]


def the_fullest_core_counts():
    place = Place()
    recorder = Recorder(place)
    player = opened(place)
    player.alloc(TOP - 65536, 65536 * 64, 65536, region=issued.L1)
    cb(player, 7, 0, BASE, 4096, LEFT)
    cb(player, 7, 1, BASE, 32768, RIGHT)                    # other cores: the fullest one has 32768
    cb(player, 7, 2, BASE + 4096, 16384, LEFT)              # 20480 there: counts nothing
    cb(player, 7, 3, BASE + 32768, 1024, (3, 0, 4, 0))      # (4,0): 33792
    cb(player, 7, 4, TOP - 65536, 9999, LEFT, aliased=1)
    file = stopped(place, recorder, player)
    for arguments in ((), ("--device", "0"), ("--start", "0")):
        equal(cb_peak(file, *arguments), (33792, 4), f"the peak {arguments}")
    equal(analyze("verify", file)["rows"], [], "what verify finds")
    rows = analyze("sql", file, "SELECT size_bytes, counted_bytes FROM allocation WHERE region = 'CB' ORDER BY 1")["rows"]
    equal([tuple(row.values()) for row in rows], [(1024, 1024), (4096, 4096), (9999, 0), (16384, 0), (32768, 28672)], "counts")
    by_core = analyze("peak", file, "--by", "core")
    cores = {row["group"]: (row["bytes"], row["blocks"]) for row in by_core["rows"]}
    equal(len(cores), 56, "cores")
    equal((by_core["rows"][0]["group"], by_core["rows"][0]["share"]), ("4-0", 1.0), "the fullest core")
    equal([cores[core] for core in ("4-0", "3-0", "0-0", "7-6")], [(33792, 2), (21504, 3), (20480, 2), (32768, 1)], "cores")
    check(any("L1 holds the same" in note for note in by_core["notes"]), by_core["notes"])
    row = analyze("l1", file)["rows"][0]
    equal((row["peak_bank_bytes"], row["buffer_bank_bytes"], row["circular_bytes"], row["core"]),
          (65536 + 33792, 65536, 33792, "4-0"), "the split")
    equal((row["reserve_bytes"], row["bank_bytes"], row["floor_address"], row["headroom_bytes"]),
          (BASE, BANK, TOP - 65536, TOP - 65536 - BASE - 33792), "room")


def unknown_cores_count_their_size():
    """And so does a list that is too long, or too wild."""
    place = Place()
    recorder = Recorder(place)
    player = opened(place, geometry=False)
    cb(player, 7, 0, BASE, 4096, LEFT)
    cb(player, 7, 1, BASE + 4096, 100)
    cb(player, 7, 2, BASE + 4196, 10, LEFT, LEFT)
    cb(player, 7, 3, BASE + 4206, 1, (65535, 65535, 65535, 65535), (0, 9, 65534, 9))
    file = stopped(place, recorder, player)
    equal(cb_peak(file), (4206, 3), "the peak, before the last one that counts nothing")
    by_core = analyze("peak", file, "--by", "core")["rows"]
    check(len(by_core) <= 4097, "rows of a range as wide as can be")
    equal({row["group"]: row["bytes"] for row in by_core}[None], 110, "on cores that are not known")
    l1 = analyze("l1", file)
    equal((l1["rows"][0]["reserve_bytes"], l1["rows"][0]["headroom_bytes"]), (None, None), "without geometry")
    check(any("geometry of device 0" in note for note in l1["notes"]), l1["notes"])


def the_moment_is_a_common_one():
    """Neither the peak of blocks nor that of circular buffers is when both together were the most."""
    place = Place()
    recorder = Recorder(place)
    player = opened(place)
    player.alloc(TOP - 100000, 100000, 100000, region=issued.L1)
    player.free(TOP - 100000, region=issued.L1)
    cb(player, 7, 0, BASE, 50000, LEFT)
    player.alloc(TOP - 60000, 60000, 60000, region=issued.L1)
    player.tell("run", 0, 7)
    player.free(TOP - 60000, region=issued.L1)
    cb(player, 8, 0, BASE, 70000, RIGHT)
    player.tell("run", 0, 8)
    file = stopped(place, recorder, player)
    row = analyze("l1", file)["rows"][0]
    equal((row["peak_bank_bytes"], row["buffer_bank_bytes"], row["circular_bytes"], row["core"]),
          (110000, 60000, 50000, "0-0"), "the split")
    equal((row["headroom_bytes"], row["floor_address"]), (BANK - 110000, TOP - 60000), "the least room")


def appending_knows_the_cores():
    """What is placed after the recorder began anew counts as if it had never ended."""
    place = Place()
    recorder = Recorder(place)
    player = opened(place)
    cb(player, 7, 0, BASE, 4096, LEFT)
    cb(player, 7, 1, BASE, 32768, RIGHT)
    recorder.stop()
    recorder = Recorder(place, arguments=["--append"])
    cb(player, 7, 2, BASE + 4096, 16384, LEFT)
    cb(player, 7, 3, BASE + 32768, 1000, RIGHT)
    file = stopped(place, recorder, player)
    equal(cb_peak(file), (33768, 4), "the peak")
    equal(analyze("verify", file)["rows"], [], "what verify finds")


def what_never_was_there_has_a_peak_of_nothing():
    """Whichever way it is found: a program ran, and another one's circular buffer was placed."""
    place = Place()
    recorder = Recorder(place)
    player = opened(place)
    player.tell("run", 0, 1)
    cb(player, 2, 0, BASE, 4096, LEFT)
    file = stopped(place, recorder, player)
    rows = analyze("peak", file)["rows"]
    equal((rows[0]["peak_bytes"], rows[0]["peak_blocks"]), (0, 0), "the peak")
    equal(analyze("peak", file, "--device", "0")["rows"], rows, "with a filter")


main(the_fullest_core_counts, unknown_cores_count_their_size, the_moment_is_a_common_one, appending_knows_the_cores,
     what_never_was_there_has_a_peak_of_nothing)
