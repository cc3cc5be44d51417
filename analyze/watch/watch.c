/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c - see watch.h: the three loops, signals and keys.
 */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "sql/base/machine.h"
#include "sql/base/units.h"
#include "header.h"
#include "screen.h"
#include "source.h"
#include "view.h"
#include "sql/base/say.h"
#include "sql/base/error.h"
#include "analyze/write/status.h"

#define REFRESH_LEAST_MS 20
#define REFRESH_MOST_MS 3600000
#define PLAIN_COLUMNS 100
#define TROUBLE_NS INT64_C(1500000000)
#define ROTATE_NS INT64_C(3000000000)

struct watch {
	const struct watch_options *options;
	struct source source;
	struct model model;
	struct view view;
	struct canvas canvas;
	struct sql_error error;
	char boot_id[64];
	int signals; /* descriptor from which they are read */
	int64_t refresh_ns;
	int64_t trouble_since_ns; /* 0: there is none */
	bool device_chosen, has_state, over, colour, started_by_recorder;
};

/* ---- state ---- */

/* The first device is shown until one is chosen. */
static void choose_device(struct watch *watch)
{
	if (!watch->device_chosen)
		watch->view.device = model_device(&watch->model, 0);
}

/* A file that is being made, ended or replaced cannot be read for a moment: meanwhile the last picture stays. */
static enum source_result excuse_trouble(struct watch *watch)
{
	int64_t now_ns = monotonic_ns();
	if (watch->trouble_since_ns == 0)
		watch->trouble_since_ns = now_ns;
	if (now_ns - watch->trouble_since_ns > TROUBLE_NS)
		return SOURCE_TROUBLE;
	return watch->has_state && watch->model.live.uuid[0] != '\0' ? SOURCE_SAME : SOURCE_WAITING;
}

static enum source_result refresh(struct watch *watch, bool patient)
{
	enum source_result result = source_refresh(&watch->source, &watch->model, patient, &watch->error);
	if (result == SOURCE_TROUBLE && !patient)
		result = excuse_trouble(watch);
	else
		watch->trouble_since_ns = 0;
	watch->has_state = result == SOURCE_READ || result == SOURCE_SAME;
	watch->view.state = watch->has_state ? NULL : watch->error.text;
	watch->view.path = watch->source.path;
	watch->view.now_ns = monotonic_ns();
	if (watch->has_state)
		model_sample(&watch->model, watch->view.now_ns);
	choose_device(watch);
	return result;
}

/* ---- waiting ---- */

static void open_signals(struct watch *watch, bool above)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (above) /* else curses takes it */
		sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	watch->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void take_signals(struct watch *watch, bool above)
{
	struct signalfd_siginfo signal;
	while (read(watch->signals, &signal, sizeof signal) == (ssize_t)sizeof signal) {
		int number = (int)signal.ssi_signo;
		/* Ctrl-C is for the program below; the recorder, which reads what we print, tells us when it is over.
		 */
		if (number != SIGWINCH && !(above && number == SIGINT && watch->started_by_recorder))
			watch->over = true;
	}
}

/* Waits until UNTIL_NS, a signal, or input on INPUT (-1: none). True: there is input. */
static bool wait_until(struct watch *watch, int64_t until_ns, int input, bool above)
{
	struct pollfd polled[] = {{.fd = watch->signals, .events = POLLIN}, {.fd = input, .events = POLLIN}};
	int64_t left_ns = until_ns - monotonic_ns();
	int ready = poll(polled, 2, left_ns > 0 ? (int)((left_ns + 999999) / 1000000) : 0);
	if (ready < 0)
		return input >= 0; /* a change of size */
	if (polled[0].revents != 0)
		take_signals(watch, above);
	if (polled[1].revents & (POLLHUP | POLLERR | POLLNVAL)) /* the terminal has gone */
		watch->over = true;
	return (polled[1].revents & POLLIN) != 0;
}

/* ---- the whole terminal ---- */

static void move_device(struct watch *watch, int direction)
{
	watch->view.device = model_next_device(&watch->model, watch->view.device, direction);
	watch->view.scroll = 0;
	watch->device_chosen = true;
}

static void pick_device(struct watch *watch, int64_t device)
{
	if (device != MODEL_ALL_DEVICES && !model_has_device(&watch->model, device))
		return;
	watch->view.device = device;
	watch->view.scroll = 0;
	watch->device_chosen = true;
}

static void take_key(struct watch *watch, int key)
{
	struct view *view = &watch->view;
	if (view->help && key != SCREEN_KEY_RESIZED) {
		view->help = false;
		watch->over |= key == 'q';
		return;
	}
	if (key >= '0' && key <= '9')
		pick_device(watch, key - '0');
	else if (key == 'q' || key == 'Q')
		watch->over = true;
	else if (key == 'p' || key == ' ')
		view->paused = !view->paused;
	else if (key == 's')
		view->order = (view->order + 1) % ORDER_COUNT;
	else if (key == 'a')
		pick_device(watch, MODEL_ALL_DEVICES);
	else if (key == 'h' || key == '?')
		view->help = true;
	else if (key == SCREEN_KEY_NEXT)
		move_device(watch, 1);
	else if (key == SCREEN_KEY_PREVIOUS)
		move_device(watch, -1);
	else if (key == SCREEN_KEY_DOWN)
		view->scroll += view->scroll + 1 < watch->model.live.region_count;
	else if (key == SCREEN_KEY_UP)
		view->scroll -= view->scroll > 0;
}

static void show_on_screen(struct watch *watch, struct screen *screen)
{
	size_t rows, columns;
	screen_size(screen, &rows, &columns);
	canvas_reset(&watch->canvas, rows, columns);
	view_compose(&watch->view, &watch->model, &watch->canvas);
	screen_show(screen, &watch->canvas);
}

static void run_on_screen(struct watch *watch, struct screen *screen)
{
	int input = isatty(STDIN_FILENO) ? STDIN_FILENO : -1, key;
	watch->view.keys = true;
	while (!watch->over) {
		int64_t next_ns = monotonic_ns() + watch->refresh_ns;
		if (!watch->view.paused)
			refresh(watch, false);
		show_on_screen(watch, screen);
		while (!watch->over && monotonic_ns() < next_ns) {
			wait_until(watch, next_ns, input, false);
			bool any = false;
			while ((key = screen_key(screen)) != SCREEN_KEY_NONE) {
				take_key(watch, key);
				any = true;
			}
			if (any && !watch->over)
				show_on_screen(watch, screen);
		}
	}
}

/* ---- above another program's output ---- */

/* Devices that have no room together take turns. */
static void turn_device(struct watch *watch, size_t rows)
{
	size_t count = model_device_count(&watch->model);
	if (watch->device_chosen)
		return;
	watch->view.device = MODEL_ALL_DEVICES;
	if (count > 1 && rows < 1 + count + watch->model.live.region_count)
		watch->view.device = model_device(&watch->model, (size_t)(watch->view.now_ns / ROTATE_NS) % count);
}

static void show_above(struct watch *watch, struct header *header)
{
	size_t rows, columns;
	header_size(header, &rows, &columns);
	if (rows == 0)
		return;
	canvas_reset(&watch->canvas, rows - 1, columns);
	turn_device(watch, rows - 1);
	view_compose(&watch->view, &watch->model, &watch->canvas);
	header_show(header, &watch->canvas);
}

static enum status run_above(struct watch *watch)
{
	struct header *header = header_open(watch->colour, &watch->error);
	if (!header) {
		say("%s", watch->error.text);
		return STATUS_TROUBLE;
	}
	/* Whoever started us waits for this line before anything else writes to the terminal. */
	watch->started_by_recorder = !isatty(STDOUT_FILENO);
	if (watch->started_by_recorder) {
		puts("ready");
		fclose(stdout);
	}
	watch->view.compact = true;
	while (!watch->over) {
		int64_t next_ns = monotonic_ns() + watch->refresh_ns;
		refresh(watch, false);
		show_above(watch, header);
		wait_until(watch, next_ns, -1, true);
	}
	watch->source.has_read = false; /* once more: the picture stays */
	refresh(watch, false);
	show_above(watch, header);
	header_close(header);
	return STATUS_ANSWERED;
}

/* ---- plain ---- */

static size_t plain_columns(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	int64_t number;
	if (columns && !parse_integer(columns, &number) && number >= 40 && number < 1000)
		return (size_t)number;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
		return size.ws_col;
	return PLAIN_COLUMNS;
}

static void print_state(struct watch *watch)
{
	if (!watch->device_chosen)
		watch->view.device = MODEL_ALL_DEVICES;
	canvas_reset(&watch->canvas, view_height(&watch->view, &watch->model), plain_columns());
	size_t rows = view_compose(&watch->view, &watch->model, &watch->canvas);
	for (size_t row = 0; row < rows; row++)
		canvas_print_row(&watch->canvas, row, stdout);
}

static enum status fail(struct watch *watch)
{
	say("%s", watch->error.text);
	return STATUS_TROUBLE;
}

/* That nobody reads any more is no error. */
static enum status finish(struct watch *watch)
{
	errno = 0;
	if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
		return STATUS_ANSWERED;
	sql_fail(&watch->error, "cannot write standard output: %s", strerror(errno != 0 ? errno : EIO));
	return fail(watch);
}

static enum status run_once(struct watch *watch)
{
	enum source_result result = refresh(watch, true);
	if (result == SOURCE_WAITING)
		sql_fail(&watch->error, "%s: no recording there (yet); without --once, watch waits for it",
		         watch->source.path[0] != '\0' ? watch->source.path : "this directory");
	if (result == SOURCE_WAITING || result == SOURCE_TROUBLE)
		return fail(watch);
	watch->view.now_ns = 0;
	print_state(watch);
	return finish(watch);
}

/* A picture for each state, with a blank line between, until the recording has ended or nobody reads. */
static enum status run_plain(struct watch *watch)
{
	bool any = false;
	while (!watch->over) {
		int64_t next_ns = monotonic_ns() + watch->refresh_ns;
		enum source_result result = refresh(watch, false);
		if (result == SOURCE_TROUBLE)
			return fail(watch);
		if (result == SOURCE_READ) {
			if (any)
				putchar('\n');
			print_state(watch);
			any = true;
			if (fflush(stdout) != 0 || watch->model.live.ended)
				break;
		}
		wait_until(watch, next_ns, -1, false);
	}
	return finish(watch);
}

/* ---- which of them ---- */

static int take_options(struct watch *watch)
{
	const struct watch_options *options = watch->options;
	if (options->refresh_ms < REFRESH_LEAST_MS || options->refresh_ms > REFRESH_MOST_MS)
		return sql_fail(&watch->error, "--refresh takes %d to %d milliseconds, not %" PRId64, REFRESH_LEAST_MS,
		                REFRESH_MOST_MS, options->refresh_ms);
	watch->refresh_ns = options->refresh_ms * 1000000;
	watch->view.device = options->device < 0 ? MODEL_ALL_DEVICES : options->device;
	watch->device_chosen = options->device != WATCH_DEVICE_FIRST;
	return 0;
}

static enum status run(struct watch *watch)
{
	if (watch->options->once)
		return run_once(watch);
	open_signals(watch, watch->options->above);
	if (watch->options->above)
		return run_above(watch);
	struct screen *screen = isatty(STDOUT_FILENO) ? screen_open(watch->colour) : NULL;
	if (!screen)
		return run_plain(watch);
	run_on_screen(watch, screen);
	screen_close(screen);
	return STATUS_ANSWERED;
}

enum status watch_run(const struct watch_options *options, const char *file)
{
	struct watch watch = {.options = options, .signals = -1, .colour = options->colour};
	enum status status;
	machine_boot_id(watch.boot_id, sizeof watch.boot_id);
	watch.view.boot_id = watch.boot_id;
	source_init(&watch.source, file);
	status = take_options(&watch) < 0 ? fail(&watch) : run(&watch);
	if (watch.signals >= 0)
		close(watch.signals);
	canvas_free(&watch.canvas);
	model_free(&watch.model);
	return status;
}
