/* SPDX-License-Identifier: Apache-2.0
 *
 * call.c - see call.h. Compiled with -fexceptions: without, what is thrown would pass, but nothing would run.
 */
#include "call.h"

#include <stddef.h>
#include <unwind.h>

#include "hook/cxx/exception.h"
#include "ttalloc.h"

static __thread struct tt_call *failing; /* that an exception has just ended, in the frame that it is leaving */

void tt_call_ends(struct tt_call *call)
{
	failing = call->done || !call->failed ? NULL : call;
}

/* Where the exception goes on that tt_call_ends() has seen pass: the linker sends this library's own calls of
 * _Unwind_Resume() here (--wrap), and nobody else's. A thread that is cancelled unwinds, too, and has not failed. */
_Noreturn void __real__Unwind_Resume(struct _Unwind_Exception *exception);
_Noreturn void __wrap__Unwind_Resume(struct _Unwind_Exception *exception);

_Noreturn void __wrap__Unwind_Resume(struct _Unwind_Exception *exception)
{
	const struct tt_call *call = failing;
	char why[TTALLOC_WHY_MAX + 1];

	failing = NULL;
	if (call && tt_exception_is_cplusplus(exception)) {
		tt_exception_text(exception, call->library->standard_exception, why, sizeof(why));
		call->failed(call, why[0] ? why : NULL);
	}
	__real__Unwind_Resume(exception);
}
