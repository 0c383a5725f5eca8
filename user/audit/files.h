/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_AUDIT_FILES_H
#define DOCKSNOOP_AUDIT_FILES_H

#include "user/audit/finding.h"

/* Larger files are not read, and told as errors when their names say that they matter. */
#define AUDIT_FILE_MAX (64 << 20)
/* Of YAML, or JSON that is no array: what it becomes in memory is a hundred times as large. */
#define AUDIT_DOCUMENT_MAX (4 << 20)

struct audit_options {
	finding_fn finding;
	/* A file that cannot be read, or only in part; the next one is gone on with. */
	void (*error)(void *ctx, const char *file, unsigned int line, unsigned int column,
		      const char *text);
	void *ctx;
};

struct audit_counts {
	size_t files;		 /* that were of a kind that is known */
	size_t other;		 /* that were not, and were left alone */
	size_t external_volumes; /* in Compose files: what is behind them is not written there */
};

/*
 * Look through a file, or a folder with all that is below it: links to folders are followed
 * once. 0; what options->finding returned; -ENOMEM. What is wrong
 * with single files goes to options->error.
 */
int audit_path(const char *path, const struct audit_options *options, struct audit_counts *counts);

/* One text, of which only @name tells where it is from ("-" for stdin). */
int audit_text(const char *name, const char *text, size_t len, const struct audit_options *options,
	       struct audit_counts *counts);

#endif
