/* SPDX-License-Identifier: Apache-2.0
 *
 * trainer_options.h - the command line of ttalloc-trainer.
 */
#ifndef EXAMPLES_TRAINER_OPTIONS_H
#define EXAMPLES_TRAINER_OPTIONS_H

#include "training.h"

struct trainer_options {
	struct training_options training;
	uint32_t processes;
	bool quiet;
};

/* Exits with status 0 after --help, and with 2 after a line on stderr when the command line is wrong. */
struct trainer_options trainer_options_parse(int argc, char **argv);

#endif
