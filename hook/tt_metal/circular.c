/* SPDX-License-Identifier: Apache-2.0
 *
 * circular.c - what programs have in L1, chip by chip.
 *
 * Whoever places a program's circular buffers says first whose they are. Only old versions of TT-Metal cannot be asked:
 * there ttnn announces a program (track_program), then enqueues it; the first enqueueing places all circular buffers of
 * the program, later ones none. So a circular buffer belongs to the program that was announced last on its chip, and
 * the first one after an announcement replaces the set that the program had before: it was changed, or it is another
 * program at the address of a dead one.
 *
 * Programs of those that are enqueued without ttnn are not announced. Theirs are told apart by their places: inside a
 * program no two circular buffers overlap on a core, and the next program begins at the start of L1 again.
 */
#include "circular.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "say.h"

#define ANONYMOUS_PLACES 2048 /* rectangles that are remembered of a program that was not announced */

/* What one program has on one chip. Circular buffers have the first indices, for they are placed first. */
struct cb_set {
	uint64_t program; /* 0: free slot; a set that ended stays, with count 0 */
	uint32_t chip;
	uint32_t count, circular;
	uint64_t placement; /* in which they were placed; or, of the chip, the run */
	uint64_t end;       /* of the highest one; 0: there are none, but for aliased ones */
	uint64_t hash;      /* of dataflow buffers and scratchpads; 0: there are none */
	bool looked;        /* for those */
};

struct place {
	uint64_t from, to; /* addresses */
	struct ttalloc_core_range cores;
};

struct chip {
	struct chip *next;
	uint32_t id;
	uint32_t place_count; /* of the program that was not announced */
	uint32_t alive;       /* programs that were not announced and have not ended */
	uint64_t run;         /* announcements so far */
	uint64_t program;     /* announced last, or a number of our own */
	uint64_t before;      /* the program announced before that; 0: none */
	struct place places[ANONYMOUS_PLACES];
	bool forgets; /* that program has more places */
};

static struct {
	struct chip *chips;
	struct cb_set *sets; /* open addressing */
	size_t set_slots;    /* a power of two */
	size_t sets_used;
	uint64_t anonymous; /* programs that were not announced so far */
} circular;

/* ---- Tables; all under the lock ---- */

static struct chip *chip_of(uint32_t id)
{
	struct chip *chip = circular.chips;

	while (chip && chip->id != id)
		chip = chip->next;
	if (chip)
		return chip;
	chip = calloc(1, sizeof(*chip));
	if (!chip)
		return NULL;
	chip->id = id;
	chip->next = circular.chips;
	circular.chips = chip;
	return chip;
}

static struct cb_set *slot_of(struct cb_set *sets, size_t slots, uint32_t chip, uint64_t program)
{
	size_t slot = (size_t)(((program ^ (uint64_t)chip << 48) * 0x9E3779B97F4A7C15u) >> 20);

	while (sets[slot & (slots - 1)].program &&
	       (sets[slot & (slots - 1)].program != program || sets[slot & (slots - 1)].chip != chip))
		slot++;
	return &sets[slot & (slots - 1)];
}

static bool grow(void)
{
	size_t slots = circular.set_slots ? circular.set_slots * 2 : 64;
	struct cb_set *sets = calloc(slots, sizeof(*sets));

	if (!sets)
		return false;
	for (size_t i = 0; i < circular.set_slots; i++) {
		if (circular.sets[i].program)
			*slot_of(sets, slots, circular.sets[i].chip, circular.sets[i].program) = circular.sets[i];
	}
	free(circular.sets);
	circular.sets = sets;
	circular.set_slots = slots;
	return true;
}

static struct cb_set *find_set(uint32_t chip, uint64_t program)
{
	struct cb_set *set = circular.set_slots ? slot_of(circular.sets, circular.set_slots, chip, program) : NULL;

	return set && set->program ? set : NULL;
}

/* The set of PROGRAM on CHIP, made when there is none; NULL without memory. */
static struct cb_set *set_of(uint32_t chip, uint64_t program)
{
	struct cb_set *set = find_set(chip, program);

	if (set)
		return set;
	if ((circular.sets_used + 1) * 2 > circular.set_slots && !grow())
		return NULL;
	set = slot_of(circular.sets, circular.set_slots, chip, program);
	*set = (struct cb_set){.program = program, .chip = chip};
	circular.sets_used++;
	return set;
}

/* CB, of which device and program are filled in, is the set's next one. */
static void add_to(struct cb_set *set, struct ttalloc_cb *cb)
{
	uint64_t end = cb->address + cb->size_bytes;

	cb->index = set->count++;
	if (!cb->aliased && end > set->end)
		set->end = end;
	ttalloc_cb_alloc(cb);
}

static void end_set(struct cb_set *set)
{
	if (!set)
		return;
	if (set->count)
		ttalloc_cb_free(set->chip, set->program);
	*set = (struct cb_set){.program = set->program, .chip = set->chip};
}

/* Ends all but the circular buffers. */
static void end_others(struct cb_set *set)
{
	if (!set->circular) {
		end_set(set);
		return;
	}
	for (uint32_t index = set->circular; index < set->count; index++)
		ttalloc_cb_free_one(&(struct ttalloc_cb){.struct_size = sizeof(struct ttalloc_cb),
		                                         .device = set->chip,
		                                         .program = set->program,
		                                         .index = index});
	set->count = set->circular;
	set->hash = 0;
}

/* ---- Programs that were not announced ---- */

static bool overlap(const struct place *a, const struct place *b)
{
	return a->from < b->to && b->from < a->to && a->cores.x0 <= b->cores.x1 && b->cores.x0 <= a->cores.x1 &&
	       a->cores.y0 <= b->cores.y1 && b->cores.y0 <= a->cores.y1;
}

static bool hits(const struct chip *chip, const struct place *place)
{
	for (uint32_t i = 0; i < chip->place_count; i++) {
		if (overlap(&chip->places[i], place))
			return true;
	}
	return false;
}

static struct place place_on(const struct ttalloc_cb *cb, uint32_t range)
{
	static const struct ttalloc_core_range anywhere = {0, 0, UINT16_MAX, UINT16_MAX};

	return (struct place){
	    .from = cb->address,
	    .to = cb->address + cb->size_bytes,
	    .cores = cb->cores ? cb->cores[range] : anywhere,
	};
}

static uint32_t places_of(const struct ttalloc_cb *cb)
{
	return cb->cores ? cb->core_ranges : 1;
}

static void remember(struct chip *chip, struct place place)
{
	if (chip->place_count < ANONYMOUS_PLACES) {
		chip->places[chip->place_count++] = place;
		return;
	}
	chip->forgets = true;
	tt_say_once(
	    "CB: a program that was not announced lies on more rectangles than are remembered: what the next one "
	    "places may count as its");
}

/* Decides which program CB is of, on a chip where none was announced. Aliased ones lie where a tensor lies: their place
 * says nothing. */
static void number_anonymous(struct chip *chip, const struct ttalloc_cb *cb)
{
	bool next = !chip->program;

	for (uint32_t i = 0; !cb->aliased && i < places_of(cb) && !next; i++) {
		struct place place = place_on(cb, i);

		next = hits(chip, &place);
	}
	if (next) {
		end_set(find_set(chip->id, chip->program));
		chip->program = ++circular.anonymous;
		chip->place_count = 0;
		chip->forgets = false;
		chip->alive++;
	}
	for (uint32_t i = 0; !cb->aliased && i < places_of(cb) && !chip->forgets; i++)
		remember(chip, place_on(cb, i));
}

/* ---- Events ---- */

/* Under the lock. */
static void make_current(uint32_t id, uint64_t program)
{
	struct chip *chip = chip_of(id);

	if (chip) {
		if (!chip->run)
			end_set(find_set(id, chip->program));
		chip->before = chip->run ? chip->program : 0;
		chip->run++;
		chip->program = program;
	}
	ttalloc_program_run(id, program);
}

void tt_circular_run(uint32_t id, uint64_t program)
{
	tt_lock();
	make_current(id, program);
	tt_unlock();
}

void tt_circular_replayed(uint32_t id, uint64_t program)
{
	make_current(id, program);
}

uint64_t tt_circular_end(uint32_t id, uint64_t program)
{
	const struct cb_set *set = find_set(id, program);

	return set ? set->end : 0;
}

/* What was resident before still is; program 0 has nothing. */
void tt_circular_not_run(uint64_t program)
{
	tt_lock();
	for (struct chip *chip = circular.chips; chip; chip = chip->next) {
		if (!chip->run || chip->program != program)
			continue;
		chip->program = chip->before;
		chip->before = 0;
		ttalloc_program_run(chip->id, chip->program);
	}
	tt_unlock();
}

struct tt_placement tt_circular_begin(uint64_t program)
{
	static atomic_ullong placements;

	/* Runs of chips, which stand for placements where those are not known, count from 0, too. */
	return (struct tt_placement){program, ~atomic_fetch_add_explicit(&placements, 1, memory_order_relaxed)};
}

/* The program that was announced last, or stands for one that was not. */
static struct tt_placement guess(struct chip *chip, const struct ttalloc_cb *cb)
{
	if (!chip->run || !chip->program)
		number_anonymous(chip, cb);
	return (struct tt_placement){chip->program, chip->run};
}

void tt_circular_placed(uint32_t id, struct tt_placement placement, const struct ttalloc_cb *placed)
{
	struct ttalloc_cb cb = *placed;
	struct cb_set *set;
	struct chip *chip;

	tt_lock();
	chip = chip_of(id);
	if (chip && !placement.program)
		placement = guess(chip, &cb);
	set = chip ? set_of(id, placement.program) : NULL;
	if (set) {
		if (set->placement != placement.number)
			end_set(set);
		set->placement = placement.number;
		cb.device = id;
		cb.program = placement.program;
		add_to(set, &cb);
		set->circular = set->count;
	} else {
		tt_count(TT_COUNT_REFUSED);
	}
	tt_unlock();
}

/* ---- Dataflow buffers and scratchpads ---- */

/* One look at a program. */
struct look {
	uint64_t program, hash;
	const struct tt_chips *chips;
};

static struct cb_set *set_to_change(const struct look *look, uint32_t chip)
{
	struct cb_set *set = find_set(look->chips->ids[chip], look->program);

	return set && set->hash != look->hash ? set : NULL;
}

static void take_piece(void *context, struct ttalloc_cb *piece)
{
	const struct look *look = context;

	for (uint32_t i = 0; i < look->chips->count; i++) {
		struct cb_set *set = set_to_change(look, i);

		if (!set)
			continue;
		piece->device = set->chip;
		piece->program = set->program;
		add_to(set, piece);
	}
}

/* Whether PROGRAM may have something new on one of CHIPS. What has no dataflow buffers gets its scratchpads once. */
static bool worth_looking(const struct tt_library *library, const void *program, const struct tt_chips *chips,
                          bool *fresh)
{
	bool worth = tt_program_has_dataflow_buffers(library, program);

	*fresh = true;
	for (uint32_t i = 0; i < chips->count; i++) {
		struct cb_set *set = set_of(chips->ids[i], (uintptr_t)program);

		worth |= set && !set->looked;
		*fresh &= set && !set->hash;
	}
	return worth;
}

/* Under the lock. Where scratchpads are to come, what is there before them is only checked. */
static void look_at(struct tt_library *library, const void *program, const struct tt_chips *chips,
                    enum tt_placing stage)
{
	struct look look = {.program = (uintptr_t)program, .chips = chips};
	bool last = stage == TT_PLACED_SCRATCHPADS || !library->places_scratchpads, fresh;

	if (!worth_looking(library, program, chips, &fresh) ||
	    !tt_program_each(library, program, stage, fresh, &look.hash, NULL, NULL) || !last)
		return;
	for (uint32_t i = 0; i < chips->count; i++) {
		struct cb_set *set = set_to_change(&look, i);

		if (set && set->hash)
			end_others(set);
	}
	if (look.hash)
		tt_program_each(library, program, stage, fresh, &look.hash, take_piece, &look);
	for (uint32_t i = 0; i < chips->count; i++) {
		struct cb_set *set = find_set(chips->ids[i], look.program);

		if (!set)
			continue;
		set->hash = look.hash;
		set->looked = true;
	}
}

void tt_circular_look(struct tt_library *library, const void *program, const struct tt_chips *chips,
                      enum tt_placing stage)
{
	tt_lock();
	look_at(library, program, chips, stage);
	tt_unlock();
}

/* ---- Ends ---- */

/* The only program that has circular buffers on CHIP; NULL when there are several, or none. */
static struct cb_set *only_set(uint32_t chip)
{
	struct cb_set *only = NULL;

	for (size_t i = 0; i < circular.set_slots; i++) {
		struct cb_set *set = &circular.sets[i];

		if (!set->program || set->chip != chip || !set->count)
			continue;
		if (only)
			return NULL;
		only = set;
	}
	return only;
}

/* Which of the programs that were not announced has ended is not known: taken to be the oldest, whose set ended when
 * the next one's began. So only the last to end ends a set. */
static struct cb_set *last_anonymous(struct chip *chip)
{
	struct cb_set *set = find_set(chip->id, chip->program);

	if (chip->alive && --chip->alive)
		return NULL;
	chip->place_count = 0;
	chip->program = 0;
	return set;
}

void tt_circular_gone(uint32_t id, uint64_t program)
{
	struct cb_set *set;
	struct chip *chip;

	tt_lock();
	chip = chip_of(id);
	set = program ? find_set(id, program) : NULL;
	if (!set && chip && !chip->run)
		set = last_anonymous(chip);
	else if (!set && !program)
		set = only_set(id);
	end_set(set);
	tt_unlock();
}

void tt_circular_ended(uint64_t program)
{
	tt_lock();
	for (struct chip *chip = circular.chips; chip; chip = chip->next)
		end_set(find_set(chip->id, program));
	tt_unlock();
}

void tt_circular_forget(uint32_t id)
{
	struct chip *chip;

	tt_lock();
	for (size_t i = 0; i < circular.set_slots; i++) {
		struct cb_set *set = &circular.sets[i];

		if (set->chip == id)
			*set = (struct cb_set){.program = set->program, .chip = set->chip};
	}
	chip = chip_of(id);
	if (chip) {
		chip->program = 0;
		chip->before = 0;
		chip->place_count = 0;
		chip->alive = 0;
		chip->run = 0;
	}
	tt_unlock();
}
