/* SPDX-License-Identifier: Apache-2.0
 *
 * chip_counters.c - see chip_counters.h.
 */
#include "chip_counters.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"

#define DIRECTORY "/dev/shm"
#define PREFIX "tt_device_"
#define SUFFIX "_memory"
#define VERSION_OLDEST 3
#define VERSION_NEWEST 4

/* Where what is in a file. */
#define AT_VERSION 0
#define AT_DEVICE 40
#define AT_PROCESSES 856
#define PROCESS_BYTES 120
#define OF_COUNTERS 8
#define OF_TIME 48
#define OF_NAME 56
#define NAME_BYTES 64

static uint32_t number_at(const uint8_t *bytes, size_t at)
{
	uint32_t number;

	memcpy(&number, bytes + at, sizeof(number));
	return number;
}

static void parse_process(struct chip_process *process, const uint8_t *slot)
{
	uint64_t at_ns;

	process->pid = (int32_t)number_at(slot, 0);
	memcpy(process->bytes, slot + OF_COUNTERS, sizeof(process->bytes));
	memcpy(&at_ns, slot + OF_TIME, sizeof(at_ns));
	process->at_ns = at_ns > INT64_MAX ? INT64_MAX : (int64_t)at_ns;
	memcpy(process->name, slot + OF_NAME, NAME_BYTES);
	process->name[NAME_BYTES] = '\0';
}

bool chip_counters_parse(struct chip_counters *counters, const void *bytes, size_t size)
{
	*counters = (struct chip_counters){.count = 0};
	if (size < CHIP_COUNTERS_BYTES || number_at(bytes, AT_VERSION) < VERSION_OLDEST ||
	    number_at(bytes, AT_VERSION) > VERSION_NEWEST)
		return false;
	counters->device = number_at(bytes, AT_DEVICE);
	for (size_t i = 0; i < CHIP_COUNTERS_PROCESSES; i++) {
		struct chip_process *process = &counters->processes[counters->count];

		parse_process(process, (const uint8_t *)bytes + AT_PROCESSES + i * PROCESS_BYTES);
		counters->count += process->pid > 0;
	}
	counters->is_full = counters->count == CHIP_COUNTERS_PROCESSES;
	return true;
}

/* ---- who lives ---- */

/* When the process began, in nanoseconds since 1970; -1: there is none. */
static int64_t began_ns(int64_t pid)
{
	char path[64], text[1024], *after;
	unsigned long long ticks;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	after = strrchr(text, ')'); /* the command before it may hold anything */
	if (!after ||
	    sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
	           &ticks) != 1)
		return -1;
	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) +
	       (int64_t)(ticks * (1000000000ull / (unsigned long long)sysconf(_SC_CLK_TCK)));
}

bool chip_process_lives(const struct chip_process *process)
{
	int64_t began = began_ns(process->pid);

	return began >= 0 && began <= process->at_ns;
}

static void drop_dead(struct chip_counters *counters)
{
	size_t kept = 0;

	for (size_t i = 0; i < counters->count; i++)
		if (chip_process_lives(&counters->processes[i]))
			counters->processes[kept++] = counters->processes[i];
	counters->count = kept;
}

/* ---- files ---- */

/* The chip that a file of that NAME is about; "": none. */
static void chip_of(const char *name, char chip[static sizeof(((struct chip_counters *)0)->chip)])
{
	size_t prefix = strlen(PREFIX), digits = 0;

	chip[0] = '\0';
	if (strncmp(name, PREFIX, prefix) == 0)
		digits = strspn(name + prefix, "0123456789");
	if (digits && digits < sizeof(((struct chip_counters *)0)->chip) && strcmp(name + prefix + digits, SUFFIX) == 0)
		snprintf(chip, digits + 1, "%s", name + prefix);
}

static bool read_file(int directory, const char *name, struct chip_counters *counters)
{
	uint8_t bytes[CHIP_COUNTERS_BYTES];
	struct stat status;
	ssize_t got = -1;
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		got = read(fd, bytes, sizeof(bytes));
	close(fd);
	return got > 0 && chip_counters_parse(counters, bytes, (size_t)got);
}

static int by_version(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

void chip_counters_each(void (*each)(void *context, const struct chip_counters *counters), void *context)
{
	const char *named = getenv("TTALLOC_CHIP_COUNTERS"), *path = named && *named ? named : DIRECTORY;
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, by_version);
	int directory = count < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < count; i++) {
		char chip[sizeof(((struct chip_counters *)0)->chip)];
		struct chip_counters counters;

		chip_of(entries[i]->d_name, chip);
		if (*chip && directory >= 0) {
			if (!read_file(directory, entries[i]->d_name, &counters))
				counters = (struct chip_counters){.is_unread = true};
			strcpy(counters.chip, chip);
			drop_dead(&counters);
			each(context, &counters);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	if (directory >= 0)
		close(directory);
}
