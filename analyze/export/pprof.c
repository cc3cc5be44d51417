/* SPDX-License-Identifier: Apache-2.0
 *
 * pprof.c - a recording for pprof (profile.proto), not compressed, which pprof takes as well. Devices and regions are
 * not added to each other, so that each kind of weight of each device and region is a sample type of its own.
 */
#include "formats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "protobuf.h"
#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "weights.h"

enum { PROFILE_SAMPLE_TYPE = 1, PROFILE_SAMPLE = 2, PROFILE_LOCATION = 4, PROFILE_FUNCTION = 5, PROFILE_STRING = 6 };
enum { PROFILE_TIME_NANOS = 9, PROFILE_DURATION_NANOS = 10, PROFILE_DEFAULT_SAMPLE_TYPE = 14 };
enum { VALUE_TYPE = 1, VALUE_UNIT = 2 };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2 };
enum { LOCATION_ID = 1, LOCATION_LINE = 4, LINE_FUNCTION = 1, FUNCTION_ID = 1, FUNCTION_NAME = 2 };

#define FRAMES_MOST 1024

struct pprof {
	FILE *out;
	struct names strings; /* 0 is "" */
	struct names frames;  /* location and function alike, from 1 */
	struct names types;   /* of samples */
	struct message message, inner;
	size_t stack[FRAMES_MOST], depth; /* outermost first */
};

static size_t string(struct pprof *pprof, const char *text)
{
	return names_of(&pprof->strings, text, strlen(text));
}

static void type_name(char *name, size_t size, const struct query_run *run, const char *kind)
{
	struct query_cell device, region;

	query_cell(run, 0, &device);
	query_cell(run, 1, &region);
	snprintf(name, size, "device%" PRId64 "_%s_%s", device.integer, region.text, kind);
}

/* Calls EACH for all rows of all kinds. */
static int each_row(struct pprof *pprof, struct recording *recording,
                    void (*each)(struct pprof *pprof, const struct query_run *run, const char *kind),
                    struct sql_error *error)
{
	int state = 0;

	for (size_t i = 0; state == 0 && i < sizeof(weights_kinds) / sizeof(*weights_kinds); i++) {
		struct query_run *run = weights_start(recording, weights_kinds[i], error);

		state = run ? 1 : -1;
		while (state == 1 && (state = query_next(run, error)) == 1)
			each(pprof, run, weights_kinds[i]);
		if (run)
			query_finish(run);
	}
	return state;
}

static void add_type(struct pprof *pprof, const struct query_run *run, const char *kind)
{
	char name[96];
	size_t known = pprof->types.count;

	type_name(name, sizeof(name), run, kind);
	names_of(&pprof->types, name, strlen(name));
	if (pprof->types.count == known)
		return;
	message_number(&pprof->message, VALUE_TYPE, string(pprof, name));
	message_number(&pprof->message, VALUE_UNIT, string(pprof, "bytes"));
	message_write(&pprof->message, PROFILE_SAMPLE_TYPE, pprof->out);
}

static void add_frame(void *context, const char *name, size_t bytes)
{
	struct pprof *pprof = context;
	size_t known = pprof->frames.count, number = names_of(&pprof->frames, name, bytes);

	if (pprof->depth < FRAMES_MOST)
		pprof->stack[pprof->depth++] = number + 1;
	if (number < known)
		return;
	message_number(&pprof->message, FUNCTION_ID, number + 1);
	message_number(&pprof->message, FUNCTION_NAME, string(pprof, pprof->frames.list[number]));
	message_write(&pprof->message, PROFILE_FUNCTION, pprof->out);
	message_number(&pprof->inner, LINE_FUNCTION, number + 1);
	message_number(&pprof->message, LOCATION_ID, number + 1);
	message_inner(&pprof->message, LOCATION_LINE, &pprof->inner);
	message_write(&pprof->message, PROFILE_LOCATION, pprof->out);
}

static void add_sample(struct pprof *pprof, const struct query_run *run, const char *kind)
{
	struct query_cell stack, bytes;
	char name[96];

	query_cell(run, 2, &stack);
	query_cell(run, 3, &bytes);
	type_name(name, sizeof(name), run, kind);
	size_t type = names_of(&pprof->types, name, strlen(name));
	pprof->depth = 0;
	weights_frames(stack.text, stack.bytes, add_frame, pprof);
	for (size_t i = pprof->depth; i-- > 0;) /* pprof wants the innermost first */
		message_packed(&pprof->inner, pprof->stack[i]);
	message_inner(&pprof->message, SAMPLE_LOCATION, &pprof->inner);
	for (size_t i = 0; i < pprof->types.count; i++)
		message_packed(&pprof->inner, i == type ? (uint64_t)bytes.integer : 0);
	message_inner(&pprof->message, SAMPLE_VALUE, &pprof->inner);
	message_write(&pprof->message, PROFILE_SAMPLE, pprof->out);
}

static int add_times(struct pprof *pprof, struct recording *recording, struct sql_error *error)
{
	struct query_run *run = query_start_sql(recording, "SELECT start_realtime_ns, end_ns FROM recording", error);
	struct query_cell start, duration;
	int state = run ? query_next(run, error) : -1;

	if (state == 1) {
		query_cell(run, 0, &start);
		query_cell(run, 1, &duration);
		message_number(&pprof->message, PROFILE_TIME_NANOS, (uint64_t)start.integer);
		message_number(&pprof->message, PROFILE_DURATION_NANOS, (uint64_t)duration.integer);
	}
	if (pprof->types.count)
		message_number(&pprof->message, PROFILE_DEFAULT_SAMPLE_TYPE, string(pprof, pprof->types.list[0]));
	fwrite(pprof->message.bytes, 1, pprof->message.size, pprof->out); /* fields of the profile itself */
	pprof->message.size = 0;
	if (run)
		query_finish(run);
	return state < 0 ? -1 : 0;
}

static void add_strings(struct pprof *pprof)
{
	for (size_t i = 0; i < pprof->strings.count; i++) {
		const char *text = pprof->strings.list[i];

		message_text(&pprof->message, PROFILE_STRING, text);
		fwrite(pprof->message.bytes, 1, pprof->message.size, pprof->out);
		pprof->message.size = 0;
	}
}

int export_pprof(struct recording *recording, FILE *out, struct sql_error *error)
{
	struct pprof pprof = {.out = out};
	int result;

	string(&pprof, "");
	result = each_row(&pprof, recording, add_type, error);
	if (result == 0 && !pprof.types.count)
		result = sql_fail(error, "%s: nothing was ever live in it", recording_path(recording));
	if (result == 0)
		result = each_row(&pprof, recording, add_sample, error);
	if (result == 0)
		result = add_times(&pprof, recording, error);
	add_strings(&pprof);
	names_clear(&pprof.strings);
	names_clear(&pprof.frames);
	names_clear(&pprof.types);
	message_clear(&pprof.message);
	message_clear(&pprof.inner);
	return result;
}
