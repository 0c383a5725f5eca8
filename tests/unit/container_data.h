/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TEST_CONTAINER_DATA_H
#define DOCKSNOOP_TEST_CONTAINER_DATA_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/container/container.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* The containers of data/container: see the README there. */
#define VOLS	 "03a270ad3b1e531416bd7bc3343ef1517208099a0c6cc68472ff96a6d6691661"
#define PRIV	 "79d201a00427b94232648f9cfeb74ba99fdf128de44aa2b0b33532d9060bf712"
#define LABELS	 "45bcdb8b83eb00dedd2909a5a6f021f65e14ecffe17f6bea3a3afc018c698371"
#define COMPOSE	 "85384050507cc6c00e2e940ff28ffed8ca2af8ff9c1680dfb49fb3b2840ea015"
#define HOSTILE	 "865e95f85fedc7ef2e57e2ba7a2fc8287e36f1fb1b8cd06f95a5409a407d7523"
#define PIDHOST	 "1d281099ecbd1a73c163bace45b24e2a0a31a61973a99f6d13584955deb0cc7e"
#define PARENTED "c166c36b540d64dfa813136c8f5499bb32f32ff27abc2b2eb754be743d45ca15"
#define NERDCTL	 "6f1c9a0e2b7d4c58a3f0e1d2c3b4a5968778695a4b3c2d1e0f1a2b3c4d5e6f70"
#define PODWEB	 "53150978a4610793f6c8e7edf1cdc3768b27f6e85bd28965062aa7be4bfe627d"
#define PODRM	 "307304360a4b381fdb6f6fc0d3e7b2ece500e4c2ddd6a689b5b660f6cedb11f3"
#define PODPRIV	 "cbfc3a2d612f9bf96edc61c9cb4cb876d822123f79893bb54683088afece2844"
#define CRIO	 "134b58ab2e0cfd7432a9db818b1b4ec52fdc747333f0ba2c9342860dc2ea7c50"
#define CRIO_POD "c8bd7c0f3406c10e0c426118abba864f92f05dbe24c829d32bf09ccae15386df"

#define TASKS "/run/containerd/io.containerd.runtime.v2.task"

static inline void cleanup_dirs(struct runtime_dirs **dirs)
{
	runtime_dirs_free(*dirs);
}
#define AUTO_DIRS CLEANUP(cleanup_dirs)

static inline struct container *load(const char *root, enum runtime runtime, const char *id,
				     int want)
{
	struct runtime_dirs *dirs AUTO_DIRS = runtime_dirs_new(root);
	struct container *c = NULL;
	int err = 0;

	assert_non_null(dirs);
	err = container_load(dirs, runtime, id, &c);
	if (err != want)
		print_error("%s: %d, want %d\n", id, err, want);
	assert_int_equal(err, want);
	assert_int_equal(c == NULL, want && want != -EINVAL);
	if (c) {
		assert_true(c->described);
		assert_string_equal(c->id, id);
	}
	return c;
}

static inline struct container *recorded(enum runtime runtime, const char *id)
{
	return load(TEST_DATA "/container/root", runtime, id, 0);
}

static inline const struct container_mount *mount_at(const struct container *c,
						     const char *destination)
{
	for (size_t i = 0; i < c->mount_count; i++)
		if (strcmp(c->mounts[i].destination, destination) == 0)
			return &c->mounts[i];
	fail_msg("no mount at %s", destination);
	return NULL;
}

static inline void check_mount(const struct container *c, const char *destination, const char *type,
			       const char *source, const char *volume, bool read_only)
{
	const struct container_mount *m = mount_at(c, destination);

	assert_string_equal(m->type, type);
	if (source)
		assert_string_equal(m->source, source);
	else
		assert_null(m->source);
	if (volume)
		assert_string_equal(m->volume, volume);
	else
		assert_null(m->volume);
	assert_int_equal(m->read_only, read_only);
}

/* --- a root of our own ---------------------------------------------------------------- */

static char root[] = "/tmp/test_container.XXXXXX";

static inline int make_root(void **state)
{
	(void)state;
	strcpy(strrchr(root, '.'), ".XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static inline int entry_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int remove_root(void **state)
{
	(void)state;
	return nftw(root, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline char *path_in_root(const char *path)
{
	char *full = NULL;

	assert_int_equal(str_format(&full, "%s%s", root, path), 0);
	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	return full;
}

static inline void put_bytes(const char *path, const char *data, size_t len)
{
	AUTO_FREE char *full = path_in_root(path);
	AUTO_CLOSE int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
}

static inline void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static inline void put_docker(const char *id, const char *config, const char *host)
{
	AUTO_FREE char *config_path = NULL;
	AUTO_FREE char *host_path = NULL;

	assert_int_equal(
		str_format(&config_path, "/var/lib/docker/containers/%s/config.v2.json", id), 0);
	assert_int_equal(
		str_format(&host_path, "/var/lib/docker/containers/%s/hostconfig.json", id), 0);
	put(config_path, config);
	if (host)
		put(host_path, host);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

#endif
