/* SPDX-License-Identifier: Apache-2.0
 *
 * service.c - what systemd and a service tell each other; see service.h.
 */
#include "service.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_PASSED_FD 3

/* The variable's number if it is one and nothing else; FALLBACK without it. */
static uint64_t number_of(const char *variable, uint64_t fallback)
{
	const char *text = getenv(variable);
	char *end;
	unsigned long long number;

	if (!text || !*text)
		return fallback;
	number = strtoull(text, &end, 10);
	return *end ? fallback : number;
}

/* Whether FD is what hooks connect to, and where: PATH. */
static int is_hooks_socket(int fd, char path[static LISTENER_PATH_BYTES])
{
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t bytes = sizeof(address), type_bytes = sizeof(int);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_bytes) < 0 || type != SOCK_SEQPACKET ||
	    getsockname(fd, (struct sockaddr *)&address, &bytes) < 0 || address.sun_family != AF_UNIX ||
	    address.sun_path[0] != '/')
		return 0;
	memcpy(path, address.sun_path, LISTENER_PATH_BYTES - 1);
	path[LISTENER_PATH_BYTES - 1] = '\0';
	return 1;
}

int service_socket(char path[static LISTENER_PATH_BYTES], struct sql_error *error)
{
	uint64_t for_pid = number_of("LISTEN_PID", 0), count = number_of("LISTEN_FDS", 0);

	if (for_pid != (uint64_t)getpid() || !count)
		return -1;
	unsetenv("LISTEN_PID"); /* it is not the command's */
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (count != 1 || !is_hooks_socket(FIRST_PASSED_FD, path)) {
		sql_fail(error, "started with %llu sockets, where one of ListenSequentialPacket=/PATH is needed",
		         (unsigned long long)count);
		return -2;
	}
	fcntl(FIRST_PASSED_FD, F_SETFD, FD_CLOEXEC);
	fcntl(FIRST_PASSED_FD, F_SETFL, fcntl(FIRST_PASSED_FD, F_GETFL) | O_NONBLOCK);
	return FIRST_PASSED_FD;
}

void service_tell(const char *state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (!length || (path[0] != '/' && path[0] != '@') || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@') /* an abstract one */
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	close(fd);
}

void service_is_well(void)
{
	if (number_of("WATCHDOG_USEC", 0) && number_of("WATCHDOG_PID", (uint64_t)getpid()) == (uint64_t)getpid())
		service_tell("WATCHDOG=1");
}
