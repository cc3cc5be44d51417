/* SPDX-License-Identifier: Apache-2.0
 *
 * svg.c - folded stacks as a picture: an icicle whose outermost functions are on top, and as wide as their bytes. It
 * runs nothing; what a name and its bytes are, a browser shows where the pointer rests.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "writer.h"

#define WIDTH 1200.0
#define ROW 18
#define DEPTH_MAX 2048 /* more than stacks have; what is above is one frame */
#define LEAST_WIDTH 0.3
#define LETTER_WIDTH 6.4

struct frame {
	char *name;
	int64_t bytes;
	struct frame *children, *next; /* next: of the same parent */
};

struct svg {
	struct writer writer;
	FILE *out;
	struct frame root;
	size_t deepest;
	double every; /* bytes of all */
};

static void svg_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	(void)writer, (void)answer, (void)columns, (void)count;
}

/* Rows come by stack, so that of a frame's children the last is the one that goes on. */
static struct frame *enter(struct frame *parent, const char *name, size_t bytes)
{
	struct frame *last = parent->children;

	if (last && strlen(last->name) == bytes && memcmp(last->name, name, bytes) == 0)
		return last;
	struct frame *made = memory_get(1, sizeof *made);
	made->name = memory_get(bytes + 1, 1);
	memcpy(made->name, name, bytes);
	made->next = last;
	parent->children = made;
	return made;
}

static void svg_row(struct writer *writer, const struct query_cell *cells)
{
	struct svg *svg = (struct svg *)writer;
	struct frame *at = &svg->root;
	size_t depth = 0;

	if (cells[0].type != CELL_TEXT || cells[1].type != CELL_INTEGER || cells[1].integer <= 0)
		return;
	svg->root.bytes += cells[1].integer;
	const char *name = cells[0].text;

	for (; name && depth < DEPTH_MAX; depth++) {
		size_t bytes = strcspn(name, ";");
		at = enter(at, name, bytes);
		at->bytes += cells[1].integer;
		name = name[bytes] == ';' ? name + bytes + 1 : NULL;
	}
	if (name) {
		at = enter(at, "...", 3);
		at->bytes += cells[1].integer;
		depth++;
	}
	if (depth > svg->deepest)
		svg->deepest = depth;
}

/* As XML has it; what XML cannot say is a question mark. */
static void put_text(FILE *out, const char *text, size_t most)
{
	size_t bytes = strlen(text), length;
	int32_t code;

	for (size_t at = 0, shown = 0; at < bytes; at += length, shown++) {
		length = text_decode(text + at, bytes - at, &code);
		if (shown + 1 == most && at + length < bytes) {
			fputs("\u2026", out);
			return;
		}
		if (code == TEXT_INVALID || text_is_unsafe(code) || code == 0xfffe || code == 0xffff)
			fputc('?', out);
		else if (code == '<' || code == '>' || code == '&' || code == '"')
			fprintf(out, "&#%d;", (int)code);
		else
			fwrite(text + at, 1, length, out);
	}
}

/* The same colour for the same name, warm and light enough for black letters. */
static void put_colour(FILE *out, const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	fprintf(out, "rgb(%u,%u,%u)", 205 + hash % 50, 110 + hash / 64 % 110, 60 + hash / 8192 % 60);
}

static void put_frame(const struct svg *svg, const struct frame *frame, double x, size_t depth)
{
	double width = WIDTH * (double)frame->bytes / svg->every;
	size_t room = (size_t)((width - 6) / LETTER_WIDTH);
	char bytes[UNITS_TEXT_MAX];

	if (width < LEAST_WIDTH)
		return;
	units_bytes(bytes, frame->bytes);
	fprintf(svg->out, "<g><title>");
	put_text(svg->out, frame->name, SIZE_MAX);
	fprintf(svg->out,
	        ": %s (%" PRId64 " B), %.1f %%</title><rect x=\"%.2f\" y=\"%zu\" width=\"%.2f\" height=\"%d\" fill=\"",
	        bytes, frame->bytes, 100 * (double)frame->bytes / svg->every, x, depth * ROW, width, ROW - 1);
	put_colour(svg->out, frame->name);
	fputs("\"/>", svg->out);
	if (width > 3 * LETTER_WIDTH + 6) {
		fprintf(svg->out, "<text x=\"%.2f\" y=\"%zu\">", x + 3, depth * ROW + 13);
		put_text(svg->out, frame->name, room);
		fputs("</text>", svg->out);
	}
	fputs("</g>\n", svg->out);
	for (const struct frame *child = frame->children; child; child = child->next) {
		put_frame(svg, child, x, depth + 1);
		x += WIDTH * (double)child->bytes / svg->every;
	}
}

static void svg_end(struct writer *writer)
{
	struct svg *svg = (struct svg *)writer;
	size_t height = (svg->deepest + 1) * ROW;

	svg->every = svg->root.bytes > 0 ? (double)svg->root.bytes : 1;
	fprintf(svg->out,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 "
	        "%d %zu\" "
	        "width=\"100%%\" font-family=\"monospace\" font-size=\"10.5\">\n<rect width=\"100%%\" height=\"100%%\" "
	        "fill=\"#fff\"/>\n",
	        (int)WIDTH, height);
	put_frame(svg, &svg->root, 0, 0);
	fputs("</svg>\n", svg->out);
}

static void free_children(struct frame *frame)
{
	for (struct frame *child = frame->children, *next; child; child = next) {
		next = child->next;
		free_children(child);
		free(child->name);
		free(child);
	}
}

static void svg_free(struct writer *writer)
{
	free_children(&((struct svg *)writer)->root);
	free(writer);
}

struct writer *writer_svg(const struct style *style)
{
	struct svg *svg = memory_get(1, sizeof *svg);

	svg->out = style->out;
	svg->root.name = (char *)"all";
	svg->writer = (struct writer){.begin = svg_begin, .row = svg_row, .end = svg_end, .free = svg_free};
	return &svg->writer;
}
