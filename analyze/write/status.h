/* SPDX-License-Identifier: Apache-2.0
 *
 * status.h - what the program ends with.
 */
#ifndef ANALYZE_STATUS_H
#define ANALYZE_STATUS_H

enum status { STATUS_ANSWERED = 0, STATUS_FOUND = 1, STATUS_TROUBLE = 2, STATUS_INCOMPLETE = 3 };

#endif
