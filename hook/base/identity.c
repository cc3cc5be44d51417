/* SPDX-License-Identifier: Apache-2.0
 *
 * identity.c - see identity.h.
 */
#include "identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "futex.h"

/* Of a stat file. */
#define STATE_FIELD 3
#define THREADS_FIELD 20
#define START_TIME_FIELD 22
#define STAT_BYTES 1024

/* Reads the file at PATH into TEXT, and ends it with NUL. Returns how many bytes there are, 0 on errors. */
static size_t read_text(const char *path, char *text, size_t text_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = 0;

	while (fd >= 0 && used < text_bytes - 1 && (got = read(fd, text + used, text_bytes - 1 - used)) > 0)
		used += (size_t)got;
	if (fd >= 0)
		close(fd);
	text[used] = 0;
	return used;
}

/* A field of the TEXT of a stat file; NULL: there is none. The second field, a name in parentheses, may hold anything.
 */
static const char *stat_field(const char *text, int wanted)
{
	const char *at = strrchr(text, ')');

	for (int field = 2; at && field < wanted; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at;
}

static uint64_t stat_number(const char *text, int field)
{
	const char *at = stat_field(text, field);

	return at ? strtoull(at, NULL, 10) : 0;
}

static uint64_t read_start_time(void)
{
	char text[STAT_BYTES];

	read_text("/proc/self/stat", text, sizeof(text));
	return stat_number(text, START_TIME_FIELD);
}

static void read_command(char *command, size_t bytes)
{
	size_t used = read_text("/proc/self/cmdline", command, bytes);

	while (used > 0 && command[used - 1] == 0)
		used--;
	for (size_t i = 0; i < used; i++)
		if (command[i] == 0)
			command[i] = ' ';
}

/* What /proc says is the namespace of a process's children, which may be another one until it forks or execs. */
static bool is_time_namespace_ours(void)
{
	char ours[64], childrens[64];
	ssize_t bytes = readlink("/proc/self/ns/time", ours, sizeof(ours));

	return bytes > 0 && readlink("/proc/self/ns/time_for_children", childrens, sizeof(childrens)) == bytes &&
	       memcmp(ours, childrens, (size_t)bytes) == 0;
}

static void read_time_offset(struct tta_segment_header *header)
{
	char text[256];
	long long seconds;
	long ns;

	read_text("/proc/self/timens_offsets", text, sizeof(text));
	if (sscanf(text, "monotonic %lld %ld", &seconds, &ns) != 2 || !is_time_namespace_ours())
		return;
	header->time_offset_ns = (int64_t)seconds * (int64_t)TTA_NS_PER_S + ns;
	header->knows_time_offset = 1;
}

/* As good as can be had without waiting. */
static void fill_random(uint8_t *bytes, size_t count)
{
	uint64_t mixed = tta_now_ns() ^ (uint64_t)getpid() << 40;

	if (getrandom(bytes, count, GRND_NONBLOCK) == (ssize_t)count)
		return;
	for (size_t i = 0; i < count; i++) {
		mixed = mixed * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (uint8_t)(mixed >> 56);
	}
}

/* A main thread that has ended stays, as a zombie, until the last one ends. */
bool tta_identity_is_last_thread(void)
{
	char path[64], text[STAT_BYTES];
	const char *state;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
	read_text(path, text, sizeof(text));
	state = stat_field(text, STATE_FIELD);
	return state && *state == 'Z' && stat_number(text, THREADS_FIELD) == 2;
}

static uint64_t pid_namespace(void)
{
	struct stat status;

	return stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

void tta_identity_describe(struct tta_segment_header *header)
{
	ssize_t length;

	header->pid = (uint32_t)getpid();
	header->parent_pid = (uint32_t)getppid();
	header->pid_namespace = pid_namespace();
	header->uid = geteuid();
	header->start_time = read_start_time();
	read_time_offset(header);
	read_text("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof(header->boot_id));
	header->boot_id[strcspn(header->boot_id, "\n")] = 0;
	length = readlink("/proc/self/exe", header->executable, sizeof(header->executable) - 1);
	header->executable[length > 0 ? length : 0] = 0;
	read_command(header->command, sizeof(header->command));
	fill_random(header->id, sizeof(header->id));
}
