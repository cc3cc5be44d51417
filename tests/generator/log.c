/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c - see log.h.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct gen_log {
	struct gen_log_header *header;
	struct gen_record *records;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *map_file(const char *path, size_t bytes)
{
	void *map = MAP_FAILED;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return NULL;
	if (ftruncate(fd, (off_t)bytes) == 0)
		map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

struct gen_log *gen_log_create(const char *directory, uint32_t process, uint32_t thread, uint64_t seed,
                               uint64_t capacity)
{
	struct gen_log *log = calloc(1, sizeof(*log));
	char path[4096];

	if (!log)
		return NULL;
	snprintf(path, sizeof(path), "%s/p%u-t%u.log", directory, process, thread);
	log->header = map_file(path, sizeof(*log->header) + capacity * sizeof(*log->records));
	if (!log->header) {
		free(log);
		return NULL;
	}
	log->records = (struct gen_record *)(log->header + 1);
	*log->header = (struct gen_log_header){
	    .pid = (uint32_t)getpid(),
	    .tid = (uint32_t)syscall(SYS_gettid),
	    .process = process,
	    .thread = thread,
	    .capacity = capacity,
	    .seed = seed,
	};
	__atomic_store_n(&log->header->magic, GEN_LOG_MAGIC,
	                 __ATOMIC_RELEASE); /* a kill leaves all of it, or no magic */
	return log;
}

void gen_log_before(struct gen_log *log, const struct gen_record *record)
{
	struct gen_record *place = &log->records[log->header->count];

	*place = *record;
	place->after_ns = 0;
	__atomic_store_n(&log->header->count, log->header->count + 1, __ATOMIC_RELEASE);
	place->before_ns = now_ns();
}

void gen_log_after(struct gen_log *log)
{
	__atomic_store_n(&log->records[log->header->count - 1].after_ns, now_ns(), __ATOMIC_RELEASE);
}

uint64_t gen_log_room(const struct gen_log *log)
{
	return log->header->capacity - log->header->count;
}
