# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for libtt_metal and a libttalloc that writes down what is reported, built when they are needed.

A stand-in is named by (compiler, generation, variant). Variants:
  plain     as upstream builds it
  unity     allocator and buffers in one translation unit
  bsymbolic its calls are bound inside the library
  patched   it reports itself, through allocation_client.hpp
  applied   its sources were patched by hook/tt_metal/apply.sh
  other     under another name, so that it can be in one process with a plain one
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("TTALLOC_BUILD", SOURCE / "build/gcc"))
PLACE = BUILD / "tests/tt_metal/standins"
COMPILERS = [name for name in ("g++", "clang++") if shutil.which(name)]
GENERATIONS = [202503, 202505, 202507, 202511, 202606, 202612]
UNKNOWN_GENERATION = 299912
# Each function has its frame: clang 19 turns last calls into jumps at -O1, too.
CXX_FLAGS = ["-std=c++20", "-O1", "-fno-optimize-sibling-calls", "-fPIC", "-fvisibility-inlines-hidden", "-Wall", "-Wextra", "-Werror"]


def newest(paths):
    return max(path.stat().st_mtime for path in paths)


def make(target, sources, command):
    """Runs COMMAND, which writes TARGET with a temporary name given as its last argument, when SOURCES are newer."""
    if target.exists() and target.stat().st_mtime >= newest(sources):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{os.getpid()}-{target.name}")
    done = subprocess.run([*command, "-o", str(fresh)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout}")
    fresh.replace(target)
    return target


def fake_libttalloc():
    """The directory of a libttalloc.so.1 that writes each call to $TTALLOC_FAKE_LOG."""
    source = HERE / "fake_ttalloc.c"
    make(PLACE / "fake/libttalloc.so.1", [source, SOURCE / "include/ttalloc.h", SOURCE / "hook/ttalloc.map"],
         ["gcc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-g", "-fPIC", "-Wall", "-Wextra", "-Werror",
          f"-I{SOURCE}", f"-I{SOURCE / 'include'}", "-shared", "-Wl,-soname,libttalloc.so.1",
          f"-Wl,--version-script={SOURCE / 'hook/ttalloc.map'}", str(source)])
    return PLACE / "fake"


def checkout(place, generation=202606):
    """A directory with the files of a TT-Metal checkout that a patch touches, from the stand-in."""
    folder = HERE / "standin"
    graph = place / ("tt_metal/impl/graph" if generation >= 202605 else "tt_metal/graph")
    buffers = place / "tt_metal/impl/buffers"
    api = place / "tt_metal/api/tt-metalium"
    for path in (graph, buffers, api):
        path.mkdir(parents=True, exist_ok=True)
    (api / "mesh_device.hpp").write_text('#include "tt_metal.hpp"\n')
    shutil.copy(folder / "graph_tracking.cpp", graph)
    shutil.copy(folder / "buffer.cpp", buffers)
    return graph / "graph_tracking.cpp", buffers / "buffer.cpp"


def applied(place):
    shutil.rmtree(place / "checkout", ignore_errors=True)
    files = checkout(place / "checkout")
    subprocess.run(["bash", str(SOURCE / "hook/tt_metal/apply.sh"), str(place / "checkout")], check=True,
                   stdout=subprocess.DEVNULL)
    return files


def standin(compiler, generation, variant="plain"):
    """The directory of a libtt_metal.so, and of a libttnn.so above it."""
    place = PLACE / f"{compiler}-{generation}-{variant}"
    folder = HERE / "standin"
    sources = list(folder.iterdir()) + [SOURCE / "include/ttalloc.h"]
    flags = [*CXX_FLAGS, f"-DGENERATION={generation}"]
    if variant == "patched":
        flags += ["-DPATCHED", f"-I{SOURCE / 'include'}"]
        sources.append(SOURCE / "include/allocation_client.hpp")
    tracker, buffers = folder / "graph_tracking.cpp", folder / "buffer.cpp"
    if variant == "applied":
        tracker, buffers = applied(place)
        flags += [f"-I{folder}", f"-I{place / 'checkout/tt_metal/api'}"]
        sources += [SOURCE / "include/allocation_reporter.hpp", SOURCE / "include/allocation_client.hpp",
                    SOURCE / "hook/tt_metal/apply.sh"]
    parts = [folder / "unity.cpp"] if variant == "unity" else [folder / "allocator.cpp", folder / "impl.cpp", buffers]
    link = ["-Wl,-Bsymbolic"] if variant == "bsymbolic" else []
    name = "tt_metal_other" if variant == "other" else "tt_metal"
    make(place / f"lib{name}.so", sources,
         [compiler, *flags, "-shared", f"-Wl,-soname,lib{name}.so", *link,
          str(tracker), str(folder / "program.cpp"), *map(str, parts)])
    make(place / "libttnn.so", sources,
         [compiler, *flags, "-shared", str(folder / "ttnn.cpp"), f"-L{place}", f"-l{name}", "-Wl,-rpath,$ORIGIN"])
    return place


def direct(compiler, generation):
    """A program that is linked with a stand-in."""
    place = standin(compiler, generation)
    folder = HERE / "standin"
    return make(place / "direct", list(folder.iterdir()),
                [compiler, *CXX_FLAGS, f"-DGENERATION={generation}", str(folder / "direct.cpp"), f"-L{place}",
                 "-ltt_metal", "-Wl,-rpath,$ORIGIN"])


def build_all(wanted):
    """Builds stand-ins, two at a time. WANTED: what standin() takes."""
    fake_libttalloc()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda arguments: standin(*arguments), wanted))


def preload():
    """The preload under test; None when it is not built."""
    for path in (BUILD / "hook/libttalloc-tt-metal.so", BUILD / "lib/libttalloc-tt-metal.so"):
        if path.is_file():
            return path
    return None
