/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.c - see checkpoint.h.
 */
#include "checkpoint.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>

struct checkpointer {
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows, up to the blank line */
	pthread_cond_t changed;
	bool wanted, stopping; /* WANTED: until it is done */

	sqlite3 *db; /* the thread's own */
};

static void *run(void *context)
{
	struct checkpointer *checkpointer = context;

	pthread_setname_np(pthread_self(), "checkpoint");
	pthread_mutex_lock(&checkpointer->lock);
	for (;;) {
		while (!checkpointer->wanted && !checkpointer->stopping)
			pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
		if (!checkpointer->wanted)
			break;
		pthread_mutex_unlock(&checkpointer->lock);
		/* what it could not do is left for the next one */
		sqlite3_wal_checkpoint_v2(checkpointer->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		pthread_mutex_lock(&checkpointer->lock);
		checkpointer->wanted = false;
		pthread_cond_broadcast(&checkpointer->changed);
	}
	pthread_mutex_unlock(&checkpointer->lock);
	return NULL;
}

/* Signals are for other threads. */
static int start_thread(struct checkpointer *checkpointer)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	code = pthread_create(&checkpointer->thread, NULL, run, checkpointer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* That there is a -wal is known from the first row that was read. Nothing else that the file brings along is. */
static int open_database(struct checkpointer *checkpointer, const char *path, const char *vfs)
{
	int code = sqlite3_open_v2(path, &checkpointer->db,
	                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, vfs);

	if (code != SQLITE_OK)
		return code;
	sqlite3_db_config(checkpointer->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(checkpointer->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(checkpointer->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return sqlite3_exec(checkpointer->db,
	                    "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; "
	                    "SELECT count(*) FROM sqlite_schema",
	                    NULL, NULL, NULL);
}

struct checkpointer *checkpointer_start(const char *path, const char *vfs)
{
	struct checkpointer *checkpointer = calloc(1, sizeof(*checkpointer));

	if (!checkpointer)
		return NULL;
	pthread_mutex_init(&checkpointer->lock, NULL);
	pthread_cond_init(&checkpointer->changed, NULL);
	if (open_database(checkpointer, path, vfs) == SQLITE_OK && start_thread(checkpointer) == 0)
		return checkpointer;
	sqlite3_close(checkpointer->db);
	pthread_cond_destroy(&checkpointer->changed);
	pthread_mutex_destroy(&checkpointer->lock);
	free(checkpointer);
	return NULL;
}

void checkpointer_stop(struct checkpointer *checkpointer)
{
	if (!checkpointer)
		return;
	pthread_mutex_lock(&checkpointer->lock);
	checkpointer->stopping = true;
	pthread_cond_broadcast(&checkpointer->changed);
	pthread_mutex_unlock(&checkpointer->lock);
	pthread_join(checkpointer->thread, NULL);
	sqlite3_close(checkpointer->db);
	pthread_cond_destroy(&checkpointer->changed);
	pthread_mutex_destroy(&checkpointer->lock);
	free(checkpointer);
}

bool checkpointer_begin(struct checkpointer *checkpointer)
{
	bool begins;

	pthread_mutex_lock(&checkpointer->lock);
	begins = !checkpointer->wanted;
	checkpointer->wanted = true;
	pthread_cond_broadcast(&checkpointer->changed);
	pthread_mutex_unlock(&checkpointer->lock);
	return begins;
}

void checkpointer_wait(struct checkpointer *checkpointer)
{
	pthread_mutex_lock(&checkpointer->lock);
	while (checkpointer->wanted)
		pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
	pthread_mutex_unlock(&checkpointer->lock);
}
