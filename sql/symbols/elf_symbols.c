/* SPDX-License-Identifier: Apache-2.0
 *
 * elf_symbols.c - see elf_symbols.h.
 */
#include "elf_symbols.h"

#include <stdbool.h>
#include <stdlib.h>

#include "sql/base/array.h"

struct elf_symbol {
	GElf_Addr address;
	GElf_Xword bytes; /* 0: up to the next */
	int index;
	bool local;
};

static bool is_code(const GElf_Sym *symbol)
{
	int type = GELF_ST_TYPE(symbol->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE) && symbol->st_shndx != SHN_UNDEF &&
	       symbol->st_shndx != SHN_ABS;
}

/* Of several at one address the first is taken: one with a size, one that others see. */
static int compare(const void *left, const void *right)
{
	const struct elf_symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (!a->bytes != !b->bytes)
		return !a->bytes - !b->bytes;
	return a->local != b->local ? a->local - b->local : (a->index > b->index) - (a->index < b->index);
}

/* Leaves one at each address. */
static void make_unique(struct elf_symbols *symbols)
{
	size_t kept = 0;

	for (size_t i = 0; i < symbols->count; i++)
		if (!kept || symbols->list[kept - 1].address != symbols->list[i].address)
			symbols->list[kept++] = symbols->list[i];
	symbols->count = kept;
}

void elf_symbols_read(struct elf_symbols *symbols, Dwfl_Module *module)
{
	int count = dwfl_module_getsymtab(module);

	for (int i = 1; i < count; i++) { /* the first is none */
		GElf_Sym symbol;
		GElf_Addr address;
		const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);

		if (!name || !*name || !is_code(&symbol))
			continue;
		if (array_reserve(&symbols->list, &symbols->capacity, symbols->count) < 0)
			break;
		symbols->list[symbols->count++] = (struct elf_symbol){
		    .address = address,
		    .bytes = symbol.st_size,
		    .index = i,
		    .local = GELF_ST_BIND(symbol.st_info) == STB_LOCAL,
		};
	}
	if (symbols->count)
		qsort(symbols->list, symbols->count, sizeof(*symbols->list), compare);
	make_unique(symbols);
}

void elf_symbols_free(struct elf_symbols *symbols)
{
	free(symbols->list);
	*symbols = (struct elf_symbols){0};
}

const char *elf_symbols_find(const struct elf_symbols *symbols, Dwfl_Module *module, GElf_Addr address)
{
	size_t low = 0, high = symbols->count;
	GElf_Sym symbol;

	while (low < high) { /* the first behind ADDRESS */
		size_t middle = (low + high) / 2;

		if (symbols->list[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	const struct elf_symbol *found = &symbols->list[low - 1];
	if (found->bytes ? address - found->address >= found->bytes : low == symbols->count)
		return NULL;
	return dwfl_module_getsym(module, found->index, &symbol, NULL);
}
