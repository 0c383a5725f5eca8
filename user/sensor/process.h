/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_PROCESS_H
#define DOCKSNOOP_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "user/sensor/record.h"

/*
 * What /proc says of processes. @procfd is a descriptor of a /proc; a process
 * that is gone gives -ENOENT or -ESRCH.
 */

/* Its name (comm), which it may have chosen itself. */
int process_comm(int procfd, uint32_t pid, char out[16]);

/* When it started, CLOCK_BOOTTIME; in clock ticks of 10 ms, as /proc tells it. */
int process_start_ns(int procfd, uint32_t pid, uint64_t *out);

/*
 * Could two starts (CLOCK_BOOTTIME, ns) be of one process? /proc tells them to a
 * tick (sysconf(_SC_CLK_TCK)), the kernel to a nanosecond.
 */
bool process_same_start(uint64_t a_ns, uint64_t b_ns);

/* Is it still the process that started at @start_ns (a record's start_ns)? */
bool process_is(int procfd, uint32_t pid, uint64_t start_ns);

/* The same, and has it not ended? One that nobody has waited for yet is gone but for its number. */
bool process_runs(int procfd, uint32_t pid, uint64_t start_ns);

/*
 * The thread that a record is of, by a number that /proc has a folder for: threads can have
 * a mount namespace, a root and a working directory of their own. The process's own when
 * that thread is over.
 */
uint32_t process_thread(int procfd, const struct record *r);

/*
 * Its cgroup, chosen as the kernel side does: that of the v2 hierarchy unless
 * that of the pids controller lies deeper.
 */
int process_cgroup(int procfd, uint32_t pid, char out[DS_CGROUP_MAX + 1]);

/* The number of one of its namespaces: "mnt", "net", "pid", "user". */
int process_namespace(int procfd, uint32_t pid, const char *kind, uint32_t *out);

/* Its program's path, as its own mount namespace shows it; malloc'd. */
int process_exe(int procfd, uint32_t pid, char **out);

/*
 * The same of the parent, as long as it is the process that the record names: its
 * start tells that to a hundredth of a second, and its name must be the same.
 * -ESRCH when it is not. *out is the caller's.
 */
int process_parent_exe(int procfd, const struct ds_record *raw, char **out);

/*
 * A running process as a record of its start, as far as /proc tells; the flags
 * that compare it with the host's first process are the caller's to add. 0, or
 * -errno when it is gone; *out is then not to be used.
 */
int process_record(int procfd, uint32_t pid, struct record *out);

/*
 * Call fn(ctx, pid) for every process; a negative return stops and is
 * returned. Processes that come or go meanwhile may be left out.
 */
typedef int (*process_fn)(void *ctx, uint32_t pid);
int process_each(int procfd, process_fn fn, void *ctx);

/*
 * Call fn(ctx, pid) for each ancestor of a record's process, the nearest first,
 * as they are now; where the process is gone, from the parent on that it had, and
 * none when that is gone too. What fn returns, unless 0, stops and is returned.
 * -EAGAIN: the family changed meanwhile, and what fn found is not to be used.
 */
int process_each_ancestor(int procfd, const struct ds_record *raw, process_fn fn, void *ctx);

/* Call fn(ctx, ino) for every socket that the process holds, by its number in sockfs. */
typedef void (*process_socket_fn)(void *ctx, uint64_t ino);
int process_each_socket(int procfd, uint32_t pid, process_socket_fn fn, void *ctx);

#endif
