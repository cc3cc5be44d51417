/* SPDX-License-Identifier: Apache-2.0
 *
 * label.c - see label.h.
 */
#include "label.h"

#include <string.h>

#include "inherit.h"

/* struct of TTA_ENTRY_LABEL: the parent's entry, 0, the name. */
#define LABEL_HEAD_BYTES 8u

/* The entry for NAME below PARENT; the parent's, and that one is missing, when the table is full. */
static uint32_t label_entry(uint32_t parent, const char *name, uint32_t name_bytes)
{
	uint8_t data[LABEL_HEAD_BYTES + TTALLOC_NAME_MAX] = {0};
	uint32_t entry;

	if (parent & TTA_LEFT_OUT)
		return parent;
	memcpy(data, &parent, sizeof(parent));
	memcpy(data + LABEL_HEAD_BYTES, name, name_bytes);
	entry = tta_table_intern(&tta_context.table, TTA_ENTRY_LABEL, data, LABEL_HEAD_BYTES + name_bytes);
	return entry == TTA_LEFT_OUT ? parent | entry : entry;
}

/* Its innermost label begins or ends, the LEVEL-th of those that are open. */
static void emit_span(enum tta_kind kind, uint32_t level)
{
	if (tta_context.options.operations)
		tta_emit(&(struct tta_event){.kind = (uint8_t)kind, .range.depth = level});
}

/* Ready to use this thread's labels. */
static struct tta_thread_extra *extra_for_labels(struct tta_thread *thread)
{
	if (!tta_context_ready())
		return NULL;
	tta_thread_renew(thread);
	if (!thread->extra)
		tta_thread_watch(thread); /* so that its pages are given back */
	return tta_thread_extra(thread);
}

void tta_label_push(const char *name)
{
	struct tta_thread *thread = &tta_thread;
	struct tta_thread_extra *extra = extra_for_labels(thread);
	uint32_t name_bytes = tta_text_bytes(name);
	uint32_t level, start;

	if (!extra)
		return;
	/* Taken first and filled then: a signal handler that pushes in between goes on above it. */
	level = extra->label_depth++;
	if (level >= TTA_LABEL_DEPTH) {
		thread->label |= TTA_LEFT_OUT; /* until it is popped */
		tta_inherit_show(thread);
		return;
	}
	start = level ? extra->name_ends[level - 1] : 0;
	extra->name_ends[level] = start + name_bytes;
	extra->entries[level] = thread->label;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	memcpy(extra->names + start, name ? name : "", name_bytes);
	extra->entries[level] = label_entry(level ? extra->entries[level - 1] : 0, name ? name : "", name_bytes);
	thread->label = extra->entries[level];
	tta_inherit_show(thread);
	emit_span(TTA_LABEL_BEGIN, level);
}

void tta_label_pop(void)
{
	struct tta_thread *thread = &tta_thread;
	struct tta_thread_extra *extra = extra_for_labels(thread);
	uint32_t depth;

	if (!extra || extra->label_depth == 0)
		return;
	if (extra->label_depth <= TTA_LABEL_DEPTH)
		emit_span(TTA_LABEL_END, extra->label_depth - 1);
	depth = --extra->label_depth;
	if (depth <= TTA_LABEL_DEPTH)
		thread->label = depth ? extra->entries[depth - 1] : 0;
	tta_inherit_show(thread);
}

void tta_label_say_again(struct tta_thread *thread)
{
	struct tta_thread_extra *extra = thread->extra;
	uint32_t start = 0;

	for (uint32_t i = 0; i < extra->label_depth && i < TTA_LABEL_DEPTH; i++) {
		uint32_t end = extra->name_ends[i];

		thread->label = label_entry(thread->label, extra->names + start, end - start);
		extra->entries[i] = thread->label;
		start = end;
	}
	if (extra->label_depth > TTA_LABEL_DEPTH)
		thread->label |= TTA_LEFT_OUT;
}
