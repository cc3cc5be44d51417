/* SPDX-License-Identifier: Apache-2.0
 *
 * copy.h - a second copy of the library in a test's process: the shared one of the same build, as a plugin loads it.
 */
#ifndef TEST_COPY_H
#define TEST_COPY_H

#include "harness.h"

#include <dlfcn.h>

struct copy {
	void (*alloc)(const struct ttalloc_block *);
	void (*alloc_failed)(const struct ttalloc_block *, const char *);
	void (*label_push)(const char *);
	void (*label_pop)(void);
};

/* NULL: it is not built. */
static inline void *load_copy(void)
{
	char path[512];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);
	char *slash;

	CHILD_CHECK(length > 0);
	path[length] = 0;
	for (int up = 0; up < 2 && (slash = strrchr(path, '/')); up++)
		*slash = 0;
	strcat(path, "/hook/libttalloc.so.1");
	return access(path, R_OK) ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static inline struct copy functions_of(void *library)
{
	struct copy copy;

	*(void **)&copy.alloc = dlsym(library, "ttalloc_alloc");
	*(void **)&copy.alloc_failed = dlsym(library, "ttalloc_alloc_failed");
	*(void **)&copy.label_push = dlsym(library, "ttalloc_label_push");
	*(void **)&copy.label_pop = dlsym(library, "ttalloc_label_pop");
	CHILD_CHECK(copy.alloc && copy.alloc != ttalloc_alloc && copy.alloc_failed && copy.label_push &&
	            copy.label_pop);
	return copy;
}

#endif
