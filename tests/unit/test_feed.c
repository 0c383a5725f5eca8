// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/sensor/fold.h"
#include "user/util/queue.h"

#define SECOND 1000000000ULL

/* --- what waits --------------------------------------------------------------------------- */

static void test_queue_keeps_the_order(void **state)
{
	struct queue *q = queue_new(1 << 20);
	size_t size = 0;

	(void)state;
	assert_null(queue_peek(q, &size));
	for (uint64_t round = 0; round < 3; round++) {
		/* across several chunks, of sizes that end nowhere even */
		for (uint64_t i = 0; i < 3000; i++) {
			char data[100] = "";

			memcpy(data, &i, sizeof(i));
			assert_int_equal(queue_put(q, data, 8 + i % 90), 0);
		}
		for (uint64_t i = 0; i < 3000; i++) {
			const void *data = queue_peek(q, &size);

			assert_non_null(data);
			assert_int_equal((uintptr_t)data % 8, 0);
			assert_memory_equal(data, &i, sizeof(i));
			assert_int_equal(size, 8 + i % 90);
			assert_ptr_equal(queue_peek(q, &size), data); /* it is still there */
			queue_pop(q);
		}
		assert_null(queue_peek(q, &size));
	}
	queue_free(q);
	queue_free(NULL);
}

static void test_queue_is_bounded(void **state)
{
	struct queue *q = queue_new(1 << 20);
	char data[1000] = "";
	size_t put = 0;
	size_t size = 0;

	(void)state;
	while (!queue_full(q)) {
		assert_int_equal(queue_put(q, data, sizeof(data)), 0);
		put++;
	}
	assert_in_range(put, 1000, 1048);
	/* a little over it is no loss: whoever asks before puts in no more than a batch */
	assert_int_equal(queue_put(q, data, sizeof(data)), 0);
	for (size_t i = 0; i < put / 2; i++) {
		assert_non_null(queue_peek(q, &size));
		queue_pop(q);
	}
	assert_non_null(queue_peek(q, &size));
	assert_false(queue_full(q));
	queue_free(q); /* with what is in it */
}

static void test_queue_takes_what_is_larger_than_most(void **state)
{
	static const char large[300000] = "large";
	struct queue *q = queue_new(1 << 20);
	const char *data = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(queue_put(q, "a", 2), 0);
	assert_int_equal(queue_put_headed(q, "the ", 4, large, sizeof(large)), 0);
	assert_int_equal(queue_put(q, "b", 2), 0);
	data = queue_peek(q, &size);
	assert_string_equal(data, "a");
	queue_pop(q);
	data = queue_peek(q, &size);
	assert_int_equal(size, 4 + sizeof(large));
	assert_string_equal(data, "the large");
	queue_pop(q);
	data = queue_peek(q, &size);
	assert_string_equal(data, "b");
	queue_pop(q);
	assert_null(queue_peek(q, &size));
	assert_int_equal(queue_bytes(q), 0);
	queue_free(q);
}

/* --- what is folded ----------------------------------------------------------------------- */

struct told {
	size_t same;
	struct feed_same last;
	size_t folded;
	uint64_t counts; /* of all */
	struct feed_folded head;
	struct ds_record record;
};

static int take(void *ctx, const void *data, size_t size)
{
	const struct feed_folded *folded = data;
	struct told *told = ctx;

	if (folded->type == FEED_SAME) {
		assert_int_equal(size, sizeof(struct feed_same));
		memcpy(&told->last, data, size);
		told->same++;
		return 0;
	}
	assert_int_equal(folded->type, FEED_FOLDED);
	assert_true(size >= sizeof(*folded) + sizeof(struct ds_record));
	told->head = *folded;
	memcpy(&told->record, folded + 1, sizeof(told->record));
	told->folded++;
	told->counts += folded->count;
	return 0;
}

struct sent {
	struct ds_record record;
	char strings[64];
};

static struct sent connect_of(uint32_t tgid, const char *path, uint64_t time_ns,
			      uint64_t connection)
{
	struct sent sent = {
		.record =
			{
				.type = DS_RECORD_CONNECT,
				.version = DS_RECORD_VERSION,
				.size = sizeof(sent),
				.time_ns = time_ns,
				.tgid = tgid,
				.connection = connection,
			},
	};

	strcpy(sent.strings, path);
	return sent;
}

/* How many of @n were handed over as they are. */
static size_t connect_often(struct fold *f, struct told *told, uint32_t tgid, const char *path,
			    uint64_t from_ns, size_t n)
{
	size_t through = 0;

	for (size_t i = 0; i < n; i++) {
		struct sent sent = connect_of(tgid, path, from_ns + i, 1000 + i);

		through += !fold_take(f, &sent.record, take, told);
	}
	return through;
}

static void test_repetitions_are_folded(void **state)
{
	struct fold *f = fold_new();
	struct told told = {0};

	(void)state;
	assert_int_equal(connect_often(f, &told, 1, "/a", SECOND, 190), FOLD_BURST);
	assert_int_equal(told.same, 90);
	assert_int_equal(told.last.connection, 1189);
	assert_int_equal(told.last.like, 1099); /* the last that was told of in full */
	fold_flush(f, SECOND + FOLD_WINDOW_NS - 1, false, take, &told);
	assert_int_equal(told.folded, 0);
	fold_flush(f, SECOND + FOLD_WINDOW_NS, false, take, &told);
	assert_int_equal(told.folded, 1);
	assert_int_equal(told.head.count, 90);
	assert_int_equal(told.head.time_ns, SECOND + 100);
	assert_int_equal(told.head.last_ns, SECOND + 189);
	assert_int_equal(told.head.connection, 1100);
	assert_int_equal(told.record.tgid, 1);
	assert_int_equal(told.record.connection, 0);
	/* told once; and the next second begins anew */
	fold_flush(f, 10 * SECOND, true, take, &told);
	assert_int_equal(told.folded, 1);
	assert_int_equal(connect_often(f, &told, 1, "/a", 10 * SECOND, 102), FOLD_BURST);
	assert_int_equal(connect_often(f, &told, 1, "/a", 12 * SECOND, 1), 1);
	assert_int_equal(told.folded, 2); /* by the one that came after its end */
	assert_int_equal(told.head.count, 2);
	fold_free(f);
	fold_free(NULL);
}

/* Another process, path, outcome, flag or program is never folded into it. */
static void test_others_are_not(void **state)
{
	struct fold *f = fold_new();
	struct told told = {0};
	struct sent sent = {0};

	(void)state;
	assert_int_equal(connect_often(f, &told, 1, "/a", SECOND, 150), FOLD_BURST);
	for (uint32_t tgid = 2; tgid < 100; tgid++)
		assert_int_equal(connect_often(f, &told, tgid, "/a", SECOND, 1), 1);
	assert_int_equal(connect_often(f, &told, 1, "/b", SECOND, 1), 1);
	for (int field = 0; field < 6; field++) {
		sent = connect_of(1, "/a", SECOND, 1);
		*(field == 0   ? (uint32_t *)&sent.record.result
		  : field == 1 ? &sent.record.flags
		  : field == 2 ? &sent.record.mount_id
		  : field == 3 ? &sent.record.mnt_ns
		  : field == 4 ? (uint32_t *)&sent.record.start_ns
			       : (uint32_t *)&sent.record.listener_cookie) = 7;
		assert_false(fold_take(f, &sent.record, take, &told));
	}
	/* its thread is nothing that makes it another */
	sent = connect_of(1, "/a", SECOND, 1);
	sent.record.tid = 7;
	assert_true(fold_take(f, &sent.record, take, &told));
	/* and nothing but connects is folded */
	sent.record.type = DS_RECORD_HANDOFF;
	for (int i = 0; i < 150; i++)
		assert_false(fold_take(f, &sent.record, take, &told));
	fold_free(f);
}

/* A failed one has no connection that others could be like. */
static void test_failed_ones(void **state)
{
	struct fold *f = fold_new();
	struct told told = {0};
	struct sent sent = connect_of(1, "/a", SECOND, 0);

	(void)state;
	sent.record.result = -EACCES;
	for (int i = 0; i < 130; i++)
		fold_take(f, &sent.record, take, &told);
	assert_int_equal(told.same, 0);
	fold_flush(f, SECOND, true, take, &told);
	assert_int_equal(told.head.count, 130 - FOLD_BURST);
	assert_int_equal(told.record.result, -EACCES);
	fold_free(f);
}

/* Too many at once: the oldest are told of early, and none is forgotten. */
static void test_folds_are_bounded(void **state)
{
	struct fold *f = fold_new();
	struct told told = {0};
	size_t through = 0;

	(void)state;
	for (uint32_t tgid = 1; tgid <= 2000; tgid++)
		through += connect_often(f, &told, tgid, "/a", SECOND, 105);
	assert_in_range(told.folded, 1400, 1600);
	fold_flush(f, SECOND, true, take, &told);
	assert_int_equal(told.folded, 2000);
	assert_int_equal(through + told.counts, 2000 * 105);
	/* a clock of another CPU that is a little behind is no reason to begin anew */
	through = connect_often(f, &told, 1, "/a", 5 * SECOND, 100);
	assert_int_equal(through + connect_often(f, &told, 1, "/a", 5 * SECOND - 100, 1), 100);
	fold_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_keeps_the_order),
		cmocka_unit_test(test_queue_is_bounded),
		cmocka_unit_test(test_queue_takes_what_is_larger_than_most),
		cmocka_unit_test(test_repetitions_are_folded),
		cmocka_unit_test(test_others_are_not),
		cmocka_unit_test(test_failed_ones),
		cmocka_unit_test(test_folds_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
