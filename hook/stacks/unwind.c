/* SPDX-License-Identifier: Apache-2.0
 *
 * unwind.c - see unwind.h. The library is opened when this one is loaded, and not at the first event, which
 * may come from inside a malloc.
 */
#include "unwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/base/options.h"
#include "hook/base/stderr.h"
#include "stack.h"

#define OWN_FRAMES 8u /* libunwind's, ours and a preload's */

int (*tta_stack_unwinder)(void **addresses, int most);

__attribute__((constructor)) static void open_unwinder(void)
{
	static const char message[] = "ttalloc: libunwind.so.8 is not here: call stacks by frame pointers\n";
	const char *wanted = secure_getenv("TTALLOC_UNWINDER");
	int saved_errno = errno;
	void *library;

	if (!wanted || strcmp(wanted, "libunwind") != 0 || !tta_options_want_recording())
		return;
	library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	if (library)
		*(void **)&tta_stack_unwinder = dlsym(library, "unw_backtrace");
	if (!tta_stack_unwinder)
		tta_stderr_write(message, sizeof(message) - 1);
	errno = saved_errno;
}

uint32_t tta_stack_unwind(struct tta_thread *thread, uint64_t return_address, uint64_t *frames, uint32_t most,
                          bool (*hidden)(uint64_t address))
{
	void *addresses[TTA_STACK_MOST + OWN_FRAMES];
	uint32_t count = 0;
	int found, at = 0;

	thread->unwinding = true; /* what it allocates itself has no stack */
	found = tta_stack_unwinder(addresses, (int)(most + OWN_FRAMES));
	thread->unwinding = false;
	while (at < found && (uintptr_t)addresses[at] != return_address)
		at++;
	while (at < found && hidden((uintptr_t)addresses[at]))
		at++;
	while (at < found && count < most)
		frames[count++] = (uintptr_t)addresses[at++];
	if (count == 0)
		frames[count++] = return_address;
	return count;
}
