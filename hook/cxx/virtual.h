/* SPDX-License-Identifier: Apache-2.0
 *
 * virtual.h - the virtual functions of a C++ class in a loaded object that exports nothing of it, found by what C++
 * itself needs at run time: the class's name is in the object, its type information points to the name, and its table
 * of virtual functions to that.
 */
#ifndef TTALLOC_CXX_VIRTUAL_H
#define TTALLOC_CXX_VIRTUAL_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>

typedef void tt_virtual_function(void); /* of whatever type it is */

struct tt_virtual {
	tt_virtual_function **slots; /* what an object of the class begins with points here */
	size_t count;
};

/* Finds the table of CLASS, the mangled name as type information has it, in OBJECT, whose relocations are done. False:
 * it has none, or more than one. Reads all of the object's constants. */
bool tt_virtual_find(const struct dl_phdr_info *object, const char *class_name, struct tt_virtual *found);

/* Puts FUNCTION into *SLOT, which is write-protected. False: that cannot be done. */
bool tt_virtual_replace(tt_virtual_function **slot, tt_virtual_function *function);

#endif
