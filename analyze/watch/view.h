/* SPDX-License-Identifier: Apache-2.0
 *
 * view.h - composes what watch shows: a title, the regions of one device or of all, processes and labels, as much
 * of each as there is room for.
 */
#ifndef ANALYZE_WATCH_VIEW_H
#define ANALYZE_WATCH_VIEW_H

#include "canvas.h"
#include "model.h"

struct view {
	const char *path;
	const char *state; /* what to show instead of a recording: why there is none (yet); NULL: there is one */
	int64_t device;    /* or MODEL_ALL_DEVICES */
	enum process_order order;
	int64_t now_ns; /* CLOCK_MONOTONIC; 0: do not compare it with the recording's */
	const char *boot_id;
	bool paused, help;
	bool keys;     /* the last row says which keys there are */
	bool compact;  /* title and regions alone */
	size_t scroll; /* regions that are skipped */
};

/* Draws onto CANVAS, which has been reset. Returns the rows that were used. */
size_t view_compose(const struct view *view, const struct model *model, struct canvas *canvas);

/* Rows that would hold everything. */
size_t view_height(const struct view *view, const struct model *model);

#endif
