/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_OUTPUT_CHAIN_INDEX_H
#define DOCKSNOOP_OUTPUT_CHAIN_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/output/chain.h"

/* Where each record was read: by its hash. Of the first CHAIN_INDEX_MAX. */
struct chain_index;

#define CHAIN_INDEX_MAX ((size_t)1 << 21)

struct chain_place {
	uint32_t file; /* which of those that were given */
	uint64_t line; /* from 1 on; 0: nowhere */
};

struct chain_index *chain_index_new(void);
void chain_index_free(struct chain_index *index); /* NULL is allowed */
/* Not there yet, that is asked before. Nothing is done when it is full. 0, or -ENOMEM. */
int chain_index_add(struct chain_index *index, const char hash[CHAIN_HASH_SIZE],
		    struct chain_place place);
struct chain_place chain_index_find(const struct chain_index *index,
				    const char hash[CHAIN_HASH_SIZE]);
bool chain_index_full(const struct chain_index *index);

#endif
