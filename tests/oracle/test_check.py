# SPDX-License-Identifier: Apache-2.0
"""check: every figure equals the model's, verdicts turn exactly at the bound, what cannot be checked is refused, and
JUnit and GitHub get what they read."""
import collections
import pathlib
import sys
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import expect  # noqa: E402
from check import load  # noqa: E402
from harness import Generator, Place, Player, Recorder, analyze, check, equal, issued, main, program, run  # noqa: E402

LAYOUT = [issued.Layout(issued.DRAM, 8, 1 << 20, 0x1000, 32), issued.Layout(issued.L1, 4, 1 << 16, 0x1000, 32)]


def ask(file, *arguments, status=0, place=None):
    """The rows of check, with that status."""
    return analyze("check", file, *arguments, status=status, cwd=place.path if place else None)["rows"]


def refused(file, *arguments, place=None):
    """What is said when it cannot be checked."""
    done = run([program("ttalloc-analyze"), "check", file, *arguments], cwd=place.path if place else None)
    equal((done.returncode, done.stdout), (2, ""), f"check {arguments}")
    return done.stderr


def amounts(rows):
    return {(row["device"], row["region"]): row["amount"] for row in rows}


def by_place(rows, column, fold=max):
    found = collections.defaultdict(list)
    for row in rows:
        found[row["device"], row["region"]].append(row[column])
    return {place: fold(values) for place, values in found.items()}


def expected_amounts(model, chosen):
    leaks = [row for row in expect.leaks(model, chosen) if not row["aliased"]]
    programs = [row for row in leaks if row["owner"] == "program"]
    yield "peak", by_place(expect.peak(model, chosen), "peak_bytes")
    yield "bank-peak", by_place(expect.peak(model, chosen), "peak_bank_bytes")
    yield "leaks", by_place(programs, "size_bytes", len)
    yield "leaked", by_place(programs, "size_bytes", sum)
    yield "held", by_place([row for row in leaks if row["owner"] != "runtime"], "size_bytes", sum)
    yield "allocated", by_place(expect.allocated(model, "label", chosen), "bytes", sum)
    yield "allocations", by_place(expect.allocated(model, "label", chosen), "blocks", sum)
    yield "failures", by_place(expect.failures(model, chosen), "at_ns", len)


def scopes(model):
    labelled = sorted({b.call.label for b in model.blocks if b.call.label})
    steps = sorted({b.call.step for b in model.blocks if b.call.step is not None})
    yield "", expect.NOTHING
    yield f'label "{labelled[0]}"', expect.Filter(label=labelled[0])
    yield f"device 0 step {steps[1]}..{steps[2]}", expect.Filter(device=0, steps=(steps[1], steps[2]))


def figures_are_those_of_the_model():
    place = Place()
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 700, "--threads", 2, "--seed", 3])
    generator.finish()
    place.await_drained()
    file = recorder.stop()
    model = load(file, generator.issued())
    for words, chosen in scopes(model):
        for figure, expected in expected_amounts(model, chosen):
            rows = ask(file, "--budget", f"{figure} {words} <= {10 ** 15}")
            if expected:
                equal(amounts(rows), expected, f"{figure} {words}")
            else:
                equal([row["amount"] for row in rows], [0], f"{figure} {words}")
    verdicts_turn_at_the_bound(file, by_place(expect.peak(model), "peak_bytes"))
    worst = {}
    for row in analyze("fragmentation", file)["rows"]:
        worst.setdefault((row["device"], row["region"]), []).append(row["external_fragmentation"] or 0)
    rows = ask(file, "--budget", "fragmentation <= 100%")
    for where, amount in amounts(rows).items():
        equal(amount, max(worst[where]), f"fragmentation of {where}")


def verdicts_turn_at_the_bound(file, peaks):
    (device, region), bytes_ = max(peaks.items(), key=lambda item: item[1])
    scope = f"peak {region} device {device}"
    for relation, bound, kept in (("<=", bytes_, True), ("<=", bytes_ - 1, False), ("<", bytes_, False),
                                  ("<", bytes_ + 1, True), (">=", bytes_, True), (">", bytes_, False),
                                  ("==", bytes_, True), ("==", bytes_ + 1, False)):
        rows = ask(file, "--budget", f"{scope} {relation} {bound}", status=0 if kept else 1)
        equal([row["verdict"] for row in rows], ["ok" if kept else "failed"], f"{relation} {bound}")
    rows = ask(file, "--budget", f"{scope} <= {bytes_ - 1}", status=1)
    groups = analyze("peak", file, "--device", device, "--region", region, "--by", "label")["rows"]
    for group in groups[:3]:
        check((group["group"] or "(no label)") in rows[0]["detail"], f"{group} is not named: {rows[0]['detail']}")
    equal(ask(file, "--budget", f"{scope} <= 100% of {file}")[0]["bound"], bytes_, "a baseline")
    equal(ask(file, "--budget", f"{scope} <= 99% of {file}", status=1)[0]["bound"], bytes_ * 99 // 100, "99 % of it")


def leaky(place):
    """Two leaks under one label and one under another, in a recording that is over."""
    recorder = Recorder(place, name="leaky.db")
    player = Player(place)
    player.open(LAYOUT)
    player.push("cache")
    player.alloc(0x1000, 4096)
    player.alloc(0x2000, 4096)
    player.pop()
    player.push("work,100%:<x>")
    player.alloc(0x3000, 1024)
    player.alloc(0x4000, 32)
    player.free(0x4000)
    player.pop()
    player.end()
    place.await_drained()
    return recorder.stop()


def growth_is_that_of_the_fastest_group():
    """Two labels leak in each step, another one only lives into the next one."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.open(LAYOUT)
    player.alloc(0x100000, 5000)
    for step in range(8):
        player.step(step)
        for label, address, size in (("slow", 0x1000, 64), ("fast", 0x10000, 256), ("carried", 0x20000, 4096)):
            player.push(label)
            player.alloc(address + step * 0x1000, size)
            if label == "carried" and step:
                player.free(address + (step - 1) * 0x1000)
            player.pop()
    player.end()
    place.await_drained()
    file = recorder.stop()
    rows = ask(file, "--budget", "growth/step < 256", status=1)
    equal(amounts(rows), {(0, "DRAM"): 256}, "growth per step")
    check("by label: fast 256 B, slow 64 B" in rows[0]["detail"], rows)
    equal([row["verdict"] for row in ask(file, "--budget", "growth/step <= 256; growth/step label slow <= 64")], ["ok"] * 2, "kept")
    steps = [row for row in analyze("steps", file)["rows"] if row["step"] is not None]
    for chosen in ("", "step 2..3"):
        peak = max(row["peak_bytes"] for row in steps if not chosen or row["step"] in (2, 3))
        equal(amounts(ask(file, "--budget", f"step-peak {chosen} <= 1G")), {(0, "DRAM"): peak}, f"step-peak {chosen}")
    equal(amounts(ask(file, "--budget", "overlaps <= 5")), {(None, None): 0}, "overlaps")


def leaks_are_ignored_with_a_reason():
    place = Place()
    file = leaky(place)
    rows = ask(file, "--budget", "leaks == 0", status=1)
    equal(amounts(rows), {(0, "DRAM"): 3}, "leaks")
    equal(rows[0]["detail"].split("; ", 1)[1], "by label: cache 2, work,100%:<x> 1", "holders")
    rows = ask(file, "--budget", "leaks == 0\nignore leaks label cache because it lives until exit", status=1)
    equal([(row["verdict"], row["amount"]) for row in rows], [("failed", 1), ("ignored", 2)], "one group ignored")
    equal(rows[1]["detail"], "it lives until exit", "the reason")
    rows = ask(file, "--budget", "leaked <= 0\nignore leaks label cache because a\nignore leaks label work* because b")
    equal([(row["verdict"], row["amount"]) for row in rows], [("ok", 0), ("ignored", 2), ("ignored", 1)], "all ignored")
    rows = ask(file, "--budget", "ignore leaks label gone because c")
    check("take it out" in rows[0]["detail"], rows)
    for relation in ("<=", "<"):
        equal([row["verdict"] for row in ask(file, "--budget", f"bank-peak L1 {relation} 50%")], ["ok"], "nothing there")
    equal(amounts(ask(file, "--label", "cache", "--budget", "leaks <= 2")), {(0, "DRAM"): 2}, "a filter")


def what_cannot_be_checked_is_refused():
    place = Place()
    file = leaky(place)
    for budget, said in (("peak device 9 <= 1G", "has no device 9"), ("peak label nil <= 1G", "ttalloc_label_push"),
                         ("peak step 1 <= 1G", "ttalloc_step"), ("peek <= 1G", "what can be limited is"),
                         ("peak <= 102% of nothing.db", "nothing.db"), ("", "no budget in it"),
                         ("growth/step <= 1", "needs a process with 5 steps"), ("step-peak <= 1G", "with 1 steps"),
                         ("overlaps CB == 0", "budget:1: program memory and kernels are not looked at"),
                         ("fragmentation SYSTEM_MEMORY <= 1", "about banks of known size")):
        check(said in refused(file, "--budget", budget, place=place), f"{budget}: {refused(file, '--budget', budget)}")
    check("--budget 'peak" in refused(file), "without a budget")
    check("absent: No such file" in refused(file, "--budgets", "absent", place=place), "no such file")
    recorder = Recorder(place, name="empty.db")
    check("nothing was recorded" in refused(recorder.stop(), "--budget", "peak <= 1G"), "an empty recording")


def ci_reads_it():
    place = Place()
    file = leaky(place)
    budgets = pathlib.Path(place.file("ci:budgets"))
    budgets.write_text("# of CI\npeak DRAM <= 1MiB\nleaks == 0\nignore leaks label gone because <b> & \"c\"\n")
    command = [program("ttalloc-analyze"), "check", file, "--budgets", "ci:budgets"]
    done = run([*command, "--format", "junit"], cwd=place.path)
    equal(done.returncode, 1, "status")
    suite = xml.fromstring(done.stdout).find("testsuite")
    equal({name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")},
          {"tests": "3", "failures": "1", "errors": "0", "skipped": "1"}, "counts")
    cases = suite.findall("testcase")
    equal([case.get("classname") for case in cases], ["ci:budgets:2", "ci:budgets:3", "ci:budgets:4"], "places")
    equal(cases[1].get("name"), "leaks == 0 [device 0 DRAM]", "a name")
    equal(cases[1].find("failure").get("message"), "3 is not == 0; by label: cache 2, work,100%:<x> 1", "why")
    check(cases[2].find("skipped") is not None and "because <b> & \"c\"" in cases[2].get("name"), "a skipped one")
    done = run([*command, "--format", "github"], cwd=place.path)
    lines = done.stdout.splitlines()
    equal(lines[1], "::error file=ci%3Abudgets,line=3,title=leaks == 0 [device 0 DRAM]::3 is not == 0; by label: cache 2, "
                    "work,100%25:<x> 1", "a command")
    check(lines[0].startswith("ok: peak DRAM <= 1MiB") and len(lines) == 3, done.stdout)
    done = run([program("ttalloc-analyze"), "peak", file, "--format", "junit"])
    equal(done.returncode, 2, "peak has no verdicts")


main(figures_are_those_of_the_model, growth_is_that_of_the_fastest_group, leaks_are_ignored_with_a_reason, what_cannot_be_checked_is_refused, ci_reads_it)
