// SPDX-License-Identifier: Apache-2.0
/*
 * What docksnoop makes of bodies of POST /containers/create: on stdin, each with
 * its length in front (32 bits); on stdout a JSON line for each.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/http/go_json.h"

static json_t *texts(const json_t *list)
{
	json_t *out = json_array();

	for (size_t i = 0; i < go_json_size(list); i++)
		json_array_append_new(out, json_string(go_json_text(go_json_at(list, i))));
	return out;
}

int main(void)
{
	static const char *const secrets[] = {"env", NULL};
	uint32_t size = 0;

	while (fread(&size, sizeof(size), 1, stdin) == 1) {
		char *body = malloc(size + 1);
		struct go_json json = {0};
		const json_t *host = NULL;
		json_t *said = NULL;

		if (!body || fread(body, 1, size, stdin) != size ||
		    go_json_read(body, size, secrets, &json))
			return 1;
		host = go_json_get(json.root, "hostconfig");
		said = json_pack("{s:b, s:o, s:s, s:o, s:s}", "Privileged",
				 json_is_true(go_json_get(host, "privileged")), "Binds",
				 texts(go_json_get(host, "binds")), "PidMode",
				 go_json_text(go_json_get(host, "pidmode")), "CapAdd",
				 texts(go_json_get(host, "capadd")), "CgroupParent",
				 go_json_text(go_json_get(host, "cgroupparent")));
		json_dumpf(said, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(said);
		go_json_clear(&json);
		free(body);
	}
	return 0;
}
