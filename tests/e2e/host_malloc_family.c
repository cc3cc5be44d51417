/* SPDX-License-Identifier: Apache-2.0
 *
 * host_malloc_family.c - calls every function of the malloc family in every way that can go wrong, and frees all it
 * got. The exit status is 0, or 1 after a line on stderr that names what did not behave as libc's manual says.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TEXT(line) #line
#define LINE(line) TEXT(line)
#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			static const char message[] = "line " LINE(__LINE__) ": " #condition "\n";                     \
			_exit(write(2, message, sizeof(message) - 1) < 0 ? 2 : 1);                                     \
		}                                                                                                      \
	} while (0)

/* Volatile, so that the compiler cannot know what is going to fail. */
static volatile size_t huge = SIZE_MAX, too_large = (size_t)PTRDIFF_MAX + 1, half = SIZE_MAX / 2 + 2, zero = 0;

static int is_aligned(const void *block, size_t alignment)
{
	return (uintptr_t)block % alignment == 0;
}

static int is_zero(const char *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (block[i])
			return 0;
	return 1;
}

static void plain(void)
{
	char *a, *b;

	errno = 123;
	a = malloc(100);
	CHECK(a && errno == 123);
	CHECK(malloc_usable_size(a) >= 100 && malloc_usable_size(NULL) == 0);
	memset(a, 1, 100);
	free(a);
	free(NULL);
	CHECK(errno == 123);
	a = malloc(zero);
	b = malloc(zero);
	CHECK(a && b && a != b);
	free(a);
	free(b);
	CHECK(!malloc(huge) && errno == ENOMEM);
	a = calloc(3, 1000);
	CHECK(a && is_zero(a, 3000));
	free(a);
	errno = 0;
	CHECK(!calloc(half, 2) && errno == ENOMEM);
	free(calloc(zero, 10));
}

static void moved(void)
{
	char *a = realloc(NULL, 10);

	memcpy(a, "123456789", 10);
	a = realloc(a, 1000000);
	CHECK(a && strcmp(a, "123456789") == 0);
	a = realloc(a, 20);
	CHECK(a && strcmp(a, "123456789") == 0);
	errno = 0;
	CHECK(!realloc(a, too_large) && errno == ENOMEM && strcmp(a, "123456789") == 0);
	CHECK(!reallocarray(a, half, 2) && errno == ENOMEM && strcmp(a, "123456789") == 0);
	a = reallocarray(a, 100, 100);
	CHECK(a && strcmp(a, "123456789") == 0);
	CHECK(realloc(a, zero) == NULL); /* glibc frees it */
}

/* A request that might succeed, and fails because of a limit. */
static void failing_realloc(void)
{
	struct rlimit before, low;
	char *a = malloc(5000);

	memcpy(a, "123456789", 10);
	CHECK(getrlimit(RLIMIT_AS, &before) == 0);
	low = (struct rlimit){.rlim_cur = (rlim_t)1 << 30, .rlim_max = before.rlim_max};
	CHECK(setrlimit(RLIMIT_AS, &low) == 0);
	CHECK(!realloc(a, (size_t)1 << 31) && errno == ENOMEM && strcmp(a, "123456789") == 0);
	CHECK(setrlimit(RLIMIT_AS, &before) == 0);
	free(a);
}

static void aligned(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *a = &page;

	errno = 123;
	CHECK(posix_memalign(&a, 3, 10) == EINVAL && a == &page && errno == 123);
	CHECK(posix_memalign(&a, 64, huge - 4096) == ENOMEM && a == &page); /* glibc sets errno here, against POSIX */
	for (size_t alignment = sizeof(void *); alignment <= 65536; alignment *= 2) {
		CHECK(posix_memalign(&a, alignment, 100) == 0 && is_aligned(a, alignment));
		free(a);
		a = memalign(alignment, 100);
		CHECK(a && is_aligned(a, alignment));
		free(a);
		a = aligned_alloc(alignment, alignment);
		CHECK(a && is_aligned(a, alignment));
		a = realloc(a, 3 * alignment);
		CHECK(a);
		free(a);
	}
	a = valloc(10);
	CHECK(a && is_aligned(a, page));
	free(a);
	a = pvalloc(10);
	CHECK(a && is_aligned(a, page) && malloc_usable_size(a) >= page);
	free(a);
}

int main(void)
{
	plain();
	moved();
	failing_realloc();
	aligned();
	return 0;
}
