/* SPDX-License-Identifier: Apache-2.0
 *
 * python_frames.h - the Python functions that the calling thread is in, read from the interpreter's own chain of
 * frames: no call into it that could run code, allocate or wait, and no need for its lock, since a thread that is in a
 * call out of Python does not change its chain, and each frame keeps its code.
 */
#ifndef TTALLOC_HOOK_PYTHON_FRAMES_H
#define TTALLOC_HOOK_PYTHON_FRAMES_H

#include <stdint.h>

/* Writes at most ROOM values of a stack's entry (TTA_FRAME_CODE), innermost first. Returns how many: 0 where no Python
 * is running on this thread, or one whose layout is not known, which is said once. The context must be ready. */
uint32_t tta_python_frames(uint64_t *frames, uint32_t room);

#endif
