# SPDX-License-Identifier: Apache-2.0
"""What l1 and peak --by core have to answer, core by core and moment by moment."""
from issued import CB, L1, REGION_WORDS
from expect import NOTHING, by_region, first_maximum, in_window


def filled(buffers):
    """Core -> [bytes, circular buffers]; None: those whose cores are not known."""
    cores = {}
    for buffer in buffers:
        if buffer.aliased or not buffer.size:
            continue
        for core in buffer.call.cores or [None]:
            sums = cores.setdefault(core, [0, 0])
            sums[0] += buffer.size
            sums[1] += 1
    return cores


def peak_by_core(run, chosen=NOTHING):
    rows = []
    for (device, region), blocks in by_region(b for b in run.blocks if b.region == CB and chosen.takes(b)).items():
        series = in_window(run, blocks, chosen)
        if not series:
            continue
        most = first_maximum(series, 1)
        place = most[0] if most[0][1] >= 0 else (most[0][0], -1, -1)
        for core, (size, count) in filled(b for b in blocks if b.present_at(place)).items():
            rows.append({"device": device, "region": REGION_WORDS[region], "bytes": size, "bank_bytes": size,
                         "group": f"{core[0]}-{core[1]}" if core else None, "blocks": count,
                         "share": size / most[1] if most[1] else None})
    return rows


def moments(blocks):
    """(place, live blocks) after what each process did in a nanosecond in which blocks came or went."""
    changes = {}
    for block in blocks:
        for start, end in block.intervals:
            changes.setdefault(start, []).append((block, True))
            if end is not None:
                changes.setdefault(end, []).append((block, False))
    live = {}
    places = sorted(changes)
    for place, following in zip(places, places[1:] + [None]):
        for block, comes in changes[place]:
            if comes:
                live[id(block)] = block
        for block, comes in changes[place]:
            if not comes and not block.present_at(place):
                live.pop(id(block), None)
        if not following or following[:2] != place[:2]:
            yield place, list(live.values())


def headroom(run, device, place, live):
    """(bytes, lowest block) between circular buffers and blocks; None: it is not known."""
    layout = run.layouts(device, L1, place[0])
    ends = [b.address + b.size for b in live if b.region == CB]
    floors = [b for b in live if b.region == L1]
    if (not ends or not floors) and not layout:
        return None
    floor = min(floors, key=lambda b: (b.address, b.call.place)) if floors else None
    low = max(ends) if ends else layout.base
    return (floor.address if floor else layout.base + layout.bank_bytes) - low, floor


def l1(run, only=None):
    rows = []
    for device in sorted({b.device for b in run.blocks if b.region in (L1, CB) and only in (None, b.device)}):
        blocks = [b for b in run.blocks if b.device == device and b.region in (L1, CB) and not b.aliased and b.bank]
        best = least = None
        for place, live in moments(blocks):
            taken = [sum(b.bank_bytes for b in live if b.region == region) for region in (L1, CB)]
            if best is None or sum(taken) > sum(best[1]):
                best = (place, taken, live)
            room = headroom(run, device, place, live)
            if room and (least is None or room[0] < least[1]):
                least = (place, *room)
        if not best:
            continue
        cores = {core: sums for core, sums in filled(b for b in best[2] if b.region == CB).items() if core}
        fullest = min(cores, key=lambda core: (-cores[core][0], core[1], core[0]), default=None)
        layout = run.layouts(device, L1, best[0][0])
        floor = least[2] if least else None
        rows.append({
            "device": device, "peak_bank_bytes": sum(best[1]), "peak_ns": best[0][0], "buffer_bank_bytes": best[1][0],
            "circular_bytes": best[1][1], "core": f"{fullest[0]}-{fullest[1]}" if fullest else None,
            "reserve_bytes": layout.base if layout else None, "bank_bytes": layout.bank_bytes if layout else None,
            "headroom_bytes": least[1] if least else None, "headroom_ns": least[0][0] if least else None,
            "floor_label": floor.call.label if floor else None, "floor_address": floor.address if floor else None,
        })
    return rows
