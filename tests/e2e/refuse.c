// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded, it makes this a kernel that refuses one BPF program: the one whose
 * name, as the kernel keeps it (15 bytes), is in REFUSED_PROGRAM. Everything else
 * is the real thing.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	const char *refused = getenv("REFUSED_PROGRAM");
	const union bpf_attr *attr;
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	attr = (const union bpf_attr *)a[1];
	if (number == SYS_bpf && a[0] == BPF_PROG_LOAD && refused &&
	    !strncmp(attr->prog_name, refused, sizeof(attr->prog_name))) {
		errno = EPERM;
		return -1;
	}
	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
