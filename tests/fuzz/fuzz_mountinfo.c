// SPDX-License-Identifier: Apache-2.0
/*
 * A container's mount table, the host's, and where a socket lies, with NULs between them;
 * what is left are mounts that the container was configured with: source, destination.
 */
#include "input.h"
#include "user/container/runtime_files.h"
#include "user/exposure/exposure.h"
#include "user/util/cleanup.h"

#define LOOKED_AT 32

static int way_take(const struct socket_file *socket, const struct mount_use *use, void *ctx)
{
	(void)socket;
	(void)ctx;
	CHECK(mount_via_name(use->via));
	return 0;
}

/* As it is where nothing can be looked up. */
static char *link_resolve(const char *path)
{
	(void)path;
	return NULL;
}

static struct container *configured(struct input *in)
{
	struct container *c = container_new(RUNTIME_DOCKER, "a");

	CHECK(c);
	while (in->size && c->mount_count < LOOKED_AT) {
		AUTO_FREE char *source = input_part(in, '\0', NULL);
		AUTO_FREE char *destination = input_part(in, '\0', NULL);

		CHECK(!container_add_mount(c, "bind", source, destination, NULL, false));
	}
	return c;
}

static void entry_look(const struct mount_table *table, const struct mount_table *host,
		       const struct container *c, const struct mount_entry *e, const char *fs_path)
{
	const struct socket_file socket = {.dev = e->dev, .fs_path = fs_path, .path = fs_path};
	const struct mount_entry *found = NULL;
	struct mount_use use = {0};
	AUTO_FREE char *path = NULL;

	CHECK(mount_table_by_id(table, e->id));
	(void)mount_table_at(table, e->target);
	for (int i = 0; i < LOOKED_AT && (found = mount_table_next(table, e->dev, fs_path, found));
	     i++)
		CHECK(found->dev == e->dev && !found->deleted);
	(void)mount_table_path(host, e->dev, fs_path, &path);
	CHECK(!mount_use_from_entry(table, e, host, c, &socket, &use));
	mount_use_clear(&use);
	CHECK(!exposure_scan(table, host, c, &socket, 1, way_take, NULL));
	if (!mount_use_from_config(c, &socket, link_resolve, &use))
		mount_use_clear(&use);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_MOUNT_TABLE struct mount_table *table = NULL;
	AUTO_MOUNT_TABLE struct mount_table *host = NULL;
	AUTO_CONTAINER struct container *c = NULL;
	struct input in = {data, size};
	size_t len = 0, host_len = 0;
	AUTO_FREE char *text = input_part(&in, '\0', &len);
	AUTO_FREE char *host_text = input_part(&in, '\0', &host_len);
	AUTO_FREE char *fs_path = input_part(&in, '\0', NULL);

	if (mount_table_parse(text, len, &table))
		return 0;
	if (mount_table_parse(host_text, host_len, &host))
		CHECK(!mount_table_parse("", 0, &host));
	c = configured(&in);
	for (size_t i = 0; i < table->count && i < LOOKED_AT; i++)
		entry_look(table, host, c, &table->entries[i], fs_path);
	return 0;
}
