/* SPDX-License-Identifier: Apache-2.0
 *
 * api.c - the functions of ttalloc.h. Those that allocators call all the time are a fast path each; the others put
 * what does not fit an event into the table first.
 */
#include "hook/core/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hook/core/emit.h"
#include "hook/core/flush.h"
#include "hook/core/inherit.h"
#include "hook/core/label.h"
#include "hook/core/producer.h"
#include "hook/segment/usage.h"
#include "hook/stacks/stack.h"

/* Not to be inlined into a program that links the static library: a call stack begins at the caller. */
#define EXPORT __attribute__((visibility("default"), noinline))

/* A chip, and its allocator as ttalloc_on() has put it in. */
#define PLACE(number) .device = (uint16_t)(number), .allocator = (uint16_t)((number) >> 16)
#define MAX_CORE_RANGES                                                                                                \
	64u /* of a longer list the length alone is told: part of it would say that the rest is free                   \
	     */
#define MAX_LAYOUTS 16u

EXPORT void ttalloc_alloc(const struct ttalloc_block *block)
{
	tta_emit(&(struct tta_event){.kind = TTA_ALLOC,
	                             PLACE(block->device),
	                             .region = block->region,
	                             .flags = (uint8_t)(block->flags & ~TTA_LABEL_INHERITED),
	                             .stack = TTA_STACK_HERE(),
	                             .address = block->address,
	                             .size_bytes = block->size_bytes,
	                             .bank_bytes = block->bank_bytes});
}

EXPORT void ttalloc_free(uint32_t device, uint16_t region, uint64_t address)
{
	tta_emit(&(struct tta_event){.kind = TTA_FREE, PLACE(device), .region = region, .address = address});
}

EXPORT void ttalloc_program_run(uint32_t device, uint64_t program)
{
	tta_emit(&(struct tta_event){
	    .kind = TTA_PROGRAM_RUN, PLACE(device), .region = TTALLOC_CB, .program.number = program});
}

EXPORT void ttalloc_cb_free(uint32_t device, uint64_t program)
{
	tta_emit(
	    &(struct tta_event){.kind = TTA_CB_FREE, PLACE(device), .region = TTALLOC_CB, .program.number = program});
}

EXPORT void ttalloc_kernel_unload(uint32_t device, uint64_t id)
{
	tta_emit(
	    &(struct tta_event){.kind = TTA_KERNEL_UNLOAD, PLACE(device), .region = TTALLOC_KERNEL, .kernel.id = id});
}

EXPORT void ttalloc_device_close(uint32_t device)
{
	tta_emit(&(struct tta_event){.kind = TTA_DEVICE_CLOSE, PLACE(device)});
}

EXPORT void ttalloc_step(uint64_t number)
{
	tta_emit(&(struct tta_event){.kind = TTA_STEP, .step.number = number});
}

/* A thread's own drops have marks of the same kind, but another reason. */
EXPORT void ttalloc_lost(uint64_t count)
{
	if (!ttalloc_enabled())
		return;
	tta_emit(&(struct tta_event){.kind = TTA_LOSS,
	                             .loss = {.first_ticks = tta_clock_read(tta_context.clock),
	                                      .count = count,
	                                      .reason = TTA_LOST_SWITCHED_OFF}});
}

/* ---- With an entry in the table ---- */

/* An entry's data while it is put together. */
struct entry_data {
	uint32_t bytes;
	uint8_t data[TTA_ENTRY_MAX_BYTES];
};

/* What has no room is left out: readers take what there is. That may be ranges of cores, which come last: a list that
 * is not whole counts as one that is too long. */
static void add(struct entry_data *entry, const void *data, size_t bytes)
{
	if (bytes > sizeof(entry->data) - entry->bytes)
		bytes = sizeof(entry->data) - entry->bytes;
	if (bytes == 0)
		return;
	memcpy(entry->data + entry->bytes, data, bytes);
	entry->bytes += (uint32_t)bytes;
}

/* Copies a struct of the caller's, as far as its struct_size says that it reaches. */
static void take_struct(void *copy, size_t bytes, const void *given)
{
	uint32_t given_bytes;

	memcpy(&given_bytes, given, sizeof(given_bytes)); /* the first member of all of them */
	if (given_bytes == 0 || given_bytes > bytes)
		given_bytes = (uint32_t)bytes;
	memset(copy, 0, bytes);
	memcpy(copy, given, given_bytes);
}
#define TAKE_STRUCT(copy, given) take_struct(&(copy), sizeof(copy), (given))

/* The number of an entry in the table of the copy that records; 0: recording is off. */
static uint32_t intern_bytes(uint32_t type, const void *data, uint32_t bytes)
{
	int saved_errno = errno;
	uint32_t number = 0;

	if (ttalloc_enabled() && tta_context_ready())
		number = type == TTA_ENTRY_STACK ? tta_stack_intern_for(data, bytes / sizeof(uint64_t))
		                                 : tta_table_intern(&tta_context.table, type, data, bytes);
	else if (tta_delegate())
		number = tta_delegate()->intern(type, data, bytes);
	errno = saved_errno;
	return number;
}

static uint32_t intern(enum tta_entry_type type, const struct entry_data *entry)
{
	return intern_bytes(type, entry->data, entry->bytes);
}

EXPORT void ttalloc_alloc_failed(const struct ttalloc_block *wanted, const char *why)
{
	struct entry_data text;

	if (!ttalloc_enabled())
		return;
	text.bytes = 0;
	add(&text, why, tta_text_most(why, TTALLOC_WHY_MAX));
	tta_emit(&(struct tta_event){.kind = TTA_ALLOC_FAILED,
	                             PLACE(wanted->device),
	                             .region = wanted->region,
	                             .flags = (uint8_t)(wanted->flags & ~TTA_LABEL_INHERITED),
	                             .stack = TTA_STACK_HERE(),
	                             .failed = {.why_entry = why ? intern(TTA_ENTRY_TEXT, &text) : 0,
	                                        .size_bytes = wanted->size_bytes,
	                                        .bank_bytes = wanted->bank_bytes}});
}

static uint8_t cb_flags(const struct ttalloc_cb *cb)
{
	return (uint8_t)((cb->aliased ? TTALLOC_ALIASED : 0) | ((cb->kind << TTA_CB_KIND_SHIFT) & TTA_CB_KIND_MASK));
}

EXPORT void ttalloc_cb_alloc(const struct ttalloc_cb *given)
{
	struct ttalloc_cb cb;
	struct tta_cb_entry head;
	struct entry_data entry;

	if (!ttalloc_enabled())
		return;
	TAKE_STRUCT(cb, given);
	head = (struct tta_cb_entry){.program = cb.program, .index = cb.index};
	if (cb.cores || cb.core_ranges > MAX_CORE_RANGES)
		head.core_ranges = cb.core_ranges;
	entry.bytes = 0; /* the rest stays as it is: 1 KiB that need not be cleared */
	add(&entry, &head, sizeof(head));
	if (head.core_ranges <= MAX_CORE_RANGES)
		add(&entry, cb.cores, head.core_ranges * sizeof(cb.cores[0]));
	tta_emit(&(struct tta_event){
	    .kind = TTA_CB_ALLOC,
	    PLACE(cb.device),
	    .region = TTALLOC_CB,
	    .flags = cb_flags(&cb),
	    .stack = TTA_STACK_HERE(),
	    .cb = {.address = cb.address, .size_bytes = cb.size_bytes, .entry = intern(TTA_ENTRY_CB, &entry)}});
}

EXPORT void ttalloc_cb_free_one(const struct ttalloc_cb *given)
{
	struct ttalloc_cb cb;
	struct tta_cb_entry head;
	struct entry_data entry;

	if (!ttalloc_enabled())
		return;
	TAKE_STRUCT(cb, given);
	head = (struct tta_cb_entry){.program = cb.program, .index = cb.index};
	entry.bytes = 0;
	add(&entry, &head, sizeof(head));
	tta_emit(&(struct tta_event){.kind = TTA_CB_FREE,
	                             PLACE(cb.device),
	                             .region = TTALLOC_CB,
	                             .program = {.number = cb.program, .cb_entry = intern(TTA_ENTRY_CB, &entry)}});
}

EXPORT void ttalloc_note(const char *text, uint64_t count)
{
	struct entry_data entry;

	if (!ttalloc_enabled())
		return;
	entry.bytes = 0;
	add(&entry, text, tta_text_bytes(text));
	tta_emit(
	    &(struct tta_event){.kind = TTA_NOTE, .text = {.entry = intern(TTA_ENTRY_TEXT, &entry), .count = count}});
}

EXPORT void ttalloc_snapshot(const char *name)
{
	struct entry_data entry;

	if (!ttalloc_enabled() || !name || !*name)
		return;
	entry.bytes = 0;
	add(&entry, name, tta_text_bytes(name));
	tta_emit(&(struct tta_event){.kind = TTA_SNAPSHOT, .text.entry = intern(TTA_ENTRY_TEXT, &entry)});
}

EXPORT void ttalloc_crosscheck(const struct ttalloc_crosscheck *said)
{
	if (!ttalloc_enabled())
		return;
	tta_emit(&(struct tta_event){.kind = TTA_CROSSCHECK,
	                             PLACE(said->device),
	                             .region = said->region,
	                             .crosscheck = {.address_sum = said->has_blocks ? said->address_sum : 0,
	                                            .bank_bytes = said->bank_bytes,
	                                            .blocks = said->has_blocks ? said->blocks + 1 : 0}});
}

EXPORT void ttalloc_crosscheck_holds(void)
{
	if (ttalloc_enabled())
		tta_emit(&(struct tta_event){.kind = TTA_CROSSCHECK_HOLDS});
}

void tta_emit_producer(const char *name)
{
	struct entry_data entry;

	if (!ttalloc_enabled())
		return;
	entry.bytes = 0;
	add(&entry, name, tta_text_bytes(name));
	tta_emit(&(struct tta_event){.kind = TTA_PRODUCER, .text.entry = intern(TTA_ENTRY_TEXT, &entry)});
}

EXPORT void ttalloc_kernel_load(const struct ttalloc_kernel *given)
{
	struct ttalloc_kernel kernel;
	struct tta_kernel_entry head;
	struct entry_data entry;

	if (!ttalloc_enabled())
		return;
	TAKE_STRUCT(kernel, given);
	head = (struct tta_kernel_entry){.name_bytes = (uint16_t)tta_text_bytes(kernel.name),
	                                 .kind_bytes = (uint16_t)tta_text_bytes(kernel.kind),
	                                 .core_type_bytes = (uint16_t)tta_text_bytes(kernel.core_type)};
	entry.bytes = 0; /* the rest stays as it is: 1 KiB that need not be cleared */
	add(&entry, &head, sizeof(head));
	add(&entry, kernel.name, head.name_bytes);
	add(&entry, kernel.kind, head.kind_bytes);
	add(&entry, kernel.core_type, head.core_type_bytes);
	tta_emit(&(struct tta_event){
	    .kind = TTA_KERNEL_LOAD,
	    PLACE(kernel.device),
	    .region = TTALLOC_KERNEL,
	    .stack = TTA_STACK_HERE(),
	    .kernel = {.id = kernel.id, .size_bytes = kernel.size_bytes, .entry = intern(TTA_ENTRY_KERNEL, &entry)}});
}

/* What makes a process count other chips than its neighbours do. Programs set it themselves, too: it is looked for each
 * time. */
static const char *visible_chips(void)
{
	static const char *const names[] = {"TT_VISIBLE_DEVICES", "TT_METAL_VISIBLE_DEVICES"};
	const char *visible = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && (!visible || !*visible); i++)
		visible = secure_getenv(names[i]);
	return visible;
}

static uint16_t told_ranges(const struct ttalloc_device *device)
{
	uint32_t count = device->core_ranges;

	if (count > MAX_CORE_RANGES)
		return count < UINT16_MAX ? (uint16_t)count : UINT16_MAX;
	return device->core_range_list ? (uint16_t)count : 0;
}

EXPORT void ttalloc_device_open(const struct ttalloc_device *given)
{
	const char *visible = visible_chips();
	struct ttalloc_device device;
	struct tta_device_entry head;
	struct tta_device_identity identity;
	struct entry_data entry;

	if (!ttalloc_enabled())
		return;
	TAKE_STRUCT(device, given);
	head = (struct tta_device_entry){.arch_bytes = tta_text_bytes(device.arch)};
	identity = (struct tta_device_identity){.chip_bytes = (uint16_t)tta_text_bytes(device.chip),
	                                        .allocator_bytes = (uint16_t)tta_text_bytes(device.allocator),
	                                        .visible_bytes = (uint16_t)tta_text_bytes(visible),
	                                        .core_ranges = told_ranges(&device),
	                                        .cores = device.cores,
	                                        .in_step = device.in_step != 0};
	if (device.layouts)
		head.layout_count = device.layout_count < MAX_LAYOUTS ? device.layout_count : MAX_LAYOUTS;
	entry.bytes = 0; /* the rest stays as it is: 1 KiB that need not be cleared */
	add(&entry, &head, sizeof(head));
	add(&entry, device.layouts, head.layout_count * sizeof(device.layouts[0]));
	add(&entry, device.arch, head.arch_bytes);
	add(&entry, &identity, sizeof(identity));
	add(&entry, device.chip, identity.chip_bytes);
	add(&entry, visible, identity.visible_bytes);
	add(&entry, device.allocator, identity.allocator_bytes);
	if (identity.core_ranges <= MAX_CORE_RANGES)
		add(&entry, device.core_range_list, identity.core_ranges * sizeof(device.core_range_list[0]));
	tta_emit(&(struct tta_event){
	    .kind = TTA_DEVICE_OPEN, PLACE(device.device), .device_open.entry = intern(TTA_ENTRY_DEVICE, &entry)});
}

/* ---- Operations, labels, and waiting ---- */

/* The copy of the library that has the operations; NULL: this one. One of an older version has none. */
static const struct tta_delegate *operations_of_another(void)
{
	const struct tta_delegate *delegate = tta_context_ready() ? NULL : tta_delegate();

	return delegate && delegate->version >= 3 ? delegate : NULL;
}

EXPORT uint32_t ttalloc_operations_wanted(void)
{
	return ttalloc_enabled() ? tta_context.options.operations : TTALLOC_OPERATIONS_NONE;
}

/* How many this thread has open. Those that it had when its process was forked are the parent's. */
static uint32_t *open_operations(void)
{
	struct tta_thread *thread = &tta_thread;

	if (thread->operations_epoch != tta_epoch()) {
		thread->operations_epoch = tta_epoch();
		thread->operations = 0;
	}
	return &thread->operations;
}

EXPORT void ttalloc_operation_begin_with(const char *name, const char *arguments, size_t arguments_bytes)
{
	if (!ttalloc_operations_wanted())
		return;
	if (operations_of_another()) {
		tta_delegate()->operation_begin(name);
		return;
	}
	tta_emit(&(struct tta_event){
	    .kind = TTA_OPERATION_BEGIN,
	    .stack = TTA_STACK_HERE(),
	    .range = {.entry = intern_bytes(TTA_ENTRY_OPERATION, name, tta_text_bytes(name)),
	              .arguments_entry =
	                  arguments_bytes ? intern_bytes(TTA_ENTRY_ARGUMENTS, arguments, (uint32_t)arguments_bytes) : 0,
	              .depth = (*open_operations())++}});
}

EXPORT void ttalloc_operation_begin(const char *name)
{
	ttalloc_operation_begin_with(name, NULL, 0);
}

EXPORT void ttalloc_operation_end(bool aborted)
{
	uint32_t *open;

	if (!ttalloc_operations_wanted())
		return;
	if (operations_of_another()) {
		tta_delegate()->operation_end(aborted);
		return;
	}
	open = open_operations();
	if (*open)
		tta_emit(&(struct tta_event){
		    .kind = TTA_OPERATION_END,
		    .range = {.end = aborted ? TTA_OPERATION_ABORTED : TTA_OPERATION_RETURNED, .depth = --*open}});
}

static uint32_t make_tensor_entry(struct ttalloc_tensor_spec *spec)
{
	const char *const words[] = {spec->shape,       spec->dtype,      spec->layout,     spec->memory,
	                             spec->shard_shape, spec->shard_grid, spec->orientation};
	struct tta_tensor_entry head;
	struct entry_data entry = {.bytes = sizeof(head)};
	uint32_t number;

	for (size_t i = 0; i < TTA_TENSOR_WORDS; i++) {
		size_t bytes = words[i] ? strlen(words[i]) : 0;
		bool fits = bytes <= sizeof(entry.data) - entry.bytes; /* part of a word would say something else */

		if (!fits)
			ttalloc_note("tensors of which more is said than is kept: a word is left out", 1);
		head.bytes[i] = (uint16_t)(fits ? bytes : 0);
		add(&entry, words[i], head.bytes[i]);
	}
	memcpy(entry.data, &head, sizeof(head));
	number = intern(TTA_ENTRY_TENSOR, &entry);
	if (number != TTA_LEFT_OUT)
		__atomic_store_n(&spec->known, (uint64_t)tta_epoch() << 32 | number, __ATOMIC_RELAXED);
	return number;
}

/* The entry of SPEC, which is asked for again and again: remembered in it with the process that it is of. */
static uint32_t tensor_entry(struct ttalloc_tensor_spec *spec)
{
	uint64_t known = __atomic_load_n(&spec->known, __ATOMIC_RELAXED);

	return known >> 32 == tta_epoch() && known ? (uint32_t)known : make_tensor_entry(spec);
}

EXPORT void ttalloc_tensor(const struct ttalloc_tensor *tensor)
{
	if (ttalloc_operations_wanted() < TTALLOC_OPERATIONS_TENSORS)
		return;
	tta_emit(&(struct tta_event){.kind = TTA_TENSOR,
	                             PLACE(tensor->device),
	                             .region = tensor->region,
	                             .tensor = {.address = tensor->address,
	                                        .entry = tensor_entry(tensor->spec),
	                                        .place = (uint64_t)tensor->index << 1 | tensor->given}});
}

EXPORT void ttalloc_label_push(const char *name)
{
	int saved_errno = errno;

	if (ttalloc_enabled())
		tta_label_push(name);
	if (tta_delegate())
		tta_delegate()->label_push(name);
	errno = saved_errno;
}

EXPORT void ttalloc_label_pop(void)
{
	int saved_errno = errno;

	if (ttalloc_enabled())
		tta_label_pop();
	if (tta_delegate())
		tta_delegate()->label_pop();
	errno = saved_errno;
}

EXPORT bool ttalloc_flush(unsigned timeout_ms)
{
	int saved_errno = errno;
	bool done = false;

	if (ttalloc_enabled())
		done = tta_flush(timeout_ms);
	if (tta_delegate())
		done = tta_delegate()->flush(timeout_ms);
	errno = saved_errno;
	return done;
}

static bool ask_usage(uint32_t device, uint16_t region, bool reset, struct ttalloc_region_usage *usage)
{
	int saved_errno = errno;
	bool known = false;

	if (ttalloc_enabled())
		known = tta_usage_ask(device, region, reset, usage);
	if (tta_delegate() && tta_delegate()->version >= 4)
		known = tta_delegate()->usage(device, region, reset, usage);
	errno = saved_errno;
	return known;
}

EXPORT bool ttalloc_usage(uint32_t device, uint16_t region, struct ttalloc_region_usage *given)
{
	uint32_t bytes = given->struct_size;
	struct ttalloc_region_usage usage = {0};
	bool known = ask_usage(device, region, false, &usage);

	if (bytes == 0 || bytes > sizeof(usage))
		bytes = sizeof(usage);
	usage.struct_size = bytes;
	memcpy(given, &usage, bytes);
	return known;
}

EXPORT bool ttalloc_usage_reset_peak(uint32_t device, uint16_t region)
{
	return ask_usage(device, region, true, NULL);
}

const struct tta_delegate tta_own_delegate = {
    .version = 4,
    .emit = tta_emit_slow,
    .intern = intern_bytes,
    .label_push = ttalloc_label_push,
    .label_pop = ttalloc_label_pop,
    .flush = ttalloc_flush,
    .bequeath = tta_bequeath,
    .inherit = tta_inherit,
    .disinherit = tta_disinherit,
    .operation_begin = ttalloc_operation_begin,
    .operation_end = ttalloc_operation_end,
    .usage = ask_usage,
};
