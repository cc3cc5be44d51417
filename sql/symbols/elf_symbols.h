/* SPDX-License-Identifier: Apache-2.0
 *
 * elf_symbols.h - the functions of a module's symbol table, by address. libdwfl's own look-up goes through the whole
 * table every time, which takes milliseconds in a large library. Not thread-safe.
 */
#ifndef SQL_ELF_SYMBOLS_H
#define SQL_ELF_SYMBOLS_H

#include <elfutils/libdwfl.h>
#include <stddef.h>

/* Zero-initialised it holds none. */
struct elf_symbols {
	struct elf_symbol *list; /* by address */
	size_t count, capacity;
};

/* Reads the table. What memory does not suffice for has no names. */
void elf_symbols_read(struct elf_symbols *symbols, Dwfl_Module *module);
void elf_symbols_free(struct elf_symbols *symbols);

/* The linker's name for the function that ADDRESS lies in, valid as long as MODULE; NULL: none is known. */
const char *elf_symbols_find(const struct elf_symbols *symbols, Dwfl_Module *module, GElf_Addr address);

#endif
