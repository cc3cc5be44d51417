# SPDX-License-Identifier: Apache-2.0
"""The recorder's summary counts as "leaks" does."""
import re

from harness import Place, analyze, check, equal, main, program, run
from issued import ALIASED, KERNEL_BINARY

PLAYED = f"""alloc 0 0 0 4096 1000 0
alloc 0 0 {ALIASED} 8192 500 0
alloc 0 0 {KERNEL_BINARY} 12288 70 0
kload 0 7 30 matmul application worker
cb 0 5 64 32 0 0
cb 0 5 128 32 1 1
"""


def never_freed(text, region):
    """What the summary says of a region: (amount, blocks)."""
    line = next(line for line in text.splitlines() if re.match(rf"\s+0\s+{region}\s", line))
    found = re.search(r"(\d+) B in (\d+) block", line)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def says_the_same():
    """Aliased blocks count zero; circular buffers are the program's; kernels and their binaries the runtime's."""
    place = Place()
    file = place.file("run.db")
    result = run([program("ttalloc-recorder"), "-o", file, "--", program("ttalloc-player")], env=place.env,
                 cwd=place.path, input=PLAYED)
    equal(result.returncode, 0, f"status ({result.stderr})")
    groups = {row["region"]: row for row in analyze("leaks", file, "--by", "region")["rows"]}
    own = {region: (row["bytes"] - row["runtime_bytes"], row["blocks"] - row["runtime_blocks"])
           for region, row in groups.items()}
    equal(own, {"DRAM": (1000, 1), "CB": (32, 1), "KERNEL": (0, 0)}, "what leaks says of the program's own")
    for region, figures in own.items():
        equal(never_freed(result.stderr, region), figures, f"{region} in the summary:\n{result.stderr}")
    check("and 2 that the runtime owns" in result.stderr, f"the summary: {result.stderr}")
    equal([row["aliased"] for row in analyze("leaks", file)["rows"] if row["region"] == "DRAM"], [0, 1, 0],
          "aliased, the largest first")


def explains_the_last_failure():
    """The sentence is that of "why"."""
    place = Place()
    file = place.file("run.db")
    played = "open 0 wormhole_b0 1 0 1 4096 0 32\npush cache\nalloc 0 1 0 1024 64 64\nfailed 0 1 0 0 3072 3072 why\n"
    result = run([program("ttalloc-recorder"), "-o", file, "--", program("ttalloc-player")], env=place.env,
                 cwd=place.path, input=played)
    row = analyze("why", file)["rows"][0]
    equal((row["verdict"], row["missing_bytes"]), ("fragmented", 64), "why")
    check(f"    fragmented: {row['sentence']}\n" in result.stderr, f"the summary: {result.stderr}")


main(says_the_same, explains_the_last_failure)
