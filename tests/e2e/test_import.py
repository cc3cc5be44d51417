# SPDX-License-Identifier: Apache-2.0
"""import: what ttnn wrote of a program becomes a recording whose figures are those of a recording of the program, and that
says what it cannot know."""
import json
import os
import pathlib
import sqlite3

from harness import SOURCE, Place, analyze, check, equal, main, program, run, verify

DATA = SOURCE / "tests/import"
VERBS = ("info", "peak", "leaks", "failures", "fragmentation", "processes", "timeline", "allocated", "floor", "temporary",
         "histogram", "top", "l1", "churn", "overlaps", "ops")
# As recorded by the preload at the same time, which counts the same program's kernels and dataflow buffers, too.
DRAM, L1 = {"peak_bytes": 262144, "peak_bank_bytes": 32768, "peak_blocks": 2}, {"peak_bytes": 393216, "peak_bank_bytes": 6144, "peak_blocks": 3}
CB = {"peak_bytes": 75776, "peak_blocks": 8}


def make(place, *files, status=0, out="out.db"):
    result = run([program("ttalloc-analyze"), "import", "--force", "-o", out, *map(str, files)], cwd=place.path)
    equal(result.returncode, status, f"status of import {files} (it said: {result.stderr})")
    return result.stderr if status else place.file(out)


def peaks(file):
    return {row["region"]: row for row in analyze("peak", file)["rows"]}


def is_like(row, expected, what):
    equal({name: row[name] for name in expected}, expected, what)


def answers(file, verbs=("info",)):
    verify(file)
    for verb in verbs:
        check(not analyze(verb, file)["complete"], f"{verb}: something is not known")


def graph_captures():
    place = Place()
    for version in ("0.81.1", "0.75.0"):
        file = make(place, DATA / f"capture-{version}.json")
        found = peaks(file)
        is_like(found["DRAM"], DRAM, f"DRAM of {version}")
        is_like(found["L1"], L1, f"L1 of {version}")
        equal({row["device"] for row in found.values()}, {0}, "the chip of mesh 1")
        answers(file, VERBS if version == "0.81.1" else VERBS[:1])
        names = [row["name"] for row in analyze("ops", file)["rows"]]
        equal(names.count("ttnn.add"), 1, "operations")
        check("BinaryNgDeviceOperation" in names, f"operations in others: {names}")
        check(any("does not tell times" in note for note in analyze("info", file)["rows"][0]["notes"]), "what is not known")
    is_like(peaks(make(place, DATA / "capture-0.75.0.json"))["CB"], CB, "circular buffers, which 0.75.0 tells")
    # blocks that cannot be are counted, and operations may lie in each other however deep
    deep = [{"counter": 1 + i, "node_type": "function_start", "params": {"name": f"op{i}"}, "connections": []} for i in range(300)]
    wrong = [{"counter": 999 + i, "node_type": "buffer_allocate", "connections": [],
              "params": {"address": "64", "size": size, "type": type_, "layout": "INTERLEAVED", "device_id": "0"}}
             for i, (size, type_) in enumerate((("32", "DRAM"), ("32", "NOWHERE"), (str(1 << 60), "DRAM"), ("-1", "L1")))]
    place.path.joinpath("deep.json").write_text(json.dumps(deep + wrong), encoding="utf-8")
    file = make(place, "deep.json")
    equal(analyze("sql", file, "SELECT (SELECT count(*) FROM operation) AS operations, (SELECT count(*) FROM allocation) AS blocks")["rows"],
          [{"operations": 300, "blocks": 1}], "what is there")
    check("3 buffers of a kind of memory, a size or a device that cannot be: left out" in analyze("info", file)["rows"][0]["notes"], "what is not")
    # a capture that is written to a file has more beside the nodes
    nodes = json.loads((DATA / "capture-0.75.0.json").read_text(encoding="utf-8"))
    place.path.joinpath("file.json").write_text(json.dumps({"version": 1, "graph": nodes}), encoding="utf-8")
    is_like(peaks(make(place, "file.json"))["CB"], CB, "of a file")


def report(path, schema):
    """What ttnn's own import of that capture has, as versions 2 and 3 of its schema write it."""
    rank = ", rank INT DEFAULT 0" if schema >= 3 else ""
    database = sqlite3.connect(path)
    database.executescript(f"""
        CREATE TABLE operations(operation_id INT, name TEXT, duration FLOAT{rank});
        CREATE TABLE buffers(operation_id INT, device_id INT, address INT, max_size_per_bank INT, buffer_type INT{rank});
        CREATE TABLE devices(device_id INT, l1_num_banks INT, l1_bank_size INT, address_at_first_l1_cb_buffer INT{rank});
        CREATE TABLE tensors(tensor_id INT, device_id INT{rank}); CREATE TABLE device_tensors(tensor_id INT, device_id INT{rank});
        INSERT INTO devices(device_id, l1_num_banks, l1_bank_size, address_at_first_l1_cb_buffer)
          VALUES (0, 130, 1461120, 111744), (1, 130, 1461120, 111744);
        INSERT INTO tensors(tensor_id, device_id) VALUES (1, 1); INSERT INTO device_tensors(tensor_id, device_id) VALUES (1, 0);
        INSERT INTO operations(operation_id, name, duration) VALUES (1, 'ttnn.empty', 0.0004), (2, 'ttnn.empty', 0.0001),
          (3, 'ttnn.add', 0.05), (4, 'ttnn.matmul', 0.09), (5, 'ttnn.deallocate', 0.0003), (6, 'ttnn.softmax', 0.1),
          (7, 'ttnn.deallocate', 0.0002);""")
    live = {1: [(1048704, 16384, 0)]}
    live[2] = live[1] + [(1570816, 2048, 1)]
    live[3] = live[2] + [(1065088, 16384, 0)]
    live[4] = live[3] + [(1568768, 2048, 1)]
    live[5] = [live[1][0], *live[4][1:2], live[4][3]]
    live[6] = live[5] + [(1566720, 2048, 1)]
    live[7] = live[5]
    for operation, blocks in live.items():
        database.executemany("INSERT INTO buffers(operation_id, device_id, address, max_size_per_bank, buffer_type) "
                             "VALUES (?, 1, ?, ?, ?)", [(operation, *block) for block in blocks])
    database.commit()
    database.close()
    return path


def reports():
    """Each buffer in a bank is known, not what it holds; what an operation left is live from its begin to the next change."""
    place = Place()
    for schema in (2, 3):
        file = make(place, report(place.file(f"report-{schema}.sqlite"), schema))
        found = peaks(file)
        is_like(found["DRAM"], {"device": 0, "peak_bank_bytes": 32768, "peak_blocks": 2}, "DRAM")
        is_like(found["L1"], {"device": 0, "peak_bank_bytes": 6144, "peak_blocks": 3}, "L1")
        answers(file)
        operations = {row["name"]: row for row in analyze("ops", file)["rows"]}
        equal(operations["ttnn.softmax"]["duration_ns"], 100_000_000, "how long softmax took")
        equal(operations["ttnn.add"]["dram_left_bytes"], 16384, "what add left in each bank")
    ranks = place.file("ranks.sqlite")
    report(ranks, 3)
    with sqlite3.connect(ranks) as database:
        database.execute("INSERT INTO operations VALUES (1, 'x', 0, 1)")
    check("several ranks" in make(place, ranks, status=2), "ranks are told apart by files")


def tables_of_blocks():
    """One is a state; several are samples, in the order in which they are given."""
    place = Place()
    text = (DATA / "dump-0.81.1_detailed_memory_usage.csv").read_text(encoding="utf-8")
    file = make(place, DATA / "dump-0.81.1_detailed_memory_usage.csv")
    is_like(peaks(file)["DRAM"], {"peak_bank_bytes": 16384, "peak_blocks": 1}, "DRAM")
    is_like(peaks(file)["L1"], {"peak_bank_bytes": 4096, "peak_blocks": 2}, "L1")
    device = {row["region"]: row for row in analyze("sql", file, "SELECT region, banks, bank_bytes FROM device")["rows"]}
    equal(device["DRAM"], {"region": "DRAM", "banks": 8, "bank_bytes": 4277141376}, "banks")
    more = "\n".join(line.replace("yes", " no") if " 1459072 " in line else line for line in text.split("\n"))
    check(more != text, "a block is given back")
    place.path.joinpath("more.csv").write_text(more, encoding="utf-8")
    file = make(place, DATA / "dump-0.81.1_detailed_memory_usage.csv", "more.csv")
    answers(file)
    rows = analyze("sql", file, "SELECT address, alloc_ns, free_ns FROM allocation WHERE region = 'L1' ORDER BY address")["rows"]
    equal([(row["address"], row["alloc_ns"], row["free_ns"]) for row in rows], [(1457024, 0, None), (1459072, 0, 10 ** 9)], "blocks")
    names = [row["name"] for row in analyze("sql", file, "SELECT name FROM snapshot")["rows"]]
    equal([pathlib.Path(name).name for name in names], ["dump-0.81.1_detailed_memory_usage.csv", "more.csv"], "samples")


def what_is_none():
    place = Place()
    bad = {"empty.json": "", "half.json": '[{"node_type": "buffer_allocate"', "text.txt": "hello", "list.json": "[1, null, \"x\", []]",
           "deep.json": "[" * 100000, "object.json": "{}", "table.csv": "Total allocatable (B)\n,,,,\n",
           "other.sqlite": None}
    for name, text in bad.items():
        if text is None:
            sqlite3.connect(place.file(name)).execute("CREATE TABLE operations(x)").connection.close()
        else:
            place.path.joinpath(name).write_text(text, encoding="utf-8")
    for name in bad:
        if name in ("list.json", "object.json"):  # captures in which nothing is known
            equal(peaks(make(place, name)), {}, name)
        else:
            check(name in make(place, name, status=2), f"{name} is named")
    os.mkfifo(place.file("pipe"))
    check("not a regular file" in make(place, "pipe", status=2), "a pipe does not hold it")
    check("can be several" in make(place, DATA / "capture-0.75.0.json", DATA / "capture-0.81.1.json", status=2), "two captures")
    equal(sorted(path.name for path in place.path.glob("out*")), ["out.db"], "what is left behind")


def views_of_a_report_are_not_run():
    """A database may have anything under the name of a table."""
    place = Place()
    file = report(place.file("view.sqlite"), 3)
    with sqlite3.connect(file) as database:
        database.execute("ALTER TABLE buffers RENAME TO hidden")
        database.execute("CREATE VIEW buffers AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i AS operation_id,"
                         " i AS device_id, i AS address, i AS max_size_per_bank, i AS buffer_type FROM n")
    check("has no table buffers" in make(place, file, status=2), "a view is no table")


main(graph_captures, reports, tables_of_blocks, what_is_none, views_of_a_report_are_not_run)
