// SPDX-License-Identifier: Apache-2.0
/*
 * /proc of a process that names itself, its arguments and its mounts as it likes: stat,
 * status, comm, cgroup, cmdline and mountinfo, with 0xff between them.
 */
#include "folder.h"
#include "user/container/dataroot.h"
#include "user/container/mounted.h"
#include "user/container/shim.h"
#include "user/sensor/process.h"

#define PID 4242

static const char *const files[] = {"stat", "status", "comm", "cgroup", "cmdline", "mountinfo"};

static int pid_take(void *ctx, uint32_t pid)
{
	(void)ctx;
	(void)pid;
	return 0;
}

static void process_look(int procfd, struct runtime_dirs *dirs)
{
	static struct record record;
	static struct shim shim;
	struct cgroup_owner owner = {0};
	struct ds_record *raw = &record.raw;
	AUTO_FREE char *exe = NULL;
	uint64_t start_ns = 0;

	memset(&record, 0, sizeof(record));
	if (!process_record(procfd, PID, &record)) {
		CHECK(strlen(raw->comm) < sizeof(raw->comm));
		CHECK(record.argv_len <= DS_ARGV_MAX && !record.argv[record.argv_len]);
	}
	raw->tgid = raw->tid = raw->ppid = PID;
	(void)process_start_ns(procfd, PID, &start_ns);
	raw->start_ns = start_ns;
	(void)process_runs(procfd, PID, raw->start_ns);
	(void)process_thread(procfd, &record);
	(void)process_parent_exe(procfd, raw, &exe);
	(void)process_each_ancestor(procfd, raw, pid_take, NULL);
	if (!mounted_owner(procfd, &record, dirs, &owner))
		CHECK(strlen(owner.id) == 64);
	(void)shim_read_cmdline(procfd, PID, &shim);
	(void)shim_read(procfd, PID, PID, &shim);
	(void)runtime_dirs_add_daemon(dirs, procfd, PID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int procfd = -1;
	struct input in = {data, size};
	struct runtime_dirs *dirs = NULL;
	char name[64];

	if (folder_make())
		procfd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		size_t len = 0;
		AUTO_FREE char *part = input_part(&in, 0xff, &len);

		snprintf(name, sizeof(name), "%d/%s", PID, files[i]);
		folder_put(name, part, len);
	}
	dirs = runtime_dirs_new(folder);
	CHECK(procfd >= 0 && dirs);
	process_look(procfd, dirs);
	runtime_dirs_free(dirs);
	return 0;
}
