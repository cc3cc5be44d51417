# SPDX-License-Identifier: Apache-2.0
"""The ```console blocks of README.md and of the guides are run, in order and in one directory, and their output is compared,
figures masked; the table of environment variables and the options that they name are those of the code; links lead somewhere."""
import os
import re
import shutil
import subprocess

from harness import BUILD, SOURCE, Failure, Place, check, equal, main, program, run

# In the order in which they are read: a guide uses the recordings of those before it.
GUIDES = ("README.md", "recorder/RECORDING.md", "analyze/QUESTIONS.md", "sql/FILE.md", "tests/bench/README.md")
# What differs from run to run: numbers with their sign, fraction, separators and unit; runs of blanks and rules, whose
# length follows from the numbers.
FIGURE = re.compile(r"0x[0-9a-f]+|[-+]?\d[\d,.]*(?:e[-+]?\d+)?(?:\s?(?:[KMGT]?i?B|[nmu\u00b5]?s|min|h|%))?(?![\w/])", re.I)


def text(guide):
    return (SOURCE / guide).read_text(encoding="utf-8")


def masked(output):
    lines = []
    for line in output.splitlines():
        line = re.sub(r"[0-9a-f]{16,}", "#", line)
        line = FIGURE.sub("#", line)
        line = re.sub(r"\d+", "#", line)
        line = re.sub(r"([-\u2500\u2581-\u2588#])\1+", r"\1", line)
        lines.append(re.sub(r"\s+", " ", line).strip())
    while lines and not lines[-1]:
        lines.pop()
    return lines


def console_blocks(content):
    """(command, expected output) of every command of every block."""
    for block in re.findall(r"^```console\n(.*?)^```", content, re.S | re.M):
        command, expected = None, []
        for line in block.splitlines():
            if line.startswith("$ "):
                if command is not None:
                    yield command, expected
                command, expected = line[2:], []
            elif command is not None and command.endswith("\\"):
                command = command[:-1] + line.removeprefix("> ")
            else:
                expected.append(line)
        if command is not None:
            yield command, expected


def agrees(actual, expected):
    """Line by line; a line "..." stands for any lines."""
    if not expected:
        return not actual
    if expected[0] == "...":
        return any(agrees(actual[skipped:], expected[1:]) for skipped in range(len(actual) + 1))
    return bool(actual) and actual[0] == expected[0] and agrees(actual[1:], expected[1:])


def search_path():
    folders = [BUILD / name for name in ("recorder", "analyze", "examples", "hook")]
    return os.pathsep.join([*map(str, folders), str(SOURCE / "examples"), os.environ["PATH"]])


def commands_do_what_is_shown():
    place = Place()
    work = place.path / "work"
    work.mkdir()
    if (SOURCE / "examples").is_dir():
        shutil.copytree(SOURCE / "examples", work / "examples")
    env = {**place.env, "PATH": search_path(), "LC_ALL": "C.UTF-8", "COLUMNS": "120", "BUILD": str(BUILD)}
    found = [(guide, *block) for guide in GUIDES for block in console_blocks(text(guide))]
    check(found, "there is no ```console block")
    wrong = []
    for guide, command, expected in found:
        result = subprocess.run(["bash", "-c", command], cwd=work, env=env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        actual = masked(result.stdout.decode(errors="replace"))
        if not agrees(actual, masked("\n".join(expected))):
            wrong.append(f"{guide}: $ {command}\n  shown:\n    " + "\n    ".join(masked("\n".join(expected))) +
                         "\n  came:\n    " + "\n    ".join(actual))
    check(not wrong, f"{len(wrong)} of {len(found)} commands differ:\n" + "\n".join(wrong))
    print(f"{len(found)} commands agree")


def variables_are_those_of_the_code():
    """The table names all that the hook's and the recorder's code reads, and nothing else."""
    section = re.search(r"^## Environment\n(.*)", text("recorder/RECORDING.md"), re.S | re.M)
    check(section, "recorder/RECORDING.md has no section Environment")
    documented = set(re.findall(r"^\| `(TT_?ALLOC_\w+)`", section.group(1), re.M))
    read = set()
    for folder in ("hook", "recorder", "analyze", "sql", "include"):
        for path in (SOURCE / folder).rglob("*.[ch]"):
            code = path.read_text(encoding="utf-8")
            read.update(re.findall(r'"(TT_?ALLOC_[A-Z_]+)"', code))
    read.discard("TTALLOC_FAULT")  # test builds only
    equal(sorted(documented), sorted(read), "variables of the table")


def options_are_those_of_the_programs():
    """Every long option in a line that names one of the programs is in that program's help."""
    unknown = []
    for name in ("ttalloc-recorder", "ttalloc-analyze"):
        helps = run([program(name), "--help"]).stdout
        if name == "ttalloc-analyze":
            for verb in re.findall(r"^\s{2,4}([a-z]+)\s", helps, re.M):
                helps += run([program(name), verb, "--help"]).stdout
        for line in "\n".join(map(text, GUIDES)).splitlines():
            for use in re.findall(name + r"([^`|#]*)", line):
                own = use.split(" -- ")[0]
                unknown += [f"{name} {option}" for option in re.findall(r"(?<![\w-])--[a-z][\w-]+", own)
                            if not re.search(re.escape(option) + r"\b", helps)]
    equal(sorted(set(unknown)), [], "options that no help knows")


def anchor(heading):
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links_lead_somewhere():
    broken = []
    for guide in GUIDES:
        for target in re.findall(r"\]\((?!https?:)([^)]*)\)", text(guide)):
            path, _, heading = target.partition("#")
            file = (SOURCE / guide).parent / path if path else SOURCE / guide
            if not file.exists():
                broken.append(f"{guide}: {target}")
            elif heading and heading not in map(anchor, re.findall(r"^#+ (.*)", file.read_text(encoding="utf-8"), re.M)):
                broken.append(f"{guide}: {target}")
    equal(broken, [], "links")


try:
    main(commands_do_what_is_shown, variables_are_those_of_the_code, options_are_those_of_the_programs, links_lead_somewhere)
except Failure as failure:
    raise SystemExit(f"FAILED: {failure}") from None
