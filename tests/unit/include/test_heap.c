/* SPDX-License-Identifier: Apache-2.0
 *
 * test_heap.c - the heap, against a search for the smallest among the same numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ttalloc/heap.h"

#define MOST 40

static inline bool is_below(const void *nothing, const int *a, const int *b)
{
	(void)nothing;
	return *a < *b;
}

TTA_HEAP(numbers, int, const void *, is_below)

static size_t smallest(const int *list, size_t count)
{
	size_t found = 0;

	for (size_t i = 1; i < count; i++)
		if (list[i] < list[found])
			found = i;
	return found;
}

static void the_smallest_is_on_top(void **state)
{
	int heap[MOST], plain[MOST];
	size_t count = 0;

	(void)state;
	srand(1);
	for (int round = 0; round < 100000; round++) {
		int number = rand() % 50, choice = rand() % 3;

		if (count == 0 || (choice == 0 && count < MOST)) {
			plain[count] = number;
			numbers_push(NULL, heap, count++, number);
		} else if (choice == 1) {
			plain[smallest(plain, count)] = number;
			numbers_down(NULL, heap, count, 0, number);
		} else {
			size_t gone = smallest(plain, count);

			numbers_pop(NULL, heap, --count);
			plain[gone] = plain[count];
		}
		if (count > 0)
			assert_int_equal(heap[0], plain[smallest(plain, count)]);
	}
}

static void made_of_any_order(void **state)
{
	int heap[MOST];

	(void)state;
	srand(2);
	for (size_t count = 0; count < MOST; count++) {
		int last = -1;

		for (size_t i = 0; i < count; i++)
			heap[i] = rand() % 50;
		numbers_make(NULL, heap, count);
		for (size_t left = count; left > 0;) {
			assert_true(heap[0] >= last);
			last = heap[0];
			numbers_pop(NULL, heap, --left);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_smallest_is_on_top),
	    cmocka_unit_test(made_of_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
