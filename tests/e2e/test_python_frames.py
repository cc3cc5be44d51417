# SPDX-License-Identifier: Apache-2.0
"""TTALLOC_PYTHON_STACKS=1: the stacks of events are those that Python itself sees, for every version that is installed."""
import json
import pathlib
import shutil
import struct
import subprocess
import sys

import harness

ENTRY_STACK, ENTRY_CODE = 2, 9
FRAME_CODE = 1 << 63
MOST_FRAMES = 64

PROGRAM = '''
import asyncio, ctypes, json, sys, threading

library = ctypes.CDLL("libttalloc.so.1")
expected = []

class Block(ctypes.Structure):
    _fields_ = [("device", ctypes.c_uint32), ("region", ctypes.c_uint16), ("flags", ctypes.c_uint16),
                ("address", ctypes.c_uint64), ("size_bytes", ctypes.c_uint64), ("bank_bytes", ctypes.c_uint64)]

def chain(frame):
    """What Python says of its frames."""
    found = []
    while frame:
        code = frame.f_code
        found.append((code.co_filename, getattr(code, "co_qualname", code.co_name), frame.f_lineno))
        frame = frame.f_back
    return found

def note():
    expected.append(chain(sys._getframe())); library.ttalloc_alloc(ctypes.byref(Block(0, 0, 0, len(expected), 1, 0)))

class Model:
    def forward(self):
        return [self.layer(number) for number in range(2)]
    def layer(self, number):
        note()
        (lambda: note())()
        return number

def generator():
    note()
    yield 1
    note()
    yield from (note() for _ in range(1))

async def coroutine():
    note()
    await asyncio.sleep(0)
    note()

def deep(depth):
    return note() if depth == 0 else deep(depth - 1)

def through_c():
    sorted([2, 1], key=lambda value: note() or value)
    call = ctypes.CFUNCTYPE(None)(note)
    call()
    list(map(lambda value: note(), [1]))
    getattr(Model(), "forward")()

def decorated(function):
    def wrapper(*arguments):
        note()
        return function(*arguments)
    return wrapper

@decorated
def many_lines(a,
               b):
    value = [
        a,
        note(),
        b]
    if value:
        note(
        )
    try:
        raise KeyError
    except KeyError:
        note()
    finally:
        note()

def named_oddly():
    for name in ("caf\\u00e9.py", "\\u6587\\u4ef6.py", "\\U0001f98a.py", "\\udc80.py", "x" * 3000):
        exec(compile("\\n\\ndef caf\\u00e9_\\u6587(note):\\n    note()\\n\\ncaf\\u00e9_\\u6587(note)\\n", name, "exec"), {"note": note})

def same_place():
    """A code object that is gone, and another one in its place."""
    for number in range(50):
        exec(compile("\\n" * number + "note()\\n" * 3, "generated.py", "exec"), {"note": note})

def in_threads():
    for _ in range(3):
        thread = threading.Thread(target=Model().forward)
        thread.start()
        thread.join()

note()
Model().forward()
list(generator())
asyncio.run(coroutine())
for depth in (1, 10, 100):
    deep(depth)
through_c()
many_lines(1, 2)
named_oddly()
same_place()
in_threads()
library.ttalloc_flush(5000)
print(json.dumps(expected))
'''


def interpreters():
    """This one, the system's, and those of pyenv."""
    found = {}
    paths = [sys.executable, *(shutil.which(f"python3.{minor}") for minor in range(10, 14)), "/usr/bin/python3",
             *sorted(pathlib.Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python3"))]
    for path in filter(None, paths):
        done = subprocess.run([str(path), "-c", "import sys, ctypes, asyncio; print(*sys.version_info[:2], sys.version)"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        major, minor, _ = done.stdout.split(" ", 2) if done.returncode == 0 else (0, 0, 0)
        if (int(major), int(minor)) >= (3, 8):  # the program wants as much
            found.setdefault(done.stdout, (str(path), (int(major), int(minor))))
    return found.values()


def entries(segment):
    """(number, type, data) of the entries of the segment's table."""
    table, = struct.unpack_from("<Q", segment, header_offset("table_offset"))
    height, = struct.unpack_from("<Q", segment, header_offset("table_bytes"))
    at = 8
    while at < height:
        kind, length = struct.unpack_from("<II", segment, table + at)
        yield at // 8, kind, segment[table + at + 8:table + at + 8 + length]
        at += 8 + (length + 7) // 8 * 8


def header_offset(member):
    """Of a member of struct tta_segment_header, from the compiler."""
    if not _offsets:
        place = harness.Place()
        source = pathlib.Path(place.file("offsets.c"))
        source.write_text('#include <stddef.h>\n#include <stdio.h>\n#include "ttalloc/segment.h"\nint main(void) { printf("%zu '
                          '%zu", offsetof(struct tta_segment_header, table_offset), offsetof(struct tta_segment_header, '
                          'table_bytes)); return 0; }\n')
        subprocess.run(["cc", f"-I{harness.SOURCE / 'include'}", str(source), "-o", place.file("offsets")], check=True)
        numbers = subprocess.run([place.file("offsets")], stdout=subprocess.PIPE, check=True).stdout.split()
        _offsets.update(zip(("table_offset", "table_bytes"), map(int, numbers)))
    return _offsets[member]


_offsets = {}


def stacks_of(segment):
    """The stacks of the table, in the order in which they were first seen, as (file, function, line) each."""
    codes, stacks = {}, []
    for number, kind, data in entries(segment):
        if kind == ENTRY_CODE:
            function, file = struct.unpack_from("<II", data)
            codes[number] = data[8 + function:8 + function + file].decode(), data[8:8 + function].decode()
        elif kind == ENTRY_STACK:
            values = struct.unpack(f"<{len(data) // 8}Q", data)
            harness.check(all(value & FRAME_CODE for value in values), "a value that is no frame of Python")
            stacks.append([(*codes[value & 0xFFFFFFFF], value >> 32 & 0x7FFFFFFF) for value in values])
    return stacks


def run(python, **env):
    place = harness.Place()
    program = place.file("program.py")
    pathlib.Path(program).write_text(PROGRAM, encoding="utf-8")
    done = harness.run([python, program], cwd=place.path,
                       env=place.target_env(LD_LIBRARY_PATH=str(harness.BUILD / "hook"), **env))
    harness.equal(done.returncode, 0, f"status of\n{done.stderr}")
    segments = list(place.segments.rglob("*.segment"))
    harness.equal(len(segments), 1, "segments")
    return done, stacks_of(segments[0].read_bytes())


def stored(text, room=761):
    """As it is stored: what has no place in UTF-8 is a question mark, what is too long is cut."""
    return text.encode("utf-8", "replace").decode()[:room]


def as_stored(chain):
    return [(stored(file), stored(function), line) for file, function, line in chain[:MOST_FRAMES]]


def every_version():
    tested = set()
    for python, version in interpreters():
        done, stacks = run(python, TTALLOC_PYTHON_STACKS="1")
        if not (3, 10) <= version <= (3, 13):
            harness.equal(stacks, [], f"stacks of {python}")
            harness.equal(done.stderr.count("\n"), 1, f"what is said of {version}: {done.stderr}")
            harness.check("is not known" in done.stderr, done.stderr)
            continue
        harness.equal(done.stderr, "", "stderr")
        expected = []
        for chain in json.loads(done.stdout):
            chain = as_stored(chain)
            if chain not in expected:
                expected.append(chain)
        for got, wanted in zip(stacks, expected):
            harness.equal(got, wanted, f"a stack of {python}")
        harness.equal(len(stacks), len(expected), f"stacks of {python}")
        harness.check(len(stacks) > 50, f"only {len(stacks)} stacks")
        tested.add(version)
    harness.check(tested, "no interpreter was tested")
    print(f"tested {sorted(tested)}")


def off_by_default():
    for off in ({}, {"TTALLOC_PYTHON_STACKS": "0"}):
        harness.equal(run(sys.executable, **off)[1], [], "stacks")


harness.main(every_version, off_by_default)
