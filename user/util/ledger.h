/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_LEDGER_H
#define DOCKSNOOP_LEDGER_H

#include <stdint.h>

/*
 * What became of what the kernel handed over. It lies in memory that outlives a
 * docksnoop which is killed (struct ds_control): the next one finds in it what that one
 * had taken and not told of any more, and says so.
 *
 * An access is one connect. Whoever takes some counts them as taken; each sink counts as
 * settled those that it has told of, alone, as a sum, or as lost. What nobody is to be
 * told of is settled for all.
 */
#define LEDGER_SINKS 4
#define LEDGER_KINDS 32

struct ledger_sink {
	uint64_t used;	   /* 0: there was no such sink */
	uint64_t settled;  /* accesses */
	uint64_t sequence; /* event.sequence of the last line that got out */
	uint64_t settling; /* accesses of the line that is being written; see end */
	uint64_t end;	   /* where the file is to end then; 0: nothing is being written */
	uint64_t device;   /* the file that is */
	uint64_t inode;
	char head[72]; /* the hash of the last line, where lines are a chain */
};

struct ledger {
	uint64_t taken;			/* accesses */
	uint64_t sequence;		/* event.sequence of the last event */
	uint64_t told[2][LEDGER_KINDS]; /* of what the kernel side counts as lost, by ring */
	uint64_t
		missed[LEDGER_KINDS]; /* the same of the runs that it has missed, this generation */
	struct ledger_sink sinks[LEDGER_SINKS];
};

static inline void ledger_take(struct ledger *ledger, uint64_t accesses)
{
	__atomic_fetch_add(&ledger->taken, accesses, __ATOMIC_RELAXED);
}

#endif
