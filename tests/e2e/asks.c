// SPDX-License-Identifier: Apache-2.0
/*
 * asks PATH: what it is told on stdin is sent to the daemon, connection by
 * connection. A line of hexadecimal digits is sent in one write; "," waits until the
 * daemon has read all of it; "." reads to the end of the answers and closes; "!"
 * closes at once; "?" reads once; ";" says that nothing more comes. A JSON line for
 * each connection tells how much was read, and its first bytes.
 */
#define _GNU_SOURCE
#include <linux/sockios.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "truth.h"

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect");
	return fd;
}

static void send_hex(int fd, const char *line)
{
	size_t size = strlen(line) / 2;
	unsigned char *bytes = malloc(size);

	for (size_t i = 0; i < size; i++)
		sscanf(line + 2 * i, "%2hhx", &bytes[i]);
	for (size_t done = 0; done < size;) {
		ssize_t n = send(fd, bytes + done, size - done, MSG_NOSIGNAL);

		if (n < 0)
			break; /* the daemon has closed */
		done += (size_t)n;
	}
	free(bytes);
}

static void wait_read(int fd)
{
	int left = 1;

	while (!ioctl(fd, SIOCOUTQ, &left) && left)
		usleep(1000);
}

static void read_all(int fd, bool once, char first[33], size_t *total)
{
	char data[65536];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0) {
		for (ssize_t i = 0; i < n && *total + (size_t)i < 16; i++)
			sprintf(first + 2 * (*total + (size_t)i), "%02x", (unsigned char)data[i]);
		*total += (size_t)n;
		if (once)
			return;
	}
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0, total = 0;
	char first[33] = "";
	ssize_t len;
	int fd = -1;

	if (argc != 2)
		return 2;
	setlinebuf(stdout);
	while ((len = getline(&line, &room, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (fd < 0)
			fd = connect_to(argv[1]);
		switch (*line) {
		case ',':
			wait_read(fd);
			continue;
		case '?':
			read_all(fd, true, first, &total);
			continue;
		case ';':
			shutdown(fd, SHUT_WR);
			continue;
		case '.':
			read_all(fd, false, first, &total);
			break;
		case '!':
			break;
		default:
			send_hex(fd, line);
			continue;
		}
		close(fd);
		printf("{\"read\": %zu, \"first\": \"%s\"}\n", total, first);
		fd = -1;
		total = 0;
		first[0] = '\0';
	}
	return 0;
}
