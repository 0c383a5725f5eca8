// SPDX-License-Identifier: Apache-2.0
#include "user/audit/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/audit/lead.h"
#include "user/audit/manifest.h"
#include "user/audit/shell.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* --- lines ------------------------------------------------------------------------------------ */

struct line {
	const char *next;    /* of the text; "" at its end */
	unsigned int number; /* of the first of it */
	unsigned int after;  /* of the one that follows */
	char *text;	     /* malloc'd; continued lines joined, the '\' and newline kept */
};

/* The next line, with those that it goes on in. 0; -ENOENT at the end; -ENOMEM. */
static int line_next(struct line *l, bool continues)
{
	const char *end = l->next;

	free(l->text);
	l->text = NULL;
	if (!*l->next)
		return -ENOENT;
	l->number = l->after;
	for (;;) {
		end += strcspn(end, "\n");
		if (!*end)
			break;
		l->after++;
		end++;
		if (!continues || end - l->next < 2 || end[-2] != '\\')
			break;
	}
	l->text = strndup(l->next, (size_t)(end - l->next));
	l->next = end;
	if (!l->text)
		return -ENOMEM;
	if (end[-1] == '\n')
		l->text[strlen(l->text) - 1] = '\0';
	return 0;
}

static struct line lines_of(const char *text)
{
	return (struct line){.next = text, .after = 1};
}

static void line_clear(struct line *l)
{
	free(l->text);
}
#define AUTO_LINE __attribute__((cleanup(line_clear)))

static const char *skip_blank(const char *s)
{
	return s + strspn(s, " \t");
}

static int said(const struct report *report, unsigned int line, struct finding finding)
{
	finding.file = report->file;
	finding.line = line;
	return report->fn(report->ctx, &finding);
}

/* A path of the host's, said in a line. */
static int path_said(const struct report *report, unsigned int line, const char *spelling,
		     const char *path, bool read_only)
{
	const struct lead lead = lead_find(path);
	struct finding finding = lead_finding(&lead, false);

	finding.spelling = spelling;
	finding.read_only = read_only;
	return lead.kind == LEAD_NOWHERE ? 0 : said(report, line, finding);
}

static int address_said(const struct report *report, unsigned int line, const char *value,
			size_t len)
{
	AUTO_FREE char *address = strndup(value, len);
	AUTO_FREE char *spelling = NULL;
	struct finding finding = {.way = WAY_TCP, .daemon = DAEMON_DOCKER};

	if (!address || str_format(&spelling, "DOCKER_HOST=%s", address))
		return -ENOMEM;
	finding.spelling = spelling;
	finding.socket = address;
	return lead_is_address(address) ? said(report, line, finding) : 0;
}

/* DOCKER_HOST=value, or with a blank between, in quotes or not. */
static int docker_host_look(const struct report *report, unsigned int line, const char *text)
{
	const char *at = strstr(text, "DOCKER_HOST");
	char quote;

	if (!at || !at[11] || !strchr("= ", at[11]))
		return 0;
	at = skip_blank(at + 11);
	at = skip_blank(*at == '=' ? at + 1 : at);
	quote = *at == '"' || *at == '\'' ? *at++ : '\0';
	return address_said(report, line, at,
			    strcspn(at, quote == '"' ? "\""
					: quote	     ? "'"
						     : " \t\r\n\"'"));
}

/* --- units ------------------------------------------------------------------------------------- */

/* Volume=SOURCE:TARGET, of a container of Podman's. */
static int quadlet_look(const struct report *report, const struct line *l, const char *text)
{
	const char *value = strchr(text, '=');
	const char *source = NULL;
	AUTO_FREE char *path = NULL;

	if (!value)
		return 0;
	value = skip_blank(value + 1);
	source = value;
	if (!strncmp(text, "Mount=", 6)) {
		source = strstr(value, "source=");
		source = source ? source : strstr(value, "src=");
		if (!source || !strstr(value, "type=bind"))
			return 0;
		source = strchr(source, '=') + 1;
	} else if (!strchr(value, ':')) {
		return 0; /* an anonymous one */
	}
	/* %t is the runtime directory (systemd.unit(5), SPECIFIERS): /run, or a user's */
	if (!strncmp(source, "%t", 2)) {
		if (str_format(&path, "/run%.*s", (int)strcspn(source + 2, ":,"), source + 2))
			return -ENOMEM;
	} else {
		path = strndup(source, strcspn(source, ":,"));
	}
	if (!path)
		return -ENOMEM;
	return path_said(report, l->number, text, path, strstr(value, ":ro"));
}

int unit_audit(const char *text, const struct report *report)
{
	AUTO_LINE struct line l = lines_of(text);
	int err = 0;

	while (!(err = line_next(&l, true))) {
		const char *s = skip_blank(l.text);
		const char *value = strchr(s, '=');

		if (*s == '#' || *s == ';' || !value)
			continue;
		value = skip_blank(value + 1);
		if (!strncmp(s, "Exec", 4)) {
			value += strspn(value, "-@:+!|");
			err = shell_read(value, strlen(value), l.number, report);
		} else if (!strncmp(s, "PodmanArgs=", 11)) {
			err = shell_read_options(value, strlen(value), l.number, report);
		} else if (!strncmp(s, "Volume=", 7) || !strncmp(s, "Mount=", 6)) {
			err = quadlet_look(report, &l, s);
		} else if (!strncmp(s, "Environment=", 12)) {
			err = docker_host_look(report, l.number, value);
		}
		if (err)
			return err;
	}
	return err == -ENOENT ? 0 : err;
}

/* --- Dockerfiles --------------------------------------------------------------------------------- */

/* Comments may stand between the lines of one instruction. */
int dockerfile_audit(const char *text, const struct report *report)
{
	AUTO_LINE struct line l = lines_of(text);
	bool in_env = false;
	int err = 0;

	while (!(err = line_next(&l, false))) {
		const char *s = skip_blank(l.text);
		size_t len = strlen(s);

		if (*s == '#')
			continue;
		in_env = in_env || (!strncasecmp(s, "ENV", 3) && isspace((unsigned char)s[3]));
		err = in_env ? docker_host_look(report, l.number, s) : 0;
		if (err)
			return err;
		while (len && isspace((unsigned char)s[len - 1]))
			len--;
		in_env = in_env && len && s[len - 1] == '\\';
	}
	return err == -ENOENT ? 0 : err;
}

/* --- TOML ------------------------------------------------------------------------------------------ */

/* Each quoted string of a line that is a volume. */
static int volumes_look(const struct report *report, unsigned int line, const char *text)
{
	int err = 0;

	for (const char *p = text; !err && (p = strpbrk(p, "\"'")); p++) {
		const char *end = strchr(p + 1, *p);
		AUTO_FREE char *volume = end ? strndup(p + 1, (size_t)(end - p - 1)) : NULL;
		AUTO_FREE char *source = volume ? strndup(volume, strcspn(volume, ":")) : NULL;

		if (!end)
			break;
		if (!source)
			return -ENOMEM;
		if (strchr(volume, ':'))
			err = path_said(report, line, volume, source, strstr(volume, ":ro"));
		p = end;
	}
	return err;
}

int toml_audit(const char *text, const struct report *report)
{
	AUTO_LINE struct line l = lines_of(text);
	bool in_volumes = false;
	int err = 0;

	while (!(err = line_next(&l, false))) {
		const char *s = skip_blank(l.text);
		const char *value = strchr(s, '=');
		const struct finding privileged = {
			.way = WAY_PRIVILEGED,
			.via = VIA_PROC_ROOT,
			.daemon = DAEMON_DOCKER,
			.spelling = "privileged = true",
		};

		if (*s == '#')
			continue;
		if (!strncmp(s, "volumes", 7) && value)
			in_volumes = true;
		if (in_volumes)
			err = volumes_look(report, l.number, s);
		else if (!strncmp(s, "privileged", 10) && value &&
			 !strncmp(skip_blank(value + 1), "true", 4))
			err = said(report, l.number, privileged);
		else
			err = docker_host_look(report, l.number, s);
		if (strchr(s, ']'))
			in_volumes = false;
		if (err)
			return err;
	}
	return err == -ENOENT ? 0 : err;
}

/* --- Jenkinsfiles ----------------------------------------------------------------------------------- */

/* What is within the first quotes, which may be three of a kind. */
static const char *quoted(const char *s, size_t *len)
{
	const char *open = strpbrk(s, "\"'");
	char three[4] = "";
	const char *end = NULL;

	if (!open)
		return NULL;
	memset(three, *open, 3);
	if (!strncmp(open, three, 3)) {
		end = strstr(open + 3, three);
		*len = end ? (size_t)(end - open - 3) : strlen(open + 3);
		return open + 3;
	}
	end = open + 1;
	while (*end && *end != *open && *end != '\n')
		end += *end == '\\' && end[1] ? 2 : 1;
	*len = (size_t)(end - open - 1);
	return open + 1;
}

/* A word of its own at @s, with quotes or a bracket after it. */
static bool word_is(const char *text, const char *s, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(s, word, len) &&
	       (s == text || !(isalnum((unsigned char)s[-1]) || s[-1] == '_')) && s[len] &&
	       strchr(" \t('\":", s[len]);
}

static unsigned int lines_between(const char *from, const char *to)
{
	unsigned int n = 0;

	for (; from < to; from++)
		n += *from == '\n';
	return n;
}

static bool in_comment(const char *text, const char *at)
{
	const char *begin = at;

	while (begin > text && begin[-1] != '\n')
		begin--;
	begin = skip_blank(begin);
	return !strncmp(begin, "//", 2) || *begin == '*' || !strncmp(begin, "/*", 2);
}

int groovy_audit(const char *text, const struct report *report)
{
	static const char *const option_words[] = {"args", "inside", "withRun", "run",
						   "dockerArgs"};
	const char *counted = text; /* to here, as line */
	unsigned int line = 1;
	int err = 0;

	for (const char *p = text; *p && !err; p++) {
		bool options = false;
		const char *inner = NULL;
		size_t len = 0;

		for (size_t i = 0; i < sizeof(option_words) / sizeof(option_words[0]); i++)
			options = options || word_is(text, p, option_words[i]);
		if ((!options && !word_is(text, p, "sh")) || in_comment(text, p))
			continue;
		inner = quoted(p, &len);
		/* Only what follows at once: args '…', inside("…"). */
		if (!inner || strcspn(p, "\n") < (size_t)(inner - p) - (inner - p > 3 ? 3 : 0))
			continue;
		line += lines_between(counted, inner);
		counted = inner;
		err = options ? shell_read_options(inner, len, line, report)
			      : shell_read(inner, len, line, report);
		p = inner + len;
		if (!*p)
			break;
	}
	return err;
}

/* --- Markdown ------------------------------------------------------------------------------------------ */

static size_t fence_length(const char *s)
{
	size_t n = strspn(s, "`");

	if (n < 3)
		n = strspn(s, "~");
	return n >= 3 ? n : 0;
}

int markdown_each(const char *text, block_fn fn, void *ctx)
{
	unsigned int number = 1, first = 0;
	const char *begin = NULL;
	char language[32] = "";
	size_t fence = 0;
	char kind = '\0';
	int err = 0;

	for (const char *p = text; *p && !err; number++) {
		const char *s = p + strspn(p, " \t>");
		size_t ticks = fence_length(s);
		const char *end = p + strcspn(p, "\n");

		if (!begin && ticks) {
			const char *info = skip_blank(s + ticks);

			snprintf(language, sizeof(language), "%.*s", (int)strcspn(info, " \t\r\n{"),
				 info);
			fence = ticks;
			kind = *s;
			begin = *end ? end + 1 : end;
			first = number + 1;
		} else if (begin && ticks >= fence && *s == kind) {
			err = fn(ctx, language, begin, (size_t)(p - begin), first);
			begin = NULL;
		}
		p = *end ? end + 1 : end;
	}
	if (!err && begin)
		err = fn(ctx, language, begin, strlen(begin), first);
	return err;
}
