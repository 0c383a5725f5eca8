/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_NETLINK_H
#define DOCKSNOOP_NETLINK_H

#include <libmnl/libmnl.h>

/*
 * A netlink socket of @protocol in the network namespace of @netns (a descriptor
 * of /proc/PID/ns/net; -1: the caller's). The caller's to close; it keeps that
 * namespace alive. -errno.
 */
int netlink_open(int netns, int protocol);

/*
 * Ask @fd for a dump: @request is a whole message, and fn(nlh, ctx) is called for
 * each answer; it returns MNL_CB_OK. 0 or -errno: the kernel's own, or -EINTR
 * when what is listed changed meanwhile and may be incomplete.
 */
int netlink_dump(int fd, const struct nlmsghdr *request, mnl_cb_t fn, void *ctx);

#endif
