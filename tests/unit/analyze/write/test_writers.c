/* SPDX-License-Identifier: Apache-2.0
 *
 * What the writers make of the same few rows, byte for byte.
 */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sql/base/text.h"
#include "analyze/write/writer.h"

#define COLUMNS 6

static const struct column columns[COLUMNS] = {
    {.name = "device", .unit = UNIT_ID, .rank = QUERY_RANK_KEY},
    {.name = "region", .unit = UNIT_TEXT},
    {.name = "address", .unit = UNIT_ADDRESS},
    {.name = "size_bytes", .unit = UNIT_BYTES},
    {.name = "at_ns", .unit = UNIT_NS},
    {.name = "label", .unit = UNIT_TEXT},
};

static struct query_cell integer(int64_t value)
{
	return (struct query_cell){.type = CELL_INTEGER, .integer = value};
}

static struct query_cell text(const char *value)
{
	return (struct query_cell){.type = CELL_TEXT, .text = value, .bytes = strlen(value)};
}

static const struct query_cell unknown = {.type = CELL_NULL};

struct capture {
	char *out;
	size_t size;
	struct style style;
};

static void capture_begin(struct capture *capture)
{
	*capture = (struct capture){0};
	capture->style.out = open_memstream(&capture->out, &capture->size);
	capture->style.rows = 20;
}

static void capture_check(struct capture *capture, const char *expected)
{
	fclose(capture->style.out);
	assert_string_equal(capture->out, expected);
	free(capture->out);
}

static const struct answer complete = {.query = "leaks", .file = "run.db", .nothing = "no leaks", .complete = true};

static void write_two(struct writer *writer, const struct answer *answer)
{
	const struct query_cell first[COLUMNS] = {integer(0),       text("DRAM"),
	                                          integer(4096),    integer(1610612736),
	                                          integer(1500000), text("model/layer.3/attention")};
	const struct query_cell second[COLUMNS] = {integer(1),   text("DRAM"), integer(64),
	                                           integer(512), unknown,      text("=evil\033[2J,\"x\"")};
	writer->begin(writer, answer, columns, COLUMNS);
	writer->row(writer, first);
	writer->row(writer, second);
	writer->end(writer);
	writer->free(writer);
}

static void test_table(void **state)
{
	struct capture capture;
	(void)state;
	capture_begin(&capture);
	write_two(writer_table(&capture.style), &complete);
	capture_check(&capture, "device  region  address            size_bytes     at_ns  label\n"
	                        "     0  DRAM     0x1000  1.50 GiB  1610612736  1.500 ms  model/layer.3/attention\n"
	                        "     1  DRAM       0x40     512 B         512         -  =evil\\x1b[2J,\"x\"\n"
	                        "complete\n");
}

/* First the exact figures go, and names take two lines; then texts are shortened, their ends least. */
static void test_table_narrow(void **state)
{
	struct capture capture;
	(void)state;
	capture_begin(&capture);
	capture.style.width = 70;
	write_two(writer_table(&capture.style), &complete);
	capture_check(&capture, "device  region  address  size_bytes     at_ns  label\n"
	                        "     0  DRAM     0x1000    1.50 GiB  1.500 ms  model/layer.3/attention\n"
	                        "     1  DRAM       0x40       512 B         -  =evil\\x1b[2J,\"x\"\n"
	                        "complete\n");
	capture_begin(&capture);
	capture.style.width = 51;
	write_two(writer_table(&capture.style), &complete);
	capture_check(&capture, "every row below: region DRAM\n"
	                        "                    size_\n"
	                        "device  address     bytes     at_ns  label\n"
	                        "     0   0x1000  1.50 GiB  1.500 ms  mode\xe2\x80\xa6"
	                        "attention\n"
	                        "     1     0x40     512 B         -  =evi\xe2\x80\xa6"
	                        "1b[2J,\"x\"\n"
	                        "complete\n");
}

/* What says the same in every row is lifted out; then columns are left out, and named. */
static void test_table_very_narrow(void **state)
{
	struct capture capture;
	(void)state;
	capture_begin(&capture);
	capture.style.width = 30;
	capture.style.quiet = true;
	write_two(writer_table(&capture.style), &complete);
	capture_check(&capture, "every row below: region DRAM\n"
	                        "           size_\n"
	                        "device     bytes  label\n"
	                        "     0  1.50 GiB  mod\xe2\x80\xa6ttention\n"
	                        "     1     512 B  =ev\xe2\x80\xa6"
	                        "b[2J,\"x\"\n"
	                        "not shown for lack of room:\n"
	                        "  address, at_ns (a wider\n"
	                        "  terminal, or --json, has\n"
	                        "  them)\n");
}

#define FIGURES 9

/* The figures that were asked for outlast what says more about them. */
static void test_table_keeps_figures(void **state)
{
	static const struct column failures[FIGURES] = {{.name = "pid", .unit = UNIT_ID},
	                                                {.name = "device", .unit = UNIT_ID, .rank = QUERY_RANK_KEY},
	                                                {.name = "region", .unit = UNIT_TEXT},
	                                                {.name = "at_ns", .unit = UNIT_NS},
	                                                {.name = "size_bytes", .unit = UNIT_BYTES},
	                                                {.name = "free_bytes", .unit = UNIT_BYTES},
	                                                {.name = "largest_free_bytes", .unit = UNIT_BYTES},
	                                                {.name = "step", .unit = UNIT_ID},
	                                                {.name = "label", .unit = UNIT_TEXT}};
	const struct query_cell cells[FIGURES] = {integer(471100),  integer(0),       text("DRAM"),
	                                          integer(1500000), integer(1 << 30), integer(1 << 28),
	                                          integer(1 << 27), integer(5),       text("model/head")};
	struct capture capture;
	(void)state;
	capture_begin(&capture);
	capture.style.width = 62;
	capture.style.quiet = true;
	struct writer *writer = writer_table(&capture.style);
	writer->begin(writer, &complete, failures, FIGURES);
	writer->row(writer, cells); /* of one row alone, what tells who and when goes above it */
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "every row below: pid 471100, at_ns 1.500 ms, step 5\n"
	                        "                                          largest_\n"
	                        "device  region  size_bytes  free_bytes  free_bytes  label\n"
	                        "     0  DRAM      1.00 GiB     256 MiB     128 MiB  model/head\n");
}

/* Labels that differ in the middle are not made equal. */
static void test_table_labels_differ(void **state)
{
	static const struct column labels[] = {{.name = "label", .unit = UNIT_TEXT},
	                                       {.name = "bytes", .unit = UNIT_BYTES},
	                                       {.name = "count", .unit = UNIT_COUNT}};
	struct capture capture;
	(void)state;
	capture_begin(&capture);
	capture.style.width = 30;
	capture.style.quiet = true;
	struct writer *writer = writer_table(&capture.style);
	writer->begin(writer, &complete, labels, 3);
	writer->row(writer, (struct query_cell[]){text("model/layer.1/attention.backward"), integer(1), integer(1)});
	writer->row(writer, (struct query_cell[]){text("model/layer.2/attention.backward"), integer(2), integer(2)});
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "label             bytes  count\n"
	                        "model/layer.1/a\xe2\x80\xa6    1 B      1\n"
	                        "model/layer.2/a\xe2\x80\xa6    2 B      2\n");
}

static void test_table_every_width_fits(void **state)
{
	(void)state;
	for (size_t width = 20; width < 100; width++) {
		struct capture capture;
		capture_begin(&capture);
		capture.style.width = width;
		capture.style.quiet = true;
		write_two(writer_table(&capture.style), &complete);
		fclose(capture.style.out);
		char *rest = capture.out, *line;
		while ((line = strsep(&rest, "\n")) != NULL)
			if (strncmp(line, "not shown", 9) != 0)
				assert_true(strlen(line) <=
				            width + 2); /* the ellipsis is three bytes wide one column */
		free(capture.out);
	}
}

static void test_table_limit(void **state)
{
	struct capture capture;
	const struct column number[] = {{.name = "n", .unit = UNIT_COUNT}};
	(void)state;
	capture_begin(&capture);
	capture.style.rows = 2;
	struct writer *writer = writer_table(&capture.style);
	writer->begin(writer, &complete, number, 1);
	for (int i = 0; i < 1000; i++)
		writer->row(writer, (struct query_cell[]){integer(i)});
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "n\n0\n1\nand 998 more (-n 0 shows all)\ncomplete\n");
}

/* Without a limit, what comes behind the rows that decide the widths is printed all the same. */
static void test_table_all(void **state)
{
	struct capture capture;
	size_t lines = 0;
	const struct column number[] = {{.name = "n", .unit = UNIT_COUNT}};
	(void)state;
	capture_begin(&capture);
	capture.style.rows = 0;
	struct writer *writer = writer_table(&capture.style);
	writer->begin(writer, &complete, number, 1);
	for (int i = 0; i < 1000; i++)
		writer->row(writer, (struct query_cell[]){integer(i)});
	writer->end(writer);
	writer->free(writer);
	fclose(capture.style.out);
	for (const char *at = capture.out; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, 1002);
	assert_non_null(strstr(capture.out, "\n999\n"));
	free(capture.out);
}

static void test_table_empty_and_incomplete(void **state)
{
	struct capture capture;
	const char *notes[] = {"12 events lost in 2 gaps\033[0m"};
	const struct answer answer = {
	    .query = "leaks", .file = "run.db", .nothing = "no leaks", .notes = notes, .note_count = 1};
	(void)state;
	capture_begin(&capture);
	capture.style.quiet = true; /* does not hide what is missing */
	struct writer *writer = writer_table(&capture.style);
	writer->begin(writer, &answer, columns, COLUMNS);
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "no leaks\n"
	                        "INCOMPLETE: figures may be off by what is missing\n"
	                        "note: 12 events lost in 2 gaps\\x1b[0m\n");
}

static void test_fold(void **state)
{
	struct capture capture;
	const struct column leak[] = {{.name = "class", .unit = UNIT_TEXT},
	                              {.name = "region", .unit = UNIT_TEXT},
	                              {.name = "size_bytes", .unit = UNIT_BYTES},
	                              {.name = "owner", .unit = UNIT_TEXT}};
	const struct query_cell runtime = text("runtime"), program = text("program");
	(void)state;
	capture_begin(&capture);
	struct writer *writer = writer_fold(writer_table(&capture.style));
	writer->begin(writer, &complete, leak, 4);
	writer->row(writer, (struct query_cell[]){text("kernel_binary"), text("DRAM"), integer(1024), runtime});
	writer->row(writer, (struct query_cell[]){text("buffer"), text("DRAM"), integer(2048), program});
	writer->row(writer, (struct query_cell[]){text("kernel_binary"), text("DRAM"), integer(1024), runtime});
	writer->row(writer, (struct query_cell[]){text("trace"), text("TRACE"), integer(7), runtime});
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture,
	              "class   region      size_bytes  owner\n"
	              "buffer  DRAM    2.00 KiB  2048  program\n"
	              "owned by the runtime: 2 kernel_binary in DRAM, 2.00 KiB (2048); 1 trace in TRACE, 7 B (7)\n"
	              "complete\n");
}

/* Devices of which a table would show the same are shown once, and others by themselves, in the order of the first. */
static void test_devices(void **state)
{
	static const struct column usage[] = {{.name = "device", .unit = UNIT_ID, .rank = QUERY_RANK_KEY},
	                                      {.name = "region", .unit = UNIT_TEXT},
	                                      {.name = "at_ns", .unit = UNIT_NS},
	                                      {.name = "bytes", .unit = UNIT_BYTES}};
	struct capture capture;
	(void)state;
	capture_begin(&capture);
	struct writer *writer = writer_devices(writer_table(&capture.style));
	writer->begin(writer, &complete, usage, 4);
	for (int device = 0; device < 6; device++) {
		writer->row(writer, (struct query_cell[]){integer(device), text("DRAM"), integer(1000000 + device),
		                                          integer(device == 3 ? 8 : 7)});
		if (device != 5)
			writer->row(writer, (struct query_cell[]){integer(device), text("L1"), integer(0), integer(1)});
	}
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "device  region     at_ns   bytes\n"
	                        "0-2,4   DRAM    1.000 ms  7 B  7\n"
	                        "0-2,4   L1          0 ns  1 B  1\n"
	                        "3       DRAM    1.000 ms  8 B  8\n"
	                        "3       L1          0 ns  1 B  1\n"
	                        "5       DRAM    1.000 ms  7 B  7\n"
	                        "complete\n");
}

/* Groups that are the runtime's alone are summed up too; others stay whole. */
static void test_fold_groups(void **state)
{
	struct capture capture;
	const struct column group[] = {{.name = "region", .unit = UNIT_TEXT},
	                               {.name = "group", .unit = UNIT_TEXT},
	                               {.name = "blocks", .unit = UNIT_COUNT},
	                               {.name = "bytes", .unit = UNIT_BYTES},
	                               {.name = "runtime_blocks", .unit = UNIT_COUNT}};
	(void)state;
	capture_begin(&capture);
	struct writer *writer = writer_fold(writer_table(&capture.style));
	writer->begin(writer, &complete, group, 5);
	writer->row(writer, (struct query_cell[]){text("DRAM"), text("a"), integer(3), integer(300), integer(3)});
	writer->row(writer, (struct query_cell[]){text("DRAM"), text("b"), integer(2), integer(200), integer(1)});
	writer->row(writer, (struct query_cell[]){text("DRAM"), text("c"), integer(1), integer(100), integer(1)});
	writer->row(writer, (struct query_cell[]){text("L1"), text("c"), integer(0), integer(0), integer(0)});
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "region  group  blocks       bytes  runtime_blocks\n"
	                        "DRAM    b           2  200 B  200               1\n"
	                        "L1      c           0    0 B    0               0\n"
	                        "owned by the runtime: 4 blocks in DRAM, 400 B (400)\n"
	                        "complete\n");
}

/* Over time, each device and region has its rows, from when something was live there. */
static void test_trim(void **state)
{
	static const struct column usage[] = {{.name = "device", .unit = UNIT_ID, .rank = QUERY_RANK_KEY},
	                                      {.name = "region", .unit = UNIT_TEXT},
	                                      {.name = "at_ns", .unit = UNIT_NS},
	                                      {.name = "max_bytes", .unit = UNIT_BYTES},
	                                      {.name = "allocs", .unit = UNIT_COUNT}};
	struct capture capture;
	(void)state;
	capture_begin(&capture);
	capture.style.rows = 2;
	capture.style.each = "device,region";
	struct writer *writer = writer_trim(writer_table(&capture.style), "device,region");
	writer->begin(writer, &complete, usage, 5);
	for (int i = 0; i < 5; i++)
		writer->row(writer, (struct query_cell[]){integer(0), text("DRAM"), integer(i), integer(i == 2),
		                                          integer(i == 2)});
	for (int i = 0; i < 2; i++)
		writer->row(writer, (struct query_cell[]){integer(0), text("CB"), integer(i), unknown, unknown});
	writer->row(writer, (struct query_cell[]){integer(1), text("DRAM"), integer(0), integer(7), integer(1)});
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "device  region  at_ns  max_bytes  allocs\n"
	                        "     0  DRAM     2 ns     1 B  1       1\n"
	                        "     0  DRAM     3 ns     0 B  0       0\n"
	                        "     1  DRAM     0 ns     7 B  7       1\n"
	                        "and 1 more (-n 0 shows all)\n"
	                        "not shown: 2 rows before anything was live\n"
	                        "not shown, having no banks of known geometry: device 0 CB\n"
	                        "complete\n");
}

static void test_json(void **state)
{
	struct capture capture;
	const char *notes[] = {"a \"note\""};
	const struct answer answer = {.query = "leaks", .file = "run.db", .notes = notes, .note_count = 1};
	(void)state;
	capture_begin(&capture);
	write_two(writer_json(&capture.style), &answer);
	capture_check(
	    &capture,
	    "{\"query\": \"leaks\", \"file\": \"run.db\", \"complete\": false, \"notes\": [\"a \\\"note\\\"\"], "
	    "\"rows\": [\n"
	    "  {\"device\": 0, \"region\": \"DRAM\", \"address\": 4096, \"size_bytes\": 1610612736, "
	    "\"at_ns\": 1500000, \"label\": \"model/layer.3/attention\"},\n"
	    "  {\"device\": 1, \"region\": \"DRAM\", \"address\": 64, \"size_bytes\": 512, \"at_ns\": null, "
	    "\"label\": \"=evil\\u001b[2J,\\\"x\\\"\"}\n"
	    "]}\n");
}

/* The highest addresses are negative numbers in the database. */
/* By columns: a text stands once, runs are counted, and what a column's unit does not promise is in brackets. */
static void test_columns(void **state)
{
	static const struct column some[] = {{.name = "group", .unit = UNIT_TEXT}, {.name = "n", .unit = UNIT_COUNT}};
	const struct answer answer = {.query = "peak", .file = "a\"<b>.db", .complete = true};
	struct capture capture;

	(void)state;
	capture_begin(&capture);
	struct writer *writer = writer_columns(&capture.style);
	writer->begin(writer, &answer, some, 2);
	writer->row(writer, (const struct query_cell[]){text("a"), integer(1)});
	writer->row(writer, (const struct query_cell[]){integer(7), text("a")});
	writer->row(writer, (const struct query_cell[]){text("a"), unknown});
	for (int i = 0; i < 9; i++)
		writer->row(writer, (const struct query_cell[]){text(i < 8 ? "b" : ""), integer(i)});
	writer->end(writer);
	writer->free(writer);
	capture_check(
	    &capture,
	    "{\"query\": \"peak\", \"file\": \"a\\\"\\u003cb\\u003e.db\", \"complete\": true, \"notes\": [], "
	    "\"columns\": [{\"name\": \"group\", \"unit\": \"text\"}, {\"name\": \"n\", \"unit\": \"count\"}], "
	    "\"rows\": 12, \"texts\": [\"a\",\"b\",\"\"], \"values\": [[0,[7],0,1,1,1,1,1,1,1,1,2],\n"
	    "[1,[0],null,0,1,2,3,4,5,6,7,8]]}\n");
}

/* A line as high as its most, dots filled to the foot; bars of a total. */
static void test_plot(void **state)
{
	static const struct column line[] = {{.name = "device", .unit = UNIT_ID},
	                                     {.name = "at_ns", .unit = UNIT_NS},
	                                     {.name = "bytes", .unit = UNIT_BYTES}};
	static const struct column bar[] = {{.name = "group", .unit = UNIT_TEXT},
	                                    {.name = "bytes", .unit = UNIT_BYTES},
	                                    {.name = "all", .unit = UNIT_BYTES}};
	struct capture capture;

	(void)state;
	capture_begin(&capture);
	capture.style.quiet = true;
	capture.style.width = 22;
	struct writer *writer = writer_plot(&capture.style, "line at_ns bytes", "device");
	writer->begin(writer, &complete, line, 3);
	for (int i = 0; i < 2; i++) {
		writer->row(writer, (const struct query_cell[]){integer(i), integer(0), integer(0)});
		writer->row(writer, (const struct query_cell[]){integer(i), integer(10), integer(512)});
	}
	writer->end(writer);
	writer->free(writer);
	fflush(capture.style.out);
	assert_non_null(strstr(capture.out, "device 0: bytes\n512 B \u2800"));
	assert_non_null(strstr(capture.out, "device 1: bytes\n"));
	assert_non_null(strstr(capture.out, "\u28b8\n    0 ")); /* the right half of the last column is full */
	fclose(capture.style.out);
	free(capture.out);

	capture_begin(&capture);
	capture.style.quiet = true;
	capture.style.width = 40;
	writer = writer_plot(&capture.style, "bars group bytes of all", NULL);
	writer->begin(writer, &complete, bar, 3);
	writer->row(writer, (const struct query_cell[]){text("\033[2Ja"), integer(50), integer(100)});
	writer->row(writer, (const struct query_cell[]){text("b"), integer(100), integer(100)});
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture,
	              "\\x1b[2Ja  50 B of 100 B "
	              "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u258c\u00b7\u00b7\u00b7\u00b7\u00b7\u00b7\u00b7\n"
	              "b        100 B of 100 B "
	              "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\n");
}

/* What many bars have in common stands above them, and a line that has no height is none. */
static void test_plot_of_places(void **state)
{
	static const struct column of_bars[] = {{.name = "device", .unit = UNIT_ID},
	                                        {.name = "group", .unit = UNIT_TEXT},
	                                        {.name = "at_ns", .unit = UNIT_NS},
	                                        {.name = "bytes", .unit = UNIT_BYTES}};
	static const char *const plots[] = {"bars group bytes", "line at_ns bytes"};
	static const char *const shown[] = {"device 0\na 2 B \u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\n"
	                                    "b 0 B \ndevice 7\na 0 B \n",
	                                    "device 7: bytes is 0 throughout\n"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct capture capture;

		capture_begin(&capture);
		capture.style.quiet = true;
		capture.style.width = 10;
		struct writer *writer = writer_plot(&capture.style, plots[i], "device");
		writer->begin(writer, &complete, of_bars, 4);
		writer->row(writer, (const struct query_cell[]){integer(0), text("a"), integer(1), integer(2)});
		writer->row(writer, (const struct query_cell[]){integer(0), text("b"), integer(2), integer(0)});
		writer->row(writer, (const struct query_cell[]){integer(7), text("a"), integer(1), integer(0)});
		writer->end(writer);
		writer->free(writer);
		fflush(capture.style.out);
		assert_non_null(strstr(capture.out, shown[i]));
		fclose(capture.style.out);
		free(capture.out);
	}
}

/* Names are text in XML, and as wide as their bytes. */
static void test_svg(void **state)
{
	static const struct column some[] = {{.name = "stack", .unit = UNIT_TEXT},
	                                     {.name = "bytes", .unit = UNIT_BYTES}};
	struct capture capture;

	(void)state;
	capture_begin(&capture);
	struct writer *writer = writer_svg(&capture.style);
	writer->begin(writer, &complete, some, 2);
	writer->row(writer, (const struct query_cell[]){text("main;<script>x</script>"), integer(300)});
	writer->row(writer, (const struct query_cell[]){text("main;b\033\"&"), integer(100)});
	writer->end(writer);
	writer->free(writer);
	fflush(capture.style.out);
	assert_null(strstr(capture.out, "<script"));
	assert_null(strchr(capture.out, '\033'));
	assert_non_null(
	    strstr(capture.out, "<title>&#60;script&#62;x&#60;/script&#62;: 300 B (300 B), 75.0 %</title>"));
	assert_non_null(strstr(capture.out, "<title>b?&#34;&#38;: 100 B (100 B), 25.0 %</title>"));
	assert_non_null(strstr(capture.out, "width=\"900.00\""));
	fclose(capture.style.out);
	free(capture.out);
}

/* A stack of LEVELS, and what there is of it. */
static size_t draw_high(size_t levels, const char *what)
{
	static const struct column some[] = {{.name = "stack", .unit = UNIT_TEXT},
	                                     {.name = "bytes", .unit = UNIT_BYTES}};
	char *stack = malloc(2 * levels), *at;
	struct capture capture;
	size_t count = 0;

	for (size_t i = 0; i < levels; i++)
		stack[2 * i] = 'f', stack[2 * i + 1] = i + 1 < levels ? ';' : '\0';
	capture_begin(&capture);
	struct writer *writer = writer_svg(&capture.style);
	writer->begin(writer, &complete, some, 2);
	writer->row(writer, (const struct query_cell[]){text(stack), integer(300)});
	writer->end(writer);
	writer->free(writer);
	fflush(capture.style.out);
	for (at = capture.out; (at = strstr(at, what)); at++)
		count++;
	fclose(capture.style.out);
	free(capture.out);
	free(stack);
	return count;
}

/* All frames are drawn; of a text that is no stack, those that are left out are one. */
static void test_high_svg(void **state)
{
	(void)state;
	assert_int_equal(draw_high(2048, "<title>f: "), 2048);
	assert_int_equal(draw_high(2048, "<title>...: "), 0);
	assert_int_equal(draw_high(3000, "<title>f: "), 2048);
	assert_int_equal(draw_high(3000, "<title>...: "), 1);
}

static void test_high_address(void **state)
{
	struct capture capture;
	const struct column high[] = {{.name = "address", .unit = UNIT_ADDRESS},
	                              {.name = "delta_bytes", .unit = UNIT_BYTES}};
	const struct query_cell cells[] = {{.type = CELL_INTEGER, .integer = -1},
	                                   {.type = CELL_INTEGER, .integer = -1}};
	const struct answer answer = {.query = "q", .file = "f", .complete = true};
	(void)state;
	capture_begin(&capture);
	struct writer *writer = writer_csv(&capture.style);
	writer->begin(writer, &answer, high, 2);
	writer->row(writer, cells);
	writer->end(writer);
	writer->free(writer);
	writer = writer_json(&capture.style);
	writer->begin(writer, &answer, high, 2);
	writer->row(writer, cells);
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "address,delta_bytes\r\n18446744073709551615,-1\r\n"
	                        "{\"query\": \"q\", \"file\": \"f\", \"complete\": true, \"notes\": [], \"rows\": [\n"
	                        "  {\"address\": 18446744073709551615, \"delta_bytes\": -1}\n]}\n");
}

static void test_json_empty(void **state)
{
	struct capture capture;
	const struct answer diff = {.query = "diff", .file = "new.db", .old_file = "old.db", .complete = true};
	(void)state;
	capture_begin(&capture);
	struct writer *writer = writer_json(&capture.style);
	writer->begin(writer, &diff, columns, COLUMNS);
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "{\"query\": \"diff\", \"file\": \"new.db\", \"old_file\": \"old.db\", "
	                        "\"complete\": true, \"notes\": [], \"rows\": []}\n");
}

static void test_json_list(void **state)
{
	struct capture capture;
	const struct column lists[] = {
	    {.name = "a", .unit = UNIT_LIST}, {.name = "b", .unit = UNIT_LIST}, {.name = "c", .unit = UNIT_LIST}};
	(void)state;
	capture_begin(&capture);
	struct writer *writer = writer_jsonl(&capture.style);
	writer->begin(writer, &complete, lists, 3);
	writer->row(writer, (struct query_cell[]){text("x\ny z"), text("x"), unknown});
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "{\"a\": [\"x\", \"y z\"], \"b\": [\"x\"], \"c\": []}\n");
}

static void test_json_cells(void **state)
{
	struct capture capture;
	const struct column some[] = {
	    {.name = "a", .unit = UNIT_NONE}, {.name = "b", .unit = UNIT_NONE}, {.name = "c", .unit = UNIT_NONE}};
	const struct query_cell cells[] = {{.type = CELL_REAL, .real = 0.5},
	                                   {.type = CELL_REAL, .real = HUGE_VAL},
	                                   {.type = CELL_BLOB, .text = "\0\xff", .bytes = 2}};
	(void)state;
	capture_begin(&capture);
	struct writer *writer = writer_jsonl(&capture.style);
	writer->begin(writer, &complete, some, 3);
	writer->row(writer, cells);
	writer->row(writer, cells);
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "{\"a\": 0.5, \"b\": null, \"c\": \"00ff\"}\n"
	                        "{\"a\": 0.5, \"b\": null, \"c\": \"00ff\"}\n");
}

static void test_csv(void **state)
{
	struct capture capture;
	(void)state;
	capture_begin(&capture);
	write_two(writer_csv(&capture.style), &complete);
	capture_check(&capture, "device,region,address,size_bytes,at_ns,label\r\n"
	                        "0,DRAM,4096,1610612736,1500000,model/layer.3/attention\r\n"
	                        "1,DRAM,64,512,,\"'=evil\\x1b[2J,\"\"x\"\"\"\r\n");
}

static void test_list(void **state)
{
	struct capture capture;
	const struct column info[] = {{.name = "host", .unit = UNIT_TEXT},
	                              {.name = "peak_bytes", .unit = UNIT_BYTES},
	                              {.name = "commands", .unit = UNIT_TEXT}};
	(void)state;
	capture_begin(&capture);
	struct writer *writer = writer_list(&capture.style);
	writer->begin(writer, &complete, info, 3);
	writer->row(writer, (struct query_cell[]){text("tower"), integer(2048), text("python a.py\nhost fake")});
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "host        tower\n"
	                        "peak_bytes  2.00 KiB  2048\n"
	                        "commands    python a.py\n"
	                        "            host fake\n"
	                        "complete\n");
}

/* Long texts are broken at blanks, further in than the next one begins. */
static void test_list_narrow(void **state)
{
	struct capture capture;
	const struct column info[] = {{.name = "host", .unit = UNIT_TEXT}, {.name = "commands", .unit = UNIT_TEXT}};
	(void)state;
	capture_begin(&capture);
	capture.style.width = 30;
	struct writer *writer = writer_list(&capture.style);
	writer->begin(writer, &complete, info, 2);
	writer->row(writer, (struct query_cell[]){text(""), text("python train.py --steps 5  -v\npython b.py")});
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "host      \n"
	                        "commands  python train.py\n"
	                        "            --steps 5  -v\n"
	                        "          python b.py\n"
	                        "complete\n");
}

static void test_colour(void **state)
{
	struct capture capture;
	const struct column number[] = {{.name = "n", .unit = UNIT_COUNT}};
	(void)state;
	capture_begin(&capture);
	capture.style.colour = true;
	struct writer *writer = writer_table(&capture.style);
	writer->begin(writer, &complete, number, 1);
	writer->row(writer, (struct query_cell[]){integer(1)});
	writer->end(writer);
	writer->free(writer);
	capture_check(&capture, "\033[1mn\033[0m\n1\n\033[2mcomplete\n\033[0m");
}

static void test_delta(void **state)
{
	struct shown shown;
	const struct column bytes = {.name = "delta_bytes", .unit = UNIT_BYTES},
	                    blocks = {.name = "delta_blocks", .unit = UNIT_COUNT};
	const struct query_cell up = integer(1536), down = integer(-1536);
	(void)state;
	cell_show(&shown, &bytes, &up);
	assert_string_equal(shown.main, "+1.50 KiB");
	assert_string_equal(shown.exact, "+1536");
	cell_show(&shown, &bytes, &down);
	assert_string_equal(shown.main, "-1.50 KiB");
	assert_string_equal(shown.exact, "-1536");
	cell_show(&shown, &blocks, &up);
	assert_string_equal(shown.main, "+1536");
}

static int use_utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") == NULL ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_table_narrow),
	    cmocka_unit_test(test_table_very_narrow),
	    cmocka_unit_test(test_table_keeps_figures),
	    cmocka_unit_test(test_table_labels_differ),
	    cmocka_unit_test(test_table_every_width_fits),
	    cmocka_unit_test(test_table_limit),
	    cmocka_unit_test(test_table_all),
	    cmocka_unit_test(test_table_empty_and_incomplete),
	    cmocka_unit_test(test_fold),
	    cmocka_unit_test(test_devices),
	    cmocka_unit_test(test_fold_groups),
	    cmocka_unit_test(test_trim),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_columns),
	    cmocka_unit_test(test_plot),
	    cmocka_unit_test(test_plot_of_places),
	    cmocka_unit_test(test_svg),
	    cmocka_unit_test(test_high_svg),
	    cmocka_unit_test(test_high_address),
	    cmocka_unit_test(test_json_empty),
	    cmocka_unit_test(test_json_list),
	    cmocka_unit_test(test_json_cells),
	    cmocka_unit_test(test_csv),
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_list_narrow),
	    cmocka_unit_test(test_colour),
	    cmocka_unit_test(test_delta),
	};
	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
