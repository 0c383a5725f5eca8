/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCKSNOOP_READ_BPF_H
#define DOCKSNOOP_READ_BPF_H

/*
 * Reading the kernel's memory. A pointer that the verifier knows the type of is read by one
 * instruction, and what cannot be read is 0, as with the helper, which costs a call each
 * time. bpf_rdonly_cast() gives a pointer such a type, as a constant (a35b9af4ec2c, "bpf:
 * Add a kfunc for generic type cast", 6.2).
 */

#include "bpf/types.h"
#include "vmlinux/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

extern void *bpf_rdonly_cast(const void *obj, u32 btf_id) __ksym __weak;

/*
 * Numbers of types in the kernel's BTF; 0: not known, or without bpf_rdonly_cast(). User
 * space's: libbpf has no number for a name that is there twice.
 */
const volatile __u32 types[DS_TYPE_COUNT];

/* One may differ between kernels: see bpf/compat.bpf.h. */
struct kernfs_node___rcu;
struct iov_iter___5_10;
struct iov_iter___6_0;
struct iov_iter___6_3;

/* clang-format off */
#define TYPE_NUMBER(name)                                                                          \
	struct name *: types[DS_TYPE_##name], const struct name *: types[DS_TYPE_##name],

#define TYPE_OF(pointer)                                                                           \
	_Generic((pointer),                                                                        \
		DS_TYPES(TYPE_NUMBER)                                                              \
		struct kernfs_node___rcu *: types[DS_TYPE_kernfs_node],                            \
		struct iov_iter___5_10 *: types[DS_TYPE_iov_iter],                                 \
		struct iov_iter___6_0 *: types[DS_TYPE_iov_iter],                                  \
		struct iov_iter___6_3 *: types[DS_TYPE_iov_iter],                                  \
		default: 0)
/* clang-format on */

#define READ1(from, field)                                                                         \
	({                                                                                         \
		__auto_type from_ = (from);                                                        \
		const u32 type_ = TYPE_OF(from_);                                                  \
		type_ ? ((typeof(from_))bpf_rdonly_cast(from_, type_))->field                      \
		      : BPF_CORE_READ(from_, field);                                               \
	})
#define READ2(from, a, b)	READ1(READ1(from, a), b)
#define READ3(from, a, b, c)	READ1(READ2(from, a, b), c)
#define READ4(from, a, b, c, d) READ1(READ3(from, a, b, c), d)

/* As BPF_CORE_READ(): from one struct to the next, and a field of the last. */
#define READ(from, ...) ___apply(READ, ___narg(__VA_ARGS__))(from, __VA_ARGS__)

#endif
