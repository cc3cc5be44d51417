/* SPDX-License-Identifier: Apache-2.0
 *
 * context.c - starts and restarts the one context.
 */
#include "context.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ttalloc/paths.h"

#include "api.h"
#include "hook/base/identity.h"
#include "producer.h"
#include "hook/base/stderr.h"

#define START_RETRY_NS (1ull * TTA_NS_PER_S)
#define MIB (1ull << 20)

struct tta_context tta_context;

/* The one line that a program may ever get to see. */
static void say(const char *what, const char *path, int error)
{
	char line[TTA_PATH_BYTES + 128];
	int length;

	if (tta_context.said)
		return;
	tta_context.said = true;
	length = snprintf(line, sizeof(line), "ttalloc: %s %s%s%s\n", what, path, error ? ": " : "",
	                  error ? strerrordesc_np(error) : "");
	if (length > 0)
		tta_stderr_write(line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

/* No segment could be made: names every directory that was tried. ERROR is the last one's. */
static void say_failed(int error)
{
	char tried[TTA_PATH_BYTES];
	int used = 0;

	tried[0] = '\0';
	for (int candidate = 0; candidate < TTA_SEGMENT_ROOTS; candidate++) {
		char directory[TTA_PATH_BYTES];

		if (tta_segment_directory(candidate, directory, sizeof(directory)) > 0 && used < (int)sizeof(tried))
			used +=
			    snprintf(tried + used, sizeof(tried) - (size_t)used, "%s%s", used ? ", " : "", directory);
	}
	say("not recording: no segment can be made in", tried, error);
}

/* This process starts: nothing of a parent's is its own, nor of one that another thread had begun to start when it
 * forked. The parent's mappings are not there any more. */
static void begin_anew(struct tta_segment_header *header)
{
	if (tta_context.epoch && tta_context.state == TTA_CONTEXT_READY) {
		memcpy(header->parent_id, tta_context.id, sizeof(header->parent_id));
		header->fork_ticks =
		    tta_context.fork_ticks ? tta_context.fork_ticks : tta_clock_read(tta_context.clock);
		header->parent_pid = tta_context.pid;
		tta_uplink_forget(&tta_context.flusher.uplink);
		if (tta_fd_is(tta_context.spool.fd, tta_context.spool.device, tta_context.spool.inode))
			close(tta_context.spool.fd);
	}
	tta_context.fork_ticks = 0;
	/* Not the lock, which comes first: it is ours. */
	memset((char *)&tta_context + TTA_CONTEXT_KEPT_BYTES, 0, sizeof(tta_context) - TTA_CONTEXT_KEPT_BYTES);
}

static uint64_t ring_events_option(void)
{
	uint64_t capacity = 64;

	while (capacity < tta_context.options.ring_events)
		capacity *= 2;
	return capacity;
}

static int make_segment(struct tta_segment_header *header)
{
	struct tta_spool_wish wish = {.header = header, .cap_bytes = tta_context.options.spool_mib * MIB};
	int made;

	tta_context.options.ring_events = (uint32_t)ring_events_option();
	wish.first_ring_bytes = tta_context.options.ring_events * sizeof(struct tta_event);
	if (wish.first_ring_bytes > wish.cap_bytes / 16)
		wish.first_ring_bytes = wish.cap_bytes / 16;
	made = tta_spool_create(&tta_context.spool, &wish);
	if (made == 0)
		return 0;
	wish.first_ring_bytes = 4096; /* a small ring in a nearly full place is better than none */
	return tta_spool_create(&tta_context.spool, &wish);
}

/* Under the lock. 0, or an errno. */
static int start_segment(struct tta_segment_header *header)
{
	header->clock = tta_context.clock;
	tta_clock_anchor(tta_context.clock, header);
	snprintf(header->producer, sizeof(header->producer), "%s",
	         tta_context.producer[0] ? tta_context.producer : "api");
	tta_default_socket(header->socket_path, sizeof(header->socket_path));
	header->no_ring_lost = __atomic_load_n(&tta_context.lost_before, __ATOMIC_RELAXED);
	if (!tta_context.marked)
		tta_context.marked = tta_private_pages(TTA_MAX_RINGS * sizeof(tta_context.marked[0]));
	if (!tta_context.marked || make_segment(header)) {
		tta_context.retry_at_ns = tta_now_ns() + START_RETRY_NS;
		return errno;
	}
	tta_context.table.spool = &tta_context.spool;
	memcpy(tta_context.id, header->id, sizeof(header->id));
	tta_context.pid = header->pid;
	/* Before anything else, however short the process may live: a recorder that cannot find the segment, because it
	 * sees other directories, knows what it misses. From here on the flusher has the connection for itself. */
	tta_uplink_step(&tta_context.flusher.uplink, false);
	return 0;
}

/* Under the lock: this process's first event, or one some time after a failed start. Returns the new state. */
static uint32_t start(uint32_t epoch)
{
	static struct tta_segment_header header; /* three KiB, which a signal handler's stack may not have */
	int error;

	header = (struct tta_segment_header){.magic = TTA_SEGMENT_MAGIC, .version = TTA_SEGMENT_VERSION};
	tta_identity_describe(&header);
	if (tta_context.epoch != epoch && (tta_context.epoch || tta_context.marked))
		begin_anew(&header);
	__atomic_store_n(&tta_context.delegate, tta_rendezvous(&tta_own_delegate), __ATOMIC_RELEASE);
	if (tta_context.delegate)
		return TTA_CONTEXT_DELEGATED;
	error = start_segment(&header);
	if (error && tta_context.options.verbose >= 1)
		say_failed(error);
	else if (tta_context.options.verbose >= 2)
		say("recording into", tta_context.spool.path, 0);
	return error ? TTA_CONTEXT_FAILED : TTA_CONTEXT_READY;
}

static bool may_start(uint32_t epoch)
{
	uint32_t state = __atomic_load_n(&tta_context.state, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&tta_context.epoch, __ATOMIC_ACQUIRE) != epoch || state == TTA_CONTEXT_NEW)
		return true;
	return state == TTA_CONTEXT_FAILED &&
	       tta_now_ns() >= __atomic_load_n(&tta_context.retry_at_ns, __ATOMIC_RELAXED);
}

static bool is_ready(uint32_t epoch)
{
	return epoch && __atomic_load_n(&tta_context.epoch, __ATOMIC_ACQUIRE) == epoch &&
	       __atomic_load_n(&tta_context.state, __ATOMIC_ACQUIRE) == TTA_CONTEXT_READY;
}

bool tta_context_ready(void)
{
	struct tta_critical critical;
	/* Pairs with the release in ttalloc_gate_decide(): who decided has read the options, too. */
	uint32_t gate = __atomic_load_n(&ttalloc_gate.state, __ATOMIC_ACQUIRE);
	uint32_t epoch = gate == TTALLOC_GATE_ON ? tta_epoch() : 0;
	bool started = false;

	if (is_ready(epoch))
		return true;
	if (!epoch || !may_start(epoch))
		return false;
	tta_lock_enter(&tta_context.lock, &critical);
	if (may_start(epoch)) {
		uint32_t state = start(epoch);

		started = state == TTA_CONTEXT_READY;
		__atomic_store_n(&tta_context.state, state, __ATOMIC_RELEASE);
		__atomic_store_n(&tta_context.epoch, epoch, __ATOMIC_RELEASE);
	}
	tta_lock_leave(&tta_context.lock, &critical);
	if (started)
		tta_flusher_start();
	return is_ready(epoch);
}

void tta_context_count_no_ring(void)
{
	bool ready = is_ready(tta_epoch());

	__atomic_add_fetch(ready ? &tta_context.spool.header->no_ring_lost : &tta_context.lost_before, 1,
	                   __ATOMIC_RELAXED);
}

/* Sets the name, if need be. Whether there was another one. */
static bool keep_name(const char *name, bool replace)
{
	struct tta_critical critical;
	bool another;

	tta_lock_enter(&tta_context.decide_lock, &critical);
	another = tta_context.producer[0] && strcmp(tta_context.producer, name) != 0;
	if (replace || !another)
		snprintf(tta_context.producer, sizeof(tta_context.producer), "%s", name);
	tta_lock_leave(&tta_context.decide_lock, &critical);
	return another;
}

/* Who comes after others have reported is named by a mark. The last name is that of segments that are yet to be made,
 * those of forked children. */
__attribute__((visibility("default"))) void ttalloc_name_producer(const char *name)
{
	bool another = keep_name(name, false);

	if (!another && !is_ready(tta_epoch()) && !tta_delegate())
		return;
	tta_emit_producer(name);
	keep_name(name, true);
}
