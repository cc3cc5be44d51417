/* SPDX-License-Identifier: Apache-2.0
 *
 * gate.h - see gate.c.
 */
#ifndef TTALLOC_HOOK_GATE_H
#define TTALLOC_HOOK_GATE_H

/* Ends recording in this process, and in children that it forks from now on. */
void tta_gate_shut(void);

#endif
