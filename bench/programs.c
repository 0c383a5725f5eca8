// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/floor.skel.h"
#include "user/sensor/attach.h"
#include "user/sensor/types.h"
#include "user/util/cleanup.h"

/*
 *   programs floor MODE   attach the empty programs of a mode, say so on stderr, and stay
 *                         until stdin ends; MODE "tell" or "who": those that tell, and their
 *                         ring is emptied meanwhile
 *   programs count        let the kernel count what programs cost until stdin ends; for each
 *                         line of it, print one of JSON: what is known of every program
 */

static int said(const char *what, int err)
{
	fprintf(stderr, "programs: %s: %s\n", what, strerror(-err));
	return 1;
}

static int take_nothing(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

/* As often as docksnoop looks. */
static int empty_until_end(int map)
{
	struct ring_buffer *ring = ring_buffer__new(map, take_nothing, NULL, NULL);
	struct pollfd end = {.fd = STDIN_FILENO, .events = POLLIN};

	if (!ring)
		return -errno;
	while (!poll(&end, 1, 2))
		ring_buffer__consume(ring);
	ring_buffer__free(ring);
	return 0;
}

/* --- the floor ---------------------------------------------------------------------------- */

static bool is_of_mode(const char *name, const char *mode)
{
	size_t len = strlen(mode);

	if (!strncmp(name, "common_", 7))
		return true;
	if (!strcmp(mode, "who") && (!strcmp(name, "tell_received") || !strcmp(name, "tell_sent")))
		return true;
	if (!strncmp(name, "kret", 4)) /* kretprobe_… is kprobe's as well */
		return !strcmp(mode, "kprobe");
	return !strncmp(name, mode, len) && name[len] == '_';
}

static int floor_attach(const char *mode)
{
	struct floor_bpf *skel = floor_bpf__open();
	struct bpf_program *prog = NULL;
	int err = skel ? 0 : -errno;

	if (err)
		return said("open", err);
	/* Without them by helpers alone, as docksnoop's do then. */
	(void)types_find((uint32_t *)skel->rodata->types);
	bpf_object__for_each_program(prog, skel->obj)
	{
		bpf_program__set_autoload(prog, is_of_mode(bpf_program__name(prog), mode));
		err = err ? err : program_prepare(prog);
	}
	err = err ? err : floor_bpf__load(skel);
	if (err)
		return said("load", err);
	bpf_object__for_each_program(prog, skel->obj)
	{
		struct bpf_link *link = NULL; /* until the end of the process */

		if (!bpf_program__autoload(prog))
			continue;
		err = program_attach(prog, &link);
		if (err)
			return said(bpf_program__section_name(prog), err);
	}
	fprintf(stderr, "attached\n");
	err = empty_until_end(bpf_map__fd(skel->maps.told));
	floor_bpf__destroy(skel);
	return err ? said("ring", err) : 0;
}

/* --- counting ----------------------------------------------------------------------------- */

/* Whole: what the kernel keeps as the program's name is cut after 15 bytes. */
static void name_print(const struct bpf_prog_info *info, const struct bpf_func_info *first)
{
	struct btf *btf = info->btf_id ? btf__load_from_kernel_by_id(info->btf_id) : NULL;
	const struct btf_type *type = btf ? btf__type_by_id(btf, first->type_id) : NULL;

	printf("\"name\": \"%s\"", type ? btf__name_by_offset(btf, type->name_off) : info->name);
	btf__free(btf);
}

static void program_print(unsigned int id, bool first)
{
	AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_func_info func = {0};
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	info.nr_func_info = 1;
	info.func_info_rec_size = sizeof(func);
	info.func_info = (__u64)(unsigned long)&func;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return; /* it has gone meanwhile */
	printf("%s{\"id\": %u, ", first ? "" : ", ", id);
	name_print(&info, &func);
	printf(", \"runs\": %llu, \"ns\": %llu, \"verified\": %u, \"instructions\": %zu, "
	       "\"bytes\": %u}",
	       info.run_cnt, info.run_time_ns, info.verified_insns,
	       info.xlated_prog_len / sizeof(struct bpf_insn), info.jited_prog_len);
}

static int count(void)
{
	AUTO_CLOSE int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	char line[64];

	if (stats < 0)
		return said("BPF_ENABLE_STATS", -errno);
	while (fgets(line, sizeof(line), stdin)) {
		unsigned int id = 0;

		putchar('[');
		for (bool first = true; !bpf_prog_get_next_id(id, &id); first = false)
			program_print(id, first);
		puts("]");
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "floor"))
		return floor_attach(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "count"))
		return count();
	fprintf(stderr, "usage: programs floor MODE | programs count\n");
	return 2;
}
