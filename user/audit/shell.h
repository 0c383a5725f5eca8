/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_SHELL_H
#define DOCKSNOOP_AUDIT_SHELL_H

#include <stddef.h>

#include "user/audit/report.h"

/*
 * Every docker, podman or nerdctl command in a shell's text that starts a container,
 * and what it gives away. The text is read as a shell would: quotes, comments, lines
 * continued with '\', here-documents, lists of commands, substitutions. A variable
 * that the text sets to fixed words before has them; any other is LEAD_UNKNOWN.
 * @first_line is the number of the text's first line. 0, -ENOMEM, or what the
 * report's fn returned.
 */
int shell_read(const char *text, size_t len, unsigned int first_line, const struct report *report);

/*
 * The same for words that are options of "docker run" already, as CI files have them
 * ("options: -v /a:/b --privileged"): there need not be an image.
 */
int shell_read_options(const char *text, size_t len, unsigned int first_line,
		       const struct report *report);

#endif
