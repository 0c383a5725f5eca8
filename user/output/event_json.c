// SPDX-License-Identifier: Apache-2.0
#include "user/output/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/output/args.h"
#include "user/output/event_request.h"
#include "user/output/json_build.h"
#include "user/output/justification.h"
#include "user/output/words.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"

#define ECS_VERSION "8.11.0"

/* What the kernel shows for a loginuid that was never set. */
#define LOGINUID_UNSET ((uint32_t)-1)

static json_t *time_json(uint64_t epoch_ns)
{
	char text[CLOCK_ISO8601_SIZE] = "";

	clock_format_iso8601(epoch_ns, text);
	return json_string(text);
}

static json_t *id_json(uint32_t id)
{
	return json_sprintf("%" PRIu32, id);
}

static json_t *event_object(struct build *b, const struct event *event, const char *reason)
{
	json_t *o = json_object();

	build_set(b, o, "action", json_string(action_name(event->action)));
	build_set(b, o, "kind", json_string(event_kind(event)));
	if (event_is_access(event) || event->action == EVENT_POLICY_LOADED)
		build_set(b, o, "outcome", json_string(event_outcome(event)));
	if (event->count) {
		build_set(b, o, "start", time_json(event->time_ns));
		build_set(b, o, "end", time_json(event->end_ns));
	}
	build_set(b, o, "severity", json_integer(event_severity(event)));
	build_set_count(b, o, "sequence", event->sequence);
	build_set(b, o, "reason", json_string(reason));
	return o;
}

static json_t *host_object(struct build *b, const struct event_host *host)
{
	json_t *o = json_object();

	build_set_text(b, o, "hostname", "host.hostname", host->hostname);
	build_set_text(b, o, "id", "host.id", host->machine_id);
	return o;
}

/* Labels come with the image, whoever made it: enough room for honest ones. */
#define LABELS_MAX_BYTES 32768

static void add_label(struct build *b, json_t *o, const char *key, const char *value, size_t *room)
{
	size_t len = strlen(key) + (value ? strlen(value) : 0);

	if (!value || json_object_get(o, key))
		return;
	if (len > *room) {
		build_truncated(b, "container.labels");
		return;
	}
	*room -= len;
	build_set(b, o, key, json_string(value));
}

static json_t *labels_object(struct build *b, const struct container *c)
{
	/* first what tells whose container it is, so that no other label costs it its room */
	static const char *const first[] = {"com.docker.compose.project",
					    "com.docker.compose.service"};
	json_t *o = json_object();
	size_t room = LABELS_MAX_BYTES;
	const char *key = NULL;
	const char *value = NULL;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		add_label(b, o, first[i], container_label(c, first[i]), &room);
	while (container_labels_next(c, &at, &key, &value))
		add_label(b, o, key, value, &room);
	return o;
}

static json_t *container_object(struct build *b, const struct container *c)
{
	json_t *o = json_object();
	json_t *image = json_object();

	build_set_text(b, o, "id", "container.id", c->id);
	build_set_text(b, o, "name", "container.name", c->name);
	build_set_text(b, image, "name", "container.image.name", c->image);
	if (c->image_hash && *c->image_hash) {
		json_t *hash = json_object();
		json_t *all = json_array();

		build_append(b, all,
			     build_text(b, "container.image.hash.all", c->image_hash,
					strlen(c->image_hash)));
		build_set(b, hash, "all", all);
		build_set(b, image, "hash", hash);
	}
	build_set_object(b, o, "image", image);
	build_set_text(b, o, "runtime", "container.runtime", runtime_name(c->runtime));
	build_set_object(b, o, "labels", labels_object(b, c));
	return o;
}

static json_t *orchestrator_object(struct build *b, const struct container *c)
{
	json_t *o = json_object();
	json_t *pod = json_object();

	build_set_text(b, pod, "name", "orchestrator.resource.name", c->pod_name);
	build_set_text(b, pod, "id", "orchestrator.resource.id", c->pod_uid);
	if (json_object_size(pod))
		build_set(b, pod, "type", json_string("pod"));
	build_set_object(b, o, "resource", pod);
	build_set_text(b, o, "namespace", "orchestrator.namespace", c->pod_namespace);
	/* podman has pods of its own, but no namespaces */
	if (json_object_size(o) && c->runtime != RUNTIME_PODMAN)
		build_set(b, o, "type", json_string("kubernetes"));
	return o;
}

static json_t *args_array(struct build *b, const struct record *record)
{
	char argv[sizeof(record->argv)] = "";
	json_t *args = json_array();

	memcpy(argv, record->argv, record->argv_len);
	args_redact(argv, record->argv_len);
	for (size_t at = 0; at < record->argv_len;) {
		size_t len = strlen(argv + at);

		build_append(b, args, build_text(b, "process.args", argv + at, len));
		at += len + 1;
	}
	return args;
}

static json_t *parent_object(struct build *b, const struct event *event)
{
	const struct ds_record *raw = &event->record->raw;
	json_t *o = json_object();

	if (!raw->ppid)
		return o;
	build_set_known(b, o, "pid", raw->ppid);
	build_set_text(b, o, "name", "process.parent.name", raw->parent_comm);
	build_set_text(b, o, "executable", "process.parent.executable", event->parent_exe);
	if (raw->parent_start_ns)
		build_set(b, o, "start", time_json(clock_boot_to_epoch_ns(raw->parent_start_ns)));
	return o;
}

static json_t *process_object(struct build *b, const struct event *event)
{
	const struct record *record = event->record;
	const struct ds_record *raw = &record->raw;
	json_t *o = json_object();

	build_set_known(b, o, "pid", raw->tgid);
	if (raw->tid != raw->tgid)
		build_set(b, o, "thread", json_pack("{s:I}", "id", (json_int_t)raw->tid));
	build_set_text(b, o, "name", "process.name", raw->comm);
	/* a kernel thread's are not those of the process that it works for */
	if (!(raw->flags & DS_F_KTHREAD)) {
		build_set_text(b, o, "executable", "process.executable", record->exe);
		if (record->argv_len)
			build_set(b, o, "args", args_array(b, record));
		build_set(b, o, "user", json_pack("{s:o}", "id", id_json(raw->uid)));
		build_set(b, o, "group", json_pack("{s:o}", "id", id_json(raw->gid)));
	}
	if (raw->start_ns)
		build_set(b, o, "start", time_json(clock_boot_to_epoch_ns(raw->start_ns)));
	build_set_object(b, o, "parent", parent_object(b, event));
	return o;
}

static void set_device(struct build *b, json_t *object, uint32_t dev)
{
	if (dev)
		build_set(b, object, "device",
			  json_sprintf("%" PRIu32 ":%" PRIu32, dev >> 20, dev & 0xfffff));
}

static void set_listener(struct build *b, json_t *o, const struct listener *l)
{
	json_t *holder = json_object();

	build_set_known(b, holder, "pid", l->pid);
	build_set_text(b, holder, "name", "docksnoop.socket.listener.name", l->name);
	build_set_object(b, o, "listener", holder);
	build_set(b, o, "scope", json_string(scope_name(l->scope)));
}

/* Empty where it is not known which container it is. */
static json_t *proxy_object(struct build *b, const struct container *proxy)
{
	json_t *o = json_object();

	if (proxy) {
		build_set_text(b, o, "id", "docksnoop.socket.proxy.id", proxy->id);
		build_set_text(b, o, "name", "docksnoop.socket.proxy.name", proxy->name);
	}
	return o;
}

/* What the kernel saw at that moment goes before what is known of the listener. */
static json_t *socket_object(struct build *b, const struct event *event)
{
	const struct listener *l = event->listener;
	const struct record *connect = event_is_access(event) ? event->record : NULL;
	json_t *o = json_object();
	uint32_t dev = l ? l->dev : 0;
	uint64_t ino = l ? l->file_ino : 0;

	if (connect && connect->raw.socket_ino) {
		dev = connect->raw.socket_dev;
		ino = connect->raw.socket_ino;
	}
	build_set_text(b, o, "daemon", "docksnoop.socket.daemon", daemon_name(event_daemon(event)));
	if (l)
		set_listener(b, o, l);
	build_set_text(b, o, "address", "docksnoop.socket.address", event->address);
	if (event->proxied)
		build_set(b, o, "proxy", proxy_object(b, event->proxy));
	build_set_text(b, o, "path", "docksnoop.socket.path", socket_path(event));
	if (connect)
		build_set_text(b, o, "client_path", "docksnoop.socket.client_path",
			       connect->client_path);
	if (ino) {
		set_device(b, o, dev);
		build_set_known(b, o, "inode", ino);
	}
	return o;
}

static json_t *mount_object(struct build *b, const struct mount_use *mount)
{
	json_t *o = json_object();

	build_set(b, o, "via", json_string(mount_via_name(mount->via)));
	build_set_text(b, o, "source", "docksnoop.mount.source", mount->source);
	build_set_text(b, o, "target", "docksnoop.mount.target", mount->target);
	if (mount->known)
		build_set(b, o, "read_only", json_boolean(mount->read_only));
	if (mount->stale)
		build_set(b, o, "stale", json_true());
	return o;
}

static json_t *attribution_object(struct build *b, const struct event *event)
{
	const struct attribution *a = &event->attribution;
	const struct record *record = event->record;
	json_t *o = json_object();

	build_set(b, o, "by", json_string(attribution_name(a->by)));
	if (record) {
		json_t *namespaces = json_object();

		build_set_text(b, o, "cgroup", "docksnoop.attribution.cgroup", record->cgroup);
		build_set_known(b, o, "cgroup_id", record->raw.cgroup_id);
		build_set_known(b, namespaces, "mnt", record->raw.mnt_ns);
		build_set_known(b, namespaces, "pid", record->raw.pid_ns);
		build_set_known(b, namespaces, "user", record->raw.user_ns);
		build_set_object(b, o, "namespaces", namespaces);
	}
	build_set_text(b, o, "outer_container_id", "docksnoop.attribution.outer_container_id",
		       a->outer_id);
	build_set_text(b, o, "anomaly", "docksnoop.attribution.anomaly", a->anomaly);
	return o;
}

/* Whose the connection was: the other side of a handoff. */
static json_t *opener_object(struct build *b, const struct event *event)
{
	const struct opener *opener = event->opener;
	const struct ds_record *raw = &event->record->raw;
	json_t *process = json_object();
	json_t *o = json_object();

	if (opener && opener->sighting.container)
		build_set(b, o, "container", container_object(b, opener->sighting.container));
	build_set_known(b, process, "pid", raw->from_tgid);
	if (opener) {
		build_set_text(b, process, "name", "docksnoop.opener.process.name", opener->comm);
		build_set(b, process, "start", time_json(clock_boot_to_epoch_ns(opener->start_ns)));
		build_set(b, o, "host", json_boolean(opener->sighting.host));
		if (opener->already_open)
			build_set(b, o, "already_open", json_true());
	}
	build_set_object(b, o, "process", process);
	build_set_known(b, o, "cgroup_id", raw->from_cgroup_id);
	build_set_known(b, o, "mnt", raw->from_mnt_ns);
	return o;
}

static json_t *lost_object(struct build *b, const struct event_lost *lost)
{
	json_t *o = json_object();

	build_set_count(b, o, "count", lost->count);
	build_set_known(b, o, "accesses", lost->accesses);
	build_set_text(b, o, "kind", "docksnoop.lost.kind", lost->kind);
	build_set_text(b, o, "place", "docksnoop.lost.place", lost->place);
	return o;
}

static json_t *policy_object(struct build *b, const struct event_policy *policy)
{
	json_t *o = json_object();

	build_set_text(b, o, "file", "docksnoop.policy.file", policy->file);
	build_set_count(b, o, "rules", policy->rules);
	build_set_text(b, o, "error", "docksnoop.policy.error", policy->error);
	return o;
}

static json_t *monitor_object(struct build *b, const struct event *event)
{
	const struct event_monitor *monitor = &event->monitor;
	json_t *o = json_object();

	build_set_text(b, o, "version", "docksnoop.monitor.version", monitor->version);
	if (event->action == EVENT_MONITOR_STARTED) {
		json_t *sockets = json_array();

		for (size_t i = 0; i < monitor->socket_count; i++) {
			const struct event one = {.listener = monitor->sockets[i]};

			build_append(b, sockets, socket_object(b, &one));
		}
		build_set(b, o, "sockets", sockets);
		build_set_text(b, o, "boot_id", "docksnoop.monitor.boot_id", monitor->boot_id);
		if (monitor->programs)
			build_set(b, o, "programs", json_incref(monitor->programs));
		if (monitor->resumed)
			build_set(b, o, "resumed", json_true());
	} else {
		build_set_count(b, o, "emitted", monitor->emitted);
		build_set_count(b, o, "lost", monitor->lost);
	}
	return o;
}

static void set_process_marks(struct build *b, json_t *o, const struct ds_record *raw)
{
	if (raw->loginuid != LOGINUID_UNSET)
		build_set(b, o, "loginuid", json_integer(raw->loginuid));
	if (raw->flags & DS_F_IO_WORKER)
		build_set(b, o, "io_uring", json_true());
	if (raw->flags & DS_F_KTHREAD)
		build_set(b, o, "kernel_thread", json_true());
}

static void set_access(struct build *b, json_t *o, const struct event *event)
{
	static const struct mount_use unknown = {.via = VIA_UNKNOWN};
	const struct mount_use *mount = event->mount;

	if (verdict_name(event->verdict))
		build_set(b, o, "verdict", json_string(verdict_name(event->verdict)));
	if (event->rule)
		build_set(b, o, "justification", justification_object(b, event->rule));
	build_set_object(b, o, "socket", socket_object(b, event));
	/* a name that led to no file was no mount's, nor is an address */
	if (!mount && event_flagged(event) && !event_by_name(event) && !event->address)
		mount = &unknown;
	if (mount)
		build_set(b, o, "mount", mount_object(b, mount));
	build_set(b, o, "attribution", attribution_object(b, event));
	build_set_known(b, o, "count", event->count);
	if (event_connection(event))
		build_set(b, o, "connection", json_sprintf("%016" PRIx64, event_connection(event)));
	if (event->creators[0])
		build_set(b, o, "created_by", creators_object(b, event->creators, CREATORS_SHOWN));
	if (event->request)
		build_set(b, o, "request", request_object(b, event->request));
	if (event->already_open)
		build_set(b, o, "already_open", json_true());
	if (event->action == EVENT_SOCKET_HANDOFF)
		build_set(b, o, "opener", opener_object(b, event));
	if (event_by_name(event))
		build_set(b, o, "confidence", json_string("low"));
	if (event->record)
		set_process_marks(b, o, &event->record->raw);
}

static json_t *docksnoop_object(struct build *b, const struct event *event)
{
	json_t *o = json_object();

	build_set_text(b, o, "mode", "docksnoop.mode", event->host->mode);
	switch (event->action) {
	case EVENT_SOCKET_CONNECT:
	case EVENT_SOCKET_HANDOFF:
	case EVENT_API_REQUEST:
	case EVENT_SOCKET_EXPOSED:
		set_access(b, o, event);
		break;
	case EVENT_EVENTS_LOST:
		build_set(b, o, "lost", lost_object(b, &event->lost));
		break;
	case EVENT_MONITOR_STARTED:
	case EVENT_MONITOR_STOPPED:
		build_set(b, o, "monitor", monitor_object(b, event));
		break;
	case EVENT_POLICY_LOADED:
		build_set(b, o, "policy", policy_object(b, &event->policy));
		break;
	}
	return o;
}

/* What the kernel side had to cut, under the names it goes by here. */
static void note_truncated(struct build *b, const struct record *record)
{
	static const char *const fields[DS_STR_COUNT] = {
		[DS_STR_EXE] = "process.executable",
		[DS_STR_ARGV] = "process.args",
		[DS_STR_CGROUP] = "docksnoop.attribution.cgroup",
		[DS_STR_CLIENT_PATH] = "docksnoop.socket.client_path",
		[DS_STR_BOUND_PATH] = "docksnoop.socket.path",
		[DS_STR_FS_PATH] = "docksnoop.mount.source",
		[DS_STR_MOUNT_POINT] = "docksnoop.mount.target",
		[DS_STR_MOUNT_ROOT] = "docksnoop.mount.source",
	};

	for (int i = 0; i < DS_STR_COUNT; i++) {
		if (record_truncated(record, (enum ds_string)i))
			build_truncated(b, fields[i]);
	}
}

json_t *event_to_json(const struct event *event)
{
	struct build b = {.truncated = json_array()};
	AUTO_FREE char *reason = event_reason(event);
	json_t *root = json_object();
	json_t *docksnoop = NULL;
	char number[ERROR_NAME_SIZE] = "";

	build_set(&b, root, "@timestamp", time_json(event->time_ns));
	build_set(&b, root, "ecs", json_pack("{s:s}", "version", ECS_VERSION));
	build_set(&b, root, "message", json_string(reason));
	build_set(&b, root, "event", event_object(&b, event, reason));
	if (event->error)
		build_set(&b, root, "error",
			  json_pack("{s:s}", "code", error_name(event->error, number)));
	build_set_object(&b, root, "host", host_object(&b, event->host));
	if (event->container) {
		build_set_object(&b, root, "container", container_object(&b, event->container));
		build_set_object(&b, root, "orchestrator",
				 orchestrator_object(&b, event->container));
	}
	if (event->request) {
		build_set_object(&b, root, "http", http_object(&b, event->request));
		build_set_object(&b, root, "url", url_object(&b, event->request));
	}
	if (event->record) {
		build_set(&b, root, "process", process_object(&b, event));
		note_truncated(&b, event->record);
	}
	docksnoop = docksnoop_object(&b, event);
	if (json_array_size(b.truncated))
		build_set(&b, docksnoop, "truncated", json_incref(b.truncated));
	build_set(&b, root, "docksnoop", docksnoop);
	json_decref(b.truncated);
	if (b.failed || !b.truncated) {
		json_decref(root);
		return NULL;
	}
	return root;
}
