// SPDX-License-Identifier: Apache-2.0
#include "user/audit/docker_command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/audit/docker_options.h"
#include "user/audit/lead.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"
#include "user/util/yaml.h"

#define NAMED_MAX 256

/* A volume that was made on a device, or a container that was given a socket. */
struct named {
	char *name;
	char *device; /* of a volume */
	struct lead lead;
	enum mount_via via;
};

struct docker_text {
	const struct report *report;
	struct named named[NAMED_MAX];
	size_t named_count;
};

/* A container that is started. */
struct start {
	struct docker_text *text;
	struct container *container;
	char *service;
	struct finding *findings; /* told when its name and image are known */
	char **owned;		  /* what they point at */
	size_t count;
	size_t owned_count;
	bool open; /* some of its options are not known */
};

struct docker_text *docker_text_new(const struct report *report)
{
	struct docker_text *text = calloc(1, sizeof(*text));

	if (text)
		text->report = report;
	return text;
}

void docker_text_free(struct docker_text *text)
{
	if (!text)
		return;
	for (size_t i = 0; i < text->named_count; i++) {
		free(text->named[i].name);
		free(text->named[i].device);
	}
	free(text);
}

static const struct named *named_find(const struct docker_text *text, const char *name)
{
	for (size_t i = 0; i < text->named_count; i++)
		if (!strcmp(text->named[i].name, name))
			return &text->named[i];
	return NULL;
}

static int named_add(struct docker_text *text, const char *name, const char *device)
{
	struct named *n = NULL;

	if (text->named_count == NAMED_MAX)
		return 0;
	n = &text->named[text->named_count];
	*n = (struct named){.name = strdup(name), .device = device ? strdup(device) : NULL};
	if (!n->name || (device && !n->device)) {
		free(n->name);
		free(n->device);
		return -ENOMEM;
	}
	text->named_count++;
	return 0;
}

/* --- which command it is -------------------------------------------------------------------------- */

static bool word_is(const struct shell_command *command, size_t i, const char *what)
{
	return i < command->count && !strcmp(command->words[i].text, what);
}

static bool is_one_of(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(word, list[i]))
			return true;
	return false;
}
#define IS_ONE_OF(word, list) is_one_of(word, list, sizeof(list) / sizeof((list)[0]))

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *equals = strrchr(path, '=');

	/* "ExecStart=/usr/bin/docker" */
	return slash ? slash + 1 : equals ? equals + 1 : path;
}

/* Global options that take a value, of all the clients. */
static size_t globals_skip(const struct shell_command *command, size_t i)
{
	static const char *const with_value[] = {
		"-H",
		"--host",
		"-c",
		"--context",
		"--config",
		"-l",
		"--log-level",
		"--tlscacert",
		"--tlscert",
		"--tlskey",
		"--root",
		"--runroot",
		"--url",
		"--connection",
		"--storage-driver",
		"--storage-opt",
		"--tmpdir",
		"--cgroup-manager",
		"--runtime",
		"-n",
		"--namespace",
		"-a",
		"--address",
		"--snapshotter",
		"-f",
		"--file",
		"-p",
		"--project-name",
		"--profile",
		"--env-file",
		"--project-directory",
		"--ansi",
		"--progress",
	};

	while (i < command->count && command->words[i].text[0] == '-') {
		const char *word = command->words[i].text;

		i += IS_ONE_OF(word, with_value) ? 2 : 1;
	}
	return i;
}

static int volume_create(struct docker_text *text, const struct shell_command *command, size_t i)
{
	const char *device = NULL;
	const char *name = NULL;
	bool bind = false;

	for (; i < command->count; i++) {
		const char *word = command->words[i].text;

		if (!strcmp(word, "-o") || !strcmp(word, "--opt"))
			continue;
		if (!strncmp(word, "--opt=", 6))
			word += 6;
		if (!strcmp(word, "-d") || !strcmp(word, "--driver") || !strcmp(word, "--label") ||
		    !strcmp(word, "--name"))
			i += strcmp(word, "--name") != 0;
		else if (!strncmp(word, "device=", 7))
			device = word + 7;
		else if (!strncmp(word, "o=", 2))
			bind = bind || strstr(word, "bind");
		else if (*word != '-' && !strchr(word, '='))
			name = word;
	}
	return name && device && bind ? named_add(text, name, device) : 0;
}

/* What says something and does not do it. */
static bool only_talks(const struct shell_command *command)
{
	static const char *const talkers[] = {"echo",  "printf", "log",	  "info", "warn",
					      "error", "grep",	 "which", "man",  "type"};
	const char *first = command->words[0].text;

	return IS_ONE_OF(first, talkers);
}

bool docker_command_runs(struct docker_text *text, const struct shell_command *command,
			 size_t *words)
{
	static const char *const clients[] = {"docker", "podman", "nerdctl", "docker.io"};
	static const char *const composes[] = {"docker-compose", "podman-compose"};

	if (!command->count || only_talks(command))
		return false;
	for (size_t i = 0; i < command->count; i++) {
		const char *base = base_of(command->words[i].text);
		bool compose = IS_ONE_OF(base, composes);
		size_t at;

		if (!compose && !IS_ONE_OF(base, clients))
			continue;
		at = globals_skip(command, i + 1);
		if (word_is(command, at, "compose")) {
			compose = true;
			at = globals_skip(command, at + 1);
		}
		if (word_is(command, at, "volume") && word_is(command, at + 1, "create")) {
			/* Without memory for it a volume's device is not known. */
			(void)volume_create(text, command, at + 2);
			return false;
		}
		if ((word_is(command, at, "container") && !compose) ||
		    (word_is(command, at, "service") && word_is(command, at + 1, "create")))
			at++;
		if (!word_is(command, at, "run") && (compose || !word_is(command, at, "create")))
			continue;
		*words = at + 1;
		return true;
	}
	return false;
}

/* --- findings --------------------------------------------------------------------------------------- */

static char *keep(struct start *s, char *text)
{
	char **more = text ? reallocarray(s->owned, s->owned_count + 1, sizeof(*more)) : NULL;

	if (!more) {
		free(text);
		return NULL;
	}
	s->owned = more;
	more[s->owned_count++] = text;
	return text;
}

static int finding_add(struct start *s, const struct docker_option *o, struct finding finding)
{
	struct finding *more = reallocarray(s->findings, s->count + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	s->findings = more;
	finding.file = s->text->report->file;
	finding.line = o->line;
	finding.spelling = keep(s, strdup(o->raw));
	if (!finding.spelling)
		return -ENOMEM;
	more[s->count++] = finding;
	return 0;
}

static int lead_add(struct start *s, const struct docker_option *o, const struct lead *lead,
		    bool volume, bool read_only)
{
	struct finding finding = lead_finding(lead, volume);

	finding.read_only = read_only;
	if (lead->kind == LEAD_NOWHERE)
		return 0;
	if (lead->socket && !(finding.socket = keep(s, strdup(lead->socket))))
		return -ENOMEM;
	return finding_add(s, o, finding);
}

static int source_add(struct start *s, const struct docker_option *o, const char *source,
		      bool read_only)
{
	const struct named *named = named_find(s->text, source);
	struct lead lead = lead_find(source);

	if (*source != '/' && *source != LEAD_UNKNOWN && daemon_by_path(source) != DAEMON_NONE &&
	    strchr(source, '/'))
		lead = (struct lead){
			.kind = LEAD_SOCKET, .daemon = daemon_by_path(source), .socket = source};
	else if (named && named->device)
		lead = lead_find(named->device);
	return lead_add(s, o, &lead, named && named->device, read_only);
}

/* SOURCE:TARGET[:OPTIONS]; without a ':' an anonymous volume */
static int volume_add(struct start *s, const struct docker_option *o)
{
	const char *colon = strchr(o->value, ':');
	const char *options = colon ? strchr(colon + 1, ':') : NULL;
	AUTO_FREE char *source = NULL;

	/* Wholly unknown: it may have a ':' */
	if (!colon && *o->value != LEAD_UNKNOWN)
		return 0;
	source = colon ? strndup(o->value, (size_t)(colon - o->value)) : strdup(o->value);
	if (!source)
		return -ENOMEM;
	return source_add(s, o, source,
			  options && (!strncmp(options, ":ro", 3) || strstr(options, ",ro")));
}

/* The value of a field of a list with commas between; malloc'd, NULL without. */
static char *field_of(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') {
		if (*p == '"')
			p++;
		if (strncmp(p, name, len) != 0)
			continue;
		if (p[len] == '=')
			return strndup(p + len + 1, strcspn(p + len + 1, ",\""));
		if (!p[len] || p[len] == ',')
			return strdup("true");
	}
	return NULL;
}

static int mount_add(struct start *s, const struct docker_option *o)
{
	AUTO_FREE char *type = field_of(o->value, "type");
	AUTO_FREE char *source = field_of(o->value, "source");
	AUTO_FREE char *device = NULL;
	AUTO_FREE char *ro = field_of(o->value, "readonly");
	const char *option = strstr(o->value, "volume-opt=device=");
	struct lead lead;

	if (!source)
		source = field_of(o->value, "src");
	if (!ro)
		ro = field_of(o->value, "ro");
	if (*o->value == LEAD_UNKNOWN && !o->value[1])
		return source_add(s, o, o->value, false);
	if (type && !strcmp(type, "bind"))
		return source ? source_add(s, o, source, yaml_is_true(ro)) : 0;
	if (type && strcmp(type, "volume") != 0)
		return 0;
	if (option && strstr(o->value, "volume-opt=o=") && strstr(o->value, "bind")) {
		option += strlen("volume-opt=device=");
		device = strndup(option, strcspn(option, ",\""));
		if (!device)
			return -ENOMEM;
		lead = lead_find(device);
		return lead_add(s, o, &lead, true, yaml_is_true(ro));
	}
	return source && named_find(s->text, source) ? source_add(s, o, source, yaml_is_true(ro))
						     : 0;
}

static int volumes_from_add(struct start *s, const struct docker_option *o)
{
	AUTO_FREE char *name = strndup(o->value, strcspn(o->value, ":"));
	struct finding unknown = {
		.way = WAY_UNDECIDED,
		.unknown = "look at the container that it takes volumes from",
	};
	bool found = false;
	int err = 0;

	if (!name)
		return -ENOMEM;
	for (size_t i = 0; !err && i < s->text->named_count; i++) {
		const struct named *n = &s->text->named[i];

		if (n->device || strcmp(n->name, name) != 0)
			continue;
		found = true;
		if (n->via != VIA_UNKNOWN)
			err = finding_add(s, o,
					  (struct finding){.way = WAY_MOUNT,
							   .via = n->via,
							   .daemon = n->lead.daemon,
							   .socket = n->lead.socket});
	}
	return err || found ? err : finding_add(s, o, unknown);
}

static int env_add(struct start *s, const struct docker_option *o)
{
	struct finding finding = {.way = WAY_TCP, .daemon = DAEMON_DOCKER};

	if (strncmp(o->value, "DOCKER_HOST=", 12) != 0)
		return 0;
	if (o->value[12] == LEAD_UNKNOWN)
		return finding_add(s, o,
				   (struct finding){.way = WAY_UNDECIDED,
						    .unknown = "the variable decides which daemon "
							       "it is"});
	if (!lead_is_address(o->value + 12))
		return 0;
	finding.socket = keep(s, strdup(o->value + 12));
	return finding.socket ? finding_add(s, o, finding) : -ENOMEM;
}

static int label_add(struct start *s, const struct docker_option *o)
{
	const char *equals = strchr(o->value, '=');
	AUTO_FREE char *key = equals ? strndup(o->value, (size_t)(equals - o->value)) : NULL;

	if (key && !s->container->labels)
		s->container->labels = json_object();
	/* One that is no UTF-8 is left out. */
	if (key)
		json_object_set_new(s->container->labels, key, json_string(equals + 1));
	return 0;
}

static bool is_on(const struct docker_option *o)
{
	return !o->value || yaml_is_true(o->value);
}

static int option_read(struct start *s, const struct docker_option *o)
{
	struct finding power = {.via = VIA_PROC_ROOT, .daemon = DAEMON_DOCKER};

	if (!strcmp(o->name, "privileged") && is_on(o)) {
		power.way = WAY_PRIVILEGED;
		return finding_add(s, o, power);
	}
	if (!strcmp(o->name, "use-api-socket") && is_on(o))
		return finding_add(s, o,
				   (struct finding){.way = WAY_API_SOCKET,
						    .via = VIA_SOCKET_BIND,
						    .daemon = DAEMON_DOCKER,
						    .socket = "/var/run/docker.sock"});
	if (!o->value)
		return 0;
	if (!strcmp(o->name, "pid") && !strcmp(o->value, "host")) {
		power.way = WAY_HOST_PID;
		return finding_add(s, o, power);
	}
	if (!strcmp(o->name, "volume"))
		return volume_add(s, o);
	if (!strcmp(o->name, "mount"))
		return mount_add(s, o);
	if (!strcmp(o->name, "volumes-from"))
		return volumes_from_add(s, o);
	if (!strcmp(o->name, "env"))
		return env_add(s, o);
	if (!strcmp(o->name, "label"))
		return label_add(s, o);
	if (!strcmp(o->name, "name"))
		return container_set(&s->container->name, o->value);
	return 0;
}

/* --- a container that is started ---------------------------------------------------------------------- */

static int start_tell(struct start *s)
{
	struct docker_text *text = s->text;
	const char *name = s->container->name;
	int err = 0;

	for (size_t i = 0; !err && i < s->count; i++) {
		s->findings[i].container = s->container;
		err = text->report->fn(text->report->ctx, &s->findings[i]);
	}
	if (err || !name)
		return err;
	for (size_t i = 0; i == 0 || i < s->count; i++) {
		const struct finding *f = i < s->count ? &s->findings[i] : NULL;
		size_t before = text->named_count;

		err = named_add(text, name, NULL);
		if (err)
			return err;
		if (f && f->way == WAY_MOUNT && text->named_count > before) {
			text->named[before].via = f->via;
			text->named[before].lead.daemon = f->daemon;
		}
	}
	return 0;
}

static void start_clear(struct start *s)
{
	container_unref(s->container);
	free(s->service);
	free(s->findings);
	for (size_t i = 0; i < s->owned_count; i++)
		free(s->owned[i]);
	free(s->owned);
}

/* By its name: is a variable an image, or options? */
static bool looks_like_image(const char *raw)
{
	return strcasestr(raw, "image") || strcasestr(raw, "img") || strcasestr(raw, "tag");
}

static int open_add(struct start *s, const struct shell_word *word)
{
	const struct docker_option o = {.raw = word->raw, .line = word->line};

	if (s->open)
		return 0;
	s->open = true;
	return finding_add(s, &o,
			   (struct finding){.way = WAY_UNDECIDED,
					    .unknown = "what stands for it can be options that "
						       "give the daemon away"});
}

int docker_options_read(struct docker_text *text, const struct shell_command *command, size_t from,
			bool all)
{
	struct start s = {.text = text, .container = container_new(RUNTIME_DOCKER, "")};
	int err = s.container ? 0 : -ENOMEM;

	for (size_t i = from; !err && i < command->count;) {
		const struct shell_word *word = &command->words[i];
		struct docker_option option = {0};

		if (!strcmp(word->text, "--")) {
			i++;
		} else if (*word->text == '-' && word->text[1]) {
			err = docker_option_take(command, &i, &option);
			err = err ? err : option_read(&s, &option);
			docker_option_clear(&option);
		} else if (word->open && !all && i + 1 < command->count &&
			   !looks_like_image(word->raw)) {
			err = open_add(&s, word);
			i++;
		} else if (all) {
			i++;
		} else {
			if (word->open && !looks_like_image(word->raw) && strchr(word->raw, '@'))
				err = open_add(&s, word);
			err = err ? err : container_set(&s.container->image, word->text);
			break;
		}
	}
	err = err ? err : start_tell(&s);
	start_clear(&s);
	return err;
}
