/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_HOLDERS_H
#define DOCKSNOOP_HOLDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/sensor/listener.h"

/* Which processes are container daemons, and which sockets they hold. */
struct holders;

/* A socket that a daemon's process holds. */
struct held {
	uint32_t pid;
	enum daemon daemon;
	char name[16];
};

struct holders *holders_new(int procfd);    /* @procfd stays the caller's; NULL: no memory */
void holders_free(struct holders *holders); /* NULL is allowed */

/* A process that may be a daemon: it is looked at, and kept if it is. */
void holders_add(struct holders *holders, uint32_t pid);

/* Look at the known daemons again, and through all processes when @deep. */
void holders_update(struct holders *holders, bool deep);

/* The daemon that held the socket at the last update, or NULL. */
const struct held *holders_find(const struct holders *holders, uint64_t ino);

/* Call fn for each daemon with the network namespace that it lives in. */
typedef void (*holders_fn)(void *ctx, uint32_t pid, uint32_t net_ns);
void holders_each(const struct holders *holders, holders_fn fn, void *ctx);

/* Is this process a daemon? Its name goes to @name, if it is there at all. */
enum daemon process_daemon(int procfd, uint32_t pid, char name[16]);

/* Does this process hold it? Where its descriptors are kept from us: is it there at all? */
bool socket_held_by(int procfd, uint32_t pid, uint64_t ino);

/* Who holds a socket, whoever it is: looks through every process. 0: nobody. */
uint32_t socket_holder(int procfd, uint64_t ino);

#endif
