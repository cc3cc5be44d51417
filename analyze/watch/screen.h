/* SPDX-License-Identifier: Apache-2.0
 *
 * screen.h - shows a canvas on all of a terminal (curses), and reads keys.
 */
#ifndef ANALYZE_WATCH_SCREEN_H
#define ANALYZE_WATCH_SCREEN_H

#include "canvas.h"

enum screen_key { /* beside characters */
	          SCREEN_KEY_NONE = -1,
	          SCREEN_KEY_NEXT = 0x1000,
	          SCREEN_KEY_PREVIOUS,
	          SCREEN_KEY_UP,
	          SCREEN_KEY_DOWN,
	          SCREEN_KEY_RESIZED,
};

struct screen;

/* Takes over the terminal of standard output. NULL: it cannot be driven. */
struct screen *screen_open(bool colour);
/* Gives it back as it was. */
void screen_close(struct screen *screen);

void screen_size(const struct screen *screen, size_t *rows, size_t *columns);
void screen_show(struct screen *screen, const struct canvas *canvas);
/* Never waits. */
int screen_key(struct screen *screen);

#endif
