/* SPDX-License-Identifier: Apache-2.0
 *
 * exposition.c - see exposition.h.
 */
#include "exposition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "sql/base/units.h"

#define TEXT_MOST 120 /* bytes of a label's value */

struct family {
	const char *name, *help;
	bool is_counter;
};

/* ---- lines ---- */

/* A counter's samples end in _total; whether its family does is where the two formats differ. */
static void begin_family(FILE *out, const struct family *family, enum exposition format)
{
	const char *end = family->is_counter && format == EXPOSITION_PROMETHEUS ? "_total" : "";

	fprintf(out, "# HELP ttalloc_%s%s %s\n", family->name, end, family->help);
	fprintf(out, "# TYPE ttalloc_%s%s %s\n", family->name, end, family->is_counter ? "counter" : "gauge");
}

static void write_name(FILE *out, const struct family *family)
{
	fprintf(out, "ttalloc_%s%s", family->name, family->is_counter ? "_total" : "");
}

/* TEXT as the value of a label: it comes from a program, and goes to other people's systems. */
static void write_text(FILE *out, const char *text)
{
	char *clean = memory_get(TEXT_CLEAN_BOUND(strlen(text)) + 1, 1);
	size_t bytes = text_clean(text, strlen(text), clean), at = 0;

	putc('"', out);
	while (at < bytes && at < TEXT_MOST) {
		int32_t code;
		size_t length = text_decode(clean + at, bytes - at, &code);

		if (text_is_unsafe(code))
			putc('?', out);
		else if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (char)code);
		else
			fwrite(clean + at, 1, length, out);
		at += length;
	}
	putc('"', out);
	free(clean);
}

static void write_place(FILE *out, int64_t device, int64_t region)
{
	const char *word = region_word(region);

	fprintf(out, "device=\"%" PRId64 "\",region=", device);
	if (word)
		fprintf(out, "\"%s\"", word);
	else
		fprintf(out, "\"%" PRId64 "\"", region);
}

/* ---- regions ---- */

static int64_t live_bytes(const struct live_region *region)
{
	return region->bytes;
}
static int64_t live_bank_bytes(const struct live_region *region)
{
	return region->bank_bytes;
}
static int64_t live_blocks(const struct live_region *region)
{
	return region->blocks;
}
static int64_t peak_bytes(const struct live_region *region)
{
	return region->peak_bytes;
}
static int64_t peak_bank_bytes(const struct live_region *region)
{
	return region->peak_bank_bytes;
}
static int64_t capacity_bytes(const struct live_region *region)
{
	return region->capacity_bytes ? region->capacity_bytes : -1;
}
static int64_t free_bytes(const struct live_region *region)
{
	return region->free_bytes;
}
static int64_t largest_free_bytes(const struct live_region *region)
{
	return region->largest_free_bytes;
}

/* Each with what it is of a region; negative: not known, and then left out. */
static const struct {
	struct family family;
	int64_t (*value)(const struct live_region *region);
} of_regions[] = {
    {{"live_bytes", "Payload that lives now, over all banks.", false}, live_bytes},
    {{"live_bank_bytes", "What lives now, as it fills each bank.", false}, live_bank_bytes},
    {{"live_blocks", "Blocks that live now.", false}, live_blocks},
    {{"peak_bytes", "The most payload that lived at once since the recording began.", false}, peak_bytes},
    {{"peak_bank_bytes", "The most that filled each bank at once since the recording began.", false}, peak_bank_bytes},
    {{"bank_size_bytes", "Size of each bank, where the program told it.", false}, capacity_bytes},
    {{"free_bank_bytes", "Free in each bank now.", false}, free_bytes},
    {{"largest_free_bank_bytes", "The largest piece that is free in each bank now.", false}, largest_free_bytes},
};

static void write_regions(FILE *out, const struct live *live, enum exposition format)
{
	for (size_t i = 0; i < sizeof of_regions / sizeof *of_regions; i++) {
		begin_family(out, &of_regions[i].family, format);
		for (size_t at = 0; at < live->region_count; at++) {
			const struct live_region *region = &live->regions[at];
			int64_t value = of_regions[i].value(region);

			if (value < 0)
				continue;
			write_name(out, &of_regions[i].family);
			putc('{', out);
			write_place(out, region->device, region->region);
			fprintf(out, "} %" PRId64 "\n", value);
		}
	}
}

static void write_fragmentation(FILE *out, const struct live *live, enum exposition format)
{
	static const struct family family = {
	    "fragmentation_ratio", "1 - largest free piece / free, of each bank; none where nothing is free.", false};

	begin_family(out, &family, format);
	for (size_t i = 0; i < live->region_count; i++) {
		const struct live_region *region = &live->regions[i];

		if (region->free_bytes <= 0)
			continue;
		write_name(out, &family);
		putc('{', out);
		write_place(out, region->device, region->region);
		fprintf(out, "} %.6g\n", 1 - (double)region->largest_free_bytes / (double)region->free_bytes);
	}
}

/* ---- processes ---- */

static int compare_usage(const void *left, const void *right)
{
	const struct live_usage *a = *(const struct live_usage *const *)left,
	                        *b = *(const struct live_usage *const *)right;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->region != b->region)
		return a->region < b->region ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return (a->process > b->process) - (a->process < b->process);
}

/* The program alone: its arguments may be private, and are many. */
static void write_program(FILE *out, const char *command)
{
	char *word = memory_text(command);

	word[strcspn(word, " ")] = '\0';
	const char *slash = strrchr(word, '/');
	write_text(out, slash ? slash + 1 : word);
	free(word);
}

static void write_process(FILE *out, const struct family *family, const struct live_usage *usage,
                          const struct live_process *process, int64_t bytes)
{
	write_name(out, family);
	putc('{', out);
	write_place(out, usage->device, usage->region);
	if (process) {
		fprintf(out, ",pid=\"%" PRId64 "\",program=", process->pid);
		write_program(out, process->command);
	} else {
		fputs(",pid=\"other\",program=\"\"", out);
	}
	fprintf(out, "} %" PRId64 "\n", bytes);
}

static void write_processes(FILE *out, const struct live *live, enum exposition format)
{
	static const struct family family = {"process_live_bytes", "Payload that a process holds now.", false};
	const struct live_usage **order = memory_get(live->usage_count + 1, sizeof(*order));
	size_t count = 0, in_place = 0;
	int64_t others = 0;

	for (size_t i = 0; i < live->usage_count; i++) {
		const struct live_process *process = live_process(live, live->usages[i].process);

		if (process && !process->ended)
			order[count++] = &live->usages[i];
	}
	qsort(order, count, sizeof(*order), compare_usage);
	begin_family(out, &family, format);
	for (size_t i = 0; i < count; i++) {
		bool is_last = i + 1 == count || order[i + 1]->device != order[i]->device ||
		               order[i + 1]->region != order[i]->region;

		if (in_place++ < EXPOSITION_PROCESSES)
			write_process(out, &family, order[i], live_process(live, order[i]->process), order[i]->bytes);
		else
			__builtin_add_overflow(others, order[i]->bytes, &others);
		if (is_last && in_place > EXPOSITION_PROCESSES)
			write_process(out, &family, order[i], NULL, others);
		if (is_last)
			in_place = 0, others = 0;
	}
	free(order);
}

/* ---- the recording ---- */

static void write_counts(FILE *out, const struct live *live, enum exposition format)
{
	int64_t living = 0;

	for (size_t i = 0; i < live->process_count; i++)
		living += !live->processes[i].ended;
	const struct {
		struct family family;
		int64_t value;
	} rows[] = {
	    {{"events", "Events in the recording.", true}, live->events},
	    {{"failures", "Requests for memory that were not served.", true}, live->failures},
	    {{"lost_events", "Events that are known to be missing.", true}, live->lost},
	    {{"lost_events_unknown", "1: more is missing, and not counted.", false}, live->loss_unknown},
	    {{"processes", "Processes that are recorded now.", false}, living},
	    {{"recording_ended", "1: the recording is over; what lives, lived when it ended.", false}, live->ended},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		begin_family(out, &rows[i].family, format);
		write_name(out, &rows[i].family);
		fprintf(out, " %" PRId64 "\n", rows[i].value);
	}
}

static void write_recording(FILE *out, const struct live *live, enum exposition format)
{
	begin_family(out, &(struct family){"recording_info", "The recording; always 1.", false}, format);
	fputs("ttalloc_recording_info{uuid=", out);
	write_text(out, live->uuid);
	fputs("} 1\n", out);
}

void exposition_write(FILE *out, const struct live *live, enum exposition format)
{
	write_regions(out, live, format);
	write_fragmentation(out, live, format);
	write_processes(out, live, format);
	write_counts(out, live, format);
	write_recording(out, live, format);
	if (format == EXPOSITION_OPENMETRICS)
		fputs("# EOF\n", out);
}
