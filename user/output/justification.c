// SPDX-License-Identifier: Apache-2.0
#include "user/output/justification.h"

json_t *justification_object(struct build *b, const struct rule *rule)
{
	json_t *o = json_object();

	build_set_text(b, o, "rule", "justification.rule", rule->name);
	build_set_text(b, o, "reason", "justification.reason", rule->reason);
	build_set_text(b, o, "owner", "justification.owner", rule->owner);
	build_set_text(b, o, "expires", "justification.expires", rule->expires);
	return o;
}
