// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/record.h"

#include <errno.h>
#include <string.h>

/* A string's bytes within the record, checked. */
struct span {
	const char *p;
	size_t len;
};

static bool record_spans(const void *data, const struct ds_record *raw,
			 struct span spans[DS_STR_COUNT])
{
	const char *strings = (const char *)data + sizeof(*raw);
	size_t room = raw->size - sizeof(*raw);

	for (int i = 0; i < DS_STR_COUNT; i++) {
		if ((size_t)raw->str[i].off + raw->str[i].len > room)
			return false;
		spans[i].p = strings + raw->str[i].off;
		spans[i].len = raw->str[i].len;
	}
	return true;
}

/*
 * Turn "leaf\0parent\0top\0" into "/top/parent/leaf". What does not fit in
 * @size loses its upper end, as a path that the kernel cut does.
 */
static void path_assemble(char *out, size_t size, struct span from)
{
	size_t at = size - 1;
	size_t pos = 0;

	out[at] = '\0';
	while (pos < from.len) {
		const char *name = from.p + pos;
		size_t len = strnlen(name, from.len - pos);

		if (len + 1 > at)
			break;
		at -= len;
		memcpy(out + at, name, len);
		out[--at] = '/';
		pos += len + 1;
	}
	memmove(out, out + at, size - at);
}

static void string_copy(char *out, size_t size, struct span from)
{
	size_t len = strnlen(from.p, from.len);

	if (len > size - 1)
		len = size - 1;
	memcpy(out, from.p, len);
	out[len] = '\0';
}

/* An abstract name begins with NUL and may hold more of them: shown as '@', as ss(8) does. */
static void bound_path_copy(char *out, size_t size, struct span from, bool abstract)
{
	if (!abstract) {
		string_copy(out, size, from);
		return;
	}
	if (from.len > size - 1)
		from.len = size - 1;
	for (size_t i = 0; i < from.len; i++)
		out[i] = from.p[i] ? from.p[i] : '@';
	out[from.len] = '\0';
}

static bool type_known(uint16_t type)
{
	return type >= DS_RECORD_CONNECT && type <= DS_RECORD_TCP;
}

int record_decode(const void *data, size_t size, struct record *out)
{
	struct span spans[DS_STR_COUNT];
	struct ds_record raw;
	size_t len;

	if (size < sizeof(raw))
		return -EBADMSG;
	memcpy(&raw, data, sizeof(raw));
	if (raw.version != DS_RECORD_VERSION || raw.size < sizeof(raw) || raw.size > size)
		return -EBADMSG;
	if (!type_known(raw.type))
		return -EBADMSG;
	if (!record_spans(data, &raw, spans))
		return -EBADMSG;

	raw.comm[sizeof(raw.comm) - 1] = '\0';
	raw.parent_comm[sizeof(raw.parent_comm) - 1] = '\0';
	out->raw = raw;
	path_assemble(out->exe, sizeof(out->exe), spans[DS_STR_EXE]);
	path_assemble(out->cgroup, sizeof(out->cgroup), spans[DS_STR_CGROUP]);
	path_assemble(out->fs_path, sizeof(out->fs_path), spans[DS_STR_FS_PATH]);
	path_assemble(out->mount_point, sizeof(out->mount_point), spans[DS_STR_MOUNT_POINT]);
	path_assemble(out->mount_root, sizeof(out->mount_root), spans[DS_STR_MOUNT_ROOT]);
	string_copy(out->client_path, sizeof(out->client_path), spans[DS_STR_CLIENT_PATH]);
	bound_path_copy(out->bound_path, sizeof(out->bound_path), spans[DS_STR_BOUND_PATH],
			raw.flags & DS_F_ABSTRACT);
	/* No components is the root itself, where something was walked at all. */
	if (!out->cgroup[0])
		strcpy(out->cgroup, "/");
	if (raw.flags & DS_F_HAS_MOUNT) {
		if (!out->mount_point[0])
			strcpy(out->mount_point, "/");
		if (!out->mount_root[0])
			strcpy(out->mount_root, "/");
	}

	len = spans[DS_STR_ARGV].len;
	if (len > DS_ARGV_MAX)
		len = DS_ARGV_MAX;
	memcpy(out->argv, spans[DS_STR_ARGV].p, len);
	out->argv[len] = '\0';
	out->argv_len = len;
	return 0;
}
