/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.c - the verbs that are no queries, in the order in which help lists them. Each is one file.
 */
#include "analyze/command.h"

extern const struct command_verb command_copy, command_share, command_merge, command_import, command_report,
    command_serve, command_sql, command_symbolize, command_watch, command_metrics, command_export, command_fleet,
    command_help;

const struct command_verb *const command_verbs[] = {&command_copy,   &command_share,
                                                    &command_merge,  &command_import,
                                                    &command_report, &command_serve,
                                                    &command_sql,    &command_symbolize,
                                                    &command_watch,  &command_metrics,
                                                    &command_export, &command_fleet,
                                                    &command_help,   NULL};
