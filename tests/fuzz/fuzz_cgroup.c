// SPDX-License-Identifier: Apache-2.0
/* A cgroup's path, the lower parts of which anybody in a container can name. */
#include "input.h"
#include "user/container/cgroup.h"
#include "user/util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	AUTO_FREE char *path = input_part(&in, '\0', NULL);
	struct cgroup_owner owner = {0};

	cgroup_parse(path, &owner);
	CHECK(!owner.id[0] == (owner.runtime == RUNTIME_NONE));
	CHECK(owner.id[0] || !owner.outer_id[0]);
	CHECK(!strchr(owner.id, '/') && !strchr(owner.outer_id, '/') && !strchr(owner.ns, '/'));
	CHECK(strlen(owner.id) <= CONTAINER_ID_MAX && strlen(owner.outer_id) <= CONTAINER_ID_MAX);
	return 0;
}
