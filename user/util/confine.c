// SPDX-License-Identifier: Apache-2.0
#include "user/util/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* The search for leaks at the end looks into the process from another: tests go without. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static const cap_value_t needed[] = {
	CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, CAP_BPF, CAP_SYS_NICE,
};

#define NEEDED_COUNT ((int)(sizeof(needed) / sizeof(needed[0])))

static bool is_needed(cap_value_t cap)
{
	for (int i = 0; i < NEEDED_COUNT; i++)
		if (needed[i] == cap)
			return true;
	return false;
}

/* Those of the needed ones that we have: nobody can be asked for the others. */
static int capabilities_keep(cap_t keep)
{
	cap_t now = cap_get_proc();
	int err = now ? 0 : -errno;

	for (int i = 0; !err && i < NEEDED_COUNT; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		if (cap_get_flag(now, needed[i], CAP_PERMITTED, &has) || has != CAP_SET)
			continue;
		if (cap_set_flag(keep, CAP_PERMITTED, 1, &needed[i], CAP_SET) ||
		    cap_set_flag(keep, CAP_EFFECTIVE, 1, &needed[i], CAP_SET))
			err = -errno;
	}
	cap_free(now);
	return err;
}

static int capabilities_drop(void)
{
	cap_t keep = NULL;
	int err;

	/* While we may: without CAP_SETPCAP the bounding set stays as it is. */
	for (cap_value_t cap = 0; cap <= cap_max_bits(); cap++)
		if (!is_needed(cap) && cap_get_bound(cap) > 0 && cap_drop_bound(cap) &&
		    errno != EPERM)
			return -errno;
	keep = cap_init();
	if (!keep)
		return -errno;
	err = capabilities_keep(keep);
	if (!err && cap_set_proc(keep))
		err = -errno;
	cap_free(keep);
	return err;
}

/* By name: which of them an architecture has, and by what number, the library knows. */
static const char *const allowed[] = {
	/* files and descriptors */
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"lseek",
	"close",
	"fstat",
	"stat",
	"lstat",
	"newfstatat",
	"statx",
	"statfs",
	"fstatfs",
	"openat2",
	"access",
	"faccessat",
	"faccessat2",
	"fcntl",
	"flock",
	"ftruncate",
	"dup",
	"ioctl",
	"getdents64",
	"readlink",
	"readlinkat",
	"getcwd",
	"unlink",
	"unlinkat",
	"rmdir",
	"umask",
	/* waiting */
	"poll",
	"ppoll",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"eventfd2",
	"signalfd4",
	"timerfd_create",
	"timerfd_settime",
	"futex",
	"nanosleep",
	"clock_nanosleep",
	"restart_syscall",
	"pause",
	/* sockets, which "socket" below makes */
	"connect",
	"bind",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"sendto",
	"sendmsg",
	"recvfrom",
	"recvmsg",
	"shutdown",
	/* memory, threads, time, and who we are */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"set_robust_list",
	"rseq",
	"membarrier",
	"sched_yield",
	"sched_getaffinity",
	"getrlimit",
	"prlimit64",
	"set_tid_address",
	"clock_gettime",
	"clock_getres",
	"gettimeofday",
	"time",
	"getcpu",
	"getpid",
	"gettid",
	"getppid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"uname",
	"sysinfo",
	"getrandom",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"tgkill",
	"exit",
	"exit_group",
};

/* What may be done with maps and programs that are there. */
static const enum bpf_cmd bpf_allowed[] = {
	BPF_MAP_LOOKUP_ELEM,
	BPF_MAP_UPDATE_ELEM,
	BPF_MAP_DELETE_ELEM,
	BPF_MAP_GET_NEXT_KEY,
	BPF_MAP_LOOKUP_AND_DELETE_ELEM,
	BPF_OBJ_GET,
	BPF_OBJ_GET_INFO_BY_FD,
	BPF_PROG_GET_FD_BY_ID,
};

static int rule(scmp_filter_ctx filter, const char *name, struct scmp_arg_cmp condition)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(name), 1,
				condition);
}

static int rules_conditional(scmp_filter_ctx filter)
{
	static const int families[] = {AF_UNIX, AF_NETLINK};
	static const char *const opens[] = {"openat", "open"};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(families) / sizeof(families[0]); i++)
		err = rule(filter, "socket", SCMP_A0(SCMP_CMP_EQ, families[i], 0));
	for (size_t i = 0; !err && i < sizeof(bpf_allowed) / sizeof(bpf_allowed[0]); i++)
		err = rule(filter, "bpf", SCMP_A0(SCMP_CMP_EQ, bpf_allowed[i], 0));
	/* To read; to write only what is added at the end: the log, when it is opened anew. */
	for (unsigned int i = 0; !err && i < sizeof(opens) / sizeof(opens[0]); i++) {
		unsigned int flags = 2 - i;

		err = rule(filter, opens[i],
			   SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC,
				    O_RDONLY));
		err = err ? err
			  : rule(filter, opens[i],
				 SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, O_APPEND | O_TRUNC, O_APPEND));
	}
	/* of the thread that asks */
	err = err ? err : rule(filter, "sched_setscheduler", SCMP_A0(SCMP_CMP_EQ, 0, 0));
	err = err ? err : rule(filter, "setpriority", SCMP_A1(SCMP_CMP_EQ, 0, 0));
	err = err ? err : rule(filter, "setns", SCMP_A1(SCMP_CMP_EQ, CLONE_NEWNET, 0));
	err = err ? err : rule(filter, "mmap", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	err = err ? err : rule(filter, "mprotect", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	err = err ? err
		  : rule(filter, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	/* names of threads, and of memory: glibc */
	err = err ? err : rule(filter, "prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
	/* Its arguments are in memory, where a filter cannot look: glibc takes clone(2) then. */
	return err ? err : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int filter_load(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		int call = seccomp_syscall_resolve_name(allowed[i]);

		/* below 0: this architecture has none of that name, or another instead */
		if (call >= 0)
			err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
	}
	err = err ? err : rules_conditional(filter);
	err = err ? err : seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

int process_confine(char *why, size_t size)
{
	int err;

	err = capabilities_drop();
	if (err) {
		snprintf(why, size, "dropping capabilities: %s", strerror(-err));
		return err;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		err = -errno;
		snprintf(why, size, "no_new_privs: %s", strerror(-err));
		return err;
	}
	err = SANITIZED ? 0 : filter_load();
	if (err)
		snprintf(why, size, "seccomp: %s", strerror(-err));
	return err;
}
