/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - one run of the recorder, from the options to the exit status.
 */
#ifndef RECORDER_SESSION_H
#define RECORDER_SESSION_H

#include "options.h"

/* Records with OPTIONS (MODE_WRAP or MODE_DAEMON). Returns what to exit with. */
int session_run(const struct recorder_options *options);

#endif
