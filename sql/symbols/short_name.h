/* SPDX-License-Identifier: Apache-2.0
 *
 * short_name.h - what people call a C++ function: without parameters, template arguments and the type that it returns.
 */
#ifndef SQL_SHORT_NAME_H
#define SQL_SHORT_NAME_H

/* Shortens NAME in place: "void n::C<int>::f<long>(long) const" becomes "n::C::f". Names without parameters stay. */
void short_name(char *name);

#endif
