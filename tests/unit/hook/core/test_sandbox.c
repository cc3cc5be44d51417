/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sandbox.c - a program that shuts itself in before its first event is recorded all the same.
 */
#include "tests/unit/hook/segment_reader.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

/* Of Linux 6.2; older headers lack it. */
#define MAY_TRUNCATE (UINT64_C(1) << 14)

#ifdef SYS_landlock_create_ruleset

/* From here on this process may not set the length of any file. False where the kernel knows no such sandbox. */
static bool forbid_to_truncate(void)
{
	uint64_t handled = MAY_TRUNCATE;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	bool done = ruleset >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	            syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;

	if (ruleset >= 0)
		close(ruleset);
	return done;
}

#else

static bool forbid_to_truncate(void)
{
	return false;
}

#endif

static void run_shut_in(void *argument)
{
	bool *shut_in = argument;

	*shut_in = forbid_to_truncate();
	report_alloc(1, 64);
}

static void test_no_right_to_truncate(void **state)
{
	bool *shut_in = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct recording recording;
	char path[256];
	pid_t child;

	assert_true(shut_in != MAP_FAILED);
	child = run_child(run_shut_in, shut_in);
	if (!*shut_in)
		skip();
	assert_true(find_segment(*state, child, path, sizeof(path)));
	recording = recording_open(path);
	assert_int_equal(recording.count, 1);
	recording_close(&recording);
	munmap(shut_in, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_no_right_to_truncate, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
