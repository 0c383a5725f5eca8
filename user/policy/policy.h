/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_POLICY_H
#define DOCKSNOOP_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/container/container.h"
#include "user/http/api_request.h"
#include "user/sensor/listener.h"

/* Who may reach which daemon, what for, who says so, and until when: docs/policy.md. */

#define POLICY_FILE "/etc/docksnoop/policy.yaml"

/* What of a container a rule can look at; every one that is given must match. */
enum match_key {
	MATCH_CONTAINER,	    /* its name */
	MATCH_IMAGE,		    /* as it was named when the container was made */
	MATCH_IMAGE_DIGEST,	    /* "sha256:…" */
	MATCH_COMPOSE_PROJECT,	    /* label com.docker.compose.project */
	MATCH_COMPOSE_SERVICE,	    /* label com.docker.compose.service */
	MATCH_KUBERNETES_NAMESPACE, /* the pod's */
	MATCH_CREATED_BY,	    /* the name of the container that made it through a socket */
	MATCH_KEYS,
};

const char *match_key_name(enum match_key key); /* as in a policy file: "container", … */

struct label_match {
	char *key;
	char *glob;
};

struct exact_request {
	char *method; /* "GET", or "*" */
	char *path;   /* parts are globs; "**" is one part or more */
};

struct rule {
	char *name;
	char *match[MATCH_KEYS]; /* globs (fnmatch(3), '*' goes over '/'); NULL: any */
	struct label_match *labels;
	size_t label_count;
	unsigned int daemons; /* 1 << enum daemon */
	char **sockets;	      /* globs of paths */
	size_t socket_count;
	enum grade_level highest; /* GRADE_PROBE when nothing is granted */
	struct exact_request *exact;
	size_t exact_count;
	char *reason;
	char *owner;
	char *expires;	     /* "2027-03-31" */
	uint64_t expires_ns; /* the end of that day, UTC; since the epoch */
	unsigned int line;
};

struct policy {
	char *file;
	struct rule *rules;
	size_t count;
};

/* A place in a policy that is wrong: line and column from 1, 0 where there is none. */
typedef void (*policy_complain_fn)(void *ctx, unsigned int line, unsigned int column,
				   const char *text);

/*
 * Read a policy's text, which the caller names @file. 0; -EINVAL after each thing that
 * is wrong was told to @complain (escaped, for people); -ENOMEM.
 */
int policy_parse(const char *file, const char *text, size_t len, policy_complain_fn complain,
		 void *ctx, struct policy **out);
/* The same from the file, of at most 1 MiB. Also -errno when it cannot be read. */
int policy_load(const char *file, policy_complain_fn complain, void *ctx, struct policy **out);
void policy_free(struct policy *policy); /* NULL is allowed */

static inline void cleanup_policy(struct policy **policy)
{
	policy_free(*policy);
}
#define AUTO_POLICY __attribute__((cleanup(cleanup_policy)))

/* Who wants what of whom. */
struct policy_subject {
	const struct container *container; /* NULL: not known, and no rule matches */
	const struct container *creator;   /* who has made it through a socket; NULL: nobody */
	enum daemon daemon;
	const char *socket_path;	   /* as bound; NULL: not known */
	const char *socket_host_path;	   /* the same with links resolved, or NULL */
	const struct api_request *request; /* NULL: it just connects, or could */
	uint64_t time_ns;		   /* since the epoch */
};

enum policy_said {
	POLICY_SILENT,	/* no rule is about it */
	POLICY_GRANTS,	/* by *rule */
	POLICY_EXPIRED, /* *rule did */
	POLICY_BEYOND,	/* *rule is about the container, but does not grant the request */
};

struct policy_answer {
	enum policy_said said;
	const struct rule *rule; /* NULL: POLICY_SILENT */
};

/* The first rule that grants it counts; else the first that has expired; else one it is beyond. */
struct policy_answer policy_ask(const struct policy *policy, const struct policy_subject *subject);

/* Does the rule look at this container, whatever the day and the request? */
bool rule_matches(const struct rule *rule, const struct policy_subject *subject);

/* When the first rule that holds at @now_ns will have run out; UINT64_MAX: none holds. */
uint64_t policy_next_expiry(const struct policy *policy, uint64_t now_ns);

/* --- for people ----------------------------------------------------------------------------- */

/* What a rule says, in sentences, one a line, each indented by two blanks; malloc'd or NULL. */
char *rule_explain(const struct rule *rule);

/* Each thing to think about in a policy that is valid. */
typedef void (*policy_warn_fn)(void *ctx, const struct rule *rule, const char *text);
void policy_lint(const struct policy *policy, uint64_t now_ns, policy_warn_fn warn, void *ctx);

#endif
