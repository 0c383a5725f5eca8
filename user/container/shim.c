// SPDX-License-Identifier: Apache-2.0
#include "user/container/shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/util/cleanup.h"
#include "user/util/file.h"

#define CMDLINE_MAX  (128 << 10)
#define PID_FILE_MAX 64
/* Containers of one pod, and of others beside it in its namespace. */
#define BUNDLES_MAX 4096

/*
 * containerd's flags are Go's, to which -id and --id are one; conmon's are
 * glib's (src/cli.c), nspawn's getopt's.
 */
static const struct program {
	const char *name; /* up to its end, or to the next '-' */
	enum runtime runtime;
	const char *id[2];
	const char *ns[2];
	const char *bundle[2];
} programs[] = {
	{
		.name = "containerd-shim",
		.runtime = RUNTIME_CONTAINERD,
		.id = {"-id", "--id"},
		.ns = {"-namespace", "--namespace"},
	},
	{
		.name = "conmon",
		.runtime = RUNTIME_UNKNOWN, /* Podman's or CRI-O's: its files tell */
		.id = {"-c", "--cid"},
		.bundle = {"-b", "--bundle"},
	},
	{
		.name = "systemd-nspawn",
		.runtime = RUNTIME_NSPAWN,
		.id = {"-M", "--machine"},
	},
};

static const char *text_next(const char *texts, size_t len, size_t *pos)
{
	const char *text = texts + *pos;
	const char *end = *pos < len ? memchr(text, '\0', len - *pos) : NULL;

	if (!end)
		return NULL;
	*pos = (size_t)(end - texts) + 1;
	return text;
}

static const struct program *program_find(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		size_t len = strlen(programs[i].name);

		if (!strncmp(base, programs[i].name, len) && (!base[len] || base[len] == '-'))
			return &programs[i];
	}
	return NULL;
}

bool shim_is_called(const char *comm)
{
	return program_find(comm);
}

/* The value of a flag, as "-x value" or "-x=value"; NULL when @arg is not that flag. */
static const char *flag_value(const char *const names[2], const char *arg, const char *next)
{
	for (int i = 0; i < 2 && names[i]; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(arg, names[i], len))
			continue;
		if (arg[len] == '=')
			return arg + len + 1;
		if (!arg[len])
			return next;
	}
	return NULL;
}

static bool id_valid(const char *id)
{
	size_t len = strlen(id);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)id[i] < 0x20 || id[i] == 0x7f || id[i] == '/')
			return false;
	return len && len <= CONTAINER_ID_MAX && strcmp(id, ".") && strcmp(id, "..");
}

/* "<storage>/<driver>-containers/<id>/userdata", and more below it for an exec. */
static void storage_find(const char *bundle, struct shim *shim)
{
	AUTO_FREE char *mark = NULL;
	const char *found = NULL;
	const char *start = NULL;

	if (*bundle != '/' || str_format(&mark, "-containers/%s/userdata", shim->id))
		return;
	found = strstr(bundle, mark);
	if (!found)
		return;
	start = memrchr(bundle, '/', (size_t)(found - bundle));
	if (!start || start == bundle || (size_t)(start - bundle) >= sizeof(shim->folder))
		return;
	shim->kind = RUNTIME_DIR_STORAGE;
	memcpy(shim->folder, bundle, (size_t)(start - bundle));
	shim->folder[start - bundle] = '\0';
}

int shim_parse(const char *cmdline, size_t len, struct shim *out)
{
	struct shim shim = {.kind = RUNTIME_DIR_CONTAINERD};
	const struct program *program = NULL;
	const char *bundle = NULL;
	const char *id = NULL;
	const char *ns = NULL;
	const char *next = NULL;
	size_t pos = 0;
	const char *arg = text_next(cmdline, len, &pos);

	program = arg ? program_find(arg) : NULL;
	if (!program)
		return -ENOENT;
	/* The first one counts: behind them are words that conmon passes on. */
	for (arg = text_next(cmdline, len, &pos); arg; arg = next) {
		next = text_next(cmdline, len, &pos);
		id = id ? id : flag_value(program->id, arg, next);
		ns = ns ? ns : flag_value(program->ns, arg, next);
		bundle = bundle ? bundle : flag_value(program->bundle, arg, next);
	}
	if (!id || !id_valid(id))
		return -ENOENT;
	shim.runtime = program->runtime;
	snprintf(shim.id, sizeof(shim.id), "%s", id);
	if (ns && !strcmp(ns, "moby"))
		shim.runtime = RUNTIME_DOCKER; /* dockerd's own namespace */
	shim.pod = ns && !strcmp(ns, "k8s.io");
	if (bundle)
		storage_find(bundle, &shim);
	*out = shim;
	return 0;
}

/* Does a bundle say that @pid is its container's first process? */
static bool bundle_has(int dirfd, const char *bundle, uint32_t pid)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *text = NULL;
	unsigned long long number = 0;

	return !str_format(&path, "%s/init.pid", bundle) &&
	       !file_read(dirfd, path, PID_FILE_MAX, &text, NULL) &&
	       !str_parse_uint(text, 1, UINT32_MAX, &number) && number == pid;
}

/*
 * All containers of a pod have one shim, which runs in the bundle of the first.
 * The others lie beside it: <state>/io.containerd.runtime.v2.task/<ns>/<id>.
 */
static int bundle_find(int procfd, uint32_t pid, uint32_t child, struct shim *shim)
{
	AUTO_CLOSE int beside = -1;
	AUTO_CLOSEDIR DIR *dir = NULL;
	const struct dirent *entry = NULL;
	char path[64] = "";

	snprintf(path, sizeof(path), "%" PRIu32 "/cwd/..", pid);
	beside = openat(procfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (beside < 0)
		return -errno;
	if (bundle_has(beside, shim->id, child))
		return 0;
	dir = fdopendir(beside);
	if (!dir)
		return -ENOMEM;
	take_fd(&beside);
	for (size_t n = 0; n < BUNDLES_MAX && (entry = readdir(dir)); n++) {
		if (!id_valid(entry->d_name) || !bundle_has(dirfd(dir), entry->d_name, child))
			continue;
		snprintf(shim->id, sizeof(shim->id), "%s", entry->d_name);
		return 0;
	}
	return -ENOENT;
}

/* The folder above the namespace's, as the shim's own mount namespace shows it. */
static void bundles_place(int procfd, uint32_t pid, struct shim *shim)
{
	AUTO_FREE char *cwd = NULL;
	char path[64] = "";

	snprintf(path, sizeof(path), "%" PRIu32 "/cwd", pid);
	if (file_readlink(procfd, path, &cwd) || *cwd != '/')
		return;
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(cwd, '/');

		if (slash == cwd)
			return;
		*slash = '\0';
	}
	snprintf(shim->folder, sizeof(shim->folder), "%s", cwd);
}

int shim_read_cmdline(int procfd, uint32_t pid, struct shim *out)
{
	AUTO_FREE char *cmdline = NULL;
	char path[64] = "";
	size_t len = 0;
	int err = 0;

	snprintf(path, sizeof(path), "%" PRIu32 "/cmdline", pid);
	err = file_read(procfd, path, CMDLINE_MAX, &cmdline, &len);
	return err ? err : shim_parse(cmdline, len, out);
}

int shim_read(int procfd, uint32_t pid, uint32_t child, struct shim *out)
{
	struct shim shim = {0};
	int err = shim_read_cmdline(procfd, pid, &shim);

	if (err)
		return err;
	if (shim.runtime == RUNTIME_CONTAINERD || shim.runtime == RUNTIME_DOCKER) {
		err = bundle_find(procfd, pid, child, &shim);
		if (err)
			return err;
		bundles_place(procfd, pid, &shim);
	}
	*out = shim;
	return 0;
}
