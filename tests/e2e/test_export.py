# SPDX-License-Identifier: Apache-2.0
"""Files for other programs: what is in them is what the other verbs say, recomputed here from the tables and from the bytes of each
format. Whether the programs open them, tests/consumers asks."""
import csv
import json
import os
import pickle
import sqlite3

from harness import Place, analyze, check, equal, main, program, run

DRAM_TO_TRACE = {"DRAM": 0, "L1": 1, "SYSTEM_MEMORY": 2, "L1_SMALL": 3, "TRACE": 4}


def recorded(place, *arguments):
    file = place.file("run.db")
    done = run([program("ttalloc-recorder"), "-q", "--force", "-o", file, "--", program("ttalloc-trainer"), "--quiet",
                "--layers", "2", *arguments], env=place.env, cwd=place.path)
    check(os.path.exists(file), done.stderr)
    return file


def export(file, to, out, *more, status=0):
    done = run([program("ttalloc-analyze"), "export", "--to", to, "-o", out, *more, file], timeout=120)
    equal(done.returncode, status, f"status of export --to {to} {more} ({done.stderr})")
    return done.stderr


def rows(file, statement):
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    return database.execute(statement).fetchall()


def peaks(file):
    """{(device, region): bytes}"""
    return {(row["device"], row["region"]): row["peak_bytes"] for row in analyze("peak", file)["rows"]}


def flame(file, what):
    """{(device, region): bytes} of all stacks."""
    sums = {}
    for row in analyze("flame", "--what", what, "--by", "label", file)["rows"]:
        device, region = row["stack"].split(";")[:2]
        key = int(device.removeprefix("device_")), region
        sums[key] = sums.get(key, 0) + row["bytes"]
    return sums


def fields(content):
    """(number, value) of a message of Protocol Buffers."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = content[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(content):
        head = varint()
        if head & 7 == 0:
            yield head >> 3, varint()
        else:
            equal(head & 7, 2, "wire type")
            size = varint()
            check(at + size <= len(content), "a field ends behind its message")
            yield head >> 3, content[at:at + size]
            at += size


def packed(content):
    return [value for _, value in fields(b"".join(b"\x08" + part for part in varints(content)))]


def varints(content):
    part = b""
    for byte in content:
        part += bytes([byte])
        if byte < 0x80:
            yield part
            part = b""


def live_after(file, key):
    """What TTNN calls the buffers, after the event KEY: by the tables, one after the other."""
    found = []
    for row in rows(file, "SELECT b.*, o.device, o.region FROM (SELECT key - life AS alloc, key AS gone, address, "
                          "coalesce(bank_bytes, size_bytes) AS bytes, origin FROM freed UNION ALL SELECT key, end_key, address, "
                          "coalesce(bank_bytes, size_bytes), origin FROM held) b JOIN origin o ON o.id = b.origin WHERE o.region < 5"):
        if row["alloc"] < key and (row["gone"] is None or row["gone"] > key):
            found.append((row["device"], row["address"], row["bytes"], row["region"]))
    return sorted(found)


def buffers_are_what_was_live_after_each_operation():
    place = Place()
    file = recorded(place, "--steps", "3", "--fail")
    export(file, "ttnn-visualizer", place.file("report"), "--step", "1")
    report = place.file("report/db.sqlite")
    ranges = [row for row in rows(file, "SELECT r.key, r.end_key, (SELECT path FROM label_info l JOIN range_what w ON w.label = l.id "
                                        "WHERE w.id = r.what) AS name, (SELECT number FROM step_mark s WHERE s.key < r.key ORDER BY "
                                        "s.key DESC LIMIT 1) AS step FROM range_row r ORDER BY r.process, r.key") if row["step"] == 1]
    operations = rows(report, "SELECT * FROM operations ORDER BY operation_id")
    check(len(ranges) > 20, "the trainer's labels")
    equal([row["name"] for row in operations], [row["name"] for row in ranges], "operations")
    for number, each in list(enumerate(ranges, 1))[::max(1, len(ranges) // 20)]:
        came = [tuple(row) for row in rows(report, "SELECT device_id, address, max_size_per_bank, buffer_type FROM buffers "
                                                   f"WHERE operation_id = {number} ORDER BY 1, 2, 3, 4")]
        equal(sorted(came), live_after(file, each["end_key"]), f"buffers after {each['name']}")
    graph = "".join(row[0] for row in rows(report, "SELECT captured_graph FROM captured_graph"))
    ran = rows(file, "SELECT DISTINCT c.address, c.size_bytes FROM program_run r JOIN circular_buffer c ON c.program = r.program AND c.key < r.key "
                     f"WHERE r.key > {ranges[0]['key']} AND r.key < {max(row['end_key'] for row in ranges)}")
    check(ran, "the trainer runs programs")
    for row in ran:
        check(f'"address":"{row["address"]}","size":"{row["size_bytes"]}"' in graph, f"a circular buffer of {row['size_bytes']} is missing")
    for row in rows(report, "SELECT captured_graph FROM captured_graph"):
        nodes = json.loads(row[0])
        equal([node["counter"] for node in nodes], list(range(len(nodes))), "numbers of nodes")
    export(file, "ttnn-visualizer", place.file("all"))
    failures = rows(file, "SELECT why FROM failure WHERE NOT same_request")
    check(failures, "--fail")
    equal([row[0] for row in rows(place.file("all/db.sqlite"), "SELECT error_message FROM errors")], [row[0] for row in failures], "errors")


def figures_are_those_of_the_other_verbs():
    place = Place()
    file = recorded(place, "--steps", "3", "--leak-per-step", "1M")
    most = peaks(file)
    sums = {kind: flame(file, kind) for kind in ("peak", "leaks", "allocated")}

    export(file, "speedscope", place.file("s.json"))
    document = json.loads(open(place.file("s.json"), encoding="utf-8").read())
    frames = document["shared"]["frames"]
    came = {}
    for profile in document["profiles"]:
        equal(sum(profile["weights"]), profile["endValue"], "weights")
        equal(len(profile["weights"]), len(profile["samples"]), "samples")
        check(all(0 <= frame < len(frames) for sample in profile["samples"] for frame in sample), "frames")
        where, kind = profile["name"].split(": ")
        came.setdefault(kind, {})[int(where.split()[1]), where.split()[2]] = profile["endValue"]
    equal(came, sums, "speedscope")

    export(file, "pprof", place.file("p.pb"))
    profile = list(fields(open(place.file("p.pb"), "rb").read()))
    texts = [value.decode() for number, value in profile if number == 6]
    types = [texts[dict(fields(value))[1]] for number, value in profile if number == 1]
    totals = [0] * len(types)
    for sample in (dict(fields(value)) for number, value in profile if number == 2):
        for at, value in enumerate(packed(sample[2])):
            totals[at] += value
    equal(dict(zip(types, totals)),
          {f"device{device}_{region}_{kind}": value for kind, of in sums.items() for (device, region), value in of.items()}, "pprof")

    export(file, "perfetto", place.file("t.pftrace"))
    names, counted, depth = {}, {}, {}
    for number, packet in fields(open(place.file("t.pftrace"), "rb").read()):
        equal(number, 1, "packets")
        packet = dict(fields(packet))
        if 60 in packet:
            track = dict(fields(packet[60]))
            names[track[1]] = track.get(2, b"").decode()
        if 11 in packet:
            event = dict(fields(packet[11]))
            if event[9] == 4:
                counted[names[event[11]]] = max(counted.get(names[event[11]], 0), event[30])
            elif event[9] in (1, 2):
                depth[event[11]] = depth.get(event[11], 0) + (1 if event[9] == 1 else -1)
    equal({name: value for name, value in counted.items() if value}, {f"device {device} {region} live": value for (device, region), value in most.items()}, "perfetto")
    check(depth and not any(depth.values()), "slices end")

    export(file, "memory_viz", place.file("m.pickle"))
    snapshot = pickle.loads(open(place.file("m.pickle"), "rb").read())
    for name, trace in zip(snapshot["ttalloc"], snapshot["device_traces"]):
        live, total, top = {}, 0, 0
        for entry in trace:
            if entry["action"] == "alloc":
                check(entry["addr"] not in live, f"{name}: two blocks at {entry['addr']}")
                live[entry["addr"]] = entry["size"]
                total += entry["size"]
            else:
                equal(live.pop(entry["addr"]), entry["size"], f"{name}: what was freed")
                total -= entry["size"]
            top = max(top, total)
        equal(top, most[int(name.split()[1]), name.split()[2]], f"memory_viz: {name}")

    export(file, "csv", place.file("csv"))
    for view in ("allocation", "event", "usage", "step", "label_span", "process"):
        count = rows(file, f"SELECT count(*) FROM {view}")[0][0]
        with open(place.file(f"csv/{view}.csv"), encoding="utf-8", newline="") as content:
            equal(len(list(csv.DictReader(content))), count, f"rows of {view}.csv")


def what_cannot_be_is_said():
    place = Place()
    file = recorded(place, "--steps", "1")
    out = place.file("out")
    check("name it with --output" in run([program("ttalloc-analyze"), "export", "--to", "pprof", file]).stderr, "without -o")
    export(file, "pprof", out)
    check("exists already" in export(file, "pprof", out, status=2), "an output that is there")
    export(file, "pprof", out, "--force")
    check("in those steps" in export(file, "ttnn-visualizer", place.file("report"), "--step", "99", status=2), "a step that is not there")
    check(not os.path.exists(place.file("report/db.sqlite")), "a report that is not whole stays")
    equal([name for name in os.listdir(place.path) if name.startswith("out")], ["out"], "files that stay")


main(buffers_are_what_was_live_after_each_operation, figures_are_those_of_the_other_verbs, what_cannot_be_is_said)
