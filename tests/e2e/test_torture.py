# SPDX-License-Identifier: Apache-2.0
"""Programs that are hard to record (generator/torturer.c), recorders that come late, stand still, are killed and go on, small rings
and spools, disks that are full for a while, clocks of their own: whatever comes together. Each thread has written down what it
issued. Every event is in the recording once, between the times before and after its call, or counted as lost in its process; and
what was not freed is what still lived.

TTALLOC_SEED has the first round of a run again."""
import os
import random
import signal
import time

from harness import (LONG, Failure, Place, Recorder, Skip, SmallDisk, analyze, check, equal, main, program, run, start, wait_until)

import issued
from align import CLOCK_SLACK_NS, Recording

SECONDS = float(os.environ.get("TTALLOC_TORTURE_SECONDS", 600 if LONG else 15))
SEED = int(os.environ.get("TTALLOC_SEED", 0)) or int.from_bytes(os.urandom(3), "little")
AHEAD_S = 100000


# --- programs ---------------------------------------------------------------------------------------------------------

class Tree:
    """A torturer and all its descendants."""

    def __init__(self, place, number, chance, time_namespaces):
        self.logs = place.file(f"logs{number}")
        os.mkdir(self.logs)
        self.ahead_ns = 0
        wrapper = []
        if time_namespaces and chance.random() < 0.3:
            ahead_s = chance.choice((AHEAD_S, -1))
            self.ahead_ns = ahead_s * 10**9
            wrapper = ["unshare", "-T", f"--monotonic={ahead_s}", f"--boottime={ahead_s}", "--fork"]
        self.lossy = chance.random() < 0.2
        env = {"TTALLOC_RING_EVENTS": chance.choice(("64", "256", "16384")), "TTALLOC_FLUSH_MS": chance.choice(("5", "100"))}
        if self.lossy:
            # Begins and ends of labels are among what is lost, and no events of the recording: without them the count is exact.
            env |= {"TTALLOC_SPOOL_MIB": "1", "TTALLOC_FULL_WAIT_MS": "0", "TTALLOC_RING_EVENTS": "64", "TTALLOC_OPS": "0"}
        depth, calls, pace_us = (0, 30000, 0) if self.lossy else (chance.randint(0, 2), *chance.choice(((300, 40), (800, 15), (3000, 0))))
        with open(place.file(f"out{number}"), "wb") as out:
            self.process = start([*wrapper, program("ttalloc-torturer"), self.logs, str(chance.getrandbits(32)), str(depth), str(calls),
                                  str(pace_us)], env=place.target_env(**env), stdout=out, stderr=out, cwd=place.path)

    def pids(self):
        """That have begun to report, and may still live."""
        found = set()
        for name in os.listdir(self.logs):
            found.add(int(name[1:].split("-")[0]) // 4)
        return sorted(pid for pid in found if is_torturer(pid))

    def images(self):
        """What was issued, by this machine's clock."""
        images = issued.read_logs(self.logs)
        for image in images:
            for call in image.calls:
                call.before_ns -= self.ahead_ns
                call.after_ns -= self.ahead_ns if call.after_ns else 0
        return images


def is_torturer(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "ttalloc-torturer"
    except OSError:
        return False


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


# --- what is done to them ---------------------------------------------------------------------------------------------

class Round:
    def __init__(self, seed, place, disk):
        self.chance = chance = random.Random(seed)
        self.place, self.disk = place, disk
        self.name = "disk/run.db" if disk else "run.db"
        self.arguments = ["--rotate", chance.choice(("1M", "1s")), "--commit-ms", "20"] if chance.random() < 0.4 else []
        namespaces = run(["unshare", "-T", "--monotonic", "1", "true"]).returncode == 0
        late = chance.random() < 0.4
        self.recorder = None if late else self.begin()
        self.trees = [Tree(place, number, chance, namespaces) for number in range(chance.randint(1, 3))]
        self.stopped = []
        if late:
            time.sleep(chance.uniform(0, 0.3))
            self.recorder = self.begin()

    def begin(self, *more):
        return Recorder(self.place, self.name, [*self.arguments, *more])

    def kill_recorder(self):
        self.recorder.kill()
        time.sleep(self.chance.choice((0, 0, 0.1, 0.5)))
        self.recorder = self.begin("--append")

    def pause_recorder(self):
        self.recorder.pause()
        time.sleep(self.chance.uniform(0, 0.7))
        self.recorder.go_on()

    def kill_program(self):
        pids = self.some_pids()
        signal_all(self.chance.sample(pids, min(len(pids), self.chance.randint(1, 3))), signal.SIGKILL)

    def kill_both(self):
        victims = [*self.some_pids(), self.recorder.process.pid]
        self.chance.shuffle(victims)
        signal_all(victims, signal.SIGKILL)
        self.kill_recorder()

    def stop_program(self):
        pids = self.some_pids()
        signal_all(pids, signal.SIGSTOP)
        time.sleep(self.chance.uniform(0, 0.2))
        signal_all(pids, signal.SIGCONT)

    def fill_disk(self):
        filler = self.disk.fill()
        time.sleep(self.chance.uniform(0, 0.5))
        if self.chance.random() < 0.3:
            self.recorder.kill()
        filler.unlink()
        if self.recorder.process.poll() is not None:
            self.recorder = self.begin("--append")

    def some_pids(self):
        return self.chance.choice(self.trees).pids()

    def torment(self):
        actions = [self.kill_recorder, self.kill_recorder, self.pause_recorder, self.kill_program, self.kill_both, self.stop_program]
        if self.disk:
            actions += [self.fill_disk, self.fill_disk]
        end = time.monotonic() + 3
        while any(tree.pids() for tree in self.trees) and time.monotonic() < end:
            time.sleep(self.chance.uniform(0, 0.2))
            self.chance.choice(actions)()

    def finish(self):
        """The recording, all of it in one file."""
        wait_until(lambda: not any(tree.pids() for tree in self.trees) and all(tree.process.poll() is not None for tree in self.trees),
                   "the programs to end")
        self.place.await_drained()
        file = self.recorder.stop()
        if not self.arguments:
            return file
        files = sorted(self.place.path.glob(self.name.replace(".db", ".*.db")), key=lambda path: int(path.suffixes[-2][1:]))
        whole = self.place.file("whole.db")
        copied = run([program("ttalloc-analyze"), "copy", file, *files, whole])
        equal(copied.returncode, 0, f"status of copy ({copied.stderr})")
        return whole


# --- what came of it --------------------------------------------------------------------------------------------------

def key_of(kind, address, size):
    """An address has one block, and failed requests have sizes of their own."""
    return kind, size if kind == "alloc_failed" else address


def by_process(recording, file):
    """Of each pid: its events by their keys, and how many are lost."""
    events, lost = {}, {}
    for event in recording.events:
        own = events.setdefault(event["pid"], {})
        key = key_of(event["kind"], event["address"], event["size_bytes"])
        check(key not in own, f"twice: {event} and {own.get(key)}")
        own[key] = event
    for row in analyze("sql", file, "SELECT * FROM loss")["rows"]:
        check(row["count"] is not None, f"a loss without a number: {row}")
        if not row["why"].startswith("no room for"):  # these are there, and lack something
            lost[row["pid"]] = lost.get(row["pid"], 0) + row["count"]
    return events, lost


def check_call(call, event, start_ns):
    wanted = {"tid": call.thread, "region": issued.REGION_WORDS[call.region], "device": call.device, "label": call.label}
    if call.kind != issued.FREE:
        wanted["size_bytes"] = call.size
    if call.kind == issued.ALLOC_FAILED:
        wanted["why"] = call.text
    equal({name: event[name] for name in wanted}, wanted, f"what is recorded of {call}")
    at = start_ns + event["at_ns"]
    check(at >= call.before_ns - CLOCK_SLACK_NS, f"{event} lies {call.before_ns - at} ns before its call {call}")
    check(not call.after_ns or at <= call.after_ns + CLOCK_SLACK_NS, f"{event} lies {at - call.after_ns} ns after its call {call}")


def check_thread(calls, events, start_ns):
    """Takes what CALLS made out of EVENTS. How many are missing for sure, and how many may be: they had not returned."""
    missing, unsure, before = 0, 0, 0
    for call in calls:
        event = events.pop(key_of(issued.KIND_WORDS[call.kind], call.address, call.size), None)
        if event:
            check_call(call, event, start_ns)
            check(event["event_id"] > before, f"{event} comes before what its thread did before it")
            before = event["event_id"]
        elif call.after_ns:
            missing += 1
        else:
            unsure += 1
    return missing, unsure


def check_process(pid, images, events, lost, start_ns):
    missing = unsure = 0
    for image in images:
        for thread in sorted({call.thread for call in image.calls}):
            more = check_thread([call for call in image.events if call.thread == thread], events, start_ns)
            missing, unsure = missing + more[0], unsure + more[1]
    check(not events, f"process {pid}: {len(events)} events that nobody issued, such as {list(events.values())[:1]}")
    check(missing <= lost <= missing + unsure, f"process {pid}: {missing} to {missing + unsure} events are missing, and {lost} are said to be")
    return missing


def check_ends(recording):
    """No process ends before its last event, or after the recording."""
    last = {}
    for event in recording.events:
        last[event["process"]] = event["at_ns"]
    for row in recording.processes:
        check(last.get(row["process_id"], 0) <= row["ended_ns"] <= recording.info["end_ns"], f"the end of {row}")


def check_blocks(file, freed):
    """Each block ended as its process wanted, or with it."""
    for row in analyze("sql", file, "SELECT pid, address, ended FROM allocation", timeout=120)["rows"]:
        wanted = ("freed",) if (row["pid"], row["address"]) in freed else ("process exit", "exec")
        check(row["ended"] in wanted, f"the block {row}: expected {wanted}")


def check_round(torture, file):
    recording = Recording(file)
    start_ns = recording.info["start_monotonic_ns"]
    events, lost = by_process(recording, file)
    freed = {(pid, key[1]) for pid, own in events.items() for key in own if key[0] == "free"}
    count, missing, lossy = len(recording.events), 0, any(tree.lossy for tree in torture.trees)
    images = {}
    for tree in torture.trees:
        for image in tree.images():
            images.setdefault(image.pid, []).append(image)
    for pid, own in images.items():
        missing += check_process(pid, own, events.pop(pid, {}), lost.pop(pid, 0), start_ns)
    check(not any(events.values()) and not any(lost.values()), f"processes that nobody started: {list(events)} {lost}")
    check_blocks(file, freed)
    check_ends(recording)
    equal(analyze("verify", file, timeout=120)["rows"], [], "findings of verify")
    info = analyze("info", file)["rows"][0]
    equal((info["events"], bool(info["complete"])), (count, not info["lost"]), "what info says")
    check(lossy or not missing, f"{missing} events are missing where there was room")
    return count, len(images), missing


def with_disk(seed, place, disk):
    torture = Round(seed, place, disk)
    torture.torment()
    return check_round(torture, torture.finish())


def one_round(seed):
    place = Place()
    try:
        if random.Random(seed).random() < 0.6:
            return with_disk(seed, place, None)
        with SmallDisk(place, 64) as disk:
            return with_disk(seed, place, disk)
    except Skip:
        return with_disk(seed, place, None)
    finally:
        place.remove()


def torture():
    began, rounds, sums = time.monotonic(), 0, [0, 0, 0]
    print(f"seed {SEED}", flush=True)
    while not rounds or time.monotonic() - began < SECONDS:
        seed = SEED + rounds
        try:
            sums = [all_of + more for all_of, more in zip(sums, one_round(seed))]
        except Failure as failure:
            raise Failure(f"TTALLOC_SEED={seed}: {failure}") from None
        rounds += 1
    print(f"{rounds} rounds, {sums[1]} processes, {sums[0]} events, {sums[2]} lost and counted")


main(torture)
