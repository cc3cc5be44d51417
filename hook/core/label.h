/* SPDX-License-Identifier: Apache-2.0
 *
 * label.h - a thread's open labels. An event carries the entry of the innermost one, whose entry names its parent.
 */
#ifndef TTALLOC_HOOK_LABEL_H
#define TTALLOC_HOOK_LABEL_H

#include "thread.h"

/* What ttalloc_label_push() and ttalloc_label_pop() do in the copy that records. */
void tta_label_push(const char *name);
void tta_label_pop(void);

/* Enters the open labels of a thread that opened some into the table of this process: after a fork. */
void tta_label_say_again(struct tta_thread *thread);

#endif
