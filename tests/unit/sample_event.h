/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_TEST_SAMPLE_EVENT_H
#define DOCKSNOOP_TEST_SAMPLE_EVENT_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/output/event.h"
#include "user/util/clock.h"

/* An event with all that it points at. Large: keep it off the stack. */
struct sample {
	struct event event;
	struct event_host host;
	struct record record;
	struct listener listener;
	const struct listener *sockets[1];
	struct container container;
	json_t *labels; /* what container's were made of */
	struct container proxy;
	struct mount_use mount;
	struct opener opener;
	struct api_request request;
};

/* 2026-11-23T20:31:07.123456789Z */
#define SAMPLE_TIME_NS	1795465867123456789ULL
#define SAMPLE_ID	"4f0c5a9e1b7d4c52a8e36f9b0d21c7e85a6b3f4d9e2c1807b5a4938271605f4e"
#define SAMPLE_PROXY_ID "7d41c09be5f2a86330c9de1748fb5a62907ec3d8146ab5f0c27e9138d405fa6b"
#define SAMPLE_HASH	"sha256:9d1e64c0ab7f3b25d8f6a1c493e07b58d2c6f3a9b1e4d7085c3a6f9e2b7d4c10"

/* The time since boot at which it is @epoch_ns, whenever the host was started. */
static inline uint64_t sample_boot_ns(uint64_t epoch_ns)
{
	return epoch_ns - clock_boot_to_epoch_ns(0);
}

static inline void sample_args(struct sample *s, const char *argv, size_t len)
{
	memcpy(s->record.argv, argv, len);
	s->record.argv_len = len;
}

static inline void sample_listener(struct sample *s)
{
	s->listener = (struct listener){
		.cookie = 4711,
		.dev = 26,
		.file_ino = 1402,
		.daemon = DAEMON_DOCKER,
		.path = "/var/run/docker.sock",
		.host_path = (char *)"/run/docker.sock",
		.fs_path = (char *)"/docker.sock",
		.pid = 812,
		.name = "dockerd",
	};
	s->sockets[0] = &s->listener;
	s->event.listener = &s->listener;
}

static inline void sample_process(struct sample *s)
{
	static const char argv[] = "curl\0--unix-socket\0/tmp/x.sock\0http://d/info";

	s->record.raw = (struct ds_record){
		.type = DS_RECORD_CONNECT,
		.tgid = 4242,
		.tid = 4242,
		.ppid = 4200,
		.uid = 1000,
		.gid = 999,
		.loginuid = (__u32)-1,
		.start_ns = sample_boot_ns(SAMPLE_TIME_NS - 5000000000ULL),
		.parent_start_ns = sample_boot_ns(SAMPLE_TIME_NS - 60000000000ULL),
		.cgroup_id = 9021,
		.mnt_ns = 4026532261,
		.pid_ns = 4026532264,
		.user_ns = 4026531837,
		.comm = "curl",
		.parent_comm = "sh",
		.socket_ino = 1402,
		.socket_dev = 26,
		.connection = 0x2b5a1,
	};
	strcpy(s->record.exe, "/usr/bin/curl");
	strcpy(s->record.cgroup, "/system.slice/docker-" SAMPLE_ID ".scope");
	strcpy(s->record.client_path, "/tmp/x.sock");
	strcpy(s->record.bound_path, "/var/run/docker.sock");
	sample_args(s, argv, sizeof(argv));
	s->event.parent_exe = "/bin/busybox";
	s->event.record = &s->record;
}

/* One more, or another value of one that it has. */
static inline void sample_label(struct sample *s, const char *key, json_t *value)
{
	bool damaged = false;

	s->labels = s->labels ? s->labels : json_object();
	json_object_set_new(s->labels, key, value);
	container_set_labels(&s->container, s->labels, &damaged);
}

static inline void sample_container(struct sample *s)
{
	s->container = (struct container){
		.runtime = RUNTIME_DOCKER,
		.id = (char *)SAMPLE_ID,
		.name = (char *)"traefik",
		.image = (char *)"traefik:v2",
		.image_hash = (char *)SAMPLE_HASH,
		.described = true,
	};
	sample_label(s, "com.docker.compose.project", json_string("edge"));
	sample_label(s, "com.docker.compose.service", json_string("proxy"));
	s->event.container = &s->container;
	s->event.attribution.by = ATTRIBUTED_BY_CGROUP;
	s->event.verdict = VERDICT_FLAGGED;
}

static inline void sample_mount(struct sample *s)
{
	s->mount = (struct mount_use){
		.via = VIA_SOCKET_BIND,
		.source = (char *)"/var/run/docker.sock",
		.target = (char *)"/tmp/x.sock",
		.read_only = true,
		.known = true,
	};
	s->event.mount = &s->mount;
}

static inline struct sample *sample_new(enum event_action action)
{
	struct sample *s = calloc(1, sizeof(*s));

	s->host = (struct event_host){
		.hostname = (char *)"node-7",
		.machine_id = (char *)"0b6c1f0e9d7a4c3fb2a18e5d6c7f9012",
		.mode = "trampoline",
	};
	s->event.action = action;
	s->event.time_ns = SAMPLE_TIME_NS;
	s->event.sequence = 17;
	s->event.host = &s->host;
	return s;
}

/* A container reaches dockerd by a bind mount of its socket. */
static inline struct sample *sample_connect(void)
{
	struct sample *s = sample_new(EVENT_SOCKET_CONNECT);

	sample_listener(s);
	sample_process(s);
	sample_container(s);
	sample_mount(s);
	return s;
}

/* A process of the host is refused. */
static inline struct sample *sample_host(void)
{
	struct sample *s = sample_new(EVENT_SOCKET_CONNECT);

	sample_listener(s);
	sample_process(s);
	strcpy(s->record.cgroup, "/user.slice/user-1000.slice/session-3.scope");
	strcpy(s->record.client_path, "/var/run/docker.sock");
	s->record.raw.tid = 4243;
	s->record.raw.loginuid = 1000;
	s->record.raw.connection = 0;
	s->event.verdict = VERDICT_HOST;
	s->event.error = EACCES;
	return s;
}

/* Somebody who is not the host's, and nobody knows whose. */
static inline struct sample *sample_unknown(void)
{
	struct sample *s = sample_new(EVENT_SOCKET_CONNECT);

	sample_listener(s);
	sample_process(s);
	strcpy(s->record.cgroup, "/strange");
	s->event.verdict = VERDICT_FLAGGED;
	s->event.attribution.anomaly = "left-cgroup";
	return s;
}

static inline struct sample *sample_exposed(void)
{
	struct sample *s = sample_connect();

	s->event.action = EVENT_SOCKET_EXPOSED;
	s->event.record = NULL;
	s->mount = (struct mount_use){
		.via = VIA_DIRECTORY_BIND,
		.source = (char *)"/run",
		.target = (char *)"/hostrun",
		.known = true,
	};
	return s;
}

/* A container reaches dockerd through another one, which has its socket and listens on TCP. */
static inline struct sample *sample_proxied(void)
{
	struct sample *s = sample_connect();

	s->event.mount = NULL;
	s->record.raw.socket_ino = 0;
	s->record.client_path[0] = '\0';
	s->record.bound_path[0] = '\0';
	s->listener.dev = 0;
	s->listener.file_ino = 0;
	strcpy(s->listener.name, "haproxy");
	s->proxy = (struct container){
		.runtime = RUNTIME_DOCKER,
		.id = (char *)SAMPLE_PROXY_ID,
		.name = (char *)"socket-proxy",
		.image = (char *)"tecnativa/docker-socket-proxy",
	};
	s->event.address = "tcp://172.18.0.2:2375";
	s->event.proxied = true;
	s->event.proxy = &s->proxy;
	return s;
}

/* A container uses a connection that a process of the host has opened. */
static inline struct sample *sample_handoff(void)
{
	struct sample *s = sample_connect();

	s->event.action = EVENT_SOCKET_HANDOFF;
	s->record.client_path[0] = '\0';
	s->record.raw.from_tgid = 812;
	s->record.raw.from_cgroup_id = 77;
	s->record.raw.from_mnt_ns = 4026531840;
	s->mount = (struct mount_use){.via = VIA_HANDOFF};
	s->opener = (struct opener){
		.sighting = {.host = true},
		.tgid = 812,
		.start_ns = sample_boot_ns(SAMPLE_TIME_NS - 9000000000ULL),
		.comm = "broker",
	};
	s->event.opener = &s->opener;
	return s;
}

/* A container, which another one has made, makes a container that has the host. */
static inline struct sample *sample_request(void)
{
	struct sample *s = sample_connect();

	s->event.action = EVENT_API_REQUEST;
	s->event.connection = 0x2b5a1;
	s->request = (struct api_request){
		.method = (char *)"POST",
		.path = (char *)"/v1.41/containers/create",
		.query = (char *)"name=miner",
		.endpoint = (char *)"/containers/create",
		.api_version = (char *)"1.41",
		.object = (char *)"miner",
		.created_id = (char *)SAMPLE_PROXY_ID,
		.status = 201,
		.complete = true,
		.grade = {GRADE_TAKEOVER, 2, {"privileged", "binds /"}},
	};
	s->event.request = &s->request;
	s->proxy = (struct container){.id = (char *)SAMPLE_PROXY_ID, .name = (char *)"ci"};
	s->event.creators[0] = &s->proxy;
	s->event.creators[1] = &s->container;
	return s;
}

/* Something that could not be read, by nobody knows whom. */
static inline struct sample *sample_unread(void)
{
	struct sample *s = sample_new(EVENT_API_REQUEST);

	s->event.verdict = VERDICT_FLAGGED;
	s->event.connection = 0x2b5a1;
	s->request = (struct api_request){
		.method = (char *)"",
		.path = (char *)"",
		.query = (char *)"",
		.endpoint = (char *)"",
		.api_version = (char *)"",
		.object = (char *)"",
		.trouble = HTTP_GAP,
		.grade = {.level = GRADE_UNKNOWN},
	};
	s->event.request = &s->request;
	return s;
}

/* dockerd itself listens on TCP. */
static inline struct sample *sample_listens(void)
{
	struct sample *s = sample_new(EVENT_SOCKET_EXPOSED);

	sample_listener(s);
	s->listener.path[0] = '\0';
	s->listener.dev = 0;
	s->listener.file_ino = 0;
	s->event.verdict = VERDICT_FLAGGED;
	s->event.address = "tcp://0.0.0.0:2375";
	return s;
}

static inline struct sample *sample_lost(void)
{
	struct sample *s = sample_new(EVENT_EVENTS_LOST);

	s->event.lost = (struct event_lost){.count = 3, .kind = "connect", .place = "ring"};
	return s;
}

static inline struct sample *sample_started(void)
{
	struct sample *s = sample_new(EVENT_MONITOR_STARTED);

	sample_listener(s);
	s->event.listener = NULL;
	s->event.monitor = (struct event_monitor){
		.version = "0.1.0",
		.sockets = s->sockets,
		.socket_count = 1,
	};
	return s;
}

static inline struct sample *sample_stopped(void)
{
	struct sample *s = sample_new(EVENT_MONITOR_STOPPED);

	s->event.monitor = (struct event_monitor){.version = "0.1.0", .emitted = 16, .lost = 3};
	return s;
}

static inline json_t *sample_json(struct sample *s)
{
	json_t *json = event_to_json(&s->event);

	if (!json)
		abort();
	return json;
}

/* The value at "process.parent.pid", NULL when there is none. */
static inline json_t *json_at(json_t *json, const char *path)
{
	char *copy = strdup(path);
	char *rest = copy;
	char *key = NULL;

	while (json && (key = strsep(&rest, ".")))
		json = json_object_get(json, key);
	free(copy);
	return json;
}

static inline void sample_free(struct sample *s)
{
	free(s->container.labels);
	json_decref(s->labels);
	free(s);
}

#endif
