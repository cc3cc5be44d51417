/* SPDX-License-Identifier: Apache-2.0
 *
 * say.h - lines on standard error. Names and paths come from other people, so what could drive a terminal is escaped.
 */
#ifndef SQL_SAY_H
#define SQL_SAY_H

/* Names the program for say(); set it first of all. NAME is kept. */
void say_program(const char *name);

/* Writes "NAME: " and one line. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes one line without the name. */
void say_plain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line of a terminal that is overwritten by the next; nothing where standard error is no terminal. An empty text
 * clears it. */
void say_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
