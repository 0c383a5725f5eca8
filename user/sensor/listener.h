/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_LISTENER_H
#define DOCKSNOOP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "user/sensor/record.h"

enum daemon {
	DAEMON_NONE = 0,
	DAEMON_DOCKER,
	DAEMON_PODMAN,
	DAEMON_CONTAINERD,
	DAEMON_CRIO,
	DAEMON_BUILDKIT,
	DAEMON_OTHER,
};

const char *daemon_name(enum daemon daemon); /* "docker", …, "other"; NULL for DAEMON_NONE */
/* By the name of its program (comm, or the last part of its path). */
enum daemon daemon_by_program(const char *name);
/* By where sockets of such daemons usually lie. */
enum daemon daemon_by_path(const char *path);
/* A socket that a daemon opens for its own helpers, and that takes no orders. */
bool daemon_private_socket(enum daemon daemon, const char *path);
/* What the n-th of the usual sockets is called, without its directory; NULL after the last. */
const char *daemon_socket_name(size_t n);
/* The programs' names, ended by NULL. */
const char *const *daemon_programs(void);

enum listener_scope {
	SCOPE_HOST,   /* a daemon of the host */
	SCOPE_NESTED, /* a daemon that itself runs in a container */
};

/* A listening socket of a container daemon, past or present. */
struct listener {
	uint64_t
		cookie; /* socket cookie, never used twice while the host is up; 0: not yet known */
	uint64_t ino;	/* of the socket, in sockfs */
	uint32_t dev;	/* of the file it is bound to, the kernel's dev_t; 0 when abstract */
	uint64_t file_ino;
	enum daemon daemon;
	enum listener_scope scope;
	char path[DS_SUN_PATH_MAX + 2]; /* as bound, "@name" when abstract */
	char *host_path; /* where its file lies on the host, links resolved; NULL when not known */
	char *fs_path;	 /* the file below its filesystem's root; NULL when not known */
	uint32_t pid;	 /* of the process that holds it; 0 when not known */
	char name[16];	 /* that process's name */
	bool wanted;	 /* named with --socket */
	bool gone;	 /* it listens no more */
};

/*
 * All listeners of the host that matter, found without being told, and kept up
 * with as daemons come and go.
 */
struct listeners;
struct sensor;

struct listeners_options {
	int procfd;		    /* of the host's /proc; stays the caller's */
	struct sensor *sensor;	    /* is told what to pass over; stays the caller's */
	const char *const *sockets; /* --socket, ended by NULL */
	/* Does this process live in a container? */
	bool (*nested)(void *ctx, uint32_t pid);
	/*
	 * One that was not known: may fill in host_path and fs_path (malloc'd).
	 * Called before any record of it is answered for.
	 */
	void (*found)(void *ctx, struct listener *listener);
	void (*gone)(void *ctx, const struct listener *listener);
	void *ctx;
};

int listeners_new(const struct listeners_options *options, struct listeners **out);
void listeners_free(struct listeners *listeners); /* NULL is allowed */

/*
 * Look at the host again. @deep also looks through all processes for daemons,
 * which is needed at first and, as each start is reported, hardly ever after.
 * 0, or the -errno of socket diagnostics (what is known stays).
 */
int listeners_refresh(struct listeners *listeners, bool deep);

/* A program with a daemon's name has started. */
void listeners_daemon_started(struct listeners *listeners, uint32_t pid);

/*
 * To which daemon's socket does a connect's record belong? NULL: to none. The
 * answer is valid until the next call of listeners_refresh().
 */
const struct listener *listeners_resolve(struct listeners *listeners, const struct record *record);

/*
 * The same for the server's end of a connection, which has its listener's name
 * (as in struct listener) and file; 0 and 0 where it has none.
 */
const struct listener *listeners_of_end(const struct listeners *listeners, const char *path,
					uint32_t dev, uint64_t file_ino);

/* A watched socket goes by this path somewhere: failed connects to the like are reported. */
void listeners_name_add(struct listeners *listeners, const char *path);

/* Each daemon's process that is known, with the network namespace it lives in. */
typedef void (*listeners_daemon_fn)(void *ctx, uint32_t pid, uint32_t net_ns);
void listeners_each_daemon(const struct listeners *listeners, listeners_daemon_fn fn, void *ctx);

/* Those that listen now, in the order they were found; fn returns nonzero to stop. */
typedef int (*listener_fn)(void *ctx, const struct listener *listener);
int listeners_each(const struct listeners *listeners, listener_fn fn, void *ctx);

#endif
