/* SPDX-License-Identifier: Apache-2.0
 *
 * trial.c - see trial.h.
 */
#include "trial.h"

#include <stdlib.h>

#include "sql/base/error.h"

/* No bank is larger; what needs more does not fit. */
#define BANK_BYTES_MOST ((uint64_t)1 << 60)

/* The model of one bank. */
struct lane {
	struct placement placement;
	const struct bank_layout *layout; /* NULL: not known */
	int64_t until_ns;                 /* the layout holds */
	bool begun, skipped;
	uint64_t live;
	uint64_t low_reach, high_reach;
	bool has_freed; /* freed_first */
};

/* A block in the model; BYTES is 0 where it has none. */
struct held {
	uint64_t offset, bytes;
};

/* A block that may be freed first. */
struct doomed {
	bool is_live;
	uint32_t slot, bank;
};

struct pass {
	const struct requests *requests;
	const struct trial *trial;
	const uint64_t *sizes; /* of banks; NULL: those of the trial or the recording; 0: is left out */
	bool stops;            /* with a bank at its first failure */
	struct lane *lanes;
	struct held *held; /* by slot */
	struct trial_fidelity *fidelity;
	struct trial_outcome *outcomes;
	struct doomed doomed[TRIAL_FREED_MOST];
	struct sql_error *error;
};

static int no_memory(const struct pass *pass)
{
	return sql_fail(pass->error, "out of memory");
}

/* Makes LANE ready for a request at AT_NS: an empty bank is that of the last opening. */
static int begin(struct pass *pass, uint32_t bank, int64_t at_ns)
{
	struct lane *lane = &pass->lanes[bank];
	const struct bank_layout *layout = lane->layout;
	uint64_t bank_bytes, unit_bytes;

	if (lane->begun && (lane->live > 0 || at_ns < lane->until_ns))
		return 0;
	layout = requests_layout(pass->requests, bank, at_ns, &lane->until_ns);
	if (lane->begun && layout == lane->layout)
		return 0;
	lane->begun = true;
	lane->layout = layout;
	lane->skipped = !layout || (pass->sizes && pass->sizes[bank] == 0);
	if (lane->skipped)
		return 0;
	bank_bytes = pass->sizes               ? pass->sizes[bank]
	             : pass->trial->bank_bytes ? pass->trial->bank_bytes
	                                       : layout->bank_bytes;
	unit_bytes = pass->trial->unit_bytes ? pass->trial->unit_bytes : layout->alignment_bytes;
	lane->placement.policy = pass->trial->policy;
	lane->placement.pick = pass->trial->pick;
	if (pass->outcomes) {
		struct trial_outcome *outcome = &pass->outcomes[bank];

		if (outcome->bank_bytes == 0)
			outcome->least_largest_free = bank_bytes;
		outcome->bank_bytes = bank_bytes;
		outcome->unit_bytes = unit_bytes ? unit_bytes : 1;
	}
	return placement_begin(&lane->placement, bank_bytes, unit_bytes) < 0 ? no_memory(pass) : 0;
}

static bool is_top_down(const struct pass *pass, const struct request *request)
{
	if (pass->trial->direction == DIRECTION_RECORDED)
		return request->top_down;
	return pass->trial->direction == DIRECTION_DOWN;
}

/* Gives back what SLOT has in the model. */
static int give(struct pass *pass, uint32_t bank, uint32_t slot)
{
	struct held *held = &pass->held[slot];
	struct lane *lane = &pass->lanes[bank];

	if (held->bytes == 0)
		return 0;
	lane->live--;
	if (placement_give(&lane->placement, held->offset, held->bytes) < 0)
		return no_memory(pass);
	held->bytes = 0;
	return 0;
}

static int keep(struct pass *pass, const struct request *request, uint64_t offset, uint64_t bytes)
{
	struct lane *lane = &pass->lanes[request->bank];
	int taken = placement_take(&lane->placement, offset, bytes);

	if (taken < 0)
		return no_memory(pass);
	if (taken == 0)
		return 0;
	lane->live++;
	pass->held[request->slot] = (struct held){.offset = offset, .bytes = bytes};
	return 1;
}

/* ---- Fidelity: the bank is as recorded, and the policy says what comes next ---- */

static int compare(struct pass *pass, const struct request *request)
{
	struct lane *lane = &pass->lanes[request->bank];
	struct trial_fidelity *fidelity = &pass->fidelity[request->bank];
	uint64_t bytes = placement_rounded(&lane->placement, request->bytes), offset = 0, base;
	bool found;

	if (request->kind != REQUEST_PLACED)
		return 0;
	base = lane->layout->base_address;
	if (request->was_there && request->address >= base)
		return keep(pass, request, request->address - base, bytes) < 0 ? -1 : 0;
	found = placement_find(&lane->placement, bytes, request->top_down, &offset);
	fidelity->has_layout = true;
	fidelity->requests++;
	if (found && base + offset == request->address) {
		fidelity->matched++;
	} else if (fidelity->matched + 1 == fidelity->requests) {
		fidelity->miss_key = request->key;
		fidelity->miss_bytes = bytes;
		fidelity->miss_recorded = request->address;
		fidelity->miss_expected = found ? base + offset : 0;
	}
	if (request->address < base)
		return 0;
	return keep(pass, request, request->address - base, bytes) < 0 ? -1 : 0;
}

/* ---- A trial: the bank is as the policy makes it ---- */

/* The blocks that are to be freed first: where they are in the model. */
static void note_doomed(struct pass *pass, const struct request *request)
{
	for (size_t i = 0; i < pass->trial->freed_first_count; i++) {
		struct doomed *doomed = &pass->doomed[i];

		if (request->kind == REQUEST_PLACED && pass->trial->freed_first[i] == request->key)
			*doomed = (struct doomed){.is_live = true, .slot = request->slot, .bank = request->bank};
		else if (request->kind == REQUEST_GIVEN && doomed->is_live && doomed->slot == request->slot)
			doomed->is_live = false;
	}
}

/* Frees them. 1: there were some; 0; -1 with the error. */
static int free_first(struct pass *pass, uint32_t bank)
{
	int freed = 0;

	if (pass->lanes[bank].has_freed)
		return 0;
	for (size_t i = 0; i < pass->trial->freed_first_count; i++) {
		struct doomed *doomed = &pass->doomed[i];

		if (!doomed->is_live || doomed->bank != bank)
			continue;
		pass->outcomes[bank].freed_first_bytes += pass->held[doomed->slot].bytes;
		freed = pass->lanes[bank].has_freed = true;
		if (give(pass, bank, doomed->slot) < 0)
			return -1;
	}
	return freed;
}

/* Finds a place, after some were freed where that helps. 1, 0, or -1 with the error. */
static int find_place(struct pass *pass, const struct request *request, uint64_t bytes, uint64_t *offset)
{
	const struct placement *placement = &pass->lanes[request->bank].placement;
	bool top_down = is_top_down(pass, request);
	int freed;

	if (placement_find(placement, bytes, top_down, offset))
		return 1;
	freed = free_first(pass, request->bank);
	return freed <= 0 ? freed : placement_find(placement, bytes, top_down, offset);
}

static void note_failure(struct pass *pass, const struct request *request, uint64_t bytes)
{
	struct trial_outcome *outcome = &pass->outcomes[request->bank];

	if (outcome->failed_ns == INT64_MIN) {
		outcome->failed_ns = request->at_ns;
		outcome->failed_key = request->key;
		outcome->failed_bytes = bytes;
	}
	pass->lanes[request->bank].skipped |= pass->stops;
}

static void note_placed(struct pass *pass, const struct request *request, uint64_t offset, uint64_t bytes)
{
	struct trial_outcome *outcome = &pass->outcomes[request->bank];
	struct lane *lane = &pass->lanes[request->bank];
	const struct placement *placement = &lane->placement;
	uint64_t largest = placement_largest(placement), used = placement->bank_bytes - placement->free_bytes;

	if (is_top_down(pass, request)) {
		if (placement->bank_bytes - offset > lane->high_reach)
			lane->high_reach = placement->bank_bytes - offset;
	} else if (offset + bytes > lane->low_reach) {
		lane->low_reach = offset + bytes;
	}
	outcome->reached_bytes = lane->low_reach + lane->high_reach;
	if (outcome->reached_bytes > placement->bank_bytes)
		outcome->reached_bytes = placement->bank_bytes;
	if (largest < outcome->least_largest_free)
		outcome->least_largest_free = largest;
	if (used > outcome->peak_bytes) {
		outcome->peak_bytes = used;
		outcome->peak_fragmentation =
		    placement->free_bytes ? 1 - (double)largest / (double)placement->free_bytes : 0;
	}
}

/* What was there before stays where it was, if it has room there: who knows what lay around it when it was placed. 1,
 * 0, or -1 with the error. */
static int keep_place(struct pass *pass, const struct request *request, uint64_t bytes)
{
	const struct lane *lane = &pass->lanes[request->bank];
	uint64_t base = lane->layout->base_address, offset = request->address - base;
	int kept;

	if (!request->was_there || request->address < base || offset > lane->placement.bank_bytes ||
	    bytes > lane->placement.bank_bytes - offset)
		return 0;
	kept = keep(pass, request, offset, bytes);
	if (kept == 1)
		note_placed(pass, request, offset, bytes);
	return kept;
}

static int try(struct pass *pass, const struct request *request)
{
	struct lane *lane = &pass->lanes[request->bank];
	struct trial_outcome *outcome = &pass->outcomes[request->bank];
	uint64_t bytes = placement_rounded(&lane->placement, request->bytes), offset;
	bool is_placed = request->kind == REQUEST_PLACED;
	int found = keep_place(pass, request, bytes);

	if (found)
		return found < 0 ? -1 : 0;
	found = find_place(pass, request, bytes, &offset);
	if (found < 0)
		return -1;
	outcome->requests += is_placed;
	outcome->recorded_failures += !is_placed;
	if (!found) {
		outcome->failed += is_placed;
		note_failure(pass, request, bytes);
		return 0;
	}
	outcome->fitted_failures += !is_placed;
	if (is_placed && keep(pass, request, offset, bytes) < 0)
		return -1;
	if (is_placed)
		note_placed(pass, request, offset, bytes);
	return 0;
}

/* ---- Passes ---- */

static int take_request(const struct request *request, void *context)
{
	struct pass *pass = context;
	struct lane *lane = &pass->lanes[request->bank];

	if (request->kind == REQUEST_GIVEN) {
		note_doomed(pass, request);
		return give(pass, request->bank, request->slot);
	}
	if (pass->fidelity)
		pass->fidelity[request->bank].asked++;
	if (begin(pass, request->bank, request->at_ns) < 0)
		return -1;
	if (lane->skipped)
		return 0;
	note_doomed(pass, request);
	return pass->fidelity ? compare(pass, request) : try(pass, request);
}

static int run(struct pass *pass)
{
	size_t banks = requests_bank_count(pass->requests);
	int result = -1;

	pass->lanes = calloc(banks + 1, sizeof(*pass->lanes));
	pass->held = calloc((size_t)requests_slots(pass->requests) + 1, sizeof(*pass->held));
	if (!pass->lanes || !pass->held)
		no_memory(pass);
	else
		result = requests_each(pass->requests, take_request, pass, pass->error);
	for (size_t i = 0; pass->lanes && i < banks; i++)
		placement_clear(&pass->lanes[i].placement);
	free(pass->lanes);
	free(pass->held);
	return result;
}

int trial_fidelity(const struct requests *requests, struct trial_fidelity *banks, struct sql_error *error)
{
	const struct trial recorded = {.policy = PLACE_FIRST};
	struct pass pass = {.requests = requests, .trial = &recorded, .fidelity = banks, .error = error};

	return run(&pass);
}

static int run_trial(struct pass *pass, struct trial_outcome *banks)
{
	for (size_t i = 0; i < requests_bank_count(pass->requests); i++)
		banks[i] = (struct trial_outcome){.failed_ns = INT64_MIN};
	pass->outcomes = banks;
	return run(pass);
}

int trial_run(const struct requests *requests, const struct trial *trial, struct trial_outcome *banks,
              struct sql_error *error)
{
	return run_trial(&(struct pass){.requests = requests, .trial = trial, .error = error}, banks);
}

/* ---- The smallest bank ---- */

/* In units: requests do not fit in LOW, and fit in HIGH, once that is known. */
struct range {
	uint64_t low, high, unit_bytes;
	bool is_known;
};

static bool is_found(const struct range *range)
{
	return range->unit_bytes == 0 || (range->is_known && range->high - range->low <= 1);
}

/* The size to try next; 0: it is found, or there is none. */
static uint64_t next_size(const struct range *range)
{
	uint64_t units = range->is_known ? range->low + (range->high - range->low) / 2 : range->high;

	return is_found(range) || units > BANK_BYTES_MOST / range->unit_bytes ? 0 : units * range->unit_bytes;
}

static void narrow(struct range *range, bool fits)
{
	uint64_t tried = range->is_known ? range->low + (range->high - range->low) / 2 : range->high;

	if (fits) {
		range->high = tried;
		range->is_known = true;
	} else {
		range->low = tried;
		if (!range->is_known)
			range->high = tried * 2;
	}
}

static struct range first_range(const struct trial_outcome *outcome)
{
	struct range range = {.unit_bytes = outcome->unit_bytes};

	if (range.unit_bytes == 0)
		return range;
	/* what was taken at once needs no less, wherever it lies */
	range.low = outcome->peak_bytes / range.unit_bytes;
	range.low -= range.low > 0;
	range.high = outcome->bank_bytes / range.unit_bytes;
	range.is_known = trial_fits(outcome) && outcome->bank_bytes % range.unit_bytes == 0;
	if (range.high <= range.low)
		range.high = range.low + 1;
	return range;
}

static int narrow_all(struct pass *pass, struct range *ranges, uint64_t *sizes, struct trial_outcome *outcomes)
{
	size_t banks = requests_bank_count(pass->requests);

	for (;;) {
		bool any = false;

		for (size_t i = 0; i < banks; i++)
			any |= (sizes[i] = next_size(&ranges[i])) > 0;
		if (!any)
			return 0;
		if (run_trial(pass, outcomes) < 0)
			return -1;
		for (size_t i = 0; i < banks; i++)
			if (sizes[i] > 0)
				narrow(&ranges[i], trial_fits(&outcomes[i]));
	}
}

int trial_smallest(const struct requests *requests, const struct trial *trial, const struct trial_outcome *outcomes,
                   uint64_t *bytes, struct sql_error *error)
{
	size_t banks = requests_bank_count(requests);
	struct range *ranges = calloc(banks + 1, sizeof(*ranges));
	uint64_t *sizes = calloc(banks + 1, sizeof(*sizes));
	struct trial_outcome *tried = calloc(banks + 1, sizeof(*tried));
	struct pass pass = {.requests = requests, .trial = trial, .sizes = sizes, .stops = true, .error = error};
	int result = -1;

	if (!ranges || !sizes || !tried) {
		sql_fail(error, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < banks; i++)
		ranges[i] = first_range(&outcomes[i]);
	result = narrow_all(&pass, ranges, sizes, tried);
	for (size_t i = 0; i < banks; i++)
		bytes[i] = ranges[i].is_known ? ranges[i].high * ranges[i].unit_bytes : 0;
out:
	free(ranges);
	free(sizes);
	free(tried);
	return result;
}
