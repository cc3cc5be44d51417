/* SPDX-License-Identifier: Apache-2.0
 *
 * job.c - see job.h.
 */
#include "job.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define RANK_MOST 1000000000l

/* The more is said on purpose, or the nearer to the rank, the earlier it is believed: mpirun within SLURM starts ranks
 * of its own. */
static const char *const names[] = {"TTALLOC_JOB", "SLURM_JOB_ID",        "PBS_JOBID",
                                    "LSB_JOBID",   "TORCHELASTIC_RUN_ID", "PMIX_NAMESPACE"};
static const char *const ranks[] = {"TTALLOC_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                    "SLURM_PROCID", "JOB_COMPLETION_INDEX", "RANK"};

static const char *first_of(const char *const *variables, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = getenv(variables[i]);

		if (text && *text)
			return text;
	}
	return "";
}

void job_find(struct job *job)
{
	const char *rank = first_of(ranks, sizeof(ranks) / sizeof(*ranks));
	char *end;

	*job = (struct job){.rank = -1};
	strncat(job->name, first_of(names, sizeof(names) / sizeof(*names)), sizeof(job->name) - 1);
	if (isdigit((unsigned char)*rank)) {
		long number = strtol(rank, &end, 10);

		job->rank = *end || number > RANK_MOST ? -1 : number;
	}
}
