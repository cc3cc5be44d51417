/* SPDX-License-Identifier: Apache-2.0
 *
 * test_recording.c - what a process reports is in its segment: all of it, in order, with what it names.
 */
#include "hook/core/producer.h"
#include "tests/unit/hook/segment_reader.h"

#include <pthread.h>
#include <sched.h>

#include "hook/core/context.h"

#define EVENTS 5000

/* Runs RUN in a child and opens what it left. */
static struct recording record(void **state, void (*run)(void *), void *argument)
{
	pid_t child = run_child(run, argument);
	char path[256];

	assert_true(find_segment(*state, child, path, sizeof(path)));
	return recording_open(path);
}

/* In the child: until the flusher has sealed so many events. */
static void await_sealed(uint64_t number)
{
	for (int i = 0; __atomic_load_n(&tta_context.spool.header->sealed_number, __ATOMIC_RELAXED) < number; i++) {
		CHILD_CHECK(i < 60000);
		sleep_ms(1);
	}
}

/* ---- One thread ---- */

static void run_pairs(void *argument)
{
	(void)argument;
	for (uint64_t i = 0; i < EVENTS; i++) {
		report_alloc(i * 64, i + 1);
		ttalloc_free(1, TTALLOC_L1, i * 64);
	}
}

static void check_pairs(const struct recording *recording)
{
	assert_int_equal(recording->count, 2 * EVENTS);
	assert_int_equal(recording->first_number, recording->sealed ? 1 : 0);
	for (size_t i = 0; i < recording->count; i++) {
		const struct tta_event *event = &recording->events[i];

		assert_int_equal(event->kind, i % 2 ? TTA_FREE : TTA_ALLOC);
		assert_int_equal(event->address, i / 2 * 64);
		assert_int_equal(event->size_bytes, i % 2 ? 0 : i / 2 + 1);
		assert_int_equal(event->device, 1);
		assert_int_equal(event->region, TTALLOC_L1);
		assert_int_equal(event->label, 0);
	}
	assert_int_equal(recording->lost, 0);
}

static void test_one_thread(void **state)
{
	struct recording recording = record(state, run_pairs, NULL);

	check_pairs(&recording);
	recording_close(&recording);
}

static void run_pairs_sealed(void *argument)
{
	run_pairs(argument);
	await_sealed(2 * EVENTS);
}

static void test_flusher_seals_by_itself(void **state)
{
	struct recording recording = record(state, run_pairs_sealed, NULL);

	check_pairs(&recording);
	assert_int_equal(recording.sealed, 2 * EVENTS);
	recording_close(&recording);
}

static void run_killed(void *argument)
{
	run_pairs(argument);
	raise(SIGKILL);
}

static void test_killed_process_loses_nothing(void **state)
{
	pid_t child = start_child(run_killed, NULL);
	struct recording recording;
	char path[256];

	assert_true(WIFSIGNALED(wait_child(child)));
	assert_true(find_segment(*state, child, path, sizeof(path)));
	recording = recording_open(path);
	check_pairs(&recording);
	recording_close(&recording);
}

static void test_header(void **state)
{
	pid_t child = run_child(run_pairs, NULL);
	const struct place *place = *state;
	struct recording recording;
	char path[256];
	uint8_t zeros[TTA_ID_BYTES] = {0};

	assert_true(find_segment(*state, child, path, sizeof(path)));
	recording = recording_open(path);
	assert_int_equal(recording.header->version, TTA_SEGMENT_VERSION);
	assert_int_equal(recording.header->pid, child);
	assert_int_equal(recording.header->parent_pid, getpid());
	assert_int_equal(recording.header->uid, geteuid());
	assert_true(recording.header->start_time > 0);
	assert_memory_equal(recording.header->parent_id, zeros, sizeof(zeros));
	assert_memory_not_equal(recording.header->id, zeros, sizeof(zeros));
	assert_string_equal(recording.header->socket_path, place->socket);
	assert_string_equal(recording.header->producer, "api");
	assert_int_equal(strlen(recording.header->boot_id), 36);
	assert_non_null(strstr(recording.header->executable, "unit_hook_core_recording"));
	assert_non_null(strstr(recording.header->command, "unit_hook_core_recording"));
	assert_true(recording.events[0].ticks >= recording.header->anchor_ticks);
	recording_close(&recording);
}

/* ---- Threads ---- */

#define THREADS 8

static void *run_thread(void *argument)
{
	uint64_t base = (uint64_t)(uintptr_t)argument << 32;

	for (uint64_t i = 0; i < EVENTS; i++)
		report_alloc(base + i, 1);
	return NULL;
}

static void run_threads(void *argument)
{
	pthread_t threads[THREADS];

	(void)argument;
	for (uintptr_t i = 0; i < THREADS; i++)
		CHILD_CHECK(pthread_create(&threads[i], NULL, run_thread, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	await_sealed(THREADS * EVENTS);
}

static void test_many_threads(void **state)
{
	struct recording recording = record(state, run_threads, NULL);
	uint64_t next[THREADS] = {0};
	uint32_t entry_of[THREADS] = {0};

	assert_int_equal(recording.count, THREADS * EVENTS);
	for (size_t i = 0; i < recording.count; i++) {
		uint64_t thread = recording.events[i].address >> 32;
		const struct tta_thread_entry *entry;
		uint32_t bytes;

		assert_in_range(thread, 0, THREADS - 1);
		assert_int_equal(recording.events[i].address & UINT32_MAX, next[thread]++);
		entry = recording_entry(&recording, recording.threads[i], TTA_ENTRY_THREAD, &bytes);
		assert_int_equal(bytes, sizeof(*entry));
		assert_true(entry->tid != 0 && entry->serial >= 1 && entry->serial <= THREADS);
		assert_true(!entry_of[thread] || entry_of[thread] == recording.threads[i]);
		entry_of[thread] = recording.threads[i];
	}
	recording_close(&recording);
}

/* Threads take turns: what each reports follows from what the one before has reported. */
#define TURNS 8000

static uint64_t turn;

static void *take_turns(void *argument)
{
	for (uint64_t i = (uintptr_t)argument; i < TURNS; i += 4) {
		while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != i)
			sched_yield();
		if (i % 2)
			ttalloc_free(1, TTALLOC_L1, i / 2);
		else
			report_alloc(i / 2, 1);
		__atomic_store_n(&turn, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void run_turns(void *argument)
{
	pthread_t threads[4];

	(void)argument;
	for (uintptr_t i = 0; i < 4; i++)
		CHILD_CHECK(pthread_create(&threads[i], NULL, take_turns, (void *)i) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	await_sealed(TURNS);
}

static void test_order_across_threads(void **state)
{
	struct recording recording;

	setenv("TTALLOC_FLUSH_MS", "1", 1); /* many cuts */
	setenv("TTALLOC_FULL_WAIT_MS", "10000", 1);
	recording = record(state, run_turns, NULL);
	assert_int_equal(recording.count, TURNS);
	assert_int_equal(recording.sealed, TURNS);
	for (size_t i = 0; i < recording.count; i++) {
		assert_int_equal(recording.events[i].kind, i % 2 ? TTA_FREE : TTA_ALLOC);
		assert_int_equal(recording.events[i].address, i / 2);
	}
	recording_close(&recording);
}

static void *run_few(void *argument)
{
	report_alloc((uintptr_t)argument, 1);
	return NULL;
}

static void run_short_threads(void *argument)
{
	(void)argument;
	for (uintptr_t i = 0; i < 300; i++) {
		pthread_t thread;

		CHILD_CHECK(pthread_create(&thread, NULL, run_few, (void *)i) == 0);
		pthread_join(thread, NULL);
		if (i % 10 == 9)
			sleep_ms(2); /* the flusher frees rings */
	}
}

static void test_rings_of_ended_threads_are_reused(void **state)
{
	struct recording recording;

	setenv("TTALLOC_FLUSH_MS", "1", 1);
	recording = record(state, run_short_threads, NULL);
	assert_int_equal(recording.count, 300);
	assert_in_range(recording.header->ring_count, 1, 200);
	for (size_t i = 0; i < recording.count; i++) {
		const struct tta_thread_entry *entry;
		uint32_t bytes;

		assert_int_equal(recording.events[i].address, i);
		entry = recording_entry(&recording, recording.threads[i], TTA_ENTRY_THREAD, &bytes);
		assert_int_equal(entry->serial, i + 1);
	}
	recording_close(&recording);
}

#if defined(__SANITIZE_THREAD__)
#define LATE_ROUNDS 1 /* after that, the sanitizer itself has forgotten the thread */
#else
#define LATE_ROUNDS 3 /* one call more than that: all that there may be */
#endif

static pthread_key_t late_key;

static void report_late(void *value)
{
	report_alloc(2, 1);
	if (*(int *)value) {
		--*(int *)value;
		pthread_setspecific(late_key, value);
	}
}

/* Destructors of a thread's data may report up to the very end. */
static void *run_late(void *argument)
{
	report_alloc(1, 1);
	pthread_setspecific(late_key, argument);
	return NULL;
}

static void run_late_threads(void *argument)
{
	(void)argument;
	CHILD_CHECK(pthread_key_create(&late_key, report_late) == 0);
	for (int i = 0; i < 20; i++) {
		int rounds = LATE_ROUNDS;
		pthread_t thread;

		CHILD_CHECK(pthread_create(&thread, NULL, run_late, &rounds) == 0);
		pthread_join(thread, NULL);
		sleep_ms(3);
	}
}

static void test_events_of_destructors(void **state)
{
	struct recording recording;
	uint32_t live = 0;

	setenv("TTALLOC_FLUSH_MS", "1", 1);
	recording = record(state, run_late_threads, NULL);
	assert_int_equal(recording.count, 20 * (2 + LATE_ROUNDS));
	for (uint32_t i = 0; i < recording.header->ring_count; i++)
		live += recording_rings(&recording)[i].state == TTA_RING_LIVE;
	assert_int_equal(live, 0);
	recording_close(&recording);
}

/* ---- Labels, steps, and events with entries ---- */

static void run_labels(void *argument)
{
	char deep[8];

	(void)argument;
	report_alloc(0, 1);
	ttalloc_label_push("forward");
	ttalloc_label_push("layer 1");
	report_alloc(1, 1);
	ttalloc_label_pop();
	report_alloc(2, 1);
	ttalloc_label_push("layer 1");
	report_alloc(3, 1);
	ttalloc_label_pop();
	ttalloc_label_pop();
	ttalloc_label_pop(); /* one too many */
	report_alloc(4, 1);
	for (int i = 0; i < 70; i++) {
		snprintf(deep, sizeof(deep), "%d", i);
		ttalloc_label_push(deep);
		if (i == 63 || i == 69)
			report_alloc(5, 1);
	}
	for (int i = 0; i < 70; i++)
		ttalloc_label_pop();
	report_alloc(6, 1);
	ttalloc_label_push(NULL);
	report_alloc(7, 1);
	ttalloc_label_pop();
}

static void test_labels(void **state)
{
	static const char *const wanted[] = {"", "forward/layer 1", "forward", "forward/layer 1", ""};
	struct recording recording = record(state, run_labels, NULL);
	char path[1024];

	assert_int_equal(recording.count, 9);
	for (size_t i = 0; i < 5; i++) {
		recording_label(&recording, recording.events[i].label, path, sizeof(path));
		assert_string_equal(path, wanted[i]);
	}
	assert_int_equal(recording.events[1].label, recording.events[3].label);
	recording_label(&recording, recording.events[5].label, path, sizeof(path));
	assert_string_equal(path + strlen(path) - 8, "61/62/63");
	assert_false(recording.events[5].label & TTA_LEFT_OUT);
	assert_int_equal(recording.events[6].label, recording.events[5].label | TTA_LEFT_OUT);
	assert_int_equal(recording.events[7].label, 0);
	recording_label(&recording, recording.events[8].label, path, sizeof(path));
	assert_true(recording.events[8].label != 0 && path[0] == 0);
	recording_close(&recording);
}

/* ---- Operations ---- */

static void run_operations(void *argument)
{
	pid_t child;

	(void)argument;
	setenv("TTALLOC_OPS", "1", 1);
	ttalloc_operation_end(false); /* of none */
	ttalloc_operation_begin("matmul");
	ttalloc_label_push("inside");
	ttalloc_operation_begin_with("create", "Shape([1, 2])", 13);
	child = fork();
	if (child == 0) {
		ttalloc_operation_end(false); /* of its parent's */
		_exit(0);
	}
	CHILD_CHECK(wait_child(child) == 0);
	ttalloc_operation_end(true);
	ttalloc_label_pop();
	ttalloc_operation_end(false);
}

static void test_operations(void **state)
{
	static const struct {
		uint8_t kind, level, how;
	} wanted[] = {{TTA_OPERATION_BEGIN, 0, 0}, {TTA_LABEL_BEGIN, 0, 0},
	              {TTA_OPERATION_BEGIN, 1, 0}, {TTA_OPERATION_END, 1, TTA_OPERATION_ABORTED},
	              {TTA_LABEL_END, 0, 0},       {TTA_OPERATION_END, 0, TTA_OPERATION_RETURNED}};
	struct recording recording = record(state, run_operations, NULL);
	const uint8_t *name;
	uint32_t bytes;
	char path[64];

	assert_int_equal(recording.count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(recording.events[i].kind, wanted[i].kind);
		assert_int_equal(recording.events[i].bank_bytes, wanted[i].level);
		if (i != 2)
			assert_int_equal(recording.events[i].size_bytes, wanted[i].how);
		recording_label(&recording, recording.events[i].label, path, sizeof(path));
		assert_string_equal(path, i > 0 && i < 5 ? "inside" : "");
	}
	name = recording_entry(&recording, (uint32_t)recording.events[2].address, TTA_ENTRY_OPERATION, &bytes);
	assert_true(bytes == 6 && memcmp(name, "create", 6) == 0);
	name = recording_entry(&recording, (uint32_t)recording.events[2].range.arguments_entry, TTA_ENTRY_ARGUMENTS,
	                       &bytes);
	assert_true(bytes == 13 && memcmp(name, "Shape([1, 2])", 13) == 0);
	recording_close(&recording);
}

static void run_many_labels(void *argument)
{
	char name[16];

	(void)argument;
	for (uint64_t round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 5000; i++) {
			snprintf(name, sizeof(name), "label %d", (int)i);
			ttalloc_label_push(name);
			report_alloc(i, 1);
			ttalloc_label_pop();
		}
}

static void test_names_are_kept_once(void **state)
{
	struct recording recording = record(state, run_many_labels, NULL);
	char path[64], wanted[64];

	assert_int_equal(recording.count, 10000);
	for (size_t i = 0; i < 10000; i++) {
		assert_int_equal(recording.events[i].label, recording.events[i % 5000].label);
		recording_label(&recording, recording.events[i].label, path, sizeof(path));
		snprintf(wanted, sizeof(wanted), "label %d", (int)(i % 5000));
		assert_string_equal(path, wanted);
	}
	assert_true(recording.header->table_bytes < 5000 * 32 + 1000);
	recording_close(&recording);
}

static void run_cold(void *argument)
{
	const struct ttalloc_core_range cores[] = {{0, 0, 7, 7}, {1, 2, 3, 4}};
	const struct ttalloc_bank_layout layouts[] = {
	    {.region = TTALLOC_DRAM, .banks = 12, .bank_bytes = 1ull << 30, .alignment_bytes = 32}};
	char too_long[TTALLOC_WHY_MAX + 60];

	(void)argument;
	memset(too_long, 'x', TTALLOC_WHY_MAX - 1);
	strcpy(too_long + TTALLOC_WHY_MAX - 1, "\xC3\xA4\xC3\xA4"); /* letters of two bytes each, across the limit */
	ttalloc_device_open(&(struct ttalloc_device){.struct_size = sizeof(struct ttalloc_device),
	                                             .device = 3,
	                                             .arch = "wormhole_b0",
	                                             .layouts = layouts,
	                                             .layout_count = 1});
	ttalloc_cb_alloc(&(struct ttalloc_cb){.struct_size = sizeof(struct ttalloc_cb),
	                                      .device = 3,
	                                      .program = 77,
	                                      .address = 1024,
	                                      .size_bytes = 2048,
	                                      .index = 5,
	                                      .aliased = 1,
	                                      .cores = cores,
	                                      .core_ranges = 2});
	ttalloc_program_run(3, 77);
	ttalloc_cb_free(3, 77);
	ttalloc_kernel_load(&(struct ttalloc_kernel){.struct_size = sizeof(struct ttalloc_kernel),
	                                             .device = 3,
	                                             .id = 9,
	                                             .size_bytes = 5000,
	                                             .name = "matmul",
	                                             .core_type = "worker"});
	ttalloc_kernel_unload(3, 9);
	ttalloc_alloc_failed(&(struct ttalloc_block){.device = 3, .size_bytes = 1}, too_long);
	ttalloc_alloc_failed(&(struct ttalloc_block){.device = 3, .size_bytes = 2}, NULL);
	ttalloc_step(12);
	ttalloc_device_close(3);
}

static void check_cold_entries(const struct recording *recording)
{
	const struct tta_event *events = recording->events;
	const struct tta_device_entry *device;
	const struct tta_kernel_entry *kernel;
	const struct tta_cb_entry *cb;
	const struct ttalloc_core_range *ranges;
	uint32_t bytes;

	device = recording_entry(recording, (uint32_t)events[0].bank_bytes, TTA_ENTRY_DEVICE, &bytes);
	assert_int_equal(bytes, sizeof(*device) + sizeof(struct ttalloc_bank_layout) + 11 +
	                            sizeof(struct tta_device_identity));
	assert_int_equal(device->layout_count, 1);
	assert_memory_equal((const char *)(device + 1) + sizeof(struct ttalloc_bank_layout), "wormhole_b0", 11);
	cb = recording_entry(recording, (uint32_t)events[1].bank_bytes, TTA_ENTRY_CB, &bytes);
	assert_int_equal(cb->program, 77);
	assert_int_equal(cb->index, 5);
	assert_int_equal(cb->core_ranges, 2);
	ranges = (const void *)(cb + 1);
	assert_int_equal(ranges[1].y1, 4);
	kernel = recording_entry(recording, (uint32_t)events[4].bank_bytes, TTA_ENTRY_KERNEL, &bytes);
	assert_int_equal(kernel->name_bytes, 6);
	assert_int_equal(kernel->kind_bytes, 0);
	assert_memory_equal(kernel + 1, "matmulworker", 12);
	recording_entry(recording, (uint32_t)events[6].address, TTA_ENTRY_TEXT, &bytes);
	assert_int_equal(bytes, TTALLOC_WHY_MAX - 1);
	assert_int_equal(events[7].address, 0);
}

static void test_cold_events(void **state)
{
	static const uint8_t kinds[] = {TTA_DEVICE_OPEN, TTA_CB_ALLOC,      TTA_PROGRAM_RUN,  TTA_CB_FREE,
	                                TTA_KERNEL_LOAD, TTA_KERNEL_UNLOAD, TTA_ALLOC_FAILED, TTA_ALLOC_FAILED,
	                                TTA_STEP,        TTA_DEVICE_CLOSE};
	struct recording recording = record(state, run_cold, NULL);

	assert_int_equal(recording.count, sizeof(kinds));
	for (size_t i = 0; i < sizeof(kinds); i++)
		assert_int_equal(recording.events[i].kind, kinds[i]);
	assert_int_equal(recording.events[1].flags, TTALLOC_ALIASED);
	assert_int_equal(recording.events[1].region, TTALLOC_CB);
	assert_int_equal(recording.events[2].address, 77);
	assert_int_equal(recording.events[5].address, 9);
	assert_int_equal(recording.events[8].address, 12);
	check_cold_entries(&recording);
	recording_close(&recording);
}

/* ---- Off ---- */

static void run_all_off(void *argument)
{
	int *evaluated = argument;

	CHILD_CHECK(!ttalloc_enabled());
	ttalloc_free(0, 0, (uint64_t)++ * evaluated);
	CHILD_CHECK(*evaluated == 0);
	(ttalloc_free)(0, 0, 0);
	run_cold(NULL);
	run_labels(NULL);
	CHILD_CHECK(!ttalloc_flush(1));
}

static void test_disabled(void **state)
{
	static const char *const values[] = {"0", "", "yes", "11", "1 "};
	int evaluated = 0;
	char path[256];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		setenv("TT_ALLOC_TRACKING_ENABLED", values[i], 1);
		assert_false(find_segment(*state, run_child(run_all_off, &evaluated), path, sizeof(path)));
	}
	unsetenv("TT_ALLOC_TRACKING_ENABLED");
	assert_false(find_segment(*state, run_child(run_all_off, &evaluated), path, sizeof(path)));
}

static void test_unsafe_directory_is_not_used(void **state)
{
	const struct place *place = *state;
	char path[256];

	setenv("TTALLOC_VERBOSE", "0", 1);
	assert_int_equal(chmod(place->directory, 0755), 0);
	assert_false(find_segment(place, run_child(run_pairs, NULL), path, sizeof(path)));
	assert_int_equal(chmod(place->directory, 0700), 0);
	assert_true(find_segment(place, run_child(run_pairs, NULL), path, sizeof(path)));
}

#define RECORDING_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

/* What was built against a release says how large its struct is, and where that has its members, they are. */
#define STANDS_AT(member, offset) assert_int_equal(offsetof(struct ttalloc_device, member), offset)

static void test_members_of_a_device_stay(void **state)
{
	(void)state;
	STANDS_AT(struct_size, 0);
	STANDS_AT(device, 4);
	STANDS_AT(arch, 8);
	STANDS_AT(layouts, 16);
	STANDS_AT(layout_count, 24);
	STANDS_AT(chip, 32);
	STANDS_AT(allocator, 40);
	STANDS_AT(cores, 48);
	STANDS_AT(core_ranges, 52);
	STANDS_AT(core_range_list, 56);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_members_of_a_device_stay),
	    RECORDING_TEST(test_one_thread),
	    RECORDING_TEST(test_flusher_seals_by_itself),
	    RECORDING_TEST(test_killed_process_loses_nothing),
	    RECORDING_TEST(test_header),
	    RECORDING_TEST(test_many_threads),
	    RECORDING_TEST(test_order_across_threads),
	    RECORDING_TEST(test_rings_of_ended_threads_are_reused),
	    RECORDING_TEST(test_events_of_destructors),
	    RECORDING_TEST(test_labels),
	    RECORDING_TEST(test_operations),
	    RECORDING_TEST(test_names_are_kept_once),
	    RECORDING_TEST(test_cold_events),
	    RECORDING_TEST(test_disabled),
	    RECORDING_TEST(test_unsafe_directory_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
