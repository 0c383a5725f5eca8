// SPDX-License-Identifier: Apache-2.0
#include "user/output/event.h"

#define STATUS_CLIENT_ERROR 400 /* RFC 9110, 15 */

bool event_is_access(const struct event *event)
{
	return event->action == EVENT_SOCKET_CONNECT || event->action == EVENT_SOCKET_HANDOFF ||
	       event->action == EVENT_API_REQUEST;
}

bool event_flagged(const struct event *event)
{
	return event_is_access(event) &&
	       (event->verdict == VERDICT_FLAGGED || event->verdict == VERDICT_EXPIRED);
}

bool event_by_name(const struct event *event)
{
	return event->record && event->record->raw.flags & DS_F_BY_NAME;
}

bool event_failed(const struct event *event)
{
	if (event->request)
		return event->request->status >= STATUS_CLIENT_ERROR;
	if (event->policy.error)
		return true;
	return event->error || (event->record && event->record->raw.flags & DS_F_UNANSWERED);
}

const char *event_outcome(const struct event *event)
{
	if (event_failed(event))
		return "failure";
	if (event->outcome_unknown || (event->request && !event->request->status))
		return "unknown";
	return "success";
}

const char *event_kind(const struct event *event)
{
	if (event->action == EVENT_SOCKET_EXPOSED)
		return "state";
	return event_flagged(event) ? "alert" : "event";
}

uint64_t event_connection(const struct event *event)
{
	if (event->request)
		return event->connection;
	return event->record ? event->record->raw.connection : 0;
}

int event_severity(const struct event *event)
{
	if (!event_flagged(event))
		return 21;
	return event->request ? grade_severity(event->request->grade.level) : 73;
}
