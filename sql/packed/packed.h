/* SPDX-License-Identifier: Apache-2.0
 *
 * packed.h - a file in the shared form (format.h): reading any part of its database, and writing one.
 */
#ifndef SQL_PACKED_H
#define SQL_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/base/sql.h"

/* ---- reading ---- */

struct packed;

/* Reads the header and the index of FILE, which is PATH and stays the caller's. NULL with ERROR filled. */
struct packed *packed_open(int file, const char *path, struct sql_error *error);
void packed_close(struct packed *packed);

uint64_t packed_bytes(const struct packed *packed); /* of the database */

/* Reads COUNT bytes of the database at OFFSET. 0; -1: there are not as many, or they are damaged, or no memory. Not
 * thread-safe. Memory is bounded: a few groups are kept. */
int packed_read(struct packed *packed, void *out, size_t count, uint64_t offset);

/* What SQLite reads such a file with: SQLITE_OPEN_READONLY, immutable=1. NULL: it cannot be had. */
const char *packed_vfs(void);

/* ---- writing ---- */

/* Writes the database in FROM to OUT, which is empty. 0, or -1 with ERROR, which names PATH. */
int packed_write(int from, int out, const char *path, struct sql_error *error);

#endif
