# SPDX-License-Identifier: Apache-2.0
"""Label what a Python program does, and report allocations, in a ttalloc recording.

    import ttalloc

    for number, batch in enumerate(batches):
        ttalloc.step(number)                    # later events of the process belong to step NUMBER
        with ttalloc.label("forward"):          # events of this thread inside carry the label; labels nest
            model(batch)

    @ttalloc.label("backward")                  # the same for a whole function
    def backward(loss): ...

One file, no dependency: copy it, or put its directory on PYTHONPATH. It does nothing unless the environment has
TT_ALLOC_TRACKING_ENABLED=1, which `ttalloc-recorder -- python train.py` sets, and libttalloc.so.1 can be found; when it
is wanted and not found, one line on stderr says so. Nothing here ever raises because of the recording.
"""
import ctypes
import enum
import functools
import itertools
import os
import pathlib
import sys
import threading

__all__ = ["enabled", "label", "label_push", "label_pop", "step", "alloc", "free", "flush", "Region", "Flag",
           "BufferType", "AllocationClient", "ANY"]

ANY = 0xFFFF
"""free(): the device or the region is not known."""


class Region(enum.IntEnum):
    """Kinds of memory. The first five are TT-Metal's BufferType."""
    DRAM = 0
    L1 = 1
    SYSTEM_MEMORY = 2
    L1_SMALL = 3
    TRACE = 4
    HOST = 32


BufferType = Region


class Flag(enum.IntFlag):
    """What alloc() may say about a block."""
    TOP_DOWN = 1
    SHARDED = 2
    ALIASED = 4
    KERNEL_BINARY = 8


class _Block(ctypes.Structure):
    """struct ttalloc_block of ttalloc.h"""
    _fields_ = [("device", ctypes.c_uint32), ("region", ctypes.c_uint16), ("flags", ctypes.c_uint16),
                ("address", ctypes.c_uint64), ("size_bytes", ctypes.c_uint64), ("bank_bytes", ctypes.c_uint64)]


_UNKNOWN, _ON = 0, 2  # enum ttalloc_gate_state


def _candidates():
    """Where the library may be: where the dynamic linker finds it, else where it is installed with this file."""
    yield "libttalloc.so.1"
    for above in pathlib.Path(__file__).resolve().parents[:5]:
        for place in (above, above / "lib", *sorted((above / "lib").glob("*-linux-gnu"))):
            if (place / "libttalloc.so.1").is_file():
                yield str(place / "libttalloc.so.1")


def _declare(library):
    unsigned, number = ctypes.c_uint32, ctypes.c_uint64
    for name, result, arguments in (
            ("ttalloc_gate_decide", ctypes.c_bool, []), ("ttalloc_label_push", None, [ctypes.c_char_p]),
            ("ttalloc_label_pop", None, []), ("ttalloc_step", None, [number]),
            ("ttalloc_alloc", None, [ctypes.POINTER(_Block)]),
            ("ttalloc_free", None, [unsigned, ctypes.c_uint16, number]),
            ("ttalloc_flush", ctypes.c_bool, [ctypes.c_uint])):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


class _Recording:
    """The library, once it was looked for."""

    def __init__(self):
        self.lock = threading.Lock()
        self.looked = False
        self.library = None
        self.gate = None

    def find(self):
        """The library when this process is recorded, else None."""
        if not self.looked:
            with self.lock:
                if not self.looked:
                    self._look()
        if self.library is None:
            return None
        state = self.gate.value
        if state == _ON or (state == _UNKNOWN and self.library.ttalloc_gate_decide()):
            return self.library
        return None

    def _look(self):
        if os.environ.get("TT_ALLOC_TRACKING_ENABLED") == "1":
            self._open()
            if self.library is None:
                print("ttalloc: libttalloc.so.1 was not found: labels and steps are not recorded", file=sys.stderr)
        self.looked = True

    def _open(self):
        for path in _candidates():
            try:
                library = ctypes.CDLL(path)
                _declare(library)
                self.gate = ctypes.c_uint32.in_dll(library, "ttalloc_gate")
            except (OSError, AttributeError, ValueError):
                continue
            self.library = library
            return


_recording = _Recording()


def enabled():
    """Whether this process is recorded."""
    return _recording.find() is not None


# --- labels and steps ------------------------------------------------------------------------------------------------


def label_push(name):
    """Opens a label on this thread. True when it was opened, and has to be closed with label_pop()."""
    library = _recording.find()
    if library is None:
        return False
    library.ttalloc_label_push(str(name).encode("utf-8", "replace").split(b"\0")[0])
    return True


def label_pop():
    """Closes the innermost label of this thread."""
    library = _recording.find()
    if library is not None:
        library.ttalloc_label_pop()


class label:  # noqa: N801  (reads as a word in a with statement)
    """`with label("name"):` for a block, `@label("name")` for a function. Labels nest, and belong to their thread."""

    def __init__(self, name):
        self.name = name
        self._opened = []

    def __enter__(self):
        self._opened.append(label_push(self.name))
        return self

    def __exit__(self, *exception):
        if self._opened.pop():
            label_pop()
        return False

    def __call__(self, function):
        name = self.name

        @functools.wraps(function)
        def labelled(*arguments, **named):
            with label(name):
                return function(*arguments, **named)
        return labelled


class _Step:
    """What step() returns, so that `with step(3):` reads well. A step ends when the next one begins."""

    def __init__(self, number):
        self.number = number

    def __enter__(self):
        return self.number

    def __exit__(self, *exception):
        return False


_steps = itertools.count()


def step(number=None):
    """Step NUMBER of the process begins, for all its threads; without a number, the one after the last such call's."""
    number = next(_steps) if number is None else int(number)
    library = _recording.find()
    if library is not None:
        library.ttalloc_step(number)
    return _Step(number)


# --- allocations -----------------------------------------------------------------------------------------------------


def alloc(device, region, address, size_bytes, bank_bytes=0, flags=0):
    """A block was placed. ADDRESS is its offset in every bank, BANK_BYTES its footprint in each (0: SIZE_BYTES)."""
    library = _recording.find()
    if library is not None:
        library.ttalloc_alloc(ctypes.byref(_Block(device, region, flags, address, size_bytes, bank_bytes)))


def free(device, region, address):
    """The block at ADDRESS is about to be given back. DEVICE and REGION may be ANY."""
    library = _recording.find()
    if library is not None:
        library.ttalloc_free(device, region, address)


def flush(timeout_ms=1000):
    """Waits until all that was reported before is in the recording. False when it is not, or there is none."""
    library = _recording.find()
    return library is not None and bool(library.ttalloc_flush(timeout_ms))


class AllocationClient:
    """The proof of concept's Python client: the same methods, recorded with ttalloc. It answers queries from what was
    allocated through it; the recording has the rest."""

    _numbers = itertools.count(1)

    def __init__(self, *_arguments):
        self._live = {}
        self._lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False

    def allocate(self, device_id, size, buffer_type):
        """Reports a block of SIZE bytes, and returns its number, which stands for its address."""
        number = next(self._numbers)
        with self._lock:
            self._live[number] = (device_id, int(buffer_type), size)
        alloc(device_id, int(buffer_type), number, size)
        return number

    def deallocate(self, buffer_id):
        """Frees what allocate() returned; what it did not return is freed wherever it may be."""
        with self._lock:
            device, region, _ = self._live.pop(buffer_id, (ANY, ANY, 0))
        free(device, region, buffer_id)

    def query_device(self, device_id):
        """Bytes in use on DEVICE_ID, by kind."""
        with self._lock:
            blocks = [(region, size) for device, region, size in self._live.values() if device == device_id]
        total = {region: sum(size for kind, size in blocks if kind == region) for region in Region}
        return {"device_id": device_id, "dram_allocated": total[Region.DRAM], "l1_allocated": total[Region.L1],
                "l1_small_allocated": total[Region.L1_SMALL], "trace_allocated": total[Region.TRACE],
                "total_buffers": len(blocks)}

    def get_num_devices(self):
        """Devices that something was allocated on."""
        with self._lock:
            return len({device for device, _, _ in self._live.values()})

    def query_device_info(self, device_id):
        """What is known of DEVICE_ID: sizes are in the recording, from the allocator that has them."""
        return {"device_id": device_id, "is_available": enabled(), "num_devices": self.get_num_devices()}

    def close(self):
        """Nothing is left open."""
