# SPDX-License-Identifier: Apache-2.0
"""The malloc preload against heaptrack, an independent judge: peak and leaked bytes.

heaptrack_print rounds, so the figures come from heaptrack's own file, one line per call, in the order in which they took
place: `a SIZE STACK` introduces a kind of allocation, `+ KIND` makes one, `- KIND` frees one (all hexadecimal).

What differs, and why:
- heaptrack's preload brings libstdc++ into every program, which allocates 72,704 B of emergency memory at its start. It is
  live all the time, so heaptrack's peak is higher by that, in C programs and where libstdc++ is linked statically; its
  leaks are not, since heaptrack has libstdc++ free the block at the end. The figure is taken from a program that
  allocates nothing.
- heaptrack does not see memalign and pvalloc, nor that realloc(block, 0) frees: the known program leaves them out.
- gcc's compiler hashes addresses: under either tool its figures differ from run to run, by one block of 32,768 B and one of
  2064 B, which is 1.6 % of what it leaks. It is allowed that much on top of the 1 %.
- heaptrack puts variables into the environment other than ours, and programs that copy theirs (perl, shells) allocate
  accordingly.
Known and simple programs have to agree to the byte, others within 1 %.
"""
import shutil
import subprocess
import sys

from harness import SOURCE, Place, analyze, check, equal, main, program, run, skip

TOLERANCE = 0.01


def compiled(place, name):
    out = place.file(name)
    result = run(["cc", "-O1", "-fno-builtin", "-D_GNU_SOURCE", str(SOURCE / f"tests/e2e/host_malloc_{name}.c"), "-o", out])
    check(result.returncode == 0, f"cc {name}: {result.stderr}")
    return out


def heaptrack(place, *command):
    """Peak and leaked bytes."""
    if not shutil.which("heaptrack") or not shutil.which("zstd"):
        skip("heaptrack or zstd is not installed")
    result = run(["heaptrack", "-o", place.file("heaptrack"), *command], env=place.env, cwd=place.path, timeout=300)
    files = sorted(place.path.glob("heaptrack*.zst"))
    check(len(files) == 1, f"heaptrack wrote {files}: {result.stdout} {result.stderr}")
    text = subprocess.run(["zstd", "-dc", files[0]], stdout=subprocess.PIPE, check=True).stdout
    files[0].unlink()
    sizes, live, peak = [], 0, 0
    for line in text.splitlines():
        if line.startswith(b"a "):
            sizes.append(int(line.split()[1], 16))
        elif line.startswith(b"+ "):
            live += sizes[int(line[2:], 16)]
            peak = max(peak, live)
        elif line.startswith(b"- "):
            live -= sizes[int(line[2:], 16)]
    return peak, live


def ours(place, *command):
    """Peak and leaked bytes."""
    file = place.file("run.db")
    env = {**place.env, "TTALLOC_LOSSLESS": "1"}  # malloc can outrun a busy machine's recorder
    result = run([program("ttalloc-recorder"), "--force", "--host-malloc", "-o", file, "--", *command], env=env,
                 cwd=place.path, timeout=300)
    equal(result.returncode, 0, f"status of {command[0]} ({result.stderr})")
    peaks = analyze("peak", file, "--region", "HOST")
    check(peaks["complete"], f"incomplete: {peaks['notes']}")
    leaks = analyze("leaks", file, "--region", "HOST")
    return sum(row["peak_bytes"] for row in peaks["rows"]), sum(row["size_bytes"] for row in leaks["rows"])


def heaptrack_itself(place):
    """What it adds to a program's peak, and to its leaks."""
    return heaptrack(place, compiled(place, "own"), "nothing")


def to_the_byte(*command):
    place = Place()
    own_peak, own_leaked = heaptrack_itself(place)
    peak, leaked = heaptrack(place, *command)
    equal(ours(place, *command), (peak - own_peak, leaked - own_leaked), f"peak and leaked bytes of {command[0]}")


def nearly(*command, slack_bytes=0):
    place = Place()
    own_peak, own_leaked = heaptrack_itself(place)
    peak, leaked = heaptrack(place, *command)
    mine = ours(place, *command)
    theirs = peak - own_peak, leaked - own_leaked
    for what, judge, figure in zip(("peak", "leaked"), theirs, mine):
        check(abs(judge - figure) <= TOLERANCE * judge + slack_bytes,
              f"{what} of {command[0]}: heaptrack {judge}, ours {figure}")


def own_allocations():
    place = Place()
    known = compiled(place, "own")
    to_the_byte(known)
    equal(ours(place, known), (108280, 8286), "the figures that were worked out by hand")


def sqlite():
    need("sqlite3")
    to_the_byte("sqlite3", ":memory:", "CREATE TABLE t AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c "
                "WHERE x < 30000) SELECT x, hex(x) h FROM c; CREATE INDEX i ON t(h); SELECT sum(length(h)) FROM t")


def xz():
    need("xz")
    copy = shutil.copy(SOURCE / "LICENSE", Place().path)
    nearly("xz", "-3", "-T1", "-k", "-f", copy)


def python():
    nearly(sys.executable, "-S", "-c", "import json; print(len(json.dumps(list(range(100000)))))")


def compiler():
    """The compiler proper and the assembler: heaptrack does not follow gcc into its children."""
    need("gcc")
    place = Place()
    source, expanded, assembly = str(SOURCE / "examples/training.c"), place.file("training.i"), place.file("training.s")
    for step, out in (("-E", expanded), ("-S", assembly)):
        result = run(["gcc", step, "-D_GNU_SOURCE", f"-I{SOURCE}/include", source, "-o", out])
        equal(result.returncode, 0, f"gcc {step} ({result.stderr})")
    nearly("as", "-o", "/dev/null", assembly)
    cc1 = run(["gcc", "-print-prog-name=cc1"]).stdout.strip()
    nearly(cc1, "-quiet", "-O2", "-o", "/dev/null", expanded, slack_bytes=32768 + 2064)


def need(name):
    if not shutil.which(name):
        skip(f"{name} is not installed")


main(own_allocations, sqlite, xz, python, compiler)
