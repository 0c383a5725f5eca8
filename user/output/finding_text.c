// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/output/finding.h"
#include "user/output/words.h"

#define SGR_RESET    "\033[0m"
#define SGR_RED_BOLD "\033[1;31m"
#define SGR_YELLOW   "\033[33m"
#define SGR_DIM	     "\033[2m"

struct word {
	const char *text;
	const char *sgr;
};

static struct word finding_word(const struct judged_finding *j)
{
	if (j->verdict == VERDICT_JUSTIFIED)
		return (struct word){"justified", SGR_DIM};
	if (j->verdict == VERDICT_EXPIRED)
		return (struct word){"EXPIRED", SGR_RED_BOLD};
	if (j->finding->way == WAY_UNDECIDED)
		return (struct word){"UNDECIDED", SGR_YELLOW};
	return (struct word){"FLAGGED", SGR_RED_BOLD};
}

/* "compose.yaml:12: service traefik", "container traefik (traefik:v3) in 0123456789ab" */
static void put_where(FILE *out, const struct finding *f)
{
	const struct event one = {.container = f->container};

	if (f->file) {
		put_escaped(out, f->file);
		if (f->line)
			fprintf(out, ":%u", f->line);
		fputs(": ", out);
	}
	if (f->service) {
		fputs("service ", out);
		put_escaped(out, f->service);
		fputs(": ", out);
	} else if (f->container && (*f->container->id || f->container->name)) {
		fputs("container ", out);
		put_container(out, &one);
		fputs(f->stopped ? " (stopped): " : ": ", out);
	}
}

static void put_what(FILE *out, const struct finding *f)
{
	put_escaped(out, f->spelling ? f->spelling : "");
	fprintf(out, " [%s", f->way == WAY_UNDECIDED ? "undecided" : finding_via_name(f));
	if (f->socket) {
		fputs(" -> ", out);
		if (f->daemon != DAEMON_NONE)
			fprintf(out, "%s ", daemon_name(f->daemon));
		put_escaped(out, f->socket);
	}
	fputs(f->stale ? ", stale]" : "]", out);
}

int finding_to_text(const struct judged_finding *j, bool color, FILE *out)
{
	struct word word = finding_word(j);

	fprintf(out, "%s%s%s  ", color ? word.sgr : "", word.text, color ? SGR_RESET : "");
	put_where(out, j->finding);
	put_what(out, j->finding);
	if (j->verdict == VERDICT_JUSTIFIED) {
		fputs("\n    by the rule '", out);
		put_escaped(out, j->rule->name);
		fprintf(out, "' until %s: ", j->rule->expires);
		put_escaped(out, j->rule->reason);
		fputc('\n', out);
		return ferror(out) ? -EIO : 0;
	}
	fprintf(out, "\n    why: %s\n    do:  ", finding_gives(j->finding));
	put_escaped(out, j->advice);
	if (j->verdict == VERDICT_EXPIRED) {
		fputs("\n    the rule '", out);
		put_escaped(out, j->rule->name);
		fprintf(out, "' justified it until %s", j->rule->expires);
	}
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}
