/* SPDX-License-Identifier: Apache-2.0
 *
 * serve.c - the verb serve.
 */
#include "analyze/command.h"

#include "page_answer.h"
#include "analyze/report/serve.h"

static const struct option own_options[] = {
    {.name = "listen",
     .letter = 'l',
     .type = OPTION_TEXT,
     .placeholder = "ADDRESS:PORT",
     .fallback = "127.0.0.1:0",
     .help = "where; port 0 is any that is free. Others than 127.0.0.1 and [::1] can be reached over the network, and "
             "nothing is encrypted"},
};

static enum status run(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *listen = arguments_text(arguments, "listen");
	struct serve serve = {.listen = listen ? listen : "127.0.0.1:0", .ask = page_answer, .context = command};
	if (command_operands(command, 0, 1, &error) < 0 ||
	    !(serve.file = command_file(command, arguments->operands[0], &error)) || serve_run(&serve, &error) < 0)
		return command_trouble(&error);
	return command_finish();
}

const struct command_verb command_serve = {
    .name = "serve",
    .summary = "show the page of 'report' in a browser, from the file itself, also while it is recorded",
    .usage = "[FILE...]",
    .about =
        "Prints a link, and serves until it is interrupted. Whoever has the link may read the page; without --listen "
        "that is somebody on this machine. Every part of the run that is zoomed to is drawn from all of its blocks, "
        "and "
        "every moment that is clicked is answered exactly.",
    .shared = "db help version",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .joins_files = true,
    .run = run,
};
