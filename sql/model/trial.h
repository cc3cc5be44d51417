/* SPDX-License-Identifier: Apache-2.0
 *
 * trial.h - passes over the requests of a recording with a model of each bank. A model gets what was asked for, in the
 * same order: whether the program would have asked for the same had blocks lain elsewhere is not its question.
 */
#ifndef SQL_TRIAL_H
#define SQL_TRIAL_H

#include "placement.h"
#include "requests.h"

/* How well the recorded policy, which is taken to be PLACE_FIRST by address, tells where the next block goes, given
 * where the recording has those before it. */
struct trial_fidelity {
	uint64_t asked;             /* of the bank at all */
	uint64_t requests, matched; /* where its geometry is known */
	bool has_layout;
	/* the first one that did not match */
	int64_t miss_key;
	uint64_t miss_bytes, miss_recorded, miss_expected; /* addresses; EXPECTED is 0 where nothing was free */
};

/* One for each bank, zeroed by the caller. 0, or -1 with ERROR. */
int trial_fidelity(const struct requests *requests, struct trial_fidelity *banks, struct sql_error *error);

enum trial_direction { DIRECTION_RECORDED, DIRECTION_UP, DIRECTION_DOWN };

#define TRIAL_FREED_MOST 64

/* What is tried; zeroed, it is what was recorded. */
struct trial {
	enum place_policy policy;
	enum place_pick pick;
	enum trial_direction direction;
	uint64_t unit_bytes; /* 0: recorded */
	uint64_t bank_bytes; /* 0: recorded */
	/* alloc keys of blocks that are freed when the first request of their bank would fail */
	int64_t freed_first[TRIAL_FREED_MOST];
	size_t freed_first_count;
};

struct trial_outcome {
	uint64_t requests, failed;                   /* of those that the recording's allocator served */
	uint64_t recorded_failures, fitted_failures; /* of those that it did not; they are not kept, but tried */
	int64_t failed_ns, failed_key; /* of the first that failed in the model, either kind; INT64_MIN: none did */
	uint64_t failed_bytes;
	uint64_t bank_bytes, unit_bytes;
	uint64_t peak_bytes;         /* taken at once, in whole units */
	double peak_fragmentation;   /* of what was free at that moment: 1 - the largest piece / all of it */
	uint64_t reached_bytes;      /* how far blocks ever reached from both ends of the bank, at most all of it */
	uint64_t least_largest_free; /* the smallest that the largest free piece ever was */
	uint64_t freed_first_bytes;
};

static inline bool trial_fits(const struct trial_outcome *outcome)
{
	return outcome->failed == 0 && outcome->fitted_failures == outcome->recorded_failures;
}

/* One for each bank, zeroed by the caller; banks of unknown geometry stay zeroed. 0, or -1 with ERROR. */
int trial_run(const struct requests *requests, const struct trial *trial, struct trial_outcome *banks,
              struct sql_error *error);

/* Looks, for each bank, for a size in which all requests fit, while they do not in one unit less; BYTES has one each,
 * 0: none. OUTCOMES are those of TRIAL. It is found by bisection: with fewer bytes some other size may fit again.
 * 0, or -1 with ERROR. */
int trial_smallest(const struct requests *requests, const struct trial *trial, const struct trial_outcome *outcomes,
                   uint64_t *bytes, struct sql_error *error);

#endif
