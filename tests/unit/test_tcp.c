// SPDX-License-Identifier: Apache-2.0

/* Where somebody listens on TCP: addresses, docker-proxy's arguments, this process's own listeners. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/sensor/diag.h"
#include "user/sensor/process.h"
#include "user/sensor/tcp_diag.h"
#include "user/sensor/tcp_forward.h"
#include "user/sensor/tcp_holder.h"
#include "user/sensor/tcp_netns.h"

static void url_is(const char *address, uint16_t port, const char *expected)
{
	uint8_t bytes[TCP_ADDRESS_SIZE];
	char url[TCP_URL_SIZE];

	assert_int_equal(tcp_address_parse(address, bytes), 0);
	tcp_url(bytes, port, url);
	assert_string_equal(url, expected);
}

static void addresses_are_told_as_people_write_them(void **state)
{
	uint8_t bytes[TCP_ADDRESS_SIZE];

	(void)state;
	url_is("10.0.0.2", 2375, "tcp://10.0.0.2:2375");
	url_is("::ffff:10.0.0.2", 1, "tcp://10.0.0.2:1");
	url_is("::", 65535, "tcp://[::]:65535");
	url_is("2001:DB8:0:0::1", 2376, "tcp://[2001:db8::1]:2376");
	url_is("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
	       "tcp://[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	assert_int_equal(tcp_address_parse("10.0.0", bytes), -EINVAL);
	assert_int_equal(tcp_address_parse("", bytes), -EINVAL);
	assert_int_equal(tcp_address_parse("localhost", bytes), -EINVAL);
}

static void kind_is(const char *address, bool any, bool loopback, bool ipv4)
{
	uint8_t bytes[TCP_ADDRESS_SIZE];

	assert_int_equal(tcp_address_parse(address, bytes), 0);
	assert_int_equal(tcp_address_is_any(bytes), any);
	assert_int_equal(tcp_address_is_loopback(bytes), loopback);
	assert_int_equal(tcp_address_is_ipv4(bytes), ipv4);
}

static void loopback_is_told_from_the_rest(void **state)
{
	(void)state;
	kind_is("0.0.0.0", true, true, true);
	kind_is("::", true, true, false);
	kind_is("127.0.0.1", false, true, true);
	kind_is("127.255.0.9", false, true, true);
	kind_is("::1", false, true, false);
	kind_is("::ffff:127.0.0.1", false, true, true);
	kind_is("128.0.0.1", false, false, true);
	kind_is("0.0.0.1", false, false, true);
	kind_is("::2", false, false, false);
	kind_is("::7f00:1", false, false, false); /* of no meaning since RFC 4291 */
	kind_is("fe80::1", false, false, false);
}

#define ARGV(literal) literal, sizeof(literal)

static void forwards_are_read(void **state)
{
	struct tcp_forward f = {.port = 7};
	uint8_t expected[TCP_ADDRESS_SIZE];

	(void)state;
	assert_int_equal(tcp_address_parse("172.17.0.2", expected), 0);
	assert_int_equal(tcp_forward_parse(ARGV("/usr/sbin/docker-proxy\0-proto\0tcp\0-host-ip\0"
						"0.0.0.0\0-host-port\0"
						"1234\0-container-ip\0"
						"172.17.0.2\0-container-port\0"
						"2375\0-use-listen-fd"),
					   &f),
			 0);
	assert_int_equal(f.port, 2375);
	assert_memory_equal(f.address, expected, sizeof(expected));
	assert_int_equal(tcp_forward_parse(ARGV("p\0--proto=tcp\0--container-ip=::1\0"
						"--container-port=1"),
					   &f),
			 0);
	assert_int_equal(f.port, 1);
	assert_int_equal(f.address[15], 1);
}

static void what_is_no_forward_is_refused(void **state)
{
	static const char none[] = "p\0-proto\0tcp\0-container-ip\0"
				   "10.0.0.1\0-container-port\0"
				   "1";
	struct tcp_forward f = {.port = 7};

	(void)state;
	/* of every length: what is cut ends within an argument, or lacks one */
	for (size_t len = 0; len < sizeof(none); len++) {
		char *exact = malloc(len ? len : 1);

		assert_non_null(exact);
		memcpy(exact, none, len);
		assert_int_equal(tcp_forward_parse(exact, len, &f), -EINVAL);
		free(exact);
	}
	assert_int_equal(tcp_forward_parse(ARGV("p\0-proto\0udp\0-container-ip\0"
						"10.0.0.1\0-container-port\0"
						"1"),
					   &f),
			 -EINVAL);
	assert_int_equal(tcp_forward_parse(ARGV("p\0-proto\0tcp\0-container-ip\0"
						"x\0-container-port\0"
						"1"),
					   &f),
			 -EINVAL);
	assert_int_equal(tcp_forward_parse(ARGV("p\0-proto\0tcp\0-container-ip\0"
						"10.0.0.1\0-container-port\0"
						"65536"),
					   &f),
			 -EINVAL);
	assert_int_equal(tcp_forward_parse(ARGV("p\0-proto\0tcp\0-container-ip\0"
						"10.0.0.1\0-container-port"),
					   &f),
			 -EINVAL);
	assert_int_equal(f.port, 7); /* untouched */
}

static void dockerds_own_ports_are_certain(void **state)
{
	static char argv[] = "dockerd\0-H\0tcp://0.0.0.0:4243\0--host=:99";
	struct tcp_holder h = {
		.listener.daemon = DAEMON_DOCKER,
		.argv = argv,
		.argv_len = sizeof(argv),
	};

	(void)state;
	assert_true(tcp_holder_serves(&h, 2375));
	assert_true(tcp_holder_serves(&h, 2376));
	assert_true(tcp_holder_serves(&h, 4243));
	assert_true(tcp_holder_serves(&h, 99));
	assert_false(tcp_holder_serves(&h, 243));
	assert_false(tcp_holder_serves(&h, 8080));
	h.argv = NULL;
	h.argv_len = 0;
	assert_false(tcp_holder_serves(&h, 4243));
	/* others listen at nothing for somebody else */
	h.listener.daemon = DAEMON_BUILDKIT;
	assert_true(tcp_holder_serves(&h, 1234));
}

struct search {
	uint16_t port;
	struct tcp_diag found;
	int count;
};

static void listener_see(void *ctx, const struct tcp_diag *d)
{
	struct search *search = ctx;

	if (d->port != search->port)
		return;
	search->found = *d;
	search->count++;
}

/* A listener of this process, and what socket diagnostics tell of it. */
static struct search listen_and_look(int family, bool ipv6_only)
{
	struct sockaddr_storage a = {.ss_family = family};
	socklen_t len =
		family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int diag = diag_open(-1);
	int fd = socket(family, SOCK_STREAM, 0);
	int only = ipv6_only;
	struct search search = {0};
	struct stat st = {0};

	if (family == AF_INET)
		((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	search.port = ntohs(((struct sockaddr_in *)&a)->sin_port);
	assert_int_equal(tcp_diag_each(diag, listener_see, &search), 0);
	assert_int_equal(search.count, 0); /* bound is not listening */
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(tcp_diag_each(diag, listener_see, &search), 0);
	assert_int_equal(search.count, 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(search.found.ino, st.st_ino);
	assert_true(search.found.cookie != 0);
	close(fd);
	close(diag);
	return search;
}

static void listeners_are_listed(void **state)
{
	struct search search = listen_and_look(AF_INET, false);
	uint8_t loopback[TCP_ADDRESS_SIZE];

	(void)state;
	assert_int_equal(tcp_address_parse("127.0.0.1", loopback), 0);
	assert_memory_equal(search.found.address, loopback, sizeof(loopback));
}

static void ipv6_listeners_say_whether_they_take_ipv4(void **state)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	(void)state;
	if (fd < 0)
		skip(); /* a kernel without IPv6 */
	close(fd);
	assert_false(listen_and_look(AF_INET6, false).found.ipv6_only);
	assert_true(listen_and_look(AF_INET6, true).found.ipv6_only);
}

static void addresses_of_a_namespace_are_listed(void **state)
{
	int procfd = open("/proc", O_RDONLY | O_DIRECTORY);
	struct tcp_namespaces namespaces = {.procfd = procfd};
	struct tcp_netns *ns = NULL;
	uint8_t loopback[TCP_ADDRESS_SIZE];
	uint8_t other[TCP_ADDRESS_SIZE];
	uint32_t inum = 0;

	(void)state;
	assert_int_equal(tcp_address_parse("127.0.0.1", loopback), 0);
	assert_int_equal(tcp_address_parse("192.0.2.77", other), 0);
	assert_int_equal(process_namespace(procfd, getpid(), "net", &inum), 0);
	assert_null(tcp_netns_find(&namespaces, inum));
	ns = tcp_netns_get(&namespaces, inum, getpid());
	assert_ptr_equal(tcp_netns_find(&namespaces, inum), ns);
	assert_true(tcp_netns_lives(&namespaces, ns));
	assert_int_equal(tcp_addresses(-1, 4096, &ns->addresses, &ns->address_count), 0);
	if (!tcp_netns_has(ns, loopback))
		skip(); /* lo is down */
	assert_false(tcp_netns_has(ns, other));
	assert_false(tcp_netns_has(NULL, loopback));
	/* Whom nobody uses or wants is dropped, and who wants one of nobody's too. */
	ns->wanted = true;
	tcp_netns_get(&namespaces, inum + 1, getpid())->wanted = true;
	tcp_namespaces_settle(&namespaces);
	assert_ptr_equal(tcp_netns_find(&namespaces, inum), ns);
	assert_null(tcp_netns_find(&namespaces, inum + 1));
	ns->wanted = false;
	tcp_namespaces_settle(&namespaces);
	assert_null(tcp_netns_find(&namespaces, inum));
	tcp_namespaces_clear(&namespaces);
	close(procfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_told_as_people_write_them),
		cmocka_unit_test(loopback_is_told_from_the_rest),
		cmocka_unit_test(forwards_are_read),
		cmocka_unit_test(what_is_no_forward_is_refused),
		cmocka_unit_test(dockerds_own_ports_are_certain),
		cmocka_unit_test(listeners_are_listed),
		cmocka_unit_test(ipv6_listeners_say_whether_they_take_ipv4),
		cmocka_unit_test(addresses_of_a_namespace_are_listed),
	};

	return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
