/* SPDX-License-Identifier: Apache-2.0
 *
 * page.c - see page.h.
 */
#include "page.h"

#include <string.h>

#include "embedded.h"

void page_policy(FILE *out, bool live)
{
	fprintf(out,
	        "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; img-src data:; "
	        "connect-src %s; base-uri 'none'; form-action 'none'",
	        page_script_hash, page_style_hash, live ? "'self'" : "'none'");
}

void page_begin(FILE *out, bool live)
{
	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"",
	      out);
	page_policy(out, live);
	fputs("\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n"
	      "<title>ttalloc report</title>\n<style>",
	      out);
	fputs((const char *)page_style, out);
	fputs("</style>\n</head>\n", out);
	fputs((const char *)page_body, out);
}

void page_block_begin(FILE *out, const char *id)
{
	fprintf(out, "<script type=\"application/json\" class=\"panel\" id=\"%s\">", id);
}

void page_json(FILE *out, const char *json, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (json[i] == '<') /* stands in strings alone */
			fputs("\\u003c", out);
		else
			fputc(json[i], out);
	}
}

void page_block_end(FILE *out)
{
	fputs("</script>\n", out);
}

void page_end(FILE *out)
{
	fputs("<script>", out);
	fputs((const char *)page_script, out);
	fputs("</script>\n</html>\n", out);
}
