// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "container_data.h"
#include "user/container/shim.h"

/* As recorded: containerd 1.6, conmon 2.1 of Podman 4.3 and, by its sources, of CRI-O; nspawn 252. */
#define TASKS_DIR "/run/containerd/io.containerd.runtime.v2.task"
#define STORAGE	  "/home/u/.local/share/containers/storage"

struct shim_case {
	const char *line; /* words with one space between */
	enum runtime runtime;
	const char *id;	    /* NULL: it is no shim, or does not say */
	const char *folder; /* NULL: none */
};

static int parse(const char *line, struct shim *out)
{
	AUTO_FREE char *words = strdup(line);
	size_t len = strlen(line) + 1;

	assert_non_null(words);
	for (char *c = words; *c; c++)
		if (*c == ' ')
			*c = '\0';
	return shim_parse(words, len, out);
}

static void reads_command_lines(void **state)
{
	static const struct shim_case cases[] = {
		{"/usr/bin/containerd-shim-runc-v2 -namespace moby -id " VOLS
		 " -address /run/containerd/containerd.sock",
		 RUNTIME_DOCKER, VOLS, NULL},
		{"/usr/bin/containerd-shim-runc-v2 -namespace staging -id web -address /x",
		 RUNTIME_CONTAINERD, "web", NULL},
		{"containerd-shim-kata-v2 --namespace=k8s.io --id=pod1", RUNTIME_CONTAINERD, "pod1",
		 NULL},
		{"/usr/bin/conmon --api-version 1 -c " PODWEB " -u " PODWEB
		 " -r /usr/bin/crun -b " STORAGE "/overlay-containers/" PODWEB
		 "/userdata -p /run/p -n w --exit-command /usr/bin/podman --exit-command-arg -c",
		 RUNTIME_UNKNOWN, PODWEB, STORAGE},
		/* of an exec: its bundle lies below the container's */
		{"/usr/bin/conmon -c " PODWEB " -u e1 -b " STORAGE "/vfs-containers/" PODWEB
		 "/userdata/e1",
		 RUNTIME_UNKNOWN, PODWEB, STORAGE},
		{"/usr/libexec/crio/conmon -b "
		 "/var/run/containers/storage/overlay-containers/" CRIO "/userdata -c " CRIO,
		 RUNTIME_UNKNOWN, CRIO, "/var/run/containers/storage"},
		/* a bundle that is no storage's, another's, or no absolute path */
		{"conmon -c a -b /somewhere/else", RUNTIME_UNKNOWN, "a", NULL},
		{"conmon -c a -b /s/overlay-containers/b/userdata", RUNTIME_UNKNOWN, "a", NULL},
		{"conmon -c a -b s/overlay-containers/a/userdata", RUNTIME_UNKNOWN, "a", NULL},
		{"conmon -c a -b /overlay-containers/a/userdata", RUNTIME_UNKNOWN, "a", NULL},
		{"systemd-nspawn --keep-unit -D /srv -M web /bin/sh -M other", RUNTIME_NSPAWN,
		 "web", NULL},
		{"/usr/bin/systemd-nspawn --machine=web -b", RUNTIME_NSPAWN, "web", NULL},
		/* says nothing */
		{"systemd-nspawn -D /srv", .id = NULL},
		{"containerd-shim-runc-v2 -namespace moby", .id = NULL},
		{"containerd-shim-runc-v2 -namespace moby -id", .id = NULL},
		{"conmon --version", .id = NULL},
		{"conmon -c ../x", .id = NULL},
		{"conmon -c ..", .id = NULL},
		{"conmon -c a\x1b[31m", .id = NULL},
		{"conmon -c ", .id = NULL},
		/* no shim */
		{"", .id = NULL},
		{"containerd -id web", .id = NULL},
		{"conmonitor -c a", .id = NULL},
		{"/bin/sh -c a", .id = NULL},
		{"/conmon/sh -c a", .id = NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct shim_case *c = &cases[i];
		struct shim shim = {0};
		int err = parse(c->line, &shim);

		if (err != (c->id ? 0 : -ENOENT))
			fail_msg("%s: %d", c->line, err);
		if (!c->id)
			continue;
		assert_string_equal(shim.id, c->id);
		assert_int_equal(shim.runtime, c->runtime);
		assert_string_equal(shim.folder, c->folder ? c->folder : "");
		if (c->folder)
			assert_int_equal(shim.kind, RUNTIME_DIR_STORAGE);
	}
}

static void survives_any_cut_of_a_command_line(void **state)
{
	static const char line[] = "conmon\0-c\0abc\0-b\0/s/vfs-containers/abc/userdata";
	struct shim shim = {0};

	(void)state;
	for (size_t len = 0; len < sizeof(line); len++) {
		AUTO_FREE char *cut = malloc(len + 1);
		int err = 0;

		assert_non_null(cut);
		memcpy(cut, line, len);
		err = shim_parse(cut, len, &shim);
		/* A word that lacks its end does not count: half an id is another's. */
		assert_int_equal(err, len < 14 ? -ENOENT : 0);
	}
	assert_string_equal(shim.id, "abc");
}

static void refuses_ids_that_are_too_long(void **state)
{
	char line[512] = "conmon -c ";
	struct shim shim = {0};

	(void)state;
	memset(line + strlen(line), 'a', CONTAINER_ID_MAX);
	assert_int_equal(parse(line, &shim), 0);
	strcat(line, "a");
	assert_int_equal(parse(line, &shim), -ENOENT);
}

/* A /proc in which process 7 is a shim that runs in the bundle of its first container. */
static int proc_make(const char *cmdline, size_t len)
{
	AUTO_FREE char *bundle = NULL;
	AUTO_FREE char *link = path_in_root("/proc/7/cwd");
	AUTO_FREE char *proc = path_in_root("/proc");
	int fd = -1;

	assert_int_equal(str_format(&bundle, "%s" TASKS_DIR "/k8s.io/sandbox", root), 0);
	put_bytes("/proc/7/cmdline", cmdline, len);
	unlink(link);
	assert_int_equal(symlink(bundle, link), 0);
	fd = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void tells_the_containers_of_a_pod_apart(void **state)
{
	static const char cmdline[] =
		"/usr/bin/containerd-shim-runc-v2\0-namespace\0k8s.io\0-id\0sandbox";
	AUTO_FREE char *folder = NULL;
	struct shim shim = {0};

	(void)state;
	put(TASKS_DIR "/k8s.io/sandbox/init.pid", "100");
	put(TASKS_DIR "/k8s.io/app/init.pid", "101");
	put(TASKS_DIR "/k8s.io/torn/init.pid", "10");
	put(TASKS_DIR "/k8s.io/empty/init.pid", "");
	put(TASKS_DIR "/k8s.io/none/config.json", "{}");
	put(TASKS_DIR "/other/app/init.pid", "102");
	assert_int_equal(str_format(&folder, "%s" TASKS_DIR, root), 0);
	{
		AUTO_CLOSE int procfd = proc_make(cmdline, sizeof(cmdline));

		assert_int_equal(shim_read(procfd, 7, 100, &shim), 0);
		assert_string_equal(shim.id, "sandbox");
		assert_int_equal(shim.kind, RUNTIME_DIR_CONTAINERD);
		assert_string_equal(shim.folder, folder);
		assert_int_equal(shim_read(procfd, 7, 101, &shim), 0);
		assert_string_equal(shim.id, "app");
		/* what it has started besides, and what is another namespace's */
		assert_int_equal(shim_read(procfd, 7, 999, &shim), -ENOENT);
		assert_int_equal(shim_read(procfd, 7, 102, &shim), -ENOENT);
		assert_int_equal(shim_read(procfd, 8, 100, &shim), -ENOENT);
	}
}

/* Anybody may run a program of that name, in any folder. */
static void waits_for_no_fifo(void **state)
{
	static const char cmdline[] = "containerd-shim\0-namespace\0x\0-id\0sandbox";
	AUTO_FREE char *fifo = path_in_root(TASKS_DIR "/k8s.io/sandbox/init.pid");
	AUTO_CLOSE int procfd = proc_make(cmdline, sizeof(cmdline));
	struct shim shim = {0};

	(void)state;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(shim_read(procfd, 7, 100, &shim), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_command_lines),
		cmocka_unit_test(survives_any_cut_of_a_command_line),
		cmocka_unit_test(refuses_ids_that_are_too_long),
		WITH_ROOT(tells_the_containers_of_a_pod_apart),
		WITH_ROOT(waits_for_no_fifo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
