# SPDX-License-Identifier: Apache-2.0
"""What each verb has to answer, as rows, computed from the replay (replay.py)."""
import dataclasses
import fnmatch
import os

from issued import (ALLOC, ALLOC_FAILED, CB, CB_ALLOC, CB_FREE, FREE, KERNEL_LOAD, KERNEL_UNLOAD, L1, L1_SMALL, REGION_WORDS,
                    SHARDED)
from replay import after, free_gaps, totals


@dataclasses.dataclass
class Filter:
    """The shared options. Times are nanoseconds, both ends included."""
    device: int = None
    region: int = None
    pid: int = None
    label: str = None
    steps: tuple = None
    start: int = None
    end: int = None

    def arguments(self):
        given = []
        if self.device is not None:
            given += ["--device", str(self.device)]
        if self.region is not None:
            given += ["--region", REGION_WORDS[self.region]]
        if self.pid is not None:
            given += ["--pid", str(self.pid)]
        if self.label is not None:
            given += ["--label", self.label]
        if self.steps is not None:
            given += ["--step", f"{self.steps[0]}..{self.steps[1]}"]
        if self.start is not None:
            given += ["--start", str(self.start)]
        if self.end is not None:
            given += ["--end", str(self.end)]
        return given

    def takes_label(self, label):
        if self.label is None:
            return True
        return label is not None and (label == self.label or label.startswith(self.label + "/") or
                                      fnmatch.fnmatchcase(label, self.label))

    def takes_call(self, call, process, region=None):
        region = call.region if region is None else region
        return ((self.device is None or call.device == self.device) and (self.region is None or region == self.region)
                and (self.pid is None or process.pid == self.pid) and self.takes_label(call.label)
                and (self.steps is None or (call.step is not None and self.steps[0] <= call.step <= self.steps[1])))

    def takes(self, block):
        """The block itself; and it was alive at some moment in the window."""
        return self.takes_call(block.call, block.process, block.region) and self._in_window(block)

    def _in_window(self, block):
        if self.end is not None and block.call.at_ns > self.end:
            return False
        if self.start is None:
            return True
        ended = block.end.at_ns if block.end else block.process.ended_ns
        return ended is None or ended >= self.start

    @property
    def first_ns(self):
        return 0 if self.start is None else self.start

    def has_inside(self, run, at_ns):
        return self.first_ns <= at_ns <= self.last_ns(run)

    def last_ns(self, run):
        return run.end_ns if self.end is None else min(self.end, run.end_ns)


NOTHING = Filter()
# Owned by the runtime rather than by the program.
RUNTIME_CLASSES = ("kernel_binary", "kernel", "trace")


def by_region(blocks):
    groups = {}
    for block in blocks:
        groups.setdefault((block.device, block.region), []).append(block)
    return dict(sorted(groups.items()))


def in_window(run, blocks, chosen):
    """Totals inside the window; the first one is what there was at its start."""
    inside, before = [], None
    for total in totals(blocks):
        if chosen.start is not None and total[0][0] < chosen.start:
            before = total
        elif total[0][0] <= chosen.last_ns(run):
            inside.append(total)
    if before is not None:
        inside.insert(0, ((chosen.start, -1, -1), *before[1:]))
    return inside


def info(run):
    kinds = [call.kind for call in run.events]
    return {
        "processes": len(run.processes),
        "events": len(kinds),
        "allocations": sum(kind in (ALLOC, KERNEL_LOAD, CB_ALLOC) for kind in kinds),
        "frees": sum(kind in (FREE, KERNEL_UNLOAD, CB_FREE) for kind in kinds),
        "failures": kinds.count(ALLOC_FAILED),
        "lost": 0,
        "unmatched_frees": sum(replay.unmatched for replay in run.replays),
        "replaced": sum(replay.replaced for replay in run.replays),
        "crosschecks": 0,  # only TT-Metal has allocators that can be asked
        "crosscheck_differences": 0,
        "duration_ns": run.end_ns,
        "complete": 1,
    }


def first_maximum(series, column):
    best = None
    for total in series:
        if best is None or total[column] > best[column]:
            best = total
    return best


def peak(run, chosen=NOTHING):
    rows = []
    for (device, region), blocks in by_region(b for b in run.blocks if chosen.takes(b)).items():
        series = in_window(run, blocks, chosen)
        if not series:
            continue
        most, bank = first_maximum(series, 1), first_maximum(series, 2)
        rows.append({
            "device": device, "region": REGION_WORDS[region], "peak_bytes": most[1], "peak_ns": most[0][0],
            "peak_blocks": most[3], "peak_bank_bytes": bank[2], "peak_bank_ns": bank[0][0],
        })
    return rows


def group_of(block, key):
    """The values by which a block's group is told apart."""
    return {
        "label": block.call.label, "thread": (block.process.row, block.call.thread), "process": block.process.row,
        "size": block.size, "region": REGION_WORDS[block.region], "class": block.block_class, "device": block.device,
        "step": block.call.step,
    }[key]


def peak_by(run, key, chosen=NOTHING):
    """Per device and region: what was live at the moment of the maximum, by group."""
    rows = []
    for (device, region), blocks in by_region(b for b in run.blocks if chosen.takes(b)).items():
        series = in_window(run, blocks, chosen)
        if not series:
            continue
        most = first_maximum(series, 1)
        place = most[0] if most[0][1] >= 0 else (most[0][0], -1, -1)
        groups = {}
        for block in blocks:
            if block.present_at(place):
                sums = groups.setdefault(group_of(block, key), [0, 0, 0])
                sums[0] += block.bytes
                sums[1] += block.bank_bytes
                sums[2] += block.blocks
        for group, (size, bank, count) in groups.items():
            rows.append({"device": device, "region": REGION_WORDS[region], "group": group, "bytes": size,
                         "bank_bytes": bank, "blocks": count, "share": size / most[1] if most[1] else None})
    return rows


def owner_of(block):
    """Of a block that was not freed. Circular buffers, and what is kept until the device is closed in L1_SMALL or as a word
    on each core (a semaphore), belong to programs in the runtime's cache."""
    word_on_cores = (block.region == L1 and block.call.kind == ALLOC and block.call.flags & SHARDED and block.size % 4 == 0
                     and block.size <= 4096 and block.bank <= 64)
    cached = block.ended == "device close" and (block.region == L1_SMALL or word_on_cores)
    if block.block_class in RUNTIME_CLASSES or block.region == CB or cached:
        return "runtime"
    return "live program" if block.ended == "live" else "program"


def leaks(run, chosen=NOTHING):
    return [{
        "pid": block.process.pid, "device": block.device, "region": REGION_WORDS[block.region],
        "class": block.block_class, "address": block.address, "size_bytes": block.size, "bank_bytes": block.bank,
        "alloc_ns": block.call.at_ns, "age_ns": run.end_ns - block.call.at_ns, "label": block.call.label,
        "step": block.call.step, "ended": block.ended, "owner": owner_of(block), "aliased": int(block.aliased),
    } for block in run.blocks if block.leaked and chosen.takes(block)]


def leaks_by(run, key, chosen=NOTHING):
    groups = {}
    for block in run.blocks:
        if block.leaked and chosen.takes(block):
            sums = groups.setdefault((block.device, REGION_WORDS[block.region], group_of(block, key)), [0] * 6)
            first = {"program": 0, "runtime": 2, "live program": 4}[owner_of(block)]
            for at in {0, first}:
                sums[at] += block.blocks
                sums[at + 1] += block.payload
    return [{"device": device, "region": region, "group": group, "blocks": sums[0], "bytes": sums[1],
             "runtime_blocks": sums[2], "runtime_bytes": sums[3], "live_blocks": sums[4], "live_bytes": sums[5]} for (device, region, group), sums in groups.items()]


def allocated(run, key, chosen=NOTHING):
    """Of the blocks that were allocated in the window, by group."""
    groups = {}
    for block in run.blocks:
        if chosen.takes_call(block.call, block.process, block.region) and chosen.has_inside(run, block.call.at_ns):
            sums = groups.setdefault((block.device, REGION_WORDS[block.region], group_of(block, key)), [0, 0])
            sums[0] += block.blocks
            sums[1] += block.payload
    return [{"device": device, "region": region, "group": group, "blocks": count, "bytes": size}
            for (device, region, group), (count, size) in groups.items()]


def failures(run, chosen=NOTHING):
    rows = []
    for call in run.failures:
        process = next(p for p in run.processes if p.name == call.process)
        if not chosen.takes_call(call, process) or not chosen.has_inside(run, call.at_ns):
            continue
        layout = run.layouts(call.device, call.region, call.at_ns)
        free = largest = None
        if layout:
            _used, gaps = free_gaps(run.blocks_of(call.device, call.region), call.place, layout)
            free, largest = sum(gaps), max(gaps, default=0)
        rows.append({
            "pid": process.pid, "device": call.device, "region": REGION_WORDS[call.region], "at_ns": call.at_ns,
            "size_bytes": call.size, "bank_bytes": call.bank or call.size, "free_bytes": free,
            "largest_free_bytes": largest, "label": call.label, "step": call.step, "why": call.text,
        })
    return rows


class Fragmentation:
    """The figures of the samples of a run."""

    def __init__(self, run, chosen=NOTHING):
        self.run = run
        self.blocks = by_region(b for b in run.blocks if chosen.takes(b))
        self.requests = {key: largest_request(run, *key, blocks) for key, blocks in self.blocks.items()}

    def at(self, device, region, at_ns):
        layout = self.run.layouts(device, region, at_ns)
        if not layout:
            return {"used_bytes": None, "free_bytes": None, "largest_free_bytes": None, "free_blocks": None,
                    "external_fragmentation": None, "unusable": None}
        used, gaps = free_gaps(self.blocks.get((device, region), []), after(at_ns), layout)
        free, largest = sum(gaps), max(gaps, default=0)
        request = self.requests.get((device, region), 0)
        return {
            "used_bytes": used, "free_bytes": free, "largest_free_bytes": largest, "free_blocks": len(gaps),
            "external_fragmentation": 1 - largest / free if free else None,
            "unusable": 1 - sum(gap for gap in gaps if gap >= request) / free if free else None,
        }


def largest_request(run, device, region, blocks):
    """The largest footprint that anybody asked of the region, served or not."""
    failed = [c.bank or c.size for c in run.failures if c.device == device and c.region == region]
    return max([b.bank_bytes for b in blocks] + failed, default=0)


def sample_times(run, device, region, chosen=NOTHING):
    """Times that a sample may have: events of the region, its failures, process ends, and the end of the window."""
    times = {chosen.last_ns(run), chosen.first_ns}
    for block in run.blocks_of(device, region):
        times.add(block.call.at_ns)
        if block.end:
            times.add(block.end.at_ns)
        elif block.process.ended_ns is not None:
            times.add(block.process.ended_ns)
    times.update(c.at_ns for c in run.failures if c.device == device and c.region == region)
    return times


def processes(run, chosen=NOTHING):
    """Events count inside the window; peaks and what is live take in what was live at its start."""
    rows = []
    for replay in run.replays:
        for (device, region), blocks in by_region(b for b in replay.blocks if chosen.takes(b)).items():
            series = in_window(run, [b for b in blocks], chosen)
            held = [b for b in replay.present_at_end if b.device == device and b.region == region and chosen.takes(b)]
            made = [b for b in blocks if chosen.has_inside(run, b.call.at_ns)]
            rows.append({
                "pid": replay.process.pid, "device": device, "region": REGION_WORDS[region], "allocs": len(made),
                "frees": sum(b.ended == "freed" and chosen.has_inside(run, b.end.at_ns) for b in blocks),
                "allocated_bytes": sum(b.payload for b in made),
                "peak_bytes": max((total[1] for total in series), default=0), "live_bytes": sum(b.bytes for b in held),
                "peak_bank_bytes": max((total[2] for total in series), default=0),
                "live_bank_bytes": sum(b.bank_bytes for b in held), "uid": os.getuid(),
            })
    return rows


def timeline(run, buckets, chosen=NOTHING):
    """Buckets of equal length over the window; bucket i is [from, to), the last one includes its end."""
    first, last = chosen.first_ns, chosen.last_ns(run)
    rows = []
    for (device, region), blocks in by_region(b for b in run.blocks if chosen.takes(b)).items():
        series = totals(blocks)
        for i in range(buckets):
            start, end = first + (last - first) * i // buckets, first + (last - first) * (i + 1) // buckets
            final = i == buckets - 1
            before = [t for t in series if t[0][0] < start]
            inside = [t for t in series if start <= t[0][0] and (t[0][0] < end or (final and t[0][0] <= end))]
            at_start = before[-1][1] if before else 0
            rows.append({
                "device": device, "region": REGION_WORDS[region], "from_ns": start, "to_ns": end,
                "max_bytes": max([at_start] + [t[1] for t in inside]), "end_bytes": inside[-1][1] if inside else at_start,
                "allocs": sum(start <= b.call.at_ns and (b.call.at_ns < end or (final and b.call.at_ns <= end)) for b in blocks),
                "frees": sum(b.ended == "freed" and start <= b.end.at_ns and (b.end.at_ns < end or (final and b.end.at_ns <= end))
                             for b in blocks),
            })
    return rows


def diff(old, new, what, key="label", everything=False):
    """By device, region and group: bytes and blocks of OLD and NEW, where they are not the same."""
    rows = {}
    for side, run in enumerate((old, new)):
        for place, size, count in _diff_side(run, what, key):
            row = rows.setdefault(place, [0, 0, 0, 0])
            row[side] += size
            row[2 + side] += count
    return [{"device": device, "region": region, "group": group, "old_bytes": a, "new_bytes": b, "delta_bytes": b - a,
             "old_blocks": c, "new_blocks": d}
            for (device, region, group), (a, b, c, d) in rows.items() if everything or (a, c) != (b, d)]


def _diff_side(run, what, key):
    """What leaked is the program's, unless classes are compared."""
    if what == "leaks":
        rows = []
        for row in leaks_by(run, key):
            runtime = (0, 0) if key == "class" else (row["runtime_blocks"], row["runtime_bytes"])
            blocks = row["blocks"] - runtime[0] - row["live_blocks"]
            if blocks > 0 or row["runtime_blocks"] + row["live_blocks"] == 0:
                rows.append({**row, "bytes": row["bytes"] - runtime[1] - row["live_bytes"], "blocks": blocks})
    else:
        rows = peak_by(run, key) if what == "peak" else allocated(run, key)
    return [((row["device"], row["region"], row["group"]), row["bytes"], row["blocks"]) for row in rows]
