# SPDX-License-Identifier: Apache-2.0
"""The recorder's summary: its figures are those of the verbs, nothing is cut, and what went wrong has a line."""
import json
import re

from harness import BUILD, Place, Player, Recorder, analyze, check, equal, main, program, run, skip
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
    line = next(line for line in text.splitlines() if re.match(rf"\s+0\S*\s+{region}\s", line))
    found = re.search(r"(\d+) B in (\d+) block", line)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def says_the_same():
    """Aliased blocks count zero; circular buffers, kernels and their binaries are the runtime's."""
    place = Place()
    file = place.file("run.db")
    result = run([program("ttalloc-recorder"), "-o", file, "--", program("ttalloc-player")], env=place.env,
                 cwd=place.path, input=PLAYED)
    equal(result.returncode, 0, f"status ({result.stderr})")
    groups = {row["region"]: row for row in analyze("leaks", file, "--by", "region")["rows"]}
    own = {region: (row["bytes"] - row["runtime_bytes"], row["blocks"] - row["runtime_blocks"])
           for region, row in groups.items()}
    equal(own, {"DRAM": (1000, 1), "CB": (0, 0), "KERNEL": (0, 0)}, "what leaks says of the program's own")
    for region, figures in own.items():
        equal(never_freed(result.stderr, region), figures, f"{region} in the summary:\n{result.stderr}")
    check("and 3 that the runtime owns" in result.stderr, f"the summary: {result.stderr}")
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


def summary_of(place, *command, arguments=(), **options):
    result = run([program("ttalloc-recorder"), "--force", *arguments, "-o", place.file("run.db"), "--", *command],
                 env=place.env, cwd=place.path, **options)
    return result.stderr


def chips_of_a_mesh():
    """Equal ones are one line, different ones are not, and none is left out."""
    place = Place()
    same = [f"alloc {device} 0 0 4096 1000 0\n" for device in range(40) if device != 7]
    other = [f"alloc 7 {region} 0 4096 {1000 + region} 0\n" for region in (0, 1, 3)]
    lines = summary_of(place, program("ttalloc-player"), input="".join(same + other)).splitlines()
    found = [line.split()[:4] for line in lines if re.search("DRAM|L1", line)]
    equal([" ".join(row) for row in found], ["0-39 DRAM 1000 B", "7 L1 1001 B", "7 L1_SMALL 1003 B"], "the table")


def more_than_a_screen():
    """200 chips, no two alike: 200 lines."""
    place = Place()
    played = "".join(f"alloc {device} 0 0 4096 {1000 + device} 0\n" for device in range(200))
    lines = summary_of(place, program("ttalloc-player"), input=played).splitlines()
    equal(sum(" DRAM " in line for line in lines), 200, "lines of the table")


def a_program_that_lives_on():
    """What it holds may yet be freed: in use, not never freed."""
    place = Place()
    recorder = Recorder(place)
    ended, living = Player(place), Player(place)
    ended.alloc(0x1000, 500)
    ended.end()
    living.alloc(0x2000, 1000)
    living.flush()
    recorder.stop()
    said = recorder.said()
    check("500 B in 1 block; still in use: 1000 B in 1 block" in said, f"the summary: {said}")
    living.kill()


def how_the_command_ended():
    place = Place()
    said = summary_of(place, "sh", "-c", "exit 3")
    check("the command ended with status 3 before anything was allocated" in said, f"the summary: {said}")
    said = summary_of(place, "sh", "-c", "kill -9 $$")
    check("the command was killed by signal 9 (Killed), before anything was allocated" in said, f"the summary: {said}")
    said = summary_of(place, "sh", "-c", f"echo 'alloc 0 0 0 4096 1000 0' | {program('ttalloc-player')}; kill -9 $$")
    check("the command was killed by signal 9 (Killed); what it held" in said, f"the summary: {said}")


def a_script_that_sets_the_environment_anew():
    """Each gets a line that names what is missing, and to which program."""
    place = Place()
    preload = BUILD / "hook/libttalloc-tt-metal.so"
    if not preload.exists():
        skip("the preload is not built here")
    for change, mentions in (("LD_PRELOAD=", "LD_PRELOAD was set anew"), ("TT_ALLOC_TRACKING_ENABLED=0", "TRACKING_ENABLED is not 1"),
                             ("TTALLOC_SOCKET=/x", "TTALLOC_SOCKET is not the recorder's")):
        said = summary_of(place, "sh", "-c", f"env {change} sleep 0.5; true")
        check(mentions in said and "(sleep 0.5)" in said, f"{change}: {said}")


def a_limit_of_files():
    """Under `ulimit -f` a process can neither report nor say so in a file: the recorder says it. One that can does."""
    place = Place()
    script = f"ulimit -f {{}}; echo 'alloc 0 0 0 4096 1000 0' | {program('ttalloc-player')}"
    for limit in (0, 1024):
        said = summary_of(place, "bash", "-c", script.format(limit))
        check(f"may write files of {limit << 10} bytes at most (ulimit -f)" in said, f"ulimit -f {limit}: {said}")
    check("ulimit" not in summary_of(place, "bash", "-c", script.format("unlimited")), "said without a limit")


def python_without_labels():
    place = Place()
    module = BUILD / "hook/ttalloc/python"
    script = f"import sys; sys.path.insert(0, '{module}'); import ttalloc; ttalloc.step(1); import time; time.sleep(0.5)"
    for command, mentions in ((("python3", "-I", "-c", script), "python -I does not read PYTHONPATH"),
                              (("env", "PYTHONPATH=/x", "python3", "-c", script), "PYTHONPATH was set anew"),
                              (("python3", "-c", script), None)):
        for arguments in ("--ttnn",), ("--ttnn", "-q"):
            said = summary_of(place, *command, arguments=arguments)
            check("no labels of ttnn" in said and mentions in said if mentions else "no labels" not in said,
                  f"{command}: {said}")


def of_a_file_without_labels():
    """What it tells blocks apart by is what there is: operations, or else their class."""
    for played, word, most in (("op ns::KeepDeviceOperation\nalloc 0 0 0 4096 1000 0\nend-op 0\n", "opname", "ns::KeepDeviceOperation"),
                               ("alloc 0 0 0 4096 1000 0\n", "class", "buffer")):
        place = Place()
        summary_of(place, program("ttalloc-player"), input=played)
        rows = {row["what"]: row for row in analyze("summary", place.file("run.db"))["rows"]}
        equal((rows["leaks"]["says"], rows["leaks"]["ask"]), (f"1000 B in 1 block, most of {most}", f"leaks --by {word}"), "leaks")
        equal(rows["peak DRAM"]["ask"], f"peak --by {word}", "peak")


def of_a_file():
    """FILE alone asks for it: the figures are those of the verbs, and what grows is named."""
    place = Place()
    file = place.file("run.db")
    run([program("ttalloc-recorder"), "-q", "-o", file, "--", program("ttalloc-trainer"), "--quiet", "--leak-per-step", "1M"],
        env=place.env, cwd=place.path)
    asked = run([program("ttalloc-analyze"), file, "--json"])
    says = {row["what"]: row["says"] for row in json.loads(asked.stdout)["rows"]}
    check(says["steps"].endswith("were marked; dataloader/prefetch grows by 1.00 MiB of DRAM in each"), f"steps: {says}")
    leaks = [row for row in analyze("leaks", file, "--by", "label")["rows"] if row["bytes"] > row["runtime_bytes"]]
    check(says["leaks"].endswith(f"most of {leaks[0]['group']}"), f"leaks: {says}")
    for missing in "run2.db", "./run2":
        said = run([program("ttalloc-analyze"), missing], cwd=place.path)
        check("no such file" in said.stderr and "verb" not in said.stderr, f"{missing}: {said.stderr}")
        equal(said.returncode, 2, f"{missing}: status")


main(says_the_same, explains_the_last_failure, chips_of_a_mesh, more_than_a_screen, a_program_that_lives_on,
     how_the_command_ended, a_script_that_sets_the_environment_anew, a_limit_of_files, python_without_labels, of_a_file, of_a_file_without_labels)
