/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_TEXT_H
#define DOCKSNOOP_AUDIT_TEXT_H

#include <stddef.h>

#include "user/audit/report.h"

/*
 * Texts with commands in them that are no shell scripts. Each: 0, -ENOMEM, or what the
 * report's fn returned; @text ends in NUL.
 */

/* A unit of systemd's (systemd.syntax(7)), or one of Podman's (podman-systemd.unit(5)). */
int unit_audit(const char *text, const struct report *report);

/* ENV DOCKER_HOST=tcp://…; VOLUME mounts nothing of the host's. */
int dockerfile_audit(const char *text, const struct report *report);

/* TOML, as the configuration of GitLab's runner: volumes = [...], privileged = true. */
int toml_audit(const char *text, const struct report *report);

/* A Jenkinsfile: sh '…', args '…', inside('…'). */
int groovy_audit(const char *text, const struct report *report);

/* A fenced block of Markdown's (CommonMark, 4.5): @fn gets its language and text. */
typedef int (*block_fn)(void *ctx, const char *language, const char *text, size_t len,
			unsigned int first_line);
int markdown_each(const char *text, block_fn fn, void *ctx);

#endif
