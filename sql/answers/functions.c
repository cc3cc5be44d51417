/* SPDX-License-Identifier: Apache-2.0
 *
 * functions.c - see functions.h.
 */
#include "functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attribution.h"
#include "operation_functions.h"
#include "sql/store/recording.h"
#include "sql/symbols/stack_text.h"
#include "sql/base/units.h"
#include "ttalloc/vocabulary.h"

static const char *text_of(sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);

	return text ? text : "";
}

static void result_word(sqlite3_context *context, const char *word, sqlite3_value *value)
{
	if (sqlite3_value_type(value) == SQLITE_NULL)
		sqlite3_result_null(context);
	else if (word)
		sqlite3_result_text(context, word, -1, SQLITE_STATIC);
	else
		sqlite3_result_text(context, text_of(value), -1, SQLITE_TRANSIENT);
}

static void region_word_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	result_word(context, region_word(sqlite3_value_int64(values[0])), values[0]);
}

static void region_number_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	if (sqlite3_value_type(values[0]) == SQLITE_NULL)
		return;
	sqlite3_result_int64(context, region_number(text_of(values[0]), NULL));
}

static void class_word_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	int64_t number = sqlite3_value_int64(values[0]);

	(void)count;
	result_word(context, number >= 0 && number <= UINT8_MAX ? tta_class_word((uint32_t)number) : NULL, values[0]);
}

/* Whether a block that its program did not free, which ENDED, is kept by the runtime for programs in its cache. */
static bool is_cached(int64_t region, int64_t flags, int64_t size_bytes, int64_t bank_bytes, const char *ended)
{
	enum {
		WORD_BYTES = 4,
		CORES_MAX = 1024,
		UNIT_BYTES_MAX = 64
	}; /* of a semaphore: a word on each of its cores */

	if (region == TTALLOC_CB)
		return true;
	if (!ended || strcmp(ended, "device close") != 0)
		return false;
	if (region == TTALLOC_L1_SMALL) /* nobody else is given any: configuration tensors, semaphores */
		return true;
	return region == TTALLOC_L1 && flags & TTALLOC_SHARDED && size_bytes % WORD_BYTES == 0 &&
	       size_bytes <= WORD_BYTES * CORES_MAX && bank_bytes <= UNIT_BYTES_MAX;
}

static void block_owner_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	int64_t class = sqlite3_value_int64(values[0]);
	const char *ended = (const char *)sqlite3_value_text(values[5]), *owner = "program";

	(void)count;
	if (class == TTA_CLASS_KERNEL_BINARY || class == TTA_CLASS_KERNEL || class == TTA_CLASS_TRACE ||
	    is_cached(sqlite3_value_int64(values[1]), sqlite3_value_int64(values[2]), sqlite3_value_int64(values[3]),
	              sqlite3_value_int64(values[4]), ended))
		owner = "runtime";
	else if (!ended)
		owner = "live program";
	sqlite3_result_text(context, owner, -1, SQLITE_STATIC);
}

/* A label with every number in it as one *: what layers, steps and requests have in common. */
static void label_pattern_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *text = (const char *)sqlite3_value_text(values[0]);
	size_t bytes = (size_t)sqlite3_value_bytes(values[0]), kept = 0;
	char *pattern = text ? sqlite3_malloc64(bytes + 1) : NULL;

	(void)count;
	for (size_t i = 0; pattern && i < bytes; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (!digit)
			pattern[kept++] = text[i];
		else if (i == 0 || text[i - 1] < '0' || text[i - 1] > '9')
			pattern[kept++] = '*';
	}
	if (pattern)
		sqlite3_result_text(context, pattern, (int)kept, sqlite3_free);
}

static void human_bytes_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	char text[UNITS_TEXT_MAX];

	(void)count;
	if (sqlite3_value_type(values[0]) == SQLITE_NULL)
		return;
	units_bytes_in_words(text, sqlite3_value_int64(values[0]), 2, 1024);
	sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

/* "5%" of the bytes, or "10M". */
static const char *parse_allowance(const char *text, int64_t bytes, double *allowed)
{
	char number[32];
	size_t length = text ? strlen(text) : 0;
	const char *wrong;
	int64_t size = 0;

	if (length == 0 || length >= sizeof(number))
		return "is neither a share nor a size";
	if (text[length - 1] != '%') {
		wrong = parse_size(text, &size);
		*allowed = (double)size;
		return wrong ? wrong : size < 0 ? "is negative" : NULL;
	}
	memcpy(number, text, length - 1);
	number[length - 1] = '\0';
	wrong = parse_real(number, allowed);
	*allowed *= (double)bytes / 100;
	return wrong ? wrong : number[0] == '-' ? "is negative" : NULL;
}

static void allowance_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	double allowed;

	(void)count;
	if (!parse_allowance((const char *)sqlite3_value_text(values[0]), sqlite3_value_int64(values[1]), &allowed))
		sqlite3_result_double(context, allowed);
}

static void moment_ns_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *text = (const char *)sqlite3_value_text(values[0]);
	struct moment moment;

	(void)count;
	if (text && !parse_moment(text, &moment))
		sqlite3_result_int64(context, moment_ns(&moment, sqlite3_value_int64(values[1])));
}

int functions_register(struct recording *recording)
{
	sqlite3 *db = recording->db;

	static const struct {
		const char *name;
		int arguments;
		void (*function)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = {
	    {"region_word", 1, region_word_sql}, {"region_number", 1, region_number_sql},
	    {"class_word", 1, class_word_sql},   {"human_bytes", 1, human_bytes_sql},
	    {"block_owner", 6, block_owner_sql}, {"label_pattern", 1, label_pattern_sql},
	    {"allowance", 2, allowance_sql},     {"moment_ns", 2, moment_ns_sql},
	};
	int code = SQLITE_OK;

	for (size_t i = 0; code == SQLITE_OK && i < sizeof(functions) / sizeof(*functions); i++)
		code = sqlite3_create_function_v2(db, functions[i].name, functions[i].arguments,
		                                  SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
		                                  functions[i].function, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = attribution_register(recording);
	if (code == SQLITE_OK)
		code = operation_functions_register(recording);
	return code == SQLITE_OK ? stack_text_register(db) : code;
}
