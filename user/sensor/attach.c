// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/attach.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>

#include "user/sensor/kprobe.h"
#include "user/util/cleanup.h"

/* enum bpf_attach_type (include/uapi/linux/bpf.h), since 6.7; Debian 12's header is older. */
#define CGROUP_UNIX_CONNECT 49

static bool is_connect_unix(const struct bpf_program *prog)
{
	return strstr(bpf_program__section_name(prog), "cgroup/connect_unix");
}

int program_prepare(struct bpf_program *prog)
{
	int err = 0;

	if (!is_connect_unix(prog)) /* libbpf knows it since 1.3 */
		return 0;
	err = bpf_program__set_type(prog, BPF_PROG_TYPE_CGROUP_SOCK_ADDR);
	return err ? err
		   : bpf_program__set_expected_attach_type(
			     prog, (enum bpf_attach_type)CGROUP_UNIX_CONNECT);
}

int program_level(const struct bpf_program *prog)
{
	static const struct {
		const char *name;
		int level;
	} optional[] = {
		{"trampoline_sendpage", 1},	  {"kprobe_sendpage", 1},
		{"tracepoint_connect_begins", 1}, {"common_tcp_begun", 2},
		{"common_tcp_ended", 2},
	};

	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (!strcmp(bpf_program__name(prog), optional[i].name))
			return optional[i].level;
	return 0;
}

bool program_of_streams(const struct bpf_program *prog)
{
	static const char *const names[] = {
		"tracepoint_received",	   "tracepoint_sent",	      "trampoline_recvmsg",
		"trampoline_recvmsg_ends", "trampoline_sendmsg_ends", "kprobe_recvmsg",
		"kretprobe_recvmsg",	   "kretprobe_sendmsg",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(bpf_program__name(prog), names[i]))
			return true;
	return false;
}

/*
 * The root of the v2 hierarchy. It is there on every kernel with cgroups, in use
 * or not, but need not be mounted: so by a mount of our own, that nobody sees.
 */
static int cgroup_root_open(void)
{
	AUTO_CLOSE int fs = fsopen("cgroup2", FSOPEN_CLOEXEC);
	int mount = -1;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return mount < 0 ? -errno : mount;
}

int program_attach(const struct bpf_program *prog, struct bpf_link **out)
{
	AUTO_CLOSE int cgroup = -1;
	struct bpf_link *link = NULL;

	if (bpf_program__type(prog) == BPF_PROG_TYPE_KPROBE)
		return kprobe_attach(prog, out);
	if (is_connect_unix(prog)) {
		cgroup = cgroup_root_open();
		if (cgroup < 0)
			return cgroup;
		link = bpf_program__attach_cgroup(prog, cgroup);
	} else {
		link = bpf_program__attach(prog);
	}
	if (!link)
		return -errno;
	*out = link;
	return 0;
}
