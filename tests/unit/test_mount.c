// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/mount_data.h"
#include "user/exposure/exposure.h"
#include "user/exposure/mount.h"

#define RUN_DEV 39 /* 0:39, /run of the recorded host */

static const struct socket_file docker_sock = {
	.dev = RUN_DEV,
	.fs_path = "/docker.sock",
	.path = "/run/docker.sock",
};

#define MOUNT(t, s, d, v)                                                                          \
	{                                                                                          \
		.type = (char *)(t), .source = (char *)(s), .destination = (char *)(d),            \
		.volume = (char *)(v)                                                              \
	}

/* What scans saw, one line for each call. */
struct seen {
	char text[4096];
	int stop_with;
};

static int see(const struct socket_file *socket, const struct mount_use *use, void *ctx)
{
	struct seen *seen = ctx;
	size_t len = strlen(seen->text);

	assert_true(use->known);
	snprintf(seen->text + len, sizeof(seen->text) - len, "%s %s -> %s %s%s: %s\n",
		 mount_via_name(use->via), use->source ? use->source : "?", use->target,
		 use->read_only ? "ro" : "rw", use->stale ? " stale" : "", socket->path);
	return seen->stop_with;
}

static void scan(const char *name, const char *host_name, const struct container *container,
		 const struct socket_file *socket, struct seen *seen)
{
	AUTO_MOUNT_TABLE struct mount_table *table = mount_data_load(name);
	AUTO_MOUNT_TABLE struct mount_table *host = mount_data_load(host_name);

	*seen = (struct seen){};
	assert_int_equal(exposure_scan(table, host, container, socket, 1, see, seen), 0);
}

struct recorded {
	const char *name;
	struct container_mount mount;
	const char *configured; /* with the container's configuration */
	const char *alone;	/* from the tables alone */
};

/* Configurations as config.v2.json had them, a volume's source as its opts.json has it. */
static const struct recorded recorded[] = {
	{.name = "docker-none", .configured = "", .alone = ""},
	{.name = "docker-socket",
	 .mount = MOUNT("bind", "/var/run/docker.sock", "/tmp/x.sock", NULL),
	 .configured = "socket-bind /var/run/docker.sock -> /tmp/x.sock rw: /run/docker.sock\n",
	 .alone = "socket-bind /run/docker.sock -> /tmp/x.sock rw: /run/docker.sock\n"},
	{.name = "docker-stale",
	 .mount = MOUNT("bind", "/var/run/docker.sock", "/tmp/x.sock", NULL),
	 .configured =
		 "socket-bind /var/run/docker.sock -> /tmp/x.sock rw stale: /run/docker.sock\n",
	 .alone = "socket-bind /run/docker.sock -> /tmp/x.sock rw stale: /run/docker.sock\n"},
	{.name = "docker-alias",
	 .mount = MOUNT("bind", "/var/run/docker.sock", "/var/run/docker.sock", NULL),
	 .configured =
		 "socket-bind /var/run/docker.sock -> /var/run/docker.sock ro: /run/docker.sock\n",
	 .alone = "socket-bind /run/docker.sock -> /run/docker.sock ro: /run/docker.sock\n"},
	{.name = "docker-directory",
	 .mount = MOUNT("bind", "/var/run", "/hostrun", NULL),
	 .configured = "directory-bind /var/run -> /hostrun rw: /run/docker.sock\n",
	 .alone = "directory-bind /run -> /hostrun rw: /run/docker.sock\n"},
	/* ":ro" is of /host alone: /host/run, on which the socket is, stays writable. */
	{.name = "docker-root",
	 .mount = MOUNT("bind", "/", "/host", NULL),
	 .configured = "host-root / -> /host rw: /run/docker.sock\n",
	 .alone = "host-root / -> /host rw: /run/docker.sock\n"},
	{.name = "docker-volume",
	 .mount = MOUNT("volume", "/run", "/vol", "hostrun"),
	 .configured = "volume /run -> /vol rw: /run/docker.sock\n",
	 .alone = "directory-bind /run -> /vol rw: /run/docker.sock\n"},
	{.name = "docker-masked",
	 .mount = MOUNT("bind", "/run", "/hostrun", NULL),
	 .configured = "",
	 .alone = ""},
	{.name = "docker-over",
	 .mount = MOUNT("bind", "/run", "/hostrun", NULL),
	 .configured = "",
	 .alone = ""},
	{.name = "docker-own",
	 .mount = MOUNT("bind", "/run", "/hostrun", NULL),
	 .configured = "directory-bind /run -> /hostrun rw: /run/docker.sock\n"
		       "socket-bind /run/docker.sock -> /tmp/b/s rw: /run/docker.sock\n"
		       "socket-bind /run/docker.sock -> /hostrun/own.sock rw: /run/docker.sock\n"
		       "socket-bind /run/docker.sock -> /hostrun/lock/y rw: /run/docker.sock\n",
	 .alone = "directory-bind /run -> /hostrun rw: /run/docker.sock\n"
		  "socket-bind /run/docker.sock -> /tmp/b/s rw: /run/docker.sock\n"
		  "socket-bind /run/docker.sock -> /hostrun/own.sock rw: /run/docker.sock\n"
		  "socket-bind /run/docker.sock -> /hostrun/lock/y rw: /run/docker.sock\n"},
};

static void scan_recorded(void **state)
{
	struct seen seen = {};

	(void)state;
	for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
		const struct recorded *r = &recorded[i];
		struct container_mount mount = r->mount;
		struct container container = {.mounts = &mount, .mount_count = !!mount.type};

		scan(r->name, "docker-host", &container, &docker_sock, &seen);
		if (strcmp(seen.text, r->configured) != 0)
			fail_msg("%s, configured:\n%s", r->name, seen.text);
		scan(r->name, "docker-host", NULL, &docker_sock, &seen);
		if (strcmp(seen.text, r->alone) != 0)
			fail_msg("%s, alone:\n%s", r->name, seen.text);
	}
}

static void scan_debian(void **state)
{
	struct container_mount mounts[] = {
		MOUNT("bind", "/srv/traefik/acme.json", "/acme.json", NULL),
		MOUNT("bind", "/var/run/docker.sock", "/var/run/docker.sock", NULL),
	};
	struct container container = {.mounts = mounts, .mount_count = 2};
	struct socket_file socket = {.dev = 23, "/docker.sock", "/run/docker.sock"};
	struct seen seen = {};

	(void)state;
	scan("debian-socket", "debian-host", &container, &socket, &seen);
	assert_string_equal(seen.text, "socket-bind /var/run/docker.sock -> /var/run/docker.sock "
				       "ro: /run/docker.sock\n");
}

static void scan_host_itself(void **state)
{
	struct seen seen = {};

	(void)state;
	scan("docker-host", "docker-host", NULL, &docker_sock, &seen);
	assert_string_equal(seen.text, "host-root / -> / rw: /run/docker.sock\n");
}

/* Another file that was unlinked is no stale bind of this socket. */
static void scan_stale_other(void **state)
{
	struct socket_file other = docker_sock;
	struct seen seen = {};

	(void)state;
	other.fs_path = "/other.sock";
	scan("docker-stale", "docker-host", NULL, &other, &seen);
	assert_string_equal(seen.text, "");
}

static void scan_several_sockets(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *table = mount_data_load("docker-directory");
	AUTO_MOUNT_TABLE struct mount_table *host = mount_data_load("docker-host");
	const struct socket_file sockets[] = {
		{.dev = 99, .fs_path = "/docker.sock", .path = "elsewhere"},
		{.dev = RUN_DEV, .fs_path = NULL, .path = "@abstract"},
		{.dev = RUN_DEV, .fs_path = "/docker.sock", .path = "first"},
		{.dev = RUN_DEV, .fs_path = "/docker/metrics.sock", .path = "second"},
	};
	struct seen seen = {};

	(void)state;
	assert_int_equal(exposure_scan(table, host, NULL, sockets, 4, see, &seen), 0);
	assert_string_equal(seen.text, "directory-bind /run -> /hostrun rw: first\n"
				       "directory-bind /run -> /hostrun rw: second\n");

	seen = (struct seen){.stop_with = -EPIPE};
	assert_int_equal(exposure_scan(table, host, NULL, sockets, 4, see, &seen), -EPIPE);
	assert_string_equal(seen.text, "directory-bind /run -> /hostrun rw: first\n");
}

static int count_calls(const struct socket_file *socket, const struct mount_use *use, void *ctx)
{
	(void)socket;
	(void)use;
	++*(size_t *)ctx;
	return 0;
}

static void scan_is_bounded(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *host = mount_data_load("docker-host");
	AUTO_MOUNT_TABLE struct mount_table *table = NULL;
	AUTO_FREE char *text = malloc(1 << 20);
	size_t len = 0;
	size_t calls = 0;

	(void)state;
	assert_non_null(text);
	len += (size_t)sprintf(text, "1 0 0:77 / / rw - overlay x rw\n");
	for (size_t i = 2; i < 5000; i++)
		len += (size_t)sprintf(text + len, "%zu 1 0:39 / /m/%zu rw - tmpfs x rw\n", i, i);
	assert_int_equal(mount_table_parse(text, len, &table), 0);
	assert_int_equal(exposure_scan(table, host, NULL, &docker_sock, 1, count_calls, &calls), 0);
	assert_int_equal(calls, EXPOSURE_MOUNTS_MAX);
}

/* --- one entry --------------------------------------------------------------- */

static struct mount_table *parsed(const char *text)
{
	struct mount_table *table = NULL;

	assert_int_equal(mount_table_parse(text, strlen(text), &table), 0);
	return table;
}

static const char host_text[] = "1 0 8:1 / / rw - ext4 x rw\n"
				"2 1 0:39 / /run rw - tmpfs x rw\n"
				"3 2 0:41 / /run/extra rw - tmpfs x rw\n"
				"4 1 8:1 /srv/data /mnt/again rw - ext4 x rw\n"
				"5 2 0:39 /docker.sock /run/file.sock rw - tmpfs x rw\n"
				"6 1 0:44 / /srv/data/vol rw - tmpfs x rw\n";

#define CONTAINER_ROOT "50 0 0:77 / / rw - overlay x rw\n"

struct use_case {
	const char *what;
	const char *text; /* of the container's table, below its root */
	struct container_mount mounts[3];
	const char *used[2]; /* by the entries that lead to the socket */
};

static const struct use_case use_cases[] = {
	{"the longest destination", /* -v /:/host -v /run:/host/run */
	 "51 50 8:1 / /host rw - x x rw\n52 51 0:39 / /host/run rw - x x rw\n"
	 "53 52 0:39 / /host/run ro - x x rw\n",
	 {MOUNT("bind", "/", "/host", NULL), MOUNT("bind", "/run", "/host/run", NULL)},
	 {"directory-bind /run -> /host/run ro"}},
	{"a volume over what a bind brought along",
	 "51 50 8:1 / /host rw - x x rw\n52 51 0:40 / /host/v rw - x x rw\n"
	 "53 52 0:39 / /host/v rw - x x rw\n",
	 {MOUNT("bind", "/", "/host", NULL), MOUNT("volume", "/run", "/host/v", "v")},
	 {"volume /run -> /host/v rw"}},
	{"a source of slashes, destinations with one too many",
	 "51 50 8:1 / /host rw - x x rw\n52 51 0:39 / /host/run rw - x x rw\n",
	 {MOUNT("bind", "//", "/host/", NULL)},
	 {"host-root // -> /host/ rw"}},
	{"the host's root under another name",
	 "51 50 8:1 / /h rw - x x rw\n52 51 0:39 / /h/run rw - x x rw\n",
	 {MOUNT("bind", "/proc/1/root", "/h", NULL)},
	 {"host-root / -> /h rw"}},
	{"a volume whose source is not known",
	 "51 50 0:39 / /vol rw - x x rw\n",
	 {MOUNT("volume", NULL, "/vol", "v")},
	 {"volume /run -> /vol rw"}},
	{"the container's own mount below a configured folder",
	 "51 50 8:1 /srv/data /data rw - x x rw\n52 51 0:39 / /data/x rw - x x rw\n",
	 {MOUNT("bind", "/srv/data", "/data", NULL)},
	 {"directory-bind /run -> /data/x rw"}},
	{"the container's own mount, where the host has another",
	 "51 50 8:1 /srv/data /data rw - x x rw\n52 51 0:39 / /data/vol rw - x x rw\n",
	 {MOUNT("bind", "/srv/data", "/data", NULL)},
	 {"directory-bind /run -> /data/vol rw"}},
	{"the container's own mount, of what the host has elsewhere",
	 "51 50 8:1 / /host rw - x x rw\n52 51 0:39 / /host/mnt rw - x x rw\n",
	 {MOUNT("bind", "/", "/host", NULL)},
	 {"directory-bind /run -> /host/mnt rw"}},
	{"the same, without a configuration",
	 "51 50 8:1 / /host rw - x x rw\n52 51 0:39 / /host/mnt rw - x x rw\n",
	 {},
	 {"directory-bind /run -> /host/mnt rw"}},
	{"the container's own mount over a configured folder",
	 "51 50 8:1 /srv/data /data rw - x x rw\n52 51 0:39 / /data rw - x x rw\n",
	 {MOUNT("bind", "/srv/data", "/data", NULL)},
	 {"directory-bind /run -> /data rw"}},
	{"the container's own mount in a configured one's place",
	 "52 50 0:39 / /data rw - x x rw\n",
	 {MOUNT("bind", "/srv/data", "/data", NULL)},
	 {"directory-bind /run -> /data rw"}},
	{"a file that the host has bound, brought along",
	 "51 50 8:1 / /host rw - x x rw\n52 51 0:41 / /host/run rw - x x rw\n"
	 "53 50 0:40 / /r rw - x x rw\n54 53 0:39 /docker.sock /r/file.sock rw - x x rw\n",
	 {MOUNT("bind", "/run", "/r", NULL)},
	 {"socket-bind /run/docker.sock -> /r/file.sock rw"}},
	{"a socket in a tmpfs: nothing of the host's",
	 "51 50 0:39 / /tmp rw - x x rw\n",
	 {MOUNT("tmpfs", "tmpfs", "/tmp", NULL)},
	 {"directory-bind /run -> /tmp rw"}},
	{"a name that the host has twice",
	 "51 50 0:39 / /d rw - x x rw\n",
	 {MOUNT("bind", "/mnt/other/run", "/d", NULL)},
	 {"directory-bind /mnt/other/run -> /d rw"}},
	{"links in the image: two that could be it",
	 "51 50 0:39 /docker.sock /run/docker.sock rw - x x rw\n",
	 {MOUNT("bind", "/var/run/docker.sock", "/a/docker.sock", NULL),
	  MOUNT("bind", "/var/run/docker.sock", "/b/docker.sock", NULL)},
	 {"socket-bind /run/docker.sock -> /run/docker.sock rw"}},
	{"links in the image: the other one has its place",
	 "51 50 0:39 /docker.sock /run/docker.sock rw - x x rw\n"
	 "52 50 8:1 /x/docker.sock /a/docker.sock rw - x x rw\n",
	 {MOUNT("bind", "/x/docker.sock", "/a/docker.sock", NULL),
	  MOUNT("bind", "/var/run/docker.sock", "/b/docker.sock", NULL)},
	 {"socket-bind /var/run/docker.sock -> /b/docker.sock rw"}},
	{"links in the image: a namesake that another bind brought along",
	 "51 50 8:1 / /host rw - x x rw\n52 51 0:39 / /host/run rw - x x rw\n"
	 "53 50 0:39 / /run ro - x x rw\n",
	 {MOUNT("bind", "/", "/host", NULL), MOUNT("bind", "/var/run", "/var/run", NULL)},
	 {"host-root / -> /host rw", "directory-bind /var/run -> /var/run ro"}},
	{"links in the image: a namesake that the container made",
	 "53 50 0:39 / /run ro - x x rw\n54 50 0:39 / /x/run rw - x x rw\n",
	 {MOUNT("bind", "/var/run", "/var/run", NULL)},
	 {"directory-bind /var/run -> /var/run ro", "directory-bind /run -> /x/run rw"}},
	{"links in the image: a namesake of another filesystem, another folder, and another name",
	 "51 50 0:40 / /z/run rw - x x rw\n52 50 0:39 /sub /y/run rw - x x rw\n"
	 "53 50 0:39 / /x/other ro - x x rw\n54 50 0:39 / /run rw - x x rw\n",
	 {MOUNT("bind", "/var/run", "/var/run", NULL)},
	 {"directory-bind /run -> /x/other ro", "directory-bind /var/run -> /var/run rw"}},
	{"a file that came along with the host's root, without a configuration",
	 "51 50 8:1 / /host rw - x x rw\n52 51 0:41 / /host/run rw - x x rw\n"
	 "53 52 0:39 /docker.sock /host/run/file.sock rw - x x rw\n",
	 {},
	 {"host-root / -> /host rw"}},
	{"links in the image: another source",
	 "51 50 0:39 /docker.sock /run/docker.sock rw - x x rw\n",
	 {MOUNT("bind", "/srv/proxy.sock", "/var/run/docker.sock", NULL)},
	 {"socket-bind /run/docker.sock -> /run/docker.sock rw"}},
	{"what the host does not show",
	 "51 50 0:39 / /r rw - x x rw\n",
	 {MOUNT("bind", "/run", "/elsewhere", NULL)},
	 {"directory-bind /run -> /r rw"}},
};

static void assert_used(const char *what, const struct mount_use *use, const char *expected)
{
	AUTO_FREE char *used = NULL;

	assert_int_equal(str_format(&used, "%s %s -> %s %s", mount_via_name(use->via),
				    use->source ? use->source : "?", use->target,
				    use->read_only ? "ro" : "rw"),
			 0);
	if (strcmp(used, expected) != 0)
		fail_msg("%s: %s", what, used);
}

static void use_of_entry(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *host = parsed(host_text);

	(void)state;
	for (size_t i = 0; i < sizeof(use_cases) / sizeof(use_cases[0]); i++) {
		const struct use_case *c = &use_cases[i];
		struct container_mount mounts[3] = {};
		struct container container = {.mounts = mounts};
		AUTO_MOUNT_TABLE struct mount_table *table = NULL;
		const struct mount_entry *entry = NULL;
		AUTO_FREE char *text = NULL;

		memcpy(mounts, c->mounts, sizeof(mounts));
		while (container.mount_count < 3 && mounts[container.mount_count].type)
			container.mount_count++;
		assert_int_equal(str_format(&text, CONTAINER_ROOT "%s", c->text), 0);
		table = parsed(text);
		for (size_t n = 0; n < 2 && c->used[n]; n++) {
			CLEANUP(mount_use_clear) struct mount_use use = {};

			entry = mount_table_next(table, RUN_DEV, "/docker.sock", entry);
			assert_non_null(entry);
			assert_int_equal(mount_use_from_entry(table, entry, host, &container,
							      &docker_sock, &use),
					 0);
			assert_used(c->what, &use, c->used[n]);
		}
	}
}

/* A file bind of the host's that came along with its folder is not what was asked for. */
static void use_of_file_brought_along(void **state)
{
	AUTO_MOUNT_TABLE struct mount_table *host = parsed(host_text);
	AUTO_MOUNT_TABLE struct mount_table *table =
		parsed(CONTAINER_ROOT "51 50 0:39 / /r rw - x x rw\n"
				      "52 51 0:39 /docker.sock /r/file.sock rw - x x rw\n");
	struct container_mount mount = MOUNT("bind", "/run", "/r", NULL);
	struct container container = {.mounts = &mount, .mount_count = 1};
	CLEANUP(mount_use_clear) struct mount_use use = {};

	(void)state;
	assert_int_equal(mount_use_from_entry(table, &table->entries[2], host, &container,
					      &docker_sock, &use),
			 0);
	assert_used("brought along", &use, "directory-bind /run -> /r rw");
}

/* The kernel's word on a mount, when the process was gone before its table was read. */
static void use_without_table(void **state)
{
	static const struct mount_table none;
	AUTO_MOUNT_TABLE struct mount_table *host = parsed(host_text);
	struct container_mount mounts[] = {
		MOUNT("bind", "/", "/host", NULL),
		MOUNT("bind", "/var/run/docker.sock", "/tmp/x.sock", NULL),
		MOUNT("volume", "/run", "/vol", "v"),
		MOUNT("bind", "/run", "/deep/run", NULL),
		MOUNT("volume", NULL, "/nosrc", "n"),
		MOUNT("bind", "/", "/deep", NULL),
	};
	struct container container = {.mounts = mounts, .mount_count = 6};
	static const struct {
		const char *root, *target, *used, *alone;
	} cases[] = {
		{"/docker.sock", "/tmp/x.sock",
		 "socket-bind /var/run/docker.sock -> /tmp/x.sock rw",
		 "socket-bind ? -> /tmp/x.sock rw"},
		{"/", "/nosrc", "volume /run -> /nosrc rw", "directory-bind ? -> /nosrc rw"},
		{"/", "/vol", "volume /run -> /vol rw", "directory-bind ? -> /vol rw"},
		{"/", "/host/run", "host-root / -> /host rw", "directory-bind ? -> /host/run rw"},
		{"/docker.sock", "/host/run/file.sock", "host-root / -> /host rw",
		 "socket-bind ? -> /host/run/file.sock rw"},
		{"/docker.sock", "/deep/run/file.sock", "directory-bind /run -> /deep/run rw",
		 "socket-bind ? -> /deep/run/file.sock rw"},
		{"/docker.sock", "/host/own.sock",
		 "socket-bind /run/docker.sock -> /host/own.sock rw",
		 "socket-bind ? -> /host/own.sock rw"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct mount_entry entry = {
			.id = 7000,
			.parent_id = -1,
			.dev = RUN_DEV,
			.root = (char *)cases[i].root,
			.target = (char *)cases[i].target,
		};
		CLEANUP(mount_use_clear) struct mount_use use = {};
		CLEANUP(mount_use_clear) struct mount_use alone = {};

		assert_int_equal(
			mount_use_from_entry(&none, &entry, host, &container, &docker_sock, &use),
			0);
		assert_used(cases[i].target, &use, cases[i].used);
		assert_int_equal(
			mount_use_from_entry(&none, &entry, &none, NULL, &docker_sock, &alone), 0);
		assert_used(cases[i].target, &alone, cases[i].alone);
	}
}

/* Neither table: what is configured is all there is, as long as it is of the host. */
static void use_without_tables(void **state)
{
	static const struct mount_table none;
	struct container_mount mounts[] = {
		MOUNT("bind", "/srv/x.sock", "/x.sock", NULL),
		MOUNT("tmpfs", "tmpfs", "/tmp", NULL),
	};
	struct container container = {.mounts = mounts, .mount_count = 2};
	struct mount_entry entry = {.id = 7000, .dev = RUN_DEV, .root = (char *)"/docker.sock"};
	CLEANUP(mount_use_clear) struct mount_use file = {};
	CLEANUP(mount_use_clear) struct mount_use tmp = {};

	(void)state;
	entry.target = (char *)"/x.sock";
	assert_int_equal(
		mount_use_from_entry(&none, &entry, &none, &container, &docker_sock, &file), 0);
	assert_used("a file", &file, "socket-bind /srv/x.sock -> /x.sock rw");
	entry.root = (char *)"/";
	entry.target = (char *)"/tmp";
	assert_int_equal(mount_use_from_entry(&none, &entry, &none, &container, &docker_sock, &tmp),
			 0);
	assert_used("a tmpfs", &tmp, "directory-bind ? -> /tmp rw");
}

static char *resolve(const char *path)
{
	const char *rest = path_after(path, "/var/run");
	char *real = NULL;

	if (strstr(path, "gone"))
		return NULL;
	return str_format(&real, "%s%s", rest ? "/run" : path, rest ? rest : "") ? NULL : real;
}

static void use_of_configuration(void **state)
{
	static const struct {
		struct container_mount mounts[3];
		const char *path;
		const char *used;
	} cases[] = {
		{{MOUNT("bind", "/var/run/docker.sock", "/s", NULL),
		  MOUNT("bind", "/", "/host", NULL)},
		 "/run/docker.sock",
		 "socket-bind /var/run/docker.sock -> /s rw"},
		{{MOUNT("bind", "/", "/host", NULL), MOUNT("bind", "/run", "/r", NULL)},
		 "/var/run/docker.sock",
		 "directory-bind /run -> /r rw"},
		{{MOUNT("bind", "/", "/host", NULL)},
		 "/run/docker.sock",
		 "host-root / -> /host rw"},
		{{MOUNT("volume", "/run", "/v", "v")}, "/run/docker.sock", "volume /run -> /v rw"},
		{{MOUNT("bind", "/gone/d.sock", "/s", NULL)},
		 "/gone/d.sock",
		 "socket-bind /gone/d.sock -> /s rw"},
		{{MOUNT("bind", "/runner", "/s", NULL), MOUNT("tmpfs", "tmpfs", "/t", NULL),
		  MOUNT("volume", NULL, "/v", "v")},
		 "/run/docker.sock",
		 NULL},
		{{MOUNT("bind", "/", "/host", NULL)}, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct container_mount mounts[3] = {};
		struct container container = {.mounts = mounts};
		struct socket_file socket = {.path = cases[i].path};
		CLEANUP(mount_use_clear) struct mount_use use = {};
		int err = 0;

		memcpy(mounts, cases[i].mounts, sizeof(mounts));
		while (container.mount_count < 3 && mounts[container.mount_count].type)
			container.mount_count++;
		err = mount_use_from_config(&container, &socket, resolve, &use);
		assert_int_equal(err, cases[i].used ? 0 : -ENOENT);
		if (!err)
			assert_used(cases[i].used, &use, cases[i].used);
	}
}

static void use_of_read_only_configuration(void **state)
{
	struct container_mount mount = MOUNT("bind", "/run", "/r", NULL);
	struct container container = {.mounts = &mount, .mount_count = 1};
	CLEANUP(mount_use_clear) struct mount_use use = {};

	(void)state;
	mount.read_only = true;
	assert_int_equal(mount_use_from_config(&container, &docker_sock, resolve, &use), 0);
	assert_true(use.read_only);
	assert_true(use.known);
	assert_false(use.stale);
}

static void names(void **state)
{
	static const char *const expected[] = {"unknown",	 "socket-bind", "directory-bind",
					       "host-root",	 "volume",	"proc-root",
					       "host-namespace", "handoff"};

	(void)state;
	for (int via = VIA_UNKNOWN; via <= VIA_HANDOFF; via++)
		assert_string_equal(mount_via_name((enum mount_via)via), expected[via]);
	assert_string_equal(mount_via_name((enum mount_via)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan_recorded),
		cmocka_unit_test(scan_debian),
		cmocka_unit_test(scan_host_itself),
		cmocka_unit_test(scan_stale_other),
		cmocka_unit_test(scan_several_sockets),
		cmocka_unit_test(scan_is_bounded),
		cmocka_unit_test(use_of_entry),
		cmocka_unit_test(use_of_file_brought_along),
		cmocka_unit_test(use_without_table),
		cmocka_unit_test(use_without_tables),
		cmocka_unit_test(use_of_configuration),
		cmocka_unit_test(use_of_read_only_configuration),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
