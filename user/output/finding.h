/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_FINDING_H
#define DOCKSNOOP_OUTPUT_FINDING_H

#include <jansson.h>
#include <stdio.h>

#include "user/audit/advice.h"
#include "user/audit/finding.h"
#include "user/audit/seen.h"
#include "user/policy/verdict.h"

/* A finding, with what is thought of it. It owns nothing. */
struct judged_finding {
	const struct finding *finding;
	enum verdict verdict;	 /* VERDICT_FLAGGED, VERDICT_JUSTIFIED, VERDICT_EXPIRED */
	const struct rule *rule; /* NULL: none */
	const char *advice;
	const struct usage *usage; /* NULL: nobody looked */
};

/* An object of docs/finding.schema.json; a new reference, NULL without memory. */
json_t *finding_to_json(const struct judged_finding *judged);

/* For people: a line of what, a line of what it gives away, a line of what to do. 0 or -ENOMEM. */
int finding_to_text(const struct judged_finding *judged, bool color, FILE *out);

/*
 * SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0): one log of one run. Findings
 * that are justified are in it, as suppressed.
 */
struct sarif;

struct sarif *sarif_new(void);						 /* NULL without memory */
void sarif_free(struct sarif *sarif);					 /* NULL is allowed */
int sarif_add(struct sarif *sarif, const struct judged_finding *judged); /* -ENOMEM */
/* A file that could not be read, or only in part; @line 0: as a whole. */
int sarif_add_error(struct sarif *sarif, const char *file, unsigned int line, unsigned int column,
		    const char *text);
/* The whole log; a new reference, NULL without memory. */
json_t *sarif_finish(struct sarif *sarif);

#endif
