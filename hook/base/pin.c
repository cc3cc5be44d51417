/* SPDX-License-Identifier: Apache-2.0
 *
 * pin.c - see pin.h.
 */
#include "pin.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>

#include "options.h"

void tta_pin(void)
{
#ifndef TTALLOC_IS_SHARED
	static bool is_pinned;
	int saved_errno = errno;
	Dl_info self;

	/* Nothing is opened that was not open: it only stays. For a program itself there is nothing to be done. */
	if (!__atomic_exchange_n(&is_pinned, true, __ATOMIC_RELAXED) && dladdr(&is_pinned, &self) && self.dli_fname)
		dlopen(self.dli_fname, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);
	errno = saved_errno;
#endif
}

__attribute__((constructor)) static void pin_early(void)
{
	if (tta_options_want_recording())
		tta_pin();
}
