// SPDX-License-Identifier: Apache-2.0
/*
 * libmount (2.38) reads these lines too, but not for evidence: for a source of
 * "/dev/root", a string that whoever mounts a tmpfs can choose, it goes to /sys
 * and /proc/cmdline and puts its guess there; it skips lines that begin with '#',
 * and takes a last line that was cut in its last field. The fields are the small
 * part; the larger one, which mount lies over which, it does not answer.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/exposure/mountinfo.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"
#include "user/util/text.h"

/* fs.mount-max is 100,000 mounts; a line is seldom beyond 300 bytes. */
#define MOUNTINFO_MAX (64U << 20)

#define MAJOR_MAX 0xfffU
#define MINOR_MAX 0xfffffU

/* dentry_path() of fs/d_path.c appends it; no name holds a slash, so it is never part of one. */
static bool strip_deleted(char *root)
{
	static const char mark[] = "//deleted";
	size_t len = strlen(root);
	size_t mark_len = sizeof(mark) - 1;

	if (len <= mark_len || strcmp(root + len - mark_len, mark) != 0)
		return false;
	root[len - mark_len] = '\0';
	return true;
}

static int number_parse(const char *s, unsigned int max, unsigned int *out)
{
	unsigned long long value = 0;

	if (!s || str_parse_uint(s, 0, max, &value) < 0)
		return -EINVAL;
	*out = (unsigned int)value;
	return 0;
}

static int dev_parse(char *s, uint32_t *out)
{
	unsigned int major = 0;
	unsigned int minor = 0;
	char *rest = s;

	if (!s || number_parse(strsep(&rest, ":"), MAJOR_MAX, &major) < 0 ||
	    number_parse(rest, MINOR_MAX, &minor) < 0)
		return -EINVAL;
	*out = major << 20 | minor;
	return 0;
}

/* show_mountinfo() of fs/proc_namespace.c: "rw" or "ro" comes first, always. */
static int options_parse(const char *s, bool *read_only)
{
	if (!s || (s[2] != '\0' && s[2] != ','))
		return -EINVAL;
	if (strncmp(s, "ro", 2) != 0 && strncmp(s, "rw", 2) != 0)
		return -EINVAL;
	*read_only = s[1] == 'o';
	return 0;
}

/* Takes @line apart where it stands; the strings of @out point into it. */
static int entry_parse(char *line, struct mount_entry *out)
{
	struct mount_entry e = {};
	unsigned int id = 0;
	unsigned int parent_id = 0;
	char *field = NULL;

	if (number_parse(strsep(&line, " "), INT_MAX, &id) < 0 ||
	    number_parse(strsep(&line, " "), INT_MAX, &parent_id) < 0 ||
	    dev_parse(strsep(&line, " "), &e.dev) < 0)
		return -EINVAL;
	e.root = strsep(&line, " ");
	e.target = strsep(&line, " ");
	if (!e.root || !*e.root || !e.target || *e.target != '/')
		return -EINVAL;
	field = strsep(&line, " ");
	if (!field || strlen(field) < 2 || options_parse(field, &e.read_only) < 0)
		return -EINVAL;
	/* Any number of optional fields, then a lone dash. */
	do {
		field = strsep(&line, " ");
	} while (field && strcmp(field, "-") != 0);
	e.fstype = strsep(&line, " ");
	/* The source, which may be empty, and the filesystem's own options must be there. */
	if (!e.fstype || !*e.fstype || !strsep(&line, " ") || !line)
		return -EINVAL;

	e.id = (int)id;
	e.parent_id = (int)parent_id;
	text_unescape_octal(e.root);
	text_unescape_octal(e.target);
	text_unescape_octal(e.fstype);
	e.deleted = strip_deleted(e.root);
	*out = e;
	return 0;
}

/* --- which mount lies over which ------------------------------------------- */

static int id_compare(const void *a, const void *b)
{
	const struct mount_entry *x = *(const struct mount_entry *const *)a;
	const struct mount_entry *y = *(const struct mount_entry *const *)b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* '/' sorts before every other byte, so that what lies below a path follows it at once. */
static int path_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int place_compare(const void *a, const void *b)
{
	const struct mount_entry *x = *(const struct mount_entry *const *)a;
	const struct mount_entry *y = *(const struct mount_entry *const *)b;
	int order = 0;

	if (x->parent_id != y->parent_id)
		return x->parent_id < y->parent_id ? -1 : 1;
	order = path_compare(x->target, y->target);
	if (order)
		return order;
	return x < y ? -1 : x > y;
}

static struct mount_entry *entry_by_id(struct mount_entry **by_id, size_t count, int id)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_id[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < count && by_id[low]->id == id ? by_id[low] : NULL;
}

/* The mounts on @id: *first up to *end of by_place. */
static void children_of(const struct mount_table *table, int id, size_t *first, size_t *end)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (table->by_place[mid]->parent_id < id)
			low = mid + 1;
		else
			high = mid;
	}
	*first = low;
	while (low < table->count && table->by_place[low]->parent_id == id)
		low++;
	*end = low;
}

/*
 * A mount on the process's own root directory covers nothing: a lookup begins
 * below it, at the root that the process was given, and "/.." leads to what lies
 * on top, so both can be reached.
 */
static bool on_process_root(const struct mount_entry *e)
{
	return strcmp(e->target, "/") == 0 && (!e->parent || !e->parent->parent);
}

/* Among mounts of one parent, in by_place's order: those whose way another one covers. */
static void siblings_cover(struct mount_entry **group, size_t count)
{
	struct mount_entry *cover = NULL;

	for (size_t i = 0; i < count; i++) {
		struct mount_entry *e = group[i];
		const char *rest = cover ? path_after(e->target, cover->target) : NULL;

		if (rest && *rest) {
			e->hidden = true;
			continue;
		}
		/* Kernels before 4.12 kept two at one place, the later one on top. */
		if (rest)
			cover->hidden = true;
		if (!on_process_root(e))
			cover = e;
	}
}

/*
 * Fill in parent, hidden and by_place. This follows the kernel's own tree
 * (parent, place) and not the order of lines: a mount is found by its name when
 * no other one on the same parent covers its target or a folder above, and the
 * parent is found the same way. One pass over all entries: a container can make
 * as many mounts as fs.mount-max allows.
 */
static int tree_build(struct mount_table *table)
{
	size_t count = table->count;
	AUTO_FREE struct mount_entry **by_id = calloc(count + 1, sizeof(struct mount_entry *));
	AUTO_FREE struct mount_entry **queue = calloc(count + 1, sizeof(struct mount_entry *));
	AUTO_FREE bool *seen = calloc(count + 1, sizeof(*seen));
	size_t queued = 0;

	table->by_place = calloc(count + 1, sizeof(struct mount_entry *));
	if (!by_id || !queue || !seen || !table->by_place)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		by_id[i] = table->by_place[i] = &table->entries[i];
	qsort(by_id, count, sizeof(*by_id), id_compare);
	qsort(table->by_place, count, sizeof(*table->by_place), place_compare);

	for (size_t i = 0; i < count; i++) {
		struct mount_entry *e = &table->entries[i];

		if (e->parent_id != e->id)
			e->parent = entry_by_id(by_id, count, e->parent_id);
		if (!e->parent) {
			seen[i] = true;
			queue[queued++] = e;
		}
	}
	for (size_t i = 0, end = 0; i < count; i = end) {
		for (end = i + 1; end < count; end++)
			if (table->by_place[end]->parent_id != table->by_place[i]->parent_id)
				break;
		siblings_cover(table->by_place + i, end - i);
	}
	for (size_t next = 0; next < queued; next++) {
		size_t i = 0;
		size_t end = 0;

		for (children_of(table, queue[next]->id, &i, &end); i < end; i++) {
			struct mount_entry *e = table->by_place[i];
			size_t index = (size_t)(e - table->entries);

			if (seen[index])
				continue;
			seen[index] = true;
			/* Of several with this number, which is used anew while we read, this one. */
			e->parent = queue[next];
			e->hidden = e->hidden || queue[next]->hidden;
			queue[queued++] = e;
		}
	}
	/*
	 * The kernel shows a table piece by piece, and who moves mounts meanwhile can make it
	 * show a circle of parents: walks upwards must end.
	 */
	for (size_t i = 0; i < count; i++)
		if (!seen[i])
			table->entries[i].parent = NULL;
	return 0;
}

/* Does the name target + @rest lead into @e, and not into a mount on it? */
static bool entry_shows(const struct mount_table *table, const struct mount_entry *e,
			const char *rest)
{
	size_t i = 0;
	size_t end = 0;

	if (e->hidden)
		return false;
	for (children_of(table, e->id, &i, &end); i < end; i++) {
		const struct mount_entry *child = table->by_place[i];
		const char *below = path_after(child->target, e->target);

		if (child == e || !below)
			continue;
		if (!*below ? !on_process_root(child) : path_after(rest, below) != NULL)
			return false;
	}
	return true;
}

/* --- the table --------------------------------------------------------------- */

int mount_table_parse(const char *text, size_t len, struct mount_table **out)
{
	AUTO_MOUNT_TABLE struct mount_table *table = calloc(1, sizeof(*table));
	size_t lines = 0;
	char *cursor = NULL;
	int err = 0;

	if (!table)
		return -ENOMEM;
	if (len && (text[len - 1] != '\n' || memchr(text, '\0', len)))
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	table->entries = calloc(lines + 1, sizeof(*table->entries));
	table->text = malloc(len + 1);
	if (!table->entries || !table->text)
		return -ENOMEM;
	if (len)
		memcpy(table->text, text, len);
	table->text[len] = '\0';

	cursor = table->text;
	for (; table->count < lines; table->count++) {
		err = entry_parse(strsep(&cursor, "\n"), &table->entries[table->count]);
		if (err < 0)
			return err;
	}
	err = tree_build(table);
	if (err < 0)
		return err;
	*out = take_ptr(table);
	return 0;
}

int mount_table_read(int procfd, uint32_t pid, struct mount_table **out)
{
	char path[32] = "";
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	int err = 0;

	snprintf(path, sizeof(path), "%u/mountinfo", pid);
	err = file_read(procfd, path, MOUNTINFO_MAX, &text, &len);
	/* mounts_open_common() of fs/proc_namespace.c says EINVAL of a process that has exited. */
	if (err == -ENOENT || err == -EINVAL)
		return -ESRCH;
	if (err < 0)
		return err;
	return mount_table_parse(text, len, out);
}

void mount_table_free(struct mount_table *table)
{
	if (!table)
		return;
	free(table->entries);
	free(table->by_place);
	free(table->text);
	free(table);
}

const struct mount_entry *mount_table_next(const struct mount_table *table, uint32_t dev,
					   const char *fs_path, const struct mount_entry *prev)
{
	for (size_t i = prev ? (size_t)(prev - table->entries) + 1 : 0; i < table->count; i++) {
		const struct mount_entry *e = &table->entries[i];
		const char *rest = NULL;

		if (e->dev != dev || e->deleted)
			continue;
		rest = path_after(fs_path, e->root);
		if (rest && entry_shows(table, e, rest))
			return e;
	}
	return NULL;
}

const struct mount_entry *mount_table_find(const struct mount_table *table, uint32_t dev,
					   const char *fs_path, size_t nth)
{
	const struct mount_entry *e = mount_table_next(table, dev, fs_path, NULL);

	while (e && nth--)
		e = mount_table_next(table, dev, fs_path, e);
	return e;
}

const struct mount_entry *mount_table_by_id(const struct mount_table *table, int id)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entries[i].id == id)
			return &table->entries[i];
	return NULL;
}

const struct mount_entry *mount_table_at(const struct mount_table *table, const char *path)
{
	for (size_t i = 0; i < table->count; i++) {
		const char *rest = path_after(path, table->entries[i].target);

		if (rest && entry_shows(table, &table->entries[i], rest))
			return &table->entries[i];
	}
	return NULL;
}

int mount_path_join(const char *base, const char *rest, char **out)
{
	if (strcmp(base, "/") == 0 && *rest)
		base = "";
	return str_format(out, "%s%s", base, rest);
}

int mount_table_path(const struct mount_table *table, uint32_t dev, const char *fs_path, char **out)
{
	const struct mount_entry *best = NULL;
	const struct mount_entry *e = NULL;

	while ((e = mount_table_next(table, dev, fs_path, e)))
		if (!best || strlen(e->root) < strlen(best->root))
			best = e;
	if (!best)
		return -ENOENT;
	return mount_path_join(best->target, path_after(fs_path, best->root), out);
}
