/* SPDX-License-Identifier: Apache-2.0
 *
 * host_malloc_threads.c - threads that allocate, free and reallocate, free what others allocated, come and go, free
 * from destructors of thread-local storage, and fork in between. All is freed but what libc keeps for threads.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 8, THREADS = 6, SLOTS = 64, CALLS = 4000 };

static pthread_key_t key;
static void *shared[SLOTS];

static void at_thread_end(void *block)
{
	free(block);
	free(malloc(77));
}

static void *work(void *argument)
{
	uint32_t random = (uint32_t)(uintptr_t)argument;
	void *own[SLOTS] = {0};

	pthread_setspecific(key, malloc(33));
	for (int i = 0; i < CALLS; i++) {
		unsigned slot = (random = random * 1103515245 + 12345) >> 16 & (SLOTS - 1);
		size_t size = random >> 8 & 4095;

		if (i % 4 == 0) { /* what one thread allocates, another frees */
			free(__atomic_exchange_n(&shared[slot], malloc(size), __ATOMIC_ACQ_REL));
		} else if (own[slot] && random & 1) {
			own[slot] = realloc(own[slot], size + 1);
		} else {
			free(own[slot]);
			own[slot] = own[slot] ? NULL : malloc(size);
		}
	}
	for (int i = 0; i < SLOTS; i++)
		free(own[i]);
	return NULL;
}

static void free_shared(void)
{
	for (int i = 0; i < SLOTS; i++)
		free(__atomic_exchange_n(&shared[i], NULL, __ATOMIC_ACQ_REL));
}

static int fork_and_work(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		work((void *)99);
		free_shared(); /* among them what the parent allocated */
		exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(void)
{
	pthread_t threads[THREADS];

	pthread_key_create(&key, at_thread_end);
	for (uintptr_t round = 0; round < ROUNDS; round++) {
		for (uintptr_t i = 0; i < THREADS; i++)
			if (pthread_create(&threads[i], NULL, work, (void *)(round * THREADS + i)) != 0)
				return 1;
		if (round % 4 == 3 && !fork_and_work())
			return 2;
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
	}
	free_shared();
	return 0;
}
