/* SPDX-License-Identifier: Apache-2.0
 *
 * output.c - see output.h.
 */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sql/base/error.h"

static const char *const formats[] = {
    [FORMAT_TABLE] = "table",   [FORMAT_JSON] = "json",   [FORMAT_JSONL] = "jsonl",   [FORMAT_CSV] = "csv",
    [FORMAT_FOLDED] = "folded", [FORMAT_JUNIT] = "junit", [FORMAT_GITHUB] = "github", [FORMAT_COLUMNS] = "columns"};

static int choose_format(struct output *output, const struct arguments *arguments, const struct query *query,
                         struct sql_error *error)
{
	const char *name = arguments_text(arguments, "format");
	bool json = arguments_text(arguments, "json");
	if (json && name && strcmp(name, "json") != 0)
		return sql_fail(error, "--json and --format %s contradict each other", name);
	output->format = json ? FORMAT_JSON : query && query->folded ? FORMAT_FOLDED : FORMAT_TABLE;
	for (unsigned i = 0; name && i < sizeof formats / sizeof *formats; i++)
		if (strcmp(formats[i], name) == 0)
			output->format = (enum format)i;
	bool drawn = arguments_text(arguments, "plot") || arguments_text(arguments, "svg");
	if (drawn && (json || name))
		return sql_fail(error, "--plot and --svg are formats of their own: not with --json or --format");
	if (drawn)
		output->format = arguments_text(arguments, "plot") ? FORMAT_PLOT : FORMAT_SVG;
	bool headed = output->format == FORMAT_TABLE || output->format == FORMAT_CSV;
	if (arguments_text(arguments, "no-header") && !headed)
		return sql_fail(error, "--no-header means nothing in %s",
		                drawn ? "a picture" : formats[output->format]);
	return 0;
}

static size_t terminal_width(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	int64_t number;
	if (!isatty(STDOUT_FILENO))
		return 0;
	if (columns && !parse_integer(columns, &number) && number >= 20 && number < 10000)
		return (size_t)number;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
		return 0;
	return size.ws_col;
}

static bool wants_colour(const char *when)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
	if (when && strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	return isatty(STDOUT_FILENO) && (!no_color || no_color[0] == '\0') && terminal && strcmp(terminal, "dumb") != 0;
}

int output_choose(struct output *output, FILE *out, const struct arguments *arguments, const struct query *query,
                  struct sql_error *error)
{
	const char *limit = arguments_text(arguments, "limit");
	int64_t rows = 0;
	*output = (struct output){0};
	if (choose_format(output, arguments, query, error) < 0)
		return -1;
	if (limit)
		parse_integer(limit, &rows);
	output->rows = (uint64_t)rows;
	output->limited = limit;
	output->grouped = arguments_text(arguments, "by");
	output->style = (struct style){.out = out,
	                               .width = terminal_width(),
	                               .rows = limit ? (uint64_t)rows : QUERY_ROWS,
	                               .colour = wants_colour(arguments_text(arguments, "color")),
	                               .no_header = arguments_text(arguments, "no-header"),
	                               .quiet = arguments_text(arguments, "quiet"),
	                               .whole_lists = arguments_text(arguments, "verbose")};
	return 0;
}

static struct writer *table_writer(const struct output *output, const struct query_show *show)
{
	struct style style = output->style;
	style.known = show->known;
	if (show->list && !output->grouped)
		return writer_list(&style);
	if (!output->limited) {
		style.rows = (uint64_t)show->rows;
		style.each = show->each;
	}
	struct writer *writer = writer_table(&style);
	if (show->trim)
		writer = writer_trim(writer, show->each);
	if (show->fold_runtime)
		writer = writer_fold(writer);
	return show->fold_devices ? writer_devices(writer) : writer;
}

struct writer *output_writer(const struct output *output, const struct query *query)
{
	static const struct query_show plain = {.rows = QUERY_ROWS};
	switch (output->format) {
	case FORMAT_JSON:
		return writer_json(&output->style);
	case FORMAT_JSONL:
		return writer_jsonl(&output->style);
	case FORMAT_CSV:
		return writer_csv(&output->style);
	case FORMAT_FOLDED:
		return writer_folded(&output->style);
	case FORMAT_JUNIT:
		return writer_junit(&output->style);
	case FORMAT_GITHUB:
		return writer_github(&output->style);
	case FORMAT_COLUMNS:
		return writer_columns(&output->style);
	case FORMAT_PLOT:
		return writer_plot(&output->style, query->show.plot, query->show.each);
	case FORMAT_SVG:
		return writer_svg(&output->style);
	default:
		return table_writer(output, query ? &query->show : &plain);
	}
}

bool output_broken(struct output *output)
{
	if (ferror(output->style.out) && output->cause == 0)
		output->cause = errno != 0 ? errno : EIO;
	return output->cause != 0;
}

int output_finish(struct output *output, struct sql_error *error)
{
	errno = 0;
	if (!output_broken(output) && fflush(output->style.out) != 0)
		output->cause = errno;
	if (output->cause == 0 || output->cause == EPIPE)
		return 0;
	return sql_fail(error, "cannot write %s: %s", output->style.out == stdout ? "standard output" : "the answer",
	                strerror(output->cause));
}
