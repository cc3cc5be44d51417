# SPDX-License-Identifier: Apache-2.0
"""What the shells complete: the programs' own answers, and the scripts that ask for them."""
import os
import pathlib
import shutil
import subprocess

from harness import SOURCE, Place, check, equal, main, program, run

SCRIPTS = SOURCE / "analyze/completions"


def candidates(name, *words):
    return [line.split("\t")[0] for line in run([program(name), "--complete", *words]).stdout.splitlines()]


def programs_know_their_words():
    equal(candidates("ttalloc-analyze", "lea"), ["leaks"], "verbs")
    equal(candidates("ttalloc-analyze", "leaks", "--reg"), ["--region"], "options of a verb")
    equal(candidates("ttalloc-analyze", "leaks", "--region", "L1_"), ["L1_SMALL"], "regions")
    equal(candidates("ttalloc-analyze", "leaks", "--format=js"), ["--format=json", "--format=jsonl"], "values joined")
    equal(candidates("ttalloc-analyze", "leaks", ""), [":file"], "a file")
    equal(candidates("ttalloc-analyze", "leaks", "--query-path", ""), [":directory"], "a directory")
    equal(candidates("ttalloc-recorder", "--lo"), ["--log-events", "--lossless"], "options of the recorder")
    equal(candidates("ttalloc-recorder", "-q", "--output", ""), [":file"], "a value")
    equal(candidates("ttalloc-recorder", "--unwinder=l"), ["--unwinder=libunwind"], "choices")


def commands_are_left_to_the_shell():
    def begins(*words):
        answer = run([program("ttalloc-recorder"), "--complete", *words]).stdout
        return int(answer.split("\t")[1]) if answer.startswith(":command\t") else None
    equal(begins("l"), 0, "the command itself")
    equal(begins("-q", "-o", "run.db", "ls", "-"), 3, "its options")
    equal(begins("--stacks", "ls", "-"), 1, "behind an option whose value may be left out")
    equal(begins("--output=run.db", "--", "-"), 2, "behind --")
    equal(begins("-q", "--", "ls", "x"), 2, "behind -- and the command")
    equal(begins("-q", "-"), None, "an option of the recorder")


def in_bash(words):
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              '_command_offset() { COMPREPLY=("offset $1"); }; compopt() { :; }; _ttalloc; printf "%s\\n" "${COMPREPLY[@]}"')
    return run(["bash", "-c", script, "bash", str(SCRIPTS / "ttalloc.bash"), *words]).stdout.split("\n")[:-1]


def bash_asks():
    analyze, recorder = program("ttalloc-analyze"), program("ttalloc-recorder")
    equal(in_bash([analyze, "lea"]), ["leaks"], "verbs")
    equal(in_bash([analyze, "leaks", "--format", "=", "js"]), ["json", "jsonl"], "a word that bash has broken")
    equal(in_bash([recorder, "--uni", "x"])[:1], ["offset 2"], "behind an option that does not exist")
    equal(in_bash([recorder, "--output", "=", "run.db", "ls", "-"]), ["offset 4"], "a command behind a broken word")
    place = Place()
    pathlib.Path(place.file("only.db")).touch()
    equal(in_bash([recorder, "-o", place.file("on")]), [place.file("only.db")], "a file")


def fish_asks():
    if not shutil.which("fish"):
        return
    place = Place()
    for name in ("ttalloc-analyze", "ttalloc-recorder"):
        shutil.copy(SCRIPTS / "ttalloc.fish", place.file(f"{name}.fish"))
    path = os.pathsep.join([str(pathlib.Path(program(name)).parent) for name in ("ttalloc-analyze", "ttalloc-recorder")])

    def asked(line):
        code = f"source {place.file(line.split()[0] + '.fish')}; complete -C '{line}'"
        environment = os.environ | {"PATH": path + os.pathsep + os.environ["PATH"], "HOME": place.file("home")}
        answer = subprocess.run(["fish", "-N", "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True)
        return [candidate.split("\t")[0] for candidate in answer.stdout.splitlines()]
    equal(asked("ttalloc-analyze lea"), ["leaks"], "verbs")
    equal(asked("ttalloc-recorder --lossl"), ["--lossless"], "options")
    check("env" in asked("ttalloc-recorder -q en"), "a command")
    check("--lossless" not in asked("ttalloc-recorder env --lossl"), "options of a command")


def zsh_reads_it():
    if shutil.which("zsh"):
        run(["zsh", "-n", str(SCRIPTS / "_ttalloc")])


main(programs_know_their_words, commands_are_left_to_the_shell, bash_asks, fish_asks, zsh_reads_it)
