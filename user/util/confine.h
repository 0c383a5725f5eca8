/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CONFINE_H
#define DOCKSNOOP_CONFINE_H

#include <stddef.h>

/*
 * Give up what is not needed once everything is attached: all capabilities but
 *
 *	CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH	other processes in /proc, runtimes' files
 *	CAP_SYS_ADMIN				setns(2) into other network namespaces, to
 *						ask who listens there
 *	CAP_BPF					maps, where kernel.unprivileged_bpf_disabled
 *						is set (Linux before 6.4)
 *	CAP_SYS_NICE				a thread that must not wait for a CPU
 *
 * of which none can be had again (bounding set, no_new_privs); and all system calls but
 * those that are used (seccomp(2)): no program is run, no process made or looked into, no
 * other program loaded into the kernel, nothing mounted, no namespace but a network's
 * entered, no socket but AF_UNIX and AF_NETLINK opened, no memory made executable. What is
 * refused is -EPERM. To be called while there is one thread; those that it makes later
 * are confined with it. 0, or -errno with what it was for in @why.
 */
int process_confine(char *why, size_t size);

#endif
