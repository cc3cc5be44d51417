/* SPDX-License-Identifier: Apache-2.0
 *
 * say.c - lines on standard error.
 */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sql/base/text.h"

/* One write() per line, so that lines of several writers do not mix. */
static void write_line(const char *prefix, const char *format, va_list arguments)
{
	char line[1400];
	size_t used = (size_t)snprintf(line, sizeof(line), "%s", prefix);

	vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
	text_make_safe(line);
	used = strlen(line);
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nobody is left to tell */
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line("ttalloc-recorder: ", format, arguments);
	va_end(arguments);
}

void say_plain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line("", format, arguments);
	va_end(arguments);
}

void say_progress(const char *format, ...)
{
	char text[160];
	va_list arguments;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_make_safe(text);
	dprintf(STDERR_FILENO, "\r%s\033[K", text);
}

int front_fail(struct front_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return -1;
}
