/* SPDX-License-Identifier: Apache-2.0
 *
 * device.c - see device.h.
 */
#include "device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/units.h"
#include "sql/base/vocabulary_sql.h"
#include "sql/store/recording.h"

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

/* ---- Devices of two recordings ---- */

/* A device of one recording. */
struct named_device {
	int64_t device;
	char chip[32]; /* "": not said */
};

struct named_devices {
	struct named_device *list;
	size_t count, capacity;
};

static int load_devices(struct named_devices *devices, struct recording *recording, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(
	    recording,
	    "SELECT device, (SELECT chip FROM device_identity i WHERE i.device = d.device AND chip IS NOT NULL "
	    "ORDER BY key DESC LIMIT 1) FROM (SELECT device FROM main.origin UNION SELECT device FROM device_identity) "
	    "d "
	    "WHERE device < " SQL_UNSAID_ANY " ORDER BY device",
	    error);
	int state = -1;

	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		const char *chip = (const char *)sqlite3_column_text(rows, 1);

		if (array_reserve(&devices->list, &devices->capacity, devices->count) < 0) {
			state = sql_fail(error, "out of memory");
			break;
		}
		struct named_device *device = &devices->list[devices->count++];
		*device = (struct named_device){.device = sqlite3_column_int64(rows, 0)};
		snprintf(device->chip, sizeof(device->chip), "%.31s", chip ? chip : "");
	}
	sqlite3_finalize(rows);
	return state;
}

static const struct named_device *find_chip(const struct named_devices *devices, const char *chip)
{
	for (size_t i = 0; chip[0] != '\0' && i < devices->count; i++)
		if (strcmp(devices->list[i].chip, chip) == 0)
			return &devices->list[i];
	return NULL;
}

static const struct named_device *find_number(const struct named_devices *devices, int64_t device)
{
	for (size_t i = 0; i < devices->count; i++)
		if (devices->list[i].device == device)
			return &devices->list[i];
	return NULL;
}

/* Which of NEW is OLD. NULL: none. */
static const struct named_device *counterpart(const struct device_pairs *pairs, const struct named_device *old,
                                              const struct named_devices *new)
{
	const struct named_device *same = pairs->by_chip ? find_chip(new, old->chip) : NULL;

	if (same || (pairs->by_chip && old->chip[0] != '\0'))
		return same;
	same = find_number(new, old->device);
	return same && (!pairs->by_chip || same->chip[0] == '\0') ? same : NULL;
}

static int pair_devices(struct device_pairs *pairs, const struct named_devices *old, const struct named_devices *new,
                        struct sql_error *error)
{
	int64_t free_number = 0;

	pairs->list = calloc(old->count + 1, sizeof(*pairs->list));
	if (!pairs->list)
		return sql_fail(error, "out of memory");
	for (size_t i = 0; i < new->count; i++) {
		pairs->may_differ |= new->list[i].chip[0] != '\0';
		free_number = new->list[i].device >= free_number ? new->list[i].device + 1 : free_number;
	}
	for (size_t i = 0; i < old->count; i++) {
		pairs->may_differ |= old->list[i].chip[0] != '\0';
		pairs->by_chip |= find_chip(new, old->list[i].chip) != NULL;
	}
	pairs->may_differ &= !pairs->by_chip;
	for (size_t i = 0; i < old->count; i++) {
		const struct named_device *same = counterpart(pairs, &old->list[i], new);
		int64_t alone = pairs->by_chip ? free_number++ : old->list[i].device;

		pairs->list[pairs->count++] = (struct device_pair){
		    .old_device = old->list[i].device, .shown = same ? same->device : alone, .is_there = same != NULL};
	}
	return 0;
}

int device_pairs_load(struct device_pairs *pairs, struct recording *old, struct recording *new, struct sql_error *error)
{
	struct named_devices before = {.list = NULL}, after = {.list = NULL};
	int result = -1;

	*pairs = (struct device_pairs){.list = NULL};
	if (load_devices(&before, old, error) == 0 && load_devices(&after, new, error) == 0)
		result = pair_devices(pairs, &before, &after, error);
	free(before.list);
	free(after.list);
	return result;
}

void device_pairs_clear(struct device_pairs *pairs)
{
	free(pairs->list);
}

int64_t device_of_old(const struct device_pairs *pairs, int64_t device)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (pairs->list[i].shown == device)
			return pairs->list[i].old_device;
	return -1;
}
