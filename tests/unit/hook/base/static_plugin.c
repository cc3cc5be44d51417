/* SPDX-License-Identifier: Apache-2.0
 *
 * static_plugin.c - a plugin that libttalloc.a was linked into, for test_pin.c.
 */
#include <ttalloc.h>

void plugin_report(uint64_t address);

void plugin_report(uint64_t address)
{
	ttalloc_alloc(&(struct ttalloc_block){.address = address, .size_bytes = 1});
}
