/* SPDX-License-Identifier: Apache-2.0
 *
 * speedscope.c - a recording for speedscope: a profile for each device, region and kind of weight.
 */
#include "formats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "weights.h"

struct speedscope {
	FILE *out;
	struct names frames;
	int64_t *weights; /* of the profile under way, which come behind its samples */
	size_t count, capacity, profiles;
	int64_t device;
	char region[32];
	bool first_frame;
};

static void put_frame(void *context, const char *name, size_t bytes)
{
	struct speedscope *speedscope = context;

	fprintf(speedscope->out, "%s%zu", speedscope->first_frame ? "" : ",",
	        names_of(&speedscope->frames, name, bytes));
	speedscope->first_frame = false;
}

static void begin_profile(struct speedscope *speedscope, const char *kind)
{
	fprintf(speedscope->out, "%s\n{\"type\":\"sampled\",\"unit\":\"bytes\",\"startValue\":0,\"name\":",
	        speedscope->profiles++ ? "," : "");
	char name[96];
	int length =
	    snprintf(name, sizeof(name), "device %" PRId64 " %s: %s", speedscope->device, speedscope->region, kind);
	text_json(speedscope->out, name, (size_t)length);
	fputs(",\"samples\":[", speedscope->out);
}

static void end_profile(struct speedscope *speedscope)
{
	int64_t total = 0;

	if (!speedscope->count)
		return;
	fputs("],\"weights\":[", speedscope->out);
	for (size_t i = 0; i < speedscope->count; i++) {
		fprintf(speedscope->out, "%s%" PRId64, i ? "," : "", speedscope->weights[i]);
		total += speedscope->weights[i];
	}
	fprintf(speedscope->out, "],\"endValue\":%" PRId64 "}", total);
	speedscope->count = 0;
}

static void put_row(struct speedscope *speedscope, const char *kind, const struct query_run *run)
{
	struct query_cell device, region, stack, bytes;

	query_cell(run, 0, &device);
	query_cell(run, 1, &region);
	query_cell(run, 2, &stack);
	query_cell(run, 3, &bytes);
	if (!speedscope->count || device.integer != speedscope->device ||
	    strcmp(region.text, speedscope->region) != 0) {
		end_profile(speedscope);
		speedscope->device = device.integer;
		snprintf(speedscope->region, sizeof(speedscope->region), "%s", region.text);
		begin_profile(speedscope, kind);
	}
	fputs(speedscope->count ? ",[" : "[", speedscope->out);
	speedscope->first_frame = true;
	weights_frames(stack.text, stack.bytes, put_frame, speedscope);
	fputs("]", speedscope->out);
	speedscope->weights =
	    memory_room(speedscope->weights, speedscope->count, &speedscope->capacity, sizeof(*speedscope->weights));
	speedscope->weights[speedscope->count++] = bytes.integer;
}

static int put_kind(struct speedscope *speedscope, struct recording *recording, const char *kind,
                    struct sql_error *error)
{
	struct query_run *run = weights_start(recording, kind, error);
	int state = run ? 1 : -1;

	while (state == 1 && (state = query_next(run, error)) == 1)
		put_row(speedscope, kind, run);
	end_profile(speedscope);
	if (run)
		query_finish(run);
	return state;
}

int export_speedscope(struct recording *recording, FILE *out, struct sql_error *error)
{
	struct speedscope speedscope = {.out = out};
	int result = 0;

	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"ttalloc\",\"name\":",
	      out);
	text_json(out, recording_path(recording), strlen(recording_path(recording)));
	fputs(",\"profiles\":[", out);
	for (size_t i = 0; result == 0 && i < sizeof(weights_kinds) / sizeof(*weights_kinds); i++)
		result = put_kind(&speedscope, recording, weights_kinds[i], error);
	fputs("\n],\"shared\":{\"frames\":[", out);
	for (size_t i = 0; i < speedscope.frames.count; i++) {
		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", out);
		text_json(out, speedscope.frames.list[i], strlen(speedscope.frames.list[i]));
		fputs("}", out);
	}
	fputs("\n]}}\n", out);
	names_clear(&speedscope.frames);
	free(speedscope.weights);
	if (result == 0 && !speedscope.profiles)
		result = sql_fail(error, "%s: nothing was ever live in it", recording_path(recording));
	return result;
}
