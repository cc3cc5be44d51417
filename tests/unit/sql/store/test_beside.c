/* SPDX-License-Identifier: Apache-2.0
 *
 * test_beside.c - files that were laid beside a recording: asking it never writes, makes or deletes anything, and never
 * waits.
 */
#include "tests/unit/sql/fixture.h"

#include <sys/stat.h>

#include "sql/store/write.h"

static const char *const suffixes[] = {"-journal", "-wal", "-shm"};

struct planted {
	struct fixture fixture; /* the recording that the others are copies of */
	struct fixture copy;
};

static void shell(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	assert_int_equal(system(command), 0);
}

/* A folder with a copy of a recording whose writer was killed in MODE, in the middle of a transaction. */
static void plant(struct planted *planted, const char *mode)
{
	struct fixture *fixture = &planted->fixture;

	run(fixture,
	    "PRAGMA journal_mode = %s; PRAGMA wal_autocheckpoint = 0; UPDATE recording_info SET host = 'before'; "
	    "PRAGMA cache_size = 5; BEGIN; UPDATE recording_info SET host = 'half done'; "
	    "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
	    "INSERT INTO label_info SELECT i, NULL, 'name', 'path' FROM n",
	    mode);
	shell("mkdir %s/c && cp %s* %s/c", fixture->folder, fixture->path, fixture->folder);
	snprintf(planted->copy.path, sizeof(planted->copy.path), "%s/c/run.db", fixture->folder);
	run(fixture, "ROLLBACK");
}

static char *inventory(const struct planted *planted)
{
	static char text[2][4096];
	static int turn;
	char command[256], *to = text[turn ^= 1];

	snprintf(command, sizeof(command), "cd %s && ls -lR --time-style=full-iso && cksum c/*",
	         planted->fixture.folder);
	FILE *pipe = popen(command, "r");
	to[fread(to, 1, sizeof(text[0]) - 1, pipe)] = '\0';
	pclose(pipe);
	return to;
}

static int setup(void **state)
{
	struct planted *planted = calloc(1, sizeof(*planted));

	fixture_make(&planted->fixture);
	*state = planted;
	return 0;
}

static int teardown(void **state)
{
	struct planted *planted = *state;

	shell("rm -rf %s/c", planted->fixture.folder);
	fixture_remove(&planted->fixture);
	free(planted);
	return 0;
}

static void answers(struct planted *planted, const char *host)
{
	char *before = inventory(planted);

	opened(&planted->copy);
	expect_answer(&planted->copy, "SELECT host FROM recording", host);
	recording_close(planted->copy.recording);
	assert_string_equal(inventory(planted), before);
}

static void refuses(struct planted *planted, const char *part)
{
	struct sql_error error = {.text = ""};
	struct writer_identity identity;
	struct writer *writer;

	assert_null(recording_open(planted->copy.path, &error));
	if (!strstr(error.text, part))
		fail_msg("'%s' does not say '%s'", error.text, part);
	error.text[0] = '\0';
	assert_int_equal(writer_reopen(planted->copy.path, &writer, &identity, &error), -1);
	if (!strstr(error.text, part))
		fail_msg("'%s' does not say '%s'", error.text, part);
}

static void test_journal_is_played_back_in_a_copy(void **state)
{
	plant(*state, "DELETE");
	answers(*state, "before\n");
}

static void test_wal_and_shm_of_a_killed_writer(void **state)
{
	plant(*state, "WAL");
	answers(*state, "before\n");
}

static void test_bad_wal_stays(void **state)
{
	struct planted *planted = *state;

	plant(planted, "WAL");
	run(&planted->fixture, "PRAGMA wal_checkpoint(TRUNCATE)");
	shell("cp %s %s && rm -f %s-shm && echo nonsense > %s-wal", planted->fixture.path, planted->copy.path,
	      planted->copy.path, planted->copy.path);
	answers(planted, "before\n");
}

/* The mark of a transaction over several databases: what it names is deleted when the journal has been played back. */
static void append_super_journal(const char *journal, const char *victim)
{
	static const unsigned char magic[] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
	uint32_t length = (uint32_t)strlen(victim), sum = 0;
	FILE *file = fopen(journal, "a");

	for (uint32_t i = 0; i < length; i++)
		sum += (unsigned char)victim[i];
	uint32_t numbers[] = {htobe32(0x40000000 / 16384 + 1), htobe32(length), htobe32(sum)};
	fwrite(&numbers[0], 4, 1, file);
	fwrite(victim, 1, length, file);
	fwrite(&numbers[1], 4, 2, file);
	fwrite(magic, 1, sizeof(magic), file);
	assert_int_equal(fclose(file), 0);
}

static void test_journal_that_names_a_file(void **state)
{
	struct planted *planted = *state;
	char victim[96], journal[96];

	plant(planted, "DELETE");
	snprintf(victim, sizeof(victim), "%s/c/victim", planted->fixture.folder);
	snprintf(journal, sizeof(journal), "%s-journal", planted->copy.path);
	shell("echo precious > %s", victim);
	append_super_journal(journal, victim);
	char *before = inventory(planted);
	refuses(planted, "names another file");
	assert_string_equal(inventory(planted), before);
}

static void test_pipes_and_links(void **state)
{
	struct planted *planted = *state;
	const char *copy = planted->copy.path;

	plant(planted, "DELETE");
	for (size_t i = 0; i < 3; i++) {
		shell("rm -f %s-* && mkfifo %s%s", copy, copy, suffixes[i]);
		refuses(planted, "not a plain file");
		shell("rm -f %s-* && echo precious > %s.precious && ln -s %s.precious %s%s", copy, copy, copy, copy,
		      suffixes[i]);
		refuses(planted, "not a plain file");
		shell("grep -q precious %s.precious", copy);
	}
}

static void test_hard_links(void **state)
{
	struct planted *planted = *state;
	const char *copy = planted->copy.path;

	plant(planted, "WAL");
	for (size_t i = 0; i < 3; i++) {
		struct sql_error error = {.text = ""};
		struct writer_identity identity;
		struct writer *writer;

		shell("touch %s%s && ln %s%s %s.other", copy, suffixes[i], copy, suffixes[i], copy);
		char *before = inventory(planted);
		recording_close(recording_open(copy, &error));
		assert_int_equal(writer_reopen(copy, &writer, &identity, &error), -1);
		assert_non_null(strstr(error.text, "hard link"));
		assert_string_equal(inventory(planted), before);
		shell("rm %s.other", copy);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_journal_is_played_back_in_a_copy, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_wal_and_shm_of_a_killed_writer, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_wal_stays, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_journal_that_names_a_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pipes_and_links, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hard_links, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
