/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_REPORT_H
#define DOCKSNOOP_AUDIT_REPORT_H

#include "user/audit/finding.h"

/* Where the readers of files hand over what they find. */
struct report {
	const char *file; /* as findings are to name it */
	finding_fn fn;
	void *ctx;
};

#endif
