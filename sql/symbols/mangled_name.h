/* SPDX-License-Identifier: Apache-2.0
 *
 * mangled_name.h - the name of a function out of its symbol, for symbols that the C++ runtime at hand cannot read:
 * those with constraints of C++20, before gcc 14's. Thread-safe.
 */
#ifndef SQL_MANGLED_NAME_H
#define SQL_MANGLED_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Writes the qualified name of the function behind SYMBOL ("_ZN4ttnn..."), without template arguments and parameters,
 * cut where OUT is full. False: SYMBOL is none, or has none that can be told. */
bool mangled_name(const char *symbol, char *out, size_t bytes);

#endif
