/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_ARGS_H
#define DOCKSNOOP_OUTPUT_ARGS_H

#include <stddef.h>

/*
 * Registry credentials and Authorization headers are never logged, and a
 * command line is where curl and docker login take them from. Overwrites, in
 * place and with '*', in @argv (arguments, each ended by NUL; @len bytes, and
 * a NUL at argv[len] even where the last argument was cut):
 * - after a header's name (Authorization, X-Registry-Auth, X-Registry-Config),
 *   the value, up to a quote or the end of the line
 * - the value of --password, and of -p after a "login"
 * - what follows "user:" in the value of -u and --user of curl
 */
void args_redact(char *argv, size_t len);

#endif
