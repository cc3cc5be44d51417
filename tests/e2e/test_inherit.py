# SPDX-License-Identifier: Apache-2.0
"""Worker threads of programs that know nothing of threads' labels, under the recorder's preload: what they allocate has
the label of the thread that made them, and every answer says that it is inherited."""
import json
import pathlib
import sys

import harness

WORKERS = r"""
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <ttalloc.h>

static void place(uint64_t address, uint64_t size)
{
	ttalloc_block block = {};
	block.address = address;
	block.size_bytes = size;
	ttalloc_alloc(&block);
}

static void compile(uint64_t address, uint64_t size)
{
	ttalloc_cb cb = {};
	cb.struct_size = sizeof(cb);
	cb.program = 7;
	cb.index = (uint32_t)address;
	cb.address = address;
	cb.size_bytes = size;
	ttalloc_cb_alloc(&cb);
}

class Pool {
	std::mutex mutex;
	std::condition_variable changed;
	std::function<void()> work;
	bool over = false;
	std::thread thread{[this] {
		std::unique_lock lock(mutex);
		for (;;) {
			changed.wait(lock, [&] { return over || work; });
			if (over)
				return;
			work();
			work = nullptr;
			changed.notify_all();
		}
	}};

public:
	void run(std::function<void()> wanted)
	{
		std::unique_lock lock(mutex);
		work = wanted;
		changed.notify_all();
		changed.wait(lock, [&] { return !work; });
	}
	~Pool()
	{
		{
			std::unique_lock lock(mutex);
			over = true;
		}
		changed.notify_all();
		thread.join();
	}
};

int main()
{
	Pool pool; // before there is any label, as TT-Metal's
	pool.run([] { place(1, 11); });
	ttalloc_label_push("layer");
	ttalloc_label_push("matmul");
	place(2, 20);
	pool.run([] { compile(3, 31); });
	pool.run([] {
		ttalloc_label_push("own");
		place(4, 41);
		ttalloc_label_pop();
		place(5, 51);
	});
	std::async(std::launch::async, [] { place(6, 61); }).get();
	std::thread orphan([] { place(7, 71); ttalloc_alloc_failed(nullptr_block(), "no room"); });
	orphan.join();
	ttalloc_label_pop();
	ttalloc_label_pop();
	pool.run([] { ttalloc_free(0, 0, 2); });
	pool.run([] { place(8, 81); });
}
"""
WORKERS = WORKERS.replace("nullptr_block()", "&too_big").replace(
    "class Pool", "static const ttalloc_block too_big = {0, 0, 0, 0, 1u << 30, 0};\n\nclass Pool")

EXPECTED = {11: (None, 0), 20: ("layer/matmul", 0), 31: ("layer/matmul", 1), 41: ("own", 0), 51: ("layer/matmul", 1),
            61: ("layer/matmul", 1), 71: ("layer/matmul", 1), 81: (None, 0)}


def compiled(place, *flags):
    source, program = place.file("workers.cpp"), place.file("workers")
    pathlib.Path(source).write_text(WORKERS)
    hook = harness.BUILD / "hook"
    done = harness.run(["g++", "-std=c++17", "-O1", "-g", *flags, f"-I{harness.SOURCE / 'include'}", source, "-o", program,
                        f"-L{hook}", "-lttalloc", f"-Wl,-rpath,{hook}", "-pthread"])
    return program if done.returncode == 0 else harness.skip(f"no C++ program can be made: {done.stderr}")


def record(place, *command, **env):
    file = place.file("run.db")
    done = harness.run([harness.program("ttalloc-recorder"), "--force", "-q", "-o", file, "--", *command],
                       env={**place.env, **env}, cwd=place.path)
    harness.equal((done.returncode, done.stderr), (0, ""), "status and stderr")
    return file


def ask(place, *arguments):
    done = harness.run([harness.program("ttalloc-analyze"), *arguments, "--json"], env=place.env)
    harness.equal(done.returncode, 0, f"{arguments}: {done.stderr}")
    return json.loads(done.stdout)


def sql(place, file, text):
    return [tuple(row.values()) for row in ask(place, "sql", file, text)["rows"]]


def workers():
    for flags in ((), ("-fsanitize=address",), ("-fsanitize=thread",)):
        place = harness.Place()
        program = compiled(place, *flags)
        file = record(place, program, ASAN_OPTIONS="detect_leaks=0")
        harness.equal({size: rest for size, *rest in sql(place, file, "SELECT size_bytes, label, label_inherited FROM "
                                                         "allocation")},
                      {size: list(rest) for size, rest in EXPECTED.items()}, f"blocks {flags}")
        harness.equal(sql(place, file, "SELECT label, label_inherited FROM failure"), [("layer/matmul", 1)], "failures")
        harness.equal(sql(place, file, "SELECT kind, label, label_inherited FROM event WHERE label_inherited ORDER BY 1, "
                          "size_bytes"),
                      [("alloc", "layer/matmul", 1)] * 3 + [("alloc_failed", "layer/matmul", 1),
                                                            ("cb_alloc", "layer/matmul", 1)], "events")
        harness.equal(sql(place, file, "SELECT label, label_inherited FROM event WHERE kind = 'free'"), [(None, 0)], "free")
        harness.equal(ask(place, "verify", file)["rows"], [], "what verify finds")


def notes():
    place = harness.Place()
    file = record(place, compiled(place))
    for verb in ("allocated", "leaks", "peak"):
        lines = [line for line in ask(place, verb, file, "--by", "label")["notes"] if "inherited" in line]
        harness.equal(len(lines), 1, f"{verb}: {lines}")
        lines = [line for line in ask(place, verb, file, "--by", "thread")["notes"] if "inherited" in line]
        harness.equal(lines, [], f"{verb}, by thread")


PYTHON = """
import threading, ttalloc
def work(size):
    ttalloc.alloc(0, 0, size, size)
    with ttalloc.label("own"):
        ttalloc.alloc(0, 0, size + 1, size + 1)
with ttalloc.label("outer"):
    threads = [threading.Thread(target=work, args=(size,)) for size in (100, 200, 300)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def threads_of_python():
    place = harness.Place()
    file = record(place, sys.executable, "-c", PYTHON, PYTHONPATH=str(harness.BUILD / "hook/ttalloc/python"),
                  LD_LIBRARY_PATH=str(harness.BUILD / "hook"))
    expected = {(size + more, label, inherited) for size in (100, 200, 300)
                for more, label, inherited in ((0, "outer", 1), (1, "own", 0))}
    harness.equal(set(sql(place, file, "SELECT size_bytes, label, label_inherited FROM allocation")), expected, "blocks")


harness.main(workers, notes, threads_of_python)
