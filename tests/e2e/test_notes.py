# SPDX-License-Identifier: Apache-2.0
"""What producers say of their own recording: notes, losses, circular buffers that end alone, structs of older headers."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tt_metal"))

import harness  # noqa: E402
import standins  # noqa: E402
from harness import BUILD, SOURCE, Place, analyze, check, equal, main, program, run, skip, verify  # noqa: E402

PROGRAM = r"""
#include <stddef.h>
#include <string.h>
#include <ttalloc.h>

static void cb(uint32_t index, uint64_t size_bytes)
{
	ttalloc_cb_alloc(&(struct ttalloc_cb){.struct_size = sizeof(struct ttalloc_cb), .device = 3, .program = 9,
	                                      .address = 1024, .size_bytes = size_bytes, .index = index});
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "notes") == 0) {
		for (int i = 0; i < 3; i++)
			ttalloc_note("events without memory", 2);
		ttalloc_note("another thing", 1);
	}
	if (argc > 1 && strcmp(argv[1], "blind") == 0)
		ttalloc_note("cannot see half of it", 0);
	if (argc > 1 && strcmp(argv[1], "lost") == 0) {
		ttalloc_lost(7);
		ttalloc_lost(0);
	}
	cb(1, 100);
	cb(2, 30);
	ttalloc_cb_free_one(&(struct ttalloc_cb){.struct_size = sizeof(struct ttalloc_cb), .device = 3, .program = 9, .index = 1});
	struct ttalloc_cb old = {.struct_size = offsetof(struct ttalloc_cb, aliased), .device = 3, .program = 9, .size_bytes = 5,
	                         .index = 4, .aliased = 1, .cores = (void *)8, .core_ranges = 9};
	ttalloc_cb_alloc(&old);
	return 0;
}
"""


def record(place, *command, **env):
    file = place.file("run.db")
    result = run([program("ttalloc-recorder"), "--force", "-o", file, "--", *map(str, command)],
                 env={**place.env, **env}, cwd=place.path)
    equal(result.returncode, 0, f"status ({result.stdout}{result.stderr})")
    return file, result.stderr


def compiled(place):
    source, binary, hook = pathlib.Path(place.file("notes.c")), place.file("notes"), BUILD / "hook"
    source.write_text(PROGRAM, encoding="utf-8")
    result = run(["cc", "-O1", f"-I{SOURCE / 'include'}", str(source), "-o", binary, f"-L{hook}", "-lttalloc",
                  f"-Wl,-rpath,{hook}"])
    equal(result.returncode, 0, result.stderr)
    return binary


def notes_are_added_up():
    place = Place()
    file, _ = record(place, compiled(place), "notes")
    info = analyze("info", file)
    equal((info["complete"], info["rows"][0]["notes"]), (True, ["1 another thing", "6 events without memory"]), "info")
    rows = analyze("sql", "SELECT note, count FROM note ORDER BY note", file)["rows"]
    equal([(row["note"], row["count"]) for row in rows], [("another thing", 1), ("events without memory", 6)], "the view")
    equal(info["rows"][0]["events"], 4, "events: notes are none")
    verify(file)


def what_cannot_be_seen_is_missing():
    place = Place()
    file, said = record(place, compiled(place), "blind")
    check("INCOMPLETE" in said and "cannot see half of it" in said, f"the summary: {said}")
    answer = analyze("peak", file)
    equal((answer["complete"], len([note for note in answer["notes"] if "cannot see half of it" in note])), (False, 1), "peak")
    equal(run([program("ttalloc-analyze"), "peak", "--strict", file]).returncode, 3, "status of --strict")
    equal(analyze("info", file)["rows"][0]["notes"], ["cannot see half of it"], "info")


def losses_of_a_producer():
    place = Place()
    file, _ = record(place, compiled(place), "lost")
    rows = analyze("sql", "SELECT count, why FROM loss ORDER BY count", file)["rows"]
    equal([(row["count"], row["why"]) for row in rows], [(None, "switched off"), (7, "switched off")], "losses")
    equal(analyze("info", file)["rows"][0]["lost"], 7, "lost")
    verify(file)


def circular_buffers_that_end_alone():
    place = Place()
    file, _ = record(place, compiled(place))
    row, = analyze("peak", file)["rows"]
    equal((row["device"], row["region"], row["peak_bytes"]), (3, "CB", 130), "the peak")
    rows = analyze("sql", "SELECT size_bytes, ended, aliased FROM allocation ORDER BY alloc_ns, allocation_id", file)["rows"]
    equal([(row["size_bytes"], row["ended"], row["aliased"]) for row in rows],
          [(100, "freed", 0), (30, "process exit", 0), (5, "process exit", 0)], "blocks, the last of an older header")
    verify(file)


def preload_that_cannot_see():
    """An unknown layout, and calls that never arrive: in the file, as on the terminal."""
    if not standins.preload() or not standins.COMPILERS:
        skip("there is no C++ compiler, or no preload")
    for generation, variant, word in ((standins.UNKNOWN_GENERATION, "plain", "not known"), (202606, "bsymbolic", "Bsymbolic")):
        place = Place()
        standin = standins.standin(standins.COMPILERS[0], generation, variant)
        script = str(SOURCE / "tests/e2e/test_tt_metal_preload.py")
        file, said = record(place, sys.executable, script, "tracking_test", standin,
                            LD_LIBRARY_PATH=str(standins.preload().parent), LD_PRELOAD=str(standins.preload()))
        check(word in said, f"{variant}: {said}")
        info = analyze("info", file)
        equal(info["complete"], False, f"{variant}: complete")
        check(any(word in note for note in info["rows"][0]["notes"]), f"{variant}: {info}")
        equal(analyze("peak", file)["rows"], [], f"{variant}: nothing wrong is recorded")


main(notes_are_added_up, what_cannot_be_seen_is_missing, losses_of_a_producer, circular_buffers_that_end_alone,
     preload_that_cannot_see)
