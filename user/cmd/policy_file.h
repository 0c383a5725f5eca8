/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_POLICY_FILE_H
#define DOCKSNOOP_POLICY_FILE_H

#include "user/policy/policy.h"

/* What was wrong first, for the stream. */
#define POLICY_WHY_SIZE 1280

/*
 * Read the policy in @file; NULL: POLICY_FILE, where that exists, else *out is NULL.
 * Everything that is wrong is said on stderr, with line and column; the first of it
 * goes to @why. 0 or -errno.
 */
int policy_open(const char *file, char why[POLICY_WHY_SIZE], struct policy **out);

#endif
