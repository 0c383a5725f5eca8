// SPDX-License-Identifier: Apache-2.0
/* A shell's text, as a script and as the options of "docker run". */
#include "input.h"
#include "user/audit/shell.h"
#include "user/util/cleanup.h"

struct lines {
	unsigned int last;
};

static int finding_take(void *ctx, const struct finding *f)
{
	const struct lines *lines = ctx;

	CHECK(f->spelling && f->container);
	CHECK(f->line >= 1 && f->line <= lines->last);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct lines lines = {1};
	const struct report report = {"f", finding_take, &lines};
	size_t len = 0;
	AUTO_FREE char *text = input_part(&in, '\0', &len);

	for (size_t i = 0; i < len; i++)
		lines.last += text[i] == '\n';
	CHECK(!shell_read(text, len, 1, &report));
	CHECK(!shell_read_options(text, len, 1, &report));
	return 0;
}
