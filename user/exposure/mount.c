// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/exposure/mount.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

const char *mount_via_name(enum mount_via via)
{
	static const char *const names[] = {
		[VIA_UNKNOWN] = "unknown",
		[VIA_SOCKET_BIND] = "socket-bind",
		[VIA_DIRECTORY_BIND] = "directory-bind",
		[VIA_HOST_ROOT] = "host-root",
		[VIA_VOLUME] = "volume",
		[VIA_PROC_ROOT] = "proc-root",
		[VIA_HOST_NAMESPACE] = "host-namespace",
		[VIA_HANDOFF] = "handoff",
	};

	if ((unsigned int)via >= sizeof(names) / sizeof(names[0]))
		return names[VIA_UNKNOWN];
	return names[via];
}

void mount_use_clear(struct mount_use *use)
{
	free(use->source);
	free(use->target);
	*use = (struct mount_use){};
}

int mount_use_copy(const struct mount_use *use, struct mount_use *out)
{
	struct mount_use copy = *use;

	copy.source = use->source ? strdup(use->source) : NULL;
	copy.target = use->target ? strdup(use->target) : NULL;
	if ((use->source && !copy.source) || (use->target && !copy.target)) {
		mount_use_clear(&copy);
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}

static bool is_volume(const struct container_mount *m)
{
	return strcmp(m->type, "volume") == 0;
}

/* "/", however many slashes it is written with */
static bool is_root_path(const char *path)
{
	return *path == '/' && path[strspn(path, "/")] == '\0';
}

/* Does the last component of @a equal that of @b? "/" has the component "". */
static bool same_name(const char *a, const char *b)
{
	const char *a_name = strrchr(a, '/');
	const char *b_name = strrchr(b, '/');

	return strcmp(a_name ? a_name : a, b_name ? b_name : b) == 0;
}

static bool same_place(const char *a, const char *b)
{
	const char *rest = path_after(a, b);

	return rest && is_root_path(*rest ? rest : "/");
}

/* Do @at, a mount, and @rest below its root, show what @e shows? */
static bool shows_same(const struct mount_entry *at, const char *rest, const struct mount_entry *e)
{
	const char *below = at->dev == e->dev ? path_after(e->root, at->root) : NULL;

	return below && strcmp(below, rest) == 0;
}

/*
 * Can @source, as configured, be what @e shows? Either the host's table says so,
 * or the name is right and a symbolic link on the way (/var/run) hides the rest,
 * or the host does not show it any more, and nothing speaks against it.
 */
static bool source_fits(const struct mount_table *host, const struct mount_entry *e,
			const char *source)
{
	const struct mount_entry *at = mount_table_at(host, source);
	bool shown = false;

	if (at && shows_same(at, path_after(source, at->target), e))
		return true;
	at = NULL;
	while ((at = mount_table_next(host, e->dev, e->root, at))) {
		const char *rest = path_after(e->root, at->root);

		if (same_name(*rest ? rest : at->target, source))
			return true;
		shown = true;
	}
	return !shown;
}

/* Can @e be what the configured mount @m put there? */
static bool mount_fits(const struct mount_table *host, const struct mount_entry *e,
		       const struct container_mount *m)
{
	if (!m->source)
		return is_volume(m);
	return *m->source == '/' && source_fits(host, e, m->source);
}

/*
 * The entry that @m put at @target: the last one that fits its source, for one
 * below it can be the same that a bind above brought along. Where no source is
 * known, or no @m is given, the first: what is on top was mounted afterwards.
 */
static const struct mount_entry *entry_at(const struct mount_table *table, const char *target,
					  const struct mount_table *host,
					  const struct container_mount *m)
{
	const struct mount_entry *found = NULL;

	for (size_t i = 0; i < table->count; i++) {
		const struct mount_entry *e = &table->entries[i];

		if (!same_place(e->target, target) || (m && !mount_fits(host, e, m)))
			continue;
		found = e;
		if (!m || !m->source)
			break;
	}
	return found;
}

/*
 * Is @e what @m put there? By id: the kernel's own word on a mount, without a
 * table that shows it, is no entry of @table.
 */
static bool entry_is(const struct mount_table *table, const struct mount_entry *e,
		     const struct mount_table *host, const struct container_mount *m)
{
	const struct mount_entry *first = entry_at(table, e->target, host, m);

	return first ? first->id == e->id : mount_fits(host, e, m);
}

/* The configured mount that @e itself is, by its destination, or NULL. */
static const struct container_mount *entry_configured(const struct mount_table *table,
						      const struct mount_entry *e,
						      const struct mount_table *host,
						      const struct container *container)
{
	for (size_t i = 0; container && i < container->mount_count; i++) {
		const struct container_mount *m = &container->mounts[i];

		if (same_place(e->target, m->destination))
			return entry_is(table, e, host, m) ? m : NULL;
	}
	return NULL;
}

/*
 * Has the host what @e shows at @rest below the place (@at, @at_rest)? Also where
 * it is covered there: a bind takes that along too.
 */
static bool host_has_below(const struct mount_table *host, const struct mount_entry *at,
			   const char *at_rest, const char *rest, const struct mount_entry *e)
{
	size_t len = strlen(at_rest);

	for (size_t i = 0; i < host->count; i++) {
		const struct mount_entry *h = &host->entries[i];
		const char *below = NULL;

		if (h->dev != e->dev || strcmp(h->root, e->root) != 0)
			continue;
		below = path_after(h->target, at->target);
		if (below && strncmp(below, at_rest, len) == 0 && strcmp(below + len, rest) == 0)
			return true;
	}
	return false;
}

/* Did @e come along with @top, a mount that it lies below? */
static bool brought_along(const struct mount_table *host, const struct mount_entry *top,
			  const struct mount_entry *e)
{
	const char *rest = path_after(e->target, top->target);
	const struct mount_entry *at = NULL;

	if (e == top)
		return true;
	if (!rest)
		return false;
	while ((at = mount_table_next(host, top->dev, top->root, at)))
		if (host_has_below(host, at, path_after(top->root, at->root), rest, e))
			return true;
	return false;
}

/* @entry, or the nearest above it, that is configured by its destination. */
static bool origin_by_destination(const struct mount_table *table, const struct mount_entry *entry,
				  const struct mount_table *host, const struct container *container,
				  struct mount_origin *out)
{
	for (const struct mount_entry *e = entry; e; e = e->parent) {
		const struct container_mount *m = entry_configured(table, e, host, container);

		if (!m)
			continue;
		if (!brought_along(host, e, entry))
			return false;
		*out = (struct mount_origin){.entry = e, .configured = m, .along = e != entry};
		return true;
	}
	return false;
}

/*
 * The configured mount above an entry whose parents no table shows, by the names
 * alone: of those whose source has, on the host, the same mount at the same place
 * below it, the one with the longest destination.
 */
static int origin_by_name(const struct mount_entry *entry, const struct mount_table *host,
			  const struct container *container, struct mount_origin *out)
{
	const struct container_mount *found = NULL;

	for (size_t i = 0; container && i < container->mount_count; i++) {
		const struct container_mount *m = &container->mounts[i];
		const char *rest = path_after(entry->target, m->destination);
		const struct mount_entry *at = NULL;
		AUTO_FREE char *place = NULL;

		if (!m->source || !rest || !*rest ||
		    (found && strlen(m->destination) <= strlen(found->destination)))
			continue;
		if (mount_path_join(m->source, rest, &place) < 0)
			return -ENOMEM;
		at = mount_table_at(host, place);
		if (at && shows_same(at, path_after(place, at->target), entry))
			found = m;
	}
	if (found)
		*out = (struct mount_origin){.entry = entry, .configured = found, .along = true};
	return 0;
}

/* Is @e the first in the table that a link in the image may have moved from where it is told? */
static bool first_moved(const struct mount_table *table, const struct mount_entry *e,
			const struct mount_table *host, const struct container *container)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct mount_entry *other = &table->entries[i];
		struct mount_origin origin = {};

		if (other->dev != e->dev || strcmp(other->root, e->root) != 0 ||
		    !same_name(other->target, e->target))
			continue;
		if (!origin_by_destination(table, other, host, container, &origin))
			return other->id == e->id;
	}
	return true;
}

/* The configured mount that @e is if links in the image moved it, or NULL. */
static const struct container_mount *entry_moved(const struct mount_table *table,
						 const struct mount_entry *e,
						 const struct mount_table *host,
						 const struct container *container)
{
	const struct container_mount *found = NULL;

	for (size_t i = 0; container && i < container->mount_count; i++) {
		const struct container_mount *m = &container->mounts[i];

		if (!m->source || !same_name(e->target, m->destination) ||
		    entry_at(table, m->destination, NULL, NULL) || !mount_fits(host, e, m))
			continue;
		if (found)
			return NULL;
		found = m;
	}
	return found && first_moved(table, e, host, container) ? found : NULL;
}

/* @entry, or the nearest above it, that a link moved or that shows the host's root. */
static void origin_by_place(const struct mount_table *table, const struct mount_entry *entry,
			    const struct mount_table *host, const struct container *container,
			    const struct mount_entry *root, struct mount_origin *out)
{
	for (const struct mount_entry *e = entry; e; e = e->parent) {
		const struct container_mount *m = entry_moved(table, e, host, container);

		if ((!m && !(root && shows_same(root, "", e))) || !brought_along(host, e, entry))
			continue;
		*out = (struct mount_origin){.entry = e, .configured = m, .along = e != entry};
		return;
	}
}

int mount_origin_find(const struct mount_table *table, const struct mount_entry *entry,
		      const struct mount_table *host, const struct container *container,
		      struct mount_origin *out)
{
	const struct mount_entry *root = mount_table_at(host, "/");
	struct mount_origin origin = {.entry = entry};

	if (!origin_by_destination(table, entry, host, container, &origin)) {
		int err = entry->parent ? 0 : origin_by_name(entry, host, container, &origin);

		if (err < 0)
			return err;
		if (!origin.configured)
			origin_by_place(table, entry, host, container, root, &origin);
	}
	origin.host_root = root && shows_same(root, "", origin.entry);
	*out = origin;
	return 0;
}

static enum mount_via origin_via(const struct mount_origin *origin, const struct mount_entry *entry,
				 const struct socket_file *socket)
{
	const struct container_mount *m = origin->configured;

	if (!origin->along && strcmp(entry->root, socket->fs_path) == 0)
		return VIA_SOCKET_BIND;
	if (m && is_volume(m))
		return VIA_VOLUME;
	if (origin->host_root || (m && is_root_path(m->source)))
		return VIA_HOST_ROOT;
	return VIA_DIRECTORY_BIND;
}

int mount_use_from_entry(const struct mount_table *table, const struct mount_entry *entry,
			 const struct mount_table *host, const struct container *container,
			 const struct socket_file *socket, struct mount_use *out)
{
	struct mount_origin origin = {};
	const struct container_mount *m = NULL;
	AUTO_FREE char *source = NULL;
	AUTO_FREE char *target = NULL;
	int err = mount_origin_find(table, entry, host, container, &origin);

	if (err < 0)
		return err;
	m = origin.configured;
	target = strdup(m ? m->destination : origin.entry->target);
	if (m && m->source) {
		source = strdup(m->source);
		err = source ? 0 : -ENOMEM;
	} else {
		err = mount_table_path(host, origin.entry->dev, origin.entry->root, &source);
	}
	/* What the host does not show under any name has a source that is not known. */
	if (!target || (err < 0 && err != -ENOENT))
		return -ENOMEM;
	*out = (struct mount_use){
		.via = origin_via(&origin, entry, socket),
		.source = take_ptr(source),
		.target = take_ptr(target),
		.read_only = entry->read_only,
		.known = true,
		.stale = entry->deleted,
	};
	return 0;
}

static char *resolved(char *(*resolve)(const char *path), const char *path)
{
	char *real = resolve(path);

	return real ? real : strdup(path);
}

int mount_use_from_config(const struct container *container, const struct socket_file *socket,
			  char *(*resolve)(const char *path), struct mount_use *out)
{
	AUTO_FREE char *path = socket->path ? resolved(resolve, socket->path) : NULL;
	AUTO_FREE char *longest = NULL;
	AUTO_FREE char *source = NULL;
	AUTO_FREE char *target = NULL;
	const struct container_mount *found = NULL;
	enum mount_via via = VIA_DIRECTORY_BIND;

	if (!path)
		return socket->path ? -ENOMEM : -ENOENT;
	for (size_t i = 0; i < container->mount_count; i++) {
		const struct container_mount *m = &container->mounts[i];
		AUTO_FREE char *real = NULL;

		if (!m->source || *m->source != '/')
			continue;
		real = resolved(resolve, m->source);
		if (!real)
			return -ENOMEM;
		if (!path_after(path, real) || (longest && strlen(real) <= strlen(longest)))
			continue;
		free(longest);
		longest = take_ptr(real);
		found = m;
	}
	if (!found)
		return -ENOENT;

	if (same_place(path, longest))
		via = VIA_SOCKET_BIND;
	else if (is_volume(found))
		via = VIA_VOLUME;
	else if (is_root_path(longest))
		via = VIA_HOST_ROOT;
	source = strdup(found->source);
	target = strdup(found->destination);
	if (!source || !target)
		return -ENOMEM;
	*out = (struct mount_use){
		.via = via,
		.source = take_ptr(source),
		.target = take_ptr(target),
		.read_only = found->read_only,
		.known = true,
	};
	return 0;
}
