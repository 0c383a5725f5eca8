/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TCP_ENDS_IMPL_H
#define DOCKSNOOP_TCP_ENDS_IMPL_H

/* What the files tcp_ends*.c share. */

#include <uthash.h>

#include "user/sensor/tcp_ends.h"
#include "user/sensor/tcp_forward.h"
#include "user/sensor/tcp_netns.h"

/* So many who hold a listener are remembered; of one that has more, all processes are looked at. */
#define HOLDERS_MAX 8
/* So many who come at once are looked at one by one; when they are more, all processes are. */
#define ADDED_MAX 256

enum judgement {
	UNKNOWN, /* who holds it has not been seen yet */
	NOBODY,	 /* none of ours */
	FORWARD, /* a docker-proxy, to something that is none of ours */
	END,
};

struct tcp_socket {
	uint64_t cookie;
	uint32_t ino;
	enum judgement judgement;
	struct tcp_forward forward; /* of a docker-proxy, where port is not 0 */
	struct tcp_end end;	    /* listener: only with END and FORWARD */
	uint64_t daemon_since_ns;   /* 0: not seen to be held by a daemon */
	uint64_t generation;
	/* Who held it when all processes were last looked through, if they were. */
	bool looked_for;
	uint32_t holders[HOLDERS_MAX];
	unsigned int holder_count; /* may be more; 0: nobody that could be seen */
	unsigned int asked;	   /* bit N: holder N was looked at again, and holds it still */
	bool doubted;		   /* to be asked again, of those who held it */
	UT_hash_handle hh;
	UT_hash_handle by_ino;
};

struct tcp_ends {
	struct tcp_ends_options options;
	struct tcp_keys *keys;
	struct tcp_socket *sockets; /* by cookie */
	struct tcp_socket *by_ino;
	struct tcp_namespaces namespaces;
	uint64_t generation;
	uint64_t walked_ns; /* when all processes were last looked through, and what it took */
	uint64_t walk_took_ns;
	bool walking; /* that is under way */
	/* Processes of tcp_ends_add() that are to be looked at. */
	uint32_t added[ADDED_MAX];
	unsigned int added_count;
	size_t refused;
};

/* Judge what the process @pid holds. */
int tcp_ends_judge_process(void *ends, uint32_t pid);
/* Judge what is not known; where need be, look through all processes. */
void tcp_ends_judge(struct tcp_ends *ends);
/* All that is nobody's may be somebody's. */
void tcp_ends_doubt(struct tcp_ends *ends);
/* Process @pid has come to this namespace: what is nobody's there may be its own. */
void tcp_ends_doubt_for(struct tcp_ends *ends, uint32_t net_ns, uint32_t pid);

#endif
