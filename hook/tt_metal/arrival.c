/* SPDX-License-Identifier: Apache-2.0
 *
 * arrival.c - notices TT-Metal's arrival in the process, before any function of it was called: from this library's own
 * constructor, when it is there from the start, or else when it is loaded.
 *
 * Every C++ library's constructors register destructors, each with the library that it belongs to, and by then the
 * library's relocations are done. So this stands before the function that registers them. (Before dlopen() it would
 * have to stand in the caller's place, whose search path that function looks for.)
 */
#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "free_list.h"
#include "ttalloc.h"

#define MOST_SEEN 1024 /* libraries that were looked at, a power of two; the others are looked at again */

typedef int register_call(void (*)(void *), void *, void *);

__attribute__((visibility("default"))) int __cxa_atexit(void (*function)(void *), void *argument, void *library);

static atomic_uintptr_t seen[MOST_SEEN];

/* Whether LIBRARY is seen for the first time. */
static bool is_new(const void *library)
{
	uintptr_t key = (uintptr_t)library;
	size_t slot = (size_t)((key >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 32);

	for (size_t i = 0; i < 8; i++) {
		atomic_uintptr_t *place = &seen[(slot + i) % MOST_SEEN];
		uintptr_t found = 0;

		if (atomic_compare_exchange_strong(place, &found, key))
			return true;
		if (found == key)
			return false;
	}
	return true;
}

/* Names of libraries that TT-Metal is or may be linked into: libtt_metal.so, _ttnncpp.so, and libtt.so of JAX. */
static bool may_be(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return strncmp(name, "libtt", 5) == 0 || strncmp(name, "_ttnn", 5) == 0 || strstr(name, "tt_metal") ||
	       strstr(name, "pjrt");
}

static bool holds(const struct dl_phdr_info *object, uintptr_t address)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];

		if (header->p_type == PT_LOAD && address - object->dlpi_addr - header->p_vaddr < header->p_memsz)
			return true;
	}
	return false;
}

/* Whether this process is recorded, or may be when it first asks: a program may decide that itself until then. */
static bool may_be_recorded(void)
{
	return __atomic_load_n(&ttalloc_gate.state, __ATOMIC_RELAXED) != TTALLOC_GATE_OFF;
}

static bool wants_recording(void)
{
	const char *wanted = getenv("TT_ALLOC_TRACKING_ENABLED");

	return wanted && strcmp(wanted, "1") == 0;
}

/* OWN: an address of the one object to look at; NULL: all that are there, the program itself included. */
static int look_at(struct dl_phdr_info *object, size_t size, void *own)
{
	bool is_program = !object->dlpi_name || !object->dlpi_name[0];

	(void)size;
	if (own && !holds(object, (uintptr_t)own))
		return 0;
	if ((is_program && wants_recording()) ||
	    (!is_program && may_be(object->dlpi_name) && !strstr(object->dlpi_name, "libttalloc")))
		tt_free_lists_take(object);
	return own != NULL;
}

int __cxa_atexit(void (*function)(void *), void *argument, void *library)
{
	static void *_Atomic next;
	void *real = atomic_load_explicit(&next, memory_order_relaxed);
	register_call *call;

	if (!real) {
		real = dlsym(RTLD_NEXT, "__cxa_atexit");
		atomic_store_explicit(&next, real, memory_order_relaxed);
	}
	if (library && is_new(library) && may_be_recorded())
		dl_iterate_phdr(look_at, library);
	*(void **)&call = real;
	return call(function, argument, library);
}

__attribute__((constructor)) static void look_at_the_start(void)
{
	if (may_be_recorded())
		dl_iterate_phdr(look_at, NULL);
}
