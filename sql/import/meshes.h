/* SPDX-License-Identifier: Apache-2.0
 *
 * meshes.h - which chips lie behind the number of a mesh, by which ttnn names where a buffer is.
 *
 * Without memory the program ends.
 */
#ifndef SQL_MESHES_H
#define SQL_MESHES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mesh_member {
	int64_t mesh;
	uint32_t device;
};

struct meshes {
	struct mesh_member *members;
	size_t count;
};

/* Takes the row of a query of pairs: mesh, device. */
void meshes_add(struct meshes *meshes, sqlite3_stmt *row);
void meshes_clear(struct meshes *meshes);

/* Device number I of MESH; false: it has no more. A mesh of which nothing is known is a chip of that number. */
bool meshes_device(const struct meshes *meshes, int64_t mesh, size_t number, uint32_t *device);

/* SQL that yields such pairs out of NODES, the JSON of a graph capture: tensors tell them. */
#define MESHES_TENSORS "json_extract(n.value, '$.params.device_tensors')"
#define MESHES_SELECT "SELECT DISTINCT json_extract(d.value, '$.mesh_device_id'), json_extract(d.value, '$.device_id')"
#define MESHES_FROM(nodes)                                                                                             \
	" json_each(" nodes ") n, json_each(iif(json_valid(" MESHES_TENSORS "), " MESHES_TENSORS ", '[]')) d"          \
	" WHERE n.type = 'object' AND json_extract(n.value, '$.node_type') = 'tensor' AND d.type = 'object' "

#endif
