/* SPDX-License-Identifier: Apache-2.0
 *
 * stack_plugin.c - a library that a test of call stacks loads. PLUGIN: which of them. All but the second have their
 * functions at the same places.
 */
void plugin_call(void (*function)(void));

#if PLUGIN == 2
void plugin_other(void (*function)(void));

/* Moves the other function. */
void plugin_other(void (*function)(void))
{
	for (volatile int i = 0; i < 3; i++)
		function();
}
#endif

void plugin_call(void (*function)(void))
{
	function();
	__asm__ volatile("" : : : "memory"); /* no tail call */
}

/* The code differs, its length does not. */
int plugin_number(void);

int plugin_number(void)
{
	return PLUGIN;
}
