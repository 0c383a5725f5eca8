/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_DATAROOT_H
#define DOCKSNOOP_DATAROOT_H

#include <stddef.h>
#include <stdint.h>

#include "user/container/container.h"

/* Where a running daemon keeps its files, by its command line and configuration. */

/* What /proc says of a daemon. Texts that each end in NUL; NULL where len is 0. */
struct daemon_process {
	const char *cmdline;
	size_t cmdline_len;
	const char *environ;
	size_t environ_len;
	const char *cwd; /* to make relative paths whole; may be NULL */
	uint32_t uid;	 /* effective, as the host sees it: not 0 is a rootless daemon */
};

/*
 * Absolute paths, or NULL where nothing tells; free with daemon_dirs_clear().
 * dockerd: --data-root and --exec-root; podman: --root and --runroot;
 * containerd: its --state is exec_root, and data_root holds nothing of use here.
 */
struct daemon_dirs {
	char *data_root;
	char *exec_root;
};

void daemon_dirs_clear(struct daemon_dirs *dirs);

/*
 * The path of the daemon's configuration: --config-file (dockerd), --config
 * (containerd), or its default. 0 and malloc'd *out; -ENOENT when it has none or
 * is no daemon we know (dockerd, containerd, podman, by argv[0]); -ENOMEM.
 */
int daemon_config_path(const struct daemon_process *process, char **out);

/*
 * Its folders. A flag goes before the configuration, and that before the
 * default. @config is the configuration's content, JSON of dockerd or TOML of
 * containerd (of which only a plain top-level 'state = "…"' is understood), or
 * NULL. 0, -ENOENT when it is no daemon we know, -ENOMEM. What cannot be
 * understood counts as not there.
 */
int daemon_dirs_find(const struct daemon_process *process, const char *config, size_t len,
		     struct daemon_dirs *out);

/*
 * Add the folders of the daemon @pid, as /proc (@procfd) and its configuration,
 * read below the root of @dirs, tell. Paths are taken as the host's: a rootless
 * daemon has its own mount namespace, with its folders where the host has them.
 * Only for daemons of the host: one in a container would name folders of others.
 * 0, also when it is no daemon we know; -errno when the process is gone.
 */
int runtime_dirs_add_daemon(struct runtime_dirs *dirs, int procfd, uint32_t pid);

#endif
