// SPDX-License-Identifier: Apache-2.0
/* Which files there are, what each of them is, and who reads it. */
#include "user/audit/files.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <uthash.h>

#include "user/audit/compose.h"
#include "user/audit/json_array.h"
#include "user/audit/jsonc.h"
#include "user/audit/manifest.h"
#include "user/audit/shell.h"
#include "user/audit/text.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"
#include "user/util/yaml.h"

#define BINARY_LOOKED 8192
#define LARGE	      (256 << 10)

enum kind {
	KIND_OTHER,
	KIND_YAML,
	KIND_JSON,
	KIND_SHELL,
	KIND_UNIT,
	KIND_DOCKERFILE,
	KIND_TOML,
	KIND_GROOVY,
	KIND_MARKDOWN,
};

/* Are there other files beside it? */
enum origin {
	FROM_FOLDER,
	FROM_NOWHERE,  /* standard input */
	FROM_DOCUMENT, /* a block of Markdown's */
};

/* By name; the first that fits. */
static const struct {
	const char *pattern;
	enum kind kind;
} names[] = {
	{"*.yml", KIND_YAML},
	{"*.yaml", KIND_YAML},
	{"*.json", KIND_JSON},
	{"*.jsonc", KIND_JSON},
	{"*.sh", KIND_SHELL},
	{"*.bash", KIND_SHELL},
	{"*.zsh", KIND_SHELL},
	{"*.ksh", KIND_SHELL},
	{"Makefile*", KIND_SHELL},
	{"GNUmakefile", KIND_SHELL},
	{"*.mk", KIND_SHELL},
	{"justfile", KIND_SHELL},
	{"*.service", KIND_UNIT},
	{"*.container", KIND_UNIT},
	{"*.pod", KIND_UNIT},
	{"*.kube", KIND_UNIT},
	{"Dockerfile*", KIND_DOCKERFILE},
	{"*.dockerfile", KIND_DOCKERFILE},
	{"Containerfile*", KIND_DOCKERFILE},
	{"*.toml", KIND_TOML},
	{"Jenkinsfile*", KIND_GROOVY},
	{"*.jenkinsfile", KIND_GROOVY},
	{"*.groovy", KIND_GROOVY},
	{"*.md", KIND_MARKDOWN},
	{"*.markdown", KIND_MARKDOWN},
	{"*.mdx", KIND_MARKDOWN},
};

/* What was told: a file that others include is come to more than once. */
struct told {
	char *key;
	UT_hash_handle hh;
};

/* A folder that a link led to: it is gone into once. */
struct followed {
	struct {
		dev_t dev;
		ino_t ino;
	} key;
	UT_hash_handle hh;
};

struct audit {
	const struct audit_options *options;
	struct audit_counts *counts;
	struct told *told;
	struct followed *followed;
	bool walked; /* the file comes from a folder that is looked through */
};

/* --- telling ------------------------------------------------------------------------------------ */

static int finding_tell(void *ctx, const struct finding *f)
{
	struct audit *a = ctx;
	struct told *one = NULL;
	AUTO_FREE char *key = NULL;

	if (str_format(&key, "%s\n%u\n%d\n%s\n%s\n%s", f->file, f->line, f->way,
		       f->service ? f->service : "", f->spelling ? f->spelling : "",
		       f->container && !f->service && f->container->name ? f->container->name : ""))
		return -ENOMEM;
	HASH_FIND_STR(a->told, key, one);
	if (one)
		return 0;
	one = calloc(1, sizeof(*one));
	if (!one)
		return -ENOMEM;
	one->key = take_ptr(key);
	HASH_ADD_KEYPTR(hh, a->told, one->key, strlen(one->key), one);
	return a->options->finding(a->options->ctx, f);
}

static void error_tell(void *ctx, const char *file, unsigned int line, unsigned int column,
		       const char *text)
{
	struct audit *a = ctx;

	a->options->error(a->options->ctx, file, line, column, text);
}

static void audit_clear(struct audit *a)
{
	struct told *t = NULL, *ttmp = NULL;
	struct followed *f = NULL, *ftmp = NULL;

	HASH_ITER(hh, a->told, t, ttmp)
	{
		HASH_DEL(a->told, t);
		free(t->key);
		free(t);
	}
	HASH_ITER(hh, a->followed, f, ftmp)
	{
		HASH_DEL(a->followed, f);
		free(f);
	}
}

/* --- kinds ---------------------------------------------------------------------------------------- */

static enum kind kind_by_content(const char *text)
{
	if (!strncmp(text, "#!", 2)) {
		size_t len = strcspn(text, "\n");

		for (const char *p = text; (p = strstr(p, "sh")) && p < text + len; p++)
			if (p + 2 == text + len || strchr(" \r", p[2]))
				return KIND_SHELL;
		return KIND_OTHER;
	}
	if (strstr(text, "\n[Service]") || strstr(text, "\n[Container]") ||
	    !strncmp(text, "[Service]", 9) || !strncmp(text, "[Container]", 11))
		return KIND_UNIT;
	if (strchr("[{", text[strspn(text, " \t\r\n")]) && text[strspn(text, " \t\r\n")] &&
	    strstr(text, "\"HostConfig\""))
		return KIND_JSON;
	if (!strncmp(text, "services:", 9) || strstr(text, "\nservices:") ||
	    (strstr(text, "apiVersion:") && strstr(text, "\nkind:")))
		return KIND_YAML;
	return KIND_OTHER;
}

static enum kind kind_by_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!fnmatch(names[i].pattern, slash ? slash + 1 : name, FNM_CASEFOLD))
			return names[i].kind;
	return KIND_OTHER;
}

static enum kind kind_of(const char *name, const char *text)
{
	enum kind kind = kind_by_name(name);

	return kind == KIND_OTHER ? kind_by_content(text) : kind;
}

/* --- documents ---------------------------------------------------------------------------------- */

/* What a template's markers make of a YAML file cannot be known; only whether it matters. */
static bool is_template(const char *text)
{
	return strstr(text, "{{") || strstr(text, "{%");
}

static bool is_template_name(const char *name)
{
	static const char *const patterns[] = {"*.tpl",	   "*.tmpl", "*.gotmpl",   "*.j2",
					       "*.jinja*", "*.erb",  "*.mustache", "*.hbs"};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (!fnmatch(patterns[i], name, FNM_CASEFOLD))
			return true;
	return false;
}

static bool could_matter(const char *text)
{
	static const char *const words[] = {
		"docker",     "podman",	    "nerdctl", ".sock",	      "hostPath", "hostPID",
		"HostConfig", "privileged", "volumes", "DOCKER_HOST", "/run",	  "pid",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

static int template_tell(struct audit *a, const char *name)
{
	const struct finding finding = {
		.way = WAY_UNDECIDED,
		.file = name,
		.line = 1,
		.spelling = "a template",
		.unknown = "it is a template: look at what it makes (helm template FILE | "
			   "docksnoop audit -)",
	};

	return finding_tell(a, &finding);
}

static int compose_read(struct audit *a, const char *name, const struct yaml_node *root,
			enum origin origin)
{
	const struct compose_input input = {
		.file = name,
		.root = root,
		.alone = origin != FROM_FOLDER,
		.fragment = origin == FROM_DOCUMENT,
		.fn = finding_tell,
		.error = error_tell,
		.ctx = a,
		.external_volumes = &a->counts->external_volumes,
	};

	return compose_audit(&input);
}

static int document_read(struct audit *a, const char *name, const struct yaml_node *root,
			 enum origin origin)
{
	const struct report report = {name, finding_tell, a};

	if (inspect_is(root))
		return inspect_audit(root, &report);
	if (kubernetes_is(root))
		return kubernetes_audit(root, &report);
	if (compose_is(root) || (compose_is_named(name) && yaml_kind(root) == YAML_MAP))
		return compose_read(a, name, root, origin);
	return generic_audit(root, &report);
}

/* JSON may have comments. */
static int json_read(const char *text, size_t len, unsigned int first_line, struct yaml **out,
		     struct yaml_error *error)
{
	struct yaml_error second = {0};
	AUTO_FREE char *plain = NULL;
	int err = yaml_read(text, len, first_line, out, error);

	if (err != -EINVAL)
		return err;
	plain = strndup(text, len);
	if (!plain)
		return -ENOMEM;
	jsonc_plain(plain, len);
	return yaml_read(plain, len, first_line, out, &second);
}

/* What is wrong with it, unless it was only taken for what it is not. */
static int malformed_tell(struct audit *a, const char *name, const char *text, enum origin origin,
			  const struct yaml_error *error)
{
	bool template = is_template(text);

	if (origin == FROM_FOLDER && kind_by_name(name) == KIND_OTHER &&
	    !(template && is_template_name(name)))
		return 0;
	if (template)
		return could_matter(text) ? template_tell(a, name) : 0;
	error_tell(a, name, error->line, error->column, error->text);
	return 0;
}

struct document {
	struct audit *a;
	enum kind kind;
	const char *name;
	enum origin origin;
};

static int document_text_read(void *ctx, const char *text, size_t len, unsigned int first_line)
{
	const struct document *d = ctx;
	AUTO_YAML struct yaml *yaml = NULL;
	struct yaml_error error = {0};
	int err = d->kind == KIND_JSON ? json_read(text, len, first_line, &yaml, &error)
				       : yaml_read(text, len, first_line, &yaml, &error);

	if (err == -EINVAL)
		return malformed_tell(d->a, d->name, text, d->origin, &error);
	for (size_t i = 0; !err && i < yaml_count(yaml); i++)
		err = document_read(d->a, d->name, yaml_root(yaml, i), d->origin);
	return err;
}

static int yaml_text_read(struct audit *a, enum kind kind, const char *name, const char *text,
			  size_t len, enum origin origin)
{
	struct document d = {a, kind, name, origin};
	int err;

	if (len <= LARGE)
		return document_text_read(&d, text, len, 1);
	/* Large ones are data, more often than not. */
	if (!could_matter(text))
		return 0;
	if (json_array_is(text, len)) {
		err = json_array_each(text, len, LARGE, document_text_read, &d);
		if (err == -EINVAL)
			error_tell(a, name, 0, 0, "an array that does not end");
		return err == -EINVAL ? 0 : err;
	}
	if (len > AUDIT_DOCUMENT_MAX) {
		error_tell(a, name, 0, 0, "a document larger than is read (4 MiB)");
		return 0;
	}
	return document_text_read(&d, text, len, 1);
}

/* --- blocks of documentation ------------------------------------------------------------------------- */

struct block {
	struct audit *a;
	const char *name;
};

static int block_read(void *ctx, const char *language, const char *text, size_t len,
		      unsigned int first_line)
{
	static const char *const yaml_words[] = {"yaml", "yml", "compose", "docker-compose"};
	const struct block *b = ctx;
	const struct report report = {b->name, finding_tell, b->a};
	AUTO_FREE char *own = strndup(text, len);
	AUTO_YAML struct yaml *yaml = NULL;
	struct yaml_error error = {0};
	bool is_yaml = false;
	int err = 0;

	if (!own)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(yaml_words) / sizeof(yaml_words[0]); i++)
		is_yaml = is_yaml || !strcasecmp(language, yaml_words[i]);
	if (is_yaml || (!*language && kind_by_content(own) == KIND_YAML)) {
		/* Documentation has fragments: what is no YAML is none to complain about. */
		err = yaml_read(own, len, first_line, &yaml, &error);
		for (size_t d = 0; !err && d < yaml_count(yaml); d++)
			err = document_read(b->a, b->name, yaml_root(yaml, d), FROM_DOCUMENT);
		return err == -EINVAL ? 0 : err;
	}
	if (!strcasecmp(language, "json") || !strcasecmp(language, "dockerfile"))
		return 0;
	return shell_read(own, len, first_line, &report);
}

static int kind_read(struct audit *a, enum kind kind, const char *name, const char *text,
		     size_t len, enum origin origin)
{
	const struct report report = {name, finding_tell, a};
	struct block block = {a, name};

	switch (kind) {
	case KIND_OTHER:
		break;
	case KIND_YAML:
	case KIND_JSON:
		return yaml_text_read(a, kind, name, text, len, origin);
	case KIND_SHELL:
		return shell_read(text, len, 1, &report);
	case KIND_UNIT:
		return unit_audit(text, &report);
	case KIND_DOCKERFILE:
		return dockerfile_audit(text, &report);
	case KIND_TOML:
		return toml_audit(text, &report);
	case KIND_GROOVY:
		return groovy_audit(text, &report);
	case KIND_MARKDOWN:
		return markdown_each(text, block_read, &block);
	}
	return 0;
}

/* --- files ------------------------------------------------------------------------------------------- */

static bool is_binary(const char *text, size_t len)
{
	return memchr(text, '\0', len < BINARY_LOOKED ? len : BINARY_LOOKED);
}

/* An override is read with the file that it is merged over. */
static bool is_merged(const struct audit *a, const char *name)
{
	static const char *const bases[] = {"compose.yaml", "compose.yml", "docker-compose.yml",
					    "docker-compose.yaml"};
	const char *slash = strrchr(name, '/');
	int folder = slash ? (int)(slash - name) + 1 : 0;

	if (!a->walked || !compose_is_override(name))
		return false;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		AUTO_FREE char *base = NULL;

		if (!str_format(&base, "%.*s%s", folder, name, bases[i]) && !access(base, R_OK))
			return true;
	}
	return false;
}

static int file_audit(struct audit *a, const char *name)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	enum kind kind;
	int err = file_read(AT_FDCWD, name, AUDIT_FILE_MAX, &text, &len);

	if (err == -ENOMEM)
		return err;
	if (err) {
		/* Devices, sockets and pipes are nothing to read, and are no error in a folder. */
		if (err == -EFBIG && kind_by_name(name) == KIND_OTHER)
			a->counts->other++;
		else if (err == -EFBIG)
			error_tell(a, name, 0, 0, "it is larger than is read (64 MiB)");
		else if (!a->walked || err != -EINVAL)
			error_tell(a, name, 0, 0,
				   err == -EINVAL ? "it is no regular file" : strerror(-err));
		return 0;
	}
	kind = is_binary(text, len) ? KIND_OTHER : kind_of(name, text);
	if (kind == KIND_OTHER) {
		a->counts->other++;
		return 0;
	}
	a->counts->files++;
	return is_merged(a, name) ? 0 : kind_read(a, kind, name, text, len, FROM_FOLDER);
}

static int follow_once(struct audit *a, FTS *fts, FTSENT *entry)
{
	struct followed *one = NULL;
	struct stat st;

	if (stat(entry->fts_accpath, &st))
		return 0; /* it leads nowhere */
	if (S_ISREG(st.st_mode))
		return file_audit(a, entry->fts_path);
	if (!S_ISDIR(st.st_mode))
		return 0;
	one = calloc(1, sizeof(*one));
	if (!one)
		return -ENOMEM;
	one->key.dev = st.st_dev;
	one->key.ino = st.st_ino;
	struct followed *found = NULL;

	HASH_FIND(hh, a->followed, &one->key, sizeof(one->key), found);
	if (found) {
		free(one);
		return 0;
	}
	HASH_ADD(hh, a->followed, key, sizeof(one->key), one);
	return fts_set(fts, entry, FTS_FOLLOW) ? -errno : 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void cleanup_fts(FTS **fts)
{
	if (*fts)
		fts_close(*fts);
}

int audit_path(const char *path, const struct audit_options *options, struct audit_counts *counts)
{
	CLEANUP(audit_clear) struct audit a = {.options = options, .counts = counts};
	char *const paths[] = {(char *)(uintptr_t)path, NULL};
	CLEANUP(cleanup_fts)
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	FTSENT *entry = NULL;
	int err = fts ? 0 : -errno;

	while (!err && (errno = 0, entry = fts_read(fts))) {
		a.walked = entry->fts_level > 0;
		switch (entry->fts_info) {
		case FTS_F:
		case FTS_DEFAULT:
			err = file_audit(&a, entry->fts_path);
			break;
		case FTS_SL:
			err = follow_once(&a, fts, entry);
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			error_tell(&a, entry->fts_path, 0, 0, strerror(entry->fts_errno));
			break;
		}
	}
	return err ? err : -errno;
}

int audit_text(const char *name, const char *text, size_t len, const struct audit_options *options,
	       struct audit_counts *counts)
{
	CLEANUP(audit_clear) struct audit a = {.options = options, .counts = counts};
	AUTO_FREE char *own = strndup(text, len);
	enum kind kind;

	if (!own)
		return -ENOMEM;
	kind = strlen(own) < len ? KIND_OTHER : kind_by_content(own);
	/* What else somebody would hand over: a document, or commands. */
	if (kind == KIND_OTHER && own[strspn(own, " \t\r\n")] &&
	    strchr("[{-", own[strspn(own, " \t\r\n")]))
		kind = KIND_YAML;
	else if (kind == KIND_OTHER && strlen(own) == len)
		kind = KIND_SHELL;
	if (strlen(own) < len) {
		error_tell(&a, name, 0, 0, "it is no text");
		return 0;
	}
	counts->files++;
	return kind_read(&a, kind, name, own, len, FROM_NOWHERE);
}
