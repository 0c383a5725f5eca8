/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_COMPOSE_H
#define DOCKSNOOP_AUDIT_COMPOSE_H

#include "user/audit/report.h"
#include "user/util/yaml.h"

/* Compose files, github.com/compose-spec/compose-spec, as of 2026. */

/* A file that a Compose file leads to, and that is malformed. */
typedef void (*compose_error_fn)(void *ctx, const char *file, unsigned int line,
				 unsigned int column, const char *text);

struct compose_input {
	const char *file;	      /* as findings are to name it */
	const struct yaml_node *root; /* its document */
	bool alone;		      /* it comes from no folder: no other file is looked for */
	bool fragment;		      /* it is a part of documentation: nor is one missed */
	finding_fn fn;
	compose_error_fn error;
	void *ctx;
	size_t *external_volumes; /* added to */
};

/* Is it one, by its content? One that only includes others is known by its name alone. */
bool compose_is(const struct yaml_node *root);
/* By its name: of the files that "docker compose" takes without being told. */
bool compose_is_base(const char *file);
bool compose_is_override(const char *file);
/* "docker-compose.prod.yml" */
bool compose_is_named(const char *file);

/*
 * Every way in which a service gets a daemon: with .env, an override file, extends and
 * include of the same folder. 0, -ENOMEM, or what input->fn returned.
 */
int compose_audit(const struct compose_input *input);

#endif
