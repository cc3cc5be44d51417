/* SPDX-License-Identifier: Apache-2.0
 *
 * cut.h - which rows are about a time, from ?1 to ?2.
 */
#ifndef SQL_SHARE_CUT_H
#define SQL_SHARE_CUT_H

/* The condition on rows of TABLE; NULL: all of them stay. */
const char *cut_condition(const char *table);

#endif
