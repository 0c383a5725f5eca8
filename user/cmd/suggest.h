/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_SUGGEST_H
#define DOCKSNOOP_SUGGEST_H

/* Write a policy for what is exposed on this host now; an exit code. */
int policy_suggest(void);

#endif
