/* SPDX-License-Identifier: Apache-2.0
 *
 * test_pin.c - a plugin with the library in it may be unloaded while the hook's thread runs, and before threads end
 * that have reported through it.
 */
#include "tests/unit/hook/segment_reader.h"

#include <dlfcn.h>
#include <pthread.h>

static void (*report)(uint64_t);
static pthread_barrier_t unloaded;

static void *run_and_outlive_the_plugin(void *argument)
{
	report(2);
	pthread_barrier_wait(&unloaded);
	pthread_barrier_wait(&unloaded);
	return argument;
}

static void run_plugin(void *argument)
{
	void *plugin = dlopen(argument, RTLD_NOW | RTLD_LOCAL);
	pthread_t thread;

	CHILD_CHECK(plugin);
	*(void **)&report = dlsym(plugin, "plugin_report");
	CHILD_CHECK(report);
	pthread_barrier_init(&unloaded, NULL, 2);
	report(1);
	CHILD_CHECK(pthread_create(&thread, NULL, run_and_outlive_the_plugin, NULL) == 0);
	pthread_barrier_wait(&unloaded);
	CHILD_CHECK(dlclose(plugin) == 0);
	pthread_barrier_wait(&unloaded);
	pthread_join(thread, NULL);
	sleep_ms(50); /* for some rounds of the flusher */
}

static void check(void **state, void (*run)(void *))
{
	struct recording recording;
	char plugin[512], path[256], *slash;
	ssize_t length = readlink("/proc/self/exe", plugin, sizeof(plugin) - 64);

	assert_true(length > 0);
	plugin[length] = '\0';
	slash = strrchr(plugin, '/');
	strcpy(slash, "/libstatic_plugin.so");
	setenv("TTALLOC_FLUSH_MS", "5", 1);
	assert_true(find_segment(*state, run_child(run, plugin), path, sizeof(path)));
	recording = recording_open(path);
	assert_int_equal(recording.count, 2);
	recording_close(&recording);
}

static void test_plugin_is_unloaded(void **state)
{
	check(state, run_plugin);
}

/* When the plugin was loaded, nothing asked for a recording. */
static void run_late(void *plugin)
{
	void *early;

	setenv("TT_ALLOC_TRACKING_ENABLED", "0", 1);
	early = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
	setenv("TT_ALLOC_TRACKING_ENABLED", "1", 1);
	run_plugin(plugin);
	CHILD_CHECK(early && dlclose(early) == 0);
	sleep_ms(50);
}

static void test_recording_is_wished_for_late(void **state)
{
	check(state, run_late);
}

#define PIN_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PIN_TEST(test_plugin_is_unloaded),
	    PIN_TEST(test_recording_is_wished_for_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
