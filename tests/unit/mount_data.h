/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TEST_MOUNT_DATA_H
#define DOCKSNOOP_TEST_MOUNT_DATA_H

#include <fcntl.h>

#include "user/exposure/mountinfo.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* The recorded table data/mountinfo/@name.mountinfo; see the README there. */
static inline struct mount_table *mount_data_load(const char *name)
{
	struct mount_table *table = NULL;
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *text = NULL;
	size_t len = 0;

	assert_int_equal(str_format(&path, TEST_DATA "/mountinfo/%s.mountinfo", name), 0);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, &len), 0);
	assert_int_equal(mount_table_parse(text, len, &table), 0);
	return table;
}

#endif
