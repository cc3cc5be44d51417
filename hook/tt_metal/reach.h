/* SPDX-License-Identifier: Apache-2.0
 *
 * reach.h - tells when libtt_metal's calls cannot reach the preload.
 */
#ifndef TTALLOC_TT_METAL_REACH_H
#define TTALLOC_TT_METAL_REACH_H

/* Says so once on stderr when the loaded object PATH calls its GraphTracker past the dynamic linker. */
void tt_reach_check(const char *path);

#endif
