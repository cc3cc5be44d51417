/* SPDX-License-Identifier: Apache-2.0
 *
 * test_picture.c - a bank as a line of text, narrower than its cells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/write/picture.h"

static void draws(const char *cells, size_t width, size_t at, bool colour, const char *expected)
{
	char *text = NULL;
	size_t bytes = 0;
	struct style style = {.out = open_memstream(&text, &bytes), .width = width, .colour = colour};

	assert_non_null(style.out);
	picture_print(&style, cells, strlen(cells), at);
	fclose(style.out);
	assert_string_equal(text, expected);
	free(text);
}

static void draws_cells_as_they_are(void **state)
{
	(void)state;
	setenv("LC_ALL", "C", 1);
	draws("..:#--=X.#", 80, 10, false, "..:#[..:#].#\n");
	draws("--XX", 0, 0, false, "[..##]\n");
	draws("", 80, 0, false, "\n");
}

/* Of unequal cells that share a column, the column is partly used; a window never vanishes. */
static void draws_narrower(void **state)
{
	(void)state;
	setenv("LC_ALL", "C", 1);
	draws("....##..####.-..XX.=", 17, 5, false, "..#.##[.].[#:]\n");
	draws("....................", 3, 90, false, "..........\n");
}

static void draws_for_the_users_terminal(void **state)
{
	(void)state;
	setenv("LC_ALL", "", 1);
	unsetenv("LC_CTYPE");
	setenv("LANG", "de_DE.UTF-8", 1);
	draws(".:#", 80, 0, false, "\xc2\xb7\xe2\x96\x92\xe2\x96\x88\n");
	draws(".-", 80, 0, true, "\xc2\xb7" COLOUR_WARN "[\xc2\xb7]" COLOUR_OFF "\n");
	setenv("LANG", "de_DE.ISO-8859-1", 1);
	draws(".:#", 80, 0, false, ".:#\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(draws_cells_as_they_are),
	    cmocka_unit_test(draws_narrower),
	    cmocka_unit_test(draws_for_the_users_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
