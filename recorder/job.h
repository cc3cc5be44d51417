/* SPDX-License-Identifier: Apache-2.0
 *
 * job.h - which job of a cluster, and which of its ranks, this recorder records: by TTALLOC_JOB and TTALLOC_RANK, else
 * by what MPI, SLURM, PBS, LSF, torchrun and Kubernetes tell each rank in its environment.
 */
#ifndef RECORDER_JOB_H
#define RECORDER_JOB_H

#define JOB_NAME_BYTES 128

struct job {
	char name[JOB_NAME_BYTES]; /* "": not known */
	long rank;                 /* -1: not known */
	long ranks;                /* that the job has; 0: not known */
};

void job_find(struct job *job);

#endif
