/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_LEAD_H
#define DOCKSNOOP_LEAD_H

#include "user/audit/finding.h"

/*
 * Where a path of a host leads that only a file speaks of. Sockets are known by
 * their names, and directories by what usually lies in them.
 */

/*
 * Stands in a text for what is not known, as the value of a variable that is not
 * set: any string. No path that somebody writes has this byte.
 */
#define LEAD_UNKNOWN '\001'

enum lead_kind {
	LEAD_NOWHERE, /* to no daemon */
	LEAD_SOCKET,
	LEAD_DIRECTORY, /* one above a socket */
	LEAD_ROOT,
	LEAD_PERHAPS, /* what is not known decides */
};

struct lead {
	enum lead_kind kind;
	enum daemon daemon; /* DAEMON_NONE unless a socket or a directory that is one daemon's */
	const char *socket; /* the usual place of the socket it leads to; static, or within @path */
	const char *unknown; /* LEAD_PERHAPS: why, in words; static */
};

/*
 * @path is absolute, or begins with LEAD_UNKNOWN; anything else leads nowhere.
 * /var is LEAD_PERHAPS: it holds the sockets only where /var/run is no link.
 */
struct lead lead_find(const char *path);

/* "tcp://…", "http://…": an address of a daemon on the network. */
bool lead_is_address(const char *text);

/*
 * What a mount of it gives, as a finding of which the place is the caller's to fill in;
 * @volume: it is mounted as a volume. Not for LEAD_NOWHERE. It points at what @lead does.
 */
struct finding lead_finding(const struct lead *lead, bool volume);

#endif
