/* SPDX-License-Identifier: Apache-2.0
 *
 * say.h - lines on standard error. Names and paths come from other people, so what could drive a terminal is taken out.
 */
#ifndef RECORDER_SAY_H
#define RECORDER_SAY_H

#include <stddef.h>

/* Writes "ttalloc-recorder: " and one line. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes one line without the prefix. */
void say_plain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line of a terminal that is overwritten by the next; nothing where standard error is no terminal. An empty text
 * clears it. */
void say_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An error for the caller to show: one line that says what to do. */
struct front_error {
	char text[640];
};

/* Fills ERROR. Always returns -1. */
int front_fail(struct front_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
