// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/container/dataroot.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* Texts that each end in NUL, the last one by the compiler. */
#define TEXTS(t) .cmdline = (t), .cmdline_len = sizeof(t)
#define ENV(t)	 .environ = (t), .environ_len = sizeof(t)

struct dirs_case {
	struct daemon_process process;
	const char *config;
	const char *data;
	const char *exec;
};

static void check_text(const char *got, const char *want)
{
	if (want)
		assert_string_equal(got ? got : "(NULL)", want);
	else
		assert_null(got);
}

static void finds_folders(void **state)
{
	static const char user[] = "HOME=/home/u\0XDG_RUNTIME_DIR=/run/user/1000";
	static const char xdg[] = "XDG_DATA_HOME=/x/data\0HOME=/home/u\0XDG_RUNTIME_DIR=/x/run";
	const struct dirs_case cases[] = {
		/* recorded from a dockerd 20.10 of Debian's, but for the paths */
		{{TEXTS("/usr/sbin/dockerd\0--iptables=false\0--data-root\0/d/data\0--exec-root\0/"
			"d/"
			"exec\0-p\0/d/pid\0-H\0unix:///d/sock")},
		 .data = "/d/data",
		 .exec = "/d/exec"},
		{{TEXTS("/usr/sbin/dockerd\0-H\0fd://\0--containerd=/run/containerd/"
			"containerd.sock")},
		 .data = "/var/lib/docker",
		 .exec = "/run/docker"},
		{{TEXTS("dockerd\0--data-root=/d")}, .data = "/d", .exec = "/run/docker"},
		{{TEXTS("dockerd\0-g\0/d")}, .data = "/d", .exec = "/run/docker"},
		{{TEXTS("dockerd\0-g=/d")}, .data = "/d", .exec = "/run/docker"},
		{{TEXTS("dockerd\0-g/d")}, .data = "/d", .exec = "/run/docker"},
		{{TEXTS("dockerd\0--graph\0/d\0--exec-root=/e")}, .data = "/d", .exec = "/e"},
		/* the last one counts; what only begins alike, or has no value, does not */
		{{TEXTS("dockerd\0--data-root\0/a\0--data-root=/b")},
		 .data = "/b",
		 .exec = "/run/docker"},
		{{TEXTS("dockerd\0--data-rooted=/a\0--data-root=")},
		 .data = "/var/lib/docker",
		 .exec = "/run/docker"},
		{{TEXTS("dockerd\0--data-root")}, .data = "/var/lib/docker", .exec = "/run/docker"},
		/* relative to where it was started */
		{{TEXTS("dockerd\0--data-root\0d"), .cwd = "/srv"},
		 .data = "/srv/d",
		 .exec = "/run/docker"},
		{{TEXTS("dockerd\0--data-root\0d")}, .data = NULL, .exec = "/run/docker"},
		/* by configuration, behind a flag */
		{{TEXTS("dockerd")},
		 "{\"data-root\":\"/c/data\",\"exec-root\":\"/c/exec\"}",
		 "/c/data",
		 "/c/exec"},
		{{TEXTS("dockerd\0--data-root=/d")},
		 "{\"data-root\":\"/c/data\",\"exec-root\":\"/c/exec\"}",
		 "/d",
		 "/c/exec"},
		{{TEXTS("dockerd")}, "{\"graph\":\"/c/graph\"}", "/c/graph", "/run/docker"},
		{{TEXTS("dockerd"), .cwd = "/"}, "{\"data-root\":\"c\"}", "//c", "/run/docker"},
		{{TEXTS("dockerd")}, "{\"data-root\":7}", "/var/lib/docker", "/run/docker"},
		{{TEXTS("dockerd")}, "{\"data-root\":", "/var/lib/docker", "/run/docker"},
		{{TEXTS("dockerd")}, "", "/var/lib/docker", "/run/docker"},
		{{TEXTS("dockerd")}, "[]", "/var/lib/docker", "/run/docker"},
		/* rootless */
		{{TEXTS("dockerd"), .uid = 1000, ENV(user)},
		 .data = "/home/u/.local/share/docker",
		 .exec = "/run/user/1000/docker"},
		{{TEXTS("dockerd"), .uid = 1000, ENV(xdg)},
		 .data = "/x/data/docker",
		 .exec = "/x/run/docker"},
		{{TEXTS("dockerd"), .uid = 1000}, .data = NULL, .exec = NULL},
		{{TEXTS("dockerd"), .uid = 1000, ENV("HOME=relative\0XHOME=/h")},
		 .data = NULL,
		 .exec = NULL},
		{{TEXTS("dockerd\0--data-root=/d"), .uid = 1000}, .data = "/d", .exec = NULL},
		/* containerd */
		{{TEXTS("/usr/bin/containerd")}, .exec = "/run/containerd"},
		{{TEXTS("containerd\0--config\0/run/docker/containerd/"
			"containerd.toml\0--log-level\0"
			"info")},
		 "version = 0\nroot = \"/var/lib/docker/containerd/daemon\"\n"
		 "state = \"/run/docker/containerd/daemon\"\ntemp = \"\"\n[grpc]\n  state = "
		 "\"/no\"\n",
		 NULL,
		 "/run/docker/containerd/daemon"},
		{{TEXTS("containerd\0-c\0/c.toml\0--state\0/run/k3s/containerd\0--root\0/var/lib/"
			"x")},
		 "state = \"/c\"",
		 NULL,
		 "/run/k3s/containerd"},
		{{TEXTS("containerd\0-state=/s")}, .exec = "/s"},
		{{TEXTS("containerd")}, "[plugins]\nstate = \"/no\"\n", NULL, "/run/containerd"},
		{{TEXTS("containerd")}, "  state='/s' # here\r\n", NULL, "/s"},
		{{TEXTS("containerd")}, "state = \"/no\n", NULL, "/run/containerd"},
		{{TEXTS("containerd")}, "state = /no\nstates = \"/no\"", NULL, "/run/containerd"},
		{{TEXTS("containerd")}, "# state = \"/no\"\nstate=\"\"", NULL, "/run/containerd"},
		{{TEXTS("containerd")}, "state = \"/a\\u0041\"", NULL, "/run/containerd"},
		{{TEXTS("containerd")}, "state", NULL, "/run/containerd"},
		{{TEXTS("containerd"), .uid = 1000, ENV(user)},
		 .exec = "/run/user/1000/containerd"},
		/* podman */
		{{TEXTS("podman\0system\0service")},
		 .data = "/var/lib/containers/storage",
		 .exec = "/run/containers/storage"},
		{{TEXTS("/usr/bin/podman\0--root\0/r\0--runroot=/rr\0system\0service")},
		 .data = "/r",
		 .exec = "/rr"},
		{{TEXTS("podman\0system\0service"), .uid = 1000, ENV(user)},
		 .data = "/home/u/.local/share/containers/storage",
		 .exec = "/run/user/1000/containers"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct daemon_dirs found CLEANUP(daemon_dirs_clear) = {};
		const struct dirs_case *c = &cases[i];

		assert_int_equal(daemon_dirs_find(&c->process, c->config,
						  c->config ? strlen(c->config) : 0, &found),
				 0);
		check_text(found.data_root, c->data);
		check_text(found.exec_root, c->exec);
	}
}

static void finds_configurations(void **state)
{
	static const struct {
		struct daemon_process process;
		const char *path;
	} cases[] = {
		{{TEXTS("dockerd")}, "/etc/docker/daemon.json"},
		{{TEXTS("dockerd\0--config-file=/c.json")}, "/c.json"},
		{{TEXTS("dockerd\0--config-file\0c.json"), .cwd = "/srv"}, "/srv/c.json"},
		{{TEXTS("dockerd"), .uid = 7, ENV("HOME=/h")}, "/h/.config/docker/daemon.json"},
		{{TEXTS("dockerd"), .uid = 7, ENV("HOME=/h\0XDG_CONFIG_HOME=/c")},
		 "/c/docker/daemon.json"},
		{{TEXTS("containerd")}, "/etc/containerd/config.toml"},
		{{TEXTS("containerd\0-c\0/c.toml")}, "/c.toml"},
		{{TEXTS("containerd\0--config=/c.toml")}, "/c.toml"},
		{{TEXTS("dockerd"), .uid = 7}, NULL},
		{{TEXTS("podman\0--config\0/c")}, NULL},
		{{TEXTS("sleep\0--config-file=/c")}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_FREE char *path = NULL;
		int err = daemon_config_path(&cases[i].process, &path);

		assert_int_equal(err, cases[i].path ? 0 : -ENOENT);
		check_text(path, cases[i].path);
	}
}

static void knows_daemons_by_their_program(void **state)
{
	static const struct daemon_process strangers[] = {
		{TEXTS("sh\0dockerd\0--data-root=/d")},
		{TEXTS("dockerd-proxy")},
		{TEXTS("/opt/dockerd/")},
		{TEXTS("")},
		{.cmdline = NULL},
		/* cut off */
		{.cmdline = "dockerd", .cmdline_len = 7},
		{.cmdline = "\0\0\0", .cmdline_len = 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		struct daemon_dirs found = {.data_root = (char *)"untouched"};

		assert_int_equal(daemon_dirs_find(&strangers[i], NULL, 0, &found), -ENOENT);
		assert_string_equal(found.data_root, "untouched");
	}
}

/* --- with a /proc of our own ------------------------------------------------------------- */

#define STATUS(uid)                                                                                \
	"Name:\tdockerd\nUmask:\t0022\nState:\tS (sleeping)\nUid:\t" uid "\nGid:\t0\t0\t0\t0\n"

static char root[] = "/tmp/test_dataroot.XXXXXX";
static int procfd = -1;

static void put(const char *path, const char *data, size_t len)
{
	AUTO_FREE char *full = NULL;
	AUTO_CLOSE int fd = -1;

	assert_int_equal(str_format(&full, "%s/%s", root, path), 0);
	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
}

#define PUT(path, text) put(path, text, sizeof(text) - 1)

static void put_container(const char *data_root)
{
	AUTO_FREE char *config = NULL;
	AUTO_FREE char *host = NULL;
	static const char text[] = "{\"ID\":\"c\",\"Name\":\"/found\"}";

	assert_int_equal(str_format(&config, "%s/containers/c/config.v2.json", data_root), 0);
	assert_int_equal(str_format(&host, "%s/containers/c/hostconfig.json", data_root), 0);
	put(config, text, sizeof(text) - 1);
	put(host, "{}", 2);
}

static bool found_with(uint32_t pid, enum runtime runtime)
{
	struct runtime_dirs *dirs = runtime_dirs_new(root);
	AUTO_CONTAINER struct container *c = NULL;
	int err = 0;

	assert_non_null(dirs);
	assert_int_equal(container_load(dirs, runtime, "c", &c), -ENOENT);
	assert_int_equal(runtime_dirs_add_daemon(dirs, procfd, pid), 0);
	err = container_load(dirs, runtime, "c", &c);
	runtime_dirs_free(dirs);
	return !err;
}

static int make_root(void **state)
{
	AUTO_FREE char *proc = NULL;

	(void)state;
	strcpy(strrchr(root, '.'), ".XXXXXX");
	if (!mkdtemp(root) || str_format(&proc, "%s/proc", root) || mkdir(proc, 0700))
		return -1;
	procfd = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return procfd < 0 ? -1 : 0;
}

static int entry_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int remove_root(void **state)
{
	(void)state;
	close(procfd);
	return nftw(root, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void adds_by_flag_and_cwd(void **state)
{
	(void)state;
	put_container("srv/data");
	PUT("proc/7/cmdline", "dockerd\0--data-root\0data\0");
	PUT("proc/7/status", STATUS("0\t0\t0\t0"));
	assert_false(found_with(7, RUNTIME_DOCKER));
	assert_int_equal(symlinkat("/srv", procfd, "7/cwd"), 0);
	assert_true(found_with(7, RUNTIME_DOCKER));
}

static void adds_by_configuration(void **state)
{
	(void)state;
	put_container("c/data");
	PUT("proc/7/cmdline", "/usr/bin/dockerd\0-H\0fd://\0");
	PUT("proc/7/status", STATUS("0\t0\t0\t0"));
	assert_false(found_with(7, RUNTIME_DOCKER));
	PUT("etc/docker/daemon.json", "{\"data-root\": \"/c/data\"}");
	assert_true(found_with(7, RUNTIME_DOCKER));
}

static void adds_rootless_by_environment(void **state)
{
	(void)state;
	put_container("home/u/.local/share/docker");
	PUT("proc/7/cmdline", "dockerd\0");
	PUT("proc/7/environ", "PATH=/bin\0HOME=/home/u\0XDG_RUNTIME_DIR=/run/user/1000\0");
	PUT("proc/7/status", STATUS("0\t0\t0\t0"));
	assert_false(found_with(7, RUNTIME_DOCKER));
	/* real, effective: the second one decides */
	PUT("proc/7/status", STATUS("0\t1000\t1000\t1000"));
	assert_true(found_with(7, RUNTIME_DOCKER));
}

static void adds_bundles(void **state)
{
	(void)state;
	PUT("e/containerd/daemon/io.containerd.runtime.v2.task/moby/c/config.json", "{}");
	PUT("proc/7/cmdline", "dockerd\0--exec-root=/e\0");
	PUT("proc/7/status", STATUS("0\t0\t0\t0"));
	assert_true(found_with(7, RUNTIME_DOCKER));

	PUT("s/io.containerd.runtime.v2.task/default/c/config.json", "{}");
	PUT("proc/8/cmdline", "containerd\0-c\0/c.toml\0");
	PUT("proc/8/status", STATUS("0\t0\t0\t0"));
	PUT("c.toml", "state = \"/s\"\n");
	assert_true(found_with(8, RUNTIME_CONTAINERD));
}

static void adds_storage(void **state)
{
	(void)state;
	PUT("r/overlay-containers/containers.json", "[{\"id\":\"c\"}]");
	PUT("proc/7/cmdline", "podman\0--root=/r\0system\0service\0");
	PUT("proc/7/status", STATUS("0\t0\t0\t0"));
	assert_true(found_with(7, RUNTIME_PODMAN));
}

static void is_told_of_processes_that_are_gone(void **state)
{
	struct runtime_dirs *dirs = runtime_dirs_new(root);

	(void)state;
	assert_int_equal(runtime_dirs_add_daemon(dirs, procfd, 9), -ENOENT);
	PUT("proc/9/cmdline", "dockerd\0");
	assert_int_equal(runtime_dirs_add_daemon(dirs, procfd, 9), -ENOENT);
	PUT("proc/9/status", "Name:\tx\n");
	assert_int_equal(runtime_dirs_add_daemon(dirs, procfd, 9), -EINVAL);
	PUT("proc/9/status", STATUS("0\t0\t0\t0"));
	assert_int_equal(runtime_dirs_add_daemon(dirs, procfd, 9), 0);
	PUT("proc/9/cmdline", "");
	assert_int_equal(runtime_dirs_add_daemon(dirs, procfd, 9), 0);
	runtime_dirs_free(dirs);
}

static void does_not_wait_for_a_fifo(void **state)
{
	AUTO_FREE char *fifo = NULL;

	(void)state;
	assert_int_equal(str_format(&fifo, "%s/c.json", root), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	put_container("d");
	PUT("proc/7/cmdline", "dockerd\0--config-file=/c.json\0--data-root=/d\0");
	PUT("proc/7/status", STATUS("0\t0\t0\t0"));
	assert_true(found_with(7, RUNTIME_DOCKER));
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_folders),
		cmocka_unit_test(finds_configurations),
		cmocka_unit_test(knows_daemons_by_their_program),
		WITH_ROOT(adds_by_flag_and_cwd),
		WITH_ROOT(adds_by_configuration),
		WITH_ROOT(adds_rootless_by_environment),
		WITH_ROOT(adds_bundles),
		WITH_ROOT(adds_storage),
		WITH_ROOT(is_told_of_processes_that_are_gone),
		WITH_ROOT(does_not_wait_for_a_fifo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
