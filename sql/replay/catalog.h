/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog.h - what has to be in memory to read block rows fast: processes and the keys that are theirs, the dictionary
 * of origins with the filters applied to it once, and the series (device and region, or one process's) they belong to.
 */
#ifndef SQL_CATALOG_H
#define SQL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core_levels.h"
#include "sql/base/sql.h"
#include "ttalloc.h"

struct operations;
struct recording;

/* Chooses blocks. Zero-initialised with start_ns = INT64_MIN and end_ns = INT64_MAX it chooses all (filter_all()). */
struct filter {
	bool has_device, has_region, has_pid, has_steps, has_start;
	bool needs_steps, needs_operations; /* the catalog gets them, though nothing is filtered by them */
	int64_t device, region, pid, step_first, step_last;
	const char *label;        /* NULL: any; borrowed */
	const char *op;           /* likewise: the number of an operation, or a name of some */
	int64_t start_ns, end_ns; /* blocks that were alive at some moment from start to end, both included */
	bool at_failures;         /* only devices and regions where a request failed */
};
struct filter filter_all(void);
bool filter_is_all(const struct filter *filter);

/* A run of keys that belong to one process. */
struct key_range {
	int64_t first, last;
};

struct catalog_process {
	int64_t id, pid;
	bool ended;
	int64_t ended_ns;               /* not before the time of its last event */
	const struct key_range *ranges; /* rising */
	size_t range_count;
	size_t first_step, step_count; /* in catalog.steps */
};

/* The cores that blocks of an allocator lie on, and no others. */
struct catalog_cores {
	int64_t process; /* id */
	int64_t device;
	uint16_t allocator;
	bool in_step; /* at one address, that no block of all cores has */
	struct cores cores;
	struct level_cores **made; /* what levels have of them: catalog.made */
};

struct catalog_origin {
	uint32_t process, series;          /* indexes */
	uint32_t thread;                   /* id */
	const struct catalog_cores *cores; /* NULL: blocks lie in all banks, or it is not known in which */
	uint16_t allocator;                /* of the process; 0: not said */
	bool known;                        /* there is such an origin */
	bool chosen;                       /* by the filters on device, region, process and label */
	bool aliased;                      /* counts zero bytes and blocks */
	bool replaced;                     /* of an end: not a free by the program */
};

/* What figures are added up for. */
struct catalog_series {
	int64_t device, region;
	uint32_t process; /* index; only when series are per process */
};

struct catalog_step {
	int64_t key, number, at_ns;
};

struct catalog {
	struct catalog_process *processes; /* by id */
	size_t process_count;
	struct key_range *ranges;
	size_t range_count;
	struct catalog_origin *origins; /* by id, from 0 */
	size_t origin_count;
	struct catalog_cores *cores;
	size_t cores_count, cores_capacity;
	struct level_cores **made; /* the first of all (figures.h); NULL: no block lies on single cores */
	struct catalog_series *series;
	size_t series_count;
	struct catalog_step *steps; /* only when the filter has or needs steps */
	size_t step_count;
	struct operations *operations;   /* only when the filter has or needs operations */
	struct operation_choice *choice; /* those of filter.op; NULL: no such filter */
	bool per_process;
	struct filter filter;
};

/* Loads the catalog of RECORDING. 0, or -1 with ERROR; catalog_clear() is needed either way. */
int catalog_load(struct catalog *catalog, struct recording *recording, const struct filter *filter, bool per_process,
                 struct sql_error *error);
void catalog_clear(struct catalog *catalog);

/* The origin of that id, NULL when there is none. */
static inline const struct catalog_origin *catalog_origin(const struct catalog *catalog, int64_t id)
{
	if ((uint64_t)id >= catalog->origin_count || !catalog->origins[id].known)
		return NULL;
	return &catalog->origins[id];
}

/* How many steps PROCESS (an index) had begun at KEY. Steps have to be loaded. */
size_t catalog_steps_begun(const struct catalog *catalog, uint32_t process, int64_t key);

/* The same, where it is LIKELY, as a rule. */
static inline size_t catalog_steps_begun_near(const struct catalog *catalog, uint32_t process, int64_t key,
                                              size_t likely)
{
	const struct catalog_process *owner = &catalog->processes[process];

	if (likely <= owner->step_count && (likely == 0 || catalog->steps[owner->first_step + likely - 1].key < key) &&
	    (likely == owner->step_count || catalog->steps[owner->first_step + likely].key >= key))
		return likely;
	return catalog_steps_begun(catalog, process, key);
}

/* The step of PROCESS (an index) at KEY; NONE before the first. Steps have to be loaded. */
int64_t catalog_step(const struct catalog *catalog, uint32_t process, int64_t key, int64_t none);

/* Whether a block of ORIGIN that was allocated with KEY lies in the filter's steps and operations. */
bool catalog_key_chosen(const struct catalog *catalog, const struct catalog_origin *origin, int64_t key);

/* Whether the answers of catalog_key_chosen() rest on all operations: -1 with ERROR where some could not be read. */
int catalog_check(const struct catalog *catalog, struct sql_error *error);

/* The cores that ALLOCATOR of PROCESS (an id) serves alone; NULL: it serves all, or it is not known which. */
const struct catalog_cores *catalog_cores(const struct catalog *catalog, int64_t process, int64_t device,
                                          uint16_t allocator);

/* Whether blocks on A and on B (NULL: on all cores) have no core in common, so that equal addresses are no meeting. */
static inline bool catalog_apart(const struct catalog_cores *a, const struct catalog_cores *b)
{
	return a && b && !cores_in_common(&a->cores, &b->cores);
}

/* The index of the process whose keys include KEY; UINT32_MAX: none. */
uint32_t catalog_process_of_key(const struct catalog *catalog, int64_t key);

#endif
