/* SPDX-License-Identifier: Apache-2.0
 *
 * reach.h - tells when libtt_metal's calls cannot reach the preload.
 */
#ifndef TTALLOC_TT_METAL_REACH_H
#define TTALLOC_TT_METAL_REACH_H

#include <link.h>
#include <stdbool.h>

/* Says so once on stderr when the loaded object PATH calls its GraphTracker past the dynamic linker. */
void tt_reach_check(const char *path);

/* Whether calls of OBJECT, whose relocations are done, reach the preload. */
bool tt_reach_reaches(const struct dl_phdr_info *object);

#endif
