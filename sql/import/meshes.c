/* SPDX-License-Identifier: Apache-2.0
 *
 * meshes.c - see meshes.h.
 */
#include "meshes.h"

#include <stdlib.h>

#include "sql/base/memory.h"
#include "ttalloc.h"

void meshes_add(struct meshes *meshes, sqlite3_stmt *row)
{
	int64_t mesh = sqlite3_column_int64(row, 0), device = sqlite3_column_int64(row, 1);

	if (sqlite3_column_type(row, 1) != SQLITE_INTEGER || device < 0 || device >= TTALLOC_ANY ||
	    meshes->count == TTALLOC_ANY)
		return;
	for (size_t i = 0; i < meshes->count; i++)
		if (meshes->members[i].mesh == mesh && meshes->members[i].device == device)
			return;
	meshes->members = memory_append(meshes->members, meshes->count, sizeof(*meshes->members));
	meshes->members[meshes->count++] = (struct mesh_member){.mesh = mesh, .device = (uint32_t)device};
}

void meshes_clear(struct meshes *meshes)
{
	free(meshes->members);
	*meshes = (struct meshes){0};
}

bool meshes_device(const struct meshes *meshes, int64_t mesh, size_t number, uint32_t *device)
{
	size_t found = 0;

	for (size_t i = 0; i < meshes->count; i++)
		if (meshes->members[i].mesh == mesh && found++ == number) {
			*device = meshes->members[i].device;
			return true;
		}
	*device = (uint32_t)mesh & 0xffff;
	return found == 0 && number == 0 && *device != TTALLOC_ANY;
}
