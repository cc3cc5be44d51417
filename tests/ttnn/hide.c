/* SPDX-License-Identifier: Apache-2.0
 *
 * hide.c - preloaded before ttalloc: the third block that is reported never reaches it.
 */
#include <dlfcn.h>

#include "ttalloc.h"

typedef void alloc_call(const struct ttalloc_block *block);

void(ttalloc_alloc)(const struct ttalloc_block *block)
{
	static int reported;
	alloc_call *call;

	*(void **)&call = dlsym(RTLD_NEXT, "ttalloc_alloc");
	if (++reported != 3)
		call(block);
}
