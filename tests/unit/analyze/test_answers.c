/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole command line on a small recording: what is printed, what is refused, and the exit status. The recording is
 * made by Python's sqlite3 out of the schema that the library embeds.
 */
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyze/command.h"
#include "sql/answers/reference.h"
#include "sql/store/embedded.h"

static const char make_recording[] =
    "import sqlite3, sys\n"
    "db = sqlite3.connect(sys.argv[1])\n"
    "db.executescript(open('schema.sql').read())\n"
    "def put(table, *rows):\n"
    "    for row in rows:\n"
    "        db.execute(f'INSERT INTO {table} VALUES (%s)' % ','.join('?' * len(row)), row)\n"
    "s = 10**9\n"
    "put('recording_info', (1, 'u', '1', 0, 0, 'b', 'tower', 'me', 'python t.py', '/home/me', '/s', 10*s, 'clean'))\n"
    "put('process_info', (1, 4711, 1, None, 'aa', '', 'api', '/usr/bin/python', 'python t.py', 0, 9*s,\n"
    "    'process exit', 1, 5, 5, 0, 0, 0, 0, 0))\n"
    "put('thread_info', (1, 1, 1, 4711, 'main'))\n"
    "put('label_info', (1, None, 'model', 'model'), (2, 1, 'x', 'model/\\x1b[2Jx'))\n"
    "put('origin', (1, 1, 1, 1, None, 0, 0, 0, 0, 0), (2, 1, 1, 2, None, 0, 0, 0, 0, 0),\n"
    "    (3, 1, 1, None, None, 0, 0, 1, 0, 0))\n"
    "put('held', (2, 1*s, 4096, 1572864, None, 1, None, None), (3, 2*s, 8192, 512, None, 2, None, None),\n"
    "    (4, 3*s, 0, 2048, None, 3, None, None))\n"
    "put('freed', (5, 4, 4*s, 4*s - 1000, 65536, 1024, None, 1, None))\n"
    "put('batch', (1, 5, 1, 1, 5, 1000, 4*s, 0))\n"
    "put('process_usage', (1, 0, 0, 4, 1, 1576448, 1575424, 1575424, 3, 1576448, 3*s, 4, 4, 1576448, 3*s))\n"
    "put('span', (1, 0, 0, 1000, 4*s, 0, 0, 1576448, 1575424, 3*s, 4, 4, 0, 1576448, 3*s, 1575424, 0, 3, 4, 1))\n"
    "put('region_usage', (0, 0, None))\n"
    "if 'lossy' in sys.argv[1]:\n"
    "    put('loss_row', (1, 1, None, 1*s, 2*s, None, None, 12, 'the ring was full'))\n"
    "    db.execute('UPDATE process_info SET lost = 12')\n"
    "db.commit()\n";

static const char largest_sql[] =
    "-- summary: the largest blocks\n"
    "-- param: least size 1KiB leave out smaller ones\n"
    "-- param: at_most size 1GiB leave out larger ones\n"
    "-- filters: device region\n"
    "-- column: address address where\n"
    "-- column: size_bytes bytes payload\n"
    "-- exit: nonempty\n"
    "SELECT address, size_bytes FROM allocation WHERE size_bytes >= :least AND size_bytes <= :at_most\n"
    "  AND (:device IS NULL OR device = :device) ORDER BY size_bytes DESC\n";

struct result {
	int status;
	char out[131072], err[4096];
};

static void put_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void get_file(const char *name, char *text, size_t size)
{
	FILE *file = fopen(name, "r");
	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

static void child(char *line)
{
	char *argv[32] = {(char *)"ttalloc-analyze"};
	int argc = 1;
	while ((argv[argc] = strsep(&line, "|")) != NULL)
		argc++;
	if (freopen("out", "w", stdout) == NULL || freopen("err", "w", stderr) == NULL ||
	    freopen("/dev/null", "r", stdin) == NULL)
		_exit(99);
	int status = command_run(argc, argv);
	fflush(NULL);
	_exit(status);
}

/* Runs the program with the words of LINE, which are separated by "|", in a process of its own. */
static const struct result *ask(const char *line)
{
	static struct result result;
	char *words = strdup(line);
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(words);
	free(words);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	result.status = WEXITSTATUS(status);
	get_file("out", result.out, sizeof result.out);
	get_file("err", result.err, sizeof result.err);
	return &result;
}

static void answers(const char *line, int status, const char *expected)
{
	const struct result *result = ask(line);
	assert_string_equal(result->err, "");
	assert_string_equal(result->out, expected);
	assert_int_equal(result->status, status);
}

static void says(const char *line, int status, const char *part)
{
	const struct result *result = ask(line);
	if (strstr(result->out, part) == NULL)
		fail_msg("'%s' does not say '%s' but:\n%s%s", line, part, result->out, result->err);
	assert_int_equal(result->status, status);
}

static void refuses(const char *line, const char *reason)
{
	const struct result *result = ask(line);
	const char *newline = strchr(result->err, '\n');
	if (strstr(result->err, reason) == NULL)
		fail_msg("'%s': '%s' does not say '%s'", line, result->err, reason);
	assert_string_equal(result->out, "");
	assert_true(newline != NULL && newline[1] == '\0'); /* one line */
	assert_int_equal(result->status, 2);
}

static void test_sql(void **state)
{
	(void)state;
	answers(
	    "sql|SELECT address, size_bytes, alloc_ns, label FROM allocation WHERE size_bytes < 2000 ORDER BY 1|run.db",
	    0,
	    "address      size_bytes  alloc_ns  label\n"
	    " 0x2000     512 B   512   2.000 s  model/\\x1b[2Jx\n"
	    "0x10000  1.00 KiB  1024  1.000 us  model\n"
	    "complete\n");
	answers("sql|run.db|SELECT 1 AS one|--json", 0,
	        "{\"query\": \"sql\", \"file\": \"run.db\", \"complete\": true, \"notes\": [], \"rows\": [\n"
	        "  {\"one\": 1}\n]}\n");
	answers("sql|SELECT label FROM allocation WHERE address = 8192|run.db|--format|csv", 0,
	        "label\r\nmodel/\\x1b[2Jx\r\n");
	answers("sql|SELECT 1 AS a UNION SELECT 2|run.db|--format|jsonl|-n|1", 0, "{\"a\": 1}\n");
	refuses("sql|SELEC 1|run.db", "syntax error");
	refuses("sql|DELETE FROM held|run.db", "run.db");
	refuses("sql|run.db", "no statement");
}

static void test_leaks(void **state)
{
	(void)state;
	says("leaks|run.db", 0, "1.50 MiB  1572864");
	says("leaks|run.db", 0, "owned by the runtime: 1 kernel_binary in DRAM, 2.00 KiB (2048)\ncomplete\n");
	says("leaks|run.db|--exit-code", 1, "process exit");
	says("leaks|run.db|--region|L1|--exit-code", 0, "no leaks\n");
	says("leaks|run.db|--json", 0, "\"class\": \"kernel_binary\"");
	says("leaks|run.db|--by|label|--exit-code", 1, "model");
	says("leaks|run.db|--end|500ms|--by|label|--exit-code", 0, "no leaks\n");
	says("leaks|run.db|--start|2500ms|--json|-n|1|--exit-code", 1, "1572864");
	says("leaks|run.db|-n|1", 0, "and 1 more (-n 0 shows all)\n");
}

static void test_incomplete(void **state)
{
	(void)state;
	says("leaks|lossy.db", 0, "INCOMPLETE");
	says("leaks|lossy.db|--strict", 3, "12");
	says("leaks|lossy.db|--strict|--json", 3, "\"complete\": false, \"notes\": [\"");
	says("leaks|run.db|--strict", 0, "complete");
	const struct result *result = ask("sql|SELECT 1|lossy.db|--format|csv|-q");
	assert_non_null(strstr(result->err, "INCOMPLETE"));
	assert_string_equal(result->out, "1\r\n1\r\n");
}

static size_t count_rows(const char *line)
{
	size_t count = 0;
	for (const char *at = ask(line)->out; (at = strstr(at, "DRAM")) != NULL; at++)
		count++;
	return count;
}

/* Tables show as many moments as people read; programs get all. */
static void test_over_time(void **state)
{
	(void)state;
	assert_int_equal(count_rows("timeline|run.db|--json"), 100);
	assert_int_equal(count_rows("timeline|run.db"), 20);
	assert_int_equal(count_rows("timeline|run.db|--buckets|10"), 10);
	assert_int_equal(count_rows("timeline|run.db|--buckets|50|-n|0"), 50);
	says("help|timeline", 0, "(default: 100; in tables 20)");
	says("help|floor", 0, "(default: 100; in tables 20)");
}

/* A difference is no better than the worse of both recordings. */
static void test_diff(void **state)
{
	(void)state;
	says("diff|run.db|lossy.db|--strict|--json", 3, "\"file\": \"lossy.db\", \"old_file\": \"run.db\"");
	says("diff|lossy.db|run.db|--strict|--json", 3, "\"notes\": [\"lossy.db: 12 events");
	says("diff|run.db|run.db|--strict", 0, "complete\n");
	refuses("diff|missing.db|run.db", "missing.db");
	refuses("diff|run.db|missing.db", "missing.db");
}

static void test_info(void **state)
{
	(void)state;
	says("info|run.db", 0, "tower");
	says("info|run.db", 0, "python t.py");
}

/* A gate that passes because of a typing error would be worse than none. */
static void test_unknown_to_the_recording(void **state)
{
	(void)state;
	refuses("leaks|run.db|--device|7|--exit-code", "run.db has no device 7");
	refuses("leaks|run.db|--pid|1|--exit-code", "run.db has no process 1");
	says("leaks|run.db|--device|0|--pid|4711", 0, "1572864");
}

static void test_labels(void **state)
{
	(void)state;
	says("leaks|run.db|--label|model", 0, "1572864");
	says("leaks|run.db|--label|mod*", 0, "1572864");
	refuses("leaks|run.db|--label|modle", "run.db has no label 'modle'; did you mean 'model'?");
	refuses("leaks|run.db|--label|quite/otherwise", "'ttalloc-analyze allocated' lists what it has");
	refuses("leaks|run.db|--label|mod[*]", "has no label");
	says("help|leaks", 0, "[*]");
}

static void test_windows(void **state)
{
	(void)state;
	refuses("leaks|run.db|--start|11s", "behind the end of run.db, which is 10.000 s long");
	refuses("leaks|run.db|--start|5s|--end|10%", "--end is before --start");
	says("leaks|run.db|--start|50%|--end|100%", 0, "1572864");
}

static void test_user_query(void **state)
{
	(void)state;
	answers("largest|run.db|--query-path|queries|--format|csv", 0,
	        "address,size_bytes\r\n4096,1572864\r\n0,2048\r\n65536,1024\r\n");
	answers("--query-path=queries|largest|run.db|--least|1.5KiB|--device|0|-q|--exit-code", 1,
	        "address         size_bytes\n"
	        " 0x1000  1.50 MiB  1572864\n"
	        "    0x0  2.00 KiB     2048\n");
	says("help|largest|--query-path|queries", 0, "--least SIZE");
	says("help|largest|--query-path|queries", 0, "--at-most SIZE");
	answers("largest|run.db|--query-path|queries|--format|csv|--at-most|2000", 0,
	        "address,size_bytes\r\n65536,1024\r\n");
	answers("largest|run.db|--query-path|queries|--format|csv|--at_most=2000", 0,
	        "address,size_bytes\r\n65536,1024\r\n");
	/* what is not above 0 is no finding: what a diff says of the newer one, which needs less */
	says("grown|run.db|--query-path|queries|--exit-code", 0, "-3");
	says("grown|run.db|--query-path|queries|--exit-code|--by_bytes|4", 1, "+1");
	says("largest|--help|--query-path|queries", 0, "the largest blocks");
	says("--complete|--query-path|queries|lar", 0, "largest\tthe largest blocks");
	says("--complete|--query-path|queries|largest|--le", 0, "--least\tleave out smaller ones");
	refuses("largest|run.db", "no verb 'largest'");
	refuses("largest|run.db|--query-path|queries|--least|x", "not a size");
	refuses("largest|run.db|--query-path|queries|--pid|1", "does not take --pid");
	refuses("broken|run.db|--query-path|queries", "broken.sql");
	refuses("typo|run.db|--query-path|queries", "typo.sql:1: types are integer, real, text,");
	refuses("largest|run.db|--query-path|run.db", "'run.db' is no directory");
	refuses("largest|run.db|--query-path|/no/such/directory", "cannot read");
}

/* Whoever writes a query file hears where its declaration is off; the answer comes all the same. */
static void test_declarations(void **state)
{
	const struct result *result = ask("off|run.db|--query-path|queries|--format|csv");
	(void)state;
	assert_string_equal(result->out, "three\r\n3\r\n");
	assert_non_null(strstr(result->err, "warning: queries/off.sql: declares the column 'two'"));
	assert_non_null(strstr(result->err, "warning: queries/off.sql: does not declare the column 'three'"));
	assert_int_equal(result->status, 0);
}

/* The user's configuration, $TTALLOC_QUERY_PATH before it; neither replaces what is built in. */
static void test_where_queries_are_found(void **state)
{
	(void)state;
	answers("mine|run.db|-q", 0, "seven\n    7\n");
	setenv("TTALLOC_QUERY_PATH", "/no/such/directory:queries", 1);
	says("largest|run.db", 0, "1572864");
	says("mine|run.db|--json", 0, "{\"seven\": 7}");
	says("help", 0, "Your queries:");
	says("help", 0, "broken.sql:2");
	unsetenv("TTALLOC_QUERY_PATH");
	says("info|run.db", 0, "tower");
	refuses("mine|run.db|--query-path|/no/such/directory", "cannot read");
}

static void test_copy(void **state)
{
	struct stat status;
	(void)state;
	answers("copy|run.db|out.db", 0, "");
	assert_int_equal(stat("out.db", &status), 0);
	says("leaks|out.db", 0, "1572864");
	refuses("copy|run.db|out.db", "out.db");
	answers("copy|run.db|out.db|--force", 0, "");
	refuses("copy|run.db|run.db", "run.db");
	refuses("copy|run.db", "usage");
}

static void test_files(void **state)
{
	struct stat status;
	(void)state;
	refuses("leaks|missing.db", "missing.db");
	assert_int_not_equal(stat("missing.db", &status), 0);
	refuses("leaks|schema.sql", "schema.sql");
	refuses("leaks|.", "directory");
	refuses("leaks|run.db|--db|run.db", "named twice");
	refuses("leaks|run.db|run.db", "the same file of a recording");
	refuses("diff|run.db", "OLD NEW");
	refuses("leak|run.db", "did you mean 'leaks'");
	refuses("leaks|evil\033[2J.db", "[2J.db: no such file");
	says("leaks|--db|run.db", 0, "1572864");
}

static void test_every_verb_explains_itself(void **state)
{
	static const char *const verbs[] = {"info",      "peak",     "leaks",     "failures",  "why",  "fragmentation",
	                                    "processes", "timeline", "diff",      "verify",    "copy", "sql",
	                                    "help",      "floor",    "temporary", "histogram", "top"};
	(void)state;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		char line[64], usage[64];
		snprintf(line, sizeof line, "help|%s", verbs[i]);
		snprintf(usage, sizeof usage, "Usage: ttalloc-analyze %s ", verbs[i]);
		says(line, 0, usage);
		says("--help", 0, verbs[i]);
		says("--dump-man", 0, verbs[i]);
		says("--complete|", 0, verbs[i]);
	}
}

/* What help sql names can be asked. */
static void test_reference(void **state)
{
	struct reference reference;
	size_t count = 0;
	(void)state;
	for (; reference_view(count, &reference); count++) {
		char line[REFERENCE_TEXT_MAX + 128];
		snprintf(line, sizeof line, "sql|SELECT %s FROM %s|run.db", reference.columns, reference.name);
		says(line, 0, "complete");
		says("help|sql", 0, reference.name);
		assert_true(reference.summary[0] != '\0');
	}
	assert_true(count >= 12);
	for (count = 0; reference_function(count, &reference); count++) {
		char line[REFERENCE_TEXT_MAX + 128];
		snprintf(line, sizeof line, "sql|SELECT %s FROM %.*s(1) LIMIT 1|run.db", reference.columns,
		         (int)strcspn(reference.name, "("), reference.name);
		says(strstr(reference.name, "()") ? "help|sql" : line, 0,
		     strstr(reference.name, "()") ? reference.name : "complete");
	}
	says("sql|SELECT max_bytes FROM buckets(10) WHERE for_device = 0 AND for_region = 'DRAM'|run.db", 0, "MiB");
	says("--dump-man", 0, "VIEWS AND FUNCTIONS");
}

static int run_python(const char *script, const char *argument)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		execlp("python3", "python3", script, argument, (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int make_place(void **state)
{
	char name[] = "/tmp/ttalloc-answers-XXXXXX";
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL || signal(SIGPIPE, SIG_IGN) == SIG_ERR || mkdtemp(name) == NULL ||
	    chdir(name) != 0 || mkdir("queries", 0700) != 0 || mkdir("ttalloc", 0700) != 0 ||
	    mkdir("ttalloc/queries", 0700) != 0 || (*state = strdup(name)) == NULL)
		return -1;
	unsetenv("TTALLOC_DB");
	unsetenv("TTALLOC_QUERY_PATH");
	setenv("XDG_CONFIG_HOME", name, 1);
	put_file("schema.sql", sql_schemas[0]);
	put_file("make.py", make_recording);
	put_file("queries/largest.sql", largest_sql);
	put_file("ttalloc/queries/mine.sql", "-- summary: mine\nSELECT 7 AS seven\n");
	put_file("ttalloc/queries/info.sql", "-- summary: not the real one\nSELECT 8 AS eight\n");
	put_file("queries/off.sql", "-- summary: off\n-- column: two count x\nSELECT 3 AS three\n");
	put_file("queries/grown.sql", "-- summary: grown\n-- param: by_bytes integer 0 how much\n"
	                              "-- column: delta_bytes bytes x\n-- exit: above delta_bytes\n"
	                              "SELECT :by_bytes - 3 AS delta_bytes\n");
	put_file("queries/typo.sql", "-- param: x int - y\nSELECT :x\n");
	put_file("queries/broken.sql", "-- summary: broken\n-- param: x\nSELECT 1\n");
	return run_python("make.py", "run.db") == 0 && run_python("make.py", "lossy.db") == 0 ? 0 : -1;
}

static int remove_place(void **state)
{
	static const char *const names[] = {"schema.sql",
	                                    "make.py",
	                                    "run.db",
	                                    "lossy.db",
	                                    "out.db",
	                                    "out",
	                                    "err",
	                                    "queries/largest.sql",
	                                    "queries/broken.sql",
	                                    "queries/off.sql",
	                                    "queries/grown.sql",
	                                    "queries/typo.sql",
	                                    "ttalloc/queries/mine.sql",
	                                    "ttalloc/queries/info.sql"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(names[i]);
	rmdir("queries");
	rmdir("ttalloc/queries");
	rmdir("ttalloc");
	int result = chdir("/") == 0 && rmdir(*state) == 0 ? 0 : -1; /* nothing else was made */
	free(*state);
	return result;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sql),
	    cmocka_unit_test(test_leaks),
	    cmocka_unit_test(test_incomplete),
	    cmocka_unit_test(test_over_time),
	    cmocka_unit_test(test_diff),
	    cmocka_unit_test(test_info),
	    cmocka_unit_test(test_unknown_to_the_recording),
	    cmocka_unit_test(test_labels),
	    cmocka_unit_test(test_windows),
	    cmocka_unit_test(test_user_query),
	    cmocka_unit_test(test_declarations),
	    cmocka_unit_test(test_where_queries_are_found),
	    cmocka_unit_test(test_copy),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_reference),
	    cmocka_unit_test(test_every_verb_explains_itself),
	};
	return cmocka_run_group_tests(tests, make_place, remove_place);
}
