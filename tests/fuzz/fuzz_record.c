// SPDX-License-Identifier: Apache-2.0
/* Records of the ring, and events whose every text is what a record held. */
#include "output.h"
#include "tests/unit/sample_event.h"
#include "user/output/reduce.h"
#include "user/sensor/record_pack.h"

static struct record record, again;

static void check_reduced(const char *json, size_t max)
{
	AUTO_FREE char *reduced = NULL;
	json_t *whole = NULL;

	if (event_reduce(json, max, &reduced))
		return;
	CHECK(strlen(reduced) <= max);
	whole = json_loads(reduced, JSON_ALLOW_NUL, NULL);
	CHECK(whole);
	json_decref(whole);
}

static void check_pack(void)
{
	AUTO_FREE void *pack = record_pack(&record);

	CHECK(pack);
	memset(&again, 0xa5, sizeof(again));
	record_unpack(pack, &again);
	CHECK(!memcmp(&again.raw, &record.raw, sizeof(record.raw)));
	CHECK(!strcmp(again.exe, record.exe) && !strcmp(again.cgroup, record.cgroup));
	CHECK(!strcmp(again.client_path, record.client_path));
	CHECK(!strcmp(again.bound_path, record.bound_path));
	CHECK(!strcmp(again.mount_root, record.mount_root));
	CHECK(again.argv_len == record.argv_len);
	CHECK(!memcmp(again.argv, record.argv, record.argv_len));
}

static void check_said(uint8_t action, uint8_t parts)
{
	struct sample *s = sample_new((enum event_action)(action % (EVENT_POLICY_LOADED + 1)));

	sample_listener(s);
	sample_process(s);
	sample_mount(s);
	s->container = (struct container){
		.runtime = (enum runtime)(parts % (RUNTIME_ACTIONS + 1)),
		.id = record.cgroup,
		.name = record.client_path,
		.image = record.bound_path,
		.pod_name = record.mount_point,
		.pod_namespace = record.mount_root,
	};
	snprintf(s->listener.path, sizeof(s->listener.path), "%s", record.bound_path);
	s->listener.host_path = record.fs_path;
	s->mount.source = record.mount_root;
	s->mount.target = record.mount_point;
	s->opener.tgid = record.raw.from_tgid;
	memcpy(s->opener.comm, record.raw.comm, sizeof(s->opener.comm));
	/* Whoever connects is a process, and a request's may be unknown. */
	s->event.record = s->event.action > EVENT_API_REQUEST && parts & 1 ? NULL : &record;
	s->event.container = parts & 2 ? &s->container : NULL;
	s->event.listener = parts & 4 ? &s->listener : NULL;
	s->event.mount = parts & 8 ? &s->mount : NULL;
	s->event.opener = parts & 16 ? &s->opener : NULL;
	s->event.parent_exe = parts & 32 ? record.exe : NULL;
	s->event.verdict = (enum verdict)(parts >> 6);
	s->event.error = parts & 64 ? record.raw.result & 0x7fffffff : 0;
	s->event.creators[0] = parts & 128 ? &s->container : NULL;
	s->event.lost = (struct event_lost){.count = 1, .kind = "connect", .place = "ring"};
	s->event.monitor.version = "0";
	s->event.policy.file = record.exe;
	if (s->event.action != EVENT_API_REQUEST) {
		AUTO_FREE char *line = check_event(&s->event);

		check_reduced(line, 1024);
		check_reduced(line, 8192);
	}
	sample_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t action = input_byte(&in);
	uint8_t parts = input_byte(&in);
	AUTO_FREE void *bytes = malloc(in.size + 1);

	CHECK(bytes);
	memcpy(bytes, in.data, in.size);
	if (record_decode(bytes, in.size, &record))
		return 0;
	check_pack();
	check_said(action, parts);
	return 0;
}
