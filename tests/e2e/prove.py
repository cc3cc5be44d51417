# SPDX-License-Identifier: Apache-2.0
"""Shows that the tests guard what they say they guard: in a build with -DTTALLOC_FAULTS=ON each switch breaks one
mechanism, and the test of that mechanism has to fail. Without the switch it has to pass.

    prove.py --list
    prove.py BUILD FAULT
"""
import os
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]

# fault: the test file, and the test in it, that notices
GUARDS = {
    "no-resend": ("e2e/test_kills.py", "kill_recorder"),
    "no-commit-number": ("e2e/test_kills.py", "kill_recorder"),
    "no-ring-drain": ("e2e/test_kills.py", "kill_target"),
    "no-merge": ("oracle/test_random.py", "shape_1"),
    "no-loss-count": ("e2e/test_ring.py", "outbox_is_full"),
    "no-own-sealing": ("e2e/test_ring.py", "overruns"),
}


def status_of(build, fault, file, test):
    environment = {**os.environ, "TTALLOC_BUILD": build, "TTALLOC_SOURCE": str(TESTS.parent), "TTALLOC_TEST_MODE": "prove"}
    environment.pop("TTALLOC_FAULT", None)
    if fault:
        environment["TTALLOC_FAULT"] = fault
    result = subprocess.run([sys.executable, TESTS / file, test], env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
    print(f"--- {file} {test} with {fault or 'nothing'} switched off: status {result.returncode}\n{result.stdout}")
    return result.returncode


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(GUARDS))
        return 0
    build, fault = sys.argv[1:]
    if status_of(build, None, *GUARDS[fault]) != 0:
        print(f"the test does not pass even without {fault}")
        return 1
    if status_of(build, fault, *GUARDS[fault]) != 1:
        print(f"{fault}: nobody noticed")
        return 1
    return 0


sys.exit(main())
