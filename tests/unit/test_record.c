// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/sensor/record.h"
#include "user/sensor/record_pack.h"

/* A record as the kernel side puts it together. */
struct sample {
	struct ds_record raw;
	char data[DS_STR_BYTES];
};

static struct sample sample;
static struct record out;

static void sample_begin(void)
{
	memset(&sample, 0, sizeof(sample));
	sample.raw.type = DS_RECORD_CONNECT;
	sample.raw.version = DS_RECORD_VERSION;
	sample.raw.size = sizeof(sample.raw);
}

static void sample_string(enum ds_string which, const char *bytes, size_t len)
{
	size_t at = sample.raw.size - sizeof(sample.raw);

	memcpy(sample.data + at, bytes, len);
	sample.raw.str[which] = (struct ds_str){.off = at, .len = len};
	sample.raw.size += len;
}
#define SAMPLE_STRING(which, literal) sample_string(which, literal, sizeof(literal))

/* From a copy of exactly that size, so that a sanitizer sees a byte too far. */
static int decode(size_t size)
{
	void *exact = malloc(size ? size : 1);
	int err;

	assert_non_null(exact);
	memcpy(exact, &sample, size);
	err = record_decode(exact, size, &out);
	free(exact);
	return err;
}

static void paths_are_turned_round(void **state)
{
	(void)state;
	sample_begin();
	SAMPLE_STRING(DS_STR_CGROUP, "abc\0docker");
	SAMPLE_STRING(DS_STR_EXE, "busybox\0bin");
	SAMPLE_STRING(DS_STR_FS_PATH, "docker.sock");
	assert_int_equal(decode(sample.raw.size), 0);
	assert_string_equal(out.cgroup, "/docker/abc");
	assert_string_equal(out.exe, "/bin/busybox");
	assert_string_equal(out.fs_path, "/docker.sock");
	assert_string_equal(out.client_path, "");
}

static void root_is_a_slash(void **state)
{
	(void)state;
	sample_begin();
	sample.raw.flags = DS_F_HAS_MOUNT;
	assert_int_equal(decode(sample.raw.size), 0);
	assert_string_equal(out.cgroup, "/");
	assert_string_equal(out.mount_root, "/");
	assert_string_equal(out.mount_point, "/");
	/* Without a mount none is made up. */
	sample_begin();
	assert_int_equal(decode(sample.raw.size), 0);
	assert_string_equal(out.mount_root, "");
}

static void abstract_names_show_an_at(void **state)
{
	(void)state;
	sample_begin();
	sample.raw.flags = DS_F_ABSTRACT;
	sample_string(DS_STR_BOUND_PATH, "\0do\0ck", 6);
	assert_int_equal(decode(sample.raw.size), 0);
	assert_string_equal(out.bound_path, "@do@ck");
	/* A path ends at its NUL. */
	sample_begin();
	sample_string(DS_STR_BOUND_PATH, "/run/x\0rest", 11);
	assert_int_equal(decode(sample.raw.size), 0);
	assert_string_equal(out.bound_path, "/run/x");
}

static void arguments_keep_their_nuls(void **state)
{
	(void)state;
	sample_begin();
	SAMPLE_STRING(DS_STR_ARGV, "sh\0-c\0a\nb\x1b[31m\xff");
	assert_int_equal(decode(sample.raw.size), 0);
	assert_int_equal(out.argv_len, sizeof("sh\0-c\0a\nb\x1b[31m\xff"));
	assert_memory_equal(out.argv, "sh\0-c\0a\nb\x1b[31m\xff", out.argv_len);
}

/* Every length from nothing to whole: refused, and nothing written. */
static void cut_records_are_refused(void **state)
{
	size_t whole;

	(void)state;
	sample_begin();
	SAMPLE_STRING(DS_STR_CGROUP, "abc\0docker");
	SAMPLE_STRING(DS_STR_ARGV, "sh\0-c");
	whole = sample.raw.size;
	for (size_t size = 0; size < whole; size++) {
		memset(&out, 0x5a, sizeof(out));
		assert_int_equal(decode(size), -EBADMSG);
		assert_int_equal(out.cgroup[0], 0x5a);
		assert_int_equal(out.raw.type, 0x5a5a);
	}
	assert_int_equal(decode(whole), 0);
}

static void foreign_records_are_refused(void **state)
{
	(void)state;
	sample_begin();
	sample.raw.version = DS_RECORD_VERSION + 1;
	assert_int_equal(decode(sample.raw.size), -EBADMSG);
	sample_begin();
	sample.raw.type = 0;
	assert_int_equal(decode(sample.raw.size), -EBADMSG);
	sample.raw.type = 999;
	assert_int_equal(decode(sample.raw.size), -EBADMSG);
	sample_begin();
	sample.raw.size = sizeof(sample.raw) - 1;
	assert_int_equal(decode(sizeof(sample.raw)), -EBADMSG);
}

static void tcp_is_taken_as_it_comes(void **state)
{
	static const uint8_t address[] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};

	(void)state;
	sample_begin();
	sample.raw.type = DS_RECORD_TCP;
	memcpy(sample.raw.tcp_address, address, sizeof(address));
	sample.raw.tcp_port = 2375;
	sample.raw.tcp_state = 2;
	SAMPLE_STRING(DS_STR_ARGV, "curl");
	assert_int_equal(decode(sample.raw.size), 0);
	assert_memory_equal(out.raw.tcp_address, address, sizeof(address));
	assert_int_equal(out.raw.tcp_port, 2375);
	assert_int_equal(out.raw.tcp_state, 2);
	assert_string_equal(out.argv, "curl");
	assert_int_equal(decode(sample.raw.size - 1), -EBADMSG);
}

static void strings_outside_are_refused(void **state)
{
	(void)state;
	for (int which = 0; which < DS_STR_COUNT; which++) {
		sample_begin();
		SAMPLE_STRING(DS_STR_CGROUP, "abc");
		sample.raw.str[which].off = 65535;
		sample.raw.str[which].len = 65535;
		assert_int_equal(decode(sample.raw.size), -EBADMSG);
		sample.raw.str[which].off = 1;
		sample.raw.str[which].len = 4;
		assert_int_equal(decode(sample.raw.size), -EBADMSG);
	}
}

static void names_without_end_are_ended(void **state)
{
	(void)state;
	sample_begin();
	memset(sample.raw.comm, 'x', sizeof(sample.raw.comm));
	memset(sample.raw.parent_comm, 'y', sizeof(sample.raw.parent_comm));
	assert_int_equal(decode(sample.raw.size), 0);
	assert_int_equal(strlen(out.raw.comm), 15);
	assert_int_equal(strlen(out.raw.parent_comm), 15);
}

/* Strings of every kind, as long as a record can carry, none of them ended. */
static void longest_strings_fit(void **state)
{
	(void)state;
	for (int which = 0; which < DS_STR_COUNT; which++) {
		sample_begin();
		memset(sample.data, 'a', sizeof(sample.data));
		sample.raw.size = sizeof(sample);
		sample.raw.str[which] = (struct ds_str){.off = 0, .len = DS_STR_BYTES};
		assert_int_equal(decode(sizeof(sample)), 0);
		/* The same in components. */
		for (size_t i = 1; i < sizeof(sample.data); i += 2)
			sample.data[i] = '\0';
		assert_int_equal(decode(sizeof(sample)), 0);
	}
	assert_int_equal(strlen(out.mount_root), PATH_MAX - 1 - (PATH_MAX - 1) % 2);
}

static void packed_records_come_out_as_they_went_in(void **state)
{
	static struct record again;
	struct record_pack *pack = NULL;

	(void)state;
	sample_begin();
	SAMPLE_STRING(DS_STR_EXE, "curl\0bin\0usr");
	SAMPLE_STRING(DS_STR_ARGV, "curl\0\0-s");
	SAMPLE_STRING(DS_STR_CGROUP, "a\0b");
	SAMPLE_STRING(DS_STR_CLIENT_PATH, "/tmp/x.sock");
	SAMPLE_STRING(DS_STR_BOUND_PATH, "/run/docker.sock");
	SAMPLE_STRING(DS_STR_FS_PATH, "docker.sock");
	SAMPLE_STRING(DS_STR_MOUNT_POINT, "x.sock\0tmp");
	SAMPLE_STRING(DS_STR_MOUNT_ROOT, "docker.sock");
	sample.raw.tgid = 4242;
	assert_int_equal(decode(sizeof(sample)), 0);
	pack = record_pack(&out);
	assert_non_null(pack);
	assert_int_equal(record_pack_raw(pack)->tgid, 4242);
	memset(&again, 0xff, sizeof(again));
	record_unpack(pack, &again);
	free(pack);
	assert_memory_equal(&again.raw, &out.raw, sizeof(out.raw));
	assert_string_equal(again.exe, out.exe);
	assert_string_equal(again.cgroup, out.cgroup);
	assert_string_equal(again.client_path, out.client_path);
	assert_string_equal(again.bound_path, out.bound_path);
	assert_string_equal(again.fs_path, out.fs_path);
	assert_string_equal(again.mount_point, out.mount_point);
	assert_string_equal(again.mount_root, out.mount_root);
	assert_int_equal(again.argv_len, out.argv_len);
	assert_memory_equal(again.argv, out.argv, out.argv_len + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_turned_round),
		cmocka_unit_test(root_is_a_slash),
		cmocka_unit_test(abstract_names_show_an_at),
		cmocka_unit_test(arguments_keep_their_nuls),
		cmocka_unit_test(cut_records_are_refused),
		cmocka_unit_test(foreign_records_are_refused),
		cmocka_unit_test(tcp_is_taken_as_it_comes),
		cmocka_unit_test(strings_outside_are_refused),
		cmocka_unit_test(names_without_end_are_ended),
		cmocka_unit_test(longest_strings_fit),
		cmocka_unit_test(packed_records_come_out_as_they_went_in),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
