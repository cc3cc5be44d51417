/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_ttalloc.c - a libttalloc.so.1 that writes each call as one line to $TTALLOC_FAKE_LOG: what producers report can
 * be tested without a recorder.
 */
#define TTALLOC_NO_MACROS
#include "hook/core/producer.h"
#include "ttalloc.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT struct ttalloc_gate_page ttalloc_gate;

EXPORT bool ttalloc_gate_decide(void)
{
	const char *wanted = getenv("TT_ALLOC_TRACKING_ENABLED");
	bool on = wanted && strcmp(wanted, "1") == 0;

	__atomic_store_n(&ttalloc_gate.state, on ? TTALLOC_GATE_ON : TTALLOC_GATE_OFF, __ATOMIC_RELAXED);
	return on;
}

/* One write() per line, so that threads do not mix theirs. */
static void __attribute__((format(printf, 1, 2))) put(const char *format, ...)
{
	const char *path = getenv("TTALLOC_FAKE_LOG");
	int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	char line[4096];
	va_list arguments;
	int length;

	if (file < 0)
		return;
	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(line) && write(file, line, (size_t)length) != length)
		abort();
	close(file);
}

/* A chip, and its allocator if ttalloc_on() has joined one. */
static const char *place_text(uint32_t place, char text[32])
{
	int length = snprintf(text, 32, "%u", place & 0xFFFF);

	if (place >> 16)
		snprintf(text + length, 32 - (size_t)length, " allocator=%u", place >> 16);
	return text;
}

static void put_block(const char *what, const struct ttalloc_block *block, const char *tail)
{
	put("%s device=%s region=%u flags=%u address=%llu size=%llu bank=%llu%s\n", what,
	    place_text(block->device, (char[32]){""}), block->region, block->flags, (unsigned long long)block->address,
	    (unsigned long long)block->size_bytes, (unsigned long long)block->bank_bytes, tail);
}

EXPORT void ttalloc_alloc(const struct ttalloc_block *block)
{
	put_block("alloc", block, "");
}

EXPORT void ttalloc_free(uint32_t device, uint16_t region, uint64_t address)
{
	put("free device=%s region=%u address=%llu\n", place_text(device, (char[32]){""}), region,
	    (unsigned long long)address);
}

EXPORT void ttalloc_alloc_failed(const struct ttalloc_block *wanted, const char *why)
{
	char tail[2048] = "";

	if (why)
		snprintf(tail, sizeof(tail), " why=%s", why);
	for (char *at = tail + 1; *tail && *at; at++) /* in one word */
		if (*at == ' ' || *at == '\n')
			*at = '_';
	put_block("failed", wanted, tail);
}

EXPORT void ttalloc_cb_alloc(const struct ttalloc_cb *cb)
{
	char cores[2048] = "";
	size_t used = 0;

	for (uint32_t i = 0; cb->cores && i < cb->core_ranges && used < sizeof(cores) - 64; i++)
		used += (size_t)snprintf(cores + used, sizeof(cores) - used, "%s%u-%u..%u-%u", i ? "," : "",
		                         cb->cores[i].x0, cb->cores[i].y0, cb->cores[i].x1, cb->cores[i].y1);
	if (!cb->cores && cb->core_ranges)
		snprintf(cores, sizeof(cores), "%u", cb->core_ranges);
	if (cb->kind)
		snprintf(cores + strlen(cores), 24, " kind=%u", cb->kind);
	put("cb_alloc device=%u program=%llu index=%u address=%llu size=%llu aliased=%u cores=%s\n", cb->device,
	    (unsigned long long)cb->program, cb->index, (unsigned long long)cb->address,
	    (unsigned long long)cb->size_bytes, cb->aliased, cores);
}

EXPORT void ttalloc_cb_free(uint32_t device, uint64_t program)
{
	put("cb_free device=%u program=%llu\n", device, (unsigned long long)program);
}

EXPORT void ttalloc_cb_free_one(const struct ttalloc_cb *cb)
{
	put("cb_free_one device=%u program=%llu index=%u\n", cb->device, (unsigned long long)cb->program, cb->index);
}

EXPORT void ttalloc_program_run(uint32_t device, uint64_t program)
{
	put("program_run device=%u program=%llu\n", device, (unsigned long long)program);
}

EXPORT void ttalloc_kernel_load(const struct ttalloc_kernel *kernel)
{
	put("kernel_load device=%u id=%llu size=%llu name=%s kind=%s core_type=%s\n", kernel->device,
	    (unsigned long long)kernel->id, (unsigned long long)kernel->size_bytes, kernel->name ? kernel->name : "",
	    kernel->kind ? kernel->kind : "", kernel->core_type ? kernel->core_type : "");
}

EXPORT void ttalloc_kernel_unload(uint32_t device, uint64_t id)
{
	put("kernel_unload device=%u id=%llu\n", device, (unsigned long long)id);
}

EXPORT void ttalloc_device_open(const struct ttalloc_device *device)
{
	put("device_open device=%s arch=%s layouts=%u\n", place_text(device->device, (char[32]){""}),
	    device->arch ? device->arch : "", device->layout_count);
	for (uint32_t i = 0; i < device->layout_count; i++)
		put("layout device=%u region=%u top_down=%u banks=%u bank=%llu base=%llu alignment=%llu\n",
		    device->device & 0xFFFF, device->layouts[i].region, device->layouts[i].top_down,
		    device->layouts[i].banks, (unsigned long long)device->layouts[i].bank_bytes,
		    (unsigned long long)device->layouts[i].base_address,
		    (unsigned long long)device->layouts[i].alignment_bytes);
}

EXPORT void ttalloc_device_close(uint32_t device)
{
	put("device_close device=%s\n", place_text(device, (char[32]){""}));
}

EXPORT void ttalloc_label_push(const char *name)
{
	put("push name=%s\n", name);
}

EXPORT void ttalloc_label_pop(void)
{
	put("pop\n");
}

EXPORT void ttalloc_step(uint64_t number)
{
	put("step number=%llu\n", (unsigned long long)number);
}

EXPORT bool ttalloc_flush(unsigned timeout_ms)
{
	put("flush timeout=%u\n", timeout_ms);
	return true;
}

/* Not in the public header: asked for by other producers. */
EXPORT void ttalloc_lost(uint64_t count);
EXPORT void ttalloc_lost(uint64_t count)
{
	put("lost count=%llu\n", (unsigned long long)count);
}

/* New threads inherit nothing here; so the other two are never called. */
struct ttalloc_bequest;
EXPORT bool ttalloc_thread_bequeath(struct ttalloc_bequest *bequest);
EXPORT bool ttalloc_thread_bequeath(struct ttalloc_bequest *bequest)
{
	(void)bequest;
	return false;
}

EXPORT void ttalloc_thread_inherit(const struct ttalloc_bequest *bequest);
EXPORT void ttalloc_thread_inherit(const struct ttalloc_bequest *bequest)
{
	(void)bequest;
	abort();
}

EXPORT void ttalloc_thread_not_made(const struct ttalloc_bequest *bequest);
EXPORT void ttalloc_thread_not_made(const struct ttalloc_bequest *bequest)
{
	(void)bequest;
	abort();
}

EXPORT void ttalloc_note(const char *text, uint64_t count)
{
	char word[1024];

	snprintf(word, sizeof(word), "%s", text);
	for (char *at = word; *at; at++)
		if (*at == ' ')
			*at = '_';
	put("note count=%llu text=%s\n", (unsigned long long)count, word);
}

EXPORT void ttalloc_hide_frames(const void *start, const void *end);
EXPORT void ttalloc_hide_frames(const void *start, const void *end)
{
	(void)start, (void)end;
}

EXPORT void ttalloc_name_producer(const char *name);
EXPORT void ttalloc_name_producer(const char *name)
{
	put("producer name=%s\n", name);
}

EXPORT void ttalloc_operation_begin(const char *name)
{
	put("begin name=%s\n", name);
}

EXPORT void ttalloc_operation_begin_with(const char *name, const char *arguments, size_t arguments_bytes);
EXPORT void ttalloc_operation_begin_with(const char *name, const char *arguments, size_t arguments_bytes)
{
	put("begin name=%s arguments=%.*s\n", name, (int)arguments_bytes, arguments);
}

EXPORT void ttalloc_operation_end(bool aborted)
{
	put("end aborted=%d\n", aborted);
}

EXPORT uint32_t ttalloc_operations_wanted(void);
EXPORT uint32_t ttalloc_operations_wanted(void)
{
	return TTALLOC_OPERATIONS_TENSORS;
}

EXPORT void ttalloc_tensor(const struct ttalloc_tensor *tensor)
{
	const struct ttalloc_tensor_spec *spec = tensor->spec;
	char memory[64];

	snprintf(memory, sizeof(memory), "%s", spec->memory);
	for (char *at = memory; *at; at++)
		if (*at == ' ')
			*at = '_';
	put("tensor device=%s region=%u address=%llu index=%u given=%d shape=%s dtype=%s layout=%s memory=%s shard=%s "
	    "grid=%s orientation=%s\n",
	    place_text(tensor->device, (char[32]){""}), tensor->region, (unsigned long long)tensor->address,
	    tensor->index, tensor->given, spec->shape, spec->dtype, spec->layout, memory, spec->shard_shape,
	    spec->shard_grid, spec->orientation);
}

/* What allocators say of themselves is compared by the recorder, for which test_tt_metal_recording.py is. */
EXPORT void ttalloc_crosscheck(const struct ttalloc_crosscheck *said)
{
	(void)said;
}

EXPORT void ttalloc_crosscheck_holds(void)
{
}
