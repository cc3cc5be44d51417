/* SPDX-License-Identifier: Apache-2.0
 *
 * elf_facts.h - what the headers of a library say that is mapped, and whether it is still the same.
 */
#ifndef TTALLOC_HOOK_ELF_FACTS_H
#define TTALLOC_HOOK_ELF_FACTS_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

#define TTA_BUILD_ID_BYTES 64u
#define TTA_ELF_MOST_HEADERS 64u
#define TTA_ELF_NOTE_BYTES 1024u

struct tta_elf_facts {
	uint64_t bias;
	uint64_t build_id_address;
	uint32_t build_id_bytes; /* 0: it has none */
	uint8_t build_id[TTA_BUILD_ID_BYTES];
};

/* What is read goes here: not on the stack, which may be a small one of a signal handler. */
struct tta_elf_buffer {
	ElfW(Phdr) headers[TTA_ELF_MOST_HEADERS];
	uint8_t notes[TTA_ELF_NOTE_BYTES];
};

/* Reads the headers of the file that is mapped with its first page at FIRST_PAGE. False: it is no ELF file. */
bool tta_elf_read(struct tta_elf_buffer *buffer, uint64_t first_page, struct tta_elf_facts *facts);

bool tta_elf_is_same(const struct tta_elf_facts *a, const struct tta_elf_facts *b);

/* Whether the build id is where it was; true for those that have none. */
bool tta_elf_is_there(const struct tta_elf_facts *facts);

#endif
