# SPDX-License-Identifier: Apache-2.0
"""Label what a Python program does, and report allocations, in a ttalloc recording.

    import ttalloc

    for number, batch in enumerate(batches):
        ttalloc.step(number)                    # later events of the process belong to step NUMBER
        with ttalloc.label("forward"):          # events of this thread inside carry the label; labels nest
            model(batch)

    @ttalloc.label("backward")                  # the same for a whole function
    def backward(loss): ...

    ttalloc.label_ttnn()                        # each ttnn operation is a label; TTALLOC_TTNN=1 does it without a word
    ttalloc.auto_step("train:Adam.step")        # a step ends whenever this returns; TTALLOC_AUTO_STEP=train:Adam.step

One file, no dependency: copy it, or put its directory on PYTHONPATH. It does nothing unless the environment has
TT_ALLOC_TRACKING_ENABLED=1, which `ttalloc-recorder -- python train.py` sets, and libttalloc.so.1 can be found; when it
is wanted and not found, one line on stderr says so. Nothing here ever raises because of the recording.
"""
import contextlib
import ctypes
import enum
import functools
import itertools
import os
import pathlib
import sys
import threading

__all__ = ["enabled", "label", "label_push", "label_pop", "label_ttnn", "step", "auto_step", "alloc", "free", "flush",
           "Region", "Flag", "BufferType", "AllocationClient", "ANY"]

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


def _is_wanted():
    return os.environ.get("TT_ALLOC_TRACKING_ENABLED") == "1"


def _say(text):
    with contextlib.suppress(OSError, ValueError):  # stderr is closed
        print(f"ttalloc: {text}", file=sys.stderr)


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
        if _is_wanted():
            self._open()
            if self.library is None:
                _say("libttalloc.so.1 was not found: labels and steps are not recorded")
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


# --- without touching the program ------------------------------------------------------------------------------------


class _AfterImport:
    """A finder of sys.meta_path that finds nothing by itself: it has functions called once a module is loaded."""

    def __init__(self):
        self.waiting = {}  # name of a module: functions to call with it
        self.lock = threading.Lock()

    def add(self, name, function):
        """Calls FUNCTION with the module NAME: now if it is loaded, else right after it was."""
        module = sys.modules.get(name)
        if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
            function(module)
            return
        with self.lock:
            self.waiting.setdefault(name, []).append(function)
            if self not in sys.meta_path:
                sys.meta_path.insert(0, self)

    def forget(self, name, function):
        with self.lock:
            if name in self.waiting:
                self.waiting[name] = [other for other in self.waiting[name] if other != function]

    def find_spec(self, name, path=None, target=None):
        if name not in self.waiting:
            return None
        for finder in list(sys.meta_path):
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    self._watch(spec)
                    return spec
        return None

    def _watch(self, spec):
        """For this one time, the loader calls us when it has run the module."""
        load = getattr(spec.loader, "exec_module", None)

        def exec_module(module):
            vars(spec.loader).pop("exec_module", None)
            load(module)
            self._loaded(spec.name, module)
        try:
            spec.loader.exec_module = exec_module
        except (AttributeError, TypeError) as error:
            _say(f"{spec.name}: its loader cannot be watched: {error!r}")

    def _loaded(self, name, module):
        with self.lock:
            functions = self.waiting.pop(name, [])
            if not self.waiting and self in sys.meta_path:
                sys.meta_path.remove(self)
        for function in functions:
            try:
                function(module)
            except Exception as error:  # noqa: BLE001  (whatever it is, the program goes on)
                _say(f"{name}: {error!r}")


_after_import = _AfterImport()


_operation = threading.local()  # .innermost: class and function of the ttnn operation that the thread is in


def _label_calls(owner, other):
    """Has the calls of OWNER, a class of ttnn operations, carry their operations' names as labels, but not those that an
    operation of the class OTHER hands over with its own function: a fast one does when slow mode is on."""
    call = owner.__call__
    if getattr(call, "_is_ttalloc", False):
        return

    @functools.wraps(call)
    def labelled(self, *arguments, **named):
        outer = getattr(_operation, "innermost", (None, None))
        opened = False
        try:
            function = getattr(self, "function", None)
            if outer != (other, function):
                opened = label_push(getattr(self, "python_fully_qualified_name", owner.__name__))
            _operation.innermost = owner, function
            return call(self, *arguments, **named)
        finally:
            _operation.innermost = outer
            if opened:
                label_pop()
    labelled._is_ttalloc = True
    owner.__call__ = labelled


def _label_operations(decorators):
    fast, slow = (getattr(decorators, name, None) for name in ("FastOperation", "Operation"))
    for owner, other in ((fast, None), (slow, fast)):
        if owner:
            _label_calls(owner, other)
    if fast is slow is None:
        _say("this ttnn has neither FastOperation nor Operation: its operations get no labels")


def label_ttnn():
    """Each ttnn operation becomes a label of its own name, also those of operations that others call, in slow and in
    fast runtime mode; whether ttnn is imported already or will be."""
    if _is_wanted():
        _after_import.add("ttnn.decorators", _label_operations)


def _resolve(target):
    """(module's name, path in it) of "module:Class.method" or of a function; (owner, name) as it is."""
    if isinstance(target, str):
        module, colon, path = target.partition(":")
        if not (colon and module and all(part.isidentifier() for part in path.split("."))):
            raise ValueError(f"auto_step() takes 'module:Class.method' or 'module:function', not {target!r}")
        return module, path
    if isinstance(target, tuple) and len(target) == 2 and isinstance(target[1], str):
        return target
    if getattr(target, "__self__", None) is not None and hasattr(target, "__func__"):
        return target.__self__, target.__name__
    module, path = getattr(target, "__module__", None), getattr(target, "__qualname__", "<locals>")
    if not callable(target) or not module or "<" in path:
        raise ValueError(f"auto_step() cannot find {target!r} again: name it as 'module:Class.method' or (owner, 'name')")
    return module, path


class _AutoStep:
    """What auto_step() returns: undo() takes it back, and so does leaving a with statement."""

    def __init__(self, owner, path):
        self._owner = self._name = self._before = self._wrapper = None
        self._numbers = itertools.count(1)
        self._inside = threading.local()
        self._module, self._path = owner if isinstance(owner, str) else None, path
        if not _is_wanted():
            return
        if self._module is None:
            self._wrap(owner, path)
        else:
            _after_import.add(self._module, self._found)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.undo()
        return False

    def undo(self):
        """The call marks no steps any more."""
        _after_import.forget(self._module, self._found)
        if self._owner is None or vars(self._owner).get(self._name) is not self._wrapper:
            return  # not wrapped, or somebody else has wrapped it since: then it only passes calls on
        if self._before is None:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._before)
        self._owner = None

    def _found(self, module):
        *owners, name = self._path.split(".")
        owner = functools.reduce(lambda outer, part: getattr(outer, part, None), owners, module)
        try:
            self._wrap(owner, name)
        except (AttributeError, TypeError) as error:
            _say(f"auto_step: no steps are marked at {self._module}:{self._path}: {error}")

    def _wrap(self, owner, name):
        before = vars(owner).get(name)
        if isinstance(before, (staticmethod, classmethod)):
            wrapper = type(before)(self._steps_after(before.__func__))
        else:
            wrapper = self._steps_after(getattr(owner, name))
        setattr(owner, name, wrapper)
        self._owner, self._name, self._before, self._wrapper = owner, name, before, wrapper
        step(0)

    def _steps_after(self, function):
        """FUNCTION, after whose outermost calls the next step begins."""
        inside = self._inside

        @functools.wraps(function)
        def stepping(*arguments, **named):
            outermost = not getattr(inside, "call", False)
            inside.call = True
            try:
                return function(*arguments, **named)
            finally:
                if outermost:
                    inside.call = False
                    if self._owner is not None:
                        step(next(self._numbers))
        return stepping


def auto_step(target):
    """Marks steps at the calls of TARGET: "module:Class.method" or "module:function", whose module need not be imported
    yet, (owner, "name"), or a function or method itself. Step 0 begins now, or when the module is imported, and the next
    one each time that a call of TARGET is over. undo() of what it returns takes it back, and so does leaving `with`."""
    owner, path = _resolve(target)
    return _AutoStep(owner, path)


def _start():
    """What the environment asks for; called by sitecustomize.py when Python starts."""
    if os.environ.get("TTALLOC_TTNN") == "1":
        label_ttnn()
    if os.environ.get("TTALLOC_AUTO_STEP"):
        auto_step(os.environ["TTALLOC_AUTO_STEP"])


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
