/* SPDX-License-Identifier: Apache-2.0
 *
 * inherit.h - labels of threads that have none of their own: those of the thread that made them. That is the label that
 * was open when the thread was made; if none was, as with a pool of workers that is made before the work, it is what
 * the maker has open at the moment of the event, for it is likely to wait for it.
 *
 * Events say that their label is inherited. A forked child inherits nothing: the maker is not in it.
 */
#ifndef TTALLOC_HOOK_INHERIT_H
#define TTALLOC_HOOK_INHERIT_H

#include "emit.h"
#include "producer.h"

/* What ttalloc_thread_bequeath(), ttalloc_thread_inherit() and ttalloc_thread_not_made() do in the copy that records.
 */
bool tta_bequeath(struct ttalloc_bequest *bequest);
void tta_inherit(const struct ttalloc_bequest *bequest);
void tta_disinherit(const struct ttalloc_bequest *bequest);

/* Shows the label of THREAD, which has changed, to the threads that it made. */
void tta_inherit_show(const struct tta_thread *thread);

/* Gives back what THREAD, which ends, has of this. */
void tta_inherit_end(struct tta_thread *thread);

#endif
