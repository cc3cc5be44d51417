# SPDX-License-Identifier: Apache-2.0
"""Two banks that people ran out of: figures that are known from their reports."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import issued  # noqa: E402
from harness import Place, Player, Recorder, analyze, check_recording, equal, main  # noqa: E402


def fragmented(free, largest, region, pieces, expected_percent):
    """A bank with FREE bytes in PIECES gaps between blocks, the largest of LARGEST bytes."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    gaps = [largest]
    left, count = free - largest, pieces - 1
    for i in range(count):
        gap = left // (count - i) // 32 * 32 if i < count - 1 else left
        assert gap <= largest
        gaps.append(gap)
        left -= gap
    base, block = 0x20000, 4096
    player.open([issued.Layout(region, 12, free + block * pieces, base, 32)])
    address = base
    for gap in gaps:
        player.alloc(address, 12 * block, block, region=region)
        address += block + gap
    player.failed(12 * (largest + 32), largest + 32, region=region, why="out-of-memory")
    player.end()
    place.await_drained()
    check_recording(recorder.stop(), player)
    failure = analyze("failures", recorder.file)["rows"][0]
    equal((failure["free_bytes"], failure["largest_free_bytes"]), (free, largest), "the bank at the failure")
    samples = [row for row in analyze("fragmentation", recorder.file)["rows"] if row["at_ns"] == failure["at_ns"]]
    equal([round(100 * row["external_fragmentation"], 1) for row in samples], [expected_percent], "external fragmentation")


def dram_with_three_megabytes_in_one_piece():
    fragmented(183397344, 3382944, issued.DRAM, 70, 98.2)


def l1_with_half_a_megabyte_in_one_piece():
    fragmented(912096, 522240, issued.L1, 3, 42.7)


main(dram_with_three_megabytes_in_one_piece, l1_with_half_a_megabyte_in_one_piece)
