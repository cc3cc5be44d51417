# SPDX-License-Identifier: Apache-2.0
"""TT-Metal linked into another library that exports nothing of it, as JAX's plugin is: blocks are recorded from the
virtual functions of its allocators. A build whose functions are not where they are known to be is left alone."""
import ctypes
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tt_metal"))

import harness  # noqa: E402
import standins  # noqa: E402

DRAM, L1 = (1 << 30, 1 << 20), (1400000 // 64 * 64, 111744)


# --- the traced programs ---------------------------------------------------------------------------------------------


def load(path):
    plugin = ctypes.CDLL(path)
    plugin.plugin_list.argtypes = [ctypes.c_uint64] * 3
    plugin.plugin_allocate.argtypes = [ctypes.c_int, ctypes.c_uint64, ctypes.c_int]
    plugin.plugin_allocate_at.argtypes = [ctypes.c_int, ctypes.c_uint64, ctypes.c_uint64]
    plugin.plugin_free.argtypes = [ctypes.c_int, ctypes.c_uint64]
    plugin.plugin_allocate.restype = plugin.plugin_allocate_at.restype = ctypes.c_uint64
    return plugin


def use(path):
    """Two devices' lists over the same addresses; a request that fails; all ends of a block."""
    plugin = load(path)
    parent, child = plugin.plugin_list(*DRAM, 64), plugin.plugin_list(*DRAM, 64)
    core = plugin.plugin_list(*L1, 64)
    first = plugin.plugin_allocate(parent, 1000, 1)
    assert first == DRAM[1] == plugin.plugin_allocate(child, 5000, 1)
    plugin.plugin_free(parent, first)
    assert plugin.plugin_allocate(core, 100, 0) == L1[0] + L1[1] - 128
    assert plugin.plugin_allocate(core, 10 << 20, 0) == 0
    assert plugin.plugin_allocate_at(parent, first + 4096, 64)
    plugin.plugin_clear(parent)
    plugin.plugin_delete(child)


def shuffled(path):
    """The functions do what they are meant to whatever is made of their order."""
    plugin = load(path)
    kept = plugin.plugin_list(*DRAM, 64)
    first = plugin.plugin_allocate(kept, 64, 1)
    second = plugin.plugin_allocate(kept, 64, 1)
    assert (first, second) == (DRAM[1], DRAM[1] + 64), (first, second)
    plugin.plugin_free(kept, first)
    assert plugin.plugin_allocate(kept, 64, 1) == first


def one_block(path):
    plugin = load(path)
    assert plugin.plugin_allocate(plugin.plugin_list(*DRAM, 64), 1000, 1)


def many(path):
    """Six builds of it in one process."""
    for number in range(6):
        copy = pathlib.Path(path).with_name(f"libtt{number}.so")
        shutil.copy(path, copy)
        one_block(str(copy))


def late(path):
    """After so many other libraries that not all can be remembered."""
    other = pathlib.Path(path).with_name("libother.so")
    for number in range(1600):
        copy = other.with_name(f"libother{number}.so")
        shutil.copy(other, copy)
        ctypes.CDLL(str(copy))
    one_block(path)


# --- the tests -------------------------------------------------------------------------------------------------------


def build(place, *flags):
    path = pathlib.Path(place.file("libtt.so"))
    done = harness.run([standins.COMPILERS[0], *standins.CXX_FLAGS, *flags, "-fvisibility=hidden", "-shared", "-Wl,-Bsymbolic",
                        "-s", str(standins.HERE / "plugin.cpp"), "-o", str(path)])
    harness.check(done.returncode == 0, done.stderr)
    return path


def record(place, command, *options, **environment):
    """Runs COMMAND under the recorder; returns the file, and what it said."""
    if not standins.preload():
        harness.skip("libttalloc-tt-metal is not built")
    file = place.file("run.db")
    env = {**place.env, "LD_LIBRARY_PATH": str(standins.preload().parent), "LD_PRELOAD": str(standins.preload()), **environment}
    done = harness.run([harness.program("ttalloc-recorder"), *options, "-o", file, "--", *command], env=env, cwd=place.path,
                       timeout=900)
    harness.check(done.returncode == 0, f"status {done.returncode}\n{done.stdout}{done.stderr}")
    return file, done.stderr


def record_plugin(place, what, *flags, **environment):
    if not standins.COMPILERS:
        harness.skip("there is no C++ compiler")
    return record(place, [sys.executable, __file__, what.__name__, str(build(place, *flags))],
                  **environment)


def rows(file, sql):
    return [tuple(row.values()) for row in harness.analyze("sql", file, sql)["rows"]]


def blocks_of_its_allocators():
    for slots in (14, 15, 16):
        place = harness.Place()
        file, _said = record_plugin(place, use, f"-DSLOTS={slots}")
        harness.equal(rows(file, "SELECT allocator, region, address, size_bytes, top_down, ended FROM allocation "
                                 "ORDER BY alloc_ns, allocation_id"),
                      [(1, "DRAM", DRAM[1], 1024, 0, "freed"),
                       (2, "DRAM", DRAM[1], 5056, 0, "device close"),
                       (3, "L1", L1[0] + L1[1] - 128, 128, 1, "process exit"),
                       (1, "DRAM", DRAM[1] + 4096, 64, 0, "device close")], f"blocks, {slots} functions")
        harness.equal(rows(file, "SELECT region, bank_bytes FROM failure"), [("L1", 10 << 20)], "failures")
        harness.equal(rows(file, "SELECT region, allocator, bank_bytes, base_address, alignment_bytes, banks, arch FROM "
                                 "device ORDER BY allocator"),
                      [("DRAM", 1, *DRAM, 64, None, "blackhole"), ("DRAM", 2, *DRAM, 64, None, "blackhole"),
                       ("L1", 3, *L1, 64, None, "blackhole")], "geometry")
        info = harness.analyze("info", file)
        harness.equal((info["complete"], info["rows"][0]["unmatched_frees"], info["rows"][0]["replaced"]), (False, 0, 0),
                      "complete, unmatched, replaced")
        harness.check("libtt.so exports nothing: operations, and" in "".join(info["rows"][0]["notes"]), f"notes: {info['rows'][0]['notes']}")
        harness.equal([row["what"] for row in harness.analyze("verify", file)["rows"]], ["shared memory"], "verify")


def hidden_block_is_found():
    """Each list is asked when it is new, when it fails, and when it ends; one has a block that nobody told of."""
    for hidden, differs in ((None, []), ("4096", [(1, 4096), (2, 4096)])):
        place = harness.Place()
        more = {"STANDIN_HIDDEN_BYTES": hidden} if hidden else {}
        file, _said = record_plugin(place, use, "-DSLOTS=16", **more)
        harness.equal(rows(file, "SELECT allocator, said_bank_bytes - recorded_bank_bytes FROM crosscheck WHERE differences = "
                                 "checks ORDER BY 1"), differs, "what differs always")
        harness.equal(rows(file, "SELECT count(*) FROM crosscheck WHERE checks >= 2"), [(3,)], "lists that were asked")


def other_builds_are_left_alone():
    for slots, said, *flags in ((17, "17 virtual functions, which is not known"),
                                (16, "not where they are known to be", "-DSHUFFLED")):
        place = harness.Place()
        file, stderr = record_plugin(place, shuffled, f"-DSLOTS={slots}", *flags)
        harness.check(said in stderr, f"{slots} functions {flags}: {stderr}")
        harness.equal(rows(file, "SELECT * FROM allocation"), [], "blocks")
        harness.equal(harness.analyze("info", file)["complete"], False, "complete")


def one_build_too_many():
    place = harness.Place()
    file, said = record_plugin(place, many, "-DSLOTS=16")
    harness.equal(rows(file, "SELECT count(*) FROM allocation"), [(4,)], "blocks")
    for number in (4, 5):
        harness.check(f"libtt{number}.so is one more than 4 libraries with allocators of TT-Metal" in said, said)
    harness.equal(harness.analyze("peak", "--region", "DRAM", file)["complete"], False, "complete")


def others_came_before():
    place = harness.Place()
    source, other = pathlib.Path(place.file("other.cpp")), place.file("libother.so")
    source.write_text("struct S { ~S(); int i; }; S::~S() { i = 1; } static S s;\n", encoding="utf-8")
    if not standins.COMPILERS:
        harness.skip("there is no C++ compiler")
    done = harness.run([standins.COMPILERS[0], "-O1", "-fPIC", "-shared", "-s", str(source), "-o", other])
    harness.check(done.returncode == 0, done.stderr)
    file, _ = record_plugin(place, late, "-DSLOTS=16")
    harness.equal(rows(file, "SELECT region, size_bytes FROM allocation"), [("DRAM", 1024)], "blocks")


def the_program_decides():
    """Whether a process is recorded is not decided before it asks: the preload only looks around."""
    env = {**harness.Place().env, "LD_LIBRARY_PATH": str(standins.preload().parent), "LD_PRELOAD": str(standins.preload()),
           "TT_ALLOC_TRACKING_ENABLED": "1"}
    code = "import ctypes; print(ctypes.c_uint32.in_dll(ctypes.CDLL('libttalloc.so.1'), 'ttalloc_gate').value)"
    done = harness.run([sys.executable, "-c", code], env=env)
    harness.equal(done.stdout, "0\n", "state of the gate, which is unknown")


if __name__ == "__main__":
    traced = {function.__name__: function for function in (use, shuffled, many, late)}
    if len(sys.argv) > 2 and sys.argv[1] in traced:
        traced[sys.argv[1]](sys.argv[2])
        os._exit(0)  # nothing is given back
    harness.main(blocks_of_its_allocators, hidden_block_is_found, other_builds_are_left_alone, one_build_too_many,
                 others_came_before, the_program_decides)
