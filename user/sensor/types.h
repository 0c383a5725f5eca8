/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SENSOR_TYPES_H
#define DOCKSNOOP_SENSOR_TYPES_H

#include <stdint.h>

#include "bpf/types.h"

/*
 * The numbers of DS_TYPES in the running kernel's BTF, as the programs' rodata wants them;
 * 0: it has none of that name (a module may). 0; -ENOTSUP: this kernel has no
 * bpf_rdonly_cast() (before 6.2); or -errno: its BTF cannot be read.
 */
int types_find(uint32_t numbers[static DS_TYPE_COUNT]);

#endif
