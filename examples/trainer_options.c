/* SPDX-License-Identifier: Apache-2.0
 *
 * trainer_options.c - one table of options; parsing, limits and --help come from it.
 */
#include "trainer_options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

enum choice {
	STEPS,
	LAYERS,
	TOKENS,
	DEVICES,
	PROCESSES,
	LEAK_PER_STEP,
	FRAGMENT,
	FAIL,
	EVALUATE,
	KEEP_SEMAPHORES,
	SEED,
	STEP_TIME_US,
	EVENTS,
	BLACKHOLE,
	QUIET,
	HELP,
	CHOICES
};

struct choice_row {
	const char *name;
	const char *argument; /* NULL: a switch */
	uint64_t least, most;
	const char *help;
};

static const struct choice_row rows[CHOICES] = {
    [STEPS] = {"steps", "N", 1, UINT32_MAX, "train for N steps (default 5; no limit when --events is given)"},
    [LAYERS] = {"layers", "N", 1, 256, "use N of the model's 16 layers, or more"},
    [TOKENS] = {"tokens", "N", 32, 8192, "tokens in a batch on each device (default 1024)"},
    [DEVICES] = {"devices", "N", 1, MESH_DEVICES_MAX, "chips of each process, up to 8 (default 2)"},
    [PROCESSES] = {"processes", "N", 1, 1024, "run N processes side by side, each with chips of its own"},
    [LEAK_PER_STEP] = {"leak-per-step", "BYTES", 0, UINT64_C(1) << 32, "never free BYTES of each step (K, M, G)"},
    [FRAGMENT] = {"fragment", NULL, 0, 0, "leave small buffers behind that split the free memory"},
    [FAIL] = {"fail", NULL, 0, 0, "run out of memory in the last step; the exit status is then 1"},
    [EVALUATE] = {"evaluate", NULL, 0, 0, "evaluate after the last step, with activations that fill L1"},
    [KEEP_SEMAPHORES] = {"keep-semaphores", NULL, 0, 0,
                         "with --evaluate: never free the semaphore of each step's all-gather"},
    [SEED] = {"seed", "N", 0, UINT32_MAX, "vary the length of batches; 0, the default: all are full"},
    [STEP_TIME_US] = {"step-time-us", "N", 0, 60000000, "let a step take N microseconds (default 0: flat out)"},
    [EVENTS] = {"events", "N", 0, UINT64_MAX, "stop at the end of the step that reaches N events"},
    [BLACKHOLE] = {"blackhole", NULL, 0, 0, "chips are Blackhole rather than Wormhole B0"},
    [QUIET] = {"quiet", NULL, 0, 0, "print no summary"},
    [HELP] = {"help", NULL, 0, 0, "print this"},
};

static void print_help(void)
{
	puts("Usage: ttalloc-trainer [OPTION]...\n"
	     "Allocates as a training run of Llama-3.2-1B does on Tenstorrent chips, which it only simulates.\n");
	for (unsigned i = 0; i < CHOICES; i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
		         rows[i].argument ? rows[i].argument : "");
		printf("  %-24s %s\n", left, rows[i].help);
	}
}

static uint64_t suffix_factor(const char *suffix)
{
	switch (*suffix) {
	case '\0':
		return 1;
	case 'K':
		return suffix[1] ? 0 : 1u << 10;
	case 'M':
		return suffix[1] ? 0 : 1u << 20;
	case 'G':
		return suffix[1] ? 0 : 1u << 30;
	default:
		return 0;
	}
}

static uint64_t parse_number(const struct choice_row *row, const char *text)
{
	char *end;
	uint64_t number, factor, product;

	errno = 0;
	number = strtoull(text, &end, 10);
	factor = suffix_factor(end);
	if (errno || end == text || *text == '-' || factor == 0 || __builtin_mul_overflow(number, factor, &product) ||
	    product < row->least || product > row->most) {
		fprintf(stderr, "ttalloc-trainer: --%s: not a number from %" PRIu64 " to %" PRIu64 ": %s\n", row->name,
		        row->least, row->most, text);
		exit(2);
	}
	return product;
}

static void apply(struct trainer_options *options, enum choice choice, uint64_t number)
{
	struct training_options *training = &options->training;

	switch (choice) {
	case STEPS:
		training->steps = number;
		break;
	case LAYERS:
		training->layers = (uint32_t)number;
		break;
	case TOKENS:
		training->tokens = (uint32_t)number;
		break;
	case DEVICES:
		training->devices = (uint32_t)number;
		break;
	case PROCESSES:
		options->processes = (uint32_t)number;
		break;
	case LEAK_PER_STEP:
		training->leak_bytes = number;
		break;
	case FRAGMENT:
		training->fragment = true;
		break;
	case FAIL:
		training->fail = true;
		break;
	case EVALUATE:
		training->evaluate = true;
		break;
	case KEEP_SEMAPHORES:
		training->keep_semaphores = true;
		break;
	case SEED:
		training->seed = number;
		break;
	case STEP_TIME_US:
		training->step_time_us = number;
		break;
	case EVENTS:
		training->event_limit = number;
		break;
	case BLACKHOLE:
		training->architecture = &blackhole;
		break;
	case QUIET:
		options->quiet = true;
		break;
	case HELP:
		print_help();
		exit(0);
	case CHOICES:
		break;
	}
}

static void check(struct trainer_options *options)
{
	if (options->training.steps == 0 && options->training.event_limit == 0)
		options->training.steps = 5;
	if (options->training.fail && options->training.steps == 0) {
		fputs("ttalloc-trainer: --fail happens in the last step: give --steps\n", stderr);
		exit(2);
	}
	if (options->training.keep_semaphores && !options->training.evaluate) {
		fputs("ttalloc-trainer: --keep-semaphores: there are none without --evaluate\n", stderr);
		exit(2);
	}
}

struct trainer_options trainer_options_parse(int argc, char **argv)
{
	struct trainer_options options = {
	    .training = {.architecture = &wormhole_b0, .devices = 2, .layers = MODEL_LAYERS, .tokens = 1024},
	    .processes = 1,
	};
	struct option table[CHOICES + 1] = {0};
	int choice;

	for (unsigned i = 0; i < CHOICES; i++)
		table[i] = (struct option){
		    .name = rows[i].name,
		    .has_arg = rows[i].argument ? required_argument : no_argument,
		};
	for (int index = 0; (choice = getopt_long(argc, argv, "", table, &index)) != -1;) {
		if (choice != 0)
			exit(2); /* getopt_long() has told why */
		apply(&options, (enum choice)index, optarg ? parse_number(&rows[index], optarg) : 0);
	}
	if (optind < argc) {
		fprintf(stderr, "ttalloc-trainer: unexpected argument: %s\n", argv[optind]);
		exit(2);
	}
	check(&options);
	return options;
}
