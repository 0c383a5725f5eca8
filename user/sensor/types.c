// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "user/util/cleanup.h"

static const char *const type_names[DS_TYPE_COUNT] = {
#define TYPE_NAME(name) #name,
	DS_TYPES(TYPE_NAME)
#undef TYPE_NAME
};

static void cleanup_btf(struct btf **btf)
{
	btf__free(*btf);
}

/* Where a name is there twice, one is as good as the other: libbpf wants their fields to agree. */
static void type_note(const char *name, uint32_t number, uint32_t numbers[static DS_TYPE_COUNT])
{
	for (int i = 0; i < DS_TYPE_COUNT; i++)
		if (!numbers[i] && !strcmp(name, type_names[i]))
			numbers[i] = number;
}

int types_find(uint32_t numbers[static DS_TYPE_COUNT])
{
	CLEANUP(cleanup_btf) struct btf *btf = btf__load_vmlinux_btf();
	uint32_t found[DS_TYPE_COUNT] = {0};
	bool castable = false;

	if (!btf)
		return -errno;
	for (uint32_t number = 1; number < btf__type_cnt(btf); number++) {
		const struct btf_type *type = btf__type_by_id(btf, number);
		const char *name = btf__name_by_offset(btf, type->name_off);

		if (btf_is_struct(type))
			type_note(name, number, found);
		else if (btf_is_func(type) && !strcmp(name, "bpf_rdonly_cast"))
			castable = true;
	}
	if (!castable)
		return -ENOTSUP;
	memcpy(numbers, found, sizeof(found));
	return 0;
}
