/* SPDX-License-Identifier: Apache-2.0
 *
 * sql.h - what all of sql/ shares. Only this folder includes <sqlite3.h>.
 */
#ifndef SQL_SQL_H
#define SQL_SQL_H

#include <stdint.h>

#define SQL_APPLICATION_ID 0x7474616c

struct sql_error {
	char text[640]; /* names the file, what is wrong, and the remedy; one line, safe for a terminal */
};

#endif
