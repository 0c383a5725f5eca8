/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_GRADE_BODY_H
#define DOCKSNOOP_GRADE_BODY_H

#include <jansson.h>

#include "user/http/grade.h"

/*
 * What in a request's body gives the host away. Each adds its reasons to @out and
 * raises it to takeover; @root is a go_json's.
 */
void grade_create_body(const json_t *root, const struct grade_context *context, struct grade *out);
/* Podman's own, its SpecGenerator (pkg/specgen/specgen.go). */
void grade_spec_body(const json_t *root, const struct grade_context *context, struct grade *out);
void grade_service_body(const json_t *root, const struct grade_context *context, struct grade *out);
void grade_volume_body(const json_t *root, struct grade *out);

/* A reason, escaped and cut; those beyond GRADE_REASONS_MAX are left out. */
void grade_because(struct grade *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, and it is at least this. */
void grade_raise(struct grade *out, enum grade_level level);

#endif
