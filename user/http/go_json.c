// SPDX-License-Identifier: Apache-2.0
#include "user/http/go_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "user/util/cleanup.h"

#define KEY_MAX 128

/*
 * A list is an object with its elements, of which those beyond "length" are left
 * from before: Go keeps them, too. No key of an object is empty text.
 */
#define LIST_CELLS  "\x01"
#define LIST_LENGTH "\x02"

struct frame {
	json_t *value; /* object, or list; borrowed from the one above */
	bool list;
	size_t index;
	char key[KEY_MAX + 1]; /* the member that comes next */
};

struct reader {
	const char *const *secrets;
	struct go_json out;
	struct frame frames[GO_JSON_DEPTH_MAX];
	size_t depth;
	size_t passed_over; /* values within one that is not kept */
	bool skip_next;	    /* the next value is not kept */
	bool no_memory;
};

/* --- where a value goes -------------------------------------------------------------------- */

static struct frame *top(struct reader *r)
{
	return r->depth ? &r->frames[r->depth - 1] : NULL;
}

static json_t *list_cells(const json_t *list)
{
	return json_object_get(list, LIST_CELLS);
}

bool go_json_is_list(const json_t *value)
{
	return list_cells(value);
}

/* What is there now; NULL: nothing. */
static json_t *place_get(struct reader *r)
{
	struct frame *f = top(r);

	if (!f)
		return r->out.root;
	if (f->list)
		return json_array_get(list_cells(f->value), f->index);
	return json_object_get(f->value, f->key);
}

/* Takes @value. */
static void place_set(struct reader *r, json_t *value)
{
	struct frame *f = top(r);
	int err = 0;

	if (!value) {
		r->no_memory = true;
		return;
	}
	if (!f) {
		json_decref(r->out.root);
		r->out.root = value;
	} else if (!f->list) {
		err = json_object_set_new_nocheck(f->value, f->key, value);
	} else if (f->index < json_array_size(list_cells(f->value))) {
		err = json_array_set_new(list_cells(f->value), f->index, value);
	} else {
		err = json_array_append_new(list_cells(f->value), value);
	}
	r->no_memory |= err;
}

static void place_done(struct reader *r)
{
	struct frame *f = top(r);

	if (f && f->list)
		f->index++;
	else if (!f)
		r->out.whole = true;
}

/* Is this value within one, or is it one, that is not kept? */
static bool passed_over(struct reader *r)
{
	if (r->passed_over)
		return true;
	if (!r->skip_next)
		return false;
	r->skip_next = false;
	return true;
}

static int scalar(struct reader *r, json_t *value)
{
	if (passed_over(r)) {
		json_decref(value);
		return 1;
	}
	place_set(r, value);
	place_done(r);
	return !r->no_memory;
}

/* --- yajl's callbacks: 0 stops ------------------------------------------------------------- */

static int on_null(void *ctx)
{
	struct reader *r = ctx;
	json_t *old = NULL;

	if (passed_over(r))
		return 1;
	old = place_get(r);
	if (!old || json_is_object(old))
		place_set(r, json_null());
	place_done(r);
	return !r->no_memory;
}

static int on_boolean(void *ctx, int value)
{
	return scalar(ctx, json_boolean(value));
}

static int on_number(void *ctx, const char *text, size_t size)
{
	return scalar(ctx, json_stringn_nocheck(text, size));
}

static int on_string(void *ctx, const unsigned char *text, size_t size)
{
	return scalar(ctx, json_stringn_nocheck((const char *)text, size));
}

static int begin(struct reader *r, bool list)
{
	json_t *value = NULL;

	if (passed_over(r)) {
		r->passed_over++;
		return 1;
	}
	if (r->depth == GO_JSON_DEPTH_MAX) {
		r->out.valid = false;
		place_done(r);
		r->passed_over = 1;
		return 1;
	}
	value = place_get(r);
	if (!json_is_object(value) || go_json_is_list(value) != list) {
		value = list ? json_pack("{s:[], s:i}", LIST_CELLS, LIST_LENGTH, 0) : json_object();
		place_set(r, value);
	}
	if (r->no_memory)
		return 0;
	r->frames[r->depth++] = (struct frame){.value = value, .list = list};
	return 1;
}

static int end(struct reader *r)
{
	struct frame *f = NULL;

	if (r->passed_over) {
		r->passed_over--;
		return 1;
	}
	f = top(r);
	if (f->list)
		json_integer_set(json_object_get(f->value, LIST_LENGTH), (json_int_t)f->index);
	r->depth--;
	place_done(r);
	return 1;
}

static int on_start_map(void *ctx)
{
	return begin(ctx, false);
}

static int on_start_array(void *ctx)
{
	return begin(ctx, true);
}

static int on_end(void *ctx)
{
	return end(ctx);
}

/* As equalFoldRight() of fold.go: two characters beyond ASCII fold to letters in it. */
static void key_fold(char out[KEY_MAX + 1], const unsigned char *key, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size && n < KEY_MAX; i++) {
		if (size - i >= 2 && key[i] == 0xc5 && key[i + 1] == 0xbf) {
			out[n++] = 's'; /* U+017F */
			i++;
		} else if (size - i >= 3 && !memcmp(key + i, "\xe2\x84\xaa", 3)) {
			out[n++] = 'k'; /* U+212A */
			i += 2;
		} else {
			out[n++] = (char)(key[i] >= 'A' && key[i] <= 'Z' ? key[i] | 0x20 : key[i]);
		}
	}
	out[n] = '\0';
}

static int on_map_key(void *ctx, const unsigned char *key, size_t size)
{
	struct reader *r = ctx;
	struct frame *f = top(r);

	if (r->passed_over)
		return 1;
	key_fold(f->key, key, size);
	for (size_t i = 0; r->secrets[i]; i++)
		r->skip_next |= !strcmp(r->secrets[i], f->key);
	/* A list's parts are kept under such names; no field of the daemons' has one. */
	r->skip_next |= (unsigned char)f->key[0] < ' ';
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_map_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end,
};

static void handle_free(yajl_handle *handle)
{
	if (*handle)
		yajl_free(*handle);
}

int go_json_read(const void *data, size_t size, const char *const *secrets, struct go_json *out)
{
	CLEANUP(handle_free) yajl_handle handle = NULL;
	AUTO_FREE struct reader *r = calloc(1, sizeof(*r));
	yajl_status status;

	if (!r)
		return -ENOMEM;
	r->secrets = secrets;
	r->out.valid = true;
	handle = yajl_alloc(&callbacks, NULL, r);
	if (!handle)
		return -ENOMEM;
	yajl_config(handle, yajl_dont_validate_strings, 1);
	yajl_config(handle, yajl_allow_trailing_garbage, 1);
	yajl_config(handle, yajl_allow_partial_values, 1);
	status = yajl_parse(handle, data, size);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(handle);
	if (r->no_memory) {
		json_decref(r->out.root);
		return -ENOMEM;
	}
	r->out.valid &= status == yajl_status_ok;
	*out = r->out;
	return 0;
}

void go_json_clear(struct go_json *json)
{
	json_decref(json->root);
	json->root = NULL;
}

const json_t *go_json_get(const json_t *object, const char *key)
{
	return go_json_is_list(object) ? NULL : json_object_get(object, key);
}

size_t go_json_size(const json_t *list)
{
	return go_json_is_list(list)
		       ? (size_t)json_integer_value(json_object_get(list, LIST_LENGTH))
		       : 0;
}

const json_t *go_json_at(const json_t *list, size_t i)
{
	return json_array_get(list_cells(list), i);
}

const char *go_json_text(const json_t *value)
{
	const char *text = json_string_value(value);

	return text ? text : "";
}
