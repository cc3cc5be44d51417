/* SPDX-License-Identifier: Apache-2.0
 *
 * query_show.c - see query_show.h.
 */
#include "query_show.h"

#include <stdlib.h>
#include <string.h>

static const char *take_empty(struct query_show *show, char *rest)
{
	show->empty = rest;
	return NULL;
}

static const char *take_show(struct query_show *show, char *rest)
{
	show->known = strcmp(rest, "list known") == 0;
	show->list = show->known || strcmp(rest, "list") == 0;
	return show->list ? NULL : "an answer is shown as 'list' or 'list known', not";
}

static const char *take_rows(struct query_show *show, char *rest)
{
	static const char wrong[] = "rows are 'N' or 'N of each COLUMN,COLUMN', not", of_each[] = "of each ";
	char *behind;
	long long rows = strtoll(rest, &behind, 10);

	behind += strspn(behind, " \t");
	if (behind == rest || rows < 0 || (*behind && strncmp(behind, of_each, strlen(of_each)) != 0))
		return wrong;
	show->rows = rows;
	show->each = *behind ? behind + strlen(of_each) : NULL;
	return NULL;
}

static const char *take_tables(struct query_show *show, char *rest)
{
	char *end = rest + strcspn(rest, " \t"), *value = end + strspn(end, " \t");

	if (!*value)
		return "a default in tables is declared as 'PARAM VALUE', not";
	*end = '\0';
	show->param = rest;
	show->fallback = value;
	return NULL;
}

static const char *take_trim(struct query_show *show, char *rest)
{
	show->trim = strcmp(rest, "idle") == 0;
	return show->trim ? NULL : "what is trimmed is 'idle', not";
}

static const char *take_fold(struct query_show *show, char *rest)
{
	for (char *word; (word = strsep(&rest, " \t"));) {
		if (strcmp(word, "runtime") == 0)
			show->fold_runtime = true;
		else if (strcmp(word, "devices") == 0)
			show->fold_devices = true;
		else if (*word)
			return "what is folded is runtime and devices, not";
	}
	return NULL;
}

/* The words behind the kind are columns. */
static const char *take_plot(struct query_show *show, char *rest)
{
	if (strncmp(rest, "line ", 5) != 0 && strncmp(rest, "bars ", 5) != 0)
		return "a plot is 'line X Y' or 'bars NAME VALUE... [of TOTAL]', not";
	show->plot = rest;
	return NULL;
}

const char *query_show_take(struct query_show *show, const char *key, char *rest)
{
	static const struct {
		const char *key;
		const char *(*take)(struct query_show *show, char *rest);
	} keys[] = {{"empty", take_empty}, {"show", take_show}, {"rows", take_rows}, {"tables", take_tables},
	            {"trim", take_trim},   {"fold", take_fold}, {"plot", take_plot}};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].take(show, rest);
	return "unknown declaration";
}
