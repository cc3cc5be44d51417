# SPDX-License-Identifier: Apache-2.0
"""What steps, churn and overlaps have to answer, from the replay and the recorded marks of steps."""
import math
import statistics

from expect import NOTHING, Filter, by_region, first_maximum, group_of, in_window, owner_of, processes
from issued import CB, REGION_WORDS
from replay import INFINITY, after, totals

ENDS_MAX = 512  # of steps, that a slope is taken from


def marks_of(run, process):
    """(place, number) of each step that PROCESS began."""
    return [((mark["at_ns"], mark["process"], mark["event_id"]), mark["number"])
            for mark in run.marks if mark["process"] == process.row]


def steps(run, chosen=NOTHING):
    rows = []
    for replay in run.replays:
        marks = marks_of(run, replay.process)
        for (device, region), blocks in by_region(b for b in replay.blocks if _takes(chosen, b)).items():
            series = totals(blocks)
            for index in range(len(marks) + 1):
                start, number = marks[index - 1] if index else ((0, -1, -1), None)
                end = marks[index][0] if index < len(marks) else (INFINITY, INFINITY, INFINITY)
                row = _step(replay, blocks, series, start, end)
                if chosen.steps is not None and (number is None or not chosen.steps[0] <= number <= chosen.steps[1]):
                    continue
                if row["allocs"] or row["frees"] or row["peak_bytes"]:
                    rows.append({"pid": replay.process.pid, "device": device, "region": REGION_WORDS[region], "step": number,
                                 "from_ns": start[0], "to_ns": end[0] if index < len(marks) else None, **row})
    return rows


def _takes(chosen, block):
    """Steps choose rows."""
    return (chosen.pid in (None, block.process.pid) and chosen.device in (None, block.device) and
            chosen.region in (None, block.region) and chosen.takes_label(block.call.label))


def _step(replay, blocks, series, start, end):
    before = [total for total in series if total[0] < start]
    inside = [total for total in series if start < total[0] < end and total[0][2] != INFINITY]
    states = [(start, *(before[-1][1:] if before else (0, 0, 0)))] + inside
    most = max(states, key=lambda state: state[1])
    made = [b for b in blocks if start < b.call.place < end]
    gone = [b for b in blocks if b.end and start < b.end.place < end]
    return {
        "allocs": len(made), "frees": len(gone), "allocated_bytes": sum(b.payload for b in made),
        "freed_bytes": sum(b.payload for b in gone), "live_bytes": states[-1][1], "peak_bytes": most[1],
        "peak_ns": most[0][0], "peak_bank_bytes": max(state[2] for state in states),
    }


def growth(run, key, warm_up=None, chosen=NOTHING):
    rows = []
    for replay in run.replays:
        marks = [place for place, _ in marks_of(run, replay.process)]
        whole = max(len(marks) - 1, 0)
        first = (-(-whole // 10) if warm_up is None else warm_up) + 1
        counted = whole - first + 1
        if counted < 3:
            continue
        groups = {}
        for block in replay.blocks:
            if _takes(chosen, block) and block.region != CB and not block.aliased:
                groups.setdefault((block.device, block.region, group_of(block, key)), []).append(block)
        for (device, region, group), blocks in groups.items():
            row, bank_slope = _growth(blocks, marks, first, counted)
            if row:
                rows.append({"pid": replay.process.pid, "device": device, "region": REGION_WORDS[region], "group": group,
                             "steps_until_full": _until_full(run, replay, device, region, marks, bank_slope, chosen), **row})
    return rows


def _rounded(number):
    """As SQL rounds: a half away from 0."""
    return int(math.copysign(math.floor(abs(number) + 0.5), number))


def _growth(blocks, marks, first, counted):
    left = [b for b in blocks if b.present_at(marks[-1])]
    born = {id(b): sum(mark < b.call.place for mark in marks) for b in left}
    kept = [b for b in left if born[id(b)] >= first]
    share = len({born[id(b)] for b in kept}) / counted
    if share < 0.9:
        return None, 0
    wanted = min(counted, ENDS_MAX)
    ends = [first + counted - 1 - i * (counted - 1) // (wanted - 1) for i in range(wanted)]
    at = [[b for b in blocks if b.present_at(marks[step])] for step in ends]
    slope = _slope(ends, [sum(b.bytes for b in live) for live in at])
    bank_slope = _slope(ends, [sum(b.bank_bytes for b in live) for live in at])
    return {
        "step_bytes": _rounded(slope), "step_bank_bytes": _rounded(bank_slope),
        "kept_bytes": sum(b.bytes for b in kept), "kept_blocks": len(kept), "live_bytes": sum(b.bytes for b in left),
        "share": share, "steps": counted,
    } if slope > 0 else None, bank_slope


def _rounded(value):
    """As SQLite rounds: halves away from zero. Python's round() goes to the even neighbour."""
    return int(value + math.copysign(0.5, value))


def _slope(steps_, values):
    return statistics.median((values[i] - values[j]) / (steps_[i] - steps_[j])
                             for i in range(len(steps_)) for j in range(i + 1, len(steps_)))


def _until_full(run, replay, device, region, marks, slope, chosen):
    layouts = [layout for call in replay.process.events for layout in getattr(call, "layouts", None) or ()
               if call.device == device and layout.region == region]
    if not layouts or chosen.label is not None or slope <= 0:
        return None
    own = totals([b for b in replay.blocks if b.device == device and b.region == region and _takes(chosen, b)])
    before = [total for total in own if total[0] < marks[-2]]
    top = max([before[-1][2] if before else 0] + [total[2] for total in own if marks[-2] < total[0] < marks[-1]])
    others = sum(other["peak_bank_bytes"] for other in processes(run) if other["pid"] != replay.process.pid and
                 (other["device"], other["region"]) == (device, REGION_WORDS[region]) and
                 any(r.process.pid == other["pid"] and (r.process.ended_ns is None or r.process.ended_ns > marks[-1][0])
                     for r in run.replays))
    return int(max(layouts[-1].bank_bytes - top - others, 0) / slope)


def churn(run, key, chosen=NOTHING):
    """What was allocated, over time and over steps."""
    rows, groups = [], {}
    for block in run.blocks:
        if chosen.takes_call(block.call, block.process, block.region) and chosen.has_inside(run, block.call.at_ns):
            groups.setdefault((block.device, block.region, group_of(block, key)), []).append(block)
    seconds = (chosen.last_ns(run) - chosen.first_ns) / 1e9 if chosen.steps is None else None
    for (device, region, group), blocks in groups.items():
        size, count = sum(b.payload for b in blocks), sum(b.blocks for b in blocks)
        total = sum(b.payload for (d, r, _), others in groups.items() if (d, r) == (device, region) for b in others)
        stepped = [b for b in blocks if b.call.step is not None]
        there = {b.process.row for b in run.blocks_of(device, region)}
        steps_ = sum(mark["process"] in there and _mark_fits(run, mark, chosen) for mark in run.marks)
        rows.append({
            "device": device, "region": REGION_WORDS[region], "group": group, "bytes": size, "blocks": count,
            "share": size / total if total else None, "bytes_per_second": int(size / seconds) if seconds else None,
            "blocks_per_second": count / seconds if seconds else None,
            "bytes_per_step": sum(b.payload for b in stepped) // steps_ if steps_ else None,
            "blocks_per_step": sum(b.blocks for b in stepped) / steps_ if steps_ else None,
        })
    return rows


def _mark_fits(run, mark, chosen):
    pid = next(p.pid for p in run.processes if p.row == mark["process"])
    return (chosen.pid in (None, pid) and (chosen.steps is None or chosen.steps[0] <= mark["number"] <= chosen.steps[1]) and
            (chosen.start is None or mark["at_ns"] >= chosen.start) and (chosen.end is None or mark["at_ns"] <= chosen.end))


def overlaps(run):
    """Each pair of one process's blocks that had memory in common, however they were found."""
    rows = []
    for replay in run.replays:
        for (device, region), blocks in by_region(b for b in replay.blocks if b.region < CB and not b.aliased and b.bank).items():
            blocks.sort(key=lambda block: block.call.place)
            for at, later in enumerate(blocks):
                for first in blocks[:at]:
                    start = max(first.address, later.address)
                    size = min(first.address + first.bank, later.address + later.bank) - start
                    if size > 0 and first.present_at(later.call.place):
                        ends = [b.intervals[0][1][0] for b in (first, later) if b.intervals[0][1]]
                        rows.append({
                            "device": device, "region": REGION_WORDS[region], "address": start, "bytes": size,
                            "from_ns": later.call.at_ns, "to_ns": min(ends, default=None), "pid": replay.process.pid,
                            "block_address": first.address, "size_bytes": first.size, "later_pid": replay.process.pid,
                            "later_address": later.address, "later_size_bytes": later.size,
                        })
    return rows


def allowed(tolerance, old):
    if tolerance is None:
        return 0
    return old * float(tolerance[:-1]) / 100 if tolerance.endswith("%") else int(tolerance)


def diff_steps(old, new, tolerance=None, everything=False):
    """The steps of both runs side by side, by process, device, region, number, and which one of that number."""
    pairs = {}
    for side, run in enumerate((old, new)):
        order = sorted({row["pid"] for row in steps(run)}, key=lambda pid, run=run: min(
            p.row for p in run.processes if p.pid == pid))
        seen = {}
        for row in sorted(steps(run), key=lambda row: row["from_ns"]):
            place = (order.index(row["pid"]) + 1, row["device"], row["region"], row["step"])
            seen[place] = seen.get(place, 0) + 1
            pairs.setdefault((*place, seen[place]), [None, None])[side] = row
    rows = []
    for (process, device, region, step, _), sides in pairs.items():
        row = {"process": process, "device": device, "region": region, "step": step,
               "found": "removed" if sides[1] is None else "added" if sides[0] is None else "both"}
        deltas = []
        for figure in ("peak_bytes", "live_bytes", "allocated_bytes"):
            was, now = (side[figure] if side else 0 for side in sides)
            row.update({f"old_{figure}": was, f"new_{figure}": now})
            deltas.append(now - was if abs(now - was) > allowed(tolerance, was) else 0)
        row["delta_bytes"] = max(deltas) if max(deltas) > 0 else min(deltas)
        if everything or None in sides or any(deltas):
            rows.append(row)
    return rows


def _peaks(run, chosen):
    """(device, region, its blocks, the place of its peak)"""
    for (device, region), blocks in by_region(b for b in run.blocks if chosen.takes(b)).items():
        series = in_window(run, blocks, chosen)
        if series:
            place = first_maximum(series, 1)[0]
            yield device, region, blocks, place if place[1] >= 0 else (place[0], -1, -1)


def _life(run, block, marks):
    if block.aliased:
        return "aliased"
    if block.region == CB:
        return "program memory"
    if owner_of(block) == "runtime":
        return "runtime"
    before = sum(place < block.call.place for place, _ in marks)
    if block.leaked or sum(place < block.end.place for place, _ in marks) > before:
        return "persistent"
    return "temporary to a step" if before else "temporary before the first step"


def peak_by_life(run, chosen=NOTHING):
    rows = []
    marks = {replay.process.row: marks_of(run, replay.process) for replay in run.replays}
    for device, region, blocks, place in _peaks(run, chosen):
        groups = {}
        for block in (b for b in blocks if b.present_at(place)):
            groups.setdefault(_life(run, block, marks[block.process.row]), []).append(block)
        total = sum(b.bytes for inside in groups.values() for b in inside)
        rows += [{"device": device, "region": REGION_WORDS[region], "group": group, "bytes": sum(b.bytes for b in inside),
                  "bank_bytes": sum(b.bank_bytes for b in inside), "blocks": sum(b.blocks for b in inside),
                  "share": sum(b.bytes for b in inside) / total if total else None} for group, inside in groups.items()]
    return rows


def peak_since(run, key, since_ns, chosen=NOTHING):
    """What grew from that moment to the peak."""
    rows, places = [], {(device, region): place for device, region, _, place in _peaks(run, chosen)}
    for (device, region), blocks in by_region(b for b in run.blocks if chosen.takes(b)).items():
        groups = {}
        for block in blocks:
            sums = groups.setdefault(group_of(block, key), [0, 0, 0, 0])
            if (device, region) in places and block.present_at(places[device, region]):
                sums[0] += block.bytes
                sums[1] += block.blocks
            if block.present_at(after(since_ns)):
                sums[2] += block.bytes
                sums[3] += block.blocks
        rows += [{"device": device, "region": REGION_WORDS[region], "group": group, "bytes": size, "blocks": count,
                  "since_bytes": since, "since_blocks": since_count, "growth_bytes": size - since, "since_ns": since_ns}
                 for group, (size, count, since, since_count) in groups.items() if (size, count) != (since, since_count)]
    return rows


def first_under(run, label):
    """The moment before anything was allocated under it."""
    fits = [b.call.at_ns for b in run.blocks if b.region != CB and Filter(label=label).takes_label(b.call.label)]
    return max(min(fits) - 1, 0)
