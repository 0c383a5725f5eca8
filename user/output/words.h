/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_WORDS_H
#define DOCKSNOOP_OUTPUT_WORDS_H

/* What event_json.c, event_text.c and event_reason.c say alike. For this folder only. */

#include <stdio.h>

#include "user/output/event.h"

const char *action_name(enum event_action action);
const char *verdict_name(enum verdict verdict); /* NULL: nobody judged */
const char *attribution_name(enum attribution_by by);
const char *scope_name(enum listener_scope scope);

/* "EACCES"; the bare number for what has no name. */
#define ERROR_NAME_SIZE 24
const char *error_name(int error, char buf[ERROR_NAME_SIZE]);

/* fclose() of an open_memstream(3), -ENOMEM when anything written to it did not fit. */
int memstream_close(FILE *stream);

/*
 * @s as text_escape() shows it. One line must stay one that can be read: what is
 * longer than some 500 bytes ends in "…"; JSON has the whole.
 */
void put_escaped(FILE *out, const char *s);

/* An id as people know it: the first 12 digits of a long hexadecimal one, else the whole. */
void put_id(FILE *out, const char *id);

/* "default/web-1/app (traefik:v2) in 0123456789ab", "unknown (cgroup /x)" */
void put_container(FILE *out, const struct event *event);

/* Which daemon the socket belongs to, by its listener or, without one, by its name. */
enum daemon event_daemon(const struct event *event);
/* The same in words: "docker"; "unknown daemon". */
const char *socket_daemon(const struct event *event);
/* As the daemon bound it; "" when not known. */
const char *socket_path(const struct event *event);

/*
 * The path that leads there from within, malloc'd: as the client spelled it, or
 * below the mount's target. "" when not known, NULL without memory.
 */
char *socket_path_inside(const struct event *event);

#endif
