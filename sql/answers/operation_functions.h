/* SPDX-License-Identifier: Apache-2.0
 *
 * operation_functions.h - registering the SQL functions about operations and tensors.
 */
#ifndef SQL_OPERATION_FUNCTIONS_H
#define SQL_OPERATION_FUNCTIONS_H

struct recording;

/* An SQLite code. RECORDING must outlive its statements. */
int operation_functions_register(struct recording *recording);

#endif
