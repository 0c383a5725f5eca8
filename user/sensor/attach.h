/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_ATTACH_H
#define DOCKSNOOP_ATTACH_H

#include <bpf/libbpf.h>
#include <stdbool.h>

#include "bpf/event.h"

/* What libbpf leaves to be done for single programs of the kernel side. */

/* Before loading: tell libbpf what it does not know of @prog. 0 or -errno. */
int program_prepare(struct bpf_program *prog);

/*
 * 0, or -errno: does this kernel take a program for a trampoline at all? In a fraction of the
 * time that it takes to load those of a mode.
 */
int trampoline_available(void);

/*
 * Does this kernel have what an optional program of trampoline mode is attached to? To load
 * it would tell as well, once all that is before it has been verified.
 */
bool program_has_place(const struct bpf_program *prog);

/*
 * What can be done without, first what some kernels have no hook for or no need
 * of, then more: 0 for what its mode needs, else up to PROGRAM_LEVELS.
 */
#define PROGRAM_LEVELS 2
int program_level(const struct bpf_program *prog);

/* Is it of use only to follow what goes over connections? */
bool program_of_streams(const struct bpf_program *prog);

/* What a run of the program of this name would have told that was left out. */
enum ds_lost program_missed(const char *name);

/* A loaded program. 0 and *out the caller's, or -errno. */
int program_attach(const struct bpf_program *prog, struct bpf_link **out);

#endif
