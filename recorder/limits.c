/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.c - see limits.h.
 */
#include "limits.h"

#include <stddef.h>
#include <string.h>

#include "sql/base/units.h"

#define NS_PER_DAY (INT64_C(86400) * 1000000000)
#define LEAST_FILE_BYTES (1 << 20) /* an empty recording has half of that */
#define LEAST_FILE_NS 1000000000

/* Sizes end with a letter of theirs, or a digit. */
static bool is_time(const char *text)
{
	size_t length = strlen(text);

	return length > 1 && strchr("smhd", text[length - 1]);
}

/* As parse_moment(), and days. */
static int read_time(const char *option, const char *text, uint64_t *ns, struct sql_error *error)
{
	size_t length = strlen(text);
	struct moment moment;
	char number[32];
	double days;

	if (length > 1 && length < sizeof(number) && text[length - 1] == 'd') {
		memcpy(number, text, length - 1);
		number[length - 1] = '\0';
		if (!parse_real(number, &days) && days > 0 && days < 36500) {
			*ns = (uint64_t)(days * (double)NS_PER_DAY);
			return 0;
		}
	} else if (is_time(text) && !parse_moment(text, &moment) && !moment.is_share && !moment.name && moment.ns > 0) {
		*ns = (uint64_t)moment.ns;
		return 0;
	}
	return sql_fail(error, "--%s takes a time, such as 30s, 10m, 6h or 7d, not '%s'", option, text);
}

static int read_size(const char *option, const char *text, uint64_t *bytes, struct sql_error *error)
{
	int64_t size;

	if (parse_size(text, &size) || size <= 0)
		return sql_fail(error, "--%s takes a size, such as 500M or 10G, not '%s'", option, text);
	*bytes = (uint64_t)size;
	return 0;
}

static int read_rotate(const char *text, struct limits *limits, struct sql_error *error)
{
	if (is_time(text))
		return read_time("rotate", text, &limits->file_ns, error);
	return read_size("rotate", text, &limits->file_bytes, error);
}

static int check(const struct limit_options *options, const struct limits *limits, struct sql_error *error)
{
	if (limits->file_bytes && limits->file_bytes < LEAST_FILE_BYTES)
		return sql_fail(error, "--rotate %s: a file has 1 MiB at least", options->rotate);
	if (limits->file_ns && limits->file_ns < LEAST_FILE_NS)
		return sql_fail(error, "--rotate %s: a file lasts for 1 s at least", options->rotate);
	if (options->keep && !limits->keep_files)
		return sql_fail(error, "--keep 0: the file that is being recorded is one, too");
	if (limits->keep_files && !options->rotate)
		return sql_fail(error, "--keep says how many files are kept: say with --rotate when another begins");
	if (limits->most_bytes && limits->most_bytes < 2 * LEAST_FILE_BYTES)
		return sql_fail(error, "--max-size %s: a recording has 2 MiB at least", options->max_size);
	if (limits->most_bytes && limits->file_bytes > limits->most_bytes)
		return sql_fail(error, "--rotate %s is more than --max-size %s", options->rotate, options->max_size);
	return 0;
}

int limits_read(const struct limit_options *options, struct limits *limits, struct sql_error *error)
{
	int64_t keep;

	*limits = (struct limits){.file_bytes = 0};
	if (options->rotate && read_rotate(options->rotate, limits, error) < 0)
		return -1;
	if (options->max_size && read_size("max-size", options->max_size, &limits->most_bytes, error) < 0)
		return -1;
	if (options->duration && read_time("duration", options->duration, &limits->duration_ns, error) < 0)
		return -1;
	if (options->keep && !parse_integer(options->keep, &keep)) /* was checked when it was read */
		limits->keep_files = (uint32_t)keep;
	if (check(options, limits, error) < 0)
		return -1;
	/* where old files make room for new ones, none may need all of it */
	if (limits->keep_files && limits->most_bytes &&
	    (!limits->file_bytes || limits->file_bytes > limits->most_bytes / 2))
		limits->file_bytes = limits->most_bytes / 2;
	return 0;
}
