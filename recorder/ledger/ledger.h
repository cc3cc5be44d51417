/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger.h - what the thread that takes events in knows: processes and what they hold, the dictionaries, and the chunk
 * that is being filled. Shared by the files of the back half only.
 */
#ifndef RECORDER_LEDGER_H
#define RECORDER_LEDGER_H

#include "sql/totals/cbs.h"
#include "chunk.h"
#include "dictionary.h"
#include "ingest.h"
#include "blocks.h"
#include "crosscheck.h"
#include "range_words.h"
#include "ranges.h"
#include "served_cores.h"
#include "stacks.h"
#include "sql/store/write.h"
#include "sql/totals/region_total.h"

/* A hostile client must not fill our memory with devices and regions that do not exist. */
#define MOST_REGION_TOTALS 4096u
#define MOST_ATTRIBUTIONS (1u << 20) /* per process; beyond, events lose thread, label and stack, which is counted */
#define MOST_ADDRESSES (1u << 20) /* per forked process; beyond, unmatched frees count as inherited, which is noted */
#define SIZE_BITS ((1ull << 48) - 1) /* larger sizes count as this */

/* What an event says of where it comes from, before its names are looked up. In words, since every event has it hashed
 * and compared. */
struct raw_attribution {
	uint64_t thread_label; /* entries; thread in the upper half */
	uint64_t stack_place;  /* place: device and allocator, as ttalloc_on() joins them */
	uint32_t what;         /* region, flags, ended: 16, 8 and 8 bits from the top */
};

static inline struct raw_attribution raw_attribution(uint32_t thread_entry, uint32_t label, uint32_t stack,
                                                     uint32_t place)
{
	return (struct raw_attribution){.thread_label = (uint64_t)thread_entry << 32 | label,
	                                .stack_place = (uint64_t)stack << 32 | place};
}

static inline uint32_t raw_attribution_what(uint32_t region, uint8_t flags, uint8_t ended)
{
	return region << 16 | (uint32_t)flags << 8 | ended;
}

struct cached_attribution {
	struct raw_attribution raw;
	uint32_t id;
};

/* All that dies with a process. */
struct holdings {
	struct blocks blocks;
	struct cbs cbs;
	struct region_total *region_totals; /* number 1 is region_totals[0] */
	size_t region_total_count, region_total_capacity;
	struct index region_total_index;
	struct cached_attribution *attributions;
	size_t attribution_count, attribution_capacity;
	struct index attribution_index;
	struct stacks stacks;
	struct ranges ranges;
	struct crosscheck crosscheck;
	struct served_cores cores;
	struct index addresses;  /* hashes of all ever allocated; only for forked processes */
	bool addresses_are_some; /* which a note says */
};

struct process {
	uint32_t id, parent, chunk; /* chunk: serial of the chunk in which it changed last */
	uint8_t segment_id[TTA_ID_BYTES], parent_id[TTA_ID_BYTES];
	char *segment_path;
	uint64_t first_number, taken_number, committed_number;
	uint64_t last_ns;
	uint64_t events, failures, lost, unmatched_frees, inherited_frees, replaced;
	uint64_t ended_ns;
	const char *ended;                  /* static; NULL: alive */
	bool unobserved;                    /* the observer knows what it holds */
	bool hooked;                        /* a hook of TT-Metal reports it */
	bool turned_away;                   /* which is said in a row of loss */
	bool renumbered;                    /* some device has another number in the recording */
	bool forked, ended_committed, news; /* news: committed_number rose since ingest_take_committed() */
	struct holdings *holdings;          /* NULL: ended */
};

/* A device and region, over all processes: where its delta in the current chunk is. */
struct region_place {
	uint32_t device, region, chunk;
	size_t delta;
};

struct open_batch {
	int64_t first_key, last_key;
	uint32_t process; /* 0: none */
	uint64_t first_number, count, from_ns, to_ns, marks;
};

struct ledger {
	const struct ingest_observer *observer; /* NULL: nobody */
	struct dictionary *dictionary;
	struct range_words *range_words;
	struct chunk *chunk;
	int64_t next_key;
	uint64_t last_ns;           /* latest event of all */
	struct process **processes; /* id 1 is processes[0] */
	size_t process_count, process_capacity;
	struct index process_index; /* by segment_id */
	struct region_place *regions;
	size_t region_count, region_capacity;
	struct index region_index;
	uint32_t *touched; /* ids of processes that changed in this chunk */
	size_t touched_count, touched_capacity;
	struct open_batch batch;
	struct ingest_totals totals;
	uint64_t *chosen;             /* a bit for each device that is recorded; NULL: all are */
	struct known_device *devices; /* which device of the recording is which of a process */
	size_t device_count, device_capacity;
	struct index device_index; /* by process and its own number */
};

/* process.c */
void segment_id_format(const uint8_t *segment_id, char text[2 * TTA_ID_BYTES + 1]);
bool segment_id_parse(const char *text, size_t bytes, uint8_t *segment_id);
struct process *process_new(struct ledger *ledger, const uint8_t *segment_id);
/* Ids up to LAST_ID are those of processes of earlier files. */
void process_skip(struct ledger *ledger, uint32_t last_id);
struct process *process_find(const struct ledger *ledger, const uint8_t *segment_id);
struct process *process_by_id(const struct ledger *ledger, uint32_t id);
void process_touch(struct ledger *ledger, struct process *process);
void process_drop_holdings(struct process *process);
/* The number of the total, made when it is new; 0: there are too many. */
uint32_t process_region_total(struct ledger *ledger, struct process *process, uint32_t device, uint32_t region);
uint32_t process_find_region_total(const struct holdings *holdings, uint32_t device, uint32_t region);
/* Applies CHANGE, whose process, time and key are set, to a total and to the totals of all processes. */
void process_change(struct ledger *ledger, struct process *process, uint32_t total, const struct usage_change *change);
/* Applies it to the totals of all processes only. */
void ledger_change(struct ledger *ledger, uint32_t region, const struct usage_change *change);
/* PRODUCERS: the name of who reports it, or several, as the file has them. */
void process_note_producer(struct process *process, const char *producers, size_t bytes);
/* Remembers that a forked process itself had something at ADDRESS. False: it had too much. */
bool process_remember_address(struct process *process, uint64_t address, bool kernel);
bool process_inherited(const struct process *process, uint64_t address, bool kernel);
void process_log_state(const struct ledger *ledger, struct process *process, struct rowlog *log);

/* attributions.c */

/* *IS_BARE becomes true when the process has too many: then RAW's thread, label and stack are not in it. */
uint32_t attribution_id(struct ledger *ledger, struct process *process, const struct ingest_table *table,
                        const struct raw_attribution *raw, bool *is_bare);
uint32_t attribution_thread(struct ledger *ledger, const struct process *process, const struct ingest_table *table,
                            uint32_t thread_entry);
uint32_t attribution_label(struct ledger *ledger, const struct ingest_table *table, uint32_t label);
uint32_t attribution_stack(struct ledger *ledger, const struct process *process, const struct ingest_table *table,
                           uint32_t stack);

/* file.c: the recording goes on in another file, after BEGIN: what is counted for each file begins anew. */
void ledger_begin_file(struct ledger *ledger, const struct file_begin *begin);

/* ranges.c: writes what has happened to the ranges of PROCESS, which lives, since the last commit. */
void ranges_log(struct ledger *ledger, struct process *process);

/* events.c */
void events_apply(struct ledger *ledger, struct process *process, const struct ingest_batch *batch, uint32_t skip);
void ledger_flush_batch(struct ledger *ledger);
/* PROCESS: NULL, when nobody knows whose it was. */
void ledger_loss(struct ledger *ledger, struct process *process, uint32_t thread, const struct ingest_loss *loss);

/* chips.c */

/* What a process says of a device that it opens. Texts without bytes: not known, and all chips. */
struct device_claim {
	uint32_t process, number;
	struct row_text chip, visible;
};

/* The recording's number for the device of CLAIM, from now on. */
uint32_t chips_opened(struct ledger *ledger, const struct device_claim *claim);

/* Whether the device of CLAIM may be one that a process alive AT_NS has under another number, or the other way round.
 */
bool chips_are_uncertain(const struct ledger *ledger, const struct device_claim *claim, uint64_t at_ns);

/* EVENT of PROCESS with the recording's number, made in COPY if it is another one than its own. An opening keeps its
 * own. */
const struct tta_event *chips_renumber(const struct ledger *ledger, const struct process *process,
                                       const struct tta_event *event, struct tta_event *copy);

/* What chips_opened() said in an earlier run. */
void chips_restore(struct ledger *ledger, const struct device_claim *claim, uint32_t device);

/* Records only DEVICES, JSON as the file has it; "": all. */
void chips_choose(struct ledger *ledger, const char *devices);

/* Whether what happens on DEVICE is recorded. */
bool chips_are_chosen(const struct ledger *ledger, uint32_t device);

void chips_free(struct ledger *ledger);

#endif
