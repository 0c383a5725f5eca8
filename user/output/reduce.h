/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_REDUCE_H
#define DOCKSNOOP_OUTPUT_REDUCE_H

#include <stddef.h>

/*
 * The event in @json made to fit into @max bytes, still a whole and valid
 * event: first without container.labels, then without process.args, then
 * without the list of watched sockets, then with its long strings cut shorter
 * and shorter; docksnoop.truncated names what was touched. 0 and a malloc'd
 * text in *out; -EMSGSIZE when even that does not fit; -ENOMEM.
 */
int event_reduce(const char *json, size_t max, char **out);

#endif
