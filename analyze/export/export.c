/* SPDX-License-Identifier: Apache-2.0
 *
 * export.c - see export.h.
 */
#include "export.h"

#include "clickhouse.h"
#include "sql/base/error.h"
#include "sql/base/say.h"

static int export_to_clickhouse(const struct export_options *options, struct recording *recording,
                                struct sql_error *error)
{
	struct sink *sink;

	if (!options->url == !options->output)
		return sql_fail(error, "--to clickhouse takes one of --url http://HOST:8123/ and --output DIRECTORY");
	if (options->chunk_rows < 1)
		return sql_fail(error, "--chunk-rows takes 1 or more");
	sink = options->url ? sink_server(options->url, error) : sink_directory(options->output, error);
	return sink ? sink_close(sink, clickhouse_export(recording, sink, options->chunk_rows, error), error) : -1;
}

enum status export_run(const struct export_options *options, const char *file)
{
	struct sql_error error;
	struct recording *recording = recording_open(file, &error);
	int result = recording ? export_to_clickhouse(options, recording, &error) : -1;

	if (recording)
		recording_close(recording);
	if (result < 0)
		say("%s", error.text);
	return result < 0 ? STATUS_TROUBLE : STATUS_ANSWERED;
}
