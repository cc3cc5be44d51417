/* SPDX-License-Identifier: Apache-2.0
 *
 * call.h - calls that TT-Metal may leave by an exception: a request for memory that cannot be served.
 */
#ifndef TTALLOC_TT_METAL_CALL_H
#define TTALLOC_TT_METAL_CALL_H

#include <stdbool.h>

#include "library.h"

/* A call on its way, on the stack of who makes it. */
struct tt_call {
	struct tt_library *library;
	bool done; /* the call came back */
	/* The call ended by a C++ exception, whose words are WHY (NULL: it has none). NULL: nobody wants to know. */
	void (*failed)(const struct tt_call *call, const char *why);
};

/* To be called last in an __attribute__((cleanup)) of the CALL's, which runs also while an exception passes. */
void tt_call_ends(struct tt_call *call);

#endif
