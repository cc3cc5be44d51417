/* SPDX-License-Identifier: Apache-2.0
 *
 * ingest_open.c - making a recording, or going on with one.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "ingest_private.h"
#include "resume.h"
#include "ttalloc.h"
#include "sql/base/machine.h"

#define CHUNKS 3u /* in all: one is filled, one is committed, one waits */

static void describe_recording(const struct ingest_options *options, struct writer_identity *identity)
{
	const struct passwd *user = getpwuid(getuid());
	uint8_t id[TTA_ID_BYTES];

	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		memcpy(id, (uint64_t[]){(uint64_t)clock_ns(CLOCK_REALTIME), (uint64_t)getpid()}, sizeof(id));
	segment_id_format(id, identity->uuid);
	identity->version = TTALLOC_VERSION;
	identity->start_monotonic_ns = (int64_t)options->start_monotonic_ns;
	identity->start_realtime_ns =
	    clock_ns(CLOCK_REALTIME) - (monotonic_ns() - (int64_t)options->start_monotonic_ns);
	machine_boot_id(identity->boot_id, sizeof(identity->boot_id));
	if (gethostname(identity->host, sizeof(identity->host) - 1) != 0)
		identity->host[0] = '\0';
	if (user)
		snprintf(identity->user, sizeof(identity->user), "%s", user->pw_name);
	else
		snprintf(identity->user, sizeof(identity->user), "%u", (unsigned)getuid());
	if (!getcwd(identity->directory, sizeof(identity->directory)))
		identity->directory[0] = '\0';
	snprintf(identity->socket, sizeof(identity->socket), "%s", options->socket ? options->socket : "");
	identity->command = options->command;
	identity->job = options->job;
	identity->rank = options->rank;
}

static bool load_anchor(void *context, const void *untyped)
{
	const struct clock_row *row = untyped;
	struct ingest *ingest = context;

	ingest->anchors =
	    memory_room(ingest->anchors, ingest->anchor_count, &ingest->anchor_capacity, sizeof(*ingest->anchors));
	ingest->anchors[ingest->anchor_count][0] = (uint64_t)row->ticks;
	ingest->anchors[ingest->anchor_count++][1] = (uint64_t)row->at_monotonic_ns;
	return true;
}

static int open_writer(struct ingest *ingest, const struct ingest_options *options, struct writer_identity *identity,
                       struct sql_error *error)
{
	if (!options->append) {
		describe_recording(options, identity);
		return writer_create(options->path, identity, &ingest->writer, error);
	}
	if (writer_reopen(options->path, &ingest->writer, identity, error) != 0 ||
	    resume(&ingest->ledger, ingest->totals, ingest->writer, error) != 0)
		return -1;
	ingest->ledger.chunk->first_key = ingest->ledger.next_key;
	return writer_load(ingest->writer, LOAD_CLOCKS, load_anchor, ingest, error);
}

static struct ingest *ingest_new(void)
{
	struct ingest *ingest = memory_zeroed(sizeof(*ingest));

	ingest->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ingest->totals = totals_new();
	ingest->ledger.dictionary = dictionary_new();
	ingest->ledger.range_words = range_words_new();
	ingest->ledger.next_key = 1;
	ingest->ledger.chunk = chunk_new();
	chunk_clear(ingest->ledger.chunk, ++ingest->chunk_serial, 1);
	for (unsigned i = 1; i < CHUNKS; i++) {
		struct chunk *chunk = chunk_new();

		chunk->next = ingest->vacant;
		ingest->vacant = chunk;
	}
	return ingest;
}

void ingest_free(struct ingest *ingest)
{
	struct ledger *ledger = &ingest->ledger;

	for (size_t i = 0; i < ledger->process_count; i++) {
		process_drop_holdings(ledger->processes[i]);
		free(ledger->processes[i]->segment_path);
		free(ledger->processes[i]);
	}
	free(ledger->processes);
	index_free(&ledger->process_index);
	free(ledger->regions);
	index_free(&ledger->region_index);
	free(ledger->touched);
	chips_free(ledger);
	dictionary_free(ledger->dictionary);
	range_words_free(ledger->range_words);
	chunk_free(ledger->chunk);
	for (struct chunk *chunk = ingest->vacant, *next; chunk; chunk = next) {
		next = chunk->next;
		chunk_free(chunk);
	}
	totals_free(ingest->totals);
	writer_close(ingest->writer);
	free(ingest->anchors);
	close(ingest->event_fd);
	free(ingest);
}

int ingest_open(const struct ingest_options *options, struct ingest **made, struct ingest_recording *recording,
                struct sql_error *error)
{
	struct ingest *ingest = ingest_new();
	struct writer_identity identity = {0};
	struct sql_error why = {{0}};

	ingest->ledger.observer = options->observer;
	if (open_writer(ingest, options, &identity, &why) != 0)
		goto failed;
	ingest->committer = committer_start(ingest->writer, ingest->totals, ingest->event_fd);
	if (!ingest->committer) {
		snprintf(why.text, sizeof(why.text), "no thread could be started: %s", strerror(errno));
		goto failed;
	}
	*recording = (struct ingest_recording){
	    .start_monotonic_ns = (uint64_t)identity.start_monotonic_ns,
	    .clean = identity.clean,
	};
	segment_id_parse(identity.uuid, strlen(identity.uuid), recording->id);
	memcpy(recording->socket, identity.socket, sizeof(recording->socket));
	memcpy(recording->boot_id, identity.boot_id, sizeof(recording->boot_id));
	*made = ingest;
	return 0;
failed:
	snprintf(error->text, sizeof(error->text), "%s", why.text);
	ingest_free(ingest);
	return -1;
}
