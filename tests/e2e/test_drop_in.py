# SPDX-License-Identifier: Apache-2.0
"""allocation_client.hpp: the calls of the proof of concept's patches compile and are reported; a TT-Metal that was patched
by hand or by hook/tt_metal/apply.sh reports each event once, with the preload there, too; and off is off."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tt_metal"))

import nn as tt  # noqa: E402
import standins  # noqa: E402

APPLY = standins.SOURCE / "hook/tt_metal/apply.sh"
PRODUCER = "producer name=drop-in"


def expect(actual, expected, what):
    assert actual == expected, f"{what}:\n  expected {expected!r}\n  got      {actual!r}"


def run(command, enabled="1", fake=True, preload=False):
    """Runs COMMAND; returns its output, its stderr, and what was reported."""
    with tempfile.TemporaryDirectory(prefix="ttalloc-test-") as folder:
        log = pathlib.Path(folder, "log")
        env = {**os.environ, "TTALLOC_FAKE_LOG": str(log), "TT_ALLOC_TRACKING_ENABLED": enabled,
               "LD_LIBRARY_PATH": str(standins.fake_libttalloc()) if fake else folder}
        if preload:
            env["LD_PRELOAD"] = str(standins.preload())
        done = subprocess.run([str(part) for part in command], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60)
        assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout, done.stderr, log.read_text().splitlines() if log.exists() else []


# --- the header alone ------------------------------------------------------------------------------------------------


def compile_drop_in(compiler, standard):
    source = standins.HERE / "drop_in.cpp"
    include = standins.SOURCE / "include"
    flags = [compiler, f"-std={standard}", "-O1", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wpedantic",
             "-Werror", f"-I{include}"]
    sources = [source, include / "allocation_client.hpp", include / "allocation_reporter.hpp",
               include / "ttalloc.h"]
    place = standins.PLACE / f"drop-in-{compiler}-{standard}"
    compiled = standins.make(place / "drop_in.o", sources, [*flags, "-c", str(source)])
    return standins.make(place / "drop_in", [compiled], [compiler, str(compiled)])


REPORTS = {
    "allocator": ["alloc device=2 region=0 flags=0 address=131072 size=1048576 bank=0",
                  "free device=65535 region=65535 address=131072"],
    "graph": ["alloc device=2 region=1 flags=0 address=65536 size=4096 bank=0",
              "free device=65535 region=65535 address=65536", "free device=2 region=65535 address=65536"],
    "cb": [f"cb_alloc device=2 program={2**62} index={2**31 + 106496} address=106496 size=8192 aliased=0 cores=",
           f"cb_free_one device=2 program={2**62} index={2**31 + 106496}",
           "kernel_load device=2 id=77 size=5000 name= kind=application core_type=",
           "kernel_load device=2 id=78 size=6000 name= kind=fabric core_type=", "kernel_unload device=2 id=77",
           "flush timeout=1000"],
    "tracker": ["kernel_load device=2 id=1 size=1234 name= kind=application core_type=core type 4",
                f"cb_alloc device=2 program={2**62} index=3 address=0 size=4096 aliased=0 cores=0-0..7-7",
                f"cb_alloc device=2 program={2**62} index=4 address=0 size=4096 aliased=0 cores=",
                f"cb_free_one device=2 program={2**62} index=3", "lost count=0"],
}
REPORTS["zero"] = ["alloc device=2 region=0 flags=0 address=0 size=64 bank=0", "free device=2 region=65535 address=0"]
REPORTS["pause"] = [*REPORTS["graph"], "lost count=0", *REPORTS["graph"]]


def check_calls(program):
    for what, lines in REPORTS.items():
        out, err, reported = run([program, what])
        expect(reported, [PRODUCER, *lines], what)
        expect((out, err), ("0\n" if what == "tracker" else "1\n", ""), f"output of {what}")


def check_programs(program):
    """Circular buffers of a program that is dead are not those of the one that has its address."""
    _, _, reported = run([program, "programs"])
    found = [line.split(" address=")[0].replace("device=2 ", "") for line in reported[1:]]
    expect(found[:6], ["program_run program=7", "cb_alloc program=7 index=0", "program_run program=7",
                       "program_run program=8", "cb_alloc program=8 index=0", found[5]], "programs with numbers")
    address = found[5].split("=")[1]
    expect(found[5:], [f"program_run program={address}", f"cb_alloc program={address} index=0",
                       f"cb_alloc program={address} index=1", f"program_run program={address}",
                       f"cb_free program={address}", f"cb_alloc program={address} index=0"], "programs without")


def check_off(program):
    for enabled in ("0", "", "true", "11"):
        expect(run([program, "graph"], enabled=enabled), ("0\n", "", []), f"reports with {enabled!r}")
    expect(run([program, "graph"], enabled="0", fake=False), ("0\n", "", []), "reports without a library")
    out, err, _ = run([program, "graph"], fake=False)
    expect((out, err.count("\n")), ("0\n", 1), f"output without a library, and lines of {err!r}")


def check_object(program):
    """No link dependency, and nothing that runs before main()."""
    symbols = subprocess.run(["nm", "--undefined-only", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert "ttalloc" not in symbols and "pthread_create" not in symbols, symbols
    sections = subprocess.run(["objdump", "-h", program.with_name("drop_in.o")], check=True, stdout=subprocess.PIPE,
                              text=True).stdout
    assert "init_array" not in sections and ".ctors" not in sections, sections


# --- patched TT-Metal ------------------------------------------------------------------------------------------------


def two_programs(nn):
    chips = [nn.open_chip(6), nn.open_chip(7)]
    device = nn.open_mesh_of(chips)
    buffer = nn.tensor(device, 1 << 20)
    assert nn.tensor(device, 64 << 20, page=1 << 20, region=tt.L1, layout=tt.HEIGHT_SHARDED, cores=2) is None
    program = nn.program()
    nn.add_cb(program, 4096, 0, 0, 0, 1, 1)
    nn.run(program, device, 1)
    nn.free(buffer)


def check_applied(compiler):
    """What apply.sh inserts gives what the preload gives; with both, it is there once."""
    place = standins.standin(compiler, 202606, "applied")
    command = [sys.executable, __file__, place]
    out, err, reported = run(command)
    per_bank = (512 + 11) // 12 * 2048
    program = next(line.rsplit("=", 1)[1] for line in reported if line.startswith("program_run"))
    expect(reported, [
        PRODUCER,
        *(line for chip in (6, 7) for line in (
            f"device_open device={chip} arch=wormhole_b0 layouts=4",
            f"layout device={chip} region=0 top_down=0 banks=12 bank=1055915968 base=1048640 alignment=32",
            f"layout device={chip} region=1 top_down=1 banks=64 bank=1362144 base=104224 alignment=16",
            f"layout device={chip} region=3 top_down=1 banks=64 bank=32768 base=1466368 alignment=16",
            f"layout device={chip} region=4 top_down=0 banks=12 bank=16777216 base=1056964608 alignment=32")),
        *(f"alloc device={chip} region=0 flags=0 address=1048640 size=1048576 bank={per_bank}"
                    for chip in (6, 7)),
        *(f"failed device={chip} region=1 flags={flags} address=0 size={64 << 20} bank={32 << 20}"
          for chip, flags in ((6, 3), (7, 3 | 32))),  # one request
        *(f"program_run device={chip} program={program}" for chip in (6, 7)),
        *(f"cb_alloc device={chip} program={program} index=0 address=104224 size=4096 aliased=0 cores=0-0..1-1"
          for chip in (6, 7)),
        *(f"free device={chip} region=0 address=1048640" for chip in (6, 7))], "reports")
    if standins.preload():
        _, err, both = run(command, preload=True)
        expect((err, kinds(both)), ("", kinds(reported)), "reports with the preload")


def check_patched(compiler):
    """A tracker that was patched as the proof of concept's was, and the preload."""
    place = standins.standin(compiler, 202606, "patched")
    _, _, alone = run([sys.executable, __file__, place])
    expect(kinds(alone), ["producer", "alloc", "free"], "reports")
    if standins.preload():
        _, err, both = run([sys.executable, __file__, place], preload=True)
        expect((err, kinds(both)), ("", kinds(alone)), "reports with the preload")


def kinds(lines):
    return [line.split(" ")[0] for line in lines]


# --- apply.sh --------------------------------------------------------------------------------------------------------


def apply(*arguments):
    done = subprocess.run(["bash", APPLY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stderr


def check_apply():
    for generation in (202503, 202606):
        with tempfile.TemporaryDirectory(prefix="ttalloc-test-") as folder:
            top = pathlib.Path(folder)
            tracker, buffers = standins.checkout(top, generation)
            before, buffers_before = tracker.read_text(), buffers.read_text()
            expect(apply(top, "--check")[0], 1, "check before")
            expect(apply(top), (0, ""), "first time")
            once = tracker.read_text()
            assert once != before and once.count("// ttalloc\n") == 6, once
            inserted = [line for line in buffers.read_text().splitlines() if line.endswith("// ttalloc")]
            expect(len(inserted), 3, "lines in buffer.cpp")
            expect(apply(top), (0, ""), "second time")
            expect(tracker.read_text(), once, "tracker after the second time")
            expect(apply(top, "--check")[0], 0, "check after")
            tracker.write_text(once.replace("report_buffer_free", "other"))
            expect(apply(top, "--check")[0], 1, "check of half a patch")
            expect(apply(top), (0, ""), "repair")
            expect(apply(top, "--revert"), (0, ""), "revert")
            expect((tracker.read_text(), list(tracker.parent.iterdir())), (before, [tracker]), "after revert")
            expect((buffers.read_text(), list(buffers.parent.iterdir())), (buffers_before, [buffers]), "after revert")
            buffers.write_text(buffers_before.replace("(this);", "(&self);", 1).replace("_buffer(this)", "_buffer(&self)"))
            expect(apply(top), (0, ""), "newer form")
            assert "watch_request<distributed::MeshDevice>(self, *allocator_);  // ttalloc" in buffers.read_text()
            expect(apply(top, "--revert"), (0, ""), "revert")
            buffers.write_text(buffers_before.replace("allocate_buffer", "take"))
            expect(apply(top, "--check")[0], 2, "check of an unknown buffer.cpp")
            buffers.write_text(buffers_before)
            tracker.write_text(before.replace("bool is_globally_allocated,", "bool global,")
                               .replace("is_globally_allocated,", "global,"))
            for mode in ([], ["--check"]):
                status, said = apply(top, *mode)
                assert status == 2 and "is_globally_allocated" in said, (status, said)
    status, said = apply("/nonexistent")
    assert status == 2 and said.count("\n") == 1, (status, said)


def main():
    if not standins.COMPILERS or not shutil.which("objdump"):
        print("there is no C++ compiler")
        return 77
    check_apply()
    for compiler in standins.COMPILERS:
        for standard in ("c++17", "c++20"):
            program = compile_drop_in(compiler, standard)
        check_calls(program)
        check_programs(program)
        check_off(program)
        check_object(program)
        check_applied(compiler)
        check_patched(compiler)
    print("ok")
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        two_programs(tt.NN(sys.argv[1]))
    else:
        sys.exit(main())
