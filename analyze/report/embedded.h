/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded.h - the front end, as embed.cmake writes it into the program, and the hashes by which a browser knows it.
 */
#ifndef ANALYZE_REPORT_EMBEDDED_H
#define ANALYZE_REPORT_EMBEDDED_H

/* UTF-8, NUL-terminated. */
extern const unsigned char page_style[], page_script[], page_body[];
extern const char page_style_hash[], page_script_hash[], page_body_hash[]; /* SHA-256 in base64 */

#endif
