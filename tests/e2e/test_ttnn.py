# SPDX-License-Identifier: Apache-2.0
"""Programs that know nothing of ttalloc, recorded with --ttnn and --auto-step: operations become labels, a call that is
named ends the steps, and nothing else about the program changes."""
import json
import os
import pathlib
import sys
import textwrap

import harness

TESTS = pathlib.Path(__file__).resolve().parents[1]

MODEL = """
    import inspect, pickle, sys, threading
    import ttnn

    class Adam:
        def step(self, size):
            "An optimizer's step."
            ttnn.device.place(size)
            if size == 3007:
                raise KeyError(size)

    def main():
        adam = Adam()
        ttnn.device.place(10)
        for iteration in range(3):
            assert ttnn.add(1000 + iteration) == 1000 + iteration
            ttnn.transformer.softmax(2000 + 10 * iteration)
            adam.step(3000 + iteration)
        ttnn.transformer.power(4000, depth=2)
        try:
            ttnn.fail(5000)
        except ValueError as error:
            assert str(error) == "the operation failed"
        else:
            assert False
        ttnn.device.place(11)
        thread = threading.Thread(target=ttnn.add, args=(6000,))
        thread.start()
        thread.join()
        ttnn.CONFIG.enable_fast_runtime_mode = False
        ttnn.transformer.softmax(7000)
        ttnn.transformer.power(8000, depth=1)

    def unchanged():
        for kind in (ttnn.decorators.FastOperation, ttnn.decorators.Operation):
            operation = kind("ttnn.add", ttnn.operations.add)
            assert pickle.loads(pickle.dumps(operation)) == operation and operation.__name__ == "ttnn.add"
            assert str(inspect.signature(operation)) == "(*function_args, **function_kwargs)"
            assert kind.__call__.__doc__.startswith("What a ") and kind.__call__.__name__ == "__call__"
        assert str(inspect.signature(Adam.step)) == "(self, size)" and Adam.step.__doc__.startswith("An opt")
        assert inspect.getsource(ttnn.decorators).startswith("# SPDX")
        assert type(ttnn.decorators.__loader__).__name__ == "SourceFileLoader"
        assert ttnn.decorators.__spec__.loader is ttnn.decorators.__loader__
        assert not any("python/start" in path for path in sys.path) and "ttalloc" not in sys.modules
        assert not any("AfterImport" in type(finder).__name__ for finder in sys.meta_path), sys.meta_path

    if __name__ == "__main__":
        from model import main, unchanged, Adam  # so that classes have a name to be found and pickled by
        main()
        unchanged()
        print("unchanged")
"""

S, P, A = "ttnn.transformer.softmax", "ttnn.transformer.power", "ttnn.add"
LABELS = {10: None, 11: None, 3000: None, 3001: None, 3002: None, 5000: "ttnn.fail", 6000: A,
          1000: A, 1001: A, 1002: A, 2000: S, 2010: S, 2020: S, 2001: f"{S}/{A}", 2011: f"{S}/{A}", 2021: f"{S}/{A}",
          4000: P, 4001: f"{P}/{P}", 4002: f"{P}/{P}/{P}", 7000: S, 7001: f"{S}/{A}", 8000: P, 8001: f"{P}/{P}"}


def record(place, text, *options, **env):
    """Runs the program TEXT under the recorder; returns what it said, and size -> (label, step) of its blocks."""
    model = pathlib.Path(place.file("model.py"))
    model.write_text(textwrap.dedent(text), encoding="utf-8")
    file = place.file("run.db")
    env = {**place.env, "PYTHONPATH": str(TESTS / "python"), "PYTHONDONTWRITEBYTECODE": "1",
           "LD_LIBRARY_PATH": str(harness.BUILD / "hook"), **env}
    done = harness.run([harness.program("ttalloc-recorder"), "--force", "-q", "-o", file, *options, "--", sys.executable,
                        "-W", "error", str(model)], env=env, cwd=place.path)
    harness.equal(done.returncode, 0, f"status of\n{done.stdout}{done.stderr}\n")
    asked = harness.run([harness.program("ttalloc-analyze"), "sql", file, "--json",
                         "SELECT size_bytes, label, step FROM allocation"], env=place.env)
    harness.equal(asked.returncode, 0, asked.stderr)
    blocks = {row["size_bytes"]: (row["label"], row["step"]) for row in json.loads(asked.stdout)["rows"]}
    return done, blocks


def labels_of(blocks):
    return {size: label for size, (label, _) in blocks.items()}


def operations():
    for fast in ("1", "0"):
        done, blocks = record(harness.Place(), MODEL, "--ttnn", STANDIN_FAST=fast)
        harness.equal((done.stdout, done.stderr), ("unchanged\n", ""), "output")
        harness.equal(labels_of(blocks), LABELS, f"labels, fast mode {fast}")


def by_label():
    place = harness.Place()
    record(place, MODEL, "--ttnn")
    asked = harness.run([harness.program("ttalloc-analyze"), "allocated", place.file("run.db"), "--by", "label", "--json"],
                        env=place.env)
    expected = {}
    for size, label in LABELS.items():
        count, total = expected.get(label, (0, 0))
        expected[label] = (count + 1, total + size)
    rows = json.loads(asked.stdout)["rows"]
    harness.check(len(rows) == len(expected), asked.stdout)
    for row in rows:
        numbers = set(row.values())
        name = next((value for value in numbers if value in expected and value is not None), None)
        harness.check(set(expected[name]) <= numbers, f"{row}: expected {expected[name]}")


def without_the_option():
    _, blocks = record(harness.Place(), MODEL)
    harness.equal(set(labels_of(blocks).values()), {None}, "labels without --ttnn")


def steps():
    done, blocks = record(harness.Place(), MODEL, "--auto-step", "model:Adam.step")
    harness.equal(done.stderr, "", "stderr")
    expected = {10: 0, 11: 3, 1000: 0, 2001: 0, 3000: 0, 1001: 1, 2010: 1, 3001: 1, 3002: 2, 4000: 3, 6000: 3, 8001: 3}
    harness.equal({size: blocks[size][1] for size in expected}, expected, "steps")
    harness.equal({label for label, _ in blocks.values()}, {None}, "labels")


KINDS = """
    import os, sys
    sys.path.insert(0, os.environ["TTALLOC_PY"])
    import ttnn, ttalloc
    place = ttnn.device.place

    class Kinds:
        def method(self, again=True):
            return self.method(False) if again else 1  # the inner call is part of the outer one
        @classmethod
        def of_class(cls): return cls
        @staticmethod
        def of_none(): return 3
        def raises(self): raise KeyError
    class Heir(Kinds):
        pass
    def function(): return 4

    def swallowed(call):
        try: return call()
        except KeyError: return 5

    def main():
        import model
        kinds, size = model.Kinds(), 100
        for target, call, result in (
                ("model:Kinds.method", lambda: kinds.method(), 1), (model.Kinds.method, lambda: kinds.method(), 1),
                ((model.Kinds, "of_class"), lambda: kinds.of_class(), model.Kinds),
                (model.Kinds.of_class, lambda: model.Kinds.of_class(), model.Kinds),
                ("model:Kinds.of_none", lambda: kinds.of_none(), 3), (model.function, lambda: model.function(), 4),
                ((model.Heir, "method"), lambda: model.Heir().method(), 1), (kinds.method, lambda: kinds.method(), 1),
                ("model:Kinds.raises", lambda: kinds.raises(), 5)):
            before = dict(vars(model.Kinds)), dict(vars(model.Heir)), dict(vars(kinds)), model.function
            with ttalloc.auto_step(target):
                place(size)
                for _ in range(2):
                    assert swallowed(call) == result, target
                place(size + 1)
            swallowed(call)
            place(size + 2)
            assert before == (dict(vars(model.Kinds)), dict(vars(model.Heir)), dict(vars(kinds)), model.function), target
            size += 10
        for bad in ("model", "model:", ":x", "a:b c", 3, lambda: 0, (model, 4)):
            try:
                ttalloc.auto_step(bad)
            except ValueError as error:
                assert "auto_step" in str(error)
            else:
                assert False, bad

    if __name__ == "__main__":
        import model
        model.main()
"""


def auto_step_of_everything():
    done, blocks = record(harness.Place(), KINDS, TTALLOC_PY=str(harness.BUILD / "hook/ttalloc/python"))
    harness.equal(done.stderr, "", "stderr")
    harness.equal({size: step for size, (_, step) in blocks.items()},
                  {100 + 10 * kind + at: step for kind in range(9) for at, step in enumerate((0, 2, 2))}, "steps")


WAYS = textwrap.dedent("""
    import asyncio, sys
    import ttnn
    import ways

    async def two(first, second):
        await asyncio.gather(ways.step(first), ways.step(second))

    asyncio.run(ways.step(100))
    ttnn.device.place(101)
    asyncio.run(two(110, 111))
    ttnn.device.place(112)
    for _ in ways.pieces(120):
        pass
    ttnn.device.place(121)
""")
WAYS_MODULE = textwrap.dedent("""
    import asyncio
    import ttnn

    async def step(size):
        await asyncio.sleep(0.01)
        ttnn.device.place(size)

    def pieces(size):
        yield
        ttnn.device.place(size)

    def late(size):
        return step(size)

    async def stream(size):
        yield size
""")


def record_ways(target, program=WAYS):
    place = harness.Place()
    modules = pathlib.Path(place.file("modules"))
    modules.mkdir()
    (modules / "ways.py").write_text(WAYS_MODULE)
    return record(place, program, "--auto-step", target, PYTHONPATH=f"{TESTS / 'python'}:{modules}")


def coroutines_and_generators_are_steps():
    done, blocks = record_ways("ways:step")
    harness.equal(done.stderr, "", "stderr")
    harness.equal({size: step for size, (_, step) in blocks.items()},
                  {100: 0, 101: 1, 110: 1, 111: 2, 112: 3, 120: 3, 121: 3}, "steps of a coroutine")
    _, blocks = record_ways("ways:pieces")
    harness.equal((blocks[120][1], blocks[121][1]), (0, 1), "steps of a generator")


def what_cannot_be_a_step_is_said():
    late = "import asyncio, ttnn, ways\nttnn.device.place(1)\nasyncio.run(ways.late(2))\n"
    for target, program, words in (
            ("ways:stream", WAYS, "asynchronous generator"), ("ways:late", late, "to be awaited"),
            ("nowhere:step", WAYS, "never imported"), ("__main__:two", WAYS, "call ttalloc.auto_step() in it"),
            ("model:two", WAYS, "call ttalloc.auto_step() in it")):
        done, _ = record_ways(target, program)
        harness.check(words in done.stderr and done.stderr.count("\n") == 1, f"{target}: {done.stderr}")
    done, _ = record_ways("nowhere:step", "print('a launcher')\n")
    harness.equal(done.stderr, "", "of a process that uses no device")


def what_goes_wrong_is_said_and_harmless():
    program = "import ttnn; ttnn.add(1); import os; print(os.environ.get('CHAINED'))\n"
    done, _ = record(harness.Place(), program, "--auto-step", "ttnn:No.such")
    harness.check("no steps are marked at ttnn:No.such" in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    done, _ = record(harness.Place(), program, "--auto-step", "ttnn:not a name")
    harness.check("operations and steps are not recorded" in done.stderr, done.stderr)
    place = harness.Place()
    bare = pathlib.Path(place.file("bare"), "ttnn")
    bare.mkdir(parents=True)
    (bare / "__init__.py").write_text("from ttnn import decorators\nprint('another ttnn')\n")
    (bare / "decorators.py").write_text("")
    done, _ = record(place, "import ttnn\n", "--ttnn", PYTHONPATH=str(bare.parent))
    harness.equal(done.stdout, "another ttnn\n", "output")
    harness.check("neither FastOperation nor Operation" in done.stderr and done.stderr.count("\n") == 1, done.stderr)


def the_next_sitecustomize_runs():
    place = harness.Place()
    theirs = pathlib.Path(place.file("theirs"))
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("import os\nos.environ['CHAINED'] = __file__\n")
    done, blocks = record(place, "import os, ttnn, sitecustomize\nttnn.add(1)\nprint(os.environ['CHAINED'], "
                          "sitecustomize.__file__)\n", "--ttnn", PYTHONPATH=f"{TESTS / 'python'}:{theirs}")
    harness.equal(done.stdout.split(), [str(theirs / "sitecustomize.py")] * 2, "the program's own sitecustomize")
    harness.equal(labels_of(blocks), {1: "ttnn.add"}, "labels")


def options():
    place = harness.Place()
    for arguments, said in ((("--ttnn", "-o", "x.db"), "--ttnn needs a command"),
                            (("--auto-step", "a:b", "-o", "x.db"), "--auto-step needs a command"),
                            (("--auto-step", "step", "--", "true"), "module:Class.method"),
                            (("--auto-step", "", "--", "true"), "--auto-step needs a NAME")):
        done = harness.run([harness.program("ttalloc-recorder"), *arguments], env=place.env, cwd=place.path)
        harness.check(said in done.stderr and done.returncode in (2, 125), f"{arguments}: {done}")
    harness.check(not os.path.exists(place.file("x.db")), "a file was made")


harness.main(operations, by_label, without_the_option, steps, auto_step_of_everything,
             coroutines_and_generators_are_steps, what_cannot_be_a_step_is_said,
             what_goes_wrong_is_said_and_harmless, the_next_sitecustomize_runs, options)
