/* SPDX-License-Identifier: Apache-2.0
 *
 * log_text.h - the words of a log, without how they were shown. Thread-safe.
 */
#ifndef SQL_LOG_TEXT_H
#define SQL_LOG_TEXT_H

#include <stddef.h>

/* TEXT without colours, controls, frames of boxes and backslashes: a line break, real or escaped, is '\n', other white
 * space one blank, and there are no two of them in a row. To be freed; NULL: no memory. */
char *log_text(const char *text, size_t bytes);

#endif
