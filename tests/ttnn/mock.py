# SPDX-License-Identifier: Apache-2.0
"""Makes a Python in which the real TT-Metal runs without hardware, on its mock device.

usage: mock.py DIR newest|VERSION|jax

DIR/python is a venv with the wheel ttnn (for CPython 3.10 and 3.12), or with jax and jax-tt-plugin (from 3.11 on), DIR/p100.yaml
and others describe machines:

    TT_METAL_MOCK_CLUSTER_DESC_PATH=DIR/p100.yaml DIR/python/bin/python program.py

What is there is kept. Status 77, and the reason in DIR/missing, when it cannot be had: no such Python, no registry.
All host code is real: allocators, programs, their circular and dataflow buffers, the cache of programs, meshes, errors.
The mock device does not run programs, and crashes on captured traces, sub-device managers and events between queues.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import time

import cluster
import riscv

MISSING = 77
NEWEST_KEPT_S = 7 * 24 * 3600  # then a newer one is looked for


class Missing(Exception):
    """Why it cannot be had."""


def run(*command, timeout_s=900):
    return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=timeout_s)


def fits(python, jax):
    """It is a CPython of a version that there is a wheel for, and can make venvs."""
    test = "import ensurepip, sys, venv; print(*sys.version_info[:2], sys.implementation.name)"
    try:
        major, minor, name = run(python, "-c", test, timeout_s=20).stdout.split()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    version = int(major), int(minor)
    return name == "cpython" and (version >= (3, 11) if jax else version in ((3, 10), (3, 12)))


def find_python(jax):
    """On the PATH, or among those of pyenv."""
    versions = ("3.12", "3.11", "3.13") if jax else ("3.10", "3.12")
    found = [shutil.which(name) for name in ("python3", *(f"python{version}" for version in versions))]
    for version in versions:
        found += sorted((pathlib.Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python"))
    for python in found:
        if python and fits(python, jax):
            return python
    raise Missing(f"no CPython {' or '.join(versions)} with venv is installed")


def install(python, *wanted):
    """The registry is asked once; without one it is known within seconds."""
    done = run(python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1",
               "--timeout", "30", "--only-binary", ":all:", "--upgrade", *wanted)
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
        raise Missing(f"pip cannot install {' '.join(wanted)}: {said[-1] if said else done.stdout[-300:].strip()}")


def package_of(python):
    found = run(python, "-c", "import importlib.util as u; print(u.find_spec('ttnn').submodule_search_locations[0])")
    return found.stdout.strip()


def make(place, wanted):
    jax = wanted == "jax"
    python = place / "python/bin/python"
    if not fits(python, jax):
        base = find_python(jax)
        shutil.rmtree(place / "python", ignore_errors=True)
        done = run(base, "-m", "venv", place / "python")
        if done.returncode:
            raise Missing(f"{base} cannot make a venv: {done.stdout[-300:].strip()}")
    if jax:
        install(python, "jax", "jax-tt-plugin")
    else:
        install(python, "ttnn" if wanted == "newest" else f"ttnn=={wanted}")
        riscv.install(package_of(python))
    for machine in cluster.MACHINES:
        (place / f"{machine}.yaml").write_text(cluster.describe(machine), encoding="utf-8")


def is_ready(ready, wanted):
    if not ready.exists():
        return False
    return wanted not in ("newest", "jax") or time.time() - ready.stat().st_mtime < NEWEST_KEPT_S


def main(place, wanted):
    place = pathlib.Path(place).absolute()
    ready, missing = place / "ready", place / "missing"
    place.mkdir(parents=True, exist_ok=True)
    if is_ready(ready, wanted):
        return 0
    missing.unlink(missing_ok=True)
    try:
        make(place, wanted)
    except (Missing, OSError, subprocess.TimeoutExpired) as why:
        if ready.exists():  # what is there is good, if not the newest
            return 0
        missing.write_text(f"{why}\n", encoding="utf-8")
        print(f"{wanted}: {why}", file=sys.stderr)
        return MISSING
    ready.touch()
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    os.environ.pop("PYTHONPATH", None)
    sys.exit(main(*sys.argv[1:]))
