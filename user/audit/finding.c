// SPDX-License-Identifier: Apache-2.0
#include "user/audit/finding.h"

const char *finding_way_name(enum finding_way way)
{
	static const char *const names[] = {
		[WAY_MOUNT] = "mount",	     [WAY_API_SOCKET] = "api-socket",
		[WAY_TCP] = "tcp",	     [WAY_PRIVILEGED] = "privileged",
		[WAY_HOST_PID] = "host-pid", [WAY_UNDECIDED] = "undecided",
	};

	return names[way];
}

const char *finding_via_name(const struct finding *finding)
{
	return finding->way == WAY_TCP ? "tcp" : mount_via_name(finding->via);
}
