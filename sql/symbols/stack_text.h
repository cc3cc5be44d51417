/* SPDX-License-Identifier: Apache-2.0
 *
 * stack_text.h - call stacks in words. All take stack_info.frames; NULL where there is none.
 *
 *   stack_text(frames)          function < function < ..., innermost first
 *   stack_brief(frames)         the first few of them
 *   stack_folded(frames)        function;function;..., outermost first, as flame graph tools want it
 *   stack_group(key, frames)    who asked for the memory, by KEY: function, file or module of the innermost function
 *                               that is neither TT-Metal's or ttnn's nor a runtime's (owner.h), the outermost of
 *                               theirs where all are; or stack, all of stack_text()
 *   label_folded(path)          a label path as stack_folded() would have it
 *   stack_missing()             why no question about stacks can be answered; NULL: it can
 *   stack_remark()              what the names lack; NULL: nothing
 *
 * C++ functions go without parameters and template arguments (short_name.h); the view stack has them whole.
 * Functions that were put into others count as if they had been called. Frames of ttalloc's own libraries and of
 * ttalloc.py are left out. What has no name is module+0xaddress. Python: function (file.py:line). Where there are
 * Python frames, the interpreter's functions are left out: inwards follow those native ones that Python called, but
 * not those by which ttalloc.alloc() reports.
 */
#ifndef SQL_STACK_TEXT_H
#define SQL_STACK_TEXT_H

#include <sqlite3.h>

int stack_text_register(sqlite3 *db);

#endif
