/* SPDX-License-Identifier: Apache-2.0
 *
 * chip.h - what names a chip wherever it is used. A process counts the chips that it sees from 0.
 */
#ifndef TTALLOC_TT_METAL_CHIP_H
#define TTALLOC_TT_METAL_CHIP_H

#include <stdint.h>

#define TT_CHIP_NAME_MAX 24

/* The name of the chip that this process knows as NUMBER; NULL: not known. */
const char *tt_chip_name(uint32_t number, char text[static TT_CHIP_NAME_MAX]);

/* The same of the one chip that this process uses, where TT-Metal exports nothing. NULL: not known, or not one. */
const char *tt_chip_of_only(char text[static TT_CHIP_NAME_MAX]);

/* Tells the recorder which chip NUMBER is, if that is known, before anything else of it is reported. Two loads after
 * the first time. */
void tt_chip_introduce(uint32_t number);

#endif
