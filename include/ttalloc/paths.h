/* SPDX-License-Identifier: Apache-2.0
 *
 * paths.h - where hook and recorder meet: the socket, and the directories that hold segments.
 */
#ifndef TTALLOC_PATHS_H
#define TTALLOC_PATHS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TTA_SEGMENT_ROOTS 3

/* FNV-1a. A segment's file name begins with this hash of its socket's path, so that a recorder finds its own. */
static inline uint64_t tta_socket_hash(const char *socket_path)
{
	uint64_t hash = 14695981039346656037u;

	for (const unsigned char *c = (const unsigned char *)socket_path; *c; c++)
		hash = (hash ^ *c) * 1099511628211u;
	return hash;
}

/* The socket of a recorder started without --socket: $TTALLOC_SOCKET, else $XDG_RUNTIME_DIR/ttalloc.sock, else
 * /tmp/ttalloc-UID/socket. Returns snprintf's length. */
static inline int tta_default_socket(char *path, size_t path_bytes)
{
	const char *named = secure_getenv("TTALLOC_SOCKET");
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");

	if (named && *named)
		return snprintf(path, path_bytes, "%s", named);
	if (runtime && *runtime)
		return snprintf(path, path_bytes, "%s/ttalloc.sock", runtime);
	return snprintf(path, path_bytes, "/tmp/ttalloc-%u/socket", (unsigned)getuid());
}

/* The CANDIDATE-th directory to look for segments in, or to make one in, best first: $TTALLOC_SEGMENT_DIR alone when it
 * is set, else ttalloc-UID below $XDG_RUNTIME_DIR, /dev/shm and $TMPDIR. Returns snprintf's length, 0 where there is
 * no such candidate. The directory must belong to the user, with mode 0700, or not be used. */
static inline int tta_segment_directory(int candidate, char *path, size_t path_bytes)
{
	const char *named = secure_getenv("TTALLOC_SEGMENT_DIR");
	const char *root = NULL;

	if (named && *named)
		return candidate == 0 ? snprintf(path, path_bytes, "%s", named) : 0;
	if (candidate == 0)
		root = secure_getenv("XDG_RUNTIME_DIR");
	else if (candidate == 1)
		root = "/dev/shm";
	else if (candidate == 2 && !(root = secure_getenv("TMPDIR")))
		root = "/tmp";
	if (!root || !*root)
		return 0;
	return snprintf(path, path_bytes, "%s/ttalloc-%u", root, (unsigned)getuid());
}

/* HASH-PID-RANDOM.segment */
static inline int tta_segment_name(char *name, size_t name_bytes, const char *socket_path, uint32_t pid,
                                   uint32_t random)
{
	return snprintf(name, name_bytes, "%016llx-%u-%08x.segment", (unsigned long long)tta_socket_hash(socket_path),
	                pid, random);
}

#endif
