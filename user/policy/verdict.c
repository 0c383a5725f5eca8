// SPDX-License-Identifier: Apache-2.0
#include "user/policy/verdict.h"

enum verdict verdict_of(const struct sighting *who, const struct listener *listener)
{
	if (who->host)
		return VERDICT_HOST;
	/* A daemon in a container is as good as root there, not on the host. */
	if (listener && listener->scope == SCOPE_NESTED)
		return VERDICT_NONE;
	return VERDICT_FLAGGED;
}
