/* SPDX-License-Identifier: Apache-2.0
 *
 * test_vocabulary.c - every word of vocabulary.h is in the views, which the build makes from it, with its number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sql/store/embedded.h"
#include "ttalloc/vocabulary.h"

static void views_have(int number, const char *word)
{
	char text[80];

	snprintf(text, sizeof(text), " WHEN %d THEN '%s'", number, word);
	if (!strstr(sql_views, text))
		fail_msg("no%s", text);
}

static void test_views_have_all_words(void **state)
{
#define VIEWS_HAVE(NAME, number, word) views_have(number, word);
	(void)state;
	TTA_REGIONS(VIEWS_HAVE)
	TTA_CLASSES(VIEWS_HAVE)
	TTA_KINDS(VIEWS_HAVE)
	TTA_ENDS(VIEWS_HAVE)
}

static void test_words_and_numbers(void **state)
{
	(void)state;
	assert_string_equal(tta_region_word(TTALLOC_SYSTEM_MEMORY), "SYSTEM_MEMORY");
	assert_string_equal(tta_class_word(TTA_CLASS_TRACE), "trace");
	assert_string_equal(tta_end_word(TTA_ENDED_DEVICE_CLOSE), "device close");
	assert_string_equal(tta_loss_word(TTA_LOST_SWITCHED_OFF), "switched off");
	assert_null(tta_region_word(5));
	assert_null(tta_loss_word(0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_views_have_all_words),
	    cmocka_unit_test(test_words_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
