/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_EVENT_H
#define DOCKSNOOP_OUTPUT_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/container/container.h"
#include "user/exposure/openers.h"
#include "user/container/tracker.h"
#include "user/exposure/mount.h"
#include "user/http/api_request.h"
#include "user/policy/verdict.h"
#include "user/sensor/listener.h"
#include "user/sensor/record.h"

enum event_action {
	EVENT_SOCKET_CONNECT,
	EVENT_SOCKET_HANDOFF,
	EVENT_API_REQUEST,
	EVENT_SOCKET_EXPOSED,
	EVENT_EVENTS_LOST,
	EVENT_MONITOR_STARTED,
	EVENT_MONITOR_STOPPED,
	EVENT_POLICY_LOADED,
};

#define CREATORS_SHOWN 8

/* events-lost */
struct event_lost {
	uint64_t count;
	uint64_t accesses; /* of lines of output: how many connects these stood for; 0: none */
	const char *kind;  /* "connect", "start", … */
	const char *place; /* "ring", "decode", "sink:file", … */
};

/* monitor-started, monitor-stopped */
struct event_monitor {
	const char *version;
	const struct listener *const *sockets; /* those watched now */
	size_t socket_count;
	const char *boot_id; /* monitor-started, as the next */
	json_t *programs;    /* of the kernel side, by name: the kernel's hash of each */
	bool resumed;	     /* it goes on where one that was killed ended */
	uint64_t emitted;    /* monitor-stopped: events numbered before this one */
	uint64_t lost;	     /* monitor-stopped: all that was counted as lost */
};

/* policy-loaded */
struct event_policy {
	const char *file;
	size_t rules;	   /* of the policy that is in force now */
	const char *error; /* why the file was refused; NULL: it was not */
};

/* What is the same for every event of a run. */
struct event_host {
	char *hostname;
	char *machine_id; /* NULL where the host has none */
	const char *mode; /* "tracepoint", "trampoline" */
};

/*
 * One thing to be said. It owns nothing: whoever fills it in keeps what it
 * points at alive until it was written. NULL: not known, and not shown.
 */
struct event {
	enum event_action action;
	uint64_t time_ns;		   /* since the epoch */
	uint64_t sequence;		   /* set by the stream */
	const struct event_host *host;	   /* set by the stream */
	const struct record *record;	   /* the process; NULL where there is none */
	const char *parent_exe;		   /* NULL when it could not be read in time */
	const struct container *container; /* NULL: the host's, or not known */
	const struct listener *listener;
	struct attribution attribution;
	const struct mount_use *mount;
	const struct opener *opener; /* socket-handoff: who opened the connection */
	enum verdict verdict;
	const struct rule *rule; /* that justifies it, or nearly: see struct judgement */
	enum verdict_but but;
	int error;	      /* 0, or the errno of a failed connect, positive */
	bool already_open;    /* the connection was there before docksnoop */
	bool outcome_unknown; /* of a connect: it was not answered while docksnoop waited */
	const char *address;  /* over TCP: connected to, or listened at: "tcp://10.0.0.2:2375" */
	bool address_local;   /* socket-exposed: only of use in the listener's network namespace */
	bool proxied;	      /* socket-connect: it is not the daemon that listens there… */
	const struct container
		*proxy; /* …but this container, which has its socket; NULL: not known */
	const struct api_request *request; /* api-request */
	uint64_t connection;		   /* api-request: as ds_record.connection */
	/* Who has made the container through a socket, who has made that one, and so on. */
	const struct container *creators[CREATORS_SHOWN];
	struct event_lost lost;
	struct event_monitor monitor;
	struct event_policy policy;
	uint64_t accesses; /* connects that it stands for, for the ledger: 0 unless it is of some */
	uint64_t count;	   /* like accesses that were folded into it; 0: it is of a single one */
	uint64_t end_ns;   /* of the last of those, since the epoch; time_ns is the first's */
};

/* Known by the name that the client spelled, and by nothing else. */
bool event_by_name(const struct event *event);
/* Did the access fail? Why may not be known: error is 0 then. */
bool event_failed(const struct event *event);
/* Somebody has reached a daemon. */
bool event_is_access(const struct event *event);
/* 21, 73, … (docs/events.md) */
int event_severity(const struct event *event);
/* "alert", "state", "event" */
const char *event_kind(const struct event *event);
/* "success", "failure", "unknown" */
const char *event_outcome(const struct event *event);
/* As in ds_record.connection; 0: none. */
uint64_t event_connection(const struct event *event);
/* Should it be looked at? event.kind is "alert" then. */
bool event_flagged(const struct event *event);

/*
 * The event as a JSON object of docs/event.schema.json; a new reference, NULL
 * when memory ran out. All strings are valid UTF-8.
 */
json_t *event_to_json(const struct event *event);

/*
 * How that object becomes a line. In ASCII, for the line is read on terminals
 * too, and some take U+009B, which JSON does not escape, for the start of a
 * control sequence.
 */
#define EVENT_JSON_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)

/*
 * One line for people, with its newline, malloc'd; @color adds SGR sequences.
 * NULL when memory ran out. What others chose is escaped (text_escape()).
 */
char *event_to_text(const struct event *event, bool color);

/*
 * event.reason: one sentence; malloc'd, NULL when memory ran out. What others
 * chose is escaped (text_escape()) and bounded, as people print this field.
 */
char *event_reason(const struct event *event);

#endif
