/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_FUZZ_OUTPUT_H
#define DOCKSNOOP_FUZZ_OUTPUT_H

/* Whatever was read, what is said of it is whole: JSON, and text that can be printed. */

#include "input.h"
#include "user/output/event.h"
#include "user/util/cleanup.h"

/* The line is malloc'd. */
static inline char *check_event(const struct event *event)
{
	AUTO_FREE char *text = event_to_text(event, false);
	AUTO_FREE char *reason = event_reason(event);
	json_t *json = event_to_json(event);
	char *line = NULL;

	CHECK(json);
	line = json_dumps(json, EVENT_JSON_FLAGS);
	json_decref(json);
	check_json_line(line);
	check_printable(text, 1);
	check_printable(reason, 0);
	return line;
}

#endif
