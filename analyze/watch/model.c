/* SPDX-License-Identifier: Apache-2.0
 *
 * model.c - see model.h.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"

#define SECOND_NS INT64_C(1000000000)
#define RATE_NS (SECOND_NS * 3 / 2)
#define WINDOW_NS (60 * SECOND_NS)

void model_free(struct model *model)
{
	live_clear(&model->live);
	*model = (struct model){0};
}

void model_sample(struct model *model, int64_t at_ns)
{
	if (strcmp(model->uuid, model->live.uuid) != 0) { /* another recording */
		model->sample_count = 0;
		strcpy(model->uuid, model->live.uuid);
	}
	size_t at = model->sample_count++ % MODEL_SAMPLES;
	model->samples[at].at_ns = at_ns;
	model->samples[at].events = model->live.events;
}

double model_rate(const struct model *model, bool *average)
{
	size_t kept = model->sample_count < MODEL_SAMPLES ? model->sample_count : MODEL_SAMPLES;
	*average = kept < 2 || model->live.ended;
	if (*average) {
		double lasted_ns = (double)model->live.end_ns - (double)model->live.begin_ns;

		return lasted_ns > 0 ? (double)model->live.events / (lasted_ns / 1e9) : 0;
	}
	size_t last = (model->sample_count - 1) % MODEL_SAMPLES, first = last;
	for (size_t back = 1; back < kept; back++) {
		first = (model->sample_count - 1 - back) % MODEL_SAMPLES;
		if (model->samples[last].at_ns - model->samples[first].at_ns >= RATE_NS)
			break;
	}
	double seconds = (double)(model->samples[last].at_ns - model->samples[first].at_ns) / 1e9;
	double events = (double)(model->samples[last].events - model->samples[first].events);
	return seconds > 0 && events > 0 ? events / seconds : 0;
}

/* ---- devices ---- */

int64_t model_device(const struct model *model, size_t index)
{
	const struct live *live = &model->live;
	size_t seen = 0;
	for (size_t i = 0; i < live->region_count; i++)
		if ((i == 0 || live->regions[i].device != live->regions[i - 1].device) && seen++ == index)
			return live->regions[i].device;
	return MODEL_ALL_DEVICES;
}

size_t model_device_count(const struct model *model)
{
	const struct live *live = &model->live;
	size_t count = 0;
	for (size_t i = 0; i < live->region_count; i++)
		count += i == 0 || live->regions[i].device != live->regions[i - 1].device;
	return count;
}

static size_t device_index(const struct model *model, int64_t device)
{
	size_t index = 0, count = model_device_count(model);
	while (index < count && model_device(model, index) != device)
		index++;
	return index; /* the count: all devices */
}

bool model_has_device(const struct model *model, int64_t device)
{
	return device_index(model, device) < model_device_count(model);
}

int64_t model_next_device(const struct model *model, int64_t device, int direction)
{
	size_t places = model_device_count(model) + 1; /* one is for all */
	size_t index = device_index(model, device);
	return model_device(model, direction > 0 ? (index + 1) % places : (index + places - 1) % places);
}

/* ---- trends ---- */

void model_window(const struct model *model, int64_t *from_ns, int64_t *to_ns)
{
	int64_t begin_ns = model->live.begin_ns > 0 ? model->live.begin_ns : 0;

	*to_ns = model->live.end_ns > begin_ns ? model->live.end_ns : begin_ns;
	*from_ns = model->live.ended || *to_ns - begin_ns < WINDOW_NS ? begin_ns : *to_ns - WINDOW_NS;
}

/* The part of the window, from 0 to COUNT - 1, in which AT_NS lies. */
static size_t part_of(int64_t at_ns, int64_t from_ns, int64_t to_ns, size_t count)
{
	if (at_ns <= from_ns)
		return 0;
	if (at_ns >= to_ns)
		return count - 1;
	return (size_t)((double)(at_ns - from_ns) / (double)(to_ns - from_ns) * (double)count);
}

/* What a span says of the totals at the ends of parts: VALUES of parts without a span take the end of the last before.
 */
struct trend {
	int64_t *values;
	int64_t *end_ns, *ends, *starts; /* by part: of the latest span that ends there; and the first one's start */
	size_t count;
	int64_t from_ns, to_ns;
};

static void trend_add(struct trend *trend, const struct live_span *span)
{
	if (span->to_ns < trend->from_ns || span->from_ns > trend->to_ns)
		return;
	size_t first = part_of(span->from_ns, trend->from_ns, trend->to_ns, trend->count);
	size_t last = part_of(span->to_ns, trend->from_ns, trend->to_ns, trend->count);
	for (size_t part = first; part <= last; part++) /* where in it the maximum lies is not known */
		if (span->max_bytes > trend->values[part])
			trend->values[part] = span->max_bytes;
	if (trend->starts[first] < 0)
		trend->starts[first] = span->start_bytes;
	if (span->to_ns >= trend->end_ns[last]) {
		trend->end_ns[last] = span->to_ns;
		trend->ends[last] = span->end_bytes;
	}
}

/* Between spans the total stays as the one before left it; before the first as that one found it. */
static void trend_fill(struct trend *trend, int64_t now_bytes)
{
	int64_t before = -1;
	for (size_t part = 0; part < trend->count && before < 0; part++)
		before = trend->starts[part];
	if (before < 0)
		before = now_bytes;
	for (size_t part = 0; part < trend->count; part++) {
		if (trend->values[part] < 0)
			trend->values[part] = before;
		if (trend->end_ns[part] >= 0)
			before = trend->ends[part];
	}
}

void model_trend(const struct model *model, const struct live_region *region, int64_t *values, size_t count)
{
	const struct live *live = &model->live;
	if (count == 0)
		return;
	int64_t *scratch = memory_get(3 * count, sizeof *scratch);
	struct trend trend = {.values = values,
	                      .end_ns = scratch,
	                      .ends = scratch + count,
	                      .starts = scratch + 2 * count,
	                      .count = count};
	model_window(model, &trend.from_ns, &trend.to_ns);
	for (size_t i = 0; i < count; i++)
		values[i] = trend.end_ns[i] = trend.ends[i] = trend.starts[i] = -1;
	for (size_t i = live->span_count; i-- > 0;) /* the newest come first */
		if (live->spans[i].device == region->device && live->spans[i].region == region->region)
			trend_add(&trend, &live->spans[i]);
	trend_fill(&trend, region->bytes);
	if (region->bytes > values[count - 1]) /* spans may lag behind */
		values[count - 1] = region->bytes;
	free(scratch);
}

/* ---- processes ---- */

static size_t first_usage(const struct live *live, int64_t process)
{
	size_t low = 0, high = live->usage_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (live->usages[middle].process < process)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int64_t model_process_bytes(const struct model *model, const struct live_process *process, int64_t device,
                            int64_t region)
{
	const struct live *live = &model->live;
	int64_t bytes = 0;
	for (size_t i = first_usage(live, process->id); i < live->usage_count; i++) {
		const struct live_usage *usage = &live->usages[i];
		if (usage->process != process->id)
			break;
		if (usage->region == region && (device == MODEL_ALL_DEVICES || usage->device == device))
			__builtin_add_overflow(bytes, usage->bytes, &bytes);
	}
	return bytes;
}

int64_t model_process_peak(const struct model *model, const struct live_process *process, int64_t device,
                           int64_t region)
{
	const struct live *live = &model->live;
	if (device == MODEL_ALL_DEVICES)
		return -1;
	for (size_t i = first_usage(live, process->id); i < live->usage_count; i++) {
		const struct live_usage *usage = &live->usages[i];
		if (usage->process != process->id)
			break;
		if (usage->device == device && usage->region == region)
			return usage->peak_bytes;
	}
	return 0;
}

bool model_any_alive(const struct model *model)
{
	for (size_t i = 0; i < model->live.process_count; i++)
		if (!model->live.processes[i].ended)
			return true;
	return false;
}

int64_t model_region_bytes(const struct model *model, int64_t device, int64_t region)
{
	const struct live *live = &model->live;
	int64_t bytes = 0;
	for (size_t i = 0; i < live->region_count; i++)
		if (live->regions[i].region == region &&
		    (device == MODEL_ALL_DEVICES || live->regions[i].device == device))
			__builtin_add_overflow(bytes, live->regions[i].bytes, &bytes);
	return bytes;
}

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_rows(const void *left, const void *right, void *context)
{
	const struct process_row *a = left, *b = right;
	enum process_order order = *(enum process_order *)context;
	int result = (int)a->process->ended - (int)b->process->ended;
	if (result == 0 && order == ORDER_MEMORY)
		result = compare(b->bytes, a->bytes);
	if (result == 0 && order != ORDER_PID)
		result = compare(b->process->events, a->process->events);
	return result != 0 ? result : compare(a->process->pid, b->process->pid);
}

struct process_row *model_processes(const struct model *model, int64_t device, int64_t region, enum process_order order,
                                    size_t *count)
{
	const struct live *live = &model->live;
	struct process_row *rows = memory_get(live->process_count + 1, sizeof *rows);
	*count = live->process_count;
	for (size_t i = 0; i < *count; i++)
		rows[i] =
		    (struct process_row){.process = &live->processes[i],
		                         .bytes = model_process_bytes(model, &live->processes[i], device, region)};
	qsort_r(rows, *count, sizeof *rows, compare_rows, &order);
	return rows;
}
