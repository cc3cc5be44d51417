/* SPDX-License-Identifier: Apache-2.0
 *
 * uplink.c - see uplink.h. The program may close descriptors that are not its own and reuse their numbers, so each use
 * makes sure first that the descriptor is still the socket.
 */
#include "uplink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ttalloc/wire.h"

#include "context.h"
#include "hook/base/fault.h"

#define RETRY_NS (200ull * TTA_NS_PER_MS)
#define REFUSED_RETRY_NS (5ull * TTA_NS_PER_S)

static void hang_up(struct tta_uplink *uplink, uint64_t retry_ns)
{
	if (uplink->state != TTA_UPLINK_DOWN && tta_fd_is(uplink->fd, uplink->device, uplink->inode))
		close(uplink->fd);
	*uplink = (struct tta_uplink){.fd = -1, .retry_at_ns = tta_now_ns() + retry_ns, .is_urgent = uplink->is_urgent};
}

/* The same, by a recorder that is not there or does not want us: one that ended for good has removed the segment. */
static void turn_away(struct tta_uplink *uplink, uint64_t retry_ns)
{
	hang_up(uplink, retry_ns);
	uplink->is_over = tta_spool_is_unlinked(&tta_context.spool);
}

void tta_uplink_forget(struct tta_uplink *uplink)
{
	hang_up(uplink, 0);
}

/* A message of TYPE, ready to be filled in. */
static struct tta_message message_of(enum tta_message_type type)
{
	return (struct tta_message){.magic = TTA_WIRE_MAGIC, .version = TTA_WIRE_VERSION, .type = (uint16_t)type};
}

/* False when it could not be sent now. */
static bool send_message(struct tta_uplink *uplink, const struct tta_message *message)
{
	ssize_t sent;

	if (!tta_fd_is(uplink->fd, uplink->device, uplink->inode)) {
		hang_up(uplink, 0);
		return false;
	}
	sent = send(uplink->fd, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == (ssize_t)sizeof(*message))
		return true;
	if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		hang_up(uplink, RETRY_NS);
	return false;
}

/* Whoever listens may let us forget events, so it must be the user, or root. */
static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	fd = tta_fd_move_up(fd);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && is_trusted(fd))
		return fd;
	close(fd);
	return -1;
}

static void greet(struct tta_uplink *uplink)
{
	const struct tta_spool *spool = &tta_context.spool;
	struct tta_message hello = message_of(TTA_HELLO);
	struct stat status;
	int fd = open_socket(spool->header->socket_path);

	if (fd < 0 || fstat(fd, &status)) {
		turn_away(uplink, RETRY_NS);
		return;
	}
	*uplink = (struct tta_uplink){.state = TTA_UPLINK_GREETING,
	                              .fd = fd,
	                              .device = status.st_dev,
	                              .inode = status.st_ino,
	                              .is_urgent = uplink->is_urgent};
	memcpy(hello.hello.segment_id, tta_context.id, TTA_ID_BYTES);
	hello.hello.pid = tta_context.pid;
	memcpy(hello.hello.segment_path, spool->path, sizeof(spool->path));
	if (!send_message(uplink, &hello) && uplink->state != TTA_UPLINK_DOWN)
		hang_up(uplink, RETRY_NS);
}

static uint64_t take_message(struct tta_uplink *uplink, const struct tta_message *message)
{
	switch (message->type) {
	case TTA_WELCOME:
		uplink->state = TTA_UPLINK_UP;
		return message->welcome.committed_number;
	case TTA_COMMITTED:
		return uplink->state == TTA_UPLINK_UP ? message->committed.committed_number : 0;
	default:
		turn_away(uplink, REFUSED_RETRY_NS);
		return 0;
	}
}

/* Reads all that there is. */
static uint64_t listen_to(struct tta_uplink *uplink)
{
	uint64_t committed = 0;

	while (uplink->state != TTA_UPLINK_DOWN) {
		struct tta_message message;
		uint64_t number;
		ssize_t got;

		if (!tta_fd_is(uplink->fd, uplink->device, uplink->inode)) {
			hang_up(uplink, 0);
			break;
		}
		got = recv(uplink->fd, &message, sizeof(message), MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (got != (ssize_t)sizeof(message) || message.magic != TTA_WIRE_MAGIC ||
		    message.version != TTA_WIRE_VERSION) {
			hang_up(uplink, RETRY_NS);
			break;
		}
		number = take_message(uplink, &message);
		committed = number > committed ? number : committed;
	}
	return committed;
}

static void announce(struct tta_uplink *uplink)
{
	const struct tta_segment_header *header = tta_context.spool.header;
	struct tta_message sealed = message_of(TTA_SEALED);

	sealed.sealed.outbox_sealed = __atomic_load_n(&header->outbox_sealed, __ATOMIC_ACQUIRE);
	sealed.sealed.sealed_number = __atomic_load_n(&header->sealed_number, __ATOMIC_RELAXED);
	sealed.sealed.urgent = uplink->is_urgent;
	if (!send_message(uplink, &sealed))
		return;
	uplink->is_urgent = false;
	uplink->announced = sealed.sealed.outbox_sealed;
	if (tta_fault("no-resend"))
		tta_seal_release(sealed.sealed.sealed_number);
}

static uint64_t outbox_sealed(void)
{
	return __atomic_load_n(&tta_context.spool.header->outbox_sealed, __ATOMIC_ACQUIRE);
}

uint64_t tta_uplink_step(struct tta_uplink *uplink, bool urgent)
{
	uint64_t committed;

	uplink->is_urgent |= urgent;
	if (uplink->state == TTA_UPLINK_DOWN && tta_now_ns() >= uplink->retry_at_ns)
		greet(uplink);
	committed = listen_to(uplink);
	if (uplink->state == TTA_UPLINK_UP && (uplink->is_urgent || uplink->announced != outbox_sealed()))
		announce(uplink);
	return committed;
}
