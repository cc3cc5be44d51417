/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash.c - see siphash.h.
 */
#include "siphash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotated(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static void mix(struct state *s, int rounds)
{
	while (rounds-- > 0) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotated(s->v1, 13) ^ s->v0;
		s->v3 = rotated(s->v3, 16) ^ s->v2;
		s->v0 = rotated(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotated(s->v1, 17) ^ s->v2;
		s->v3 = rotated(s->v3, 21) ^ s->v0;
		s->v2 = rotated(s->v2, 32);
	}
}

static void take(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	mix(s, 2);
	s->v0 ^= word;
}

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t count)
{
	struct state s = {key->words[0] ^ 0x736f6d6570736575u, key->words[1] ^ 0x646f72616e646f6du,
	                  key->words[0] ^ 0x6c7967656e657261u, key->words[1] ^ 0x7465646279746573u};
	const uint8_t *at = bytes;
	uint64_t word, last = (uint64_t)count << 56;

	for (size_t left = count; left >= 8; left -= 8, at += 8) {
		memcpy(&word, at, 8);
		take(&s, le64toh(word));
	}
	for (size_t i = 0; i < count % 8; i++)
		last |= (uint64_t)at[i] << (8 * i);
	take(&s, last);
	s.v2 ^= 0xff;
	mix(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
