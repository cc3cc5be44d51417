# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin: what each test allocates, and whether it keeps its budgets.

    ttalloc-recorder -o tests.db -- pytest -p ttalloc_pytest

Each test is a label of its own name, so that every verb can be asked about it (--label tests/test_model.py::test_one),
and a step. A test that says what it may need is held to it, and fails as by an assertion:

    @pytest.mark.ttalloc("peak DRAM <= 10MiB", "held == 0")
    def test_model(device): ...

What stands there are budgets of `ttalloc-analyze check`, over what was allocated in the test and its own fixtures; held is
what is not freed when both are over, but for what the runtime keeps. With --ttalloc-peaks the report ends with the peak of
each test. Where nothing is recorded, tests run as they always do, and one line of the report says so.
"""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import ttalloc

FLUSH_MS = 10000


def _analyzer():
    """ttalloc-analyze: of the path, else where it is installed or built with this file."""
    for above in pathlib.Path(__file__).resolve().parents[:5]:
        for place in (above / "bin", above / "analyze"):
            if (place / "ttalloc-analyze").is_file():
                return str(place / "ttalloc-analyze")
    return shutil.which("ttalloc-analyze")


def _ask(verb, *arguments):
    """The rows of the answer, or a text why there is none."""
    analyzer, recording = _analyzer(), os.environ.get("TTALLOC_DB")
    if not analyzer or not recording:
        return "ttalloc-analyze was not found" if recording else "TTALLOC_DB does not name the recording"
    if not ttalloc.flush(FLUSH_MS):
        return "the recorder does not take what was recorded"
    done = subprocess.run([analyzer, verb, *arguments, "--json", recording], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    return json.loads(done.stdout)["rows"] if done.stdout else done.stderr.strip()


def _exact(label):
    """LABEL as a pattern that matches it alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in label)


def _check(item):
    """Fails the test ITEM, which is over, when it exceeded a budget."""
    budgets = [budget for mark in item.iter_markers("ttalloc") for budget in mark.args]
    if not budgets:
        return
    rows = _ask("check", "--label", _exact(item.nodeid), "--budget", "\n".join(budgets))
    if isinstance(rows, str) and "has no label" in rows:
        return  # it allocated nothing, which keeps every budget of less
    if isinstance(rows, str):
        pytest.fail(f"ttalloc: {rows}", pytrace=False)
    failed = [f"{row['budget']}: {row['detail']}" for row in rows if row["verdict"] == "failed"]
    if failed:
        pytest.fail("ttalloc: " + "\n".join(failed), pytrace=False)


class _Plugin:
    def __init__(self, wants_peaks):
        self.wants_peaks = wants_peaks
        self.number = 0
        self.peaks = []

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        ttalloc.step(self.number)
        self.number += 1
        with ttalloc.label(item.nodeid):
            yield

    @pytest.hookimpl(trylast=True)  # behind the teardown of its fixtures
    def pytest_runtest_teardown(self, item):
        if self.wants_peaks:
            self._take_peak(item)
        _check(item)

    def _take_peak(self, item):
        rows = _ask("peak", "--label", _exact(item.nodeid))
        for row in rows if isinstance(rows, list) else []:
            self.peaks.append((row["peak_bytes"], row["device"], row["region"], item.nodeid))

    def pytest_terminal_summary(self, terminalreporter):
        if not self.peaks:
            return
        terminalreporter.section("ttalloc: peak of each test")
        terminalreporter.write_line(f"{'bytes':>15}  device  region")
        for peak_bytes, device, region, name in sorted(self.peaks, reverse=True):
            terminalreporter.write_line(f"{peak_bytes:>15}  {device:>6}  {region:<8}  {name}")


class _Idle:
    """Nothing is recorded."""

    def pytest_report_header(self):
        return "ttalloc: not recorded, and no budget is checked; run ttalloc-recorder -o tests.db -- pytest ..."


def pytest_addoption(parser):
    parser.getgroup("ttalloc").addoption("--ttalloc-peaks", action="store_true", help="report the peak of each test")


def pytest_configure(config):
    config.addinivalue_line("markers", "ttalloc(*budgets): budgets of ttalloc-analyze check that the test has to keep, "
                                       "such as 'peak DRAM <= 10MiB' or 'held == 0'")
    plugin = _Plugin(config.getoption("--ttalloc-peaks")) if ttalloc.enabled() else _Idle()
    config.pluginmanager.register(plugin, "ttalloc-recording")
