// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

static void log_line(const char *severity, const char *fmt, va_list ap)
{
	flockfile(stderr);
	fprintf(stderr, "docksnoop: %s", severity);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	funlockfile(stderr);
}

#define LOG_FUNCTION(name, severity)                                                               \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, fmt);                                                                 \
		log_line(severity, fmt, ap);                                                       \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_error, "error: ")
LOG_FUNCTION(log_warn, "warning: ")
LOG_FUNCTION(log_info, "")
