# SPDX-License-Identifier: Apache-2.0
"""What floor, temporary, histogram and top have to answer, by walking over all blocks for every moment and every bin."""
from expect import NOTHING, by_region, group_of
from issued import CB, KERNEL, L1, REGION_WORDS
from replay import after


class Floor:
    """Who was the lowest, span by span. Blocks that take no space are never it."""

    def __init__(self, run, chosen=NOTHING):
        self.run = run
        self.chosen = chosen
        self.first, self.last = chosen.first_ns, chosen.last_ns(run)
        region = L1 if chosen.region is None else chosen.region
        taken = [b for b in run.blocks if b.region == region and b.bank_bytes > 0 and chosen.takes(b)]
        self.spans = [span for blocks in by_region(taken).values() for span in self._spans_of(blocks)]

    @staticmethod
    def can_be_asked(chosen):
        return chosen.region not in (CB, KERNEL)

    def _spans_of(self, blocks):
        """(block, from, to), in order; of no length only at the end of the window."""
        times = {place[0] for b in blocks for interval in b.intervals for place in interval if place}
        times = sorted({self.first} | {at_ns for at_ns in times if self.first < at_ns <= self.last})
        spans = []
        for at_ns, until in zip(times, times[1:] + [self.last]):
            live = [b for b in blocks if b.present_at(after(at_ns))]
            lowest = min(live, key=lambda b: (b.address, b.call.place), default=None)
            if spans and spans[-1][0] is lowest and spans[-1][2] == at_ns:
                spans[-1] = (lowest, spans[-1][1], until)
            elif lowest:
                spans.append((lowest, at_ns, until))
        return spans

    def _above_base(self, block, from_ns):
        layout = self.run.layouts(block.device, block.region, from_ns)
        return block.address - layout.base if layout and layout.bank_bytes else None

    def median_length(self):
        lengths = sorted(until - since for _, since, until in self.spans)
        return lengths[len(lengths) // 2] if lengths else 1

    def longest(self, count, at_least=0):
        rows = []
        for device in {block.device for block, _, _ in self.spans}:
            spans = [s for s in self.spans if s[0].device == device and s[2] - s[1] >= at_least]
            spans.sort(key=lambda s: (s[1] - s[2], s[1]))
            lowest = min((s[0].address for s in spans), default=None)
            kept = spans[:count]
            if kept and all(s[0].address != lowest for s in kept):
                kept.append(next(s for s in spans if s[0].address == lowest))
            rows += kept
        return [{
            "device": block.device, "region": REGION_WORDS[block.region], "from_ns": since, "to_ns": until,
            "held_ns": until - since, "address": block.address, "above_base_bytes": self._above_base(block, since),
            "size_bytes": block.size, "bank_bytes": block.bank, "label": block.call.label, "step": block.call.step,
            "pid": block.process.pid, "alloc_ns": block.call.at_ns,
        } for block, since, until in rows]

    def by(self, key, at_least=0):
        groups = {}
        for span in self.spans:
            if span[2] - span[1] >= at_least:
                groups.setdefault((span[0].device, REGION_WORDS[span[0].region], group_of(span[0], key)), []).append(span)
        rows = []
        for (device, region, group), spans in groups.items():
            held = sum(until - since for _, since, until in spans)
            above = [self._above_base(block, since) for block, since, _ in spans]
            rows.append({
                "device": device, "region": region, "group": group, "held_ns": held,
                "share": held / (self.last - self.first) if self.last > self.first else None,
                "longest_ns": max(until - since for _, since, until in spans), "spans": len(spans),
                "lowest_address": min(block.address for block, _, _ in spans),
                "lowest_above_base_bytes": min((a for a in above if a is not None), default=None),
            })
        return rows


def temporary(run, key, within, chosen=NOTHING):
    """By its own free, within so many of the events that its process issued."""
    numbers = {id(call): number for process in run.processes for number, call in enumerate(process.events)}
    groups = {}
    for block in run.blocks:
        if block.aliased or not chosen.takes(block):
            continue
        sums = groups.setdefault((block.device, REGION_WORDS[block.region], group_of(block, key)), [0, 0, 0])
        sums[2] += 1
        if block.ended == "freed" and numbers[id(block.end)] - numbers[id(block.call)] <= within:
            sums[0] += 1
            sums[1] += block.size
    return [{"device": device, "region": region, "group": group, "temporary_blocks": count, "temporary_bytes": size,
             "blocks": blocks, "share": count / blocks}
            for (device, region, group), (count, size, blocks) in groups.items() if count]


BINS = [(0, 1)] + [(2 ** i, 2 ** (i + 1)) for i in range(62)]


def _value_of(run, block, what):
    if what == "lifetime":
        ended = block.end.at_ns if block.end else block.process.ended_ns
        return (run.end_ns if ended is None else ended) - block.call.at_ns
    return block.size if what == "size" else block.bank


def histogram(run, what, chosen=NOTHING):
    unit = "ns" if what == "lifetime" else "bytes"
    rows = []
    for (device, region), blocks in by_region(b for b in run.blocks if chosen.takes(b) and not b.aliased).items():
        bins = [[b for b in blocks if low <= _value_of(run, b, what) < high] for low, high in BINS]
        used = [i for i, inside in enumerate(bins) if inside]
        for i in range(used[0], used[-1] + 1):
            held = [b for b in bins[i] if b.leaked]
            rows.append({
                "device": device, "region": REGION_WORDS[region], f"from_{unit}": BINS[i][0], f"to_{unit}": BINS[i][1],
                "blocks": len(bins[i]), "share": len(bins[i]) / len(blocks), "bytes": sum(b.size for b in bins[i]),
                "held_blocks": len(held), "held_bytes": sum(b.size for b in held),
            })
    return rows


def top(run, key, at_ns=None, chosen=NOTHING):
    """What is live after all that happened at that moment."""
    at_ns = chosen.last_ns(run) if at_ns is None else at_ns
    rows = []
    for (device, region), blocks in by_region(b for b in run.blocks if chosen.takes(b)).items():
        live = [b for b in blocks if b.present_at(after(at_ns))]
        total = sum(b.bytes for b in live)
        groups = {}
        for block in live:
            groups.setdefault(group_of(block, key), []).append(block)
        for group, inside in groups.items():
            size = sum(b.bytes for b in inside)
            rows.append({
                "device": device, "region": REGION_WORDS[region], "group": group, "bytes": size,
                "bank_bytes": sum(b.bank_bytes for b in inside), "blocks": sum(b.blocks for b in inside),
                "share": size / total if total else None,
                "oldest_age_ns": at_ns - min(b.call.at_ns for b in inside), "at_ns": at_ns,
            })
    return rows
