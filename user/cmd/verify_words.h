/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CMD_VERIFY_WORDS_H
#define DOCKSNOOP_CMD_VERIFY_WORDS_H

#include "user/output/chain_check.h"

/* "changed", "removed", …: what a remark goes by in JSON (docs/verify.md). */
const char *verify_kind_name(enum chain_kind kind);

/*
 * A remark in one sentence, without its place, malloc'd; NULL: no memory.
 * @files: the names that places refer to, fit to be shown.
 */
char *verify_words(const struct chain_remark *remark, char *const *files);

#endif
