/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash.h - SipHash-2-4 (Aumasson, Bernstein: SipHash, a fast short-input PRF): without the key, nobody can tell
 * which text a hash is of, not even by trying.
 */
#ifndef SQL_SHARE_SIPHASH_H
#define SQL_SHARE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t words[2];
};

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t count);

#endif
