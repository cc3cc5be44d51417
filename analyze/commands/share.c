/* SPDX-License-Identifier: Apache-2.0
 *
 * share.c - the verb share.
 */
#include "analyze/command.h"

#include <string.h>

#include "analyze/values.h"
#include "sql/base/error.h"
#include "sql/base/units.h"
#include "sql/share/share.h"
#include "sql/store/open.h"

static const struct option own_options[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_FILE,
     .placeholder = "OUT",
     .required = true,
     .help = "the file to write"},
    {.name = "step",
     .type = OPTION_STEPS,
     .placeholder = "N[..M]",
     .help = "only what was live or happened in step N, or in the steps N to M"},
    {.name = "start",
     .type = OPTION_TIME,
     .placeholder = "TIME",
     .help = "only what was live or happened from that time of the recording on"},
    {.name = "end", .type = OPTION_TIME, .placeholder = "TIME", .help = "and up to that time"},
    {.name = "no-stacks", .help = "without call stacks, and the programs and sources that they lie in"},
    {.name = "no-paths", .help = "without paths, in texts such as messages, too"},
    {.name = "no-host", .help = "without the names of the machine, its boot and its chips, and of a cluster's job"},
    {.name = "no-user", .help = "without who recorded, and whose processes are"},
    {.name = "no-command-lines", .help = "without what programs were called with"},
    {.name = "no-labels",
     .help = "with hashes for labels and for the names of snapshots, threads and kernels: equal ones stay equal, and "
             "nobody can look them up"},
    {.name = "anonymous", .help = "without all of these"},
};

static unsigned wanted_secrets(const struct arguments *arguments)
{
	static const struct {
		const char *option;
		unsigned secrets;
	} all[] = {
	    {"no-stacks", SHARE_STACKS},
	    {"no-paths", SHARE_PATHS},
	    {"no-host", SHARE_HOST},
	    {"no-user", SHARE_USER},
	    {"no-command-lines", SHARE_COMMANDS},
	    {"no-labels", SHARE_LABELS},
	    {"anonymous", SHARE_ALL},
	};
	unsigned secrets = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (arguments_text(arguments, all[i].option))
			secrets |= all[i].secrets;
	return secrets;
}

/* --start and --end as times of RECORDING. */
static int make_window(struct share_options *options, const struct arguments *arguments, struct recording *recording,
                       struct sql_error *error)
{
	struct values values = {.count = 0};

	if (values_check(arguments, error) < 0 || values_make(&values, arguments, recording, error) < 0)
		return -1;
	for (size_t i = 0; i < values.count; i++) {
		if (strcmp(values.list[i].name, "start") == 0)
			options->from_ns = values.list[i].number;
		else if (strcmp(values.list[i].name, "end") == 0)
			options->to_ns = values.list[i].number;
		else
			continue;
		options->cut = true;
	}
	return 0;
}

static int make_cut(struct share_options *options, const struct arguments *arguments, struct recording *recording,
                    struct sql_error *error)
{
	const char *step = arguments_text(arguments, "step");
	int64_t first, last;

	if (share_whole(recording, &options->from_ns, &options->to_ns, error) < 0)
		return -1;
	if (!step)
		return make_window(options, arguments, recording, error);
	if (arguments_text(arguments, "start") || arguments_text(arguments, "end"))
		return sql_fail(error, "--step and --start or --end: a file is cut by either; leave one out");
	parse_steps(step, &first, &last);
	options->cut = true;
	return share_find_steps(recording, first, last, &options->from_ns, &options->to_ns, error);
}

static enum status run(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	struct share_options options = {.without = wanted_secrets(arguments),
	                                .force = arguments_text(arguments, "force")};
	if (command_operands(command, 0, 1, &error) < 0)
		return command_trouble(&error);
	const char *file = command_file(command, arguments->operands[0], &error);
	struct recording *recording = file ? recording_open(file, &error) : NULL;
	if (!recording)
		return command_trouble(&error);
	int result = make_cut(&options, arguments, recording, &error);
	if (result == 0)
		result = share_write(recording, arguments_text(arguments, "output"), &options, &error);
	recording_close(recording);
	return result < 0 ? command_trouble(&error) : STATUS_ANSWERED;
}

const struct command_verb command_share = {
    .name = "share",
    .summary = "make one compressed file for somebody else, without what is to stay private",
    .usage = "[FILE]",
    .about =
        "Every verb opens OUT as it is; 'copy' makes a plain database of it again. Nothing of what is left out is "
        "anywhere in it, nor are the words of user, host, command lines and labels in what remains of texts, such as "
        "messages of the allocator. 'info' says what was left out. Cut to steps or to a time, it has the blocks that "
        "were "
        "live then, whole, and answers for that time. OUT must not exist unless --force is given; until it is there, "
        "its directory needs room for an uncompressed recording.",
    .shared = "db force help version",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .run = run,
};
