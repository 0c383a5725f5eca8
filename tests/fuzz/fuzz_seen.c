// SPDX-License-Identifier: Apache-2.0
/* What "docksnoop watch --json" has recorded, or somebody who can write there. */
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"
#include "user/audit/seen.h"
#include "user/util/cleanup.h"

static void complain(void *ctx, unsigned int line, const char *text)
{
	(void)ctx;
	CHECK(line && text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct container c = {.id = (char *)"a", .name = (char *)"web"};
	struct seen *seen = NULL;
	struct usage usage = {0};
	char path[64];
	AUTO_CLOSE int fd = memfd_create("seen", MFD_CLOEXEC);

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(!seen_load(path, complain, NULL, &seen));
	for (int named = 0; named < 2; named++) {
		CHECK(!seen_find(seen, &c, &usage) && usage.sections);
		usage_clear(&usage);
		c.id = (char *)"another";
	}
	seen_free(seen);
	return 0;
}
