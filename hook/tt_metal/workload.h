/* SPDX-License-Identifier: Apache-2.0
 *
 * workload.h - the programs of a workload, each for a part of a mesh.
 */
#ifndef TTALLOC_TT_METAL_WORKLOAD_H
#define TTALLOC_TT_METAL_WORKLOAD_H

#include "device.h"

/* Leaves in CHIPS, those of MESH, the ones that PROGRAM is for, when it is one of a workload's for a part of the mesh.
 */
void tt_workload_narrow(const struct tt_library *library, const void *program, const void *mesh,
                        struct tt_chips *chips);

#endif
