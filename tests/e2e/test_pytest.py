# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: tests are labels and steps, budgets fail the test that exceeds them, and that one alone."""
import importlib.util
import pathlib
import sys

from harness import Place, analyze, check, equal, main, program, run, skip

SUITE = '''
import pytest, ttalloc

DRAM = ttalloc.Region.DRAM

@pytest.fixture
def block():
    ttalloc.alloc(0, DRAM, 0x9000, 512)
    yield
    ttalloc.free(0, DRAM, 0x9000)

@pytest.mark.ttalloc("peak DRAM <= 1536", "held == 0")
def test_keeps(block):
    ttalloc.alloc(0, DRAM, 0x1000, 1024)
    ttalloc.free(0, DRAM, 0x1000)

@pytest.mark.ttalloc("peak DRAM <= 1023")
@pytest.mark.parametrize("size", [1023, 1024])
def test_peak(size):
    ttalloc.alloc(0, DRAM, 0x2000, size)
    ttalloc.free(0, DRAM, 0x2000)

@pytest.mark.ttalloc("held == 0")
def test_holds():
    with ttalloc.label("inner"):
        ttalloc.alloc(0, DRAM, 0x3000, 64)

@pytest.mark.ttalloc("peak <= 1")
def test_nothing():
    pass

@pytest.mark.ttalloc("peek <= 1")
def test_wrong():
    ttalloc.alloc(0, DRAM, 0x4000, 64)
    ttalloc.free(0, DRAM, 0x4000)

def test_free():
    ttalloc.alloc(0, DRAM, 0x5000, 1 << 20)
    ttalloc.free(0, DRAM, 0x5000)
'''


def suite():
    if not importlib.util.find_spec("pytest"):
        skip("pytest is not installed")
    place = Place()
    pathlib.Path(place.file("test_suite.py")).write_text(SUITE)
    return place, [sys.executable, "-m", "pytest", "-p", "ttalloc_pytest", "-p", "no:cacheprovider", "-q", "-rA",
                   "--ttalloc-peaks", "test_suite.py"]


def budgets_fail_their_tests():
    place, command = suite()
    done = run([program("ttalloc-recorder"), "-q", "-o", "tests.db", "--", *command], cwd=place.path, env=place.env)
    check("test_peak[1024]" in done.stdout, done.stdout + done.stderr)
    said = {}
    for line in done.stdout.splitlines():
        if line.startswith(("PASSED", "ERROR", "FAILED")):
            said.setdefault(line.split()[1].split("::")[1], set()).add(line.split()[0])
    equal(said, {"test_keeps": {"PASSED"}, "test_peak[1023]": {"PASSED"}, "test_peak[1024]": {"PASSED", "ERROR"},
                 "test_holds": {"PASSED", "ERROR"}, "test_nothing": {"PASSED"}, "test_wrong": {"PASSED", "ERROR"},
                 "test_free": {"PASSED"}}, "outcomes")
    check("peak DRAM <= 1023: 1024 B is not <= 1023 B" not in done.stdout and "1.00 KiB (1024 B) is not <= 1023 B" in done.stdout,
          done.stdout)
    check("by label: test_suite.py::test_holds/inner 64 B" in done.stdout, done.stdout)
    check("nothing is known of 'peek'" in done.stdout, done.stdout)
    check("1048576       0  DRAM      test_suite.py::test_free" in done.stdout, done.stdout)
    rows = analyze("peak", place.file("tests.db"), "--label", "test_suite.py::test_keeps")["rows"]
    equal([row["peak_bytes"] for row in rows], [1536], "the label of a test")
    rows = analyze("peak", place.file("tests.db"), "--step", "6")["rows"]
    equal([row["peak_bytes"] for row in rows], [1 << 20], "the step of a test")


def without_a_recorder_tests_are_themselves():
    place, command = suite()
    folder = str(pathlib.Path(program("ttalloc-recorder")).parents[1] / "hook/ttalloc/python")
    done = run(command, cwd=place.path, env={**place.env, "PYTHONPATH": folder})
    equal(done.returncode, 0, done.stdout + done.stderr)
    check("7 passed" in done.stdout, done.stdout)


main(budgets_fail_their_tests, without_a_recorder_tests_are_themselves)
