# SPDX-License-Identifier: Apache-2.0
"""Installs the programs that read our exports. usage: setup.py DIR

What cannot be had leaves the reason in DIR/missing.NAME. What is there is kept."""
import os
import pathlib
import shutil
import subprocess
import sys

PACKAGES = ("ttnn-visualizer", "perfetto", "protobuf", "pandas", "polars", "duckdb", "duckdb-extension-sqlite-scanner", "pyarrow", "mcp>=2")
PPROF = "github.com/google/pprof@v0.0.0-20261105003125-4bf881d7fb0b"
SPEEDSCOPE = "speedscope@1"


def run(place, name, *command, env=None):
    """Whether COMMAND succeeded; else why not is left."""
    try:
        done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=900, env={**os.environ, **(env or {})}, check=False)
        why = None if done.returncode == 0 else (done.stderr or done.stdout).strip()[-300:]
    except (OSError, subprocess.TimeoutExpired) as problem:
        why = str(problem)
    missing = place / f"missing.{name}"
    missing.unlink(missing_ok=True)
    if why:
        missing.write_text(why, encoding="utf-8")
    return not why


def main():
    place = pathlib.Path(sys.argv[1]).resolve()
    place.mkdir(parents=True, exist_ok=True)
    python = place / "python/bin/python"
    if not python.exists():
        run(place, "python", sys.executable, "-m", "venv", place / "python")
    if not (place / "python/ready").exists() and run(place, "python", python, "-m", "pip", "install", "--quiet", "--no-input",
                                                     "--retries", "1", "--only-binary", ":all:", *PACKAGES):
        (place / "python/ready").touch()
    if not (place / "go/bin/pprof").exists():
        run(place, "pprof", shutil.which("go") or "go", "install", PPROF, env={"GOPATH": str(place / "go")})
    if not (place / "npm/node_modules/speedscope").exists():
        run(place, "speedscope", shutil.which("npm") or "npm", "install", "--prefix", place / "npm", SPEEDSCOPE)


main()
