# SPDX-License-Identifier: Apache-2.0
"""How packages are installed for quickstart.sh and run.sh: another apt that is at work is waited for, and what went wrong
is said in apt's own words. apt-get and sudo are stand-ins."""
import os
import pathlib

from harness import SOURCE, Place, check, equal, main, run

HELD = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 4711 (apt-get)"
PASS_ON = '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n'


def install(place, apt_get, most_s):
    """ttalloc_install with APT_GET (lines of sh) in place of apt-get: what it said, and whether it succeeded."""
    tools = pathlib.Path(place.file("tools"))
    tools.mkdir()
    for name, text in (("apt-get", f"#!/bin/sh\necho \"$*\" >>{place.file('calls')}\n{apt_get}\n"), ("sudo", PASS_ON)):
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    script = f". {SOURCE}/examples/packages.sh; ttalloc_install this that && echo installed || echo \"why: $ttalloc_why\""
    env = {**place.env, "PATH": f"{tools}:{os.environ['PATH']}", "TTALLOC_APT_WAIT_S": str(most_s)}
    result = run(["bash", "-c", script], env=env, cwd=place.path)
    return result.stdout, result.stderr, pathlib.Path(place.file("calls")).read_text(encoding="utf-8").splitlines()


def a_held_lock_is_waited_for():
    place = Place()
    out, errors, calls = install(place, f'[ $(wc -l <{place.file("calls")}) -gt 2 ] || {{ echo "{HELD}" >&2; exit 100; }}', 60)
    equal(out, "installed\n", f"outcome ({errors})")
    check("waiting for another apt" in errors, f"said: {errors}")
    equal([call.split()[0] for call in calls], ["update", "update", "update", "install"], "calls of apt-get")
    check("this that" in calls[-1], f"installed: {calls[-1]}")


def a_lock_that_stays_held_is_named():
    out, _, _ = install(Place(), f'echo "{HELD}" >&2; exit 100', 1)
    check("why: another program holds apt's lock" in out, f"said: {out}")


def other_errors_are_apts_words():
    out, _, calls = install(Place(), '[ $1 = update ] || { echo "E: Unable to locate package this" >&2; exit 100; }', 60)
    equal(out, "why: apt-get says: Unable to locate package this\n", "said")
    equal(len(calls), 2, "calls of apt-get")


main(a_held_lock_is_waited_for, a_lock_that_stays_held_is_named, other_errors_are_apts_words)
