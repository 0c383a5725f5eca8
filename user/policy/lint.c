// SPDX-License-Identifier: Apache-2.0
/* What to think about in a policy that is valid: rules that are too wide, or do nothing. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/policy/policy.h"
#include "user/util/glob.h"

#define DAY_NS	  (86400 * 1000000000ULL)
#define SOON_DAYS 30

#define GLOB_CHARACTERS "*?[]\\!^"
#define ALPHANUMERIC	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define LOWERCASE	"abcdefghijklmnopqrstuvwxyz0123456789"

struct lint {
	const struct policy *policy;
	uint64_t now_ns;
	policy_warn_fn warn;
	void *ctx;
};

static void warn(const struct lint *l, const struct rule *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void warn(const struct lint *l, const struct rule *rule, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	l->warn(l->ctx, rule, text);
}

static void check_days(const struct lint *l, const struct rule *rule)
{
	unsigned long long days;

	if (rule->expires_ns <= l->now_ns) {
		warn(l, rule, "it has expired: what it justified is flagged");
		return;
	}
	days = (rule->expires_ns - l->now_ns) / DAY_NS;
	if (days < SOON_DAYS)
		warn(l, rule, "it expires in %llu day%s, at the end of %s", days,
		     days == 1 ? "" : "s", rule->expires);
}

/* --- who it is about ------------------------------------------------------------------------ */

static bool is_any(const char *glob)
{
	return !glob || !glob[strspn(glob, "*")];
}

static void check_wide(const struct lint *l, const struct rule *rule)
{
	bool any = true;
	bool labels = rule->label_count > 0;

	for (int key = 0; key < MATCH_KEYS; key++) {
		any = any && is_any(rule->match[key]);
		/* Compose's project and service are labels as well. */
		if (key == MATCH_COMPOSE_PROJECT || key == MATCH_COMPOSE_SERVICE)
			labels = labels || rule->match[key];
	}
	for (size_t i = 0; i < rule->label_count; i++)
		any = any && is_any(rule->labels[i].glob);
	if (any && !rule->label_count)
		warn(l, rule, "it matches every container");
	else if (any)
		warn(l, rule, "it matches every container that has the label, whatever its value");
	if (labels && is_any(rule->match[MATCH_CONTAINER]) && is_any(rule->match[MATCH_IMAGE]) &&
	    is_any(rule->match[MATCH_IMAGE_DIGEST]))
		warn(l, rule,
		     "it goes by labels alone, which an image can bring: add container, image or "
		     "image_digest");
	if (rule->highest == GRADE_TAKEOVER)
		warn(l, rule, "it grants takeover: whoever it matches has root on the host");
}

/* What the values of a key are made of; fnmatch's own characters aside. */
static const struct {
	enum match_key key;
	const char *characters;
	const char *first;
	const char *what;
} shapes[] = {
	/* moby: daemon/names/names.go; Podman the same */
	{MATCH_CONTAINER, ALPHANUMERIC "_.-", ALPHANUMERIC,
	 "names of containers begin with a letter or digit, and have only letters, digits, _ . -"},
	{MATCH_CREATED_BY, ALPHANUMERIC "_.-", ALPHANUMERIC,
	 "names of containers begin with a letter or digit, and have only letters, digits, _ . -"},
	{MATCH_IMAGE, ALPHANUMERIC "_.-/:@", ALPHANUMERIC,
	 "names of images have only letters, digits, _ . - / : @"},
	{MATCH_IMAGE_DIGEST, "sha256:0123456789abcdef", "s", "digests are as sha256:0123…"},
	/* compose-spec: schema/compose-spec.json, "name" */
	{MATCH_COMPOSE_PROJECT, LOWERCASE "_-", LOWERCASE,
	 "names of Compose projects have only small letters, digits, _ -"},
	/* RFC 1123 labels */
	{MATCH_KUBERNETES_NAMESPACE, LOWERCASE "-", LOWERCASE,
	 "namespaces have only small letters, digits, -"},
};

static void check_shapes(const struct lint *l, const struct rule *rule)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const char *glob = rule->match[shapes[i].key];
		size_t good = 0;

		if (!glob)
			continue;
		while (glob[good] && (strchr(shapes[i].characters, glob[good]) ||
				      strchr(GLOB_CHARACTERS, glob[good])))
			good++;
		if (glob[good] ||
		    (!strchr(shapes[i].first, *glob) && !strchr(GLOB_CHARACTERS, *glob)))
			warn(l, rule, "%s '%s' can never match: %s", match_key_name(shapes[i].key),
			     glob, shapes[i].what);
	}
}

static void check_image(const struct lint *l, const struct rule *rule)
{
	const char *image = rule->match[MATCH_IMAGE];
	const char *slash = image ? strrchr(image, '/') : NULL;

	if (image && glob_is_plain(image) && !strpbrk(slash ? slash : image, ":@"))
		warn(l, rule,
		     "image '%s' matches only where the image was named without a tag; '%s:*' "
		     "matches all tags",
		     image, image);
}

/* Compose's names are labels: the same thing asked for twice, and differently. */
static void check_contradiction(const struct lint *l, const struct rule *rule)
{
	static const struct {
		enum match_key key;
		const char *label;
	} same[] = {
		{MATCH_COMPOSE_PROJECT, "com.docker.compose.project"},
		{MATCH_COMPOSE_SERVICE, "com.docker.compose.service"},
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		for (size_t j = 0; rule->match[same[i].key] && j < rule->label_count; j++)
			if (!strcmp(rule->labels[j].key, same[i].label) &&
			    !glob_overlaps(rule->match[same[i].key], rule->labels[j].glob))
				warn(l, rule, "it can never match: %s and the label %s differ",
				     match_key_name(same[i].key), same[i].label);
}

/* --- what it grants -------------------------------------------------------------------------- */

static void check_requests(const struct lint *l, const struct rule *rule)
{
	if (rule->highest == GRADE_PROBE && !rule->exact_count)
		warn(l, rule, "it grants no request but probes: add 'requests' for more");
	for (size_t i = 0; i < rule->exact_count; i++) {
		const char *path = rule->exact[i].path;
		size_t digits = !strncmp(path, "/v", 2) ? strspn(path + 2, "0123456789.") : 0;

		if (digits && path[2 + digits] == '/')
			warn(l, rule,
			     "'%s' can never match: the version in front is taken off before; "
			     "write '%s'",
			     path, path + 2 + digits);
		else if (!strncmp(path, "/libpod/", 8))
			warn(l, rule,
			     "'%s' can never match: /libpod is taken off before; write '%s'", path,
			     path + 7);
		else if (strchr(path, '?') && strchr(path, '='))
			warn(l, rule, "'%s': the query is not looked at, and '?' is a glob", path);
	}
}

/* --- two rules -------------------------------------------------------------------------------- */

static bool may_meet(const struct rule *a, const struct rule *b)
{
	for (int key = 0; key < MATCH_KEYS; key++)
		if (a->match[key] && b->match[key] && !glob_overlaps(a->match[key], b->match[key]))
			return false;
	/* Only a rule that speaks of them is about containers that a container has made. */
	if (!a->match[MATCH_CREATED_BY] != !b->match[MATCH_CREATED_BY])
		return false;
	for (size_t i = 0; i < a->label_count; i++)
		for (size_t j = 0; j < b->label_count; j++)
			if (!strcmp(a->labels[i].key, b->labels[j].key) &&
			    !glob_overlaps(a->labels[i].glob, b->labels[j].glob))
				return false;
	return a->daemons & b->daemons || a->socket_count || b->socket_count;
}

static void check_overlap(const struct lint *l, const struct rule *rule)
{
	for (const struct rule *other = l->policy->rules; other < rule; other++)
		if (may_meet(other, rule))
			warn(l, rule,
			     "it overlaps with '%s' (line %u): what both match has the grants of "
			     "both",
			     other->name, other->line);
}

void policy_lint(const struct policy *policy, uint64_t now_ns, policy_warn_fn fn, void *ctx)
{
	const struct lint l = {policy, now_ns, fn, ctx};

	for (size_t i = 0; i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];

		check_days(&l, rule);
		check_wide(&l, rule);
		check_shapes(&l, rule);
		check_image(&l, rule);
		check_contradiction(&l, rule);
		check_requests(&l, rule);
		check_overlap(&l, rule);
	}
}
