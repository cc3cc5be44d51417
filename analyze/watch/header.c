/* SPDX-License-Identifier: Apache-2.0
 *
 * header.c - see header.h.
 */
#include "header.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sql/base/memory.h"
#include "sql/base/error.h"

#define ROWS_LEAST 12 /* of a terminal that is divided */
#define LINES_LEAST 5
#define LINES_MOST 14

struct header {
	int fd;
	size_t rows, columns; /* of the terminal, when it was divided; rows 0: it is not */
	bool colour;
};

static bool terminal_size(int fd, size_t *rows, size_t *columns)
{
	struct winsize size;
	if (ioctl(fd, TIOCGWINSZ, &size) != 0)
		return false;
	*rows = size.ws_row;
	*columns = size.ws_col;
	return size.ws_row >= ROWS_LEAST && size.ws_col >= 20;
}

static size_t lines_of(size_t rows)
{
	size_t lines = rows * 2 / 5;
	return lines < LINES_LEAST ? LINES_LEAST : lines > LINES_MOST ? LINES_MOST : lines;
}

/* One write, as far as the terminal takes it. */
static void write_all(int fd, const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t done = write(fd, text, bytes);
		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			text += done;
			bytes -= (size_t)done;
		}
	}
}

static void print(int fd, const char *format, size_t a, size_t b)
{
	char text[64];
	int length = snprintf(text, sizeof text, format, a, b);
	write_all(fd, text, (size_t)length);
}

/* Moves what is on the screen out of it, and lets the lower part alone scroll. */
static void divide(struct header *header)
{
	size_t lines = lines_of(header->rows);
	char *newlines = memory_get(header->rows + 1, 1);
	memset(newlines, '\n', header->rows);
	print(header->fd, "\033[r\033[%zu;%zuH", header->rows, 1);
	write_all(header->fd, newlines, header->rows);
	print(header->fd, "\033[%zu;%zur", lines + 1, header->rows);
	print(header->fd, "\033[%zu;%zuH", lines + 1, 1);
	free(newlines);
}

struct header *header_open(bool colour, struct sql_error *error)
{
	struct header *header = memory_get(1, sizeof *header);
	const char *terminal = getenv("TERM");
	*header = (struct header){.colour = colour, .fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)};
	if (header->fd < 0)
		sql_fail(error, "there is no terminal to show the recording on");
	else if (!terminal || strcmp(terminal, "dumb") == 0)
		sql_fail(error, "this terminal cannot be divided (TERM is %s)", !terminal ? "not set" : terminal);
	else if (!terminal_size(header->fd, &header->rows, &header->columns))
		sql_fail(error, "this terminal is too small to be divided: %d lines are needed", ROWS_LEAST);
	else {
		divide(header);
		return header;
	}
	if (header->fd >= 0)
		close(header->fd);
	free(header);
	return NULL;
}

/* The other program keeps its cursor. */
static void unite(struct header *header)
{
	if (header->rows > 0)
		print(header->fd, "\0337\033[r\0338", 0, 0);
	header->rows = 0;
}

void header_close(struct header *header)
{
	if (!header)
		return;
	unite(header);
	close(header->fd);
	free(header);
}

void header_size(struct header *header, size_t *rows, size_t *columns)
{
	size_t rows_now, columns_now;
	if (!terminal_size(header->fd, &rows_now, &columns_now)) {
		unite(header);
		*rows = *columns = 0;
		return;
	}
	if (rows_now != header->rows) {
		header->rows = rows_now;
		divide(header); /* anew: the old picture is anywhere now */
	}
	header->columns = columns_now;
	*rows = lines_of(rows_now);
	*columns = columns_now;
}

static const char *look_of(const struct header *header, enum tone tone)
{
	static const char *const looks[] = {
	    [TONE_PLAIN] = "\033[0m",     [TONE_TITLE] = "\033[0;7m",      [TONE_HEAD] = "\033[0;1m",
	    [TONE_DIM] = "\033[0;2m",     [TONE_LOW] = "\033[0;32m",       [TONE_MIDDLE] = "\033[0;33m",
	    [TONE_HIGH] = "\033[0;1;31m", [TONE_ALARM] = "\033[0;1;7;31m", [TONE_TREND] = "\033[0;36m",
	};
	if (header->colour || tone == TONE_TITLE || tone == TONE_HEAD || tone == TONE_DIM)
		return looks[tone];
	return tone == TONE_ALARM ? looks[TONE_TITLE] : looks[TONE_PLAIN];
}

void header_show(struct header *header, const struct canvas *canvas)
{
	char *run = memory_get(canvas->columns * sizeof canvas->cells->text + 1, 1), *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	if (!out)
		memory_exhausted();
	fputs("\0337\033[?7l", out); /* without wrapping, so that a terminal that has shrunk shows no ruins */
	for (size_t row = 0; row < canvas->rows; row++) {
		fprintf(out, "\033[%zu;1H", row + 1);
		for (size_t column = 0; column < canvas->columns;) {
			fputs(look_of(header, canvas->cells[row * canvas->columns + column].tone), out);
			column +=
			    canvas_run(canvas, row, column, run, canvas->columns * sizeof canvas->cells->text + 1);
			fputs(run, out);
		}
	}
	fputs("\033[0m\033[?7h\0338", out);
	if (fclose(out) != 0)
		memory_exhausted();
	write_all(header->fd, text, bytes);
	free(text);
	free(run);
}
