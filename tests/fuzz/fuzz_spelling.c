// SPDX-License-Identifier: Apache-2.0
/*
 * The name by which this process could have called a socket, and, behind a NUL, the mount
 * table that it is looked up in. /proc is the real one: only names are looked at in it.
 */
#include <fcntl.h>
#include <unistd.h>

#include "input.h"
#include "user/exposure/attempt.h"
#include "user/exposure/spelling.h"
#include "user/exposure/socket_path.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int procfd = -1;
	static struct record record;
	AUTO_MOUNT_TABLE struct mount_table *table = NULL;
	struct input in = {data, size};
	struct spelling spelling = {0};
	struct socket_path found = {0};
	AUTO_FREE char *name = input_part(&in, '\0', NULL);
	size_t len = 0;
	AUTO_FREE char *text = input_part(&in, '\0', &len);

	if (procfd < 0)
		procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mount_table_parse(text, len, &table) &&
	    mount_table_parse("1 1 0:5 / /proc rw - proc proc rw\n", 35, &table))
		return 0;
	memset(&record, 0, sizeof(record));
	record.raw.tgid = record.raw.tid = (uint32_t)getpid();
	record.raw.flags = DS_F_BY_NAME | DS_F_UNANSWERED;
	snprintf(record.client_path, sizeof(record.client_path), "%s", name);
	if (!spelling_find(procfd, &record, table, &spelling)) {
		CHECK(spelling.entry);
		spelling_clear(&spelling);
	}
	attempt_look(procfd, &record);
	if (!socket_path_resolve(procfd, record.raw.tgid, record.client_path, &found))
		socket_path_clear(&found);
	return 0;
}
