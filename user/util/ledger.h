/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_LEDGER_H
#define DOCKSNOOP_LEDGER_H

#include <stdbool.h>
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
#define LEDGER_SINKS   4
#define LEDGER_SOURCES 2
#define LEDGER_KINDS   32

/*
 * A ring that accesses are taken from. Whoever takes one counts it, and then tells the ring:
 * killed in between, it is found there again. So the count has its place in the ring.
 */
struct ledger_source {
	uint64_t taken;	 /* accesses */
	uint64_t before; /* without the last one */
	uint64_t at;	 /* the last one's place, a multiple of 8; LEDGER_COUNTED: it is in taken */
};
#define LEDGER_COUNTED 1

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
	uint64_t taken;			/* accesses, but for those of sources */
	uint64_t sequence;		/* event.sequence of the last event */
	uint64_t told[2][LEDGER_KINDS]; /* of what the kernel side counts as lost, by ring */
	uint64_t
		missed[LEDGER_KINDS]; /* the same of the runs that it has missed, this generation */
	struct ledger_sink sinks[LEDGER_SINKS];
	struct ledger_source sources[LEDGER_SOURCES];
};

static inline void ledger_take(struct ledger *ledger, uint64_t accesses)
{
	__atomic_fetch_add(&ledger->taken, accesses, __ATOMIC_RELAXED);
}

/* One was counted before it was taken, and could not be. */
static inline void ledger_untake(struct ledger *ledger, uint64_t accesses)
{
	__atomic_fetch_sub(&ledger->taken, accesses, __ATOMIC_RELAXED);
}

/* The access at @place of a source. One thread at a time; each store is there for the next. */
static inline void ledger_take_at(struct ledger_source *source, uint64_t place)
{
	uint64_t before = source->taken;

	source->before = before;
	__atomic_store_n(&source->at, place, __ATOMIC_RELEASE);
	__atomic_store_n(&source->taken, before + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&source->at, place | LEDGER_COUNTED, __ATOMIC_RELEASE);
}

/* Has a docksnoop that was killed counted the one at @place, which is still in the ring? */
static inline bool ledger_has_taken(const struct ledger_source *source, uint64_t place)
{
	return source->at == (place | LEDGER_COUNTED);
}

/* @place: of the oldest that is in the ring. One that was half counted is not. */
static inline void ledger_resume(struct ledger_source *source, uint64_t place)
{
	if (source->at == place)
		source->taken = source->before;
}

/* All that was taken. */
static inline uint64_t ledger_taken(const struct ledger *ledger)
{
	uint64_t sum = __atomic_load_n(&ledger->taken, __ATOMIC_RELAXED);

	for (int i = 0; i < LEDGER_SOURCES; i++)
		sum += __atomic_load_n(&ledger->sources[i].taken, __ATOMIC_RELAXED);
	return sum;
}

#endif
