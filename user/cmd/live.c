// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/live.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "user/cmd/pipeline.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"

int live_look(finding_fn fn, void *ctx)
{
	AUTO_CLOSE int procfd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct pipeline_options options = {.procfd = procfd};
	AUTO_PIPELINE struct pipeline *pipeline = NULL;
	int err = procfd < 0 ? -errno : pipeline_new(&options, &pipeline);

	if (err == -ENOENT)
		log_error("this kernel has no socket diagnostics for AF_UNIX: load the module "
			  "unix_diag (CONFIG_UNIX_DIAG)");
	return err ? err : pipeline_audit(pipeline, fn, ctx);
}
