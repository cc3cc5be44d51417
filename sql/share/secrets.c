/* SPDX-License-Identifier: Apache-2.0
 *
 * secrets.c - see secrets.h. Names become hashes under a key that is thrown away. Of free texts, such as what an
 * allocator said when it failed, words go that were learnt from what is removed, and paths.
 */
#include "secrets.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "siphash.h"
#include "sql/base/error.h"
#include "sql/base/index.h"
#include "sql/symbols/owner.h"

#define REMOVED "removed"
/* Shorter words of names and command lines are words of everybody. */
#define WORD_LEAST_BYTES 5u

/* Of the messages of allocators and of this project, which are parsed: they are in everybody's recordings. */
static const char *const public_words[] = {
    "across",  "address", "allocate", "allocated", "allocation", "allocator", "banks",   "because",
    "block",   "blocks",  "buffer",   "buffers",   "bytes",      "circular",  "clash",   "clashes",
    "cores",   "count",   "dataflow", "device",    "error",      "events",    "failed",  "fatal",
    "kernel",  "largest", "layout",   "memory",    "needs",      "notes",     "offset",  "other",
    "program", "range",   "region",   "removed",   "reserved",   "segment",   "shard",   "shards",
    "sharded", "small",   "space",    "static",    "stats",      "system",    "tensor",  "thread",
    "total",   "trace",   "tried",    "unknown",   "which",      "while",     "without",
};

struct secrets {
	unsigned without;
	struct siphash_key key, word_key;
	uint64_t *words; /* their hashes, from 1 in the index */
	size_t word_count, word_capacity;
	struct index index;
	char *out;
	size_t out_bytes, out_capacity;
};

struct secrets *secrets_new(unsigned without, struct sql_error *error)
{
	struct secrets *secrets = memory_zeroed(sizeof(*secrets));

	secrets->without = without;
	if (getrandom(&secrets->key, sizeof(secrets->key), 0) == (ssize_t)sizeof(secrets->key) &&
	    getrandom(&secrets->word_key, sizeof(secrets->word_key), 0) == (ssize_t)sizeof(secrets->word_key))
		return secrets;
	sql_fail(error, "no random key can be had: %s", strerror(errno));
	secrets_free(secrets);
	return NULL;
}

void secrets_free(struct secrets *secrets)
{
	if (!secrets)
		return;
	explicit_bzero(&secrets->key, sizeof(secrets->key));
	free(secrets->words);
	index_free(&secrets->index);
	free(secrets->out);
	free(secrets);
}

/* ---- words ---- */

static bool is_word_byte(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || (byte & 0x80);
}

static bool has_letter(const char *word, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (!isdigit((unsigned char)word[i]))
			return true;
	return false;
}

static bool is_public(const char *word, size_t bytes)
{
	for (size_t i = 0; i < sizeof(public_words) / sizeof(*public_words); i++)
		if (strlen(public_words[i]) == bytes && strncasecmp(public_words[i], word, bytes) == 0)
			return true;
	return false;
}

static bool is_secret(const struct secrets *secrets, const char *word, size_t bytes)
{
	uint64_t hash = siphash(&secrets->word_key, word, bytes);

	INDEX_EACH_MATCH(&secrets->index, hash, at, ref)
	if (secrets->words[ref - 1] == hash)
		return true;
	return false;
}

static void learn_word(struct secrets *secrets, const char *word, size_t bytes)
{
	uint64_t hash = siphash(&secrets->word_key, word, bytes);

	if (is_secret(secrets, word, bytes))
		return;
	secrets->words =
	    memory_room(secrets->words, secrets->word_count, &secrets->word_capacity, sizeof(*secrets->words));
	secrets->words[secrets->word_count++] = hash;
	index_add(&secrets->index, hash, (uint32_t)secrets->word_count);
}

/* The end of what stands at AT: a word, or one byte that is of none. */
static const char *piece_end(const char *at, const char *end)
{
	if (!is_word_byte(*at))
		return at + 1;
	while (at < end && is_word_byte(*at))
		at++;
	return at;
}

void secrets_learn(struct secrets *secrets, enum rule rule, const char *text, size_t bytes)
{
	bool whole = rule == RULE_HOST || rule == RULE_CHIP || rule == RULE_USER; /* short words, too */
	const char *end = text + bytes, *next;
	bool blank = true;

	if (!(rule_secrets(rule) & secrets->without) || rule == RULE_PATH || rule == RULE_MODULE || rule == RULE_SOURCE)
		return;
	for (const char *at = text; at < end; at = next) {
		next = piece_end(at, end);
		if (rule == RULE_COMMAND && blank && *at == '-') { /* the name of an option */
			while (next < end && !isspace((unsigned char)*next) && *next != '=')
				next++;
			continue;
		}
		blank = isspace((unsigned char)*at);
		size_t length = (size_t)(next - at);
		if (is_word_byte(*at) && has_letter(at, length) &&
		    (whole || (length >= WORD_LEAST_BYTES && !is_public(at, length))))
			learn_word(secrets, at, length);
	}
}

/* ---- texts ---- */

static void put(struct secrets *secrets, const char *text, size_t bytes)
{
	if (secrets->out_bytes + bytes + 1 > secrets->out_capacity) {
		secrets->out_capacity = 2 * (secrets->out_bytes + bytes + 1);
		secrets->out = memory_or_die(realloc(secrets->out, secrets->out_capacity));
	}
	memcpy(secrets->out + secrets->out_bytes, text, bytes);
	secrets->out_bytes += bytes;
	secrets->out[secrets->out_bytes] = '\0';
}

static void put_text(struct secrets *secrets, const char *text)
{
	put(secrets, text, strlen(text));
}

static void put_hash(struct secrets *secrets, const char *text, size_t bytes, int digits)
{
	char hash[17];

	snprintf(hash, sizeof(hash), "%016" PRIx64, siphash(&secrets->key, text, bytes));
	put(secrets, hash, (size_t)digits);
}

/* a/b/c, each by itself, so that what lies below what can still be seen */
static void put_names(struct secrets *secrets, const char *text, size_t bytes)
{
	const char *end = text + bytes;

	for (const char *at = text; at < end;) {
		const char *slash = memchr(at, '/', (size_t)(end - at)), *stop = slash ? slash : end;

		if (stop > at)
			put_hash(secrets, at, (size_t)(stop - at), 16);
		if (slash)
			put_text(secrets, "/");
		at = slash ? slash + 1 : end;
	}
}

/* What of a path tells whose code it is stays, and which are the same. */
static void put_code_path(struct secrets *secrets, enum rule rule, const char *path, size_t bytes)
{
	const char *word = rule == RULE_MODULE ? owner_word_of_module(path) : owner_word_of_file(path);

	if (rule == RULE_MODULE && word)
		put_text(secrets, word);
	put_text(secrets, rule == RULE_MODULE && word ? "-" REMOVED : REMOVED);
	if (rule == RULE_SOURCE && word)
		put_text(secrets, word);
	if (!(rule == RULE_SOURCE && word && word[strlen(word) - 1] == '/'))
		put_text(secrets, "-");
	put_hash(secrets, path, bytes, 8);
}

static bool is_separator(char byte)
{
	return isspace((unsigned char)byte) || strchr("\"'`(){}[]<>,;=|&", byte);
}

/* Whether what ends at the next blank or bracket is a path. Names have slashes of their own: of those what begins with
 * one is. */
static bool is_path(const char *token, const char *end, enum rule rule)
{
	if (rule == RULE_NAME)
		return token < end && (*token == '/' || *token == '~') && end - token > 1;
	bool slash = false, letter = false;

	for (const char *at = token; at < end; at++) {
		slash = slash || *at == '/';
		letter = letter || isalpha((unsigned char)*at) || (*at & 0x80);
	}
	return slash && letter;
}

/* Goes over TEXT word by word. */
static void put_free(struct secrets *secrets, enum rule rule, const char *text, size_t bytes)
{
	const char *end = text + bytes, *next;
	bool begins = true;

	for (const char *at = text; at < end; at = next) {
		const char *stop = at;

		while (stop < end && !is_separator(*stop))
			stop++;
		if (begins && (secrets->without & SHARE_PATHS) && is_path(at, stop, rule)) {
			put_text(secrets, REMOVED);
			next = stop;
			continue;
		}
		next = piece_end(at, end);
		begins = is_separator(*at) || (rule == RULE_NAME && *at == '/');
		if (is_word_byte(*at) && is_secret(secrets, at, (size_t)(next - at)))
			put_text(secrets, REMOVED);
		else
			put(secrets, at, (size_t)(next - at));
	}
}

const char *secrets_text(struct secrets *secrets, enum rule rule, const char *text, size_t bytes, size_t *out_bytes)
{
	bool goes = bytes > 0 && (rule_secrets(rule) & secrets->without);

	secrets->out_bytes = 0;
	if (rule == RULE_KEEP)
		put(secrets, text, bytes);
	else if (!goes)
		put_free(secrets, rule, text, bytes);
	else if (rule == RULE_NAME || rule == RULE_THREAD)
		put_names(secrets, text, bytes);
	else if (rule == RULE_CHIP)
		put_hash(secrets, text, bytes, 16);
	else if (rule == RULE_MODULE || rule == RULE_SOURCE)
		put_code_path(secrets, rule, text, bytes);
	else
		put_text(secrets, REMOVED);
	put(secrets, "", 0);
	*out_bytes = secrets->out_bytes;
	return secrets->out;
}
