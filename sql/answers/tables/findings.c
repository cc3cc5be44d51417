/* SPDX-License-Identifier: Apache-2.0
 *
 * findings.c - findings(): verify's rows.
 */
#include <stdarg.h>
#include <stdio.h>

#include "sql/base/error.h"
#include "sql/answers/verify/findings.h"
#include "sql/store/recording.h"

static void add_row(struct findings *findings, const char *what, const char *place, const char *detail)
{
	struct table_call *call = findings->call;
	int64_t cells[] = {table_text(call->table, what, call->error), table_text(call->table, place, call->error),
	                   table_text(call->table, detail, call->error)};

	if (cells[0] < 0 || cells[1] < 0 || cells[2] < 0 || table_add(call->table, cells, call->error) < 0)
		findings->failed = true;
}

void findings_add(struct findings *findings, const char *what, const char *place, const char *format, ...)
{
	char detail[512];
	va_list arguments;

	if (findings->left == 0)
		return;
	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	add_row(findings, what, place, detail);
	if (--findings->left == 0)
		add_row(findings, "more", "recording", "there is more; only the first findings are listed");
}

static int fill_findings(struct table_call *call)
{
	struct findings findings = {.call = call, .left = FINDINGS_MAX}, in_file = findings;
	struct integrity *integrity = integrity_start(call->recording->path);

	findings_in_numbers(&findings);
	findings_in_blocks(&findings);
	findings_in_ranges(&findings);
	integrity_finish(integrity, &in_file);
	return findings.failed || in_file.failed ? -1 : 0;
}

const struct table_function table_findings = {
    .name = "findings",
    .columns = "what, place, detail",
    .text_columns = 7,
    .fill = fill_findings,
};
