# SPDX-License-Identifier: Apache-2.0
"""The brute-force model: what a run's calls did to memory. One process after the other, one call after the other.

A block is present in intervals of places, a place being (at_ns, row of its process, number of the call). Everything else
is computed from these intervals, by walking over all of them each time.
"""
import dataclasses

from issued import (ALIASED, ALLOC, ALLOC_FAILED, ANY, CB, CB_ALLOC, CB_FREE, DEVICE_CLOSE, DEVICE_OPEN, FREE, HOST, KERNEL,
                    KERNEL_BINARY, KERNEL_LOAD, KERNEL_UNLOAD, PROGRAM_RUN, TRACE)

INFINITY = float("inf")


@dataclasses.dataclass
class Block:
    process: object
    call: object  # of its alloc
    device: int
    region: int
    address: int
    size: int
    bank: int
    aliased: bool
    program: int = None
    index: int = None
    counted: int = None       # of a circular buffer: what its program's fullest core grew by
    end: object = None        # the call that ended it
    ended: str = None         # freed, replaced, device close, process exit, exec
    intervals: list = dataclasses.field(default_factory=list)  # [from place, to place or None]

    @property
    def block_class(self):
        if self.region == CB:
            return "circular_buffer"
        if self.region == KERNEL:
            return "kernel"
        if self.call.flags & KERNEL_BINARY:
            return "kernel_binary"
        return "trace" if self.region == TRACE else "buffer"

    @property
    def payload(self):
        return 0 if self.aliased else self.size

    @property
    def bytes(self):
        """In what is taken at once."""
        return 0 if self.aliased else self.size if self.counted is None else self.counted

    @property
    def bank_bytes(self):
        return 0 if self.aliased else self.bank if self.counted is None else self.counted

    @property
    def blocks(self):
        return 0 if self.aliased else 1

    @property
    def leaked(self):
        return self.ended not in ("freed", "replaced")

    def appear(self, place):
        self.intervals.append([place, None])

    def vanish(self, place):
        if self.intervals and self.intervals[-1][1] is None:
            self.intervals[-1][1] = place

    def present_at(self, place):
        """After what happened at that place."""
        return any(a <= place and (b is None or b > place) for a, b in self.intervals)


class ProcessReplay:
    """Pairs one process's calls."""

    def __init__(self, process):
        self.process = process
        self.blocks = []
        self.live = {}       # (device, region, address) -> Block
        self.buffers = {}    # (device, program) -> {index: Block}
        self.current = {}    # device -> the program that ran last, or the one of the last cb_alloc before any ran
        self.ran = set()     # devices
        self.allocated = set()
        self.failures = []
        self.unmatched = 0
        self.inherited = 0
        self.replaced = 0
        self.frees = {}      # (device, region) -> free events that ended blocks, by block
        for call in process.calls:
            self._take(call)
        self._end()

    def _take(self, call):
        if call.kind in (ALLOC, KERNEL_LOAD):
            self._alloc(call)
        elif call.kind in (FREE, KERNEL_UNLOAD):
            self._free(call)
        elif call.kind == ALLOC_FAILED:
            self.failures.append(call)
        elif call.kind == CB_ALLOC:
            self._cb_alloc(call)
        elif call.kind == CB_FREE:
            self._cb_free(call)
        elif call.kind == PROGRAM_RUN:
            self._program_run(call)
        elif call.kind == DEVICE_CLOSE:
            self._device_close(call)

    def _finish(self, block, call, how):
        block.end, block.ended = call, how
        block.vanish(call.place)
        if how == "replaced":
            self.replaced += 1
        elif how == "freed":
            key = (block.device, block.region)
            self.frees[key] = self.frees.get(key, 0) + 1

    def _alloc(self, call):
        region = KERNEL if call.kind == KERNEL_LOAD else call.region
        key = (call.device, region, call.address)
        if key in self.live:
            self._finish(self.live.pop(key), call, "replaced")
        aliased = call.kind == ALLOC and bool(call.flags & ALIASED)
        block = Block(self.process, call, call.device, region, call.address, call.size, call.bank or call.size, aliased)
        block.appear(call.place)
        self.blocks.append(block)
        self.live[key] = block
        self.allocated.add(key)

    def _free(self, call):
        region = KERNEL if call.kind == KERNEL_UNLOAD else call.region
        found = [block for key, block in self.live.items() if key[2] == call.address and
                 call.device in (ANY, key[0]) and region in (ANY, key[1])]
        if found:
            youngest = found[-1]  # a dictionary keeps the order of insertion
            del self.live[(youngest.device, youngest.region, youngest.address)]
            self._finish(youngest, call, "freed")
        elif self._is_inherited(call, region):
            self.inherited += 1
        else:
            self.unmatched += 1

    def _is_inherited(self, call, region):
        own = any(key[2] == call.address and call.device in (ANY, key[0]) and region in (ANY, key[1])
                  for key in self.allocated)
        return self.process.parent is not None and not own

    def _cb_alloc(self, call):
        buffers = self.buffers.setdefault((call.device, call.program), {})
        if call.index in buffers:
            self._finish(buffers.pop(call.index), call, "replaced")
        block = Block(self.process, call, call.device, CB, call.address, call.size, call.size, bool(call.flags),
                      call.program, call.index)
        buffers[call.index] = block
        block.counted = self._count(block, buffers.values())
        self.blocks.append(block)
        if call.device not in self.ran:
            self._make_current(call, call.program)
        elif self.current[call.device] == call.program:
            block.appear(call.place)

    @staticmethod
    def _count(block, buffers):
        """What BLOCK adds to the fullest core of its program's BUFFERS, core by core. Without cores, its size."""
        if not block.call.cores:
            return block.bytes
        filled, counted = {}, 0
        for buffer in buffers:
            if buffer.call.cores and not buffer.aliased:
                counted += buffer.counted or 0
                for core in buffer.call.cores:
                    filled[core] = filled.get(core, 0) + buffer.size
        return max(0, max(filled.values(), default=0) - counted)

    def _cb_free(self, call):
        for block in self.buffers.pop((call.device, call.address), {}).values():
            self._finish(block, call, "freed")

    def _program_run(self, call):
        self.ran.add(call.device)
        self._make_current(call, call.address)

    def _make_current(self, call, current):
        self.current[call.device] = current
        for (device, program), buffers in self.buffers.items():
            if device != call.device:
                continue
            for block in buffers.values():
                if program != current:
                    block.vanish(call.place)
                elif not block.intervals or block.intervals[-1][1] is not None:
                    block.appear(call.place)

    def _device_close(self, call):
        for key in [key for key in self.live if key[0] == call.device and key[1] != HOST]:  # HOST is no memory of it
            self._finish(self.live.pop(key), call, "device close")
        for key in [key for key in self.buffers if key[0] == call.device]:
            for block in self.buffers.pop(key).values():
                self._finish(block, call, "device close")

    def _end(self):
        """What it holds, or held when it ended."""
        self.held = list(self.live.values()) + [b for buffers in self.buffers.values() for b in buffers.values()]
        self.present_at_end = [b for b in self.held if b.intervals and b.intervals[-1][1] is None]
        for block in self.held:
            block.ended = self.process.ended or "live"
            if self.process.ended:
                block.vanish((self.process.ended_ns, self.process.row, INFINITY))


class Run:
    """All processes of a run."""

    def __init__(self, processes, end_ns, marks=()):
        self.processes = processes
        self.end_ns = end_ns
        self.marks = marks  # of steps, as recorded
        self.replays = [ProcessReplay(process) for process in processes]
        self.blocks = [block for replay in self.replays for block in replay.blocks]
        self.failures = [call for replay in self.replays for call in replay.failures]
        self.events = [call for process in processes for call in process.calls if call.is_event]
        self.by_region = {}
        for block in self.blocks:
            self.by_region.setdefault((block.device, block.region), []).append(block)

        self.told = {}  # (device, region) -> (time, layout), in order
        for call in sorted((call for call in self.events if call.kind == DEVICE_OPEN), key=lambda call: call.place):
            for layout in call.layouts:
                self.told.setdefault((call.device, layout.region), []).append((call.at_ns, layout))

    def blocks_of(self, device, region):
        return self.by_region.get((device, region), [])

    def layouts(self, device, region, at_ns):
        """The geometry that was told last, at that time; what is told later still beats nothing."""
        told = self.told.get((device, region), [])
        before = [layout for told_ns, layout in told if told_ns <= at_ns]
        if before:
            return before[-1]
        return told[0][1] if told else None


def changes(blocks):
    """(place, bytes, bank bytes, blocks) of each appearing and vanishing, in order."""
    result = []
    for block in blocks:
        if block.region == CB:  # one that never takes its place makes its region one that has a peak, of 0 bytes
            result.append((block.call.place, 0, 0, 0))
        for start, end in block.intervals:
            result.append((start, block.bytes, block.bank_bytes, block.blocks))
            if end is not None:
                result.append((end, -block.bytes, -block.bank_bytes, -block.blocks))
    return sorted(result, key=lambda change: change[0])


def totals(blocks):
    """(place, bytes, bank bytes, blocks) after each place at which something changed."""
    result, size, bank, count = [], 0, 0, 0
    for place, *deltas in changes(blocks):
        size, bank, count = size + deltas[0], bank + deltas[1], count + deltas[2]
        if result and result[-1][0] == place:
            result.pop()
        result.append((place, size, bank, count))
    return result


def after(at_ns):
    """The place after everything that happened at that nanosecond."""
    return (at_ns, INFINITY, INFINITY)


def free_gaps(blocks, place, layout):
    """(used, [gap, ...]) of each bank after what happened at that place."""
    low, high = layout.base, layout.base + layout.bank_bytes
    taken = sorted((max(b.address, low), min(b.address + b.bank_bytes, high))
                   for b in blocks if b.bank_bytes and b.address < high and b.present_at(place))
    gaps, at = [], low
    for start, end in taken:
        if start > at:
            gaps.append(start - at)
        at = max(at, end)
    if high > at:
        gaps.append(high - at)
    return high - low - sum(gaps), gaps
