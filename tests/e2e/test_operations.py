# SPDX-License-Identifier: Apache-2.0
"""Operations as programs report them, without ttnn: nested, on threads, over forks and deaths, many; and what is asked of them."""
import sqlite3

from harness import LONG, Place, Player, Recorder, analyze, check, equal, main, program, run, verify

OPERATIONS = "SELECT number, name, around, ended, arguments FROM operation WHERE pid = ? ORDER BY number"


def operations(file, pid):
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        return database.execute(OPERATIONS, (pid,)).fetchall()


def finish(place, recorder):
    place.await_drained()
    file = recorder.stop()
    verify(file)
    return file


def nested():
    """A matmul that makes a tensor, and an add that an exception leaves."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.op("matmul", "MatmulParams(1)")
    player.op("create_device_tensor")
    player.alloc(0x1000, 4096)
    player.end_op()
    player.tensor(0x1000, "1x1x32x64", given=1)
    player.end_op()
    player.op("add", "MatmulParams(1)")
    player.tensor(0x1000, "1x1x32x64")
    player.end_op(aborted=1)
    player.op("matmul")
    player.end()
    return finish(place, recorder), player.pid


def they_are_as_reported():
    file, pid = nested()
    equal(operations(file, pid), [(1, "matmul", None, "returned", "MatmulParams(1)"), (2, "create_device_tensor", 1, "returned", None),
                                  (3, "add", None, "exception", "MatmulParams(1)"), (4, "matmul", None, "process exit", None)], "operations")
    with sqlite3.connect(file) as database:
        equal(database.execute("SELECT count(*) FROM operation_text WHERE text LIKE 'MatmulParams%'").fetchone(), (1,), "one text")
    rows = analyze("peak", file, "--by", "op")["rows"]
    equal([(row["group"], row["bytes"]) for row in rows], [("matmul #1", 4096)], "the peak by operation")


def one_is_asked_by_its_number():
    file, pid = nested()
    rows = analyze("ops", 3, file)["rows"]
    equal(rows, analyze("op", "--number", 3, file)["rows"], "ops N and op --number N")
    equal(rows, analyze("op", file, 3, "--pid", pid)["rows"], "op N")
    equal((rows[0]["name"], rows[0]["arguments"], rows[0]["inputs"]),
          ("add", "MatmulParams(1)", ["1x1x32x64 bfloat16 TILE, interleaved"]), "the operation")
    for words, wanted in ((("ops", "3", "4", file), "unexpected operand"), (("op", "--number", "3", "4", file), "which one?"),
                          (("ops", "3", "--slowest", file), "no option --slowest"), (("ops", "9", file), "no operation")):
        done = run([program("ttalloc-analyze"), *words])
        check((done.returncode == 2 and wanted in done.stderr) or (wanted == "no operation" and wanted in done.stdout + done.stderr),
              f"{words}: {done.returncode} {done.stdout}{done.stderr}")


def overlaps_name_them():
    """Two allocators of a chip, each asked by another operation."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    for number, name in enumerate(("first", "second", "third"), 1):
        player.op(name)
        if number < 3:
            player.alloc(0x1000, 64, device=number << 16)
        player.end_op()
    player.end()
    place.await_drained()
    file = recorder.stop()
    for words, wanted in (((), [("first #1", "second #2")]), (("--op", "first"), [("first #1", "second #2")]),
                          (("--op", "2"), [("first #1", "second #2")]), (("--op", "third"), [])):
        equal([(row["op"], row["later_op"]) for row in analyze("overlaps", file, *words)["rows"]], wanted, f"overlaps {words}")


def forks_begin_anew():
    """What a parent has open is not the child's; both go on, and each counts from 1."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.op("outer")
    child = player.fork()
    child.end_op()
    child.op("of the child".replace(" ", "_"))
    child.alloc(0x2000, 64)
    child.end_op()
    child.end()
    player.op("inner")
    player.end_op()
    player.end_op()
    player.end()
    file = finish(place, recorder)
    equal(operations(file, player.pid), [(1, "outer", None, "returned", None), (2, "inner", 1, "returned", None)], "the parent's")
    equal(operations(file, child.pid), [(1, "of_the_child", None, "returned", None)], "the child's")


def ranged():
    """Two forwards, of which the second needs more and keeps a block, with a layer in each; a thread's own; one that does not end."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    for forward, size in ((0, 4096), (1, 12288)):
        player.push("forward")
        player.push(f"layer.{forward}")
        player.alloc(0x10000 * forward + 0x1000, size)
        player.pop()
        player.use_thread(1)
        player.push("load")
        player.alloc(0x10000 * forward + 0x8000, 1024)
        player.pop()
        player.use_thread(0)
        if forward == 0:
            player.free(0x1000)
        player.pop()
    player.push("last")
    player.end()
    return finish(place, recorder)


def ranges_have_answers():
    file = ranged()
    rows = analyze("ranges", file)["rows"]
    equal({row["label"]: (row["ranges"], row["dram_left_bytes"], row["dram_most_bytes"], row["dram_peak_bytes"]) for row in rows},
          {"forward": (2, 12288, 13312, 14336), "forward/layer.0": (1, 4096, 4096, 4096), "forward/layer.1": (1, 12288, 12288, 13312),
           "load": (2, 2048, 1024, 14336), "last": (1, 0, 0, 14336)}, "ranges")
    rows = analyze("ranges", file, "--by", "pattern")["rows"]
    equal({row["label"]: (row["ranges"], row["dram_left_bytes"]) for row in rows},
          {"forward": (2, 12288), "forward/layer.*": (2, 16384), "load": (2, 2048), "last": (1, 0)}, "ranges --by pattern")
    each = analyze("ranges", file, "--each")["rows"]
    with sqlite3.connect(file) as database:
        spans = database.execute("SELECT label, begin_ns, duration_ns, tid FROM label_span ORDER BY begin_ns").fetchall()
    equal([(row["label"], row["begin_ns"], row["duration_ns"], int(row["thread"].rsplit("/", 1)[1])) for row in each], spans, "ranges --each")
    equal([row["ended"] for row in each], ["returned"] * 6 + ["process exit"], "how they ended")
    longest = sorted((span for span in spans if span[2] is not None), key=lambda span: (-span[2], span[1]))
    equal([row["begin_ns"] for row in analyze("ranges", file, "--each", "--slowest")["rows"]],
          [each[-1]["begin_ns"]] + [span[1] for span in longest], "--slowest, before them what did not come back")
    by_label = {row["label"]: row for row in analyze("ranges", file, "--slowest", "--label", "forward")["rows"]}
    equal(set(by_label), {"forward", "forward/layer.0", "forward/layer.1"}, "--label")
    for label, row in by_label.items():
        its = [span for span in longest if span[0] == label]
        equal((row["total_ns"], row["longest_ns"], row["longest_begin_ns"]), (sum(span[2] for span in its), its[0][2], its[0][1]), label)


def ranges_that_are_not_there():
    place = Place()
    recorder = Recorder(place)
    player = Player(place, env={**place.target_env(), "TTALLOC_OPS": "0"})
    player.push("forward")
    player.alloc(0x1000, 4096)
    player.end()
    done = run([program("ttalloc-analyze"), "ranges", finish(place, recorder)])
    check(done.returncode == 2 and "have no begin and end" in done.stderr, done.stderr)


def many_on_threads(count):
    """Threads at once, killed in the middle of one: all are there, each within its own thread's, and blocks are theirs."""
    place = Place()
    recorder = Recorder(place)
    players = [Player(place) for _ in range(2)]
    for player in players:
        for thread in (1, 2):
            player.use_thread(thread)
            player.tell("ops", f"thread{thread}", 0x1000 * thread, count)
        player.op("last")
    check(all(player.flush() for player in players), "flush")
    players[0].end()
    players[1].kill()
    file = finish(place, recorder)
    with sqlite3.connect(file) as database:
        database.execute("CREATE TEMP TABLE o AS SELECT pid, tid, name, number, around, ended FROM operation")
        database.execute("CREATE INDEX temp.by_number ON o(pid, number)")
        found = database.execute("SELECT name, ended, count(*), count(DISTINCT pid) FROM o GROUP BY 1, 2 ORDER BY 1").fetchall()
        equal(found, [("inner", "returned", 4 * count, 2), ("last", "process exit", 2, 2), ("thread1", "returned", 2 * count, 2),
                      ("thread2", "returned", 2 * count, 2)], "operations")
        nesting = database.execute("SELECT i.name, a.name, i.tid = a.tid, count(*) FROM o i JOIN o a ON a.pid = i.pid AND "
                                   "a.number = i.around GROUP BY 1, 2, 3 ORDER BY 2").fetchall()
        equal(nesting, [("inner", "thread1", 1, 2 * count), ("inner", "thread2", 1, 2 * count)], "what they lie in")
    rows = analyze("allocated", file, "--by", "opname")["rows"]
    equal([(row["group"], row["blocks"]) for row in rows], [("inner", 4 * count)], "whose blocks are")
    rows = analyze("ops", file, "--by", "name", "--all")["rows"]
    equal({row["name"]: row["operations"] for row in rows}, {"inner": 4 * count, "thread1": 2 * count, "thread2": 2 * count, "last": 2}, "ops --by name")


def many():
    many_on_threads(125000 if LONG else 12500)


main(they_are_as_reported, one_is_asked_by_its_number, overlaps_name_them, ranges_have_answers, ranges_that_are_not_there, forks_begin_anew,
     many)
