/* SPDX-License-Identifier: Apache-2.0
 *
 * formats.h - the formats that are one file. Each writes RECORDING to OUT, whose errors are the caller's to ask for. 0,
 * or -1 with ERROR.
 */
#ifndef ANALYZE_EXPORT_FORMATS_H
#define ANALYZE_EXPORT_FORMATS_H

#include <stdio.h>

#include "sql/store/open.h"

int export_perfetto(struct recording *recording, FILE *out, struct sql_error *error);
int export_pprof(struct recording *recording, FILE *out, struct sql_error *error);
int export_speedscope(struct recording *recording, FILE *out, struct sql_error *error);
int export_memory_viz(struct recording *recording, FILE *out, struct sql_error *error);

/* The views, a file each, in DIRECTORY, which is made. */
int export_csv(struct recording *recording, const char *directory, bool force, struct sql_error *error);

#endif
