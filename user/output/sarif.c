// SPDX-License-Identifier: Apache-2.0
/* SARIF 2.1.0, the parts that code review tools read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/output/finding.h"
#include "user/output/json_build.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

struct sarif {
	struct build build;
	json_t *results;
	json_t *errors;
};

/* Each way is a rule of its own, by its number. */
static const struct {
	const char *id;
	const char *text;
} rules[] = {
	[WAY_MOUNT] = {"daemon-socket-mounted", "A container gets a container daemon's socket."},
	[WAY_API_SOCKET] = {"daemon-api-socket", "A container gets the socket and credentials."},
	[WAY_TCP] = {"daemon-over-network", "A daemon is reached over the network."},
	[WAY_PRIVILEGED] = {"privileged-container", "A container is privileged."},
	[WAY_HOST_PID] = {"host-processes", "A container has the host's processes in sight."},
	[WAY_UNDECIDED] = {"undecided", "Whether a container gets a daemon cannot be told."},
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

struct sarif *sarif_new(void)
{
	struct sarif *sarif = calloc(1, sizeof(*sarif));

	if (!sarif)
		return NULL;
	sarif->build.truncated = json_array();
	sarif->results = json_array();
	sarif->errors = json_array();
	return sarif;
}

void sarif_free(struct sarif *sarif)
{
	if (!sarif)
		return;
	json_decref(sarif->build.truncated);
	json_decref(sarif->results);
	json_decref(sarif->errors);
	free(sarif);
}

static json_t *message_object(struct build *b, const char *text)
{
	json_t *o = json_object();

	build_set_text(b, o, "text", "message.text", text);
	return o;
}

/* A URI reference, RFC 3986: what is no character of a path is percent-encoded. */
static void set_uri(struct build *b, json_t *o, const char *file)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/!$&'()*+,;=@";
	char *uri = malloc(3 * strlen(file) + 3);
	size_t n = 0;

	if (!uri) {
		b->failed = true;
		return;
	}
	for (const char *p = file; *p; p++) {
		if (strchr(plain, *p)) {
			uri[n++] = *p;
			continue;
		}
		uri[n++] = '%';
		uri[n++] = "0123456789ABCDEF"[(unsigned char)*p >> 4];
		uri[n++] = "0123456789ABCDEF"[(unsigned char)*p & 15];
	}
	uri[n] = '\0';
	build_set_text(b, o, "uri", "uri", uri);
	free(uri);
}

static json_t *location_object(struct build *b, const char *file, unsigned int line,
			       unsigned int column)
{
	json_t *artifact = json_object();
	json_t *region = json_object();
	json_t *physical = json_object();
	json_t *o = json_object();

	set_uri(b, artifact, file);
	build_set_known(b, region, "startLine", line);
	if (line)
		build_set_known(b, region, "startColumn", column);
	build_set(b, physical, "artifactLocation", artifact);
	build_set_object(b, physical, "region", region);
	build_set(b, o, "physicalLocation", physical);
	return o;
}

static json_t *logical_object(struct build *b, const struct container *c)
{
	json_t *logical = json_object();
	json_t *list = json_array();
	json_t *o = json_object();

	build_set_text(b, logical, "name", "name", c && c->name ? c->name : c ? c->id : NULL);
	build_set_text(b, logical, "fullyQualifiedName", "name", c ? c->id : NULL);
	build_set(b, logical, "kind", json_string("resource"));
	build_append(b, list, logical);
	build_set(b, o, "logicalLocations", list);
	return o;
}

/* What of a finding stays the same when lines move. */
static json_t *fingerprints_object(struct build *b, const struct finding *f)
{
	json_t *o = json_object();
	AUTO_FREE char *text = NULL;

	if (str_format(&text, "%s:%s:%s", finding_way_name(f->way), f->service ? f->service : "",
		       f->spelling ? f->spelling : ""))
		b->failed = true;
	else
		build_set_text(b, o, "docksnoop/v1", "fingerprint", text);
	return o;
}

static json_t *suppressions_array(struct build *b, const struct rule *rule)
{
	json_t *o = json_object();
	json_t *list = json_array();

	build_set(b, o, "kind", json_string("external"));
	build_set_text(b, o, "justification", "justification", rule->reason);
	build_append(b, list, o);
	return list;
}

static json_t *result_text(struct build *b, const struct judged_finding *j)
{
	const struct finding *f = j->finding;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_t *message = NULL;

	if (!out) {
		b->failed = true;
		return NULL;
	}
	if (f->service)
		fprintf(out, "%s: ", f->service);
	fprintf(out, "%s: %s. To do: %s.", f->spelling ? f->spelling : "", finding_gives(f),
		j->advice);
	if (!fclose(out))
		message = message_object(b, text);
	free(text);
	return message;
}

int sarif_add(struct sarif *sarif, const struct judged_finding *j)
{
	struct build *b = &sarif->build;
	const struct finding *f = j->finding;
	json_t *o = json_object();
	json_t *locations = json_array();

	build_set(b, o, "ruleId", json_string(rules[f->way].id));
	build_set_count(b, o, "ruleIndex", f->way);
	build_set(b, o, "level", json_string(f->way == WAY_UNDECIDED ? "warning" : "error"));
	build_set(b, o, "message", result_text(b, j));
	build_append(b, locations,
		     f->file ? location_object(b, f->file, f->line, 0)
			     : logical_object(b, f->container));
	build_set(b, o, "locations", locations);
	build_set(b, o, "partialFingerprints", fingerprints_object(b, f));
	if (j->verdict == VERDICT_JUSTIFIED)
		build_set(b, o, "suppressions", suppressions_array(b, j->rule));
	build_append(b, sarif->results, o);
	return b->failed ? -ENOMEM : 0;
}

int sarif_add_error(struct sarif *sarif, const char *file, unsigned int line, unsigned int column,
		    const char *text)
{
	struct build *b = &sarif->build;
	json_t *locations = json_array();
	json_t *o = json_object();

	build_set(b, o, "level", json_string("error"));
	build_set(b, o, "message", message_object(b, text));
	build_append(b, locations, location_object(b, file, line, column));
	build_set(b, o, "locations", locations);
	build_append(b, sarif->errors, o);
	return b->failed ? -ENOMEM : 0;
}

static json_t *driver_object(struct build *b)
{
	json_t *driver = json_object();
	json_t *list = json_array();

	for (size_t i = 0; i < RULES; i++) {
		json_t *rule = json_object();

		build_set(b, rule, "id", json_string(rules[i].id));
		build_set(b, rule, "shortDescription", message_object(b, rules[i].text));
		build_append(b, list, rule);
	}
	build_set(b, driver, "name", json_string("docksnoop"));
	build_set(b, driver, "version", json_string(DOCKSNOOP_VERSION));
	build_set(b, driver, "rules", list);
	return driver;
}

json_t *sarif_finish(struct sarif *sarif)
{
	struct build *b = &sarif->build;
	bool whole = !json_array_size(sarif->errors);
	json_t *invocation = json_object();
	json_t *invocations = json_array();
	json_t *tool = json_object();
	json_t *run = json_object();
	json_t *runs = json_array();
	json_t *log = json_object();

	build_set(b, invocation, "executionSuccessful", json_boolean(whole));
	build_set(b, invocation, "toolExecutionNotifications", json_incref(sarif->errors));
	build_append(b, invocations, invocation);
	build_set(b, tool, "driver", driver_object(b));
	build_set(b, run, "tool", tool);
	build_set(b, run, "invocations", invocations);
	build_set(b, run, "results", json_incref(sarif->results));
	build_append(b, runs, run);
	build_set(b, log, "$schema", json_string(SCHEMA));
	build_set(b, log, "version", json_string("2.1.0"));
	build_set(b, log, "runs", runs);
	if (b->failed) {
		json_decref(log);
		return NULL;
	}
	return log;
}
