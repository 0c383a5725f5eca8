/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_RECORD_H
#define DOCKSNOOP_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

/*
 * A record of the kernel side, checked, with its strings made whole: paths run
 * from the root downwards and every string ends with a NUL. It owns nothing on
 * the heap and can be copied by assignment.
 *
 * Strings hold the bytes that the kernel saw; they are not UTF-8 by promise.
 * An empty path means that it is not known.
 */
struct record {
	struct ds_record raw;
	char exe[PATH_MAX];
	char cgroup[DS_CGROUP_MAX + 1]; /* "/" for the root */
	char argv[DS_ARGV_MAX + 1];	/* arguments, each ended by NUL */
	size_t argv_len;		/* with the last argument's NUL */
	char client_path[DS_SUN_PATH_MAX + 1];
	char bound_path[DS_SUN_PATH_MAX + 2]; /* "@name" when abstract */
	char fs_path[PATH_MAX];
	char mount_point[PATH_MAX];
	char mount_root[PATH_MAX];
};

/*
 * Decode @size bytes from the ring. 0, or -EBADMSG when the record is not what
 * @event.h describes (short, of another version, offsets outside, no known
 * type); *out is written only on success.
 */
int record_decode(const void *data, size_t size, struct record *out);

static inline bool record_truncated(const struct record *r, enum ds_string s)
{
	return r->raw.truncated & (1U << s);
}

#endif
