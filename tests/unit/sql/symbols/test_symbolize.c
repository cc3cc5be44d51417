/* SPDX-License-Identifier: Apache-2.0
 *
 * test_symbolize.c - what is found at the frames of a real program, which the test builds: with debug information,
 * stripped, changed, gone; and what stacks of them are called.
 */
#include "tests/unit/sql/fixture.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include "sql/symbols/demangle.h"
#include "sql/base/file_lock.h"
#include "sql/symbols/short_name.h"
#include "sql/symbols/symbolize.h"

/* outer() has inner() put into it; the call of leaf() lies in inner(). Returns where each call returns to: the program
 * prints its addresses as they are in its file. */
static const char program_text[] =
    "#define _GNU_SOURCE\n#include <stdio.h>\n"
    "#include <link.h>\n"
    "__attribute__((noinline)) void *leaf(void) { return __builtin_return_address(0); }\n"
    "void *seen;\n"
    "static inline __attribute__((always_inline)) void inner(void) {\n"
    "\tseen = leaf();\n" /* line 7 */
    "}\n"
    "__attribute__((noinline)) int outer(void) {\n"
    "\tinner();\n" /* line 10 */
    "\treturn 1;\n"
    "}\n"
    "static int base(struct dl_phdr_info *info, size_t bytes, void *found) {\n"
    "\t*(unsigned long *)found = info->dlpi_addr; return 1;\n"
    "}\n"
    "int main(void) {\n"
    "\tunsigned long at;\n"
    "\tdl_iterate_phdr(base, &at);\n"
    "\tint one = outer();\n"
    "\tprintf(\"%lu\\n\", (unsigned long)seen - at);\n"
    "\treturn one - 1;\n"
    "}\n";

struct place_test {
	struct fixture fixture;
	char program[96], build_id[64];
	long long address;
};

static void shell(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void read_line(const char *command, char *line, int bytes)
{
	FILE *from = popen(command, "r");

	assert_non_null(from);
	assert_non_null(fgets(line, bytes, from));
	pclose(from);
	line[strcspn(line, "\n")] = '\0';
}

static void build_by(struct place_test *test, const char *compiler, const char *options)
{
	char source[96], command[256], line[64];
	FILE *out;

	snprintf(source, sizeof(source), "%s/program.c", test->fixture.folder);
	out = fopen(source, "w");
	assert_non_null(out);
	fputs(program_text, out);
	fclose(out);
	shell("%s -O2 -g -w -Wl,--build-id %s -o %s %s", compiler, options, test->program, source);
	read_line(test->program, line, sizeof(line));
	test->address = atoll(line);
	snprintf(command, sizeof(command), "readelf -n %s | sed -n 's/.*Build ID: //p'", test->program);
	read_line(command, test->build_id, sizeof(test->build_id));
}

static void build(struct place_test *test, const char *options)
{
	build_by(test, "cc", options);
}

static int setup(void **state)
{
	struct place_test *test = calloc(1, sizeof(*test));
	struct fixture *fixture = &test->fixture;

	if (system("cc --version >/dev/null 2>&1 && readelf --version >/dev/null 2>&1") != 0)
		exit(77);
	fixture_make(fixture);
	snprintf(test->program, sizeof(test->program), "%s/program", fixture->folder);
	build(test, "");
	run(fixture, "INSERT INTO module_info VALUES(1, %Q, %Q, NULL)", test->program, test->build_id);
	run(fixture, "INSERT INTO frame_info VALUES(258, 1, %lld), (2, NULL, 4096), (3, 1, %lld)", test->address,
	    0x7fffffffLL);
	/* 258 is 0x102: two bytes count */
	run(fixture, "INSERT INTO stack_info VALUES(1, x'0201000002000000'), (2, x'0300000002010000')");
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct place_test *test = *state;

	fixture_remove(&test->fixture);
	free(test);
	return 0;
}

static void look_up(struct place_test *test, bool force)
{
	const struct symbolize_options options = {.force = force};
	struct symbolize_totals totals;
	struct sql_error error = {.text = ""};

	recording_close(test->fixture.recording);
	test->fixture.recording = NULL;
	if (symbolize_foreign(test->fixture.path, &options, &totals, &error) < 0)
		fail_msg("%s", error.text);
	opened(&test->fixture);
}

static void expect_verdict(struct place_test *test, const char *pattern)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT symbols GLOB '%s' FROM module", pattern);
	expect_answer(&test->fixture, sql, "1\n");
}

static void test_found(void **state)
{
	struct place_test *test = *state;
	struct fixture *fixture = &test->fixture;

	look_up(test, false);
	expect_answer(fixture,
	              "SELECT depth, function, replace(file, rtrim(file, 'program.c'), ''), line, inlined, language "
	              "FROM stack WHERE stack_id = 1",
	              "0|inner|program.c|7|1|\n1|outer|program.c|10|0|\n2||||0|\n");
	expect_answer(fixture, "SELECT stack_text(frames) FROM stack_info WHERE id = 1", "inner < outer < 0x1000\n");
	expect_answer(fixture,
	              "SELECT stack_text(frames), stack_folded(frames), stack_group('function', frames), "
	              "stack_group('module', frames) LIKE '%/program' FROM stack_info WHERE id = 2",
	              "program+0x7fffffff < inner < outer|outer;inner;program+0x7fffffff|program+0x7fffffff|1\n");
	expect_answer(fixture, "SELECT stack_group('file', frames) LIKE '%/program.c' FROM stack_info WHERE id = 1",
	              "1\n");
	expect_answer(fixture, "SELECT frames, symbols FROM module", "2|stripped: no symbol for 1 of 2 frames\n");
}

/* clang leaves out a section by which addresses are found. */
static void test_clang(void **state)
{
	struct place_test *test = *state;

	if (system("clang --version >/dev/null 2>&1") != 0)
		skip();
	build_by(test, "clang", "");
	run(&test->fixture, "UPDATE module_info SET build_id = %Q", test->build_id);
	run(&test->fixture, "UPDATE frame_info SET address = %lld WHERE id = 258", test->address);
	look_up(test, false);
	expect_answer(&test->fixture, "SELECT function, line FROM symbol_info WHERE frame = 258",
	              "inner|7\nouter|10\n");
}

/* What was stored is what counts from then on, and a second time changes nothing. */
static void test_program_gone(void **state)
{
	struct place_test *test = *state;

	run(&test->fixture, "DELETE FROM frame_info WHERE id = 3");
	look_up(test, false);
	expect_verdict(test, "found");
	assert_int_equal(unlink(test->program), 0);
	look_up(test, true);
	expect_verdict(test, "found");
	expect_answer(&test->fixture, "SELECT stack_text(frames) FROM stack_info WHERE id = 1",
	              "inner < outer < 0x1000\n");
}

/* What comes later is looked up later. */
static void test_more_frames(void **state)
{
	struct place_test *test = *state;

	look_up(test, false);
	run(&test->fixture, "INSERT INTO frame_info VALUES(4, 1, %lld)", test->address);
	look_up(test, false);
	expect_answer(&test->fixture, "SELECT function FROM symbol_info WHERE frame = 4", "inner\nouter\n");
	expect_answer(&test->fixture, "SELECT symbols FROM module", "stripped: no symbol for 1 of 3 frames\n");
}

static void test_changed(void **state)
{
	struct place_test *test = *state;

	shell("printf 'int more;\n' >> %s/program.c", test->fixture.folder);
	shell("cc -O1 -g -w -Wl,--build-id -o %s %s/program.c", test->program, test->fixture.folder);
	look_up(test, false);
	expect_verdict(test, "build id differs*");
	expect_answer(&test->fixture, "SELECT count(*) FROM symbol_info", "0\n");
	expect_answer(&test->fixture, "SELECT stack_remark() LIKE '%program (build id differs%'", "1\n");
	/* not again, unless it is asked for */
	build(test, "");
	look_up(test, false);
	expect_verdict(test, "build id differs*");
	look_up(test, true);
	expect_verdict(test, "stripped: no symbol for 1 of 2 frames");
}

static void test_stripped(void **state)
{
	struct place_test *test = *state;

	shell("strip %s", test->program);
	look_up(test, false);
	expect_verdict(test, "stripped: no symbol for 2 of 2 frames");
	expect_answer(&test->fixture, "SELECT stack_text(frames) LIKE 'program+0x%' FROM stack_info WHERE id = 1",
	              "1\n");
}

/* Debug information apart, beside the program; and a symbol table without it. */
static void test_debug_link(void **state)
{
	struct place_test *test = *state;

	shell("cd %s && objcopy --only-keep-debug program program.debug && strip program && objcopy "
	      "--add-gnu-debuglink=program.debug program",
	      test->fixture.folder);
	look_up(test, false);
	expect_answer(&test->fixture, "SELECT function, line FROM symbol_info WHERE frame = 258",
	              "inner|7\nouter|10\n");
	shell("cd %s && rm program.debug && cc -O2 -w -Wl,--build-id -o program program.c", test->fixture.folder);
	build(test, "-g0");
	run(&test->fixture, "UPDATE module_info SET build_id = %Q, symbols = NULL", test->build_id);
	run(&test->fixture, "DELETE FROM symbol_info");
	look_up(test, false);
	expect_answer(&test->fixture, "SELECT function, file FROM symbol_info WHERE frame = 258", "outer|\n");
}

/* Whatever a path leads to: nothing that is not the program is opened for long, or read. */
static void test_hostile_paths(void **state)
{
	struct place_test *test = *state;
	char fifo[96];
	const struct {
		const char *path, *verdict;
	} cases[] = {{fifo, "not a regular file"},
	             {"/dev/zero", "not a regular file"},
	             {test->fixture.folder, "not a regular file"},
	             {"/etc/passwd", "not an ELF file"},
	             {"relative", "it is not a file"},
	             {"/no/such/file", "no such file"}};

	snprintf(fifo, sizeof(fifo), "%s/fifo", test->fixture.folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		run(&test->fixture, "UPDATE module_info SET path = %Q, symbols = NULL", cases[i].path);
		look_up(test, false);
		expect_verdict(test, cases[i].verdict);
	}
	run(&test->fixture, "UPDATE module_info SET path = %Q, build_id = '', symbols = NULL", test->program);
	look_up(test, false);
	expect_verdict(test, "no build id*");
	run(&test->fixture, "UPDATE module_info SET build_id = '../../../../etc/passwd', symbols = NULL");
	look_up(test, false);
	expect_verdict(test, "what was recorded is not a build id");
}

/* A file with the right build id whose tables are nonsense. */
static void test_hostile_elf(void **state)
{
	struct place_test *test = *state;
	struct stat status;

	assert_int_equal(stat(test->program, &status), 0);
	for (unsigned seed = 1; seed <= 20; seed++) {
		build(test, "");
		FILE *file = fopen(test->program, "r+");

		assert_non_null(file);
		srand(seed);
		for (int i = 0; i < 400; i++) { /* behind the headers and the notes */
			fseek(file, 0x1000 + rand() % (status.st_size - 0x1000), SEEK_SET);
			fputc(rand(), file);
		}
		fclose(file);
		run(&test->fixture, "UPDATE module_info SET symbols = NULL");
		run(&test->fixture, "DELETE FROM symbol_info");
		look_up(test, false);
	}
}

static bool stop(void *context, size_t done, size_t total)
{
	(void)context, (void)done, (void)total;
	return false;
}

static void test_refused(void **state)
{
	struct place_test *test = *state;
	struct fixture *fixture = &test->fixture;
	const struct symbolize_options options = {.progress = stop};
	struct symbolize_totals totals;
	struct sql_error error = {.text = ""};
	char lock_path[96];

	assert_int_equal(symbolize_foreign(fixture->path, &options, &totals, &error), 0); /* stopped at once */
	opened(fixture);
	expect_answer(fixture, "SELECT symbols FROM module", "\n");
	snprintf(lock_path, sizeof(lock_path), "%s-lock", fixture->path);
	int fd = file_lock_take(lock_path);
	assert_true(fd >= 0);
	assert_int_equal(symbolize_foreign(fixture->path, &options, &totals, &error), -1);
	assert_non_null(strstr(error.text, "being recorded"));
	file_lock_release(lock_path, fd);
	run(fixture, "DELETE FROM frame_info");
	assert_int_equal(symbolize_foreign(fixture->path, &options, &totals, &error), -1);
	assert_non_null(strstr(error.text, "--stacks"));
}

/* Python's functions first, then what they called; not the interpreter, nor what ttalloc itself did. */
static void test_python(void **state)
{
	struct fixture *fixture = &((struct place_test *)*state)->fixture;

	run(fixture, "INSERT INTO module_info VALUES(2, '/usr/lib/libpython3.11.so.1.0', '', 'x'), "
	             "(3, '/opt/libttalloc-tt-metal.so', '', 'x'), (4, '/opt/lib_ttnn.so', '', 'found')");
	run(fixture, "INSERT INTO frame_info VALUES(10, 3, 1), (11, 4, 16), (12, 2, 32), (13, 2, 48), (14, NULL, 0), "
	             "(15, NULL, 0), (16, 4, 64)");
	run(fixture, "INSERT INTO symbol_info VALUES(11, 0, 'ttnn::add(a; b)', NULL, NULL, NULL), "
	             "(12, 0, '_PyEval_EvalFrameDefault', NULL, NULL, NULL), "
	             "(14, 0, 'forward', '/m/model.py', 12, 'python'), (15, 0, '<module>', '/m/run.py', 3, 'python')");
	run(fixture, "INSERT INTO stack_info VALUES(3, x'0a0000000b0000000c0000000d000000100000000e0000000f000000')");
	opened(fixture);
	expect_answer(fixture, "SELECT stack_text(frames) FROM stack_info WHERE id = 3",
	              "ttnn::add < forward (model.py:12) < <module> (run.py:3)\n");
	expect_answer(fixture, "SELECT stack_folded(frames) FROM stack_info WHERE id = 3",
	              "<module>_(run.py:3);forward_(model.py:12);ttnn::add\n");
	expect_answer(fixture, "SELECT label_folded('a;b/c d'), label_folded(NULL)", "a:b;c_d|\n");
	expect_answer(fixture, "SELECT stack_text(x'ffffffff'), stack_text(x'01'), stack_text(NULL)", "||\n");
}

static void test_short_names(void **state)
{
	static const char *const cases[][2] = {
	    {"main", "main"},
	    {"operator new(unsigned long)", "operator new"},
	    {"void n::C<int, std::vector<long> >::f<long>(long) const", "n::C::f"},
	    {"(anonymous namespace)::g(int (*)(char))", "(anonymous namespace)::g"},
	    {"a::f(int)::{lambda(char)#1}::operator()(char) const", "a::f::{lambda#1}::operator()"},
	    {"std::ostream& operator<< <char>(std::ostream&, char)", "operator<<"},
	    {"a::operator->(b)", "a::operator->"},
	    {"my_operator(int)", "my_operator"},
	    {"f(", "f"},
	    {"(", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s", cases[i][0]);
		short_name(name);
		assert_string_equal(name, cases[i][1]);
	}
}

static void test_demangle(void **state)
{
	char name[16];

	(void)state;
	demangle("main", name, sizeof(name));
	assert_string_equal(name, "main");
	demangle("_Znonsense", name, sizeof(name));
	assert_string_equal(name, "_Znonsense");
	if (!dlopen("libstdc++.so.6", RTLD_NOW))
		skip();
	demangle("_ZN1a1fEv", name, sizeof(name));
	assert_string_equal(name, "a::f()");
	demangle("_ZN10namespaces8functionEv", name, sizeof(name)); /* cut */
	assert_string_equal(name, "namespaces::fun");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_found, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_clang, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_program_gone, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_more_frames, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stripped, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_debug_link, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hostile_paths, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hostile_elf, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_python, setup, teardown),
	    cmocka_unit_test(test_short_names),
	    cmocka_unit_test(test_demangle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
