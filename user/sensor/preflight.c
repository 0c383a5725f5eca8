// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "user/sensor/diag.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

#define PROC_PID_INIT_INO 0xEFFFFFFCU /* include/linux/proc_ns.h */

#define CAP(n) (1ULL << (n))

static int capabilities_read(uint64_t *out)
{
	AUTO_FREE char *text = NULL;
	const char *line = NULL;
	int err = file_read(AT_FDCWD, "/proc/self/status", 65536, &text, NULL);

	if (err)
		return err;
	line = strstr(text, "\nCapEff:");
	return line && sscanf(line, "\nCapEff: %" SCNx64, out) == 1 ? 0 : -EBADMSG;
}

static int check_proc(char *why, size_t size)
{
	uint32_t inum = 0;
	AUTO_CLOSE int procfd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (procfd < 0 || process_namespace(procfd, getpid(), "pid", &inum)) {
		snprintf(why, size, "/proc is not mounted: mount -t proc proc /proc");
		return -ENOENT;
	}
	if (inum != PROC_PID_INIT_INO) {
		snprintf(why, size,
			 "docksnoop runs in a pid namespace of its own and cannot see the host's "
			 "processes: start its container with --pid=host");
		return -EXDEV;
	}
	return 0;
}

static int check_privileges(char *why, size_t size)
{
	const uint64_t needed = CAP(CAP_BPF) | CAP(CAP_PERFMON);
	uint64_t caps = 0;
	int err = capabilities_read(&caps);

	if (err)
		return err;
	if ((caps & CAP(CAP_SYS_ADMIN)) || (caps & needed) == needed)
		return 0;
	snprintf(why, size,
		 "docksnoop needs root, or at least CAP_BPF and CAP_PERFMON, to attach to the "
		 "kernel: start it with sudo");
	return -EPERM;
}

static int check_reading(char *why, size_t size)
{
	const uint64_t needed = CAP(CAP_SYS_PTRACE) | CAP(CAP_DAC_READ_SEARCH);
	const uint64_t override = CAP(CAP_SYS_PTRACE) | CAP(CAP_DAC_OVERRIDE);
	uint64_t caps = 0;
	int err = capabilities_read(&caps);

	if (err)
		return err;
	if ((caps & needed) == needed || (caps & override) == override)
		return 0;
	snprintf(why, size,
		 "without CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH docksnoop cannot read other "
		 "processes' mounts and the runtimes' files: start it with sudo");
	return -EPERM;
}

static int check_btf(char *why, size_t size)
{
	if (!access("/sys/kernel/btf/vmlinux", R_OK))
		return 0;
	snprintf(why, size,
		 "this kernel does not describe itself (no /sys/kernel/btf/vmlinux): it needs "
		 "CONFIG_DEBUG_INFO_BTF=y, as Debian's kernels have since 5.10, and /sys mounted");
	return -ENOENT;
}

static int check_lockdown(char *why, size_t size)
{
	AUTO_FREE char *text = NULL;

	/* No file: no lockdown, or securityfs is not mounted and loading will tell. */
	if (file_read(AT_FDCWD, "/sys/kernel/security/lockdown", 4096, &text, NULL) ||
	    !strstr(text, "[confidentiality]"))
		return 0;
	snprintf(why, size,
		 "the kernel is locked down (confidentiality), so no program may read its memory: "
		 "boot with lockdown=integrity or without");
	return -EPERM;
}

static int check_unix_diag(char *why, size_t size)
{
	AUTO_CLOSE int fd = diag_open(-1);
	int err = fd < 0 ? fd : diag_each_listener(fd, NULL, NULL);

	if (err)
		snprintf(why, size,
			 "the kernel does not list AF_UNIX sockets (%s): load the module unix_diag "
			 "(CONFIG_UNIX_DIAG)",
			 strerror(-err));
	return err;
}

static int check_bpffs(char *why, size_t size)
{
	struct statfs st = {0};

	if (!statfs("/sys/fs/bpf", &st) && st.f_type == BPF_FS_MAGIC)
		return 0;
	snprintf(why, size, "not mounted at /sys/fs/bpf (nothing is kept there)");
	return -ENOENT;
}

const struct preflight_check preflight_checks[] = {
	{"proc", "/proc shows the host's processes", check_proc, true},
	{"privileges", "may attach to the kernel", check_privileges, true},
	{"reading", "may read processes' mounts and runtimes' files", check_reading, true},
	{"btf", "the kernel describes its types", check_btf, true},
	{"lockdown", "programs may read kernel memory", check_lockdown, true},
	{"unix-diag", "listening sockets can be listed", check_unix_diag, true},
	{"bpffs", "a BPF file system", check_bpffs, false},
	{0},
};

int sensor_preflight(char *why, size_t size)
{
	int err = 0;

	for (const struct preflight_check *c = preflight_checks; c->name; c++) {
		err = c->required ? c->run(why, size) : 0;
		if (err)
			return err;
	}
	return 0;
}
