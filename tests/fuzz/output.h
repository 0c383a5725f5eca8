/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_FUZZ_OUTPUT_H
#define DOCKSNOOP_FUZZ_OUTPUT_H

/* Whatever was read, what is said of it is whole: JSON, and text that can be printed. */

#include "input.h"
#include "user/output/event.h"
#include "user/output/reduce.h"
#include "user/util/cleanup.h"

static inline void check_reduced(const char *json, size_t max)
{
	AUTO_FREE char *reduced = NULL;
	json_t *again = NULL;

	if (event_reduce(json, max, &reduced))
		return;
	CHECK(strlen(reduced) <= max);
	again = json_loads(reduced, JSON_ALLOW_NUL, NULL);
	CHECK(again);
	json_decref(again);
}

static inline void check_event(const struct event *event)
{
	AUTO_FREE char *text = event_to_text(event, false);
	AUTO_FREE char *reason = event_reason(event);
	AUTO_FREE char *line = NULL;
	json_t *json = event_to_json(event);

	CHECK(json);
	line = json_dumps(json, EVENT_JSON_FLAGS);
	json_decref(json);
	check_json_line(line);
	check_printable(text, 1);
	check_printable(reason, 0);
	check_reduced(line, 1024);
	check_reduced(line, 8192);
}

#endif
