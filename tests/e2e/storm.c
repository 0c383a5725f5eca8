// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * Connects as fast as it can, and counts: what docksnoop says is held against it.
 *
 *   storm listen PATH                 accept and close until killed
 *   storm connect PATH THREADS SECONDS RATE
 *                                     RATE connects a second in all, 0: as many as go;
 *                                     prints how many came about, and how many did not
 */

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static double seconds;
static double rate; /* of one thread */

struct tally {
	pthread_t thread;
	uint64_t made;
	uint64_t failed;
};

static double now(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void *connect_all(void *arg)
{
	struct tally *tally = arg;
	double start = now();
	double end = start + seconds;

	for (double t = start; t < end; t = now()) {
		int fd;

		if (rate > 0 && tally->made + tally->failed > (t - start) * rate) {
			usleep(500);
			continue;
		}
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			abort();
		if (connect(fd, (void *)&address, sizeof(address)))
			tally->failed++;
		else
			tally->made++;
		close(fd);
	}
	return NULL;
}

static int storm(size_t threads)
{
	struct tally *tallies = calloc(threads, sizeof(*tallies));
	struct tally sum = {0};

	for (size_t i = 0; i < threads; i++)
		if (pthread_create(&tallies[i].thread, NULL, connect_all, &tallies[i]))
			abort();
	for (size_t i = 0; i < threads; i++) {
		pthread_join(tallies[i].thread, NULL);
		sum.made += tallies[i].made;
		sum.failed += tallies[i].failed;
	}
	free(tallies);
	printf("{\"made\": %" PRIu64 ", \"failed\": %" PRIu64 "}\n", sum.made, sum.failed);
	return 0;
}

static int listen_all(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(address.sun_path);
	if (bind(listener, (void *)&address, sizeof(address)) || listen(listener, 4096)) {
		perror(address.sun_path);
		return 1;
	}
	puts("listening");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			close(fd);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	strncpy(address.sun_path, argv[2], sizeof(address.sun_path) - 1);
	if (!strcmp(argv[1], "listen"))
		return listen_all();
	if (argc != 6)
		return 2;
	seconds = atof(argv[4]);
	rate = atof(argv[5]) / atof(argv[3]);
	return storm(strtoul(argv[3], NULL, 10));
}
