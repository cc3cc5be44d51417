# SPDX-License-Identifier: Apache-2.0
"""steps --by: a small leak beside large weights is what grows, and nothing else is; what cannot be answered is refused."""
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import expect  # noqa: E402
import expect_steps  # noqa: E402
from check import load  # noqa: E402
from compare import Check  # noqa: E402
from harness import Place, Player, Recorder, analyze, check, equal, issued, main, program, run  # noqa: E402

KIB, MIB = 1 << 10, 1 << 20
LAYOUT = [issued.Layout(issued.DRAM, 8, 64 * MIB, 0, 32)]


class Bump:
    """Addresses that nobody else has."""

    def __init__(self):
        self.top = 0

    def take(self, size):
        self.top += size
        return self.top - size


def train(player, count):
    """Weights, activations, a ring of batches, a cache that fills up in the first steps, a state that each step replaces,
    and a loss that is kept in nearly all steps."""
    bump, ring, state = Bump(), [], None
    player.open(LAYOUT)
    player.push("weights")
    for _ in range(4):
        player.alloc(bump.take(8 * MIB), 8 * MIB, MIB)
    player.pop()
    for step in range(count):
        player.step(step)
        player.push("activations")
        activations = [bump.take(64 * KIB) for _ in range(2)]
        for address in activations:
            player.alloc(address, 64 * KIB, 8 * KIB)
        player.pop()
        player.push("batch")
        ring.append(bump.take(KIB + step % 5))
        player.alloc(ring[-1], KIB + step % 5, 128)
        if len(ring) > 2:
            player.free(ring.pop(0))
        player.pop()
        if step < count // 3:
            player.push("cache")
            player.alloc(bump.take(512), 512, 64)
            player.pop()
        player.push("state")
        kept, state = state, bump.take(4096)
        player.alloc(state, 4096, 512)
        if kept is not None:
            player.free(kept)
        player.pop()
        if step % 20 != 7:
            player.push("loss")
            player.alloc(bump.take(256), 256 + step % 3, 32)
            player.pop()
        for address in activations:
            player.free(address)
    player.end()


def record(play):
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    play(player)
    place.await_drained()
    file = recorder.stop()
    return file, load(file, player.issued())


def refused(file, *arguments):
    done = run([program("ttalloc-analyze"), "steps", file, *arguments])
    equal((done.returncode, done.stdout), (2, ""), f"steps {arguments}")
    return done.stderr


def only_the_leak_grows():
    file, model = record(lambda player: train(player, 40))
    for key in ("label", "class", "size"):
        for options in ([], ["--warm-up", "0"], ["--warm-up", "36"], ["--label", "loss"]):
            warm_up = int(options[1]) if options[:1] == ["--warm-up"] else None
            chosen = expect.Filter(label=options[1] if options[:1] == ["--label"] else None)
            Check("steps", ["--by", key, *options], expect_steps.growth(model, key, warm_up, chosen),
                  ["pid", "device", "region", "group"]).compare(analyze("steps", file, "--by", key, *options))
    rows = analyze("steps", file, "--by", "label")["rows"]
    equal([row["group"] for row in rows], ["loss"], "what grows")
    equal((rows[0]["step_bytes"], rows[0]["steps"]), (246, 35), "how fast, and of how many steps")
    check(rows[0]["steps_until_full"] > 1000, f"until full: {rows}")
    equal(run([program("ttalloc-analyze"), "steps", "--by", "label", "--exit-code", file]).returncode, 1, "a gate")
    equal(run([program("ttalloc-analyze"), "steps", "--exit-code", file]).returncode, 0, "no gate without --by")
    equal(run([program("ttalloc-analyze"), "steps", "--by", "label", "--label", "weights", "--exit-code", file]).returncode,
          0, "weights do not grow")
    check("--warm-up" in refused(file, "--warm-up", "3"), "--warm-up alone")
    check("--warm-up" in refused(file, "--by", "label", "--warm-up=-1"), "a negative warm-up")
    check("--by" in refused(file, "--by", "label", "--step", "3"), "--by with --step")
    check("--by step" in refused(file, "--by", "step"), "--by step")


def many_steps_are_sampled():
    def play(player):
        for step in range(560):
            player.step(step)
            player.push("jumps" if step % 100 == 50 else "creeps")
            player.alloc(step * 4096, 4096 if step % 100 == 50 else 16 + step % 7)
            player.pop()
        player.end()
    file, model = record(play)
    for key in ("label", "region"):
        Check("steps", ["--by", key], expect_steps.growth(model, key),
              ["pid", "device", "region", "group"]).compare(analyze("steps", file, "--by", key))
    equal([row["group"] for row in analyze("steps", file, "--by", "label")["rows"]], ["creeps"], "what grows")
    Check("steps", [], expect_steps.steps(model), ["from_ns"]).compare(analyze("steps", file))


def forward(player, chance, bump, marks, steps):
    """Weights in even portions, steps of layers that are all alike, between a head and a loss; every step keeps a tensor, and
    leaves out or adds a block at times."""
    player.open(LAYOUT)
    for layer in range(40):
        player.push(f"weights/{layer}")
        player.alloc(bump.take(KIB), KIB, 128)
        player.pop()
    for step in range(steps):
        if marks:
            player.step(step)
        held = []
        for label, size, times in (("head", 300, 1), *((f"layer.{i}", 700, chance.randint(2, 3)) for i in range(6)), ("loss", 500, 1)):
            player.push(label)
            held += [(bump.take(size), size) for _ in range(times)]
            for address, size in held[-times:]:
                player.alloc(address, size, 96)
            player.pop()
        kept = bump.take(256)
        player.alloc(kept, 256, 32)
        for address, _ in held:
            player.free(address)
    player.end()


def budgets_agree(file, steps, growth, marks):
    """What 'check' limits is what 'steps' has, and it says whether the steps were marked."""
    most = {"growth/step": max(row["step_bytes"] for row in growth),
            "step-peak": max(row["peak_bytes"] for row in steps if row["step"] is not None)}
    for figure, value in most.items():
        for bound, verdict in ((value, "ok"), (value - 1, "failed")):
            arguments = ["check", file, "--by", "size", "--budget", f"{figure} <= {bound}", "--json"]
            done = run([program("ttalloc-analyze"), *arguments])
            rows = json.loads(done.stdout)["rows"]
            equal((done.returncode, [(row["verdict"], row["amount"]) for row in rows]), (verdict != "ok", [(verdict, value)]), f"{figure} {bound}")
            check(("no step was marked" in rows[0]["detail"]) != marks, f"marks {marks}: {rows}")
    if not marks:
        done = run([program("ttalloc-analyze"), "check", file, "--budget", "step-peak step 2 <= 1G"])
        equal((done.returncode, "ttalloc_step" in done.stderr), (2, True), f"a step of those that were found: {done.stderr}")


def steps_are_found_where_none_were_marked():
    """The same run with and without marks has the same steps, but for what came before the first block of each."""
    for seed in range(6):
        answers = []
        for marks in True, False:
            file, _ = record(lambda player, seed=seed, marks=marks: forward(player, random.Random(seed), Bump(), marks, 8 + 3 * seed))
            steps = [{key: row[key] for key in ("step", "allocated_bytes", "freed_bytes", "live_bytes", "peak_bytes", "allocs", "frees")}
                     for row in analyze("steps", file, "-n", "0")["rows"]]
            growth = [{key: value for key, value in row.items() if key != "pid"} for row in analyze("steps", file, "--by", "size")["rows"]]
            answers.append((steps, growth))
            asked = run([program("ttalloc-analyze"), "steps", file])
            check(("begins where 300 B of DRAM are allocated by head" in asked.stdout) != marks, f"seed {seed}: {asked.stdout}")
            budgets_agree(file, steps, growth, marks)
        equal(answers[1][0], answers[0][0], f"seed {seed}: steps")
        equal(answers[1][1], answers[0][1], f"seed {seed}: what grows")
        equal([row["kept_blocks"] > 4 for row in answers[1][1]], [True], f"seed {seed}: what grows")


def nothing_regular_is_no_step():
    def play(player):
        chance, bump = random.Random(1), Bump()
        player.open(LAYOUT)
        for _ in range(400):
            size = chance.choice((64, 96, 128, 160, 192))
            for _ in range(chance.choice((1, 1, 1, 40))):
                address = bump.take(size)
                player.alloc(address, size, 32)
                player.free(address)
        player.end()
    file, _ = record(play)
    asked = run([program("ttalloc-analyze"), "steps", file])
    check(asked.returncode == 2 and "nothing comes again" in asked.stderr, f"no steps: {asked.returncode} {asked.stdout} {asked.stderr}")


def without_steps_it_says_how_to_record_them():
    file, _ = record(lambda player: (player.alloc(0, 64), player.end()))
    check("--auto-step" in refused(file), "how to record steps")
    file, _ = record(lambda player: (player.step(1), player.alloc(0, 64), player.step(2), player.end()))
    answer = analyze("steps", file, "--by", "label")
    check(answer["rows"] == [] and any("4 steps" in note for note in answer["notes"]), f"too few steps: {answer}")


def place_anywhere(player):
    """Blocks at places that nobody keeps free, some of them aliased, some placed over another one."""
    chance, live = random.Random(5), []
    for _ in range(400):
        device, region = chance.randrange(2), chance.choice((issued.DRAM, issued.L1))
        if live and chance.random() < 0.45:
            player.free(*live.pop(chance.randrange(len(live))))
            continue
        address, size = chance.randrange(0, 1 << 16, 32), chance.choice((0, 1, 64, 2048, 9000))
        player.alloc(address, 3 * size, size, device, region, flags=issued.ALIASED if chance.random() < 0.1 else 0)
        if (address, device, region) not in live:
            live.append((address, device, region))
    player.end()


def overlaps_are_all_found():
    file, model = record(place_anywhere)
    pairs = expect_steps.overlaps(model)
    check(len(pairs) > 3, f"{len(pairs)} overlaps are too few to tell")
    keys = ["pid", "device", "region", "from_ns", "block_address", "later_address"]
    Check("overlaps", [], pairs, keys).compare(analyze("overlaps", file))
    some = [pair for pair in pairs if pair["device"] == 1 and pair["region"] == "L1"]
    Check("overlaps", ["--device", "1", "--region", "L1"], some, keys).compare(
        analyze("overlaps", file, "--device", "1", "--region", "L1"))
    half = model.end_ns // 2
    late = [pair for pair in pairs if pair["to_ns"] is None or pair["to_ns"] >= half]
    Check("overlaps", ["--start", "half"], late, keys).compare(analyze("overlaps", file, "--start", str(half)))
    equal(run([program("ttalloc-analyze"), "overlaps", "--exit-code", file]).returncode, 1, "a gate")


def differences_fail_only_on_what_got_worse():
    def play(player, extra):
        for step in range(4 + (extra > 0)):
            player.step(step)
            player.alloc(0, 1 << 20)
            player.alloc(1 << 20, 4096 + extra)
            player.free(0)
            player.free(1 << 20)
        player.end()
    less, _ = record(lambda player: play(player, 0))
    more, _ = record(lambda player: play(player, 8192))
    bare, _ = record(lambda player: (player.alloc(0, 64), player.end()))
    for options, grown, shrunk in (
            ([], 1, 0), (["--tolerance", "5%"], 0, 0), (["--tolerance", "8192"], 0, 0), (["--tolerance", "8191"], 1, 0),
            (["--what", "steps"], 1, 0), (["--what", "steps", "--step", "0..3"], 1, 0),
            (["--what", "steps", "--step", "0..3", "--tolerance", "1M"], 0, 0)):
        for old, new, status in ((less, more, grown), (more, less, shrunk)):
            done = run([program("ttalloc-analyze"), "diff", old, new, "--exit-code", *options])
            equal(done.returncode, status, f"diff --exit-code {options} of {'less' if new == less else 'more'}")
    rows = analyze("diff", less, more, "--what", "steps", "--step", "2..9")["rows"]
    equal([(row["step"], row["found"]) for row in rows], [(2, "both"), (3, "both"), (4, "added")], "steps of both")
    for options, said in ((["--tolerance", "some"], "5%"), (["--tolerance", "-1"], "5%"), (["--tolerance=-5%"], "5%"),
                          (["--what", "steps", "--step", "x"], "--step")):
        done = run([program("ttalloc-analyze"), "diff", less, more, *options])
        check(done.returncode == 2 and said in done.stderr, f"diff {options}: {done.returncode}: {done.stderr}")
    done = run([program("ttalloc-analyze"), "diff", bare, more, "--what", "steps"])
    check(done.returncode == 2 and bare in done.stderr and "--auto-step" in done.stderr, f"no steps: {done.stderr}")


main(differences_fail_only_on_what_got_worse, overlaps_are_all_found, only_the_leak_grows, many_steps_are_sampled,
     steps_are_found_where_none_were_marked, nothing_regular_is_no_step, without_steps_it_says_how_to_record_them)
