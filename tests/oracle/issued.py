# SPDX-License-Identifier: Apache-2.0
"""What was issued: the generator's logs, and calls made through a player, as one kind of record.

Nothing here reads a recording. Only at_ns is filled in later (align.py), after the stamps around the call vouched for it.
"""
import dataclasses
import glob
import os
import struct

ALLOC, FREE, ALLOC_FAILED, CB_ALLOC, CB_FREE, PROGRAM_RUN, KERNEL_LOAD, KERNEL_UNLOAD, DEVICE_OPEN, DEVICE_CLOSE = range(1, 11)
STEP, PUSH, POP, LAYOUT = 32, 64, 65, 66
KIND_WORDS = {
    ALLOC: "alloc", FREE: "free", ALLOC_FAILED: "alloc_failed", CB_ALLOC: "cb_alloc", CB_FREE: "cb_free",
    PROGRAM_RUN: "program_run", KERNEL_LOAD: "kernel_load", KERNEL_UNLOAD: "kernel_unload",
    DEVICE_OPEN: "device_open", DEVICE_CLOSE: "device_close",
}
REGION_WORDS = {0: "DRAM", 1: "L1", 2: "SYSTEM_MEMORY", 3: "L1_SMALL", 4: "TRACE", 16: "CB", 17: "KERNEL", 32: "HOST"}
DRAM, L1, SYSTEM_MEMORY, L1_SMALL, TRACE, CB, KERNEL, HOST = 0, 1, 2, 3, 4, 16, 17, 32
ANY = 0xFFFF
SHARDED, ALIASED, KERNEL_BINARY = 2, 4, 8

HEADER = struct.Struct("<QIIIIQQQ")
RECORD = struct.Struct("<8QIIHHI")
MAGIC = 0x474F4C474E454754


@dataclasses.dataclass
class Call:
    """One call: an event of the recording, a mark, or a label's push or pop."""
    kind: int
    process: object = None  # any name of the process image; align.py tells its row
    thread: int = 0
    order: int = 0
    before_ns: int = 0
    after_ns: int = 0  # 0: had not returned when the process died
    device: int = 0
    region: int = 0
    flags: int = 0
    address: int = 0  # or program, kernel id, step number
    size: int = 0
    bank: int = 0
    index: int = 0
    program: int = 0
    text: str = None  # name or reason
    cores: list = dataclasses.field(default_factory=list)  # [x, y]... of a circular buffer; none: not known
    layouts: list = dataclasses.field(default_factory=list)
    # Attributes that follow from the calls before it.
    label: str = None
    step: int = None
    # From the recording, after it was checked.
    at_ns: int = None
    place: tuple = None  # (at_ns, row of the process, number)

    @property
    def is_event(self):
        return self.kind in KIND_WORDS


@dataclasses.dataclass
class Layout:
    region: int
    banks: int
    bank_bytes: int
    base: int
    alignment: int


class Process:
    """A process image, and its calls in its own order."""

    def __init__(self, name, pid, parent=None, scope="players"):
        self.name = name
        self.pid = pid
        self.parent = parent
        self.scope = scope  # calls of the same scope have one common order
        self.calls = []
        self.row = None  # id of its row in the recording
        self.ended_ns = None
        self.ended = None

    @property
    def events(self):
        return [call for call in self.calls if call.is_event]


def attribute(process):
    """Fills label and step of each call from the pushes, pops and steps before it."""
    stacks, step = {}, None
    for call in process.calls:
        stack = stacks.setdefault(call.thread, [])
        if call.kind == PUSH:
            stack.append(call.text)
        elif call.kind == POP:
            if stack:
                stack.pop()
        elif call.kind == STEP:
            step = call.address
        call.label = "/".join(stack) if stack else None
        call.step = step


def _call(values, process, thread):
    order, before, after, address, size, bank, extra, program, device, name, region, flags, kind = values
    call = Call(kind, process, thread, order, before, after, device, region, flags, address, size, bank, extra, program)
    if kind == PUSH:
        call.text = f"label{name}"
    elif kind == CB_ALLOC:
        call.cores = [(name // 4 + i, y) for i in range(name % 4) for y in range(i + 2)]
    elif kind == ALLOC_FAILED:
        call.text = f"no room {name}" if name else None
    elif kind == KERNEL_LOAD:
        call.text = f"kernel{name}"
    return call


def _read_log(path):
    """Process, pid and calls of a thread; None when it was killed before it had begun its log."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < HEADER.size or not any(data[:8]):
        return None
    magic, pid, tid, process, thread, _capacity, count, _seed = HEADER.unpack_from(data)
    assert magic == MAGIC, path
    calls = []
    for i in range(count):
        values = RECORD.unpack_from(data, HEADER.size + i * RECORD.size)
        call = _call(values, f"{os.path.dirname(path)}/{process}", tid)
        if call.before_ns == 0:
            continue  # killed before the call began
        if call.kind == LAYOUT:
            opened = next(c for c in reversed(calls) if c.kind == DEVICE_OPEN)
            opened.layouts.append(Layout(call.region, call.program, call.bank, call.address, call.index))
        else:
            calls.append(call)
    return process, pid, calls


def read_logs(directory):
    """All processes of a generator's run. Calls with a common order are sorted by it; free-running threads keep their
    own order and are merged by the stamps before the calls."""
    processes = {}
    for path in sorted(glob.glob(os.path.join(directory, "*.log"))):
        log = _read_log(path)
        if log is None:
            continue
        number, pid, calls = log
        processes.setdefault(number, Process(f"{directory}/{number}", pid, scope=directory)).calls.extend(calls)
    for process in processes.values():
        process.calls.sort(key=lambda call: (call.order, call.before_ns))
        attribute(process)
    return [processes[number] for number in sorted(processes)]
