// SPDX-License-Identifier: Apache-2.0
#include "user/container/mounted.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/container/runtime_files.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"
#include "user/util/text.h"

#define MOUNTINFO_MAX (4 << 20)
#define ID_LEN	      64

static const char *const targets[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/hostname"};

/* From the runtime's folder on, with the file's name to follow. */
static const struct {
	enum runtime runtime;
	enum runtime_dir kind;
	const char *before;
	const char *after;
} marks[] = {
	{RUNTIME_DOCKER, RUNTIME_DIR_DOCKER_DATA, "/containers/", ""},
	{RUNTIME_PODMAN, RUNTIME_DIR_STORAGE, "/overlay-containers/", "/userdata"},
	{RUNTIME_PODMAN, RUNTIME_DIR_STORAGE, "/vfs-containers/", "/userdata"},
	{RUNTIME_PODMAN, RUNTIME_DIR_STORAGE, "/vfs-containers/", "/userdata"},
	{RUNTIME_PODMAN, RUNTIME_DIR_STORAGE, "/btrfs-containers/", "/userdata"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A line of mountinfo, proc_pid_mountinfo(5); its strings are parts of the text. */
struct line {
	uint64_t id;
	const char *dev;
	char *root;
	char *target;
};

static bool line_parse(char *text, struct line *out)
{
	char *save = NULL;
	const char *id = strtok_r(text, " ", &save);
	const char *parent = id ? strtok_r(NULL, " ", &save) : NULL;
	struct line line = {0};

	line.dev = parent ? strtok_r(NULL, " ", &save) : NULL;
	line.root = line.dev ? strtok_r(NULL, " ", &save) : NULL;
	line.target = line.root ? strtok_r(NULL, " ", &save) : NULL;
	if (!line.target || sscanf(id, "%" SCNu64, &line.id) != 1)
		return false;
	text_unescape_octal(line.root);
	text_unescape_octal(line.target);
	*out = line;
	return true;
}

static bool is_hex(const char *s)
{
	for (int i = 0; i < ID_LEN; i++)
		if (!isdigit((unsigned char)s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	return true;
}

/* Is this the root of a mount that a runtime makes? *mark says which one's. */
static bool line_owner(const struct line *line, char id[ID_LEN + 1], size_t *mark)
{
	for (size_t i = 0; i < COUNT(targets) * COUNT(marks); i++) {
		const char *target = targets[i / COUNT(marks)];
		size_t m = i % COUNT(marks);
		const char *file = strrchr(target, '/');
		size_t before = strlen(marks[m].before);
		size_t after = strlen(marks[m].after);
		size_t tail = before + ID_LEN + after + strlen(file);
		const char *at = NULL;

		if (strcmp(line->target, target) != 0 || strlen(line->root) < tail)
			continue;
		at = line->root + strlen(line->root) - tail;
		if (strncmp(at, marks[m].before, before) != 0 || !is_hex(at + before) ||
		    strncmp(at + before + ID_LEN, marks[m].after, after) != 0 ||
		    strcmp(at + before + ID_LEN + after, file) != 0)
			continue;
		memcpy(id, at + before, ID_LEN);
		id[ID_LEN] = '\0';
		*mark = m;
		return true;
	}
	return false;
}

/* Is the root of @line the very file that @fd is open for? Paths of ours cannot be forged. */
static bool line_is_file(int procfd, const struct line *line, int fd)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *path = NULL;
	struct statx st = {};
	char link[32];
	char *save = NULL;

	snprintf(link, sizeof(link), "self/fd/%d", fd);
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) ||
	    file_readlink(procfd, link, &path) ||
	    file_read(procfd, "self/mountinfo", MOUNTINFO_MAX, &text, NULL))
		return false;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		AUTO_FREE char *expected = NULL;
		const char *rest = NULL;
		struct line ours = {0};

		if (!line_parse(l, &ours) || ours.id != st.stx_mnt_id)
			continue;
		rest = path_after(path, ours.target);
		if (!rest ||
		    str_format(&expected, "%s%s", strcmp(ours.root, "/") ? ours.root : "", rest))
			return false;
		return !strcmp(ours.dev, line->dev) && !strcmp(expected, line->root);
	}
	return false;
}

/* An id that a runtime of the host has, in a mount of a file that is not that runtime's. */
static bool line_lies(int procfd, const struct line *line, const char *id, size_t mark,
		      const struct runtime_dirs *dirs)
{
	AUTO_FREE char *path = NULL;
	bool known = false;

	if (str_format(&path, "%s%s%s%s", marks[mark].before, id, marks[mark].after,
		       strrchr(line->target, '/')))
		return true;
	for (size_t pos = 0;;) {
		AUTO_CLOSE int dir = runtime_dirs_next(dirs, marks[mark].kind, &pos);
		AUTO_CLOSE int fd = -1;

		if (dir < 0)
			return known;
		fd = file_open_in_root(dir, path, O_PATH);
		if (fd < 0)
			continue;
		if (line_is_file(procfd, line, fd))
			return false;
		known = true;
	}
}

int mounted_owner(int procfd, const struct record *r, const struct runtime_dirs *dirs,
		  struct cgroup_owner *out)
{
	struct cgroup_owner owner = {0};
	AUTO_FREE char *text = NULL;
	char path[64];
	char *save = NULL;

	snprintf(path, sizeof(path), "%" PRIu32 "/mountinfo", r->raw.tgid);
	if (file_read(procfd, path, MOUNTINFO_MAX, &text, NULL) ||
	    !process_is(procfd, r->raw.tgid, r->raw.start_ns))
		return -ENOENT;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char id[ID_LEN + 1] = "";
		struct line line = {0};
		size_t mark = 0;

		if (!line_parse(l, &line) || !line_owner(&line, id, &mark))
			continue;
		if ((owner.id[0] && strcmp(owner.id, id) != 0) ||
		    line_lies(procfd, &line, id, mark, dirs))
			return -ENOENT;
		owner.runtime = marks[mark].runtime;
		memcpy(owner.id, id, sizeof(id));
	}
	if (!owner.id[0])
		return -ENOENT;
	*out = owner;
	return 0;
}
