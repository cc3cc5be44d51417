/* SPDX-License-Identifier: Apache-2.0
 *
 * export.c - see export.h.
 */
#include "export.h"

#include <string.h>

#include "clickhouse.h"
#include "file.h"
#include "follow.h"
#include "formats.h"
#include "sql/base/error.h"
#include "sql/base/say.h"
#include "sql/exchange/ttnn_report.h"

static int to_clickhouse(const struct export_options *options, struct recording *recording, struct sql_error *error)
{
	struct sink *sink;

	if (!options->url == !options->output)
		return sql_fail(error, "--to clickhouse takes one of --url http://HOST:8123/ and --output DIRECTORY");
	if (options->chunk_rows < 1)
		return sql_fail(error, "--chunk-rows takes 1 or more");
	sink = options->url ? sink_server(options->url, error) : sink_directory(options->output, error);
	return sink ? sink_close(sink, clickhouse_export(recording, sink, options->chunk_rows, error), error) : -1;
}

static int to_file(const struct export_options *options, struct recording *recording,
                   int (*format)(struct recording *recording, FILE *out, struct sql_error *error),
                   struct sql_error *error)
{
	struct export_file file;

	if (export_file_open(&file, options->output, options->force, error) < 0)
		return -1;
	return export_file_close(&file, format(recording, file.stream, error), error);
}

static int export_to(const struct export_options *options, struct recording *recording, struct sql_error *error)
{
	static const struct {
		const char *name;
		int (*format)(struct recording *recording, FILE *out, struct sql_error *error);
	} files[] = {{"perfetto", export_perfetto},
	             {"speedscope", export_speedscope},
	             {"pprof", export_pprof},
	             {"memory_viz", export_memory_viz}};

	if (strcmp(options->to, "clickhouse") == 0)
		return to_clickhouse(options, recording, error);
	if (options->url)
		return sql_fail(error, "--url is for --to clickhouse");
	if (!options->output)
		return sql_fail(error, "--to %s writes a file or a directory: name it with --output", options->to);
	if (strcmp(options->to, "csv") == 0)
		return export_csv(recording, options->output, options->force, error);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (strcmp(options->to, files[i].name) == 0)
			return to_file(options, recording, files[i].format, error);
	return ttnn_report_write(recording,
	                         &(struct ttnn_report_options){.directory = options->output,
	                                                       .force = options->force,
	                                                       .step_first = options->step_first,
	                                                       .step_last = options->step_last},
	                         error);
}

enum status export_run(const struct export_options *options, const char *file)
{
	struct sql_error error;
	struct recording *recording;
	int result;

	if (options->follow && strcmp(options->to, "clickhouse") == 0 && options->url)
		return follow_run(options->url, file, options->refresh_ms);
	recording = options->follow ? NULL : recording_open(file, &error);
	if (options->follow)
		sql_fail(&error, "--follow is for --to clickhouse --url URL");
	result = recording ? export_to(options, recording, &error) : -1;

	if (recording && result == 0 && !recording_complete(recording, NULL))
		say("%s: "
		    "INCOMPLETE: what was not recorded is not in it either",
		    file);
	if (recording)
		recording_close(recording);
	if (result < 0)
		say("%s", error.text);
	return result < 0 ? STATUS_TROUBLE : STATUS_ANSWERED;
}
