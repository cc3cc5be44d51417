# SPDX-License-Identifier: Apache-2.0
"""What there is too much of is counted and said: labels within labels, cores in pieces, sizes, words of tensors."""
import pathlib
import sqlite3

from harness import BUILD, SOURCE, Place, analyze, check, equal, main, program, run, verify

PROGRAM = r"""
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stdio.h>
#include <ttalloc.h>
#include <hook/core/producer.h>

static void block(uint64_t address, uint64_t size_bytes)
{
	ttalloc_alloc(&(struct ttalloc_block){.device = 1, .address = address, .size_bytes = size_bytes});
}

/* 70 labels: a block in each of the last ones, on the way in and on the way out; a child has the labels, too. */
static void labels(void)
{
	for (int i = 1; i <= 70; i++) {
		char name[16];

		snprintf(name, sizeof(name), "l%d", i);
		ttalloc_label_push(name);
		if (i > 62)
			block(64 * i, 64);
	}
	if (fork() == 0) {
		block(64, 64);
		ttalloc_label_pop();
		_exit(0);
	}
	wait(NULL);
	for (int i = 70; i > 62; i--) {
		block(6400 * i, 64);
		ttalloc_label_pop();
	}
}

/* A circular buffer on each other one of COUNT cores, of a device whose cores are told as well. */
static void cores(uint32_t count)
{
	struct ttalloc_core_range ranges[256];

	for (uint32_t i = 0; i < count; i++)
		ranges[i] = (struct ttalloc_core_range){i % 8 * 2, i / 8 * 2, i % 8 * 2, i / 8 * 2};
	ttalloc_cb_alloc(&(struct ttalloc_cb){.struct_size = sizeof(struct ttalloc_cb), .device = 1, .program = 1, .size_bytes = 64,
	                                      .cores = ranges, .core_ranges = count});
}

/* One on SIDE times SIDE cores. */
static void grid(uint16_t side)
{
	ttalloc_cb_alloc(&(struct ttalloc_cb){.struct_size = sizeof(struct ttalloc_cb), .device = 1, .program = 1, .size_bytes = 64,
	    .cores = &(struct ttalloc_core_range){0, 0, side - 1, side - 1}, .core_ranges = 1});
}

static void device(uint32_t count)
{
	struct ttalloc_core_range ranges[256];

	for (uint32_t i = 0; i < count; i++)
		ranges[i] = (struct ttalloc_core_range){i % 8 * 2, i / 8 * 2, i % 8 * 2, i / 8 * 2};
	ttalloc_device_open(&(struct ttalloc_device){.struct_size = sizeof(struct ttalloc_device), .device = ttalloc_on(1, 2),
	    .layout_count = 1, .layouts = &(struct ttalloc_bank_layout){.region = TTALLOC_L1, .banks = 2, .bank_bytes = 4096},
	    .cores = count, .core_ranges = count, .core_range_list = ranges});
}

/* COUNT blocks that come and go alike, each of which may be a step; some stay. */
static void steps(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		block(64, 64);
		ttalloc_free(1, TTALLOC_DRAM, 64);
		if (i % 100 == 0)
			block(128 + 64 * i, 32);
	}
}

static void tensor(size_t bytes)
{
	static char grid[4096];
	struct ttalloc_tensor_spec spec = {.shape = "1x64", .dtype = "bfloat16", .shard_grid = grid};

	memset(grid, 'x', bytes);
	block(64, 64);
	ttalloc_operation_begin("add");
	ttalloc_tensor(&(struct ttalloc_tensor){.device = 1, .region = TTALLOC_DRAM, .address = 64, .spec = &spec});
	ttalloc_operation_end(false);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "labels") == 0)
		labels();
	else if (strcmp(what, "cores") == 0)
		cores(65);
	else if (strcmp(what, "cores-that-fit") == 0)
		cores(64);
	else if (strcmp(what, "device") == 0)
		device(65);
	else if (strcmp(what, "device-that-fits") == 0)
		device(64);
	else if (strcmp(what, "grid") == 0)
		grid(100);
	else if (strcmp(what, "huge-grid") == 0)
		grid(300);
	else if (strcmp(what, "why") == 0) {
		static char why[2000];

		memset(why, 'w', sizeof(why) - 1);
		memcpy(why + 1022, "\u00e9", 2);
		ttalloc_alloc_failed(&(struct ttalloc_block){.size_bytes = 64}, why + 1000);
		ttalloc_alloc_failed(&(struct ttalloc_block){.size_bytes = 64}, why);
	} else if (strcmp(what, "steps") == 0)
		steps(1000010);
	else if (strcmp(what, "notes") == 0)
		for (int i = 0; i < 70; i++) {
			char text[32];

			snprintf(text, sizeof(text), "thing number %02d", i);
			ttalloc_note(text, 0);
		}
	else if (strcmp(what, "sizes") == 0)
		block(64, UINT64_C(1) << 60);
	else if (strcmp(what, "tensor") == 0)
		tensor(4000);
	else if (strcmp(what, "tensor-that-fits") == 0)
		tensor(800);
	return 0;
}
"""


def compiled(place):
    source, binary, hook = pathlib.Path(place.file("limits.c")), place.file("limits"), BUILD / "hook"
    source.write_text(PROGRAM, encoding="utf-8")
    result = run(["cc", f"-I{SOURCE / 'include'}", f"-I{SOURCE}", str(source), "-o", binary, f"-L{hook}", "-lttalloc", f"-Wl,-rpath,{hook}"])
    equal(result.returncode, 0, result.stderr)
    return binary


def record(place, binary, what, *options):
    file = place.file("run.db")
    result = run([program("ttalloc-recorder"), "--force", *options, "-o", file, "--", binary, what], env=place.env, cwd=place.path)
    equal(result.returncode, 0, f"{result.stdout}{result.stderr}")
    verify(file)
    return file, result.stderr


def rows(file, sql):
    return [tuple(row.values()) for row in analyze("sql", sql, file)["rows"]]


def notes(file):
    return analyze("peak", file)["notes"]


def labels_within_64_others():
    """They count as the 64th, and that is said; those that are popped again take nothing with them."""
    place = Place()
    file, said = record(place, compiled(place), "labels")
    deepest = "/".join(f"l{i}" for i in range(1, 65))
    count = dict(rows(file, "SELECT label, count(*) FROM allocation GROUP BY label"))
    equal((count.pop(deepest), sorted(count.values())), (2 * 7 + 1, [2]), "blocks by label")
    equal(rows(file, "SELECT sum(count) FROM loss WHERE why = 'no room for labels'"), [(2 * 6 + 1,)], "what lacks one")
    check("no room for labels in the tables of the programs: 13 events go without (raise TTALLOC_SPOOL_MIB; a thread has at most 64 at once)"
          in said, said)
    equal(analyze("info", file)["complete"], False, "complete")


def cores_in_many_pieces():
    place = Place()
    binary = compiled(place)
    for what, complete, peak in (("cores-that-fit", True, True), ("cores", False, False)):
        file, said = record(place, binary, what)
        equal(analyze("peak", "--region", "CB", file)["complete"], complete, f"{what}: complete")
        equal(analyze("peak", "--region", "DRAM", file)["complete"], True, f"{what}: of DRAM")
        equal(("in too many pieces to be told apart" in said), not complete, f"{what}: {said}")
        equal(rows(file, "SELECT cores IS NOT NULL FROM circular_buffer"), [(int(peak),)], f"{what}: cores")


def all_cores_are_listed():
    place = Place()
    binary = compiled(place)
    file, _ = record(place, binary, "grid")
    equal(len(analyze("peak", "--by", "core", "--region", "CB", "-n", "0", file)["rows"]), 10000, "cores")
    file, _ = record(place, binary, "huge-grid")
    done = run([program("ttalloc-analyze"), "peak", "--by", "core", "--region", "CB", file])
    equal((done.returncode, "more than 65536 cores hold something" in done.stderr), (2, True), done.stderr)


def devices_in_many_pieces():
    place = Place()
    binary = compiled(place)
    for what, complete in (("device-that-fits", True), ("device", False)):
        file, said = record(place, binary, what)
        equal(analyze("info", file)["complete"], complete, f"{what}: complete {said}")
        equal(any("blocks lie on cores in too many pieces" in line for line in notes(file)), not complete, f"{what}: {notes(file)}")


def sizes_that_cannot_be():
    place = Place()
    file, said = record(place, compiled(place), "sizes")
    check("no room for sizes from 256 TiB on in the recorder: 1 event goes without\n" in said, said)
    equal(analyze("info", file)["complete"], False, "complete")


def an_allocator_says_a_lot():
    """Its words are there as far as they go, and no half of a character."""
    place = Place()
    file, _ = record(place, compiled(place), "why")
    equal(rows(file, "SELECT length(CAST(why AS BLOB)) AS bytes, instr(why, '\u00e9') AS at FROM failure ORDER BY at_ns"), [(999, 23), (1022, 0)], "words")


def words_of_tensors():
    place = Place()
    binary = compiled(place)
    for what, kept, noted in (("tensor-that-fits", 800, []), ("tensor", None, ["1 tensors of which more is said than is kept: a word is left out"])):
        file, _ = record(place, binary, what)
        equal(rows(file, "SELECT length(shard_grid), shape FROM tensor_spec"), [(kept, "1x64")], what)
        equal(analyze("info", file)["rows"][0]["notes"] or [], noted, f"{what}: notes")


def steps_that_were_found():
    """The last million; that there were more is said."""
    place = Place()
    file, _ = record(place, compiled(place), "steps", "--lossless")
    found = [note for note in analyze("steps", "--by", "size", file)["notes"] if "1000000 times" in note]
    check(len(found) == 1 and "steps before that are too many, and left out" in found[0], f"notes: {found}")


def keys_are_too_many_to_check():
    """What verify does not look at, it says."""
    place = Place()
    file, _ = record(place, compiled(place), "tensor-that-fits")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE batch SET last_key = 1 << 40")
    found = [row["detail"] for row in analyze("verify", file, status=1)["rows"]]
    check(any(detail == f"keys go up to {1 << 40}, too far to check each operation" for detail in found), f"findings: {found}")


def notes_of_one_kind():
    """The first are told, and how many more there are."""
    place = Place()
    file, said = record(place, compiled(place), "notes")
    check("thing number 03\n" in said and "thing number 04" not in said and "and 66 more, in the view note\n" in said, said)
    listed = analyze("info", file)["rows"][0]["notes"]
    equal((len(listed), listed[-1]), (65, "and 6 more"), "info")


main(labels_within_64_others, cores_in_many_pieces, all_cores_are_listed, devices_in_many_pieces, sizes_that_cannot_be, words_of_tensors, an_allocator_says_a_lot, keys_are_too_many_to_check,
     steps_that_were_found, notes_of_one_kind)
