/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_WATCH_OPTIONS_H
#define DOCKSNOOP_WATCH_OPTIONS_H

#include <stdbool.h>

#include "user/sensor/sensor.h"

#define WATCH_PIN_NONE "none"

struct watch_options {
	bool json;
	bool no_stdout;
	bool all;
	bool no_requests;
	bool syslog;
	int facility;
	const char *file;
	const char *pin;      /* the folder, or WATCH_PIN_NONE */
	bool unpin;	      /* remove it, and do nothing else */
	const char *policy;   /* NULL: the default, where it exists */
	const char **sockets; /* ended by NULL; malloc'd, the strings are argv's */
	enum sensor_mode mode;
	unsigned long long duration_s; /* 0: without end */
	unsigned long long count;      /* 0: without end */
};

/*
 * Parse argv[1…]. 0; 1 when --help was printed and there is nothing to do; -EINVAL when
 * the usage was wrong, which has been said on stderr. Free with watch_options_clear().
 */
int watch_options_parse(int argc, char **argv, struct watch_options *out);
void watch_options_clear(struct watch_options *options);

#endif
