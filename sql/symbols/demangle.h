/* SPDX-License-Identifier: Apache-2.0
 *
 * demangle.h - what a linker's name is called in C++. The function for it lives in the C++ runtime, which is taken when
 * it is there and not missed when it is not.
 */
#ifndef SQL_DEMANGLE_H
#define SQL_DEMANGLE_H

#include <stddef.h>

/* Writes the name of SYMBOL to OUT, cut to BYTES; SYMBOL itself where it is none of C++. Not thread-safe. */
void demangle(const char *symbol, char *out, size_t bytes);

#endif
