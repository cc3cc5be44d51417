/* SPDX-License-Identifier: Apache-2.0
 *
 * rendezvous.c - see rendezvous.h. The copies meet at a page with a fixed address: the kernel gives it to exactly one
 * of them. A fork keeps it, an exec ends it, as it should be. Where it cannot be had (an address space that is laid out
 * in another way), each copy records on its own.
 */
#include "rendezvous.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define PATIENCE 1000
#define MAGIC 0x74746c616c6c6f63u

struct meeting_point {
	uint64_t magic; /* published last */
	const struct tta_delegate *delegate;
};

/* Places that programs, libraries, heaps and stacks leave alone; the second one is for ThreadSanitizer, and for address
 * spaces of 39 bits. All copies try them in this order. */
static const uintptr_t places[] = {0x24746c6c0000, 0x74746c6000};

/* Takes the page, if it is free. By system call: ThreadSanitizer's mmap() ends programs that ask for a place. */
static bool take_page(uintptr_t place)
{
	long taken = syscall(SYS_mmap, place, PAGE_BYTES, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (taken == (long)place)
		return true;
	if (taken != -1) /* a kernel that takes the address for a hint */
		syscall(SYS_munmap, taken, PAGE_BYTES);
	return false;
}

/* Reads memory that may not be ours, or not be there. */
static bool read_meeting_point(uintptr_t place, struct meeting_point *found)
{
	struct iovec here = {.iov_base = found, .iov_len = sizeof(*found)};
	struct iovec there = {.iov_base = (void *)place, .iov_len = sizeof(*found)};

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)sizeof(*found);
}

/* Whom the page at PLACE belongs to; NULL when it is no copy of this library. */
static const struct tta_delegate *owner_of(uintptr_t place)
{
	struct meeting_point found;

	for (int i = 0; i < PATIENCE && read_meeting_point(place, &found); i++) {
		if (found.magic == MAGIC)
			return found.delegate;
		if (found.magic != 0)
			return NULL;
		sched_yield(); /* another copy may have the page, and be about to sign it */
	}
	return NULL;
}

__attribute__((no_sanitize("thread"))) static void sign(uintptr_t place, const struct tta_delegate *own)
{
	struct meeting_point *point = (struct meeting_point *)place;

	point->delegate = own;
	__atomic_store_n(&point->magic, MAGIC, __ATOMIC_RELEASE);
}

const struct tta_delegate *tta_rendezvous(const struct tta_delegate *own)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct tta_delegate *owner;

		if (take_page(places[i])) {
			sign(places[i], own);
			return NULL;
		}
		owner = owner_of(places[i]);
		if (owner)
			return owner == own || owner->version < 1 ? NULL : owner;
	}
	return NULL;
}
