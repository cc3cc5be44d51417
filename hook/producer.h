/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.h - for preloads, which report through this library: says who reports. Exported, but no public API.
 */
#ifndef TTALLOC_HOOK_PRODUCER_H
#define TTALLOC_HOOK_PRODUCER_H

/* To be called before the first event. The first name stays; 15 bytes of it are kept. */
void ttalloc_name_producer(const char *name);

#endif
