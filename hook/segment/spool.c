/* SPDX-License-Identifier: Apache-2.0
 *
 * spool.c - see spool.h.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ttalloc/paths.h"

#define KIB 1024u
#define FIRST_PRIVATE_FD 200
#define PAGE_BYTES 4096u
#define KEPT_PART 64u

static uint64_t round_up(uint64_t bytes, uint64_t step)
{
	return (bytes + step - 1) / step * step;
}

void *tta_private_pages(uint64_t bytes)
{
	void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	madvise(pages, bytes, MADV_DONTFORK);
	return pages;
}

void tta_private_pages_free(void *pages, uint64_t bytes)
{
	munmap(pages, bytes);
}

int tta_fd_move_up(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD);

	if (moved < 0)
		return fd;
	close(fd);
	return moved;
}

bool tta_fd_is(int fd, dev_t device, ino_t inode)
{
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

/* A program may close descriptors that are not its own: then the file is opened by its name again. */
static int spool_fd(struct tta_spool *spool)
{
	if (tta_fd_is(spool->fd, spool->device, spool->inode))
		return spool->fd;
	spool->fd = open(spool->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (spool->fd < 0)
		return -1;
	spool->fd = tta_fd_move_up(spool->fd);
	if (tta_fd_is(spool->fd, spool->device, spool->inode))
		return spool->fd;
	close(spool->fd);
	spool->fd = -1;
	return -1;
}

bool tta_spool_is_unlinked(const struct tta_spool *spool)
{
	struct stat status;

	return tta_fd_is(spool->fd, spool->device, spool->inode) && fstat(spool->fd, &status) == 0 &&
	       status.st_nlink == 0;
}

static int allocate(int fd, uint64_t offset, uint64_t bytes)
{
	int error;

	do
		error = posix_fallocate(fd, (off_t)offset, (off_t)bytes);
	while (error == EINTR);
	errno = error;
	return error ? -1 : 0;
}

/* Under the lock, once there is one. */
static bool grow(struct tta_spool *spool, struct tta_area *area, uint64_t bytes, enum tta_spool_use use)
{
	uint64_t upto = round_up(bytes, area->step);
	uint64_t kept = use == TTA_SPOOL_VITAL ? 0 : spool->cap_bytes / KEPT_PART;
	uint64_t extra;
	int fd;

	if (bytes <= area->reserved)
		return true;
	if (bytes > area->capacity)
		return false;
	if (upto > area->capacity)
		upto = area->capacity;
	extra = upto - area->reserved;
	if (extra + kept > spool->cap_bytes - spool->reserved_bytes)
		return false;
	fd = spool_fd(spool);
	if (fd < 0 || allocate(fd, area->offset + area->reserved, extra))
		return false;
	spool->reserved_bytes += extra;
	__atomic_store_n(&area->reserved, upto, __ATOMIC_RELEASE);
	return true;
}

bool tta_spool_grow(struct tta_spool *spool, struct tta_area *area, uint64_t bytes, enum tta_spool_use use)
{
	struct tta_critical critical;
	bool grown;

	if (bytes <= __atomic_load_n(&area->reserved, __ATOMIC_ACQUIRE))
		return true;
	tta_lock_enter(&spool->growth_lock, &critical);
	grown = grow(spool, area, bytes, use);
	tta_lock_leave(&spool->growth_lock, &critical);
	return grown;
}

/* Opens the directory, making it if need be; -1 unless it is the user's alone. */
static int open_directory(const char *path)
{
	struct stat status;
	int fd;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && status.st_uid == geteuid() && (status.st_mode & 077) == 0)
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

/* Areas may sum up to more than the cap: each has room to grow, and the cap decides. The outbox leaves a quarter of it
 * to rings and table, so that a long wait for a recorder does not shut out new threads. */
static void lay_out(struct tta_spool *spool, uint64_t cap_bytes)
{
	spool->cap_bytes = cap_bytes;
	spool->directory = (struct tta_area){
	    .offset = TTA_HEADER_BYTES, .capacity = TTA_MAX_RINGS * sizeof(struct tta_ring), .step = PAGE_BYTES};
	spool->table = (struct tta_area){
	    .offset = spool->directory.offset + spool->directory.capacity, .capacity = cap_bytes / 4, .step = 16 * KIB};
	spool->outbox = (struct tta_area){
	    .offset = spool->table.offset + spool->table.capacity, .capacity = cap_bytes / 4 * 3, .step = 128 * KIB};
	spool->ring_space = (struct tta_area){
	    .offset = spool->outbox.offset + spool->outbox.capacity, .capacity = cap_bytes / 2, .step = PAGE_BYTES};
	spool->mapped_bytes = spool->ring_space.offset + spool->ring_space.capacity;
}

/* A program that put itself into a sandbox before its first event (xz does) may not be allowed to set a file's length;
 * writing its last byte has the same effect, and is covered by the right to write. */
static int set_length(int fd, uint64_t bytes)
{
	if (ftruncate(fd, (off_t)bytes) == 0)
		return 0;
	return errno == EACCES && pwrite(fd, "", 1, (off_t)bytes - 1) == 1 ? 0 : -1;
}

/* Sizes the file, reserves what every process needs, and maps it. */
static int fill_file(struct tta_spool *spool, const struct tta_spool_wish *wish)
{
	if (set_length(spool->fd, spool->mapped_bytes) || allocate(spool->fd, 0, TTA_HEADER_BYTES) ||
	    allocate(spool->fd, spool->ring_space.offset, wish->first_ring_bytes))
		return -1;
	if (!grow(spool, &spool->directory, 1, TTA_SPOOL_VITAL) || !grow(spool, &spool->table, 1, TTA_SPOOL_VITAL) ||
	    !grow(spool, &spool->outbox, 1, TTA_SPOOL_VITAL))
		return -1;
	spool->base = mmap(NULL, spool->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, spool->fd, 0);
	if (spool->base == MAP_FAILED)
		return -1;
	madvise(spool->base, spool->mapped_bytes, MADV_DONTFORK);
	madvise(spool->base, spool->mapped_bytes, MADV_DONTDUMP);
	spool->header = (struct tta_segment_header *)(void *)spool->base;
	spool->rings = (struct tta_ring *)(void *)(spool->base + spool->directory.offset);
	*spool->header = *wish->header;
	spool->header->ring_directory_offset = spool->directory.offset;
	spool->header->table_offset = spool->table.offset;
	spool->header->table_capacity = spool->table.capacity;
	spool->header->table_bytes = 8; /* so that entry 0 names nothing */
	spool->header->outbox_offset = spool->outbox.offset;
	spool->header->outbox_capacity = spool->outbox.capacity;
	return 0;
}

/* Makes the file under a temporary name, which no recorder looks at, and gives it its own when it is complete. */
static int create_in(struct tta_spool *spool, int directory, const char *name, const struct tta_spool_wish *wish)
{
	char temporary[128];
	struct stat status;

	snprintf(temporary, sizeof(temporary), ".%s.new", name);
	spool->fd = openat(directory, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (spool->fd < 0)
		return -1;
	spool->fd = tta_fd_move_up(spool->fd);
	if (fstat(spool->fd, &status) == 0) {
		spool->device = status.st_dev;
		spool->inode = status.st_ino;
		if (fill_file(spool, wish) == 0) {
			if (renameat(directory, temporary, directory, name) == 0)
				return 0;
			munmap(spool->base, spool->mapped_bytes);
		}
	}
	int saved_errno = errno;
	unlinkat(directory, temporary, 0);
	close(spool->fd);
	errno = saved_errno;
	return -1;
}

/* `ulimit -f` bounds what can be mapped of a file, too. */
static uint64_t fit_file_limit(uint64_t cap_bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur / 2 >= cap_bytes)
		return cap_bytes;
	return limit.rlim_cur < TTA_SMALLEST_FILE_BYTES ? 0 : limit.rlim_cur / 2 / PAGE_BYTES * PAGE_BYTES;
}

int tta_spool_create(struct tta_spool *spool, const struct tta_spool_wish *wish)
{
	uint64_t cap_bytes = fit_file_limit(wish->cap_bytes);
	char name[96];

	if (cap_bytes == 0) { /* to exceed the limit would be a signal */
		errno = EFBIG;
		return -1;
	}
	tta_segment_name(name, sizeof(name), wish->header->socket_path, wish->header->pid,
	                 *(const uint32_t *)(const void *)wish->header->id);
	for (int candidate = 0; candidate < TTA_SEGMENT_ROOTS; candidate++) {
		char path[TTA_PATH_BYTES];
		int length = tta_segment_directory(candidate, path, sizeof(path));
		int directory, made;

		if (length <= 0)
			continue;
		errno = path[0] == '/' ? ENAMETOOLONG : EINVAL;
		if (path[0] != '/' || (size_t)length + sizeof(name) + 1 > sizeof(path))
			continue;
		*spool = (struct tta_spool){.fd = -1};
		memcpy(spool->path, path, (size_t)length + 1);
		directory = open_directory(path);
		if (directory < 0)
			continue;
		lay_out(spool, cap_bytes);
		made = create_in(spool, directory, name, wish);
		close(directory);
		if (made == 0) {
			snprintf(spool->path + length, sizeof(spool->path) - (size_t)length, "/%s", name);
			return 0;
		}
	}
	return -1;
}
