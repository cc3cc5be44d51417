/* SPDX-License-Identifier: Apache-2.0
 *
 * model.h - what watch makes of the states that it reads one after the other: rates, trends, and who comes first.
 */
#ifndef ANALYZE_WATCH_MODEL_H
#define ANALYZE_WATCH_MODEL_H

#include "sql/answers/live/live.h"

#define MODEL_SAMPLES 64
#define MODEL_ALL_DEVICES (-1)

enum process_order { ORDER_MEMORY, ORDER_EVENTS, ORDER_PID, ORDER_COUNT };

struct model {
	struct live live;
	struct {
		int64_t at_ns, events;
	} samples[MODEL_SAMPLES]; /* a ring of the events at moments of this machine's clock */
	size_t sample_count;      /* ever */
	char uuid[sizeof((struct live *)0)->uuid];
};

void model_free(struct model *model);

/* The state, as read or found unchanged at AT_NS, is one more sample. */
void model_sample(struct model *model, int64_t at_ns);

/* Events per second over the last one or two seconds. Where there is one sample, or the recording has ended, over all
 * of it, and *AVERAGE is set. */
double model_rate(const struct model *model, bool *average);

/* The device after DEVICE in that DIRECTION (1 or -1), around the end by way of MODEL_ALL_DEVICES. */
int64_t model_next_device(const struct model *model, int64_t device, int direction);
bool model_has_device(const struct model *model, int64_t device);
/* Device number INDEX of those that there are, rising; MODEL_ALL_DEVICES: there are fewer. */
int64_t model_device(const struct model *model, size_t index);
size_t model_device_count(const struct model *model);

/* The stretch of time that trends show: up to the last commit, a minute of a recording in progress, all of an ended
 * one.
 */
void model_window(const struct model *model, int64_t *from_ns, int64_t *to_ns);

/* Fills VALUES with the largest total of REGION in each of COUNT equal parts of the window. */
void model_trend(const struct model *model, const struct live_region *region, int64_t *values, size_t count);

/* A process as a table shows it, on one device or on all. */
struct process_row {
	const struct live_process *process;
	int64_t bytes; /* in the first of the regions, by which rows are ordered */
};

/* What PROCESS has in REGION of DEVICE, or of all devices. */
int64_t model_process_bytes(const struct model *model, const struct live_process *process, int64_t device,
                            int64_t region);
/* The most that it had there at once; of all devices there is none: -1. */
int64_t model_process_peak(const struct model *model, const struct live_process *process, int64_t device,
                           int64_t region);
/* Whether a process of the recording lives. */
bool model_any_alive(const struct model *model);
int64_t model_region_bytes(const struct model *model, int64_t device, int64_t region);

/* The rows, in a new array; free() it. Processes that live come first. */
struct process_row *model_processes(const struct model *model, int64_t device, int64_t region, enum process_order order,
                                    size_t *count);

#endif
