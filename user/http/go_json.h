/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_GO_JSON_H
#define DOCKSNOOP_GO_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * JSON, read as Go's encoding/json reads it into structs (decode.go, fold.go of
 * Go 1.19): keys count without regard to case, U+017F being an s and U+212A a k;
 * what comes later goes before what came earlier, and an object that comes again
 * is read into the one that is there; null empties pointers, lists and maps and
 * leaves all else as it is; a list that comes again keeps what elements had that
 * are not written anew (golang/go issue 21092).
 *
 * Go knows what type each field has, this does not. Where that makes a difference,
 * a request was refused for it, or what was there before is kept.
 */
struct go_json {
	json_t *root; /* keys in lower case; NULL when there was no value */
	bool valid;   /* as far as it was seen, and within bounds */
	bool whole;   /* the value has ended; what follows it, decoders do not read */
};

#define GO_JSON_DEPTH_MAX 64 /* deeper values are left out, and valid is false */

/*
 * The keys of @secrets (in lower case, ended by NULL) are passed over with their
 * values: these are nowhere kept. 0, or -ENOMEM. To be cleared.
 */
int go_json_read(const void *data, size_t size, const char *const *secrets, struct go_json *out);
void go_json_clear(struct go_json *json);

/* The member of an object; NULL when there is none, or @object is none. @key is in lower case. */
const json_t *go_json_get(const json_t *object, const char *key);
bool go_json_is_list(const json_t *value);
/* The elements of a list, 0 when it is none. */
size_t go_json_size(const json_t *list);
const json_t *go_json_at(const json_t *list, size_t i);
/* "" when it is no string. May hold any byte but NUL, what follows one is cut. */
const char *go_json_text(const json_t *value);

#endif
