/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c - the answer in words: who sits in the window, one sentence, and a picture of the bank. All of it follows
 * from the figures and the blocks.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/store/recording.h"
#include "private.h"
#include "sql/base/units.h"

#define GROUPS_NAMED 3
#define BLOCKS_SHOWN 8
#define NAME_MAX_BYTES 100
#define PHRASE 1024
#define EXACT_BELOW 10240 /* bytes that a sentence counts one by one */

/* Blocks of one label, operation, tensor and size that would have to go. */
struct group {
	char *whose;   /* these, in words */
	int64_t bytes; /* of each */
	size_t blocks;
};

struct groups {
	struct group *list;
	size_t count;
	size_t blocks;
	uint64_t bytes;
};

/* What the occupants lie in, and the free space around them. */
struct span {
	uint64_t low, high;
};

void why_add_line(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	if (used + 2 >= WHY_TEXT)
		return;
	if (used)
		text[used++] = '\n';
	va_start(arguments, format);
	vsnprintf(text + used, WHY_TEXT - used, format, arguments);
	va_end(arguments);
	for (char *at = text + used; *at; at++)
		if (*at == '\n')
			*at = ' ';
}

/* The bytes of TEXT that fit MOST, with no character cut. */
static int fitting(const char *text, size_t most)
{
	size_t bytes = strnlen(text, most + 1);

	if (bytes > most)
		for (bytes = most; bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80;)
			bytes--;
	return (int)bytes;
}

/* Appends NAME between BEFORE and BEHIND to TEXT, if there is one; part of it, if it is long. */
static void add_name(char *text, size_t bytes, const char *before, const char *name, const char *behind)
{
	size_t used = strlen(text);

	if (name)
		snprintf(text + used, bytes - used, "%s%.*s%s%s", before, fitting(name, NAME_MAX_BYTES), name,
		         strlen(name) > NAME_MAX_BYTES ? "..." : "", behind);
}

/* ---- Groups ---- */

static int by_whose(const void *a, const void *b)
{
	const struct group *first = a, *second = b;
	int order = strcmp(first->whose, second->whose);

	return order ? order : (first->bytes > second->bytes) - (first->bytes < second->bytes);
}

static int most_first(const void *a, const void *b)
{
	const struct group *first = a, *second = b;

	if (first->blocks != second->blocks)
		return first->blocks > second->blocks ? -1 : 1;
	if (first->bytes != second->bytes)
		return first->bytes > second->bytes ? -1 : 1;
	return by_whose(a, b);
}

static void merge_groups(struct groups *groups)
{
	size_t kept = 0;

	if (groups->count == 0)
		return;
	qsort(groups->list, groups->count, sizeof(*groups->list), by_whose);
	for (size_t i = 1; i < groups->count; i++) {
		if (by_whose(&groups->list[kept], &groups->list[i]) == 0) {
			groups->list[kept].blocks++;
			free(groups->list[i].whose);
		} else {
			groups->list[++kept] = groups->list[i];
		}
	}
	groups->count = kept + 1;
	qsort(groups->list, groups->count, sizeof(*groups->list), most_first);
}

static void free_groups(struct groups *groups)
{
	for (size_t i = 0; i < groups->count; i++)
		free(groups->list[i].whose);
	free(groups->list);
}

static const char whose_sql[] =
    "SELECT (SELECT path FROM main.label_info WHERE id = o.label), attribution('opname', o.id, ?2, NULL), "
    "attribution('tensor', o.id, NULL, NULL) FROM main.origin o WHERE o.id = ?1";

/* "of label X", "of MatmulDeviceOperation (1x1x32x32 bfloat16 TILE, L1 interleaved), label X", "without a label". NULL:
 * no memory. */
static char *whose_of(sqlite3_stmt *row, const struct why_block *block)
{
	const char *label = NULL, *op = NULL, *tensor = NULL;
	char text[4 * NAME_MAX_BYTES] = "";

	sqlite3_reset(row);
	sqlite3_bind_int64(row, 1, block->origin);
	sqlite3_bind_int64(row, 2, block->key);
	if (sqlite3_step(row) == SQLITE_ROW) {
		label = (const char *)sqlite3_column_text(row, 0);
		op = (const char *)sqlite3_column_text(row, 1);
		tensor = (const char *)sqlite3_column_text(row, 2);
	}
	add_name(text, sizeof(text), " of ", op, "");
	add_name(text, sizeof(text), op ? " (" : " of ", tensor, op ? ")" : "");
	add_name(text, sizeof(text), *text ? ", label " : " of label ", label, "");
	return strdup(*text ? text : " without a label");
}

static int add_group(struct groups *groups, sqlite3_stmt *row, const struct why_block *block)
{
	char *whose = whose_of(row, block);

	if (!whose)
		return -1;
	groups->list[groups->count++] = (struct group){whose, block->bank_bytes, 1};
	return 0;
}

/* Of blocks that touch, those like the last that would have to go: it was put there because of them. */
static int add_neighbours(struct groups *groups, const struct why *why, sqlite3_stmt *row)
{
	uint64_t end = 0;

	for (size_t i = 0; why->verdict == WHY_CLASH && i < why->block_count; i++) {
		const struct why_block *block = &why->blocks[i];

		if (block->aliased)
			continue;
		if (!block->occupies) {
			if (block->start != end || groups->count == 0)
				return 0;
			if (add_group(groups, row, block) < 0)
				return -1;
			if (by_whose(&groups->list[groups->count - 2], &groups->list[groups->count - 1]) != 0) {
				free(groups->list[--groups->count].whose);
				return 0;
			}
		}
		end = block->end;
	}
	return 0;
}

static int collect_groups(struct recording *recording, const struct why *why, struct groups *groups,
                          struct sql_error *error)
{
	sqlite3_stmt *row = recording_prepare(recording, whose_sql, error);
	int result = 0;

	*groups = (struct groups){0};
	if (!row)
		return -1;
	groups->list = calloc(why->block_count + 1, sizeof(*groups->list));
	for (size_t i = 0; groups->list && result == 0 && i < why->block_count; i++)
		if (why->blocks[i].occupies && !why->blocks[i].aliased)
			result = add_group(groups, row, &why->blocks[i]);
	if (groups->list && result == 0)
		result = add_neighbours(groups, why, row);
	sqlite3_finalize(row);
	if (!groups->list || result < 0)
		return sql_fail(error, "out of memory");
	groups->blocks = groups->count;
	for (size_t i = 0; i < groups->count; i++)
		groups->bytes += (uint64_t)groups->list[i].bytes;
	merge_groups(groups);
	return 0;
}

/* ---- Words ---- */

__attribute__((format(printf, 2, 3))) static void add(char *phrase, const char *format, ...)
{
	size_t used = strlen(phrase);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(phrase + used, PHRASE - used, format, arguments);
	va_end(arguments);
}

static void add_count(char *phrase, size_t count)
{
	static const char *const words[] = {"no",    "one",   "two",  "three", "four",   "five",  "six",
	                                    "seven", "eight", "nine", "ten",   "eleven", "twelve"};

	if (count < sizeof(words) / sizeof(*words))
		add(phrase, "%s", words[count]);
	else
		add(phrase, "%zu", count);
}

static void add_bytes(char *phrase, uint64_t bytes)
{
	char text[UNITS_TEXT_MAX];

	units_bytes_in_words(text, (int64_t)bytes, 1, EXACT_BELOW);
	add(phrase, "%s", text);
}

/* "three 64-byte blocks of label X, one 128-byte block without a label and five others" */
static void add_groups(char *phrase, const struct groups *groups)
{
	size_t left = groups->blocks;

	for (size_t i = 0; i < groups->count && i < GROUPS_NAMED; i++) {
		const struct group *group = &groups->list[i];

		left -= group->blocks;
		if (i)
			add(phrase, "%s", left == 0 ? " and " : ", ");
		add_count(phrase, group->blocks);
		add(phrase, " ");
		if (group->bytes < EXACT_BELOW)
			add(phrase, "%" PRId64 "-byte", group->bytes);
		else
			add_bytes(phrase, (uint64_t)group->bytes);
		add(phrase, " block%s", group->blocks == 1 ? "" : "s");
		add(phrase, "%s", group->whose);
	}
	if (left) {
		add(phrase, " and ");
		add_count(phrase, left);
		add(phrase, " other%s", left == 1 ? "" : "s");
	}
}

static struct span find_span(const struct why_bank *bank, const struct why *why)
{
	uint64_t low = (uint64_t)why->window_address, high = low + (uint64_t)why->window_bytes;
	struct span span = {bank->low, bank->high};

	for (size_t i = 0; i < why->block_count; i++) {
		const struct why_block *block = &why->blocks[i];

		if (block->aliased || block->occupies)
			continue;
		if (block->end <= low && block->end > span.low)
			span.low = block->end;
		if (block->start >= high && block->start < span.high)
			span.high = block->start;
	}
	return span;
}

/* "split the top 230.4 KiB of every bank" */
static void add_place(char *phrase, const struct why_bank *bank, const struct why *why, const struct groups *groups)
{
	struct span span = find_span(bank, why);
	bool fills = groups->bytes > (span.high - span.low) / 2;
	bool one = groups->blocks == 1;

	add(phrase, fills ? " hold%s %s" : " split%s %s", one ? "s" : "", fills ? "most of " : "");
	if (span.low == bank->low && span.high == bank->high)
		add(phrase, "all ");
	else if (span.low == bank->low || span.high == bank->high)
		add(phrase, "the %s ", span.high == bank->high ? "top" : "bottom");
	add_bytes(phrase, span.high - span.low);
	add(phrase, " of every bank");
	if (span.low != bank->low && span.high != bank->high)
		add(phrase, " from 0x%" PRIx64 " on", span.low);
}

static void add_culprits(char *phrase, const struct why_bank *bank, const struct why *why, const struct groups *groups)
{
	add_groups(phrase, groups);
	add_place(phrase, bank, why, groups);
}

static void make_sentence(const struct why_bank *bank, struct why *why, const struct groups *groups)
{
	char phrase[PHRASE] = "";

	switch (why->verdict) {
	case WHY_EXHAUSTED:
		add(phrase,
		    "missed by %" PRId64 " B: %" PRId64 " B are needed, and only %" PRId64
		    " B are free in each bank, at most %" PRId64 " B in one piece",
		    why->missing_bytes, why->needed_bytes, why->free_bytes, why->largest_free_bytes);
		if (groups->blocks == 0)
			break;
		add(phrase, "; cheapest to free: ");
		add_groups(phrase, groups);
		break;
	case WHY_FRAGMENTED:
		add(phrase, "missed by %" PRId64 " B", why->missing_bytes);
		if (groups->blocks) {
			add(phrase, " because ");
			add_culprits(phrase, bank, why, groups);
		}
		add(phrase, "; %" PRId64 " B are free in each, at most %" PRId64 " B in one piece", why->free_bytes,
		    why->largest_free_bytes);
		break;
	case WHY_CLASH:
		add(phrase, "missed by %" PRId64 " B", why->missing_bytes);
		if (groups->blocks) {
			add(phrase, " because ");
			add_groups(phrase, groups);
			add(phrase, " hold%s the L1 floor", groups->blocks == 1 ? "s" : "");
		}
		add(phrase, ": %s reach up to 0x%" PRIx64 ", and L1's lowest block begins at 0x%" PRIx64, why->grower,
		    (uint64_t)why->cb_end_address, (uint64_t)why->floor_address);
		break;
	case WHY_CONSTRAINT:
		add(phrase,
		    "a free piece of %" PRId64 " B would have held the %" PRId64
		    " B: something else than space forbade it, such as an alignment of its own, a bound, or "
		    "what is free on some cores only",
		    why->largest_free_bytes, why->needed_bytes);
		break;
	case WHY_FITS:
		add(phrase, "it fits: %" PRId64 " B are free in each bank, up to %" PRId64 " B in one piece",
		    why->free_bytes, why->largest_free_bytes);
		break;
	}
	snprintf(why->sentence, sizeof(why->sentence), "%s", phrase);
}

/* ---- Those who would have to go ---- */

static const char occupant_sql[] =
    "SELECT (SELECT path FROM main.label_info WHERE id = o.label), p.pid, "
    "(SELECT s.number FROM main.step_mark s WHERE s.process = o.process AND s.key < ?2 ORDER BY s.key DESC LIMIT 1), "
    "stack_brief((SELECT frames FROM main.stack_info WHERE id = o.stack)), class_word(o.class), "
    "attribution('op', o.id, ?2, NULL), attribution('tensor', o.id, NULL, NULL) "
    "FROM main.origin o LEFT JOIN main.process_info p ON p.id = o.process WHERE o.id = ?1";

/* ", 1.5 ms old"; nothing when the times contradict each other. */
static void format_age(char *text, size_t bytes, int64_t born_ns, int64_t at_ns)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double age = (double)at_ns - (double)born_ns;
	size_t unit = 0;

	for (; age >= 1000 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
		age /= 1000;
	text[0] = '\0';
	if (at_ns >= born_ns)
		snprintf(text, bytes, ", %.4g %s old", age, units[unit]);
}

static void tell_occupant(struct why *why, const struct why_block *block, sqlite3_stmt *row)
{
	char step[40] = "", age[40] = "";
	const char *label = (const char *)sqlite3_column_text(row, 0);
	const char *site = (const char *)sqlite3_column_text(row, 3);
	const char *op = (const char *)sqlite3_column_text(row, 5), *tensor = (const char *)sqlite3_column_text(row, 6);

	if (sqlite3_column_type(row, 2) != SQLITE_NULL)
		snprintf(step, sizeof(step), ", born in step %lld", (long long)sqlite3_column_int64(row, 2));
	format_age(age, sizeof(age), block->alloc_ns, why->at_ns);
	why_add_line(why->occupants, "0x%" PRIx64 ", %" PRId64 " B: %.*s%s%.*s%s%.*s, pid %lld%s%s%s%.300s",
	             (uint64_t)block->address, block->bank_bytes, op ? fitting(op, NAME_MAX_BYTES) : 0, op ? op : "",
	             op ? ", " : "", tensor ? fitting(tensor, NAME_MAX_BYTES) : 0, tensor ? tensor : "",
	             tensor ? ", " : "", label ? fitting(label, NAME_MAX_BYTES) : 8, label ? label : "no label",
	             (long long)sqlite3_column_int64(row, 1), step, age, site ? ", by " : "", site ? site : "");
}

static int tell_occupants(struct recording *recording, struct why *why, struct sql_error *error)
{
	sqlite3_stmt *row = recording_prepare(recording, occupant_sql, error);
	size_t shown = 0, left = 0, nameless = 0;
	int state = row ? 0 : -1;

	for (size_t i = 0; state >= 0 && i < why->block_count; i++) {
		const struct why_block *block = &why->blocks[i];

		if (!block->occupies || block->aliased)
			continue;
		if (shown == BLOCKS_SHOWN) {
			left++;
			continue;
		}
		sqlite3_reset(row);
		sqlite3_bind_int64(row, 1, block->origin);
		sqlite3_bind_int64(row, 2, block->key);
		state = recording_step(recording, row, error);
		if (state == 1)
			tell_occupant(why, block, row);
		nameless += state == 1 && sqlite3_column_type(row, 0) == SQLITE_NULL &&
		            sqlite3_column_type(row, 3) == SQLITE_NULL && sqlite3_column_type(row, 5) == SQLITE_NULL;
		shown++;
	}
	if (left)
		why_add_line(why->occupants, "and %zu more ('--by block' lists all)", left);
	if (nameless)
		why_add_line(why->remarks,
		             "blocks that would have to go have neither label nor call site: programs name "
		             "them with ttalloc_label_push(), and the recorder takes call sites where it is asked to");
	sqlite3_finalize(row);
	return state < 0 ? -1 : 0;
}

/* ---- The picture ---- */

/* Of each of its cells: free '.', partly used ':', used '#'; in the window '-', '=' and 'X'. */
static void draw(const struct why_bank *bank, struct why *why)
{
	uint64_t used[WHY_PICTURE] = {0}, covered = bank->low, bytes = bank->high - bank->low;
	double scale = (double)bytes / WHY_PICTURE;

	if (!bank->known || bytes == 0)
		return;
	for (size_t i = 0; i < why->block_count; i++) {
		const struct why_block *block = &why->blocks[i];
		uint64_t from = block->start > covered ? block->start : covered;

		if (block->aliased || block->end <= from)
			continue;
		covered = block->end;
		for (size_t cell = (size_t)((double)(from - bank->low) / scale); cell < WHY_PICTURE; cell++) {
			uint64_t low = bank->low + (uint64_t)(scale * (double)cell);
			uint64_t high = bank->low + (uint64_t)(scale * (double)(cell + 1));

			if (low >= block->end)
				break;
			low = low > from ? low : from;
			high = high < block->end ? high : block->end;
			used[cell] += high > low ? high - low : 1;
		}
	}
	for (size_t cell = 0; cell < WHY_PICTURE; cell++) {
		uint64_t low = bank->low + (uint64_t)(scale * (double)cell);
		uint64_t high = bank->low + (uint64_t)(scale * (double)(cell + 1));
		bool in_window = why->window_bytes > 0 && high > (uint64_t)why->window_address &&
		                 low < (uint64_t)why->window_address + (uint64_t)why->window_bytes;
		int fullness = used[cell] == 0 ? 0 : (double)used[cell] < scale * 0.95 ? 1 : 2;

		why->picture[cell] = (in_window ? "-=X" : ".:#")[fullness];
	}
	why->picture[WHY_PICTURE] = '\0';
}

int why_tell(struct recording *recording, const struct why_bank *bank, struct why *why, struct sql_error *error)
{
	struct groups groups;
	int result = collect_groups(recording, why, &groups, error);

	if (result == 0 && why->sentence[0] == '\0')
		make_sentence(bank, why, &groups);
	if (result == 0)
		result = tell_occupants(recording, why, error);
	if (result == 0)
		draw(bank, why);
	free_groups(&groups);
	return result;
}
