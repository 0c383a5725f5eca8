// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/attach.h"

#include <bpf/bpf.h>
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

/* What there is to know of a program besides what its section says. */
static const struct trait {
	const char *name;
	enum ds_lost missed; /* by a run that the kernel left out */
	int level;
	bool streams;
} traits[] = {
	{"tracepoint_data_ready", DS_LOST_CONNECT, 0, false},
	{"tracepoint_connect_begins", DS_LOST_ATTEMPT, 1, false},
	{"tracepoint_received", DS_LOST_BYTES, 0, true},
	{"tracepoint_sent", DS_LOST_BYTES, 0, true},
	{"trampoline_kern_path", DS_LOST_PENDING, 0, false},
	{"trampoline_security", DS_LOST_CONNECT, 0, false},
	{"trampoline_connect", DS_LOST_ATTEMPT, 0, false},
	{"trampoline_sendmsg", DS_LOST_HANDOFF, 0, false},
	{"trampoline_sendmsg_ends", DS_LOST_BYTES, 0, true},
	{"trampoline_sendpage", DS_LOST_HANDOFF, 1, false},
	{"trampoline_sendpage_ends", DS_LOST_BYTES, 1, true},
	{"trampoline_recvmsg", DS_LOST_BYTES, 0, true},
	{"trampoline_recvmsg_ends", DS_LOST_BYTES, 0, true},
	{"kprobe_kern_path", DS_LOST_PENDING, 0, false},
	{"kretprobe_kern_path", DS_LOST_PENDING, 0, false},
	{"kprobe_security", DS_LOST_CONNECT, 0, false},
	{"kretprobe_security", DS_LOST_CONNECT, 0, false},
	{"kprobe_connect", DS_LOST_ATTEMPT, 0, false},
	{"kretprobe_connect", DS_LOST_ATTEMPT, 0, false},
	{"kprobe_sendmsg", DS_LOST_HANDOFF, 0, false},
	{"kretprobe_sendmsg", DS_LOST_BYTES, 0, true},
	{"kprobe_sendpage", DS_LOST_HANDOFF, 1, false},
	{"kprobe_recvmsg", DS_LOST_BYTES, 0, true},
	{"kretprobe_recvmsg", DS_LOST_BYTES, 0, true},
	{"common_exec", DS_LOST_START, 0, false},
	{"common_cgroup_mkdir", DS_LOST_CGROUP, 0, false},
	{"common_tcp_begun", DS_LOST_TCP, 2, false},
	{"common_tcp_ended", DS_LOST_TCP, 2, false},
};

static const struct trait *trait_of(const char *name)
{
	static const struct trait none = {.missed = DS_LOST_CONNECT};

	for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++)
		if (!strcmp(name, traits[i].name))
			return &traits[i];
	return &none;
}

int program_level(const struct bpf_program *prog)
{
	return trait_of(bpf_program__name(prog))->level;
}

bool program_of_streams(const struct bpf_program *prog)
{
	return trait_of(bpf_program__name(prog))->streams;
}

enum ds_lost program_missed(const char *name)
{
	return trait_of(name)->missed;
}

int trampoline_available(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	AUTO_CLOSE int fd = -1;
	int function = libbpf_find_vmlinux_btf_id("unix_stream_connect", BPF_TRACE_FENTRY);

	/* What else is missing, to load them all tells better. */
	if (function < 0)
		return 0;
	opts.attach_btf_id = function;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "docksnoop_trial", "Dual BSD/GPL", nothing, 2,
			   &opts);
	return fd < 0 ? -errno : 0;
}

bool program_has_place(const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);
	const char *function = strchr(section, '/');
	static char last[64]; /* the kernel's types are read anew for each question */
	static bool found;

	if (!program_level(prog) || !function || *section != 'f') /* fentry, fexit */
		return true;
	if (strcmp(function + 1, last) != 0) {
		snprintf(last, sizeof(last), "%s", function + 1);
		found = libbpf_find_vmlinux_btf_id(last, BPF_TRACE_FENTRY) > 0;
	}
	return found;
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
