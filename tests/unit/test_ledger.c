// SPDX-License-Identifier: Apache-2.0

/* What is known of an access when docksnoop is killed while it takes it. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "user/util/ledger.h"

static void test_what_is_taken_adds_up(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	ledger_take(&ledger, 5);
	ledger_untake(&ledger, 1);
	ledger_take_at(&ledger.sources[0], 0);
	ledger_take_at(&ledger.sources[0], 264);
	ledger_take_at(&ledger.sources[1], 0);
	assert_int_equal(ledger_taken(&ledger), 4 + 3);
}

static void test_one_that_was_counted_is_known_again(void **state)
{
	struct ledger_source source = {0};

	(void)state;
	assert_false(ledger_has_taken(&source, 0)); /* the first of a new ring */
	ledger_take_at(&source, 0);
	ledger_take_at(&source, 264);
	ledger_resume(&source, 264);
	assert_int_equal(source.taken, 2);
	assert_true(ledger_has_taken(&source, 264));
	assert_false(ledger_has_taken(&source, 0));
	assert_false(ledger_has_taken(&source, 528));
}

/* Killed after each of the stores of ledger_take_at(). */
static void test_one_that_was_half_counted_is_not(void **state)
{
	const struct ledger_source killed[] = {
		{.taken = 7, .before = 7, .at = 264 | LEDGER_COUNTED},
		{.taken = 7, .before = 7, .at = 528},
		{.taken = 8, .before = 7, .at = 528},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(killed) / sizeof(killed[0]); i++) {
		struct ledger_source source = killed[i];

		ledger_resume(&source, 528);
		assert_int_equal(source.taken, 7);
		assert_false(ledger_has_taken(&source, 528));
		ledger_take_at(&source, 528);
		assert_int_equal(source.taken, 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_taken_adds_up),
		cmocka_unit_test(test_one_that_was_counted_is_known_again),
		cmocka_unit_test(test_one_that_was_half_counted_is_not),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
