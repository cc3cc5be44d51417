/* SPDX-License-Identifier: Apache-2.0
 *
 * What ttnn wrote, by anybody: graph captures and tables of blocks as they come, and patches of a sound report's
 * database (first byte 0xff; then u32 place, modulo its size, and u8 value each). What comes out has to be sound.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/answers/query.h"
#include "sql/import/import.h"

#define REPORT 0xff

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char path[64], out[72];
static uint8_t *sound;
static size_t sound_bytes;

static const char rows[] =
    "CREATE TABLE operations(operation_id INT, name TEXT, duration FLOAT, rank INT);"
    "CREATE TABLE buffers(operation_id INT, device_id INT, address INT, max_size_per_bank INT, buffer_type INT);"
    "CREATE TABLE tensors(tensor_id INT, device_id INT); CREATE TABLE device_tensors(tensor_id INT, device_id INT);"
    "CREATE TABLE captured_graph(operation_id INT, captured_graph TEXT);"
    "CREATE TABLE devices(device_id INT, l1_num_banks INT, l1_bank_size INT, address_at_first_l1_cb_buffer INT);"
    "INSERT INTO devices VALUES(0, 130, 1461120, 111744); INSERT INTO tensors VALUES(1, 1);"
    "INSERT INTO device_tensors VALUES(1, 0); INSERT INTO operations VALUES(1, 'a', 0.1, 0), (2, 'b', 0.2, 0);"
    "INSERT INTO captured_graph VALUES(1, '[{\"node_type\":\"tensor\",\"params\":{\"device_tensors\":"
    "\"[{\\\"device_id\\\":0,\\\"mesh_device_id\\\":1}]\"}}]');"
    "INSERT INTO buffers VALUES(1, 1, 64, 2048, 0), (1, 1, 4096, 64, 1), (2, 1, 64, 4096, 0), (2, 1, 128, 32, 3);";

static void remove_files(void)
{
	unlink(path);
	unlink(out);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	sqlite3_int64 bytes = 0;
	sqlite3 *db;

	(void)argc;
	(void)argv;
	if (sqlite3_open(":memory:", &db) || sqlite3_exec(db, rows, NULL, NULL, NULL))
		exit(1);
	sound = sqlite3_serialize(db, "main", &bytes, 0);
	sound_bytes = (size_t)bytes;
	sqlite3_close(db);
	snprintf(path, sizeof(path), "%s/ttalloc-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	close(mkstemp(path));
	snprintf(out, sizeof(out), "%s.db", path);
	atexit(remove_files);
	return sound ? 0 : 1;
}

static void write_report(int fd, const uint8_t *data, size_t size)
{
	uint8_t *current = malloc(sound_bytes);

	memcpy(current, sound, sound_bytes);
	for (size_t i = 0; i + 5 <= size; i += 5) {
		uint32_t place;

		memcpy(&place, data + i, 4);
		current[place % sound_bytes] = data[i + 4];
	}
	if (write(fd, current, sound_bytes) != (ssize_t)sound_bytes)
		abort();
	free(current);
}

static void check_sound(void)
{
	struct sql_error error;
	struct recording *recording = recording_open(out, &error);

	if (!recording) {
		fprintf(stderr, "%s\n", error.text);
		abort();
	}
	if (recording_complete(recording, NULL))
		abort();
	recording_close(recording);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct import_options options = {.version = "0", .force = true};
	const char *const paths[] = {path};
	struct sql_error error;
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (size && data[0] == REPORT)
		write_report(fd, data + 1, size - 1);
	else if (write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
	if (import_files(out, paths, 1, &options, &error) == 0)
		check_sound();
	return 0;
}
