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
#include "die_index.h"

#define NESTING_MAX 256 /* of scopes; a file may claim anything */

struct resolver {
	Dwfl *dwfl;
	Dwfl_Module *module;
	Dwarf_Die scopes[PLACES_MAX]; /* functions around an address, outermost first */
	size_t scope_count;
	struct place places[PLACES_MAX];
	struct elf_symbols symbols;
	struct die_index units;
	struct die_index functions; /* those of the unit at functions_of, not within others */
	void *functions_of;
	bool symbols_read, units_read;
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
	die_index_free(&resolver->units);
	die_index_free(&resolver->functions);
	if (resolver->dwfl)
		dwfl_end(resolver->dwfl);
	free(resolver);
}

/* Adds the functions below PARENT to the index. */
static void add_functions(struct resolver *resolver, Dwarf_Die *parent, unsigned nesting)
{
	Dwarf_Die die;

	if (nesting == NESTING_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_subprogram)
			die_index_add(&resolver->functions, &die);
		else if (tag == DW_TAG_namespace || tag == DW_TAG_module)
			add_functions(resolver, &die, nesting + 1);
	} while (dwarf_siblingof(&die, &die) == 0);
}

/* Frames come in the order of their addresses, so that a unit is seldom read twice. */
static Dwarf_Die *find_function(struct resolver *resolver, Dwarf_Die *unit, Dwarf_Addr pc)
{
	if (resolver->functions_of != unit->addr) {
		die_index_clear(&resolver->functions);
		add_functions(resolver, unit, 0);
		die_index_sort(&resolver->functions);
		resolver->functions_of = unit->addr;
	}
	return die_index_find(&resolver->functions, pc);
}

/* Notes SCOPE, and the functions around PC that were put into it. */
static void find_scopes(struct resolver *resolver, Dwarf_Die *scope, Dwarf_Addr pc, unsigned nesting)
{
	Dwarf_Die die;

	if (nesting == NESTING_MAX || resolver->scope_count == PLACES_MAX)
		return;
	if (dwarf_tag(scope) != DW_TAG_lexical_block)
		resolver->scopes[resolver->scope_count++] = *scope;
	if (dwarf_child(scope, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);

		if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) && dwarf_haspc(&die, pc) > 0) {
			find_scopes(resolver, &die, pc, nesting + 1);
			return;
		}
	} while (dwarf_siblingof(&die, &die) == 0);
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

static void place_line(Dwarf_Die *unit, Dwarf_Addr pc, struct place *place)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, pc);
	int number = 0;

	if (!line || dwarf_lineno(line, &number) != 0)
		return;
	copy(place->file, dwarf_linesrc(line, NULL, NULL));
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

static void read_units(struct resolver *resolver, Dwarf *dwarf)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;

	while (dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0)
		if (dwarf_tag(&die) == DW_TAG_compile_unit)
			die_index_add(&resolver->units, &die);
	die_index_sort(&resolver->units);
}

/* The unit that ADDRESS belongs to, and in PC the address as that has it. NULL: none. */
static Dwarf_Die *find_unit(struct resolver *resolver, Dwarf_Addr address, Dwarf_Addr *pc)
{
	Dwarf_Addr bias = 0;
	Dwarf *dwarf = dwfl_module_getdwarf(resolver->module, &bias);

	if (dwarf && !resolver->units_read)
		read_units(resolver, dwarf);
	resolver->units_read = true;
	*pc = address - bias;
	return die_index_find(&resolver->units, *pc);
}

size_t resolver_find(struct resolver *resolver, uint64_t address, const struct place **places)
{
	Dwarf_Addr pc;
	Dwarf_Die *unit = find_unit(resolver, address, &pc);
	size_t count;

	Dwarf_Die *function = unit ? find_function(resolver, unit, pc) : NULL;

	resolver->scope_count = 0;
	if (function)
		find_scopes(resolver, function, pc, 0);
	count = resolver->scope_count ? resolver->scope_count : 1;
	memset(resolver->places, 0, count * sizeof(*resolver->places));
	if (unit)
		place_line(unit, pc, &resolver->places[0]);
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
