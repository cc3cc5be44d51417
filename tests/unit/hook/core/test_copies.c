/* SPDX-License-Identifier: Apache-2.0
 *
 * test_copies.c - a program that has the library twice, once linked statically and once loaded, is one recording.
 */
#include "tests/unit/hook/copy.h"
#include "tests/unit/hook/segment_reader.h"

static void report_through_both(struct copy copy)
{
	struct ttalloc_block block = {.address = 1, .size_bytes = 1};

	copy.label_push("plugin");
	block.address++;
	copy.alloc(&block);
	block.address++;
	ttalloc_alloc(&block);
	copy.alloc_failed(&block, "no room");
	copy.label_pop();
	block.address++;
	copy.alloc(&block);
}

static void run_copies(void *argument)
{
	bool plugin_first = *(bool *)argument;
	struct copy copy = functions_of(load_copy());
	struct ttalloc_block block = {.address = 1, .size_bytes = 1};
	pid_t child;

	if (plugin_first)
		copy.alloc(&block);
	else
		ttalloc_alloc(&block);
	report_through_both(copy);
	child = fork();
	if (child == 0) {
		report_through_both(copy);
		_exit(0);
	}
	CHILD_CHECK(wait_child(child) == 0);
}

static void check_copies(void **state, bool plugin_first)
{
	pid_t child = run_child(run_copies, &plugin_first);
	struct recording recording;
	char path[256], label[64];
	uint32_t bytes;

	assert_true(find_segment(*state, child, path, sizeof(path)));
	recording = recording_open(path);
	assert_int_equal(recording.count, 5);
	assert_int_equal(recording.events[1].address, 2);
	assert_int_equal(recording.events[2].address, 3);
	assert_int_equal(recording.events[4].address, 4);
	for (size_t i = 1; i < 4; i++) {
		recording_label(&recording, recording.events[i].label, label, sizeof(label));
		assert_string_equal(label, "plugin");
	}
	assert_int_equal(recording.events[4].label, 0);
	assert_memory_equal(recording_entry(&recording, (uint32_t)recording.events[3].address, TTA_ENTRY_TEXT, &bytes),
	                    "no room", 7);
	recording_close(&recording);
}

static void test_two_copies_are_one_recording(void **state)
{
	const struct place *place = *state;
	struct dirent *entry;
	DIR *directory;
	int segments = 0;
	void *library = load_copy();

	if (!library)
		skip();
	dlclose(library);
	check_copies(state, false);
	check_copies(state, true);
	directory = opendir(place->directory);
	while ((entry = readdir(directory)))
		segments += strstr(entry->d_name, ".segment") != NULL;
	closedir(directory);
	assert_int_equal(segments, 4); /* two programs, one child of each */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_two_copies_are_one_recording, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
