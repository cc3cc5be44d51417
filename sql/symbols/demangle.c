/* SPDX-License-Identifier: Apache-2.0
 *
 * demangle.c - see demangle.h.
 */
#include "demangle.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNTIME "libstdc++.so.6"
#define SYMBOL_BYTES_MAX 4096 /* the time that it takes grows faster than the name */

typedef char *demangler(const char *symbol, char *buffer, size_t *bytes, int *status);

/* NULL where there is no C++ runtime. It stays loaded. */
static demangler *find_demangler(void)
{
	static demangler *found;
	static bool looked;

	if (!looked) {
		void *runtime = dlopen(RUNTIME, RTLD_NOW | RTLD_LOCAL);

		looked = true;
		if (runtime)
			*(void **)&found = dlsym(runtime, "__cxa_demangle");
	}
	return found;
}

void demangle(const char *symbol, char *out, size_t bytes)
{
	bool mangled = strncmp(symbol, "_Z", 2) == 0 && strnlen(symbol, SYMBOL_BYTES_MAX) < SYMBOL_BYTES_MAX;
	demangler *function = mangled ? find_demangler() : NULL;
	int status = -1;
	char *name = function ? function(symbol, NULL, NULL, &status) : NULL;

	snprintf(out, bytes, "%s", name && status == 0 ? name : symbol);
	free(name);
}
