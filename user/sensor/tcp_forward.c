// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/tcp_forward.h"

#include <errno.h>
#include <string.h>

#include "user/util/file.h"

/* The value of the flag @name at argument @at, in it or in the next one; NULL: another flag. */
static const char *flag_value(const char *at, const char *end, const char *name)
{
	size_t len = strlen(name);
	const char *next = at + strlen(at) + 1;

	if (*at != '-')
		return NULL;
	at += at[1] == '-' ? 2 : 1;
	if (strncmp(at, name, len))
		return NULL;
	if (at[len] == '=')
		return at + len + 1;
	return !at[len] && next < end ? next : NULL;
}

int tcp_forward_parse(const char *argv, size_t len, struct tcp_forward *out)
{
	const char *end = argv + len;
	struct tcp_forward f = {0};
	unsigned long long port = 0;
	bool tcp = false, address = false;
	const char *value = NULL;

	if (!len || end[-1])
		return -EINVAL;
	for (const char *at = argv; at < end; at += strlen(at) + 1) {
		if ((value = flag_value(at, end, "proto")))
			tcp = !strcmp(value, "tcp");
		else if ((value = flag_value(at, end, "container-ip")))
			address = !tcp_address_parse(value, f.address);
		else if ((value = flag_value(at, end, "container-port")) &&
			 str_parse_uint(value, 1, UINT16_MAX, &port))
			return -EINVAL;
	}
	if (!tcp || !address || !port)
		return -EINVAL;
	f.port = port;
	*out = f;
	return 0;
}
