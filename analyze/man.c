/* SPDX-License-Identifier: Apache-2.0
 *
 * man.c - the man page, from the same tables as --help; written when the program is built.
 */
#include "command.h"
#include "help.h"

#include <string.h>

#include "sql/base/sql.h"

static void put_filters(const struct manual *manual, const struct options *options)
{
	const char *before = "Filters: ";
	for (size_t i = 0; i < options->count; i++) {
		if (options->list[i].group != GROUP_FILTER)
			continue;
		fprintf(manual->out, "%s\\fB\\-\\-", before);
		manual_roff(manual->out, options->list[i].name);
		fputs("\\fR", manual->out);
		before = ", ";
	}
	if (before[0] == ',')
		fputs(".\n", manual->out);
}

static void put_verb(const struct manual *manual, struct verb *verb)
{
	struct sql_error error;
	struct verb_options options;
	const struct query *query = verb_query(verb, &error);
	const char *about = query ? query->about : verb->own->about;
	if (options_for(&options, verb, query, &error) < 0)
		return;
	fputs(".SS \"", manual->out);
	manual_roff(manual->out, verb->name);
	fputs(" ", manual->out);
	manual_roff(manual->out, verb->usage);
	fputs("\"\n", manual->out);
	manual_roff(manual->out, query ? query->summary : verb->own->summary);
	fputs(".\n", manual->out);
	if (about)
		manual_line(manual, about);
	put_filters(manual, &options.all);
	fputs(".RS\n", manual->out);
	manual_options(manual, &options.all, GROUP_QUERY, NULL);
	if (query && query->column_count > 0) {
		manual_prose(manual, "Columns:");
		help_columns(manual, query);
	}
	fputs(".RE\n", manual->out);
}

static const char intro[] =
    "Answers questions about a recording that\n.BR ttalloc\\-recorder (1)\nmade, also while it is being made. Every "
    "verb is "
    "one query over the recording, and its answer is a table for people, or JSON, JSON lines or CSV for "
    "programs.\n.PP\n"
    "Filters choose blocks, and all figures are over those; a time window includes what was live at its start. Every "
    "answer says whether the recording is complete: under a table, in JSON as \\fBcomplete\\fR and \\fBnotes\\fR, on "
    "standard error for the other formats. Kernel binaries, traces and loaded kernels belong to the runtime: the table "
    "of \\fBleaks\\fR sums them up in one line, and \\fB\\-\\-exit\\-code\\fR does not count them.\n.PP\n"
    "Text from a recording cannot drive the terminal: what could is shown as \\exNN or \\euNNNN. CSV cells that a "
    "spreadsheet would take for a formula begin with an apostrophe.\n";

static const char queries_of_your_own[] =
    ".SH QUERIES OF YOUR OWN\n"
    "A file NAME.sql in a directory of \\fB\\-\\-query\\-path\\fR, of $TTALLOC_QUERY_PATH or in "
    "~/.config/ttalloc/queries is a verb like any other. It begins with its declaration:\n.PP\n.nf\n"
    "\\-\\- summary: the largest blocks\n"
    "\\-\\- param: least size 1MiB leave out smaller ones\n"
    "\\-\\- filters: device region\n"
    "\\-\\- column: address address offset in every bank\n"
    "\\-\\- column: size_bytes bytes payload\n"
    "SELECT address, size_bytes FROM allocation\n"
    " WHERE size_bytes >= :least AND (:device IS NULL OR device = :device)\n"
    "   AND (:region IS NULL OR region = :region)\n"
    " ORDER BY size_bytes DESC\n.fi\n.PP\n"
    "Types are integer, real, text, size, time, region, flag, choice(a|b|c) and attribution, which is called by and "
    "means "
    "what \\-\\-by means everywhere; a default of \\- is NULL, and \\fBrequired\\fR makes the option one that must be "
    "given; "
    "a parameter least_bytes is the option \\-\\-least\\-bytes. Units of columns are bytes, ns, count, ratio, address, "
    "text, id "
    "and list (text of one item per line, an array in JSON). How a table shows the answer is declared too: \\-\\- "
    "empty: "
    "what it says without rows, \\-\\- show: list, \\-\\- rows: 20 of each device,region, \\-\\- tables: PARAM VALUE "
    "(its default "
    "there), \\-\\- trim: idle, \\-\\- fold: runtime, \\-\\- format: folded; and \\-\\- exit: nonempty [always]. "
    "Behind the answer "
    "come, each on lines of its own, a SELECT behind \\-\\- with: PARAM, which is the answer when that is given, and "
    "those behind "
    "\\-\\- notes: and \\-\\- refuse:, whose text rows become notes, or the reason why there is no answer. A verb that "
    "is built in "
    "cannot be replaced.\n";

void man_page(FILE *out, struct verbs *verbs)
{
	const struct manual manual = {.out = out, .roff = true};
	manual_begin(&manual, &(struct manual_head){.program = "ttalloc-analyze",
	                                            .summary = "ask a recording of accelerator memory questions",
	                                            .version = ANALYZE_VERSION,
	                                            .usage = "ttalloc-analyze VERB [OPTION]... [FILE]"});
	fputs(intro, out);
	manual_section(&manual, "Verbs");
	for (size_t i = 0; i < verbs_count(verbs); i++)
		if (!verbs_at(verbs, i)->path)
			put_verb(&manual, verbs_at(verbs, i));
	manual_section(&manual, "Options");
	for (unsigned group = GROUP_FILTER; group <= GROUP_FILE; group++) {
		manual_subsection(&manual, group_titles[group]);
		manual_options(&manual, &options_shared, group, NULL);
	}
	manual_section(&manual, "Views and functions");
	manual_line(&manual, "What statements and query files may ask.");
	help_reference(&manual);
	fputs(queries_of_your_own, out);
	manual_section(&manual, "Exit status");
	manual_entries(&manual, help_status);
	manual_section(&manual, "Environment");
	manual_entries(&manual, help_environment);
	fputs(".SH SEE ALSO\n.BR ttalloc\\-recorder (1),\n.BR sqlite3 (1)\n", out);
}
