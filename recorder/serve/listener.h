/* SPDX-License-Identifier: Apache-2.0
 *
 * listener.h - the socket that hooks connect to.
 */
#ifndef RECORDER_LISTENER_H
#define RECORDER_LISTENER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "sql/base/error.h"
#include "sql/base/say.h"
#include "users.h"

#define LISTENER_PATH_BYTES 108 /* of struct sockaddr_un */

struct listener {
	int fd;
	bool is_starting; /* bound, and not listening yet */
	bool is_shared;   /* other users may connect */
	int directory_fd; /* while starting: has the lock that keeps other recorders from it */
	char path[LISTENER_PATH_BYTES];
	dev_t device; /* of the socket's file: what listener_close() may remove */
	ino_t inode;
};

/* What sets the sockets for hooks and for old clients apart. */
struct listener_kind {
	int type;           /* SOCK_SEQPACKET, SOCK_STREAM */
	const char *server; /* who else may serve it, as messages say */
	const char *remedy; /* what to do about it */
};

/* Fills in a LISTENER that has no socket yet. 0, or -1 with ERROR when PATH is too long. */
int listener_name(struct listener *listener, const char *path, struct sql_error *error);

/* Binds it, with mode 0600, or 0666 where it is shared; a socket that nobody serves any more is replaced, a live one is
 * not. The caller has locked the directory, and closes LISTENER in any case. 0, or -1 with ERROR. */
int listener_bind(struct listener *listener, const struct listener_kind *kind, struct sql_error *error);

void listener_directory(const char *path, char directory[static LISTENER_PATH_BYTES]);

/* Binds PATH, which is ours from then on; SHARED: for other users, too. Its directory is made if need be (mode 0700, or
 * 0755), and has to belong to the user or be one where nobody can take away another's files. A socket that nobody
 * serves any more is replaced, a live one is not. 0, or -1 with ERROR. */
int listener_open(struct listener *listener, const char *path, bool shared, struct sql_error *error);

/* Takes FD for the socket at PATH, which somebody else has bound and removes. 0, or -1 with ERROR. */
int listener_adopt(struct listener *listener, int fd, const char *path, struct sql_error *error);

/* Begins to listen: whoever connects may rely on all that the recorder has, its file say. 0, or -1 with ERROR. */
int listener_begin(struct listener *listener, struct sql_error *error);

/* Whose the connection FD is. 0, or -1 with ERROR when it is of none of USERS. */
int listener_check_user(int fd, const struct users *users, struct ucred *credentials, struct sql_error *error);

/* Stops listening and removes the socket. */
void listener_close(struct listener *listener);

/* Makes a directory of mode 0700 for a private socket and fills PATH with the socket's name in it. 0, or -1 with
 * ERROR. */
int listener_private_path(char path[static 108], struct sql_error *error);

/* Whether PATH was made by listener_private_path(), in this run or an earlier one. */
int listener_is_private(const char *path);

/* Removes the directory that listener_private_path() made. */
void listener_remove_private(const char *path);

#endif
