// SPDX-License-Identifier: Apache-2.0
#include "user/audit/docker_command_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/audit/docker_options.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"
#include "user/util/yaml.h"

/* A container that is started. */
struct start {
	struct docker_text *text;
	struct container *container;
	json_t *labels; /* of it; NULL: none yet */
	char *service;
	struct finding *findings; /* told when its name and image are known */
	char **owned;		  /* what they point at */
	size_t count;
	size_t owned_count;
	bool open; /* some of its options are not known */
};

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
	const struct named *named = docker_named_find(s->text, source);
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
	return source && docker_named_find(s->text, source)
		       ? source_add(s, o, source, yaml_is_true(ro))
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

	if (key && !s->labels)
		s->labels = json_object();
	/* One that is no UTF-8 is left out. */
	if (key)
		json_object_set_new(s->labels, key, json_string(equals + 1));
	return 0;
}

/* One of which a part is not known is none. */
static int known_set(char **field, const char *value)
{
	return container_set(field, strchr(value, LEAD_UNKNOWN) ? NULL : value);
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
		return known_set(&s->container->name, o->value);
	return 0;
}

/* --- a container that is started ---------------------------------------------------------------------- */

static int start_tell(struct start *s)
{
	struct docker_text *text = s->text;
	const char *name = s->container->name;
	int err = container_set_labels(s->container, s->labels, NULL);

	for (size_t i = 0; !err && i < s->count; i++) {
		s->findings[i].container = s->container;
		s->findings[i].service = s->service;
		err = text->report->fn(text->report->ctx, &s->findings[i]);
	}
	if (err || !name)
		return err;
	for (size_t i = 0; i == 0 || i < s->count; i++) {
		const struct finding *f = i < s->count ? &s->findings[i] : NULL;
		size_t before = text->named_count;

		err = docker_named_add(text, name, NULL);
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
	json_decref(s->labels);
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
			enum docker_start start)
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
		} else if (start == DOCKER_OPTIONS) {
			err = word->open ? open_add(&s, word) : 0;
			i++;
		} else if (word->open && i + 1 < command->count && !looks_like_image(word->raw)) {
			err = open_add(&s, word);
			i++;
		} else {
			if (word->open && !looks_like_image(word->raw) && strchr(word->raw, '@'))
				err = open_add(&s, word);
			err = err ? err
				  : known_set(start == DOCKER_RUN ? &s.container->image
								  : &s.service,
					      word->text);
			break;
		}
	}
	err = err ? err : start_tell(&s);
	start_clear(&s);
	return err;
}
