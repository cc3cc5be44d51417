/* SPDX-License-Identifier: Apache-2.0
 *
 * listen.h - the socket that old clients connect to: a stream, at a path that is fixed in them.
 */
#ifndef RECORDER_LEGACY_LISTEN_H
#define RECORDER_LEGACY_LISTEN_H

#include "recorder/serve/listener.h"

/* Binds PATH, for the user alone (mode 0600). A socket that nobody serves any more is replaced, a live one is not. 0,
 * or -1 with ERROR. To be closed with listener_close(). */
int legacy_listen(struct listener *listener, const char *path, struct sql_error *error);

#endif
