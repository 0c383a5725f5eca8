/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_PREFLIGHT_H
#define DOCKSNOOP_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What has to be there before anything is loaded, so that what is missing is
 * named and not left to a verifier's or a system call's errno.
 */

struct preflight_check {
	const char *name; /* "privileges", "btf", … */
	const char *what; /* for people */
	/* 0, or -errno with one line in @why: what is missing and what to do. */
	int (*run)(char *why, size_t size);
	bool required; /* docksnoop cannot run without */
};

/* All checks, ended by one without a name. */
extern const struct preflight_check preflight_checks[];

/* The first required check that fails: its -errno, and its line in @why. 0 when all pass. */
int sensor_preflight(char *why, size_t size);

#endif
