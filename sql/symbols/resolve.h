/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve.h - which functions an address of an ELF file lies in, and where in their source, as its symbol table and
 * debug information have it; also that which is installed apart (/usr/lib/debug). Never asks the network. Not
 * thread-safe.
 */
#ifndef SQL_RESOLVE_H
#define SQL_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#define PLACES_MAX 32
#define PLACE_TEXT_BYTES 1024

/* A function, and the line in it. Empty: not known; line 0: not known. */
struct place {
	char function[PLACE_TEXT_BYTES], file[PLACE_TEXT_BYTES];
	int64_t line;
};

struct resolver;

/* Reads the file behind FD (it is the resolver's from then on), which errors and debug links call PATH. NULL: it makes
 * no sense, or memory is short; FD is closed. */
struct resolver *resolver_open(int fd, const char *path);
void resolver_close(struct resolver *resolver);

/* Finds the functions at ADDRESS, innermost first: more than one where the compiler put one into another. Returns how
 * many there are in PLACES, which stays valid until the next call. */
size_t resolver_find(struct resolver *resolver, uint64_t address, const struct place **places);

#endif
