# SPDX-License-Identifier: Apache-2.0
"""Every file names its licence and has no work in progress, and every folder has its unit tests in the test list."""
import subprocess

from lint import BUILD, FOLDERS, SOURCE, name_of, report, sources

MANY_LINES = 800 # said, but no fault: a file is cut by its subject, not by its length
SUFFIXES = (".c", ".h", ".sql", ".py", ".sh", ".cmake", ".txt", ".hpp")
WORK_IN_PROGRESS = tuple(word + mark for word in ("TODO", "FIXME", "XXX") for mark in (":", " ", "("))


def file_findings(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
        yield f"{name_of(path)}: no SPDX line"
    if len(lines) > MANY_LINES:
        print(f"long: {name_of(path)}: {len(lines)} lines")
    for number, line in enumerate(lines, 1):
        if any(word in line for word in WORK_IN_PROGRESS) and path.name != "test_files.py":
            yield f"{name_of(path)}:{number}: {line.strip()}"


def listed_tests():
    listing = subprocess.run(["ctest", "-N", "--test-dir", str(BUILD)], stdout=subprocess.PIPE, check=True, text=True)
    return {line.split(": ")[1].strip() for line in listing.stdout.splitlines() if line.lstrip().startswith("Test ")
            and ": " in line}


def unit_findings():
    listed = listed_tests()
    for folder in ("hook", "recorder", "sql", "analyze"):
        tests = sorted((SOURCE / "tests/unit" / folder).rglob("test_*.c"))
        if not tests:
            yield f"tests/unit/{folder}: no unit tests"
        for test in tests:
            rooms = test.parent.relative_to(SOURCE / "tests").parts
            if "_".join([*rooms, test.stem[len("test_"):]]) not in listed:
                yield f"{name_of(test)}: not in the test list"


files = [path for path in sources(*FOLDERS, "tests", "examples", suffixes=SUFFIXES)] + [SOURCE / "CMakeLists.txt"]
report([f for path in files for f in file_findings(path)] + [*unit_findings()], len(files))
