# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for libtt_metal and a libttalloc that writes down what is reported, built when they are needed.

A stand-in is named by (compiler, generation, variant). Variants:
  plain     as upstream builds it
  unity     allocator and buffers in one translation unit
  bsymbolic its calls are bound inside the library
  patched   it reports itself, through allocation_client.hpp
  applied   its sources were patched by hook/tt_metal/apply.sh
  other     under another name, so that it can be in one process with a plain one
  tsan      with ThreadSanitizer
"""
import concurrent.futures
import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
FOLDER = HERE / "standin"
BUILD = pathlib.Path(os.environ.get("TTALLOC_BUILD", SOURCE / "build/gcc"))
PLACE = BUILD / "tests/tt_metal/standins"
COMPILERS = [name for name in ("g++", "clang++") if shutil.which(name)]
GENERATIONS = [202503, 202505, 202507, 202511, 202606, 202612]
GENERATIONS_WITH_TENSORS = [202606, 202612]
UNKNOWN_GENERATION = 299912
# Each function has its frame: clang 19 turns last calls into jumps at -O1, too.
CXX_FLAGS = ["-std=c++20", "-O1", "-fno-optimize-sibling-calls", "-fPIC", "-fvisibility-inlines-hidden", "-Wall", "-Wextra", "-Werror"]


def newest(paths):
    return max(path.stat().st_mtime for path in paths)


@contextlib.contextmanager
def alone(target):
    """Tests that run beside each other make TARGET one behind the other."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.with_name(f".{target.name}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(target, sources, command):
    """Runs COMMAND, which writes TARGET with a temporary name given as its last argument, when SOURCES are newer."""
    with alone(target):
        if target.exists() and target.stat().st_mtime >= newest(sources):
            return target
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
    graph = place / ("tt_metal/impl/graph" if generation >= 202605 else "tt_metal/graph")
    buffers = place / "tt_metal/impl/buffers"
    api = place / "tt_metal/api/tt-metalium"
    for path in (graph, buffers, api):
        path.mkdir(parents=True, exist_ok=True)
    (api / "mesh_device.hpp").write_text('#include "tt_metal.hpp"\n')
    shutil.copy(FOLDER / "graph_tracking.cpp", graph)
    shutil.copy(FOLDER / "buffer.cpp", buffers)
    return graph / "graph_tracking.cpp", buffers / "buffer.cpp"


def applied(place, sources):
    """The files of a checkout that was patched, made anew when SOURCES are newer."""
    with alone(place / "checkout"):
        files = [place / "checkout" / name for name in ("tt_metal/impl/graph/graph_tracking.cpp",
                                                        "tt_metal/impl/buffers/buffer.cpp")]
        if not files[0].exists() or files[0].stat().st_mtime < newest(sources):
            shutil.rmtree(place / "checkout", ignore_errors=True)
            checkout(place / "checkout")
            subprocess.run(["bash", str(SOURCE / "hook/tt_metal/apply.sh"), str(place / "checkout")], check=True,
                           stdout=subprocess.DEVNULL)
    return files


def compiled(compiler, generation, source, place=None, flags=(), sources=()):
    """An object file, which variants share unless it has a PLACE and FLAGS of its own."""
    place = place or PLACE / f"{compiler}-{generation}-objects"
    return make(place / f"{source.stem}.o", [source, *FOLDER.iterdir(), *sources],
                [compiler, *CXX_FLAGS, f"-DGENERATION={generation}", *flags, "-c", str(source)])


def sanitizer(variant):
    return ["-fsanitize=thread", "-g"] if variant == "tsan" else []


def own_objects(compiler, generation, variant, place, names):
    """What VARIANT compiles in its own way, of NAMES: {name: object file}."""
    include = SOURCE / "include"
    if sanitizer(variant):
        return {name: compiled(compiler, generation, FOLDER / f"{name}.cpp", place / "objects", sanitizer(variant)) for name in names}
    if variant == "patched":
        return {"graph_tracking": compiled(compiler, generation, FOLDER / "graph_tracking.cpp", place,
                                           ["-DPATCHED", f"-I{include}"], include.glob("*.h*"))}
    if variant == "applied":
        sources = [*FOLDER.iterdir(), *include.glob("*.h*"), SOURCE / "hook/tt_metal/apply.sh"]
        flags = [f"-I{FOLDER}", f"-I{place / 'checkout/tt_metal/api'}"]
        return {source.stem: compiled(compiler, generation, source, place, flags, sources)
                for source in applied(place, sources)}
    return {}


def standin(compiler, generation, variant="plain"):
    """The directory of a libtt_metal.so, and of a libttnn.so above it."""
    place = PLACE / f"{compiler}-{generation}-{variant}"
    names = ["graph_tracking", "program", *(["unity"] if variant == "unity" else ["allocator", "impl", "buffer"])]
    names_above = ["ttnn", *(["tensor"] if generation in GENERATIONS_WITH_TENSORS else [])]
    own = own_objects(compiler, generation, variant, place, [*names, *names_above])
    objects = [own.get(name) or compiled(compiler, generation, FOLDER / f"{name}.cpp") for name in names]
    link = ["-Wl,-Bsymbolic"] if variant == "bsymbolic" else sanitizer(variant)
    name = "tt_metal_other" if variant == "other" else "tt_metal"
    make(place / f"lib{name}.so", objects, [compiler, "-shared", f"-Wl,-soname,lib{name}.so", *link, *map(str, objects)])
    above = [own.get(source) or compiled(compiler, generation, FOLDER / f"{source}.cpp") for source in names_above]
    make(place / "libttnn.so", above,
         [compiler, "-shared", *sanitizer(variant), *map(str, above), f"-L{place}", f"-l{name}", "-Wl,-rpath,$ORIGIN"])
    return place


def linked(compiler, generation, name, library, variant="plain"):
    """A program of the stand-in's folder that is linked with LIBRARY of a stand-in."""
    place = standin(compiler, generation, variant)
    program = own_objects(compiler, generation, variant, place, [name]).get(name) or compiled(compiler, generation, FOLDER / f"{name}.cpp")
    return make(place / name, [program],
                [compiler, *sanitizer(variant), str(program), f"-L{place}", f"-l{library}", "-Wl,-rpath,$ORIGIN", "-pthread"])


def direct(compiler, generation):
    return linked(compiler, generation, "direct", "tt_metal")


def races(generation):
    """With the sanitizer of the build under test, if that is ThreadSanitizer."""
    return linked("g++", generation, "races", "ttnn", "tsan" if os.environ.get("TTALLOC_SANITIZED") == "thread" else "plain")


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
