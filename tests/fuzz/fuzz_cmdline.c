// SPDX-License-Identifier: Apache-2.0
/*
 * Command lines, of anybody who takes the name of a shim, a daemon or a proxy; behind 0xff
 * the daemon's environment, and behind another its configuration.
 */
#include "input.h"
#include "user/container/dataroot.h"
#include "user/container/shim.h"
#include "user/output/args.h"
#include "user/sensor/tcp_forward.h"
#include "user/util/cleanup.h"

static void daemon_look(const struct daemon_process *process, const char *config, size_t len)
{
	struct daemon_dirs dirs = {0};
	AUTO_FREE char *path = NULL;

	(void)daemon_config_path(process, &path);
	if (daemon_dirs_find(process, config, len, &dirs))
		return;
	CHECK(!dirs.data_root || dirs.data_root[0] == '/');
	CHECK(!dirs.exec_root || dirs.exec_root[0] == '/');
	daemon_dirs_clear(&dirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct daemon_process process = {.cwd = "/srv"};
	static struct shim shim;
	struct tcp_forward forward;
	size_t len = 0, env_len = 0, config_len = 0;
	AUTO_FREE char *cmdline = input_part(&in, 0xff, &len);
	AUTO_FREE char *env = input_part(&in, 0xff, &env_len);
	AUTO_FREE char *config = input_part(&in, 0xff, &config_len);

	if (!shim_parse(cmdline, len, &shim)) {
		CHECK(shim.id[0] && !strchr(shim.id, '/'));
		CHECK(!shim.folder[0] || shim.folder[0] == '/');
	}
	(void)tcp_forward_parse(cmdline, len, &forward);
	process.cmdline = cmdline;
	process.cmdline_len = len;
	process.environ = env;
	process.environ_len = env_len;
	for (process.uid = 0; process.uid <= 1000; process.uid += 1000) {
		daemon_look(&process, NULL, 0);
		daemon_look(&process, config, config_len);
	}
	args_redact(cmdline, len);
	CHECK(!cmdline[len]);
	return 0;
}
