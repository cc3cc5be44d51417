/* SPDX-License-Identifier: Apache-2.0
 *
 * The picture that watch composes: figures in it, every size of a terminal, and text that must not drive one.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/watch/view.h"

#define MIB (INT64_C(1) << 20)

static struct live_region regions[] = {
    {.device = 0,
     .region = 0,
     .bytes = 96 * MIB,
     .bank_bytes = 8 * MIB,
     .blocks = 3,
     .peak_bytes = 120 * MIB,
     .peak_bank_bytes = 10 * MIB,
     .banks = 12,
     .capacity_bytes = 16 * MIB,
     .binary_bytes = 1 * MIB},
    {.device = 0, .region = 1, .bytes = 2 * MIB, .bank_bytes = 2 * MIB, .blocks = 1, .peak_bytes = 2 * MIB},
    {.device = 1, .region = 0, .bytes = 64, .bank_bytes = 64, .blocks = 1, .peak_bytes = 64},
};

static struct live_process processes[] = {
    {.id = 1, .pid = 4711, .events = 12345, .command = "python \x1b[2Jtrain.py \xff"},
    {.id = 2, .pid = 4712, .events = 1, .command = "gone", .ended = true},
};

static struct live_usage usages[] = {
    {.process = 1, .device = 0, .region = 0, .bytes = 72 * MIB},
    {.process = 2, .device = 0, .region = 0, .bytes = 1 * MIB},
};

static struct live_group groups[] = {
    {.device = 0, .region = 0, .bytes = 48 * MIB, .blocks = 2, .path = "model/\x1b]0;evil\a/\xe5\xb1\xa4"},
    {.device = 0, .region = 0, .class = 1, .bytes = 1 * MIB, .blocks = 1},
};

static struct model example(void)
{
	return (struct model){.live = {.uuid = "u",
	                               .boot_id = "b",
	                               .end_ns = INT64_C(4000000000),
	                               .events = 20000,
	                               .regions = regions,
	                               .region_count = 3,
	                               .processes = processes,
	                               .process_count = 2,
	                               .usages = usages,
	                               .usage_count = 2,
	                               .groups = groups,
	                               .group_count = 2,
	                               .groups_state = LIVE_GROUPS_READ}};
}

/* The picture as text; free() it. */
static char *draw(const struct view *view, const struct model *model, size_t rows, size_t columns)
{
	struct canvas canvas = {0};
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	canvas_reset(&canvas, rows, columns);
	size_t used = view_compose(view, model, &canvas);
	assert_true(used <= rows);
	for (size_t row = 0; row < rows; row++)
		canvas_print_row(&canvas, row, out);
	fclose(out);
	canvas_free(&canvas);
	return text;
}

static void expect(const char *text, const char *wanted)
{
	if (strstr(text, wanted) == NULL)
		fail_msg("'%s' is not in:\n%s", wanted, text);
}

static void figures_are_shown(void **state)
{
	struct model model = example();
	struct view view = {.path = "run.db", .device = 0};
	char *text = draw(&view, &model, view_height(&view, &model), 120);
	(void)state;
	expect(text, "run.db  recording 4.0 s  5,000 events/s on average  20,000 events  no loss");
	expect(text, "50.0 %  96.0 MiB   120 MiB  8.00 MiB  16.0 MiB       3");
	expect(text, "of it kernel binaries");
	expect(text, "size unknown");
	expect(text, "4711  72.0 MiB   75.0 %");
	expect(text, "(ended) gone");
	expect(text, "48.0 MiB  50.0 %        2");
	expect(text, "(kernel binaries)");
	assert_null(strstr(text, "DEVICE 1"));
	free(text);
}

static void what_a_program_said_is_harmless(void **state)
{
	struct model model = example();
	struct view view = {.path = "r\x1b[1m.db", .device = MODEL_ALL_DEVICES, .keys = true};
	char *text = draw(&view, &model, 60, 120);
	(void)state;
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\a'));
	assert_null(strchr(text, '\xff'));
	expect(text, "python \\x1b[2Jtrain.py \\xff");
	expect(text, "\xe5\xb1\xa4"); /* other scripts stay */
	free(text);
}

static void losses_come_first(void **state)
{
	struct model model = example();
	struct view view = {.path = "run.db", .device = 0};
	model.live.lost = 12;
	model.live.loss_unknown = true;
	model.live.failures = 2;
	char *text = draw(&view, &model, 1, 60);
	(void)state;
	expect(text, "LOST at least 12");
	assert_null(strstr(text, "no loss"));
	free(text);
	text = draw(&view, &model, 1, 160);
	expect(text, "2 failed");
	free(text);
	model.live.unrecorded = 3;
	text = draw(&view, &model, 1, 64);
	expect(text, "LOST at least 12  3 not recorded");
	free(text);
}

static void silence_is_told(void **state)
{
	struct model model = example();
	struct view view = {.path = "run.db", .boot_id = "b", .now_ns = INT64_C(15000000000)};
	char *text = draw(&view, &model, 1, 160);
	(void)state;
	expect(text, "last commit 11.0 s ago");
	free(text);
	view.boot_id = "another";
	text = draw(&view, &model, 1, 160);
	assert_null(strstr(text, "last commit"));
	free(text);
}

static void labels_say_why_there_are_none(void **state)
{
	struct model model = example();
	struct view view = {.path = "run.db"};
	model.live.group_count = 0;
	model.live.groups_state = LIVE_GROUPS_TOO_MANY;
	char *text = draw(&view, &model, 40, 100);
	(void)state;
	expect(text, "not shown: too many live blocks");
	assert_null(strstr(text, "kernel binaries"));
	free(text);
}

/* Nothing is drawn outside, whatever the size, and the regions stay as long as there is room. */
static void every_size_is_survived(void **state)
{
	struct model models[] = {example(), {.sample_count = 0}};
	(void)state;
	for (size_t rows = 0; rows < 30; rows++)
		for (size_t columns = 0; columns < 130; columns += columns < 50 ? 1 : 13)
			for (int variant = 0; variant < 32; variant++) {
				struct view view = {.path = "run.db",
				                    .device = variant & 1 ? 0 : MODEL_ALL_DEVICES,
				                    .keys = variant & 2,
				                    .help = variant & 4,
				                    .state = variant & 8 ? "waiting for \xe5\xb1\xa4 run.db" : NULL,
				                    .scroll = rows % 5};
				free(draw(&view, &models[variant >> 4], rows, columns));
			}
	struct view view = {.path = "run.db", .keys = true};
	char *text = draw(&view, &models[0], 6, 30);
	expect(text, "96.0 MiB");
	expect(text, "q quit");
	free(text);
}

static void wide_characters_keep_their_cells(void **state)
{
	struct canvas canvas = {0};
	char run[64];
	(void)state;
	canvas_reset(&canvas, 1, 6);
	assert_int_equal(canvas_put(&canvas, 0, 0, 6, TONE_PLAIN, "\xe5\xb1\xa4\xe5\xb1\xa4\xe5\xb1\xa4\xe5\xb1\xa4"),
	                 6);
	canvas_put(&canvas, 0, 1, 1, TONE_PLAIN, "x"); /* half of the first is gone, so all of it is */
	assert_int_equal(canvas_run(&canvas, 0, 0, run, sizeof run), 6);
	assert_string_equal(run, " x\xe5\xb1\xa4\xe5\xb1\xa4");
	assert_int_equal(canvas_put(&canvas, 0, 5, 6, TONE_PLAIN, "\xe5\xb1\xa4"), 0); /* no room */
	canvas_free(&canvas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(figures_are_shown),
	    cmocka_unit_test(what_a_program_said_is_harmless),
	    cmocka_unit_test(losses_come_first),
	    cmocka_unit_test(silence_is_told),
	    cmocka_unit_test(labels_say_why_there_are_none),
	    cmocka_unit_test(every_size_is_survived),
	    cmocka_unit_test(wide_characters_keep_their_cells),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
