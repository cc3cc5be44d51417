/* SPDX-License-Identifier: Apache-2.0
 *
 * test_secrets.c - every text of the schema has a rule, and texts lose what is to go, and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "sql/share/secrets.h"
#include "sql/share/siphash.h"
#include "sql/store/embedded.h"

static void test_every_text_has_a_rule(void **state)
{
	sqlite3_stmt *columns;
	sqlite3 *db;
	bool known;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (int version = 0; version < SQL_SCHEMA_VERSION; version++)
		assert_int_equal(sqlite3_exec(db, sql_schemas[version], NULL, NULL, NULL), SQLITE_OK);
	sqlite3_prepare_v2(
	    db,
	    "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.type = 'table' "
	    "AND c.type NOT IN ('INTEGER', 'REAL', 'BLOB')",
	    -1, &columns, NULL);
	while (sqlite3_step(columns) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(columns, 0);
		const char *column = (const char *)sqlite3_column_text(columns, 1);

		rule_of(table, column, &known);
		if (!known)
			fail_msg("%s.%s: sql/share/rules.c does not say what it tells", table, column);
	}
	sqlite3_finalize(columns);
	sqlite3_close(db);
}

static struct secrets *made(unsigned without)
{
	struct sql_error error;
	struct secrets *secrets = secrets_new(without, &error);

	assert_non_null(secrets);
	return secrets;
}

static const char *text_of(struct secrets *secrets, enum rule rule, const char *text)
{
	size_t bytes;

	return secrets_text(secrets, rule, text, strlen(text), &bytes);
}

static void learn(struct secrets *secrets, enum rule rule, const char *text)
{
	secrets_learn(secrets, rule, text, strlen(text));
}

static void test_nothing_goes_by_itself(void **state)
{
	static const char *const texts[] = {"Out of Memory: no space for a L1 buffer of 64 B across 56 banks", "a/b",
	                                    "/x", ""};
	struct secrets *secrets = made(0);

	(void)state;
	learn(secrets, RULE_USER, "space");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (enum rule rule = RULE_FREE; rule <= RULE_THREAD; rule++)
			assert_string_equal(text_of(secrets, rule, texts[i]), texts[i]);
	secrets_free(secrets);
}

static void test_words_go_from_free_texts(void **state)
{
	struct secrets *secrets = made(SHARE_ALL);

	(void)state;
	learn(secrets, RULE_HOST, "node7.corp");
	learn(secrets, RULE_USER, "bo");
	learn(secrets, RULE_COMMAND, "python train.py --buffer-size=640 --data hidden_set --quiet 1024");
	learn(secrets, RULE_NAME, "model/block.3/secretlayer");
	assert_string_equal(text_of(secrets, RULE_FREE, "bo on node7: 1024 of the block of secretlayer, hidden_set"),
	                    "removed on removed: 1024 of the block of removed, removed");
	assert_string_equal(text_of(secrets, RULE_FREE, "a buffer of 640 B, bob, quiet"),
	                    "a buffer of 640 B, bob, quiet");
	assert_string_equal(text_of(secrets, RULE_FREE, "in /home/bo/x.py: open(/a/b)|~/c \"d/e\" 3/4"),
	                    "in removed open(removed)|removed \"removed\" 3/4");
	assert_string_equal(text_of(secrets, RULE_KEEP, "bo"), "bo");
	assert_string_equal(text_of(secrets, RULE_USER, "bo"), "removed");
	assert_string_equal(text_of(secrets, RULE_PATH, ""), "");
	secrets_free(secrets);
}

static void test_names_keep_their_shape(void **state)
{
	struct secrets *secrets = made(SHARE_LABELS), *others = made(SHARE_LABELS);
	char first[64], second[64];

	(void)state;
	strcpy(first, text_of(secrets, RULE_NAME, "model/layer"));
	strcpy(second, text_of(secrets, RULE_NAME, "layer"));
	assert_int_equal(strlen(first), 33);
	assert_string_equal(first + 17, second);
	assert_string_equal(text_of(secrets, RULE_NAME, "model/layer"), first);
	assert_string_not_equal(text_of(others, RULE_NAME, "model/layer"), first); /* nobody can look it up */
	assert_string_equal(text_of(secrets, RULE_SOURCE, "/a/layer"), "/a/layer");
	secrets_free(secrets);
	secrets_free(others);
}

/* Whose code a function is, is told by these paths; and no more. */
static void test_paths_of_code(void **state)
{
	struct secrets *secrets = made(SHARE_PATHS);
	char first[64];

	(void)state;
	assert_ptr_equal(strstr(text_of(secrets, RULE_MODULE, "/home/x/libtt_metal.so"), "libtt_metal-removed-"),
	                 text_of(secrets, RULE_MODULE, "/home/x/libtt_metal.so"));
	assert_non_null(
	    strstr(text_of(secrets, RULE_SOURCE, "/home/x/site-packages/ttnn/core.py"), "removed-packages/ttnn/"));
	strcpy(first, text_of(secrets, RULE_SOURCE, "/home/x/secret.py"));
	assert_null(strstr(first, "secret"));
	assert_string_equal(text_of(secrets, RULE_SOURCE, "/home/x/secret.py"), first);
	assert_string_not_equal(text_of(secrets, RULE_SOURCE, "/home/y/secret.py"), first);
	assert_string_equal(text_of(secrets, RULE_NAME, "model/a"), "model/a");
	assert_string_equal(text_of(secrets, RULE_NAME, "/home/x"), "removed");
	secrets_free(secrets);
}

/* The vectors of its authors: key 00 01 .. 0f, message 00 01 .. */
static void test_siphash(void **state)
{
	const struct siphash_key key = {{0x0706050403020100u, 0x0f0e0d0c0b0a0908u}};
	uint8_t message[15];

	(void)state;
	for (uint8_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	assert_true(siphash(&key, message, 0) == 0x726fdb47dd0e0e31u);
	assert_true(siphash(&key, message, 8) == 0x93f5f5799a932462u);
	assert_true(siphash(&key, message, 15) == 0xa129ca6149be45e5u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_text_has_a_rule),
	    cmocka_unit_test(test_nothing_goes_by_itself),
	    cmocka_unit_test(test_words_go_from_free_texts),
	    cmocka_unit_test(test_names_keep_their_shape),
	    cmocka_unit_test(test_paths_of_code),
	    cmocka_unit_test(test_siphash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
