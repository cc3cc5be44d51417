/* SPDX-License-Identifier: Apache-2.0
 *
 * device.c - see device.h.
 */
#include "device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/base/units.h"

struct candidates {
	int64_t device;    /* the first */
	char several[160]; /* what they are, when they are not one */
	size_t count;
};

/* What TEXT can mean. */
struct meaning {
	const char *text, *pid;
	char chip[24]; /* as chips are named: decimal */
	bool is_number;
	int64_t number;
};

static void read_meaning(struct meaning *meaning, const char *text, const char *pid)
{
	char *end;

	*meaning = (struct meaning){.text = text, .pid = pid};
	meaning->is_number = !parse_integer(text, &meaning->number) && meaning->number >= 0;
	snprintf(meaning->chip, sizeof meaning->chip, "%" PRIu64, (uint64_t)strtoull(text, &end, 16));
	if (strncmp(text, "0x", 2) != 0 || *end != '\0')
		snprintf(meaning->chip, sizeof meaning->chip, "%.23s", text);
}

static bool is_chip(const struct meaning *meaning, const char *chip)
{
	return strcmp(chip, meaning->text) == 0 || strcmp(chip, meaning->chip) == 0;
}

static void take(struct candidates *candidates, int64_t device, const char *chip, const char *pid)
{
	size_t length = strlen(candidates->several);

	if (candidates->count && candidates->device == device)
		return;
	if (!candidates->count)
		candidates->device = device;
	snprintf(candidates->several + length, sizeof candidates->several - length, "%s%.24s of process %s",
	         candidates->count ? ", " : "", chip[0] != '\0' ? chip : "one that is not known", pid);
	candidates->count++;
}

/* One row per device of a process: the recording's number, its own, the chip, the process. */
static int read_devices(struct recording *recording, const struct meaning *meaning, struct candidates *chips,
                        struct candidates *numbers, struct sql_error *error)
{
	struct query_run *run = query_start_sql(recording,
	                                        "SELECT DISTINCT i.device, i.number, coalesce(i.chip, ''), p.pid || '' "
	                                        "FROM device_identity i JOIN process_info p ON p.id = i.process "
	                                        "ORDER BY i.key",
	                                        error);
	int state = -1;

	while (run && (state = query_next(run, error)) == 1) {
		struct query_cell cells[4];

		for (size_t i = 0; i < 4; i++)
			query_cell(run, i, &cells[i]);
		if (is_chip(meaning, cells[2].text))
			take(chips, cells[0].integer, cells[2].text, cells[3].text);
		else if (meaning->is_number && cells[1].integer == meaning->number &&
		         (!meaning->pid || strcmp(meaning->pid, cells[3].text) == 0))
			take(numbers, cells[0].integer, cells[2].text, cells[3].text);
	}
	if (run)
		query_finish(run);
	return state < 0 ? -1 : 0;
}

int device_resolve(struct recording *recording, const char *text, const char *pid, int64_t *device,
                   struct sql_error *error)
{
	struct candidates chips = {.count = 0}, numbers = {.count = 0};
	struct meaning meaning;

	read_meaning(&meaning, text, pid);
	if (read_devices(recording, &meaning, &chips, &numbers, error) < 0)
		return -1;
	if (chips.count == 0 && !meaning.is_number)
		return sql_fail(error, "%s has no chip '%.80s'; 'ttalloc-analyze info' lists what it has",
		                recording_path(recording), text);
	if (chips.count == 0 && numbers.count > 1)
		return sql_fail(error, "device %s is several chips (%s): say the chip, or --pid", text,
		                numbers.several);
	/* Numbers that no process counts by are the recording's. */
	*device = chips.count ? chips.device : numbers.count ? numbers.device : meaning.number;
	return 0;
}

int device_of_file(const char *file, const char *text, int64_t *device, struct sql_error *error)
{
	const char *wrong = parse_integer(text, device);
	struct recording *recording = file ? recording_open(file, error) : NULL;
	int result;

	if (!recording)
		return wrong ? sql_fail(error, "--device: '%.80s' %s", text, wrong) : 0;
	result = device_resolve(recording, text, NULL, device, error);
	recording_close(recording);
	return result;
}
