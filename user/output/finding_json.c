// SPDX-License-Identifier: Apache-2.0
#include "user/output/finding.h"

#include <stdlib.h>
#include <string.h>

#include "user/output/json_build.h"
#include "user/output/justification.h"
#include "user/output/words.h"

static json_t *where_object(struct build *b, const struct finding *f)
{
	const struct container *c = f->container;
	json_t *container = json_object();
	json_t *where = json_object();

	build_set_text(b, where, "file", "where.file", f->file);
	build_set_known(b, where, "line", f->line);
	/* Of what only a file speaks of, what it says; a Compose service's name is made up. */
	if (c && (*c->id || (c->name && !f->service))) {
		build_set_text(b, container, "id", "where.container.id", *c->id ? c->id : NULL);
		build_set_text(b, container, "name", "where.container.name", c->name);
		build_set_text(b, container, "image", "where.container.image", c->image);
		build_set_text(b, container, "runtime", "where.container.runtime",
			       runtime_name(c->runtime));
	}
	build_set_object(b, where, "container", container);
	return where;
}

static json_t *usage_object(struct build *b, const struct usage *usage)
{
	json_t *o = json_object();

	build_set_count(b, o, "connects", usage->connects);
	build_set_count(b, o, "requests", usage->requests);
	if (usage->requests)
		build_set(b, o, "highest", json_string(grade_name(usage->highest)));
	build_set_text(b, o, "sections", "usage.sections", usage->sections);
	return o;
}

json_t *finding_to_json(const struct judged_finding *j)
{
	struct build b = {.truncated = json_array()};
	const struct finding *f = j->finding;
	json_t *root = json_object();

	build_set_object(&b, root, "where", where_object(&b, f));
	build_set_text(&b, root, "service", "service", f->service);
	build_set_text(&b, root, "spelling", "spelling", f->spelling);
	build_set(&b, root, "kind", json_string(finding_way_name(f->way)));
	build_set(&b, root, "via", json_string(finding_via_name(f)));
	if (f->daemon != DAEMON_NONE)
		build_set(&b, root, "daemon", json_string(daemon_name(f->daemon)));
	build_set_text(&b, root, "socket", "socket", f->socket);
	if (f->read_only)
		build_set(&b, root, "read_only", json_true());
	if (f->stale)
		build_set(&b, root, "stale", json_true());
	if (f->stopped)
		build_set(&b, root, "stopped", json_true());
	build_set_text(&b, root, "unknown", "unknown", f->unknown);
	build_set(&b, root, "verdict", json_string(verdict_name(j->verdict)));
	if (j->rule)
		build_set(&b, root, "justification", justification_object(&b, j->rule));
	build_set(&b, root, "gives", json_string(finding_gives(f)));
	build_set_text(&b, root, "advice", "advice", j->advice);
	if (j->usage)
		build_set(&b, root, "usage", usage_object(&b, j->usage));
	if (json_array_size(b.truncated))
		build_set(&b, root, "truncated", json_incref(b.truncated));
	json_decref(b.truncated);
	if (b.failed || !b.truncated) {
		json_decref(root);
		return NULL;
	}
	return root;
}
