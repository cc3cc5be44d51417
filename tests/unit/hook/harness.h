/* SPDX-License-Identifier: Apache-2.0
 *
 * harness.h - runs a piece of a test in a process of its own, which is recorded into a directory of the test's.
 */
#ifndef TEST_HARNESS_H
#define TEST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ttalloc.h>

#if defined(__SANITIZE_THREAD__)
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "die_after_fork=0"; /* children start a flusher of their own */
}
#endif

#if defined(__has_feature)
#define ADDRESS_SANITIZER __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#else
#define ADDRESS_SANITIZER 0
#endif

/* From clang 17 on, AddressSanitizer cannot join threads that a pthread_create() of the program's own has made. */
#if defined(__clang_major__) && __clang_major__ >= 17
#define CAN_STAND_BEFORE_PTHREAD_CREATE !ADDRESS_SANITIZER
#else
#define CAN_STAND_BEFORE_PTHREAD_CREATE 1
#endif

struct place {
	char directory[64];
	char socket[96];
};

/* A fresh directory, and an environment that records into it. */
static inline int place_setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->directory, "/tmp/ttalloc-test-XXXXXX");
	if (!mkdtemp(place->directory))
		return -1;
	snprintf(place->socket, sizeof(place->socket), "%s/socket", place->directory);
	setenv("TT_ALLOC_TRACKING_ENABLED", "1", 1);
	setenv("TTALLOC_SEGMENT_DIR", place->directory, 1);
	setenv("TTALLOC_SOCKET", place->socket, 1);
	setenv("TTALLOC_OPS", "0", 1); /* tests count records: those of labels would be more */
	unsetenv("TTALLOC_SPOOL_MIB");
	unsetenv("TTALLOC_RING_EVENTS");
	unsetenv("TTALLOC_FULL_WAIT_MS");
	unsetenv("TTALLOC_LOSSLESS");
	unsetenv("TTALLOC_FLUSH_MS");
	unsetenv("TTALLOC_VERBOSE");
	unsetenv("TTALLOC_STACKS");
	unsetenv("TTALLOC_UNWINDER");
	*state = place;
	return 0;
}

static inline int place_teardown(void **state)
{
	struct place *place = *state;
	DIR *directory = opendir(place->directory);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
	rmdir(place->directory);
	free(place);
	return 0;
}

/* Starts RUN in a child. */
static inline pid_t start_child(void (*run)(void *), void *argument)
{
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
		run(argument);
		_exit(0);
	}
	assert_true(child > 0);
	return child;
}

static inline int wait_child(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* Runs RUN in a child, which must end well. Returns its pid. */
static inline pid_t run_child(void (*run)(void *), void *argument)
{
	pid_t child = start_child(run, argument);

	assert_int_equal(wait_child(child), 0);
	return child;
}

/* Finds the only segment of PID; false when there is none. */
static inline bool find_segment(const struct place *place, pid_t pid, char *path, size_t path_bytes)
{
	DIR *directory = opendir(place->directory);
	struct dirent *entry;
	char part[32];
	int found = 0;

	assert_non_null(directory);
	snprintf(part, sizeof(part), "-%d-", (int)pid);
	while ((entry = readdir(directory)))
		if (strstr(entry->d_name, part) && strstr(entry->d_name, ".segment") && entry->d_name[0] != '.') {
			assert_true((size_t)snprintf(path, path_bytes, "%s/%s", place->directory, entry->d_name) <
			            path_bytes);
			found++;
		}
	closedir(directory);
	assert_in_range(found, 0, 1);
	return found == 1;
}

/* In the child: fails without cmocka's longjmp. */
#define CHILD_CHECK(condition)                                                                                         \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			_exit(99);                                                                                     \
		}                                                                                                      \
	} while (0)

static inline void sleep_ms(unsigned ms)
{
	usleep(ms * 1000);
}

static inline void report_alloc(uint64_t address, uint64_t size_bytes)
{
	ttalloc_alloc(
	    &(struct ttalloc_block){.device = 1, .region = TTALLOC_L1, .address = address, .size_bytes = size_bytes});
}

#endif
