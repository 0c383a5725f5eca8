/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_KPROBE_H
#define DOCKSNOOP_KPROBE_H

#include <bpf/libbpf.h>

/* 0, or -errno: a kernel without them. */
int kprobe_available(void);

/*
 * Attach a program of section "kprobe/FUNCTION" or "kretprobe/FUNCTION" to the
 * function's address. By name, as libbpf does, the kernel refuses a name that
 * data has as well (EADDRNOTAVAIL since b022f0c7e404, "tracing/kprobes: Return
 * EADDRNOTAVAIL when func matches several symbols", 6.7 and stable kernels;
 * Debian's kernels have a variable kern_path beside the function).
 * 0 and the link, or -errno: -ENOENT when the kernel has no such function or
 * no kprobes, -ESRCH when several functions have that name.
 */
int kprobe_attach(const struct bpf_program *prog, struct bpf_link **out);

#endif
