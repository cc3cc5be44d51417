/* SPDX-License-Identifier: Apache-2.0
 *
 * loader.c - see loader.h. glibc's loader counts the libraries that it adds, and dl_iterate_phdr() tells that number;
 * but it takes a lock, which a forked child may find held for ever, and which is too much for each event. So the place
 * of the number is looked for once, when this library is loaded: it lies among the loader's own data, behind the lock
 * that dl_iterate_phdr() holds meanwhile, with one more lock between them since glibc 2.35. That lock is known by its
 * kind and by its owner, who is ourselves. What does not look like that, or is there twice, is not taken. Tried with
 * glibc 2.36, 2.41 and 2.43.
 */
#include "loader.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

const uint64_t tta_loader_adds_unknown;
const uint64_t *tta_loader_adds_place = &tta_loader_adds_unknown;

#if defined(__GLIBC__) && __SIZEOF_POINTER__ == 8

static bool is_recursive(const pthread_mutex_t *lock)
{
	return lock->__data.__kind == PTHREAD_MUTEX_RECURSIVE_NP;
}

/* The number of ADDS behind LOCK, if that is the one that is held; else NULL. Nothing is read from END on. */
static const uint64_t *adds_behind(const pthread_mutex_t *lock, const void *end, uint64_t adds)
{
	const pthread_mutex_t *next = lock + 1;
	const uint64_t *place = (const void *)next;

	if ((const char *)end - (const char *)lock < (ptrdiff_t)(2 * sizeof(*lock) + sizeof(*place)) ||
	    !is_recursive(lock) || lock->__data.__owner != gettid() || lock->__data.__lock == 0)
		return NULL;
	if (*place == adds)
		return place;
	place = (const void *)(next + 1);
	return is_recursive(next) && *place == adds ? place : NULL;
}

/* Called with the loader's lock held. */
static int look_behind_lock(struct dl_phdr_info *info, size_t bytes, void *unused)
{
	const char *data = dlsym(RTLD_DEFAULT, "_rtld_global");
	const uint64_t *found = NULL;
	const ElfW(Sym) *symbol = NULL;
	Dl_info self;

	(void)unused;
	if (!data || bytes < offsetof(struct dl_phdr_info, dlpi_subs) || info->dlpi_adds == 0 ||
	    !dladdr1(data, &self, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
		return 1;
	for (size_t at = 0; at < symbol->st_size; at += sizeof(uint64_t)) {
		const uint64_t *place = adds_behind((const void *)(data + at), data + symbol->st_size, info->dlpi_adds);

		if (place && found)
			return 1;
		if (place)
			found = place;
	}
	if (found)
		tta_loader_adds_place = found;
	return 1;
}

/* Before the program can have forked, or have another thread that waits for us. */
__attribute__((constructor)) static void find_adds(void)
{
	dl_iterate_phdr(look_behind_lock, NULL);
}

#endif
