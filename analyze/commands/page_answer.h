/* SPDX-License-Identifier: Apache-2.0
 *
 * page_answer.h - how the page of report and serve has a verb answered.
 */
#ifndef ANALYZE_COMMANDS_PAGE_ANSWER_H
#define ANALYZE_COMMANDS_PAGE_ANSWER_H

#include "analyze/report/ask.h"

/* CONTEXT is the struct command. */
report_ask page_answer;

#endif
