# SPDX-License-Identifier: Apache-2.0
"""One call that compares a recording with what was issued: every event, and every verb's answer."""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import expect  # noqa: E402
import expect_l1  # noqa: E402
import expect_steps  # noqa: E402
import expect_views  # noqa: E402
from align import Mismatch, Recording, align, require  # noqa: E402
from compare import Check, SampleCheck, planted_errors  # noqa: E402
from harness import Failure, analyze, verify  # noqa: E402
from issued import CB, REGION_WORDS  # noqa: E402
from replay import Run  # noqa: E402

REGION_NUMBERS = {word: number for number, word in REGION_WORDS.items()}


def info_check(run):
    expected = expect.info(run)
    expected["devices"] = len({b.device for b in run.blocks} | {c.device for c in run.failures} |
                              {c.device for c in run.events if c.device != 0xFFFF})
    return Check("info", [], [expected], [], unchecked=INFO_UNCHECKED)


# What info tells about the recording itself.
INFO_UNCHECKED = {"pid", "start_realtime_ns", "start_monotonic_ns", "schema_version", "file_bytes", "bytes_per_event",
                  "steps", "threads", "labels", "marks"}


def fragmentation_check(run, chosen, samples=40):
    blocks = [b for b in run.blocks if chosen.takes(b) and b.region != 32]
    figures = expect.Fragmentation(run, chosen)
    times, required = {}, {}
    for device, region in expect.by_region(blocks):
        place = (device, REGION_WORDS[region])
        times[place] = expect.sample_times(run, device, region, chosen)
        if region == CB:
            times[place] |= {c.at_ns for c in run.events if c.region == CB and c.device == device}
        peaks = [row["peak_bank_ns"] for row in expect.peak(run, chosen) if (row["device"], row["region"]) == place]
        required[place] = set(peaks) | {row["at_ns"] for row in expect.failures(run, chosen)
                                        if (row["device"], row["region"]) == place}
    return SampleCheck("fragmentation", ["--samples", str(samples), *chosen.arguments()],
                       lambda device, word, at_ns: figures.at(device, REGION_NUMBERS[word], at_ns), times, required,
                       ["device", "region", "at_ns"])


def checks(run, chosen=expect.NOTHING, buckets=17):
    """The questions that are asked of every recording."""
    options = chosen.arguments()
    place = ["device", "region"]
    yield Check("peak", options, expect.peak(run, chosen), place)
    for key in ("label", "class", "step", "size"):
        yield Check("peak", ["--by", key, *options], expect.peak_by(run, key, chosen), place + ["group"])
    yield Check("peak", ["--by", "core", *options], expect_l1.peak_by_core(run, chosen), place + ["group"])
    if chosen == expect.Filter(device=chosen.device):
        yield Check("l1", options, expect_l1.l1(run, chosen.device), ["device"])
    yield Check("leaks", options, expect.leaks(run, chosen), ["pid", "device", "region", "address", "alloc_ns"])
    for key in ("label", "class", "step", "size", "device", "region"):
        yield Check("leaks", ["--by", key, *options], expect.leaks_by(run, key, chosen), place + ["group"])
    for key in ("label", "size", "step"):
        yield Check("allocated", ["--by", key, *options], expect.allocated(run, key, chosen), place + ["group"])
    yield Check("failures", options, expect.failures(run, chosen), ["at_ns", "pid"])
    yield Check("processes", options, expect.processes(run, chosen), ["pid"] + place)
    yield Check("timeline", ["--buckets", str(buckets), *options], expect.timeline(run, buckets, chosen), place + ["from_ns"])
    yield fragmentation_check(run, chosen)
    yield from view_checks(run, chosen)
    yield from step_checks(run, chosen)


def since_checks(run, chosen):
    """What the peak is made of, and what grew up to it from some moment, from a step, and from the first use of a label."""
    options, keys = chosen.arguments(), ["device", "region", "group"]
    yield Check("peak", ["--by", "life", *options], expect_steps.peak_by_life(run, chosen), keys)
    moments = [(chosen.first_ns + (chosen.last_ns(run) - chosen.first_ns) * 2 // 5, None)]
    moments += [(min(other["at_ns"] for other in run.marks if other["number"] == mark["number"]), f"step {mark['number']}")
                for mark in run.marks[4:5] if chosen == expect.NOTHING]
    labelled = [b for b in run.blocks if b.call.label and b.region != CB]
    moments += [(expect_steps.first_under(run, b.call.label), b.call.label) for b in labelled[9:10] if chosen == expect.NOTHING]
    for (at_ns, word), key in zip(moments, ("label", "class", "size")):
        yield Check("peak", ["--since", word or str(at_ns), "--by", key, *options],
                    expect_steps.peak_since(run, key, at_ns, chosen), keys)


def step_checks(run, chosen):
    """churn; and steps, which a recording without a mark refuses."""
    yield from since_checks(run, chosen)
    for key in ("label", "class"):
        yield Check("churn", ["--by", key, *chosen.arguments()], expect_steps.churn(run, key, chosen),
                    ["device", "region", "group"])
    if run.marks and chosen.start is None and chosen.end is None:
        options = chosen.arguments()
        yield Check("steps", options, expect_steps.steps(run, chosen), ["pid", "device", "region", "from_ns", "step"])
        for key in ("label", "size", "class") if chosen.steps is None else ():
            yield Check("steps", ["--by", key, "--warm-up", "2", *options], expect_steps.growth(run, key, 2, chosen),
                        ["pid", "device", "region", "group"])


def view_checks(run, chosen):
    """floor, temporary, histogram and top."""
    options = chosen.arguments()
    place = ["device", "region"]
    if expect_views.Floor.can_be_asked(chosen):
        floor = expect_views.Floor(run, chosen)
        length = floor.median_length()
        yield Check("floor", ["--spans", "7", *options], floor.longest(7), place + ["from_ns"])
        yield Check("floor", ["--at-least", str(length), *options], floor.longest(100, length), place + ["from_ns"])
        for key in ("label", "step", "size"):
            yield Check("floor", ["--by", key, *options], floor.by(key), place + ["group"])
        yield Check("floor", ["--by", "class", "--at-least", str(length), *options], floor.by("class", length), place + ["group"])
    for key, within in (("label", 1), ("class", 2), ("step", 5), ("size", 60), ("region", 1000)):
        yield Check("temporary", ["--by", key, "--within", str(within), *options],
                    expect_views.temporary(run, key, within, chosen), place + ["group"])
    for what, unit in (("size", "bytes"), ("bank", "bytes"), ("lifetime", "ns")):
        yield Check("histogram", ["--of", what, *options], expect_views.histogram(run, what, chosen), place + [f"from_{unit}"])
    yield Check("top", options, expect_views.top(run, "label", chosen=chosen), place + ["group"])
    at_ns = chosen.first_ns + (chosen.last_ns(run) - chosen.first_ns) * 3 // 5
    for key in ("label", "class", "step", "size"):
        yield Check("top", ["--by", key, "--at", str(at_ns), *options], expect_views.top(run, key, at_ns, chosen), place + ["group"])


def filters(run, seed):
    """Some choices that leave something over."""
    chance = random.Random(seed)
    block = chance.choice(run.blocks)
    labelled = [b.call.label for b in run.blocks if b.call.label]
    times = sorted(chance.sample(range(run.end_ns), 2))
    yield expect.Filter(device=block.device)
    yield expect.Filter(region=block.region)
    yield expect.Filter(pid=block.process.pid)
    if labelled:
        label = chance.choice(labelled)
        yield expect.Filter(label=label.split("/")[0])
        yield expect.Filter(label="*" + label[-3:])
    steps = [b.call.step for b in run.blocks if b.call.step is not None]
    if steps:
        first = chance.choice(steps)
        yield expect.Filter(steps=(first, first + 3))
    yield expect.Filter(start=times[0], end=times[1])
    yield expect.Filter(start=times[0], device=block.device, region=block.region)


def load(file, processes):
    """The recording, found faithful, and the model of what was issued."""
    recording = Recording(file)
    processes = align(processes, recording)
    return Run(processes, recording.info["end_ns"], recording.marks)


def check_faithful(file, processes):
    """Nothing lost, nothing twice: every event, what verify says, the counters and the peaks. Returns the run."""
    run = load(file, processes)
    for question in (info_check(run), next(checks(run))):
        question.compare(analyze(question.verb, file, *question.arguments))
    verify(file)
    return run


def check_differences(old_file, old, new_file, new):
    """Every question about two runs. Returns how many there were."""
    count = 0
    for what in ("peak", "leaks", "allocated"):
        for key in ("label", "class", "step", "size"):
            for everything in (False, True):
                question = Check("diff", ["--what", what, "--by", key] + ["--all"] * everything,
                                 expect.diff(old, new, what, key, everything), ["device", "region", "group"])
                answer = analyze("diff", old_file, new_file, *question.arguments)
                question.compare(answer)
                sizes = [abs(row["delta_bytes"]) for row in answer["rows"]]
                require(sizes == sorted(sizes, reverse=True), f"{question}: the largest difference does not come first")
                count += 1
    for tolerance in ("30%", "2000"):
        allowed = [row for row in expect.diff(old, new, "allocated", "label")
                   if abs(row["delta_bytes"]) > expect_steps.allowed(tolerance, row["old_bytes"])]
        options = ["--what", "allocated", "--tolerance", tolerance]
        Check("diff", options, allowed, ["device", "region", "group"]).compare(analyze("diff", old_file, new_file, *options))
        count += 1
    for options in ([], ["--all"], ["--tolerance", "30%"], ["--tolerance", "2000"]) if old.marks and new.marks else ():
        expected = expect_steps.diff_steps(old, new, options[1] if len(options) == 2 else None, options == ["--all"])
        Check("diff", ["--what", "steps", *options], expected, ["process", "device", "region", "step", "old_peak_bytes"]).compare(
            analyze("diff", old_file, new_file, "--what", "steps", *options))
        count += 1
    require(analyze("diff", new_file, new_file, "--exit-code")["rows"] == [], "a recording differs from itself")
    return count


def check_recording(file, processes, seed=None, plant=False, takes=lambda number: True):
    """Everything about FILE. With SEED, also under those of the random filters that TAKES wants; with PLANT, errors that
    are planted into the answers without filters have to be noticed. Returns (questions, planted errors)."""
    run = load(file, processes)
    plain = [info_check(run), *checks(run)]
    chosen = [one for number, one in enumerate(filters(run, seed)) if takes(number)] if seed is not None else []
    filtered = [question for one in chosen for question in checks(run, one)]
    planted, problems = 0, []
    for question in plain + filtered:
        try:
            answer = analyze(question.verb, file, *question.arguments)
            question.compare(answer)
            if plant and question in plain:
                planted += planted_errors(question, answer)
        except (Mismatch, Failure) as error:
            problems.append(str(error))
    require(not problems, f"{len(problems)} of {len(plain + filtered)} answers are wrong:\n" + "\n".join(problems[:12]))
    verify(file)
    return len(plain + filtered), planted


__all__ = ["check_differences", "check_faithful", "check_recording", "load"]
