// SPDX-License-Identifier: Apache-2.0
#include "user/output/chain_index.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "user/util/cleanup.h"

/* Half of a hash: nobody can make two records that are alike in so much of it. */
#define KEY_SIZE 16

struct slot {
	unsigned char key[KEY_SIZE];
	struct chain_place place;
};

/* Open addressing, at most half full. A handle of uthash alone is larger than a slot. */
struct chain_index {
	struct slot *slots;
	size_t size; /* a power of two */
	size_t count;
	unsigned char seed[crypto_shorthash_KEYBYTES];
};

#define FIRST_SIZE 1024

struct chain_index *chain_index_new(void)
{
	AUTO_FREE struct chain_index *index = calloc(1, sizeof(*index));

	if (!index)
		return NULL;
	index->size = FIRST_SIZE;
	index->slots = calloc(index->size, sizeof(*index->slots));
	if (!index->slots)
		return NULL;
	/*
	 * Who writes the file chooses the hashes: they must not all meet in one
	 * slot. Without random numbers, early at boot, it is slow at worst.
	 */
	if (getrandom(index->seed, sizeof(index->seed), GRND_NONBLOCK) < 0)
		index->seed[0] = 1;
	return take_ptr(index);
}

void chain_index_free(struct chain_index *index)
{
	if (!index)
		return;
	free(index->slots);
	free(index);
}

/* The slot of @key, or the empty one where it belongs. */
static struct slot *slot_of(const struct chain_index *index, struct slot *slots, size_t size,
			    const unsigned char key[KEY_SIZE])
{
	unsigned char digest[crypto_shorthash_BYTES];
	uint64_t at = 0;

	crypto_shorthash(digest, key, KEY_SIZE, index->seed);
	memcpy(&at, digest, sizeof(at));
	for (;; at++) {
		struct slot *slot = &slots[at & (size - 1)];

		if (!slot->place.line || memcmp(slot->key, key, KEY_SIZE) == 0)
			return slot;
	}
}

static void key_of(const char hash[CHAIN_HASH_SIZE], unsigned char key[KEY_SIZE])
{
	sodium_hex2bin(key, KEY_SIZE, hash, (size_t)KEY_SIZE * 2, NULL, NULL, NULL);
}

static int index_grow(struct chain_index *index)
{
	size_t size = index->size * 2;
	struct slot *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->size; i++)
		if (index->slots[i].place.line)
			*slot_of(index, slots, size, index->slots[i].key) = index->slots[i];
	free(index->slots);
	index->slots = slots;
	index->size = size;
	return 0;
}

int chain_index_add(struct chain_index *index, const char hash[CHAIN_HASH_SIZE],
		    struct chain_place place)
{
	struct slot *slot = NULL;
	struct slot new = {.place = place};
	int err = 0;

	if (chain_index_full(index))
		return 0;
	if ((index->count + 1) * 2 > index->size)
		err = index_grow(index);
	if (err)
		return err;
	key_of(hash, new.key);
	slot = slot_of(index, index->slots, index->size, new.key);
	index->count += !slot->place.line;
	*slot = new;
	return 0;
}

struct chain_place chain_index_find(const struct chain_index *index,
				    const char hash[CHAIN_HASH_SIZE])
{
	unsigned char key[KEY_SIZE];

	key_of(hash, key);
	return slot_of(index, index->slots, index->size, key)->place;
}

bool chain_index_full(const struct chain_index *index)
{
	return index->count >= CHAIN_INDEX_MAX;
}
