/* SPDX-License-Identifier: Apache-2.0
 *
 * What watch makes of a state: rates, trends, devices, the order of processes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/watch/model.h"

#define SECOND INT64_C(1000000000)

static struct live_region three_regions[] = {
    {.device = 0, .region = 0, .bytes = 300, .peak_bytes = 900, .capacity_bytes = 1000},
    {.device = 0, .region = 1, .bytes = 10},
    {.device = 3, .region = 0, .bytes = 50},
};

static struct live_process three_processes[] = {
    {.id = 1, .pid = 40, .events = 5, .command = "a"},
    {.id = 2, .pid = 30, .events = 9, .command = "b", .ended = true},
    {.id = 3, .pid = 20, .events = 7, .command = "c"},
};

static struct live_usage five_usages[] = {
    {.process = 1, .device = 0, .region = 0, .bytes = 100},
    {.process = 1, .device = 3, .region = 0, .bytes = 50, .peak_bytes = 60},
    {.process = 2, .device = 0, .region = 0, .bytes = 999},
    {.process = 3, .device = 0, .region = 0, .bytes = 200},
    {.process = 3, .device = 0, .region = 1, .bytes = 10},
};

static struct model example(void)
{
	return (struct model){.live = {.uuid = "u",
	                               .regions = three_regions,
	                               .region_count = 3,
	                               .processes = three_processes,
	                               .process_count = 3,
	                               .usages = five_usages,
	                               .usage_count = 5}};
}

static void rate_follows_the_last_seconds(void **state)
{
	struct model model = example();
	bool average;
	(void)state;
	model.live.events = 1000;
	model.live.end_ns = 2 * SECOND;
	model_sample(&model, 100 * SECOND);
	assert_true(model_rate(&model, &average) == 500.0);
	assert_true(average);
	for (int i = 1; i <= 200; i++) { /* ten times as fast for a long time */
		model.live.events += 500;
		model_sample(&model, 100 * SECOND + i * SECOND / 2);
	}
	assert_true(model_rate(&model, &average) == 1000.0);
	assert_false(average);
	for (int i = 201; i <= 204; i++) /* nothing happens any more */
		model_sample(&model, 100 * SECOND + i * SECOND / 2);
	assert_true(model_rate(&model, &average) == 0.0);
}

static void rate_begins_anew_with_another_recording(void **state)
{
	struct model model = example();
	bool average;
	(void)state;
	model.live.events = 1000000;
	model.live.end_ns = SECOND;
	model_sample(&model, SECOND);
	strcpy(model.live.uuid, "v");
	model.live.events = 10;
	model_sample(&model, 2 * SECOND);
	assert_true(model_rate(&model, &average) == 10.0);
	assert_true(average);
	model.live.end_ns = 0; /* nothing was committed */
	assert_true(model_rate(&model, &average) == 0.0);
}

static void devices_go_around(void **state)
{
	struct model model = example();
	struct model empty = {0};
	(void)state;
	assert_int_equal(model_device_count(&model), 2);
	assert_int_equal(model_device(&model, 1), 3);
	assert_true(model_has_device(&model, 3));
	assert_false(model_has_device(&model, 1));
	assert_int_equal(model_next_device(&model, 0, 1), 3);
	assert_int_equal(model_next_device(&model, 3, 1), MODEL_ALL_DEVICES);
	assert_int_equal(model_next_device(&model, MODEL_ALL_DEVICES, 1), 0);
	assert_int_equal(model_next_device(&model, 0, -1), MODEL_ALL_DEVICES);
	assert_int_equal(model_next_device(&model, MODEL_ALL_DEVICES, -1), 3);
	assert_int_equal(model_next_device(&empty, 0, 1), MODEL_ALL_DEVICES);
}

static void processes_are_ordered(void **state)
{
	static const int64_t wanted[ORDER_COUNT][3] = {
	    [ORDER_MEMORY] = {20, 40, 30}, [ORDER_EVENTS] = {20, 40, 30}, [ORDER_PID] = {20, 40, 30}};
	struct model model = example();
	size_t count;
	(void)state;
	for (enum process_order order = ORDER_MEMORY; order < ORDER_COUNT; order++) {
		struct process_row *rows = model_processes(&model, 0, 0, order, &count);
		assert_int_equal(count, 3);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(rows[i].process->pid, wanted[order][i]);
		free(rows);
	}
	struct process_row *rows = model_processes(&model, 3, 0, ORDER_MEMORY, &count);
	assert_int_equal(rows[0].process->pid, 40); /* on the other device it has more */
	free(rows);
}

static void devices_are_added_up_on_request_alone(void **state)
{
	struct model model = example();
	(void)state;
	assert_int_equal(model_region_bytes(&model, 0, 0), 300);
	assert_int_equal(model_region_bytes(&model, 3, 1), 0);
	assert_int_equal(model_region_bytes(&model, MODEL_ALL_DEVICES, 0), 350);
	assert_int_equal(model_process_bytes(&model, &three_processes[0], 0, 0), 100);
	assert_int_equal(model_process_bytes(&model, &three_processes[0], MODEL_ALL_DEVICES, 0), 150);
	assert_int_equal(model_process_bytes(&model, &three_processes[2], 3, 0), 0);
	assert_int_equal(model_process_peak(&model, &three_processes[0], 3, 0), 60);
	assert_int_equal(model_process_peak(&model, &three_processes[2], 3, 0), 0);
	assert_int_equal(model_process_peak(&model, &three_processes[0], MODEL_ALL_DEVICES, 0), -1);
}

static void window_is_a_minute_or_all(void **state)
{
	struct model model = example();
	int64_t from_ns, to_ns;
	(void)state;
	model.live.end_ns = 20 * SECOND;
	model_window(&model, &from_ns, &to_ns);
	assert_int_equal(from_ns, 0);
	assert_int_equal(to_ns, 20 * SECOND);
	model.live.end_ns = 200 * SECOND;
	model_window(&model, &from_ns, &to_ns);
	assert_int_equal(from_ns, 140 * SECOND);
	model.live.ended = true;
	model_window(&model, &from_ns, &to_ns);
	assert_int_equal(from_ns, 0);
}

/* Ten seconds: a span in the second part, a gap that stays at its end, one in the seventh and eighth. */
static void trend_keeps_totals_between_spans(void **state)
{
	struct live_span spans[] = {
	    {0, 0, 6 * SECOND + 1, 7 * SECOND + 1, 70, 500, 20},
	    {0, 1, 0, 10 * SECOND, 1, 9999, 1}, /* of another region */
	    {0, 0, 1 * SECOND + 1, 1 * SECOND + 2, 40, 90, 70},
	};
	static const int64_t wanted[] = {40, 90, 70, 70, 70, 70, 500, 500, 20, 20};
	struct model model = example();
	struct live_region region = {.bytes = 20};
	int64_t values[10];
	(void)state;
	model.live.end_ns = 10 * SECOND;
	model.live.spans = spans;
	model.live.span_count = 3;
	model_trend(&model, &region, values, 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(values[i], wanted[i]);
	region.bytes = 33; /* spans lag behind */
	model_trend(&model, &region, values, 10);
	assert_int_equal(values[9], 33);
	assert_int_equal(values[8], 20);
}

static void trend_of_nothing(void **state)
{
	struct model model = example();
	struct live_region region = {.bytes = 5};
	int64_t values[3];
	(void)state;
	model_trend(&model, &region, values, 3); /* a window without length */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(values[i], 5);
	model_trend(&model, &region, values, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rate_follows_the_last_seconds),
	    cmocka_unit_test(rate_begins_anew_with_another_recording),
	    cmocka_unit_test(devices_go_around),
	    cmocka_unit_test(processes_are_ordered),
	    cmocka_unit_test(devices_are_added_up_on_request_alone),
	    cmocka_unit_test(window_is_a_minute_or_all),
	    cmocka_unit_test(trend_keeps_totals_between_spans),
	    cmocka_unit_test(trend_of_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
