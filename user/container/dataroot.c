// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/container/dataroot.h"
#include "user/container/runtime_files.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

#define CMDLINE_MAX (128 << 10)
#define ENVIRON_MAX (1 << 20)
#define STATUS_MAX  (64 << 10)
#define TASKS	    "io.containerd.runtime.v2.task"

enum program {
	PROGRAM_NONE,
	PROGRAM_DOCKERD,
	PROGRAM_CONTAINERD,
	PROGRAM_PODMAN,
};

enum place {
	PLACE_DATA,
	PLACE_EXEC,
	PLACE_CONFIG,
	PLACE_COUNT,
};

static const struct {
	const char *name;
	enum program program;
} programs[] = {
	{"dockerd", PROGRAM_DOCKERD},
	{"dockerd-current", PROGRAM_DOCKERD}, /* RHEL 7 */
	{"containerd", PROGRAM_CONTAINERD},
	{"podman", PROGRAM_PODMAN},
};

/* containerd parses with Go's flag package, to which -state and --state are one. */
static const struct {
	enum program program;
	enum place place;
	const char *name;
} flags[] = {
	{PROGRAM_DOCKERD, PLACE_DATA, "--data-root"},
	{PROGRAM_DOCKERD, PLACE_DATA, "--graph"}, /* until 23.0 */
	{PROGRAM_DOCKERD, PLACE_DATA, "-g"},
	{PROGRAM_DOCKERD, PLACE_EXEC, "--exec-root"},
	{PROGRAM_DOCKERD, PLACE_CONFIG, "--config-file"},
	{PROGRAM_CONTAINERD, PLACE_EXEC, "--state"},
	{PROGRAM_CONTAINERD, PLACE_EXEC, "-state"},
	{PROGRAM_CONTAINERD, PLACE_CONFIG, "--config"},
	{PROGRAM_CONTAINERD, PLACE_CONFIG, "-config"},
	{PROGRAM_CONTAINERD, PLACE_CONFIG, "-c"},
	{PROGRAM_CONTAINERD, PLACE_CONFIG, "--c"},
	{PROGRAM_PODMAN, PLACE_DATA, "--root"},
	{PROGRAM_PODMAN, PLACE_EXEC, "--runroot"},
};

/* Without a flag: first the first of these whose variable is set. */
static const struct {
	enum program program;
	enum place place;
	bool rootless;
	const char *variable; /* before the path, NULL: none */
	const char *path;
} defaults[] = {
	{PROGRAM_DOCKERD, PLACE_DATA, false, NULL, "/var/lib/docker"},
	{PROGRAM_DOCKERD, PLACE_EXEC, false, NULL, "/run/docker"},
	{PROGRAM_DOCKERD, PLACE_CONFIG, false, NULL, "/etc/docker/daemon.json"},
	{PROGRAM_DOCKERD, PLACE_DATA, true, "XDG_DATA_HOME", "/docker"},
	{PROGRAM_DOCKERD, PLACE_DATA, true, "HOME", "/.local/share/docker"},
	{PROGRAM_DOCKERD, PLACE_EXEC, true, "XDG_RUNTIME_DIR", "/docker"},
	{PROGRAM_DOCKERD, PLACE_CONFIG, true, "XDG_CONFIG_HOME", "/docker/daemon.json"},
	{PROGRAM_DOCKERD, PLACE_CONFIG, true, "HOME", "/.config/docker/daemon.json"},
	{PROGRAM_CONTAINERD, PLACE_EXEC, false, NULL, "/run/containerd"},
	{PROGRAM_CONTAINERD, PLACE_CONFIG, false, NULL, "/etc/containerd/config.toml"},
	/* containerd-rootless.sh of nerdctl binds it over /run/containerd */
	{PROGRAM_CONTAINERD, PLACE_EXEC, true, "XDG_RUNTIME_DIR", "/containerd"},
	{PROGRAM_CONTAINERD, PLACE_CONFIG, true, "XDG_CONFIG_HOME", "/containerd/config.toml"},
	{PROGRAM_CONTAINERD, PLACE_CONFIG, true, "HOME", "/.config/containerd/config.toml"},
	{PROGRAM_PODMAN, PLACE_DATA, false, NULL, "/var/lib/containers/storage"},
	{PROGRAM_PODMAN, PLACE_EXEC, false, NULL, "/run/containers/storage"},
	{PROGRAM_PODMAN, PLACE_DATA, true, "XDG_DATA_HOME", "/containers/storage"},
	{PROGRAM_PODMAN, PLACE_DATA, true, "HOME", "/.local/share/containers/storage"},
	{PROGRAM_PODMAN, PLACE_EXEC, true, "XDG_RUNTIME_DIR", "/containers"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- the command line ------------------------------------------------------------ */

/* Texts that each end in NUL; one that lacks its own was cut and does not count. */
static const char *texts_next(const char *texts, size_t len, size_t *pos)
{
	const char *text = NULL;
	const char *end = NULL;

	if (*pos >= len)
		return NULL;
	text = texts + *pos;
	end = memchr(text, '\0', len - *pos);
	if (!end)
		return NULL;
	*pos = (size_t)(end - texts) + 1;
	return text;
}

static enum program program_find(const struct daemon_process *process)
{
	size_t pos = 0;
	const char *name = texts_next(process->cmdline, process->cmdline_len, &pos);
	const char *slash = name ? strrchr(name, '/') : NULL;

	if (slash)
		name = slash + 1;
	for (size_t i = 0; name && i < COUNT(programs); i++)
		if (strcmp(name, programs[i].name) == 0)
			return programs[i].program;
	return PROGRAM_NONE;
}

/* Does @arg set the flag? NULL: no; "" with *separate: the next argument does. */
static const char *flag_value(const char *arg, const char *name, bool *separate)
{
	size_t len = strlen(name);

	*separate = false;
	if (strncmp(arg, name, len) != 0)
		return NULL;
	*separate = !arg[len];
	if (*separate || arg[len] == '=')
		return arg + len + !*separate;
	/* -gX: pflag, of one letter only */
	return strcmp(name, "-g") == 0 ? arg + len : NULL;
}

/* What the flags say of each place; the last one counts. Within cmdline. */
static void flags_read(const struct daemon_process *process, enum program program,
		       const char *values[PLACE_COUNT])
{
	size_t pos = 0;
	const char *arg = texts_next(process->cmdline, process->cmdline_len, &pos);

	while ((arg = texts_next(process->cmdline, process->cmdline_len, &pos))) {
		for (size_t i = 0; i < COUNT(flags); i++) {
			bool separate = false;
			const char *value = NULL;

			if (flags[i].program != program)
				continue;
			value = flag_value(arg, flags[i].name, &separate);
			if (separate)
				value = texts_next(process->cmdline, process->cmdline_len, &pos);
			if (!value)
				continue;
			if (*value)
				values[flags[i].place] = value;
			break;
		}
	}
}

/* --- defaults ---------------------------------------------------------------------- */

static const char *variable_find(const struct daemon_process *process, const char *name)
{
	size_t len = strlen(name);
	const char *text = NULL;

	for (size_t pos = 0; (text = texts_next(process->environ, process->environ_len, &pos));)
		if (strncmp(text, name, len) == 0 && text[len] == '=')
			return text[len + 1] == '/' ? text + len + 1 : NULL;
	return NULL;
}

static int default_find(const struct daemon_process *process, enum program program,
			enum place place, char **out)
{
	for (size_t i = 0; i < COUNT(defaults); i++) {
		const char *before = "";

		if (defaults[i].program != program || defaults[i].place != place ||
		    defaults[i].rootless != (process->uid != 0))
			continue;
		if (defaults[i].variable)
			before = variable_find(process, defaults[i].variable);
		if (before)
			return str_format(out, "%s%s", before, defaults[i].path);
	}
	return -ENOENT;
}

/* A path as the daemon understands it, made absolute. -ENOENT where that cannot be. */
static int path_make(const struct daemon_process *process, const char *path, char **out)
{
	if (*path == '/')
		return str_format(out, "%s", path);
	if (!process->cwd || *process->cwd != '/')
		return -ENOENT;
	return str_format(out, "%s/%s", process->cwd, path);
}

/* --- the configuration --------------------------------------------------------------- */

/* daemon.json. */
static int docker_config_read(const char *text, size_t len, struct daemon_dirs *out)
{
	json_t *json CLEANUP(json_decrefp) = NULL;
	bool damaged = false;
	const char *data = NULL;
	int err = json_text_parse(text, len, &json, &damaged);

	if (err)
		return err == -ENOMEM ? err : 0;
	data = json_member_text(json, "data-root", &damaged);
	if (!data)
		data = json_member_text(json, "graph", &damaged);
	err = container_set(&out->data_root, data);
	return err ? err
		   : container_set(&out->exec_root, json_member_text(json, "exec-root", &damaged));
}

/* 'state = "…"' on a line before the first table; no escapes. */
static int containerd_config_read(const char *text, size_t len, struct daemon_dirs *out)
{
	static const char key[] = "state";
	AUTO_FREE char *copy = strndup(text, len);
	char *rest = copy;
	char *line = NULL;

	if (!copy)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n"))) {
		char *end = NULL;
		char quote = '\0';

		line += strspn(line, " \t");
		if (*line == '[')
			return 0;
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		line += strlen(key);
		line += strspn(line, " \t");
		if (*line != '=')
			continue;
		line++;
		line += strspn(line, " \t");
		quote = *line;
		if (quote != '"' && quote != '\'')
			continue;
		line++;
		end = strchr(line, quote);
		if (!end || end == line)
			continue;
		*end = '\0';
		return quote == '"' && strchr(line, '\\') ? 0
							  : container_set(&out->exec_root, line);
	}
	return 0;
}

/* --- together --------------------------------------------------------------------------- */

void daemon_dirs_clear(struct daemon_dirs *dirs)
{
	free(dirs->data_root);
	free(dirs->exec_root);
	*dirs = (struct daemon_dirs){};
}

int daemon_config_path(const struct daemon_process *process, char **out)
{
	enum program program = program_find(process);
	const char *values[PLACE_COUNT] = {};

	if (program == PROGRAM_NONE)
		return -ENOENT;
	flags_read(process, program, values);
	if (values[PLACE_CONFIG])
		return path_make(process, values[PLACE_CONFIG], out);
	return default_find(process, program, PLACE_CONFIG, out);
}

/* By flag, else what the configuration said, else the default; NULL where none tells. */
static int place_settle(const struct daemon_process *process, enum program program,
			enum place place, const char *flag, const char *configured, char **out)
{
	AUTO_FREE char *path = NULL;
	int err = 0;

	if (flag)
		err = path_make(process, flag, &path);
	else if (configured)
		err = path_make(process, configured, &path);
	else
		err = default_find(process, program, place, &path);
	if (err && err != -ENOENT)
		return err;
	*out = take_ptr(path);
	return 0;
}

int daemon_dirs_find(const struct daemon_process *process, const char *config, size_t len,
		     struct daemon_dirs *out)
{
	struct daemon_dirs configured CLEANUP(daemon_dirs_clear) = {};
	struct daemon_dirs found CLEANUP(daemon_dirs_clear) = {};
	enum program program = program_find(process);
	const char *values[PLACE_COUNT] = {};
	int err = 0;

	if (program == PROGRAM_NONE)
		return -ENOENT;
	flags_read(process, program, values);
	if (config && program == PROGRAM_DOCKERD)
		err = docker_config_read(config, len, &configured);
	else if (config && program == PROGRAM_CONTAINERD)
		err = containerd_config_read(config, len, &configured);
	err = err ? err
		  : place_settle(process, program, PLACE_DATA, values[PLACE_DATA],
				 configured.data_root, &found.data_root);
	err = err ? err
		  : place_settle(process, program, PLACE_EXEC, values[PLACE_EXEC],
				 configured.exec_root, &found.exec_root);
	if (err)
		return err;
	*out = found;
	found = (struct daemon_dirs){};
	return 0;
}

/* --- a process of this host ----------------------------------------------------------------- */

/* The second number of "Uid:", the effective one: proc(5). */
static int uid_read(int procfd, uint32_t pid, uint32_t *out)
{
	AUTO_FREE char *text = NULL;
	const char *line = NULL;
	char path[32] = "";
	uint32_t uid = 0;
	int err = 0;

	snprintf(path, sizeof(path), "%" PRIu32 "/status", pid);
	err = file_read(procfd, path, STATUS_MAX, &text, NULL);
	if (err)
		return err;
	line = strstr(text, "\nUid:");
	if (!line || sscanf(line, "\nUid: %*u %" SCNu32, &uid) != 1)
		return -EINVAL;
	*out = uid;
	return 0;
}

static int dirs_add_tasks(struct runtime_dirs *dirs, const char *root, const char *below)
{
	AUTO_FREE char *path = NULL;
	int err = root ? str_format(&path, "%s%s/" TASKS, root, below) : 0;

	return err || !root ? err : runtime_dirs_add(dirs, RUNTIME_DIR_CONTAINERD, path);
}

static int dirs_add(struct runtime_dirs *dirs, enum program program,
		    const struct daemon_dirs *daemon)
{
	int err = 0;

	switch (program) {
	case PROGRAM_DOCKERD:
		if (daemon->data_root)
			err = runtime_dirs_add(dirs, RUNTIME_DIR_DOCKER_DATA, daemon->data_root);
		return err ? err : dirs_add_tasks(dirs, daemon->exec_root, "/containerd/daemon");
	case PROGRAM_CONTAINERD:
		return dirs_add_tasks(dirs, daemon->exec_root, "");
	case PROGRAM_PODMAN:
		if (daemon->data_root)
			err = runtime_dirs_add(dirs, RUNTIME_DIR_STORAGE, daemon->data_root);
		if (!err && daemon->exec_root)
			err = runtime_dirs_add(dirs, RUNTIME_DIR_STORAGE, daemon->exec_root);
		return err;
	case PROGRAM_NONE:
		break;
	}
	return 0;
}

int runtime_dirs_add_daemon(struct runtime_dirs *dirs, int procfd, uint32_t pid)
{
	struct daemon_dirs found CLEANUP(daemon_dirs_clear) = {};
	struct daemon_process process = {};
	AUTO_FREE char *cmdline = NULL;
	AUTO_FREE char *environment = NULL;
	AUTO_FREE char *cwd = NULL;
	AUTO_FREE char *config_path = NULL;
	AUTO_FREE char *config = NULL;
	AUTO_CLOSE int fd = -1;
	size_t len = 0;
	char path[32] = "";
	int err = 0;

	snprintf(path, sizeof(path), "%" PRIu32 "/cmdline", pid);
	err = file_read(procfd, path, CMDLINE_MAX, &cmdline, &process.cmdline_len);
	err = err ? err : uid_read(procfd, pid, &process.uid);
	if (err)
		return err;
	/* Without these two some paths stay unknown, the others do not. */
	snprintf(path, sizeof(path), "%" PRIu32 "/environ", pid);
	file_read(procfd, path, ENVIRON_MAX, &environment, &process.environ_len);
	snprintf(path, sizeof(path), "%" PRIu32 "/cwd", pid);
	file_readlink(procfd, path, &cwd);
	process.cmdline = cmdline;
	process.environ = environment;
	process.cwd = cwd;

	err = daemon_config_path(&process, &config_path);
	if (err == -ENOMEM)
		return err;
	if (!err)
		fd = file_open_in_root(dirs->rootfd, config_path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && file_read_fd(fd, RUNTIME_FILE_MAX, &config, &len) == -ENOMEM)
		return -ENOMEM;
	err = daemon_dirs_find(&process, config, len, &found);
	if (err)
		return err == -ENOENT ? 0 : err;
	return dirs_add(dirs, program_find(&process), &found);
}
