/* SPDX-License-Identifier: Apache-2.0
 *
 * module_file.h - the file that a recorded module's symbols can be read from. The path comes from the recording, which
 * may be somebody else's: a file is only used when it carries the build id that was recorded.
 */
#ifndef SQL_MODULE_FILE_H
#define SQL_MODULE_FILE_H

#include <stddef.h>

#define MODULE_WHY_BYTES 160

/* Opens the file at PATH, or the one that is installed for BUILD_ID (hexadecimal) as debug information. The descriptor,
 * or -1 with WHY saying why there is none. */
int module_file_open(const char *path, const char *build_id, char why[static MODULE_WHY_BYTES]);

#endif
