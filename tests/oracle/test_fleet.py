# SPDX-License-Identifier: Apache-2.0
"""The fleet's questions, as today's ClickHouse engine answers them about recordings of several hosts and days, against answers that are
computed here: peaks, leaks and failures from the blocks and events of the recordings' files, the others from the rows of each file."""
import collections
import datetime
import json
import os
import pathlib
import random
import sqlite3
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import SOURCE, Place, analyze, check, equal, main, program, run, skip  # noqa: E402

DAYS, WEEK, DAY_NS, SECOND_NS = 30, 7, 86400 * 10**9, 10**9
SEED = int(os.environ.get("TTALLOC_SEED", "15"))
# host, days ago, command line of its trainer: hosts of several days, one of another command, one that grew, and one that is too old
FLEET = [("a", 0, "--leak-per-step 1M", 12), ("a", 1, "--leak-per-step 4M --step-time-us 100000", 160), ("a", 3, "--fail", 3),
         ("a", 5, "--fail --layers 3 --processes 2", 3), ("a", 9, "--layers 3", 3), ("b", 0, "--leak-per-step 2M --fail", 12), ("b", 8, "", 3),
         ("c", 1, "--fragment --layers 8", 4), ("c", 12, "", 3), ("d", 2, "--layers 4", 3), ("d", 20, "", 3), ("e", 40, "--layers 8", 3)]
JOB = {0: 0, 1: 3, 5: 1, 7: 2}  # of FLEET: its rank
IDLE = 1  # of FLEET: it does nothing for some of its tenths
STOPPED = 'p=; "$@" & p=$!; sleep 8; kill -STOP $p; sleep 6; kill -CONT $p; wait $p'


class Host:
    """A recording as the file has it: its blocks, events and rows."""

    def __init__(self, file, step_count):
        database = sqlite3.connect(file)
        database.row_factory = sqlite3.Row
        self.file = file

        def rows(statement):
            return [dict(row) for row in database.execute(statement)]

        self.recording, = rows("SELECT * FROM recording")
        self.id, self.host, self.command = (self.recording[name] for name in ("uuid", "host", "command"))
        self.start_ns, self.end_ns = self.recording["start_realtime_ns"], self.recording["end_ns"]
        self.day = datetime.datetime.fromtimestamp(self.start_ns // SECOND_NS, datetime.timezone.utc).date()
        self.blocks = rows("SELECT * FROM allocation")
        self.usage = rows("SELECT * FROM usage ORDER BY device, region, from_ns")
        self.failures = rows("SELECT * FROM event WHERE kind = 'alloc_failed'")
        self.samples = analyze("fragmentation", file, "--samples", "100")["rows"]
        self.steps, = (row["steps"] for row in rows("SELECT count(*) AS steps FROM step"))
        check(self.steps >= step_count, f"{self.steps} steps in {file}")
        database.close()

    def is_within(self, days):
        return self.day >= datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=days)

    def levels(self, column):
        """{(device, region): [(ns, bytes live from then on)]}, by the blocks alone."""
        changes = collections.defaultdict(list)
        for block in self.blocks:
            place = (block["device"], block["region"])
            changes[place].append((block["alloc_ns"], block["allocation_id"], block[column]))
            if block["ended"] != "live":
                changes[place].append((block["free_ns"], block["end_event_id"] or 1 << 62, -block[column]))
        found = {}
        for place, list_of in changes.items():
            level, found[place] = 0, []
            for ns, _, change in sorted(list_of):
                level += change
                found[place].append((ns, level))
        return found

    def tops(self, column="counted_bytes"):
        """{(device, region): the most}. What counts of circular buffers depends on which program runs: the time line says it."""
        found = {at: max(level for _, level in levels) for at, levels in self.levels(column).items() if at[1] != "CB"}
        for span in self.usage:
            if span["region"] == "CB":
                at, most = (span["device"], "CB"), span["max_bytes" if column == "counted_bytes" else "max_bank_bytes"]
                found[at] = max(found.get(at, 0), most)
        return found


def record(place, number, host, days_ago, words, steps):
    """As though HOST had recorded it at noon of that day."""
    file = place.file(f"{number}.db")
    env = {**place.env, **({"TTALLOC_JOB": "job", "TTALLOC_RANK": str(JOB[number])} if number in JOB else {})}
    stopped = ["bash", "-c", STOPPED, "bash"] if number == IDLE else []
    run([program("ttalloc-recorder"), "-q", "-o", file, "--", *stopped, program("ttalloc-trainer"), "--quiet", "--layers", "2", "--devices", "1", "--seed",
         str(SEED + number), "--steps", str(steps), "--step-time-us", "20000" if number in JOB else "0", *words.split()], env=env, cwd=place.path)
    with sqlite3.connect(file) as database:
        start_ns, = database.execute("SELECT start_realtime_ns FROM recording_info").fetchone()
        if number in JOB:  # ranks of a job run at the same time, not quite from the same moment on
            start_ns = place.job_start_ns = getattr(place, "job_start_ns", start_ns) + 150_000_000
        database.execute("UPDATE recording_info SET host = ?, boot_id = ?, start_realtime_ns = ?, command = ?",
                         (f"host-{host}", f"boot-{host}", start_ns - (0 if number in JOB else days_ago * DAY_NS), f"train {'xl' if host == 'd' else 'base'}"))
    database.close()
    return Host(file, steps)


# ---- brute force ----

def grouped(pairs):
    groups = collections.defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


def peak(hosts):
    tops = grouped(((host.host, *at), (top, host.tops("bank_bytes")[at], host.id)) for host in hosts for at, top in host.tops().items())
    return [{"host": key[0], "device": key[1], "region": key[2], "peak_bytes": max(top[0] for top in tops_of),
             "peak_bank_bytes": max(top[1] for top in tops_of),
             "of_recording": {top[2] for top in tops_of if top[0] == max(other[0] for other in tops_of)}, "recordings": len(tops_of)}
            for key, tops_of in tops.items()]


def leaks(hosts):
    """What the program never freed itself, but for what the runtime keeps."""
    left = grouped(((host.host, block["region"], block["label"] or ""), (host, block["counted_bytes"])) for host in hosts for block in host.blocks
                   if block["ended"] in ("process exit", "device close") and block["class"] not in ("kernel", "kernel_binary", "trace"))
    rows = []
    for (name, region, label), blocks in left.items():
        size, of = sum(size for _, size in blocks), {host.id: host.steps for host, _ in blocks}
        rows.append({"host": name, "region": region, "label": label, "blocks": len(blocks), "bytes": size, "recordings": len(of),
                     "bytes_per_step": size / sum(of.values())})
    return rows


def failures(hosts):
    rows = grouped(((host.host, event["region"], event["label"] or ""), (host, event)) for host in hosts for event in host.failures)
    return [{"host": name, "region": region, "label": label, "failures": len(events), "recordings": len({host.id for host, _ in events}),
             "largest_bytes": max(event["size_bytes"] for _, event in events), "last_day": str(max(host.day for host, _ in events)),
             "last_words": max(events, key=lambda pair: (pair[0].day, pair[1]["event_id"]))[1]["why"]}
            for (name, region, label), events in rows.items()]


def fragmentation(hosts):
    rows = grouped(((host.host, host.id, sample["device"], sample["region"]), (1 - sample["largest_free_bytes"] / sample["free_bytes"], sample))
                   for host in hosts for sample in host.samples
                   if sample["free_bytes"] and sample["free_bytes"] * 10 > sample["used_bytes"] + sample["free_bytes"])
    answer = []
    for (name, recording, device, region), samples in rows.items():
        worst = max(ratio for ratio, _ in samples)
        answer.append({"host": name, "recording": recording, "device": device, "region": region, "external_fragmentation": worst,
                       "at_ns": {sample["at_ns"] for ratio, sample in samples if ratio == worst}})
    return answer


def growth(hosts):
    rows = []
    for host in hosts:
        spans = grouped(((span["device"], span["region"]), span) for span in host.usage)
        for (device, region), spans_of in spans.items():
            tenths = grouped((span["from_ns"] * 10 // host.end_ns, span) for span in spans_of)
            left, levels = [0], []  # what is live at the start of each tenth; what the least is in each
            for tenth in range(10):
                levels.append(min([span["min_bytes"] for span in tenths[tenth]], default=left[-1]))
                left.append(tenths[tenth][-1]["end_bytes"] if tenths[tenth] else left[-1])
            early, middle, late = (min(left[first], *levels[first:end]) for first, end in ((1, 3), (3, 6), (6, 9)))
            if host.end_ns >= 20 * SECOND_NS and early < middle < late:
                host.idle_tenths = 10 - sum(bool(spans) for spans in tenths.values())
                rows.append({"host": host.host, "recording": host.id, "device": device, "region": region, "early_bytes": early,
                             "late_bytes": late, "grown_bytes": late - early})
    return rows


def regressions(hosts):
    tops = grouped(((host.command, place[1], host.is_within(WEEK)), top)
                   for host in hosts for place, top in host.tops().items())
    rows = []
    for (command, region, is_new), levels in tops.items():
        new, old = max(levels), max(tops.get((command, region, False), [0]))
        if is_new and 0 < old < new:
            rows.append({"command": command, "region": region, "new_bytes": new, "old_bytes": old, "grown_bytes": new - old,
                         "percent": 100 * (new / old - 1)})
    return rows


def outliers(hosts):
    tops = grouped(((host.command, place[1], host.host), top)
                   for host in hosts for place, top in host.tops().items())
    commands = grouped(((command, region), (name, max(levels))) for (command, region, name), levels in tops.items())
    rows = []
    for (command, region), peaks in commands.items():
        typical = statistics.median(top for _, top in peaks)
        rows += [{"host": name, "command": command, "region": region, "peak_bytes": top, "typical_bytes": typical, "times": top / typical}
                 for name, top in peaks if len(peaks) > 2 and typical > 0 and not 0.75 * typical <= top <= 1.25 * typical]
    return rows


def seconds_of(host):
    """{(region, second): the most that it held in it}: of what the time line says, which is never below what the blocks say."""
    said, true = collections.Counter(), collections.Counter()
    spans = grouped(((span["device"], span["region"]), span) for span in host.usage)
    for (device, region), spans_of in spans.items():
        levels, most = host.levels("counted_bytes").get((device, region), []), collections.Counter()
        for span, following in zip(spans_of, [*spans_of[1:], {"from_ns": host.end_ns}]):
            for second in range((host.start_ns + span["from_ns"]) // SECOND_NS, (host.start_ns + following["from_ns"]) // SECOND_NS + 1):
                is_within = second <= (host.start_ns + span["to_ns"]) // SECOND_NS
                most[second] = max(most[second], span["max_bytes" if is_within else "end_bytes"])
        for second, value in most.items():
            said[region, second] += value
            if region == "CB":
                continue
            begin_ns, end_ns = second * SECOND_NS - host.start_ns, (second + 1) * SECOND_NS - host.start_ns
            before = [level for ns, level in levels if ns < begin_ns]
            true[region, second] += max([level for ns, level in levels if begin_ns <= ns < end_ns] + before[-1:], default=0)
    for key, value in true.items():
        check(said[key] >= value, f"{key}: {said[key]} of the time line is below {value} of the blocks")
    return said


def job(hosts):
    held = grouped((key, (value, host)) for host in hosts if host.recording["job"] == "job" for key, value in seconds_of(host).items())
    return [{"region": region, "at": str(datetime.datetime.fromtimestamp(second, datetime.timezone.utc))[:19], "most_bytes": sum(v for v, _ in values),
             "worst_bytes": max(v for v, _ in values), "worst_host": {h.host for v, h in values if v == max(w for w, _ in values)},
             "worst_rank": {h.recording["rank"] for v, h in values if v == max(w for w, _ in values)}}
            for (region, second), values in held.items()]


# ---- comparison ----

KEYS = {"peak": ("host", "device", "region"), "leaks": ("host", "region", "label"), "failures": ("host", "region", "label"),
        "fragmentation": ("recording", "device", "region"), "growth": ("recording", "device", "region"), "regressions": ("command", "region"),
        "outliers": ("host", "command", "region"), "job": ("region", "at")}
BRUTE_FORCE = {"peak": peak, "leaks": leaks, "failures": failures, "fragmentation": fragmentation, "growth": growth, "regressions": regressions,
               "outliers": outliers, "job": job}


def is_same(came, wanted):
    if isinstance(wanted, set):
        return any(is_same(came, one) for one in wanted)
    if isinstance(wanted, float):
        return abs(float(came) - wanted) <= max(0.051, 1e-9 * abs(wanted)) if abs(wanted) > 2 else abs(float(came) - wanted) <= 0.0051
    return str(came) == str(wanted)


def compare(question, came, wanted):
    def by_key(rows):
        return {tuple(str(row[name]) for name in KEYS[question]): row for row in rows}

    equal(sorted(by_key(came)), sorted(by_key(wanted)), f"rows of {question}")
    equal(len(came), len(wanted), f"how many rows of {question}")
    for key, row in by_key(wanted).items():
        for name, value in row.items():
            check(is_same(by_key(came)[key][name], value), f"{question} {key}: {name} is {by_key(came)[key][name]}, not {value}")


def answers_are_those_of_brute_force():
    python = os.environ.get("TTALLOC_CHDB")
    if not python:
        skip("TTALLOC_CHDB names no Python with chdb")
    place = Place()
    hosts = [record(place, number, *about) for number, about in enumerate(FLEET)]
    random.Random(SEED).shuffle(hosts)
    for number, host in enumerate(hosts):
        done = run([program("ttalloc-analyze"), "export", "--to", "clickhouse", "-o", place.file(f"out-{number}"), host.file])
        equal(done.returncode, 0, f"export ({done.stderr})")
    done = run([python, str(SOURCE / "tests/e2e/chdb_answers.py"), str(SOURCE / "sql/clickhouse"), *[place.file(f"out-{n}") for n in range(len(hosts))]],
               timeout=300, env={**os.environ, "TZ": "UTC"})
    equal(done.returncode, 0, f"chdb ({done.stderr[-2000:]})")
    answers = json.loads(done.stdout)
    equal(sorted(answers), sorted(BRUTE_FORCE), "questions")
    recent = [host for host in hosts if host.is_within(DAYS)]
    equal(len(recent), len(hosts) - 1, "recordings that are asked about")
    for question, brute_force in BRUTE_FORCE.items():
        wanted = brute_force(hosts if question == "job" else recent)
        check(wanted, f"nothing to answer to {question}")
        compare(question, answers[question], wanted)
    check(any(getattr(host, "idle_tenths", 0) > 0 for host in recent), "no tenth that nothing happened in")


main(answers_are_those_of_brute_force)
