/* SPDX-License-Identifier: Apache-2.0
 *
 * requests.h - what was asked of each bank, from the recording's beginning on, as often as somebody wants to see it.
 * The recording is read once, backwards, into a temporary file; in memory is what is live.
 */
#ifndef SQL_REQUESTS_H
#define SQL_REQUESTS_H

#include "sql/replay/bank.h"
#include "sql/replay/catalog.h"

/* A bank: what one allocator of a process serves of a device and region. */
struct request_bank {
	int64_t device, region;
	uint32_t process;   /* index in the catalog */
	uint16_t allocator; /* of the process; 0: not said */
};

enum request_kind {
	REQUEST_PLACED, /* a block was placed */
	REQUEST_GIVEN,  /* it was given back, however; only BANK and SLOT are told */
	REQUEST_FAILED, /* there was no room for one */
};

struct request {
	enum request_kind kind;
	uint32_t bank;  /* index */
	uint32_t slot;  /* of a block: a number of its own while it is live */
	bool top_down;  /* placed from the end of the bank */
	bool was_there; /* placed before what the file is about began: among blocks that are not known */
	uint64_t bytes, address;
	int64_t at_ns, key;
};

struct requests;

/* Reads the requests that CATALOG chooses (but for its window of time), which stays the caller's. What has no bank, or
 * takes nothing in it, is left out. NULL with ERROR. */
struct requests *requests_open(struct recording *recording, const struct catalog *catalog, struct sql_error *error);
void requests_close(struct requests *requests);

size_t requests_bank_count(const struct requests *requests);
const struct request_bank *requests_bank(const struct requests *requests, size_t bank);
/* The geometry of a bank at that time, and until when it holds; NULL: it was not told. */
const struct bank_layout *requests_layout(const struct requests *requests, size_t bank, int64_t at_ns,
                                          int64_t *until_ns);
/* Slots are below this. */
uint32_t requests_slots(const struct requests *requests);

/* Calls EACH for every request, from the first one on. It returns 0, or -1 with ERROR to end this. 0, or -1 with ERROR.
 */
int requests_each(const struct requests *requests, int (*each)(const struct request *request, void *context),
                  void *context, struct sql_error *error);

#endif
