# SPDX-License-Identifier: Apache-2.0
"""ttalloc.py: labels, steps and allocations reach libttalloc; without it, or off, nothing happens."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tt_metal"))

import standins  # noqa: E402

MODULE = standins.BUILD / "hook/ttalloc/python/ttalloc.py"


def expect(actual, expected, what):
    assert actual == expected, f"{what}:\n  expected {expected!r}\n  got      {actual!r}"


def run(text, enabled="1", fake=True):
    """Runs a program that has imported ttalloc; returns its output, its stderr, and what was reported."""
    with tempfile.TemporaryDirectory(prefix="ttalloc-test-") as folder:
        log = pathlib.Path(folder, "log")
        shutil.copy(MODULE, folder)  # where no library is near it
        env = {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1", "TTALLOC_FAKE_LOG": str(log),
               "TT_ALLOC_TRACKING_ENABLED": enabled,
               "LD_LIBRARY_PATH": str(standins.fake_libttalloc()) if fake else folder}
        done = subprocess.run([sys.executable, "-W", "error", "-c", "import ttalloc\n" + textwrap.dedent(text)], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout, done.stderr, log.read_text().splitlines() if log.exists() else []


LABELS = """
    @ttalloc.label("function")
    def recurse(depth):
        if depth:
            recurse(depth - 1)

    with ttalloc.label("model"):
        with ttalloc.label("layer.3"):
            recurse(1)
    try:
        with ttalloc.label("fails"):
            raise KeyError
    except KeyError:
        pass
    ttalloc.label_push("caf\\u00e9\\0hidden")
    ttalloc.label_pop()
    with ttalloc.step(7) as number:
        assert number == 7
    ttalloc.step()
    ttalloc.step()
    print(ttalloc.enabled())
"""


def check_labels():
    out, err, reported = run(LABELS)
    expect((out, err), ("True\n", ""), "output")
    expect(reported, ["push name=model", "push name=layer.3", "push name=function", "push name=function", "pop", "pop",
                      "pop", "pop", "push name=fails", "pop", "push name=café", "pop", "step number=7",
                      "step number=0", "step number=1"], "reports")


ALLOCATIONS = """
    ttalloc.alloc(1, ttalloc.Region.L1, 0x1000, 4096, 512, ttalloc.Flag.TOP_DOWN | ttalloc.Flag.SHARDED)
    ttalloc.free(ttalloc.ANY, ttalloc.ANY, 0x1000)
    print(ttalloc.flush(50))
    client = ttalloc.AllocationClient()
    a = client.allocate(0, 1 << 20, ttalloc.BufferType.L1)
    b = client.allocate(0, 25 << 20, ttalloc.BufferType.DRAM)
    c = client.allocate(1, 64, ttalloc.BufferType.L1_SMALL)
    print(client.query_device(0)["dram_allocated"], client.query_device(0)["total_buffers"], client.get_num_devices())
    for number in (a, b, c, 99):
        client.deallocate(number)
    print(client.query_device(0)["dram_allocated"])
    client.close()
"""


def check_allocations():
    out, err, reported = run(ALLOCATIONS)
    expect((out, err), (f"True\n{25 << 20} 2 2\n0\n", ""), "output")
    expect(reported, ["alloc device=1 region=1 flags=3 address=4096 size=4096 bank=512",
                      "free device=65535 region=65535 address=4096", "flush timeout=50",
                      "alloc device=0 region=1 flags=0 address=1 size=1048576 bank=0",
                      "alloc device=0 region=0 flags=0 address=2 size=26214400 bank=0",
                      "alloc device=1 region=3 flags=0 address=3 size=64 bank=0", "free device=0 region=1 address=1",
                      "free device=0 region=0 address=2", "free device=1 region=3 address=3",
                      "free device=65535 region=65535 address=99"], "reports")


DEVICES = """
    ttalloc.device_open(3, "wormhole_b0", [ttalloc.Layout(ttalloc.Region.DRAM, banks=12, bank_bytes=1 << 30),
                                           (ttalloc.Region.L1, 64, 1 << 20, 1024, 32, True)])
    ttalloc.alloc_failed(3, ttalloc.Region.L1, 4096, "no room", bank_bytes=64)
    ttalloc.alloc_failed(3, ttalloc.Region.L1, 4096)
    ttalloc.device_close(3)
"""


def check_devices():
    out, err, reported = run(DEVICES)
    expect((out, err), ("", ""), "output")
    expect([line for line in reported if not line.startswith("failed")],
           ["device_open device=3 arch=wormhole_b0 layouts=2",
            "layout device=3 region=0 top_down=0 banks=12 bank=1073741824 base=0 alignment=0",
            "layout device=3 region=1 top_down=1 banks=64 bank=1048576 base=1024 alignment=32", "device_close device=3"],
           "reports")
    expect(["why=no_room" in line for line in reported if line.startswith("failed")], [True, False], "failures")


NO_ARGUMENTS = """
    for call, error in ((lambda: ttalloc.alloc(0, 0, 64, -64), ValueError), (lambda: ttalloc.alloc(0, 0, 1 << 64, 1), ValueError),
                        (lambda: ttalloc.alloc(0, 0, None, 1), TypeError), (lambda: ttalloc.free(0, 0, 1.5), TypeError),
                        (lambda: ttalloc.free(-1, 0, 1), ValueError), (lambda: ttalloc.step(-1), ValueError),
                        (lambda: ttalloc.device_open(0, layouts=[(1, -1)]), ValueError), (lambda: ttalloc.flush(-1), ValueError)):
        try:
            call()
        except error:
            continue
        raise AssertionError(f"no {error}")
    print(ttalloc.enabled())
"""


def check_arguments():
    """What cannot be recorded raises, whether or not there is a recording."""
    for enabled in "10":
        out, err, reported = run(NO_ARGUMENTS, enabled=enabled)
        expect((out, err, reported), (f"{enabled == '1'}\n", "", []), f"output with {enabled}")


THREADS = """
    import threading
    def work():
        for _ in range(50):
            with ttalloc.label("thread"):
                pass
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def check_threads():
    _, err, reported = run(THREADS)
    expect((err, reported.count("push name=thread"), reported.count("pop")), ("", 400, 400), "reports")


def check_off():
    for text in (LABELS, ALLOCATIONS):
        for fake in (True, False):
            out, err, reported = run(text, enabled="0", fake=fake)
            expect((out.split("\n")[0], err, reported), ("False", "", []), "while off")
        out, err, reported = run(text, fake=False)
        expect((out.split("\n")[0], err.count("\n"), reported), ("False", 1, []), f"without a library: {err!r}")


def main():
    check_labels()
    check_allocations()
    check_devices()
    check_arguments()
    check_threads()
    check_off()
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
