// SPDX-License-Identifier: Apache-2.0
/*
 * A file that is audited, of a name that the first byte chooses. Behind a NUL follows the
 * .env beside it, and behind another a file to be included.
 */
#include "folder.h"
#include "user/audit/advice.h"
#include "user/audit/files.h"
#include "user/output/finding.h"

static const char *const names[] = {
	"compose.yaml", "run.sh",	"pod.yaml",	  "config.toml",	"Jenkinsfile",
	"Dockerfile",	"inspect.json", "task.jsonc",	  "a.service",		"README.md",
	"Makefile",	"a.container",	".gitlab-ci.yml", "stack.override.yml", "values.yaml.tmpl",
	"unknown",	NULL, /* stdin */
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static void text_look(const struct judged_finding *judged)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	CHECK(out && !finding_to_text(judged, false, out) && !fclose(out));
	check_printable(text, SIZE_MAX);
}

static int finding_take(void *ctx, const struct finding *f)
{
	AUTO_FREE char *advice = finding_advice(f, NULL);
	const struct judged_finding judged = {
		.finding = f, .verdict = VERDICT_FLAGGED, .advice = advice};
	json_t *json = finding_to_json(&judged);
	AUTO_FREE char *line = NULL;

	CHECK(advice && json && f->file);
	line = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(json);
	check_json_line(line);
	text_look(&judged);
	CHECK(!sarif_add(ctx, &judged));
	return 0;
}

static void error_take(void *ctx, const char *file, unsigned int line, unsigned int column,
		       const char *text)
{
	CHECK(file && text && *text);
	CHECK(!sarif_add_error(ctx, file, line, column, text));
}

static void audit(const char *name, struct input *in, const struct audit_options *options)
{
	char path[sizeof(folder) + 64];
	struct audit_counts counts = {0};
	size_t len = 0;
	AUTO_FREE char *text = input_part(in, '\0', &len);

	folder_put_part(".env", in);
	folder_put_part("other.yaml", in);
	if (!name) {
		CHECK(!audit_text("-", text, len, options, &counts));
		return;
	}
	folder_put(name, text, len);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	CHECK(!audit_path(path, options, &counts));
	folder_put(name, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct sarif *sarif = sarif_new();
	const struct audit_options options = {finding_take, error_take, sarif};
	AUTO_FREE char *log = NULL;
	json_t *json = NULL;

	CHECK(sarif);
	folder_make();
	audit(names[input_byte(&in) % NAMES], &in, &options);
	json = sarif_finish(sarif);
	log = json ? json_dumps(json, JSON_COMPACT) : NULL;
	CHECK(log);
	json_decref(json);
	sarif_free(sarif);
	return 0;
}
