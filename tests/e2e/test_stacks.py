# SPDX-License-Identifier: Apache-2.0
"""Call stacks from end to end: known programs allocate known bytes in known functions, and the answers name them."""
import collections
import ctypes.util
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

from harness import BUILD, SOURCE, Place, Recorder, Skip, analyze, check, equal, main, program, run, start, verify

# What PROGRAM's functions allocate and keep: bytes for each call, calls, line of the call.
PROGRAM = """\
#include <ttalloc.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#define KEEP __attribute__((noinline))
#define STAY __asm__ volatile("" ::: "memory")
static uint64_t next;
KEEP void place(uint64_t size) {
	struct ttalloc_block block = {.region = TTALLOC_L1, .address = next += 4096, .size_bytes = size};
	ttalloc_alloc(&block); STAY; /* line 11 */
}
KEEP void weights(void) { place(3000); STAY; }
KEEP void activations(void) { place(500); STAY; }
KEEP void layer(void) { activations(); activations(); STAY; }
KEEP void deep(int depth) { if (depth) deep(depth - 1); else place(7); STAY; }
KEEP void direct(void) {
	struct ttalloc_block block = {.region = TTALLOC_DRAM, .address = next += 4096, .size_bytes = 11};
	ttalloc_alloc(&block); STAY; /* line 19 */
}
int main(int count, char **words) {
	for (int i = 0; i < 10; i++) { weights(); layer(); }
	deep(40);
	direct();
	if (count > 1 && strcmp(words[1], "wait") == 0) { puts("ready"); fflush(stdout); pause(); }
	return 0;
}
"""
STACKS = {  # innermost first: the call is in the first of them
    ("place", "weights", "main"): 30000,
    ("place", "activations", "layer", "main"): 10000,
    ("direct", "main"): 11,
    ("place",) + ("deep",) * 41 + ("main",): 7,
}


def compiled(place, name="program", *options):
    if not shutil.which("cc"):
        raise Skip("cc is not installed")
    source, path = place.file("program.c"), place.file(name)
    with open(source, "w", encoding="ascii") as file:
        file.write(PROGRAM)
    library = BUILD / "hook"
    done = run(["cc", "-g", "-O1", "-fno-omit-frame-pointer", f"-I{SOURCE}/include", "-o", path, source, f"-L{library}",
                "-lttalloc", f"-Wl,-rpath,{library}", "-Wl,--build-id", *options])
    equal(done.returncode, 0, f"cc ({done.stderr})")
    return path


def record(place, options, command, name="run.db", env=None):
    file = place.file(name)
    done = run([program("ttalloc-recorder"), "-q", "-o", file, *options, "--", *command],
               env={**place.env, "TTALLOC_LOSSLESS": "1", **(env or {})}, cwd=place.path, timeout=300)
    equal(done.returncode, 0, f"status of the recorder ({done.stderr})")
    return file


def groups(file, by, *arguments):
    """Bytes and blocks of each group of what was never freed."""
    found = {}
    for row in analyze("leaks", file, "--by", by, *arguments)["rows"]:
        size, blocks = found.get(row["group"], (0, 0))
        found[row["group"]] = (size + row["bytes"], blocks + row["blocks"])
    return found


def stacks_within(file, most, functions):
    """Each stack of FILE down to main or to MOST frames, with its bytes. FUNCTIONS: what of the program is wanted."""
    found = collections.Counter()
    for text, (size, _blocks) in groups(file, "stack").items():
        names = text.split(" < ")
        if "main" in names:
            names = names[:names.index("main") + 1]
        found[tuple(names[:most])] += size
    return {stack: size for stack, size in found.items() if stack[0] in functions}


def check_program(file, most=64):
    expected = collections.Counter()
    for stack, size in STACKS.items():
        expected[stack[:most]] += size
    equal(stacks_within(file, most, {"place", "direct"}), dict(expected), f"stacks of at most {most} frames")
    equal(groups(file, "function"), {"place": (40007, 31), "direct": (11, 1)}, "by function")
    check(analyze("info", file)["complete"], "the recording is incomplete")
    verify(file)


def folded(file, *arguments):
    done = run([program("ttalloc-analyze"), "flame", file, *arguments])
    equal(done.returncode, 0, f"status of flame {arguments} ({done.stderr})")
    return [(stack.split(";"), int(size)) for stack, size in (line.rsplit(" ", 1) for line in done.stdout.splitlines())]


# --- the tests -------------------------------------------------------------------------------------------------------

def exact():
    """By function, file, stack and as a flame graph; the frames are those that addr2line names."""
    place = Place()
    path = compiled(place)
    for options, most in ((["--stacks=64"], 64), (["--stacks"], 16), (["--stacks=3"], 3), (["--stacks=1"], 1)):
        file = record(place, [*options, "--force"], [path])
        check_program(file, most)
    file = record(place, ["--stacks=64", "--force"], [path])
    equal(groups(file, "file"), {place.file("program.c"): (40018, 32)}, "by file")
    flame = collections.Counter()
    for stack, size in folded(file, "--what", "leaks"):
        check("main" in stack, f"no main in {stack}")
        flame[tuple(reversed(stack[stack.index("main"):]))] += size
    equal(dict(flame), STACKS, "flames of leaks")
    agrees_with_addr2line(file, path)


def agrees_with_addr2line(file, path):
    if not shutil.which("addr2line"):
        return
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT f.address, s.function, s.file, s.line FROM frame_info f JOIN module_info m ON m.id = f.module "
            "JOIN symbol_info s ON s.frame = f.id AND s.depth = 0 WHERE m.path = ? AND s.line IS NOT NULL", (path,)).fetchall()
    check(len(rows) >= 8, f"only {len(rows)} frames lie in the program")
    said = run(["addr2line", "-f", "-e", path, *(hex(row[0] - 1) for row in rows)]).stdout.splitlines()
    for (_address, function, name, line), wanted, place in zip(rows, said[::2], said[1::2]):
        equal((function, f"{os.path.basename(name)}:{line}"), (wanted, os.path.basename(place.split(" ")[0])), "addr2line")


PLUGIN = """\
#include <ttalloc.h>
__attribute__((noinline)) static void inner_%(number)d(uint64_t address) {
	struct ttalloc_block block = {.region = TTALLOC_DRAM, .address = address, .size_bytes = %(number)d};
	ttalloc_alloc(&block); __asm__ volatile("" ::: "memory");
}
void plug(uint64_t address) { for (int i = 0; i < 10; i++) inner_%(number)d(address + i * 64); }
"""
LOADER = """\
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
int main(int count, char **paths) {
	for (int turn = 0; turn < 300; turn++) {
		void *library = dlopen(paths[1 + turn % (count - 1)], RTLD_NOW | RTLD_LOCAL);
		void (*plug)(uint64_t);
		if (!library) { puts(dlerror()); return 3; }
		*(void **)&plug = dlsym(library, "plug");
		if (turn < count - 1) printf("%p ", (void *)plug);
		plug(4096 * (uint64_t)(turn + 1));
		dlclose(library);
	}
	return 0;
}
"""


def cc(place, name, text, *options):
    source, path, library = place.file(name + ".c"), place.file(name), BUILD / "hook"
    with open(source, "w", encoding="ascii") as file:
        file.write(text)
    done = run(["cc", "-g", "-O1", "-fno-omit-frame-pointer", f"-I{SOURCE}/include", "-o", path, source, *options, f"-L{library}",
                "-Wl,--no-as-needed", "-lttalloc", f"-Wl,-rpath,{library}"])
    equal(done.returncode, 0, f"cc ({done.stderr})")
    return path


def plugins():
    """Four plugins with the same code at the same addresses, loaded and closed by turns as fast as it goes: each has its own bytes."""
    if not shutil.which("cc"):
        raise Skip("cc is not installed")
    for kind in ("--build-id", "--build-id=none"):
        place = Place()
        loader = cc(place, "loader", LOADER, "-ldl")
        paths = [cc(place, f"p{n}.so", PLUGIN % {"number": n}, "-fPIC", "-shared", f"-Wl,{kind}") for n in range(1, 5)]
        file = record(place, ["--stacks=8"], [loader, *paths])
        modules, functions = groups(file, "module"), groups(file, "function")
        at_peak = {row["group"]: row["bytes"] for row in analyze("peak", file, "--by", "module")["rows"]}
        for number, path in enumerate(paths, 1):
            expected = (75 * 10 * number, 75 * 10)
            equal(modules.get(path), expected, f"{kind}: bytes and blocks of plugin {number}")
            equal(at_peak.get(path), expected[0], f"{kind}: its bytes at the peak")
            if kind == "--build-id":  # without one, functions have no names
                equal(functions.get(f"inner_{number}"), expected, "bytes and blocks of its function")
        verify(file)


def without_frame_pointers():
    """By frame pointers the first frame alone is certain; libunwind finds all of them."""
    place = Place()
    path = compiled(place, "bare", "-fomit-frame-pointer")
    file = record(place, ["--stacks=64"], [path], "fp.db")
    equal(groups(file, "function"), {"place": (40007, 31), "direct": (11, 1)}, "by function, from frame pointers")
    verify(file)
    if not ctypes.util.find_library("unwind"):
        print("  libunwind.so.8 is not installed: only half tested")
        return
    check_program(record(place, ["--stacks=64", "--unwinder=libunwind"], [path], "unwind.db"))


def names_stay():
    """What was looked up at the end is in the file; what was not can be later."""
    place, other = Place(), Place()
    path = compiled(place)
    file = record(place, ["--stacks=64"], [path])
    late = record(place, ["--stacks=64", "--no-symbols"], [path], "late.db")
    check(not any("place" in group for group in groups(late, "function")), "names although --no-symbols")
    equal(run([program("ttalloc-analyze"), "symbolize", late]).returncode, 0, "status of symbolize")
    os.unlink(path)
    for name in (file, late):
        check_program(shutil.move(name, other.file(os.path.basename(name))))


def killed_program():
    """kill -9: what was reported keeps its stacks."""
    place = Place()
    file = place.file("run.db")
    recorder = start([program("ttalloc-recorder"), "-q", "-o", file, "--stacks=64", "--socket", place.socket, "--",
                      compiled(place), "wait"], env=place.env, stdout=subprocess.PIPE, text=True, cwd=place.path)
    equal(recorder.stdout.readline(), "ready\n", "the program's word")
    for pid in children(recorder.pid):
        os.kill(pid, signal.SIGKILL)
    equal(recorder.wait(30), 128 + signal.SIGKILL, "status of the recorder")
    check_program(file)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return list(map(int, file.read().split()))


def appended():
    """The same program again, into the same file: the same frames and stacks, and twice the bytes."""
    place = Place()
    path = compiled(place)
    file = record(place, ["--stacks=64"], [path])
    before = counts(file)
    record(place, ["--stacks=64", "--append"], [path])
    equal(counts(file), before, "modules, frames, stacks")
    equal(groups(file, "function"), {"place": (80014, 62), "direct": (22, 2)}, "by function")
    verify(file)


def killed_recorder():
    """kill -9 of the recorder, and --append: each stack is there once."""
    place = Place()
    path = compiled(place)
    env = place.target_env(TTALLOC_STACKS="64")
    recorder = Recorder(place)
    equal(run([path], env=env).returncode, 0, "status of the first program")
    recorder.kill()
    equal(run([path], env=env).returncode, 0, "status of a program without a recorder")
    recorder = Recorder(place, arguments=["--append"])
    equal(run([path], env=env).returncode, 0, "status of the last program")
    place.await_drained()
    file = recorder.stop()
    equal(groups(file, "function"), {"place": (3 * 40007, 3 * 31), "direct": (3 * 11, 3)}, "by function of three runs")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        for table, key in (("module_info", "path, build_id"), ("frame_info", "module, address"), ("stack_info", "frames")):
            rows = database.execute(f"SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1").fetchall()
            equal(rows, [], f"rows that are twice in {table}")
    verify(file)


def counts(file):
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        return [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("module_info", "frame_info", "stack_info")]


def host_malloc():
    """A large program that knows nothing of ttalloc: complete, and its functions have names."""
    if not shutil.which("sqlite3"):
        raise Skip("sqlite3 is not installed")
    place = Place()
    query = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000) SELECT count(hex(x)) FROM c ORDER BY 1"
    file = record(place, ["--host-malloc", "--stacks"], ["sqlite3", ":memory:", query])
    check(analyze("info", file)["complete"], "the recording is incomplete")
    verify(file)
    by_function = analyze("allocated", file, "--by", "function")["rows"]
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        size, without = database.execute("SELECT sum(size_bytes), sum(stack IS NULL) FROM allocation").fetchone()
    equal(sum(row["bytes"] for row in by_function), size, "bytes of all functions")
    equal(without, 0, "blocks without a stack")
    check(not any("host-malloc" in row["group"] for row in by_function), f"frames of the preload: {by_function}")
    equal(sum(value for _stack, value in folded(file, "--what", "allocated")), size, "bytes of all flames")
    modules = {os.path.basename(group).split(".")[0] for group in groups(file, "module") if group}
    check(modules & {"libsqlite3", "sqlite3", "libc"}, f"modules: {modules}")


PYTHON = """\
import sys, ttalloc

def weights(size):
    ttalloc.alloc(0, ttalloc.Region.L1, size, size)  # line 4

class Model:
    def forward(self):
        for size in (4096, 8192):
            weights(size)  # line 9
        ttalloc.alloc(0, ttalloc.Region.DRAM, 77, 123)  # line 10

Model().forward()
"""


def python():
    """Python's functions, with file and line; behind native frames or alone."""
    place = Place()
    script = place.file("model.py")
    with open(script, "w", encoding="ascii") as file:
        file.write(PYTHON)
    env = {"PYTHONPATH": str(BUILD / "hook/ttalloc/python"), "LD_LIBRARY_PATH": str(BUILD / "hook")}
    for options in (["--python-stacks"], ["--python-stacks", "--stacks"]):
        file = record(place, [*options, "--force"], [sys.executable, script], env=env)
        # A method has its class's name from Python 3.11 on.
        found = {text.replace("Model.", ""): size for text, (size, _blocks) in groups(file, "stack").items()}
        equal(found, {"weights (model.py:4) < forward (model.py:9) < <module> (model.py:12)": 12288,
                      "forward (model.py:10) < <module> (model.py:12)": 123}, f"by stack with {options}")
        found = {text.replace("Model.", ""): value for text, value in groups(file, "function").items()}
        equal(found, {"weights (model.py:4)": (12288, 2), "forward (model.py:10)": (123, 1)}, f"by function with {options}")
        equal(groups(file, "file"), {script: (12411, 3)}, f"by file with {options}")
        verify(file)


if __name__ == "__main__":
    main(exact, plugins, without_frame_pointers, names_stay, killed_program, appended, killed_recorder, host_malloc, python)
