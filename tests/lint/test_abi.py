# SPDX-License-Identifier: Apache-2.0
"""What was built against the last release runs with this libttalloc: abidiff (abigail-tools) finds nothing changed or taken away.

The release's description, tests/lint/libttalloc-VERSION.abi, is made anew with each release, of its build:
abidw --exported-interfaces-only --no-elf-needed --no-show-locs --no-comp-dir-path --no-corpus-path
      --out-file tests/lint/libttalloc-VERSION.abi BUILD/hook/libttalloc.so
(Its types have no places in files, so nothing may be told apart by these: abidiff would take them all for private.)
"""
import pathlib
import re
import shutil
import subprocess
import sys

from lint import BUILD

SKIPPED = 77
OF_ANOTHER_MACHINE = "architecture"

if not shutil.which("abidiff"):
    print("there is no abidiff (abigail-tools)")
    sys.exit(SKIPPED)
released = sorted(pathlib.Path(__file__).parent.glob("libttalloc-*.abi"))[-1]
suppressions = pathlib.Path(__file__).parent / "libttalloc.abignore"
found = subprocess.run(["abidiff", "--no-added-syms", "--suppressions", suppressions, released, BUILD / "hook/libttalloc.so"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
if OF_ANOTHER_MACHINE in found.stdout:
    print(f"{released.name} is of another architecture")
    sys.exit(SKIPPED)
print(found.stdout or f"as {released.name}")


def in_no_node_of_its_own(known, current):
    """Functions that are new, and claim a version that the release had, so a program that calls them starts with that and then fails."""
    versions = set(known.values())
    return [name for name, version in current.items() if name not in known and version in versions]


known = dict(re.findall(r"elf-symbol name='(\w+)'[^>]* version='(\w+)'", released.read_text(encoding="utf-8")))
table = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", BUILD / "hook/libttalloc.so"], stdout=subprocess.PIPE, text=True, check=True)
current = dict(re.findall(r"(ttalloc_\w+)@+(\w+)", table.stdout))
assert len(known) > 20 and set(known) <= set(current), "nm and the description name other functions"
assert in_no_node_of_its_own({"a": "V1"}, {"a": "V1", "b": "V1", "c": "V2"}) == ["b"]
late = in_no_node_of_its_own(known, current)
for name in late:
    print(f"{name} is new: hook/ttalloc.map has to have it in a node of its own, not in {current[name]}")
sys.exit(found.returncode != 0 or bool(late))
