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
/* How many there are, by the same systems; MPICH and PMIx tell it to those who ask. */
static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS", "WORLD_SIZE"};

static const char *first_of(const char *const *variables, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = getenv(variables[i]);

		if (text && *text)
			return text;
	}
	return "";
}

/* NONE: it is no number, or too large. */
static long number_of(const char *text, long none)
{
	char *end;
	long number = isdigit((unsigned char)*text) ? strtol(text, &end, 10) : none;

	return number == none || *end || number > RANK_MOST ? none : number;
}

void job_find(struct job *job)
{
	*job = (struct job){.rank = number_of(first_of(ranks, sizeof(ranks) / sizeof(*ranks)), -1),
	                    .ranks = number_of(first_of(sizes, sizeof(sizes) / sizeof(*sizes)), 0)};
	strncat(job->name, first_of(names, sizeof(names) / sizeof(*names)), sizeof(job->name) - 1);
	if (job->rank < 0 || job->rank >= job->ranks) /* what one says does not fit what another says */
		job->ranks = 0;
}
