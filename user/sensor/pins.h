/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_PINS_H
#define DOCKSNOOP_PINS_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What the kernel side is kept by while no docksnoop runs: a folder in bpffs,
 *
 *   DIR/LAYOUT/MAP           the maps that must not be lost
 *   DIR/links-GENERATION/    what keeps its programs attached
 *
 * While a docksnoop runs it holds a lock (flock(2)) on DIR: two cannot share the maps.
 */
#define PINS_DIR "/sys/fs/bpf/docksnoop"

struct pins;

/*
 * Take the folder, which is made when it is not there. -errno, and one line in @why:
 * -EBUSY: another docksnoop holds it; -ENOTSUP: it does not lie in bpffs.
 */
int pins_open(const char *dir, char *why, size_t size, struct pins **out);
/* Lets go of it, and leaves in it what is there. NULL is allowed. */
void pins_close(struct pins *pins);
/* Remove all that is in it, and itself: what is attached by it is not any more. */
void pins_remove(struct pins *pins);

/*
 * To be called before @obj is loaded: use the maps that are kept of this @layout, which
 * tells by its name what can go on with them. 0 or -errno; 0 when none are kept.
 */
int pins_reuse(const struct pins *pins, const char *layout, struct bpf_object *obj);
/* Keep those of @obj which are not yet; the map "control" last, as it stands for all. */
int pins_keep_maps(const struct pins *pins, const char *layout, struct bpf_object *obj);
int pins_keep_link(const struct pins *pins, uint32_t generation, const char *name,
		   struct bpf_link *link);

/* The last generation of which something is kept; 0: none. */
uint32_t pins_generation(const struct pins *pins);

/* The pinned map, by name; a descriptor, or -ENOENT. */
int pins_map(const struct pins *pins, const char *layout, const char *name);

/* fn(ctx, program's name, descriptor of the link) for what is not of this generation. */
typedef void (*pins_link_fn)(void *ctx, const char *name, int link);
void pins_each_old_link(const struct pins *pins, uint32_t generation, pins_link_fn fn, void *ctx);
/* Detach what is not of this generation. */
void pins_drop_old_links(const struct pins *pins, uint32_t generation);

/* fn(ctx, layout) for each layout kept but @layout: another version's, or another mode's. */
typedef void (*pins_layout_fn)(void *ctx, const char *layout);
void pins_each_other_layout(const struct pins *pins, const char *layout, pins_layout_fn fn,
			    void *ctx);
void pins_drop_layout(const struct pins *pins, const char *layout);

static inline void cleanup_pins(struct pins **pins)
{
	pins_close(*pins);
}
#define AUTO_PINS __attribute__((cleanup(cleanup_pins)))

#endif
