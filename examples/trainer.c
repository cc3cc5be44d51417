/* SPDX-License-Identifier: Apache-2.0
 *
 * trainer.c - ttalloc-trainer: a training run without hardware, as an input for everything else in this repository.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trainer_options.h"

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print_device(struct device *device)
{
	for (unsigned i = 0; i < DEVICE_REGIONS; i++) {
		struct region_figures figures = device_measure(device, i);

		if (figures.peak_bytes == 0 && figures.failures == 0)
			continue;
		printf("device %u %-8s peak %" PRIu64 " B (%" PRIu64 " B per bank), held at the end %" PRIu64
		       " B in %" PRIu64 " blocks, failed requests %" PRIu64 "\n",
		       device_chip(device), figures.name, figures.peak_bytes, figures.peak_bank_bytes,
		       figures.live_bytes, figures.live_blocks, figures.failures);
	}
}

static void print_summary(const struct training_options *options, struct training *training, double seconds)
{
	struct mesh *mesh = training_mesh(training);
	uint64_t events = mesh_events(mesh) + mesh_devices(mesh); /* each is about to be closed, which is an event */

	printf("ttalloc-trainer: %" PRIu64 " steps of %u layers on %u %s devices: %" PRIu64
	       " events in %.3f s, %.2f million a second\n",
	       training_steps(training), options->layers, options->devices, options->architecture->name, events,
	       seconds, (double)events / seconds / 1e6);
	for (uint32_t i = 0; i < mesh_devices(mesh); i++)
		print_device(mesh_device(mesh, i));
	if (options->leak_bytes > 0)
		printf("leaked %" PRIu64 " B on device %u\n", training_leaked_bytes(training), options->first_chip);
	fflush(stdout);
}

/* Returns the exit status. */
static int train(const struct training_options *options, bool quiet)
{
	double start_s = now_s();
	struct training *training = training_begin(options);
	bool complete = training_run(training);

	if (!quiet)
		print_summary(options, training, now_s() - start_s);
	if (!complete)
		fprintf(stderr, "ttalloc-trainer: %s\n", training_message(training));
	training_end(training);
	return complete ? 0 : 1;
}

/* Starts process number INDEX. Returns false when that was not possible. */
static bool start_process(const struct trainer_options *options, uint32_t index)
{
	struct training_options training = options->training;
	pid_t child = fork();

	if (child < 0)
		perror("ttalloc-trainer: fork");
	if (child != 0)
		return child > 0;
	training.first_chip = index * training.devices;
	training.seed = training.seed ? training.seed + index : 0;
	exit(train(&training, options->quiet));
}

static int train_in_processes(const struct trainer_options *options)
{
	int result = 0, status;

	for (uint32_t i = 0; i < options->processes; i++)
		if (!start_process(options, i))
			result = 1;
	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			result = 1;
	return result;
}

int main(int argc, char **argv)
{
	struct trainer_options options = trainer_options_parse(argc, argv);

	if (options.processes > 1)
		return train_in_processes(&options);
	return train(&options.training, options.quiet);
}
