/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.c - refit(): what would have become of the recorded requests in banks of another kind, a row for each bank, in
 * the order of devices, regions and processes.
 *
 *   process, pid, device, region, allocator (of the process; none: not said)
 *   requests            that the recording's allocator served
 *   matched             of these, how many the model places where the recording has them
 *   failed, failed_ns, failed_bytes  requests that do not fit in the model; the first of all that failed
 *   recorded_failures, fitted_failures  requests that the recording's allocator refused; and those that fit
 *   bank_bytes, unit_bytes, peak_bytes, reached_bytes, least_largest_free_bytes, freed_first_bytes
 *   fragmentation       at the peak
 *   smallest_bank_bytes
 *
 * Of a bank whose geometry is not known only the first five are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/answers/table_function.h"
#include "sql/base/error.h"
#include "sql/base/units.h"
#include "sql/model/trial.h"
#include "sql/store/recording.h"

enum argument { POLICY, ORDER, DIRECTION, UNIT, BANK, FREED, SMALLEST, FORCE };

struct refit {
	struct table_call *call;
	struct catalog catalog;
	struct requests *requests;
	struct trial trial;
	struct trial_fidelity *fidelity; /* by bank, and so are the others */
	struct trial_outcome *outcomes;
	uint64_t *smallest;
};

/* ---- What is asked ---- */

/* The index of the argument's word in WORDS. */
static int take_word(const struct refit *refit, enum argument argument, const char *const *words, int *index)
{
	const char *text = refit->call->arguments[argument].text;

	*index = 0;
	while (text && words[*index] && strcmp(words[*index], text) != 0)
		++*index;
	return !text || words[*index] ? 0 : sql_fail(refit->call->error, "replay: nothing is known of '%.40s'", text);
}

/* Allocation ids, with commas between them. */
static int take_freed(struct refit *refit)
{
	const char *text = refit->call->arguments[FREED].text;
	struct trial *trial = &refit->trial;
	char word[32];

	while (text && *text) {
		size_t length = strcspn(text, ",");
		int64_t key;

		snprintf(word, sizeof(word), "%.*s", length < sizeof(word) ? (int)length : 0, text);
		if (parse_integer(word, &key) || key <= 0)
			return sql_fail(
			    refit->call->error,
			    "--free-first: '%.60s' is no list of allocation ids, such as 17,21 (allocation_id of "
			    "the view allocation)",
			    refit->call->arguments[FREED].text);
		if (trial->freed_first_count == TRIAL_FREED_MOST)
			return sql_fail(refit->call->error, "--free-first: at most %d blocks", TRIAL_FREED_MOST);
		trial->freed_first[trial->freed_first_count++] = key;
		text += length + (text[length] == ',');
	}
	return 0;
}

static int take_trial(struct refit *refit)
{
	static const char *const policies[] = {"first", "best", "classes", NULL};
	static const char *const orders[] = {"address", "newest", "oldest", NULL};
	static const char *const directions[] = {"recorded", "up", "down", NULL};
	int policy, order, direction;
	int64_t unit_bytes = table_number(refit->call, UNIT, 0), bank_bytes = table_number(refit->call, BANK, 0);

	if (take_word(refit, POLICY, policies, &policy) < 0 || take_word(refit, ORDER, orders, &order) < 0 ||
	    take_word(refit, DIRECTION, directions, &direction) < 0)
		return -1;
	if (order && policy)
		return sql_fail(refit->call->error, "--order %s is for --policy first: %s has an order of its own",
		                orders[order], policies[policy]);
	if (unit_bytes < 0 || bank_bytes < 0 || unit_bytes > INT64_C(1) << 40 || bank_bytes > INT64_C(1) << 60)
		return sql_fail(refit->call->error, "replay: such a unit or bank is none");
	refit->trial = (struct trial){.policy = (enum place_policy)policy,
	                              .pick = (enum place_pick)order,
	                              .direction = (enum trial_direction)direction,
	                              .unit_bytes = (uint64_t)unit_bytes,
	                              .bank_bytes = (uint64_t)bank_bytes};
	return take_freed(refit);
}

/* ---- Whether it can be answered ---- */

static int fail_unfaithful(const struct refit *refit, size_t bank)
{
	const struct request_bank *of = requests_bank(refit->requests, bank);
	const struct trial_fidelity *fidelity = &refit->fidelity[bank];
	char expected[64] = "nowhere";
	const char *region = region_word(of->region);

	if (fidelity->miss_expected)
		snprintf(expected, sizeof(expected), "at 0x%llx", (unsigned long long)fidelity->miss_expected);
	return sql_fail(
	    refit->call->error,
	    "the model places %llu of %llu requests of device %lld %s (pid %lld) where the recording has them, "
	    "%.2f %%, which is too few to say what another policy would do; the first other one is allocation "
	    "%lld, %llu B: recorded at 0x%llx, expected %s. --force answers anyway, --region and the like "
	    "leave it out",
	    (unsigned long long)fidelity->matched, (unsigned long long)fidelity->requests, (long long)of->device,
	    region ? region : "", (long long)refit->catalog.processes[of->process].pid,
	    100.0 * (double)fidelity->matched / (double)fidelity->requests, (long long)fidelity->miss_key,
	    (unsigned long long)fidelity->miss_bytes, (unsigned long long)fidelity->miss_recorded, expected);
}

static int check_fidelity(const struct refit *refit)
{
	bool forced = table_number(refit->call, FORCE, 0), any = false;

	for (size_t i = 0; i < requests_bank_count(refit->requests); i++) {
		const struct trial_fidelity *fidelity = &refit->fidelity[i];

		any |= fidelity->has_layout;
		if (!forced && fidelity->matched * 1000 < fidelity->requests * 999)
			return fail_unfaithful(refit, i);
	}
	return any || requests_bank_count(refit->requests) == 0
	           ? 0
	           : sql_fail(refit->call->error,
	                      "the geometry of banks was not recorded (ttalloc_device_open): without "
	                      "it nothing can be placed");
}

static int check_freed(const struct refit *refit)
{
	bool any = refit->trial.freed_first_count == 0;

	for (size_t i = 0; i < requests_bank_count(refit->requests); i++)
		any |= refit->outcomes[i].freed_first_bytes > 0;
	return any ? 0
	           : sql_fail(refit->call->error,
	                      "--free-first: no request fails, or none of these blocks is live when the "
	                      "first one does");
}

/* ---- Rows ---- */

static int add_row(const struct refit *refit, size_t bank)
{
	const struct request_bank *of = requests_bank(refit->requests, bank);
	const struct trial_fidelity *fidelity = &refit->fidelity[bank];
	const struct trial_outcome *outcome = &refit->outcomes[bank];
	bool failed = outcome->failed_ns != INT64_MIN;
	enum { KNOWN = 5 }; /* also of a bank whose geometry is not */
	int64_t cells[] = {refit->catalog.processes[of->process].id,
	                   refit->catalog.processes[of->process].pid,
	                   of->device,
	                   of->region,
	                   of->allocator ? of->allocator : TABLE_NULL,
	                   (int64_t)fidelity->requests,
	                   (int64_t)fidelity->matched,
	                   (int64_t)outcome->failed,
	                   failed ? outcome->failed_ns : TABLE_NULL,
	                   failed ? (int64_t)outcome->failed_bytes : TABLE_NULL,
	                   (int64_t)outcome->recorded_failures,
	                   (int64_t)outcome->fitted_failures,
	                   (int64_t)outcome->bank_bytes,
	                   (int64_t)outcome->unit_bytes,
	                   (int64_t)outcome->peak_bytes,
	                   (int64_t)outcome->reached_bytes,
	                   (int64_t)outcome->least_largest_free,
	                   (int64_t)outcome->freed_first_bytes,
	                   table_real(outcome->peak_fragmentation),
	                   refit->smallest[bank] ? (int64_t)refit->smallest[bank] : TABLE_NULL};

	if (outcome->bank_bytes == 0)
		for (size_t i = KNOWN; i < sizeof(cells) / sizeof(*cells); i++)
			cells[i] = TABLE_NULL;
	return table_add(refit->call->table, cells, refit->call->error);
}

static int answer(struct refit *refit)
{
	struct sql_error *error = refit->call->error;
	size_t banks = requests_bank_count(refit->requests);

	refit->fidelity = calloc(banks + 1, sizeof(*refit->fidelity));
	refit->outcomes = calloc(banks + 1, sizeof(*refit->outcomes));
	refit->smallest = calloc(banks + 1, sizeof(*refit->smallest));
	if (!refit->fidelity || !refit->outcomes || !refit->smallest)
		return sql_fail(error, "out of memory");
	if (trial_fidelity(refit->requests, refit->fidelity, error) < 0 || check_fidelity(refit) < 0 ||
	    trial_run(refit->requests, &refit->trial, refit->outcomes, error) < 0 || check_freed(refit) < 0)
		return -1;
	if (table_number(refit->call, SMALLEST, 0) &&
	    trial_smallest(refit->requests, &refit->trial, refit->outcomes, refit->smallest, error) < 0)
		return -1;
	for (size_t i = 0; i < banks; i++)
		if (refit->fidelity[i].asked > 0 && add_row(refit, i) < 0)
			return -1;
	return 0;
}

static int fill_refit(struct table_call *call)
{
	struct refit refit = {.call = call};
	int result = -1;

	if (take_trial(&refit) == 0 &&
	    catalog_load(&refit.catalog, call->recording, &call->filter, false, call->error) == 0)
		refit.requests = requests_open(call->recording, &refit.catalog, call->error);
	if (refit.requests)
		result = answer(&refit);
	requests_close(refit.requests);
	catalog_clear(&refit.catalog);
	free(refit.fidelity);
	free(refit.outcomes);
	free(refit.smallest);
	return result;
}

const struct table_function table_refit = {
    .name = "refit",
    .columns = "process, pid, device, region, allocator, requests, matched, failed, failed_ns, failed_bytes, "
               "recorded_failures, "
               "fitted_failures, bank_bytes, unit_bytes, peak_bytes, reached_bytes, least_largest_free_bytes, "
               "freed_first_bytes, fragmentation, smallest_bank_bytes",
    .real_columns = 1 << 18,
    .arguments = {"for_policy", "for_order", "for_direction", "for_unit", "for_bank", "for_freed", "for_smallest",
                  "for_force"},
    .fill = fill_refit,
};
