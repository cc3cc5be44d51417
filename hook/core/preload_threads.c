/* SPDX-License-Identifier: Apache-2.0
 *
 * preload_threads.c - stands before pthread_create(), so that new threads inherit the labels of those that made them.
 * Threads that are made otherwise (clone, C11's thrd_create) start without.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "producer.h"

typedef int create_thread(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* What a thread is started with. It lies in pages of its own: the program's malloc is the program's. */
struct start {
	void *(*routine)(void *);
	void *argument;
	struct ttalloc_bequest bequest;
};

static void *start_thread(void *argument)
{
	struct start start = *(struct start *)argument;

	munmap(argument, sizeof(start));
	ttalloc_thread_inherit(&start.bequest);
	return start.routine(start.argument);
}

static create_thread *find_next(void)
{
	static void *_Atomic found;
	void *next = atomic_load_explicit(&found, memory_order_relaxed);
	create_thread *function;

	if (!next) {
		next = dlsym(RTLD_NEXT, "pthread_create");
		atomic_store_explicit(&found, next, memory_order_relaxed);
	}
	*(void **)&function = next;
	return function;
}

/* NULL when there is no memory for it. */
static struct start *make_start(const struct start *start)
{
	void *pages = mmap(NULL, sizeof(*start), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	*(struct start *)pages = *start;
	return pages;
}

__attribute__((visibility("default"))) int pthread_create(pthread_t *restrict thread,
                                                          const pthread_attr_t *restrict attributes,
                                                          void *(*routine)(void *), void *restrict argument)
{
	struct start start = {.routine = routine, .argument = argument};
	create_thread *next = find_next();
	int saved_errno = errno, error;
	struct start *made;

	if (!next)
		return EAGAIN;
	if (!ttalloc_thread_bequeath(&start.bequest))
		return next(thread, attributes, routine, argument);
	made = make_start(&start);
	errno = saved_errno;
	error = made ? next(thread, attributes, start_thread, made) : next(thread, attributes, routine, argument);
	if (error || !made)
		ttalloc_thread_not_made(&start.bequest);
	if (error && made)
		munmap(made, sizeof(*made));
	return error;
}
