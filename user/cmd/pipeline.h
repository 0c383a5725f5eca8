/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_PIPELINE_H
#define DOCKSNOOP_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/audit/finding.h"
#include "user/output/stream.h"
#include "user/policy/policy.h"
#include "user/sensor/sensor.h"

/* The stages of watch, put together: a record goes in, events come out. */

struct pipeline_options {
	int procfd;	       /* stays the caller's, as do the next three */
	struct sensor *sensor; /* NULL, as the next: only pipeline_audit() is asked for */
	struct stream *stream;
	const char *const *sockets;  /* --socket, ended by NULL */
	bool all;		     /* accesses by the host's own processes too */
	bool requests;		     /* the sensor follows what goes over connections */
	const struct policy *policy; /* NULL: nothing is justified; see pipeline_set_policy() */
};

struct pipeline;

int pipeline_new(const struct pipeline_options *options, struct pipeline **out);
void pipeline_free(struct pipeline *pipeline); /* NULL is allowed */

static inline void cleanup_pipeline(struct pipeline **pipeline)
{
	pipeline_free(*pipeline);
}
#define AUTO_PIPELINE __attribute__((cleanup(cleanup_pipeline)))

/*
 * Find the daemons and sockets that are there, say that the stream begins, and
 * look at the containers that run already. 0 or -errno.
 */
int pipeline_start(struct pipeline *pipeline);

/*
 * Look around once, at every container of the host, and hand over each way in which
 * one can reach a daemon. Needs no sensor and no stream. 0, -errno, or what @fn returned.
 */
int pipeline_audit(struct pipeline *pipeline, finding_fn fn, void *ctx);

/* Say on stderr that it is armed. */
void pipeline_armed(struct pipeline *pipeline);

/*
 * Judge by another policy, which was read from @file, from now on; NULL: by none. It stays
 * the caller's, and has to live until the next call or the pipeline's end. The stream is
 * told, and what is exposed is said again.
 */
void pipeline_set_policy(struct pipeline *pipeline, const struct policy *policy, const char *file);
/*
 * Tell the stream that the policy in force was read from @file; with @error, that what is
 * in @file now is refused, and the one before stays.
 */
void pipeline_policy_said(struct pipeline *pipeline, const char *file, const char *error);

/* Take in what the kernel has. 0 or -errno. */
int pipeline_drain(struct pipeline *pipeline);

/* To be called several times a second: what comes and goes, and what was lost. */
void pipeline_tick(struct pipeline *pipeline);

/*
 * Nothing more is seen; write what was, and the last event: what was emitted and lost in
 * all.
 */
void pipeline_stopped(struct pipeline *pipeline);

/* Accesses and exposures written so far; what --count counts. */
uint64_t pipeline_written(const struct pipeline *pipeline);
/* Everything that was counted as lost. */
uint64_t pipeline_lost(const struct pipeline *pipeline);
/* Stop pipeline_drain() once this many were written; 0: never. */
void pipeline_limit(struct pipeline *pipeline, uint64_t count);

#endif
