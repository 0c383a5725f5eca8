// SPDX-License-Identifier: Apache-2.0
/* Reading a policy's file. */
#include "user/policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/util/cleanup.h"
#include "user/util/file.h"
#include "user/util/text.h"
#include "user/util/yaml.h"

#define POLICY_MAX  (1 << 20)
#define SECOND_NS   1000000000ULL
#define DAY_SECONDS 86400

static const char *const match_names[MATCH_KEYS] = {
	[MATCH_CONTAINER] = "container",
	[MATCH_IMAGE] = "image",
	[MATCH_IMAGE_DIGEST] = "image_digest",
	[MATCH_COMPOSE_PROJECT] = "compose_project",
	[MATCH_COMPOSE_SERVICE] = "compose_service",
	[MATCH_KUBERNETES_NAMESPACE] = "kubernetes_namespace",
	[MATCH_CREATED_BY] = "created_by",
};

const char *match_key_name(enum match_key key)
{
	return match_names[key];
}

struct reader {
	struct policy *policy;
	policy_complain_fn complain;
	void *ctx;
	struct rule *rule;
	bool wrong;
	int err; /* -ENOMEM */
};

static void complain(struct reader *r, const struct yaml_node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void complain(struct reader *r, const struct yaml_node *at, const char *fmt, ...)
{
	char text[512], shown[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_escape(shown, sizeof(shown), text, n < 0 ? 0 : strnlen(text, sizeof(text)));
	r->wrong = true;
	r->complain(r->ctx, yaml_line(at), yaml_column(at), shown);
}

/* --- parts ---------------------------------------------------------------------------------- */

static bool is_blank(const char *text)
{
	return !text[strspn(text, " \t\r\n")];
}

/* A text that says something, copied. */
static void text_take(struct reader *r, const struct yaml_node *key, const struct yaml_node *value,
		      char **out)
{
	const char *text = yaml_text(value);

	if (!text || yaml_kind(value) != YAML_TEXT || is_blank(text)) {
		complain(r, yaml_line(value) ? value : key, "'%s' has to be a text, and not empty",
			 yaml_text(key));
		return;
	}
	free(*out);
	*out = strdup(text);
	if (!*out)
		r->err = -ENOMEM;
}

/* "2027-03-31": the end of that day. */
static int date_parse(const char *text, uint64_t *out)
{
	struct tm tm = {0};
	struct tm same;
	char again[16];
	time_t day;

	if (strlen(text) != 10 || strspn(text, "0123456789-") != 10 ||
	    sscanf(text, "%4d-%2d-%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	day = timegm(&tm);
	/* timegm() makes the 2nd of March of the 30th of February. */
	if (day < 0 || !gmtime_r(&day, &same) ||
	    !strftime(again, sizeof(again), "%Y-%m-%d", &same) || strcmp(again, text) != 0)
		return -EINVAL;
	*out = ((uint64_t)day + DAY_SECONDS) * SECOND_NS;
	return 0;
}

static void *grow(struct reader *r, void *list, size_t count, size_t size)
{
	void *more = reallocarray(list, count + 1, size);

	if (!more)
		r->err = -ENOMEM;
	else
		memset((char *)more + count * size, 0, size);
	return more;
}

static int label_take(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	struct reader *r = ctx;
	struct rule *rule = r->rule;
	struct label_match *more = grow(r, rule->labels, rule->label_count, sizeof(*more));

	if (!more)
		return -ENOMEM;
	rule->labels = more;
	more = &rule->labels[rule->label_count++];
	more->key = strdup(yaml_text(key));
	more->glob = strdup("");
	if (!more->key || !more->glob)
		return -ENOMEM;
	text_take(r, key, value, &more->glob);
	return r->err;
}

static int match_take(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	struct reader *r = ctx;

	for (int i = 0; i < MATCH_KEYS; i++) {
		if (strcmp(yaml_text(key), match_names[i]) != 0)
			continue;
		text_take(r, key, value, &r->rule->match[i]);
		return r->err;
	}
	if (strcmp(yaml_text(key), "labels") != 0) {
		complain(r, key,
			 "'match' knows no '%s'; it knows container, image, image_digest, labels, "
			 "compose_project, compose_service, kubernetes_namespace and created_by",
			 yaml_text(key));
		return 0;
	}
	if (yaml_kind(value) != YAML_MAP) {
		complain(r, key, "'labels' has to be a map of labels to globs");
		return 0;
	}
	return yaml_each(value, label_take, r);
}

static void match_read(struct reader *r, const struct yaml_node *key, const struct yaml_node *value)
{
	int err = 0;

	if (yaml_kind(value) != YAML_MAP)
		complain(r, key, "'match' has to be a map");
	else
		err = yaml_each(value, match_take, r);
	if (err)
		r->err = -ENOMEM;
}

static enum daemon daemon_parse(const char *name)
{
	for (int d = DAEMON_DOCKER; d <= DAEMON_OTHER; d++)
		if (!strcmp(daemon_name((enum daemon)d), name))
			return (enum daemon)d;
	return DAEMON_NONE;
}

static void socket_take(struct reader *r, const struct yaml_node *item)
{
	const char *text = yaml_text(item);
	enum daemon daemon = text ? daemon_parse(text) : DAEMON_NONE;
	char **more = NULL;

	if (daemon != DAEMON_NONE) {
		r->rule->daemons |= 1U << daemon;
		return;
	}
	if (!text || (*text != '/' && *text != '@')) {
		complain(r, item,
			 "'%s' is no socket: docker, podman, containerd, crio, buildkit, other, or "
			 "a glob of paths that begins with '/'",
			 text ? text : "");
		return;
	}
	more = grow(r, r->rule->sockets, r->rule->socket_count, sizeof(*more));
	if (!more)
		return;
	r->rule->sockets = more;
	more[r->rule->socket_count] = strdup(text);
	if (!more[r->rule->socket_count++])
		r->err = -ENOMEM;
}

static void exact_take(struct reader *r, const struct yaml_node *item, const char *text)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ*");
	struct exact_request *more = NULL;
	struct rule *rule = r->rule;

	if (!len || text[len] != ' ' || text[len + 1] != '/' || strchr(text + len + 1, ' ')) {
		complain(r, item,
			 "'%s' is no request: probe, read, sensitive-read, write, exec, takeover, "
			 "or as in \"GET /containers/*/json\"",
			 text);
		return;
	}
	more = grow(r, rule->exact, rule->exact_count, sizeof(*more));
	if (!more)
		return;
	rule->exact = more;
	more = &rule->exact[rule->exact_count++];
	more->method = strndup(text, len);
	more->path = strdup(text + len + 1);
	if (!more->method || !more->path)
		r->err = -ENOMEM;
}

static void request_take(struct reader *r, const struct yaml_node *item)
{
	const char *text = yaml_text(item);
	enum grade_level level = GRADE_PROBE;

	if (!text)
		complain(r, item, "a request has to be a text");
	else if (grade_parse(text, &level) || level > GRADE_TAKEOVER)
		exact_take(r, item, text);
	else if (level > r->rule->highest)
		r->rule->highest = level;
}

static void list_read(struct reader *r, const struct yaml_node *key, const struct yaml_node *value,
		      void (*take)(struct reader *, const struct yaml_node *))
{
	if (yaml_kind(value) != YAML_LIST || !yaml_size(value)) {
		complain(r, yaml_line(value) ? value : key, "'%s' has to be a list, and not empty",
			 yaml_text(key));
		return;
	}
	for (struct yaml_walk at = {.list = value}; yaml_step(&at) && !r->err;)
		take(r, at.item);
}

/* --- a rule ------------------------------------------------------------------------------------ */

static void expires_take(struct reader *r, const struct yaml_node *key,
			 const struct yaml_node *value)
{
	text_take(r, key, value, &r->rule->expires);
	if (r->rule->expires && date_parse(r->rule->expires, &r->rule->expires_ns))
		complain(r, value, "'expires' has to be a day, as 2027-03-31, not '%s'",
			 r->rule->expires);
}

static int rule_entry(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	struct reader *r = ctx;
	const char *name = yaml_text(key);

	if (!strcmp(name, "name"))
		text_take(r, key, value, &r->rule->name);
	else if (!strcmp(name, "reason"))
		text_take(r, key, value, &r->rule->reason);
	else if (!strcmp(name, "owner"))
		text_take(r, key, value, &r->rule->owner);
	else if (!strcmp(name, "expires"))
		expires_take(r, key, value);
	else if (!strcmp(name, "match"))
		match_read(r, key, value);
	else if (!strcmp(name, "sockets"))
		list_read(r, key, value, socket_take);
	else if (!strcmp(name, "requests"))
		list_read(r, key, value, request_take);
	else
		complain(r, key,
			 "a rule knows no '%s'; it knows name, match, sockets, requests, reason, "
			 "owner and expires",
			 name);
	return r->err;
}

static void rule_demand(struct reader *r, const struct yaml_node *node)
{
	static const char *const required[] = {"name", "match", "reason", "owner", "expires"};
	struct rule *rule = r->rule;

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (yaml_kind(yaml_get(node, required[i])) == YAML_NONE)
			complain(r, node, "the rule has no '%s', which every rule has to have",
				 required[i]);
	for (const struct rule *other = r->policy->rules; rule->name && other < rule; other++)
		if (other->name && !strcmp(other->name, rule->name))
			complain(r, yaml_get(node, "name"),
				 "there is a rule '%s' in line %u already", rule->name,
				 other->line);
	if (yaml_kind(yaml_get(node, "sockets")) == YAML_NONE)
		rule->daemons = 1U << DAEMON_DOCKER;
}

static void rule_read(struct reader *r, const struct yaml_node *node)
{
	struct policy *policy = r->policy;
	struct rule *more = NULL;

	if (yaml_kind(node) != YAML_MAP) {
		complain(r, node, "a rule has to be a map");
		return;
	}
	more = grow(r, policy->rules, policy->count, sizeof(*more));
	if (!more)
		return;
	policy->rules = more;
	r->rule = &policy->rules[policy->count++];
	r->rule->line = yaml_line(node);
	if (yaml_each(node, rule_entry, r) && !r->err)
		r->err = -ENOMEM;
	rule_demand(r, node);
}

/* --- the whole ---------------------------------------------------------------------------------- */

static int policy_entry(void *ctx, const struct yaml_node *key, const struct yaml_node *value)
{
	struct reader *r = ctx;
	const char *name = yaml_text(key);

	if (!strcmp(name, "version")) {
		if (!yaml_text(value) || strcmp(yaml_text(value), "1") != 0)
			complain(r, key, "this docksnoop knows version 1 of policies only");
	} else if (strcmp(name, "justified") != 0) {
		complain(r, key, "a policy knows no '%s'; it knows version and justified", name);
	} else if (yaml_kind(value) == YAML_LIST) {
		for (struct yaml_walk at = {.list = value}; yaml_step(&at) && !r->err;)
			rule_read(r, at.item);
	} else if (yaml_kind(value) != YAML_NONE) {
		complain(r, key, "'justified' has to be a list of rules");
	}
	return r->err;
}

static void policy_read(struct reader *r, const struct yaml *yaml)
{
	const struct yaml_node *root = yaml_root(yaml, 0);

	if (yaml_count(yaml) > 1)
		complain(r, yaml_root(yaml, 1), "a policy is one document, and here is a second");
	if (yaml_kind(root) != YAML_MAP) {
		complain(r, root, "a policy has to be a map with version and justified");
		return;
	}
	if (yaml_kind(yaml_get(root, "version")) == YAML_NONE)
		complain(r, root, "the policy has no 'version'; write 'version: 1'");
	if (yaml_each(root, policy_entry, r) && !r->err)
		r->err = -ENOMEM;
}

int policy_parse(const char *file, const char *text, size_t len, policy_complain_fn complain_fn,
		 void *ctx, struct policy **out)
{
	AUTO_POLICY struct policy *policy = calloc(1, sizeof(*policy));
	struct reader r = {.policy = policy, .complain = complain_fn, .ctx = ctx};
	AUTO_YAML struct yaml *yaml = NULL;
	struct yaml_error error = {0};
	char shown[1024];
	int err = 0;

	if (!policy)
		return -ENOMEM;
	policy->file = strdup(file);
	if (!policy->file)
		return -ENOMEM;
	err = yaml_read(text, len, 1, &yaml, &error);
	if (err == -EINVAL) {
		text_escape(shown, sizeof(shown), error.text, strlen(error.text));
		complain_fn(ctx, error.line, error.column, shown);
	}
	if (err)
		return err;
	policy_read(&r, yaml);
	if (r.err || r.wrong)
		return r.err ? r.err : -EINVAL;
	*out = take_ptr(policy);
	return 0;
}

int policy_load(const char *file, policy_complain_fn complain_fn, void *ctx, struct policy **out)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	int err = file_read(AT_FDCWD, file, POLICY_MAX, &text, &len);

	return err ? err : policy_parse(file, text, len, complain_fn, ctx, out);
}

static void rule_clear(struct rule *rule)
{
	free(rule->name);
	for (int i = 0; i < MATCH_KEYS; i++)
		free(rule->match[i]);
	for (size_t i = 0; i < rule->label_count; i++) {
		free(rule->labels[i].key);
		free(rule->labels[i].glob);
	}
	free(rule->labels);
	for (size_t i = 0; i < rule->socket_count; i++)
		free(rule->sockets[i]);
	free(rule->sockets);
	for (size_t i = 0; i < rule->exact_count; i++) {
		free(rule->exact[i].method);
		free(rule->exact[i].path);
	}
	free(rule->exact);
	free(rule->reason);
	free(rule->owner);
	free(rule->expires);
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->count; i++)
		rule_clear(&policy->rules[i]);
	free(policy->rules);
	free(policy->file);
	free(policy);
}
