/* SPDX-License-Identifier: Apache-2.0
 *
 * host_malloc_thread.c - threads that libttalloc starts for itself report nothing: they begin one level deep.
 */
#include "host_malloc.h"

#include <dlfcn.h>
#include <errno.h>

#include <ttalloc.h>

__attribute__((visibility("default"))) int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                                                          void *(*routine)(void *), void *argument);

struct start {
	void *(*routine)(void *);
	void *argument;
};

static void *run_silently(void *argument)
{
	const struct host_real *real = host_real();
	struct start start = *(struct start *)argument;

	host_depth = 1;
	real->free(argument);
	return start.routine(start.argument);
}

static bool is_in_libttalloc(const void *code)
{
	Dl_info ours, theirs;
	bool (*decide)(void) = ttalloc_gate_decide;

	return dladdr((const void *)decide, &ours) && dladdr(code, &theirs) && ours.dli_fbase == theirs.dli_fbase;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument)
{
	const struct host_real *real = host_real();
	struct start *start;
	int error;

	if (!real || !real->pthread_create)
		return EAGAIN;
	if (!is_in_libttalloc(__builtin_return_address(0)))
		return real->pthread_create(thread, attributes, routine, argument);
	start = real->malloc(sizeof(*start));
	if (!start)
		return EAGAIN;
	*start = (struct start){.routine = routine, .argument = argument};
	host_depth++; /* libc allocates the thread's block of thread-local storage */
	error = real->pthread_create(thread, attributes, run_silently, start);
	host_depth--;
	if (error)
		real->free(start);
	return error;
}
