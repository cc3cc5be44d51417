/* SPDX-License-Identifier: Apache-2.0
 *
 * pin.h - keeps the code of the hook where it is. A plugin that the library was linked into statically may be unloaded,
 * while the flusher and the ends of threads still run in it. The shared library is linked so that it stays
 * (-z nodelete), and does without: dlopen() calls malloc, which may be what is recorded.
 */
#ifndef TTALLOC_HOOK_PIN_H
#define TTALLOC_HOOK_PIN_H

/* No dlclose() unloads the object that this is in any more. Done when it is loaded, if the environment asks for a
 * recording by then. */
void tta_pin(void);

#endif
