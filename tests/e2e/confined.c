// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "user/util/confine.h"

/*
 * Confines itself as docksnoop does, and then tries what somebody would who has got into it:
 * a line for each, "NAME ERRNO", 0 where it was let through.
 */

static void said(const char *name, long result)
{
	printf("%s %d\n", name, result < 0 ? errno : 0);
}
#define TRY(name, call) (errno = 0, said(name, (long)(call)))

static void *nothing(void *arg)
{
	return arg;
}

static long another_thread(void)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, nothing, NULL);

	if (!err)
		pthread_join(thread, NULL);
	errno = err;
	return err ? -1 : 0;
}

static long executable_memory(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? -1 : 0;
}

static long capabilities_raise(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct all[2] = {{~0U, ~0U, 0}, {~0U, ~0U, 0}};

	return syscall(SYS_capset, &header, all);
}

/* @file: one that is there, and may be written as far as its mode goes. */
static void refused(const char *file)
{
	char *const argv[] = {"/bin/true", NULL};
	union bpf_attr attr = {0};
	struct iovec io = {&attr, sizeof(attr)};
	char page[1];

	TRY("execve", execve(argv[0], argv, NULL));
	TRY("fork", syscall(SYS_fork));
	TRY("vfork", syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
	TRY("ptrace", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
	TRY("process_vm_readv", process_vm_readv(getppid(), &io, 1, &io, 1, 0));
	TRY("kill", kill(getppid(), 0));
	TRY("socket-inet", socket(AF_INET, SOCK_STREAM, 0));
	TRY("socket-packet", socket(AF_PACKET, SOCK_RAW, 0));
	TRY("open-write", open(file, O_WRONLY));
	TRY("open-truncate", open(file, O_RDWR | O_APPEND | O_TRUNC));
	TRY("open-create", open("/tmp/docksnoop-confined", O_RDWR | O_CREAT, 0600));
	TRY("chmod", chmod(file, 0600));
	TRY("rename", rename(file, "/tmp/docksnoop-confined"));
	TRY("symlink", symlink(file, "/tmp/docksnoop-confined"));
	TRY("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
	TRY("umount", umount2("/proc", MNT_DETACH));
	TRY("unshare", unshare(CLONE_NEWNS));
	TRY("setns-mount", setns(open("/proc/self/ns/mnt", O_RDONLY), CLONE_NEWNS));
	TRY("setns-any", setns(open("/proc/self/ns/net", O_RDONLY), 0));
	TRY("chroot", chroot("/tmp"));
	TRY("setuid", setuid(1));
	TRY("capset", capabilities_raise());
	TRY("init_module", syscall(SYS_init_module, page, 1, ""));
	TRY("perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	TRY("io_uring", syscall(SYS_io_uring_setup, 1, page));
	TRY("bpf-load", syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
	TRY("bpf-map", syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
	TRY("bpf-detach", syscall(SYS_bpf, BPF_PROG_DETACH, &attr, sizeof(attr)));
	TRY("mmap-exec", executable_memory());
	TRY("dumpable", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	TRY("reboot", reboot(0));
}

static void granted(const char *file)
{
	char path[64];

	TRY("open-read", open(file, O_RDONLY));
	TRY("open-append", open(file, O_RDWR | O_APPEND | O_CREAT, 0600));
	TRY("thread", another_thread());
	TRY("socket-unix", socket(AF_UNIX, SOCK_DGRAM, 0));
	TRY("socket-netlink", socket(AF_NETLINK, SOCK_RAW, 4));
	TRY("setns-net", setns(open("/proc/self/ns/net", O_RDONLY), CLONE_NEWNET));
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)getppid());
	TRY("another-process", open(path, O_RDONLY));
}

int main(int argc, char **argv)
{
	char why[256] = "";

	if (argc != 2)
		return 2;
	if (process_confine(why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	puts("refused:");
	refused(argv[1]);
	puts("granted:");
	granted(argv[1]);
	return 0;
}
