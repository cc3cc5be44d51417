# SPDX-License-Identifier: Apache-2.0
"""What the lint tests share: the source files, and how findings are reported."""
import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(os.environ.get("TTALLOC_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("TTALLOC_BUILD", SOURCE / "build/gcc"))
FOLDERS = ("include", "hook", "recorder", "sql", "analyze")


def sources(*folders, suffixes=(".c", ".h")):
    """Source files below FOLDERS, in order."""
    return sorted(path for folder in folders for path in (SOURCE / folder).rglob("*") if path.suffix in suffixes)


def name_of(path):
    return str(path.relative_to(SOURCE))


def without_comments(text):
    """C text with comments and the contents of strings blanked, lines kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


def report(findings, checked):
    """Ends the test: every finding on a line of its own; a test that checked nothing fails."""
    for finding in findings:
        print(finding)
    if not checked:
        print("nothing was there to be checked")
    print(f"{checked} checked, {len(findings)} findings")
    sys.exit(1 if findings or not checked else 0)
