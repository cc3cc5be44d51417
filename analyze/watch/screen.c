/* SPDX-License-Identifier: Apache-2.0
 *
 * screen.c - see screen.h. Nothing else knows curses.
 */
#include "screen.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql/base/memory.h"

struct screen {
	SCREEN *curses;
	char *run; /* of a row */
	size_t run_bytes;
	bool colour;
};

enum { PAIR_LOW = 1, PAIR_MIDDLE, PAIR_HIGH, PAIR_TREND };

static void prepare_colours(struct screen *screen)
{
	screen->colour = has_colors() && start_color() == OK;
	if (!screen->colour)
		return;
	short background = use_default_colors() == OK ? -1 : COLOR_BLACK;
	init_pair(PAIR_LOW, COLOR_GREEN, background);
	init_pair(PAIR_MIDDLE, COLOR_YELLOW, background);
	init_pair(PAIR_HIGH, COLOR_RED, background);
	init_pair(PAIR_TREND, COLOR_CYAN, background);
}

struct screen *screen_open(bool colour)
{
	struct screen *screen = memory_get(1, sizeof *screen);
	screen->curses = newterm(NULL, stdout, stdin);
	if (!screen->curses) {
		free(screen);
		return NULL;
	}
	set_escdelay(25);
	cbreak();
	noecho();
	nonl();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	if (colour)
		prepare_colours(screen);
	return screen;
}

void screen_close(struct screen *screen)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen->curses);
	free(screen->run);
	free(screen);
}

void screen_size(const struct screen *screen, size_t *rows, size_t *columns)
{
	(void)screen;
	*rows = (size_t)getmaxy(stdscr);
	*columns = (size_t)getmaxx(stdscr);
}

static attr_t attributes_of(const struct screen *screen, enum tone tone, short *pair)
{
	static const struct {
		attr_t attributes;
		short pair;
	} looks[] = {
	    [TONE_PLAIN] = {A_NORMAL, 0},
	    [TONE_TITLE] = {A_REVERSE, 0},
	    [TONE_HEAD] = {A_BOLD, 0},
	    [TONE_DIM] = {A_DIM, 0},
	    [TONE_LOW] = {A_NORMAL, PAIR_LOW},
	    [TONE_MIDDLE] = {A_NORMAL, PAIR_MIDDLE},
	    [TONE_HIGH] = {A_BOLD, PAIR_HIGH},
	    [TONE_ALARM] = {A_REVERSE | A_BOLD, PAIR_HIGH},
	    [TONE_TREND] = {A_NORMAL, PAIR_TREND},
	};
	*pair = screen->colour ? looks[tone].pair : 0;
	return looks[tone].attributes;
}

void screen_show(struct screen *screen, const struct canvas *canvas)
{
	size_t bytes = canvas->columns * sizeof canvas->cells->text + 1;
	if (bytes > screen->run_bytes) {
		free(screen->run);
		screen->run = memory_get(bytes, 1);
		screen->run_bytes = bytes;
	}
	for (size_t row = 0; row < canvas->rows; row++) {
		for (size_t column = 0; column < canvas->columns;) {
			short pair;
			attr_t attributes =
			    attributes_of(screen, canvas->cells[row * canvas->columns + column].tone, &pair);
			size_t width = canvas_run(canvas, row, column, screen->run, screen->run_bytes);
			attr_set(attributes, pair, NULL);
			mvaddstr((int)row, (int)column, screen->run); /* fails in the last corner, having written it */
			column += width;
		}
	}
	refresh();
}

int screen_key(struct screen *screen)
{
	int key = getch();
	(void)screen;
	switch (key) {
	case ERR:
		return SCREEN_KEY_NONE;
	case '\t':
	case KEY_RIGHT:
		return SCREEN_KEY_NEXT;
	case KEY_BTAB:
	case KEY_LEFT:
		return SCREEN_KEY_PREVIOUS;
	case KEY_UP:
		return SCREEN_KEY_UP;
	case KEY_DOWN:
		return SCREEN_KEY_DOWN;
	case KEY_RESIZE:
		return SCREEN_KEY_RESIZED;
	default:
		return key < 0x100 ? key : ' ' + 0x2000; /* a key that means nothing */
	}
}
