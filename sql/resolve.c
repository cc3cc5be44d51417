/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve.c - see resolve.h.
 */
#include "resolve.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demangle.h"
#include "elf_symbols.h"

#define NESTING_MAX 256 /* of scopes; a file may claim anything */

struct resolver {
	Dwfl *dwfl;
	Dwfl_Module *module;
	Dwarf_Die scopes[PLACES_MAX]; /* functions around an address, outermost first */
	size_t scope_count;
	struct place places[PLACES_MAX];
	struct elf_symbols symbols;
	bool symbols_read;
};

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

struct resolver *resolver_open(int fd, const char *path)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	unsetenv("DEBUGINFOD_URLS"); /* without it libdwfl asks no server */
	if (resolver)
		resolver->dwfl = dwfl_begin(&callbacks);
	if (resolver && resolver->dwfl)
		resolver->module = dwfl_report_elf(resolver->dwfl, path, path, fd, 0, true);
	if (resolver && resolver->module) {
		dwfl_report_end(resolver->dwfl, NULL, NULL);
		return resolver;
	}
	close(fd);
	resolver_close(resolver);
	return NULL;
}

void resolver_close(struct resolver *resolver)
{
	if (!resolver)
		return;
	elf_symbols_free(&resolver->symbols);
	if (resolver->dwfl)
		dwfl_end(resolver->dwfl);
	free(resolver);
}

static bool is_function(int tag)
{
	return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

/* Whether functions that hold PC may lie below DIE. */
static bool leads_to(Dwarf_Die *die, int tag, Dwarf_Addr pc)
{
	if (tag == DW_TAG_namespace || tag == DW_TAG_module)
		return true;
	return (is_function(tag) || tag == DW_TAG_lexical_block) && dwarf_haspc(die, pc) > 0;
}

/* Notes the functions around PC below PARENT. Returns whether there are any. */
static bool find_scopes(struct resolver *resolver, Dwarf_Die *parent, Dwarf_Addr pc, unsigned nesting)
{
	Dwarf_Die die;

	if (nesting == NESTING_MAX || resolver->scope_count == PLACES_MAX || dwarf_child(parent, &die) != 0)
		return false;
	do {
		int tag = dwarf_tag(&die);

		if (!leads_to(&die, tag, pc))
			continue;
		if (is_function(tag))
			resolver->scopes[resolver->scope_count++] = die;
		if (find_scopes(resolver, &die, pc, nesting + 1) || is_function(tag))
			return true;
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

static void copy(char *out, const char *text)
{
	snprintf(out, PLACE_TEXT_BYTES, "%s", text ? text : "");
}

/* What DIE is called by the linker, which says more than its own name; else that. */
static void name_scope(Dwarf_Die *die, char *out)
{
	static const unsigned attributes[] = {DW_AT_linkage_name, DW_AT_MIPS_linkage_name};
	Dwarf_Attribute attribute;

	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
		const char *name = NULL;

		if (dwarf_attr_integrate(die, attributes[i], &attribute))
			name = dwarf_formstring(&attribute);
		if (name) {
			demangle(name, out, PLACE_TEXT_BYTES);
			return;
		}
	}
	copy(out, dwarf_diename(die));
}

static Dwarf_Word number_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value = 0;

	return dwarf_attr(die, name, &attribute) && dwarf_formudata(&attribute, &value) == 0 ? value : 0;
}

/* Where SCOPE was called, had it not been put into its caller. */
static void place_call(Dwarf_Die *unit, Dwarf_Die *scope, struct place *place)
{
	Dwarf_Files *files;
	size_t count;
	Dwarf_Word file = number_of(scope, DW_AT_call_file);

	if (dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count)
		copy(place->file, dwarf_filesrc(files, file, NULL, NULL));
	place->line = (int64_t)number_of(scope, DW_AT_call_line);
}

static void place_line(struct resolver *resolver, Dwarf_Addr address, struct place *place)
{
	Dwfl_Line *line = dwfl_module_getsrc(resolver->module, address);
	int number = 0;

	if (!line)
		return;
	copy(place->file, dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL));
	place->line = number;
}

/* By the symbol table, for what debug information does not know. */
static void name_symbol(struct resolver *resolver, Dwarf_Addr address, struct place *place)
{
	const char *name;

	if (!resolver->symbols_read)
		elf_symbols_read(&resolver->symbols, resolver->module);
	resolver->symbols_read = true;
	name = elf_symbols_find(&resolver->symbols, resolver->module, address);
	if (name && *name)
		demangle(name, place->function, PLACE_TEXT_BYTES);
}

size_t resolver_find(struct resolver *resolver, uint64_t address, const struct place **places)
{
	Dwarf_Addr bias = 0;
	Dwarf_Die *unit = dwfl_module_addrdie(resolver->module, address, &bias);
	size_t count;

	resolver->scope_count = 0;
	if (unit)
		find_scopes(resolver, unit, address - bias, 0);
	count = resolver->scope_count ? resolver->scope_count : 1;
	memset(resolver->places, 0, count * sizeof(*resolver->places));
	place_line(resolver, address, &resolver->places[0]);
	for (size_t i = 0; i < resolver->scope_count; i++) {
		Dwarf_Die *scope = &resolver->scopes[count - 1 - i];

		name_scope(scope, resolver->places[i].function);
		if (i + 1 < count)
			place_call(unit, scope, &resolver->places[i + 1]);
	}
	if (!resolver->places[count - 1].function[0])
		name_symbol(resolver, address, &resolver->places[count - 1]);
	*places = resolver->places;
	return count;
}
