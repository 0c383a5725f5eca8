// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "user/util/clock.h"

/* The start of one process is one time, whenever it is asked for. */
static void test_boot_to_epoch_is_stable(void **state)
{
	uint64_t first = clock_boot_to_epoch_ns(12345);

	(void)state;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(clock_boot_to_epoch_ns(12345), first);
	assert_int_equal(clock_boot_to_epoch_ns(12346), first + 1);
}

static void test_boot_to_epoch_is_now(void **state)
{
	uint64_t before = clock_epoch_ns();
	uint64_t now = clock_boot_to_epoch_ns(clock_boot_ns());
	uint64_t after = clock_epoch_ns();

	(void)state;
	assert_in_range(now, before - 1000000, after + 1000000);
}

static void test_iso8601(void **state)
{
	char text[CLOCK_ISO8601_SIZE] = "";

	(void)state;
	setenv("TZ", "EST5", 1);
	clock_format_iso8601(1795465867123456789ULL, text);
	assert_string_equal(text, "2026-11-23T20:31:07.123456789Z");
	clock_format_iso8601(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000000Z");
	clock_format_iso8601(951782400000000001ULL, text);
	assert_string_equal(text, "2000-02-29T00:00:00.000000001Z");
	clock_format_iso8601(UINT64_MAX, text);
	assert_string_equal(text, "2554-07-21T23:34:33.709551615Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot_to_epoch_is_stable),
		cmocka_unit_test(test_boot_to_epoch_is_now),
		cmocka_unit_test(test_iso8601),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
