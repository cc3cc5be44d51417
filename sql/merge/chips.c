/* SPDX-License-Identifier: Apache-2.0
 *
 * chips.c - see chips.h.
 */
#include "chips.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/base/vocabulary_sql.h"
#include "ttalloc.h"

/* As the recorder numbers chips whose own number another one has. */
#define OWN_FIRST 256u
#define DEVICES_MOST 65535u /* TTALLOC_ANY is none */

struct chip {
	char *id;      /* NULL: not known */
	char *visible; /* "": all chips of the host */
	char *boot, *host;
	bool host_memory; /* nothing but the memory of the host: a device by name only */
	bool uncertain;   /* it may be the same as one of an input before */
	uint32_t input;   /* the first that has it */
	uint32_t old, device;
	uint32_t number; /* that its process gives it */
};

struct known_number {
	uint32_t old, device;
};

struct chips {
	struct chip *list;
	size_t count, capacity;
	struct known_number *input; /* the devices of the one that was taken last */
	size_t input_count, input_capacity;
	uint32_t inputs;
};

/* Every device that something lies on or that was opened, and by whom. */
static const char devices_sql[] =
    "SELECT u.device, max(i.chip), coalesce(a.boot_id, r.boot_id), coalesce(a.host, r.host), min(u.region "
    "= " SQL_REGION_HOST "),"
    "  max(i.visible), coalesce(min(i.number), u.device)"
    " FROM (SELECT DISTINCT device, process, region FROM origin UNION SELECT device, process, region FROM device_mark"
    "   UNION SELECT device, process, region FROM process_usage) u"
    " JOIN recording_info r"
    " LEFT JOIN device_identity i ON i.device = u.device AND i.process = u.process"
    " LEFT JOIN process_part s ON s.process = u.process LEFT JOIN part a ON a.id = s.part"
    " WHERE u.device <> " SQL_UNSAID_ANY " GROUP BY u.device ORDER BY u.device";
enum column { DEVICE, CHIP, BOOT, HOST, HOST_MEMORY, VISIBLE, NUMBER };

struct chips *chips_new(void)
{
	return memory_zeroed(sizeof(struct chips));
}

static void chip_clear(struct chip *chip)
{
	free(chip->id);
	free(chip->visible);
	free(chip->boot);
	free(chip->host);
}

void chips_free(struct chips *chips)
{
	if (!chips)
		return;
	for (size_t i = 0; i < chips->count; i++)
		chip_clear(&chips->list[i]);
	free(chips->list);
	free(chips->input);
	free(chips);
}

static bool is_same(const char *a, const char *b)
{
	return *a && strcmp(a, b) == 0;
}

/* A chip stays where it is over a reboot; a host's memory does not stay what it was. */
static bool is_same_chip(const struct chip *a, const struct chip *b)
{
	if (a->host_memory || b->host_memory)
		return a->host_memory && b->host_memory && is_same(a->boot, b->boot) && a->number == b->number;
	return a->id && b->id && strcmp(a->id, b->id) == 0 && (is_same(a->boot, b->boot) || is_same(a->host, b->host));
}

/* Processes that see the same chips count them in the same way. */
static bool may_be_same_chip(const struct chip *a, const struct chip *b)
{
	bool told_apart = strcmp(a->visible, b->visible) == 0 && a->number != b->number;

	return (!a->id || !b->id) && !a->host_memory && !b->host_memory && is_same(a->boot, b->boot) && !told_apart;
}

static bool is_taken(const struct chips *chips, uint32_t device)
{
	for (size_t i = 0; i < chips->count; i++)
		if (chips->list[i].device == device)
			return true;
	return false;
}

/* The number that it has, or the first that no chip has; TTALLOC_ANY: there are too many. */
static uint32_t free_number(const struct chips *chips, uint32_t wanted)
{
	uint32_t device = wanted;

	for (uint32_t next = OWN_FIRST; device < DEVICES_MOST && is_taken(chips, device); next++)
		device = next;
	return device;
}

static char *text_of(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return memory_text(text ? text : "");
}

static struct chip read_chip(const struct chips *chips, sqlite3_stmt *row)
{
	struct chip chip = {.boot = text_of(row, BOOT),
	                    .host = text_of(row, HOST),
	                    .visible = text_of(row, VISIBLE),
	                    .host_memory = sqlite3_column_int(row, HOST_MEMORY),
	                    .input = chips->inputs,
	                    .old = (uint32_t)sqlite3_column_int64(row, DEVICE),
	                    .number = (uint32_t)sqlite3_column_int64(row, NUMBER)};

	if (sqlite3_column_type(row, CHIP) != SQLITE_NULL)
		chip.id = text_of(row, CHIP);
	return chip;
}

/* The device of CHIP, which is kept when it is a new one. */
static uint32_t enter(struct chips *chips, struct chip *chip)
{
	for (size_t i = 0; i < chips->count; i++) {
		const struct chip *other = &chips->list[i];

		if (other->input == chip->input)
			continue;
		if (is_same_chip(other, chip)) {
			chip_clear(chip);
			return other->device;
		}
		chip->uncertain |= may_be_same_chip(other, chip);
	}
	chip->device = free_number(chips, chip->old);
	chips->list = memory_room(chips->list, chips->count, &chips->capacity, sizeof(*chips->list));
	chips->list[chips->count++] = *chip;
	return chip->device;
}

static void take_row(struct chips *chips, sqlite3_stmt *row)
{
	struct chip chip = read_chip(chips, row);
	struct known_number number = {.old = chip.old};

	number.device = enter(chips, &chip);
	chips->input = memory_room(chips->input, chips->input_count, &chips->input_capacity, sizeof(*chips->input));
	chips->input[chips->input_count++] = number;
}

int chips_take(struct chips *chips, struct recording *from, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(from, devices_sql, error);
	int state = -1;

	chips->inputs++;
	chips->input_count = 0;
	while (rows && (state = recording_step(from, rows, error)) == 1 && chips->count < DEVICES_MOST)
		take_row(chips, rows);
	sqlite3_finalize(rows);
	if (state == 1)
		return sql_fail(error, "%s: more devices than can be told apart", from->path);
	return state;
}

int64_t chips_number(const struct chips *chips, int64_t old)
{
	for (size_t i = 0; i < chips->input_count; i++)
		if (chips->input[i].old == old)
			return chips->input[i].device;
	return old; /* TTALLOC_ANY, of a free that does not say */
}

void chips_each(const struct chips *chips, void (*each)(void *context, uint32_t old, uint32_t device), void *context)
{
	for (size_t i = 0; i < chips->input_count; i++)
		each(context, chips->input[i].old, chips->input[i].device);
}

static int by_number(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* "256-259, 301", as far as there is room. */
static void name_numbers(const uint16_t *numbers, size_t count, char *text, size_t bytes)
{
	size_t used = 0;

	for (size_t first = 0, last; first < count && used + 24 < bytes; first = last + 1) {
		for (last = first; last + 1 < count && numbers[last + 1] == numbers[last] + 1;)
			last++;
		used += (size_t)snprintf(text + used, bytes - used, "%s%u", first ? ", " : "", numbers[first]);
		if (last > first)
			used += (size_t)snprintf(text + used, bytes - used, "-%u", numbers[last]);
		if (last + 1 < count && used + 24 >= bytes)
			snprintf(text + used, bytes - used, ", ...");
	}
}

uint32_t chips_uncertain(const struct chips *chips, char *text, size_t bytes)
{
	uint16_t *numbers = memory_get(chips->count + 1, sizeof(*numbers));
	size_t count = 0;
	uint32_t first;

	for (size_t i = 0; i < chips->count; i++)
		if (chips->list[i].uncertain)
			numbers[count++] = (uint16_t)chips->list[i].device;
	qsort(numbers, count, sizeof(*numbers), by_number);
	name_numbers(numbers, count, text, bytes);
	first = count ? numbers[0] : TTALLOC_ANY;
	free(numbers);
	return first;
}
