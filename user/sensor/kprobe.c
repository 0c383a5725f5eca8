// SPDX-License-Identifier: Apache-2.0
#include "user/sensor/kprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "user/util/cleanup.h"
#include "user/util/file.h"

#define PMU "/sys/bus/event_source/devices/kprobe/"

static int function_address(const char *name, uint64_t *out)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/kallsyms", "re");
	uint64_t found = 0;
	char line[512];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		uint64_t address = 0;
		char type = 0;
		char symbol[256] = "";

		if (sscanf(line, "%" SCNx64 " %c %255s", &address, &type, symbol) != 3 ||
		    (type != 't' && type != 'T') || strcmp(symbol, name))
			continue;
		if (found)
			return -ESRCH;
		found = address;
	}
	if (!found)
		return -ENOENT;
	*out = found;
	return 0;
}

static int pmu_read(const char *path, const char *format, unsigned int *out)
{
	AUTO_FREE char *text = NULL;
	int err = file_read(AT_FDCWD, path, 4096, &text, NULL);

	if (err)
		return err;
	return sscanf(text, format, out) == 1 ? 0 : -EBADMSG;
}

static int kprobe_open(uint64_t address, bool at_return)
{
	struct perf_event_attr attr = {.size = sizeof(attr)};
	unsigned int type = 0;
	unsigned int return_bit = 0;
	int err = pmu_read(PMU "type", "%u", &type);
	int fd;

	err = err ? err : pmu_read(PMU "format/retprobe", "config:%u", &return_bit);
	if (err)
		return err;
	attr.type = type;
	attr.config = at_return ? 1ULL << return_bit : 0;
	attr.kprobe_addr = address; /* kprobe_func stays 0: by address */
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int kprobe_available(void)
{
	unsigned int type = 0;

	return pmu_read(PMU "type", "%u", &type);
}

int kprobe_attach(const struct bpf_program *prog, struct bpf_link **out)
{
	const char *section = bpf_program__section_name(prog);
	const char *function = strchr(section, '/');
	AUTO_CLOSE int fd = -1;
	struct bpf_link *link = NULL;
	uint64_t address = 0;
	int err;

	if (!function)
		return -EINVAL;
	err = function_address(function + 1, &address);
	if (err)
		return err;
	fd = kprobe_open(address, !strncmp(section, "kretprobe/", strlen("kretprobe/")));
	if (fd < 0)
		return fd;
	link = bpf_program__attach_perf_event(prog, fd);
	if (!link)
		return -errno;
	take_fd(&fd); /* the link's now */
	*out = link;
	return 0;
}
