/* SPDX-License-Identifier: Apache-2.0
 *
 * elf_facts.c - see elf_facts.h. All is read by system call: it may be gone at any moment.
 */
#include "elf_facts.h"

#include <elf.h>
#include <string.h>

#include "hook/base/maps.h"

/* Finds the build id among the notes at ADDRESS. */
static void read_notes(struct tta_elf_buffer *buffer, uint64_t address, uint64_t bytes, struct tta_elf_facts *facts)
{
	uint8_t *notes = buffer->notes;
	uint64_t at = 0;

	if (bytes > sizeof(buffer->notes))
		bytes = sizeof(buffer->notes);
	if (!tta_memory_read(address, notes, bytes))
		return;
	while (at + sizeof(ElfW(Nhdr)) <= bytes) {
		ElfW(Nhdr) note;
		uint64_t name = at + sizeof(note), data, next;

		memcpy(&note, notes + at, sizeof(note));
		data = name + (note.n_namesz + 3ull) / 4 * 4;
		next = data + (note.n_descsz + 3ull) / 4 * 4;
		if (next > bytes)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(notes + name, "GNU", 4) == 0 &&
		    note.n_descsz <= sizeof(facts->build_id)) {
			facts->build_id_address = address + data;
			facts->build_id_bytes = note.n_descsz;
			memcpy(facts->build_id, notes + data, note.n_descsz);
			return;
		}
		at = next;
	}
}

bool tta_elf_read(struct tta_elf_buffer *buffer, uint64_t first_page, struct tta_elf_facts *facts)
{
	ElfW(Phdr) *headers = buffer->headers;
	ElfW(Ehdr) file;
	bool loaded = false;

	*facts = (struct tta_elf_facts){.bias = first_page};
	if (!tta_memory_read(first_page, &file, sizeof(file)) || memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 ||
	    file.e_phentsize != sizeof(headers[0]) || file.e_phnum > TTA_ELF_MOST_HEADERS ||
	    !tta_memory_read(first_page + file.e_phoff, headers, file.e_phnum * sizeof(headers[0])))
		return false;
	for (unsigned i = 0; i < file.e_phnum && !loaded; i++)
		if ((loaded = headers[i].p_type == PT_LOAD))
			facts->bias = first_page - ((headers[i].p_vaddr - headers[i].p_offset) & ~UINT64_C(4095));
	for (unsigned i = 0; i < file.e_phnum && !facts->build_id_bytes; i++)
		if (headers[i].p_type == PT_NOTE)
			read_notes(buffer, facts->bias + headers[i].p_vaddr, headers[i].p_filesz, facts);
	return true;
}

bool tta_elf_is_same(const struct tta_elf_facts *a, const struct tta_elf_facts *b)
{
	return a->bias == b->bias && a->build_id_bytes == b->build_id_bytes &&
	       memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0;
}

bool tta_elf_is_there(const struct tta_elf_facts *facts)
{
	uint8_t now[TTA_BUILD_ID_BYTES];

	return facts->build_id_bytes == 0 || (tta_memory_read(facts->build_id_address, now, facts->build_id_bytes) &&
	                                      memcmp(now, facts->build_id, facts->build_id_bytes) == 0);
}
