/* SPDX-License-Identifier: Apache-2.0
 *
 * service.h - what systemd and a service tell each other: the socket that it was started with, readiness, the watchdog.
 *
 * Both protocols are systemd's stable interfaces (sd_listen_fds(3), sd_notify(3)), made to be spoken without its
 * library. Where nobody speaks them, every function does nothing.
 */
#ifndef RECORDER_SERVICE_H
#define RECORDER_SERVICE_H

#include "listener.h"
#include "sql/base/error.h"

/* The one socket that this process was started with, of type SOCK_SEQPACKET, and its PATH. Returns its descriptor,
 * which is the caller's; -1: none was passed; -2 with ERROR: what was passed is no such socket. The variables that told
 * are unset. */
int service_socket(char path[static LISTENER_PATH_BYTES], struct sql_error *error);

/* Tells STATE, such as "READY=1" or "STOPPING=1", to whoever started the service. */
void service_tell(const char *state);

/* To be called every second while the service is well: tells the watchdog, if there is one. */
void service_is_well(void);

#endif
