# SPDX-License-Identifier: Apache-2.0
"""The built programs need nothing that Ubuntu 22.04 lacks, and the hook shows its own names alone."""
import functools
import re
import subprocess

from lint import BUILD, report

NEWEST_GLIBC = (2, 34)
HOOK_LIBRARIES = {"libc.so.6", "ld-linux-x86-64.so.2", "libm.so.6", "ld-linux-aarch64.so.1"}


def lines_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()


def binaries():
    folders = ("hook", "recorder", "analyze", "examples")
    files = [path for folder in folders for path in (BUILD / folder).glob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if path.read_bytes()[:4] == b"\x7fELF" and path.suffix not in (".o", ".a")]


def versioned(path, which):
    """(name, version) of PATH's dynamic symbols of glibc; WHICH: an option of nm."""
    for line in lines_of("nm", "-D", which, path):
        found = re.search(r"([^\s@]+)@+GLIBC_(\d+)\.(\d+)", line)
        if found:
            yield found.group(1), (int(found.group(2)), int(found.group(3)))


@functools.lru_cache(maxsize=None)
def old_names(library):
    """What glibc had by then, too, as LIBRARY of this machine tells: it keeps the old versions of all that it renewed."""
    return {name for name, version in versioned(library, "--defined-only") if version <= NEWEST_GLIBC}


def newer_glibc(path):
    """A newer glibc's headers choose newer versions of old functions, and C23's strtol() for strtol(): the source is as good."""
    libraries = re.findall(r"=> (\S*/lib[cm]\.so\S*)", "\n".join(lines_of("ldd", path)))
    for name, version in versioned(path, "--undefined-only"):
        old_name = name.replace("__isoc23_", "", 1)
        if version > NEWEST_GLIBC and not any(old_name in old_names(library) for library in libraries):
            yield f"{path.name}: needs {name} of glibc {version[0]}.{version[1]}"


def foreign_exports(path):
    for line in lines_of("nm", "-D", "--defined-only", path):
        kind, symbol = line.split()[-2:]
        if kind != "A" and not symbol.startswith("ttalloc_"):  # A: the name of a version
            yield f"{path.name}: exports {symbol}"


def foreign_libraries(path):
    for line in lines_of("readelf", "-d", path):
        needed = re.search(r"\(NEEDED\).*\[(.+)\]", line)
        if needed and needed.group(1) not in HOOK_LIBRARIES:
            yield f"{path.name}: needs {needed.group(1)}"


checked = binaries()
hooks = [path for path in checked if path.name.startswith("libttalloc.so")]
found = [finding for path in checked for finding in newer_glibc(path)]
for path in hooks:
    found += [*foreign_exports(path), *foreign_libraries(path)]
if not hooks:
    found.append(f"libttalloc.so was not found in {BUILD}/hook")
report(found, len(checked))
