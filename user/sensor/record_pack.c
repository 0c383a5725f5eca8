// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/record_pack.h"

#include <stdlib.h>
#include <string.h>

static const size_t strings[] = {
#define STRING(name) offsetof(struct record, name)
	STRING(exe),	 STRING(cgroup),      STRING(client_path), STRING(bound_path),
	STRING(fs_path), STRING(mount_point), STRING(mount_root),
#undef STRING
};
#define STRINGS (sizeof(strings) / sizeof(strings[0]))

struct record_pack {
	struct ds_record raw;
	size_t argv_len;
	char data[]; /* argv with its NUL, and the strings in their order, each with its NUL */
};

static const char *string_of(const struct record *r, size_t offset)
{
	return (const char *)r + offset;
}

struct record_pack *record_pack(const struct record *r)
{
	size_t size = r->argv_len + 1;
	struct record_pack *pack = NULL;
	char *to = NULL;

	for (size_t i = 0; i < STRINGS; i++)
		size += strlen(string_of(r, strings[i])) + 1;
	pack = malloc(sizeof(*pack) + size);
	if (!pack)
		return NULL;
	pack->raw = r->raw;
	pack->argv_len = r->argv_len;
	memcpy(pack->data, r->argv, r->argv_len);
	pack->data[r->argv_len] = '\0';
	to = pack->data + r->argv_len + 1;
	for (size_t i = 0; i < STRINGS; i++)
		to = stpcpy(to, string_of(r, strings[i])) + 1;
	return pack;
}

const struct ds_record *record_pack_raw(const struct record_pack *pack)
{
	return &pack->raw;
}

void record_unpack(const struct record_pack *pack, struct record *out)
{
	const char *from = pack->data + pack->argv_len + 1;

	out->raw = pack->raw;
	out->argv_len = pack->argv_len;
	memcpy(out->argv, pack->data, pack->argv_len + 1);
	for (size_t i = 0; i < STRINGS; i++) {
		size_t size = strlen(from) + 1;

		memcpy((char *)out + strings[i], from, size);
		from += size;
	}
}
