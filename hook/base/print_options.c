/* SPDX-License-Identifier: Apache-2.0
 *
 * print_options.c - prints the table of environment variables, tab-separated: name, default, unit, help. A test
 * compares it with the README; it is not installed.
 */
#include <stdio.h>

#include "options.h"

int main(void)
{
	for (size_t i = 0; i < tta_option_count; i++) {
		const struct tta_option *option = &tta_option_table[i];

		printf("%s\t%s\t%s\t%s\n", option->name, option->default_text, option->unit, option->help);
	}
	return fflush(stdout) ? 1 : 0;
}
