/* SPDX-License-Identifier: Apache-2.0
 *
 * chips.c - the numbers of devices. Processes count the chips that they see from 0; a recording has one number for each
 * chip, which is the process's own as long as no other chip has it.
 *
 * A chip is known by its unique id. Where a process does not know it, its number and what it was told to see stand for
 * the chip: processes that see the same chips count them in the same way.
 */
#include <stdlib.h>
#include <string.h>

#include "ledger.h"

/* A recording's own numbers begin here, beyond those of any process. */
#define CHIPS_OWN_FIRST 256u
#define CHIPS_MOST 65535u   /* TTALLOC_ANY is none */
#define MOST_DEVICES 65536u /* of all processes; more keep the numbers that they have */

struct known_device {
	uint32_t process, number, device;
	char *chip;    /* NULL: not known */
	char *visible; /* "": all */
};

static bool is_text(const struct row_text *text, const char *known)
{
	return known && strlen(known) == text->count && memcmp(known, text->bytes, text->count) == 0;
}

static bool sees_the_same(const struct known_device *known, const struct device_claim *claim)
{
	return claim->visible.count ? is_text(&claim->visible, known->visible) : !known->visible[0];
}

static bool is_same_chip(const struct known_device *known, const struct device_claim *claim)
{
	return claim->chip.count && is_text(&claim->chip, known->chip);
}

static bool may_be_same_chip(const struct known_device *known, const struct device_claim *claim)
{
	return known->number == claim->number && sees_the_same(known, claim) && (!claim->chip.count || !known->chip);
}

/* ---- Numbers ---- */

static bool is_taken(const struct ledger *ledger, uint32_t device)
{
	for (size_t i = 0; i < ledger->device_count; i++) {
		if (ledger->devices[i].device == device)
			return true;
	}
	return false;
}

/* Its own number, or the first that nobody has. */
static uint32_t free_number(const struct ledger *ledger, uint32_t wanted)
{
	uint32_t device = wanted;

	if (!is_taken(ledger, device))
		return device;
	for (device = CHIPS_OWN_FIRST; device < CHIPS_MOST; device++) {
		if (!is_taken(ledger, device))
			return device;
	}
	return wanted;
}

static uint64_t place_hash(uint32_t process, uint32_t number)
{
	return hash_pair(process, number);
}

/* What PROCESS said last. */
static struct known_device *find(const struct ledger *ledger, uint32_t process, uint32_t number)
{
	struct known_device *latest = NULL;

	INDEX_EACH_MATCH(&ledger->device_index, place_hash(process, number), at, ref)
	{
		struct known_device *known = &ledger->devices[ref - 1];

		if (known->process == process && known->number == number && (!latest || known > latest))
			latest = known;
	}
	return latest;
}

static void add(struct ledger *ledger, const struct device_claim *claim, uint32_t device)
{
	struct process *process = process_by_id(ledger, claim->process);
	struct known_device known = {.process = claim->process, .number = claim->number, .device = device};

	if (ledger->device_count == MOST_DEVICES)
		return;
	if (claim->chip.count)
		known.chip = memory_or_die(strndup(claim->chip.bytes, claim->chip.count));
	known.visible = memory_or_die(strndup(claim->visible.count ? claim->visible.bytes : "", claim->visible.count));
	ledger->devices =
	    memory_room(ledger->devices, ledger->device_count, &ledger->device_capacity, sizeof(*ledger->devices));
	ledger->devices[ledger->device_count++] = known;
	index_add(&ledger->device_index, place_hash(known.process, known.number), (uint32_t)ledger->device_count);
	if (process)
		process->renumbered |= device != claim->number;
}

/* Its allocators are announced one by one: most claims only repeat the last one. */
static bool repeats(const struct known_device *known, const struct device_claim *claim)
{
	return known && sees_the_same(known, claim) &&
	       (claim->chip.count ? is_text(&claim->chip, known->chip) : !known->chip);
}

/* Whether another chip than CLAIM's is known to have the number DEVICE. */
static bool is_of_another(const struct ledger *ledger, uint32_t device, const struct device_claim *claim)
{
	for (size_t i = 0; i < ledger->device_count; i++) {
		const struct known_device *known = &ledger->devices[i];

		if (known->device == device && known->chip && claim->chip.count && !is_text(&claim->chip, known->chip))
			return true;
	}
	return false;
}

static uint32_t number_of(const struct ledger *ledger, const struct device_claim *claim)
{
	for (size_t i = 0; i < ledger->device_count; i++) {
		if (is_same_chip(&ledger->devices[i], claim))
			return ledger->devices[i].device;
	}
	for (size_t i = 0; i < ledger->device_count; i++) {
		if (may_be_same_chip(&ledger->devices[i], claim) &&
		    !is_of_another(ledger, ledger->devices[i].device, claim))
			return ledger->devices[i].device;
	}
	return free_number(ledger, claim->number);
}

uint32_t chips_opened(struct ledger *ledger, const struct device_claim *claim)
{
	const struct known_device *known = find(ledger, claim->process, claim->number);
	uint32_t device;

	if (repeats(known, claim))
		return known->device;
	device = number_of(ledger, claim);
	add(ledger, claim, device);
	return device;
}

bool chips_are_uncertain(const struct ledger *ledger, const struct device_claim *claim, uint64_t at_ns)
{
	const struct known_device *own = find(ledger, claim->process, claim->number);

	if (!own || is_of_another(ledger, own->device, claim)) /* one too many: it keeps a number that another has */
		return true;
	for (size_t i = 0; i < ledger->device_count; i++) {
		const struct known_device *known = &ledger->devices[i];
		const struct process *process = process_by_id(ledger, known->process);

		if (!process || known->process == claim->process || (process->ended && process->ended_ns < at_ns))
			continue;
		if ((!known->chip || !claim->chip.count) && !sees_the_same(known, claim))
			return true;
	}
	return false;
}

/* ---- Events ---- */

const struct tta_event *chips_renumber(const struct ledger *ledger, const struct process *process,
                                       const struct tta_event *event, struct tta_event *copy)
{
	const struct known_device *known = NULL;

	/* A forked process has the devices of the one that it was. */
	if ((!process->renumbered && !process->parent) || event->kind == TTA_DEVICE_OPEN)
		return event;
	for (; process && !known; process = process_by_id(ledger, process->parent))
		known = find(ledger, process->id, event->device);
	if (!known || known->device == event->device)
		return event;
	*copy = *event;
	copy->device = (uint16_t)known->device;
	return copy;
}

/* ---- From one run to the next ---- */

void chips_restore(struct ledger *ledger, const struct device_claim *claim, uint32_t device)
{
	if (!repeats(find(ledger, claim->process, claim->number), claim))
		add(ledger, claim, device);
}

void chips_choose(struct ledger *ledger, const char *devices)
{
	if (!*devices)
		return;
	ledger->chosen = memory_zeroed((CHIPS_MOST + 64) / 64 * sizeof(*ledger->chosen));
	for (const char *c = devices; *c; c++) {
		char *end;
		unsigned long device = strtoul(c, &end, 10);

		if (end == c)
			continue;
		if (device <= CHIPS_MOST)
			ledger->chosen[device / 64] |= UINT64_C(1) << (device % 64);
		c = end - 1;
	}
}

/* Who does not say which device it means (TTALLOC_ANY) means what is held. */
bool chips_are_chosen(const struct ledger *ledger, uint32_t device)
{
	return !ledger->chosen || device >= CHIPS_MOST || ledger->chosen[device / 64] >> (device % 64) & 1;
}

void chips_free(struct ledger *ledger)
{
	free(ledger->chosen);
	for (size_t i = 0; i < ledger->device_count; i++) {
		free(ledger->devices[i].chip);
		free(ledger->devices[i].visible);
	}
	free(ledger->devices);
	index_free(&ledger->device_index);
}
