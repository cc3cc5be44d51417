/* SPDX-License-Identifier: Apache-2.0
 *
 * exception.h - what a C++ exception says of itself, in C.
 */
#ifndef TTALLOC_CXX_EXCEPTION_H
#define TTALLOC_CXX_EXCEPTION_H

#include <stddef.h>
#include <unwind.h>

/* Whether EXCEPTION is one, and no thread that is cancelled. */
int tt_exception_is_cplusplus(const struct _Unwind_Exception *exception);

/* Writes what() of EXCEPTION into TEXT, the part that counts of TT-Metal's. STANDARD is the type_info of std::exception
 * (NULL: not known). TEXT is empty when it is no std::exception of libstdc++, or says nothing. */
void tt_exception_text(struct _Unwind_Exception *exception, const void *standard, char *text, size_t bytes);

#endif
