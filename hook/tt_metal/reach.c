/* SPDX-License-Identifier: Apache-2.0
 *
 * reach.c - tells when libtt_metal's calls cannot reach the preload: link-time optimisation has inlined them,
 * or -Bsymbolic has bound them inside the library. Then there is no relocation for the function, which is visible in
 * the library's dynamic section without waiting for a call that never comes.
 */
#include "reach.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "free_list.h"
#include "say.h"
#include "upstream.h"

struct dynamic {
	const ElfW(Sym) * symbols;
	const char *names;
	const ElfW(Rela) * relocations[2]; /* those of data, those of calls */
	size_t counts[2];
};

struct search {
	const char *path;    /* the one object to look at; NULL: every libtt_metal */
	const char *name;    /* the function */
	const char *blocked; /* found: one whose calls of it do not reach us */
};

/* The C library has turned the addresses of a loaded object's dynamic section into pointers. */
static struct dynamic read_dynamic(const ElfW(Dyn) * entry)
{
	struct dynamic dynamic = {0};

	for (; entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_SYMTAB)
			dynamic.symbols = (const void *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_STRTAB)
			dynamic.names = (const void *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_RELA)
			dynamic.relocations[0] = (const void *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_RELASZ)
			dynamic.counts[0] = entry->d_un.d_val / sizeof(ElfW(Rela));
		else if (entry->d_tag == DT_JMPREL)
			dynamic.relocations[1] = (const void *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_PLTRELSZ)
			dynamic.counts[1] = entry->d_un.d_val / sizeof(ElfW(Rela));
	}
	return dynamic;
}

static bool has_relocation(const struct dynamic *dynamic, const char *name)
{
	if (!dynamic->symbols || !dynamic->names)
		return true;
	for (int table = 0; table < 2; table++) {
		for (size_t i = 0; dynamic->relocations[table] && i < dynamic->counts[table]; i++) {
			size_t symbol = ELF64_R_SYM(dynamic->relocations[table][i].r_info);

			if (symbol && strcmp(dynamic->names + dynamic->symbols[symbol].st_name, name) == 0)
				return true;
		}
	}
	return false;
}

static const ElfW(Dyn) * dynamic_section(const struct dl_phdr_info *info)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	}
	return NULL;
}

static bool is_libtt_metal(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strncmp(slash ? slash + 1 : path, "libtt_metal.so", 14) == 0;
}

bool tt_reach_reaches(const struct dl_phdr_info *object)
{
	const ElfW(Dyn) *section = dynamic_section(object);
	struct dynamic dynamic = section ? read_dynamic(section) : (struct dynamic){0};

	return dynamic.symbols && has_relocation(&dynamic, TT_TRACK_ALLOCATE);
}

static int look_at(struct dl_phdr_info *info, size_t size, void *context)
{
	struct search *search = context;
	const ElfW(Dyn) *section = dynamic_section(info);
	struct dynamic dynamic;

	(void)size;
	if (!section || !info->dlpi_name ||
	    (search->path ? strcmp(search->path, info->dlpi_name) != 0 : !is_libtt_metal(info->dlpi_name)))
		return 0;
	dynamic = read_dynamic(section);
	if (has_relocation(&dynamic, search->name))
		return 0;
	search->blocked = info->dlpi_name;
	return 1;
}

static bool defines(const char *path, const char *name)
{
	void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
	bool found = handle && dlsym(handle, name);

	if (handle)
		dlclose(handle);
	return found;
}

/* The object PATH, or any libtt_metal, that calls NAME past us; NULL: none. */
static const char *blocked(const char *path, const char *name)
{
	struct search search = {.path = path, .name = name};

	dl_iterate_phdr(look_at, &search);
	return search.blocked;
}

static void check_buffers(const char *path)
{
	const char *found = blocked(path, TT_TRACK_ALLOCATE);

	if (!found || tt_free_lists_report(found))
		return;
	if (defines(found, TT_TRACK_ALLOCATE))
		tt_say_once(
		    "%s calls its GraphTracker past the dynamic linker (LTO, -Bsymbolic): its buffers cannot be "
		    "recorded without patching it",
		    found);
	else
		tt_say_once("%s has no GraphTracker::track_allocate of a known form: its buffers are not recorded",
		            found);
}

/* Older versions have no such functions. */
static void check_programs(const char *path)
{
	static const char *const names[] = {TT_ALLOCATE_DATAFLOW_BUFFERS, TT_ALLOCATE_SCRATCHPADS};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *found = blocked(path, names[i]);

		if (found && defines(found, names[i]))
			tt_say_once(
			    "%s places dataflow buffers or scratchpads past the dynamic linker: they are not recorded",
			    found);
	}
}

void tt_reach_check(const char *path)
{
	if (!tt_recording(TT_SHARE_BUFFERS))
		return;
	check_buffers(path);
	check_programs(path);
}

/* A library whose calls do not reach us at all gives no other occasion than the process's end. Programs without
 * libtt_metal are not even asked whether they are recorded. */
__attribute__((destructor)) static void check_at_exit(void)
{
	if (ttalloc_tt_metal_count(TT_COUNT_SERVED) && !ttalloc_tt_metal_count(TT_COUNT_PLACED) &&
	    !ttalloc_tt_metal_count(TT_COUNT_REFUSED))
		tt_say_once("libtt_metal allocated buffers, but its GraphTracker was never called: not recorded");
	else if (!ttalloc_tt_metal_count(TT_COUNT_PLACED))
		tt_reach_check(NULL);
}
