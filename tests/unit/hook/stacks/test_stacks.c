/* SPDX-License-Identifier: Apache-2.0
 *
 * test_stacks.c - call stacks are those that the compiler knows, cut where they cannot be known, and each address in
 * them lies in the module that was there.
 */
#include "tests/unit/hook/copy.h"
#include "tests/unit/hook/segment_reader.h"

#include "hook/base/loader.h"
#include "hook/core/context.h"

#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#define KEPT __attribute__((noinline))
#define NO_TAIL_CALL() __asm__ volatile("" : : : "memory")
#define MOST_NOTED 64u
#define MOST_LIBRARIES 64u

#ifndef NT_GNU_BUILD_ID
#define NT_GNU_BUILD_ID 3
#endif

/* What a child leaves to the test. */
struct shared {
	uint64_t noted[MOST_NOTED]; /* return addresses, innermost first */
	uint32_t count;
	pid_t pid;
	struct library {
		uint64_t bias, address; /* ADDRESS: of some code in it */
		uint32_t build_id_bytes;
		uint8_t build_id[64];
		char path[256];
	} libraries[MOST_LIBRARIES];
	uint32_t library_count;
};

static struct shared *shared;

/* ---- A chain of calls whose return addresses are noted as it goes down ---- */

static _Thread_local uint64_t noted[MOST_NOTED];
static _Thread_local uint32_t noted_count;

static void note(void *address)
{
	noted[noted_count++] = (uint64_t)(uintptr_t)address;
}

/* Stands in for ttalloc_alloc() at its call, to find out where that comes back to. */
KEPT static void note_call(const struct ttalloc_block *block)
{
	(void)block;
	note(__builtin_return_address(0));
}

static void (*volatile calls[2])(const struct ttalloc_block *) = {note_call, ttalloc_alloc};

KEPT static void innermost(uint64_t address)
{
	struct ttalloc_block block = {.address = address, .size_bytes = 1};

	note(__builtin_return_address(0));
	for (volatile int i = 0; i < 2; i++)
		calls[i](&block);
	NO_TAIL_CALL();
}

KEPT static void middle(uint64_t address)
{
	note(__builtin_return_address(0));
	innermost(address);
	NO_TAIL_CALL();
}

/* One event; NOTED holds the three innermost return addresses of its stack then, innermost last, but the call first. */
KEPT static void outer(uint64_t address)
{
	noted_count = 0;
	note(__builtin_return_address(0));
	middle(address);
	NO_TAIL_CALL();
}

/* One event right from here. */
static void report_one(void)
{
	ttalloc_alloc(&(struct ttalloc_block){.address = 1, .size_bytes = 1});
	NO_TAIL_CALL();
}

/* noted: outer's, middle's, innermost's, the call's. Leaves them to the test, innermost first. */
static void leave_noted(void)
{
	shared->count = noted_count;
	for (uint32_t i = 0; i < noted_count; i++)
		shared->noted[i] = noted[noted_count - 1 - i];
}

static struct recording open_child(void **state, pid_t pid)
{
	char path[256];

	assert_true(find_segment(*state, pid, path, sizeof(path)));
	return recording_open(path);
}

static const uint64_t *frames_of(const struct recording *recording, size_t event, uint32_t *count)
{
	const uint64_t *frames;

	assert_true(event < recording->count);
	assert_true(recording->events[event].stack != 0);
	frames = recording_entry(recording, recording->events[event].stack, TTA_ENTRY_STACK, count);
	*count /= (uint32_t)sizeof(*frames);
	return frames;
}

/* The stack of EVENT begins with what was noted. Returns how many frames it has. */
static uint32_t check_noted(const struct recording *recording, size_t event, uint32_t most)
{
	uint32_t count, noted_frames = shared->count < most ? shared->count : most;
	const uint64_t *frames = frames_of(recording, event, &count);

	assert_int_equal(shared->count, 4);
	assert_in_range(count, noted_frames, most);
	assert_memory_equal(frames, shared->noted, noted_frames * sizeof(*frames));
	return count;
}

/* ---- The walk ---- */

static void run_chain(void *argument)
{
	(void)argument;
	for (volatile int i = 0; i < 3; i++) /* one call, for all of them */
		outer((uint64_t)i);
	leave_noted();
}

static void test_known_chain(void **state)
{
	static const uint32_t limits[] = {1, 2, 4, 5, 64};
	char number[16];

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct recording recording;

		snprintf(number, sizeof(number), "%u", limits[i]);
		setenv("TTALLOC_STACKS", number, 1);
		recording = open_child(state, run_child(run_chain, NULL));
		assert_int_equal(recording.count, 3);
		for (size_t event = 0; event < 3; event++)
			check_noted(&recording, event, limits[i]);
		assert_int_equal(recording.events[0].stack, recording.events[2].stack);
		recording_close(&recording);
	}
}

static void run_plain(void *argument)
{
	run_chain(argument);
}

static void test_none_unless_asked_for(void **state)
{
	struct recording recording = open_child(state, run_child(run_plain, NULL));

	assert_int_equal(recording.count, 3);
	assert_int_equal(recording.events[0].stack, 0);
	assert_int_equal(recording.header->table_bytes, 8 + sizeof(struct tta_entry_header) + 24); /* the thread */
	recording_close(&recording);
}

#define THREADS 4u
#define THREAD_EVENTS 2000u

static void *run_thread(void *argument)
{
	for (volatile uint32_t i = 0; i < THREAD_EVENTS; i++)
		outer((uint64_t)(uintptr_t)argument);
	if (argument == NULL)
		leave_noted();
	return NULL;
}

static void run_threads(void *argument)
{
	pthread_t threads[THREADS];

	(void)argument;
	for (uintptr_t i = 0; i < THREADS; i++)
		CHILD_CHECK(pthread_create(&threads[i], NULL, run_thread, (void *)i) == 0);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void test_threads(void **state)
{
	struct recording recording;

	setenv("TTALLOC_STACKS", "16", 1);
	setenv("TTALLOC_FULL_WAIT_MS", "10000", 1);
	recording = open_child(state, run_child(run_threads, NULL));
	assert_int_equal(recording_events(&recording), THREADS * THREAD_EVENTS);
	for (size_t i = 0; i < recording.count; i++)
		if (recording.events[i].kind == TTA_ALLOC)
			assert_int_equal(recording.events[i].stack, recording.events[0].stack);
	check_noted(&recording, 0, 16);
	recording_close(&recording);
}

/* ---- The main thread's stack grows ---- */

#define DEEP_FRAMES 600u

KEPT static void go_deeper(uint32_t depth)
{
	volatile char page[4096];

	page[0] = 0;
	report_alloc(depth, 1);
	if (depth > 0)
		go_deeper(depth - 1);
	page[1] = page[0];
}

static void run_deep(void *argument)
{
	(void)argument;
	report_alloc(0, 1);
	go_deeper(DEEP_FRAMES);
}

static void test_deep_recursion(void **state)
{
	struct recording recording;

	setenv("TTALLOC_STACKS", "4", 1);
	recording = open_child(state, run_child(run_deep, NULL));
	assert_int_equal(recording.count, DEEP_FRAMES + 2);
	for (size_t i = 6; i < recording.count; i++) {
		uint32_t count;
		const uint64_t *frames = frames_of(&recording, i, &count);

		assert_int_equal(count, 4);
		assert_int_equal(frames[2], frames[3]); /* report_alloc() may have a frame */
	}
	recording_close(&recording);
}

/* ---- Where frames cannot be known ---- */

static void handle_on_other_stack(int signal_number)
{
	(void)signal_number;
	outer(1);
	leave_noted();
}

static void run_alternate_stack(void *argument)
{
	stack_t alternate = {.ss_size = 1 << 16};
	struct sigaction action = {.sa_handler = handle_on_other_stack, .sa_flags = SA_ONSTACK};

	(void)argument;
	alternate.ss_sp = malloc(alternate.ss_size);
	CHILD_CHECK(sigaltstack(&alternate, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
	outer(0);
	raise(SIGUSR1);
	outer(2);
}

static void test_handler_on_a_stack_of_its_own(void **state)
{
	struct recording recording;
	const uint64_t *frames;
	uint32_t count;

	setenv("TTALLOC_STACKS", "16", 1);
	recording = open_child(state, run_child(run_alternate_stack, NULL));
	assert_int_equal(recording.count, 3);
	frames = frames_of(&recording, 1, &count);
	assert_int_equal(count, 1);
	assert_int_equal(frames[0], shared->noted[0]);
	assert_int_equal(frames_of(&recording, 0, &count)[0], shared->noted[0]);
	assert_in_range(count, 4, 16);
	frames_of(&recording, 2, &count);
	assert_in_range(count, 4, 16);
	recording_close(&recording);
}

#if defined(__x86_64__)
/* Calls FUNCTION, with FRAME_POINTER in that register, as code that was compiled without frame pointers may do. */
void call_with(const void *frame_pointer, void (*function)(void));

__asm__(".text\n"
        ".type call_with, @function\n"
        "call_with:\n"
        "	push %rbp\n"
        "	mov %rdi, %rbp\n"
        "	call *%rsi\n"
        "	pop %rbp\n"
        "	ret\n"
        ".size call_with, . - call_with\n");

#define GARBAGE_EVENTS 3000u

static void run_garbage(void *argument)
{
	static uint64_t elsewhere[2];
	uint64_t here[4] = {0};

	(void)argument;
	call_with(NULL, report_one);
	call_with((void *)8, report_one);
	call_with((char *)here + 4, report_one);
	call_with(elsewhere, report_one);
	call_with((void *)(UINTPTR_MAX - 15), report_one);
	call_with((void *)UINTPTR_MAX, report_one);
	call_with(here, report_one); /* looks like a frame, but nothing returns to 0 */
	here[0] = (uint64_t)(uintptr_t)here;
	here[1] = 1 << 20; /* and there is no code here */
	call_with(here, report_one);
	for (uint64_t i = 0; i < GARBAGE_EVENTS; i++) {
		here[1] = (UINT64_C(1) << 20) + i % 100;
		call_with(here, report_one);
	}
}
#endif

static void test_garbage_instead_of_a_frame_pointer(void **state)
{
#if defined(__x86_64__)
	struct recording recording;
	const uint64_t *frames;
	uint32_t count;

	setenv("TTALLOC_STACKS", "16", 1);
	recording = open_child(state, run_child(run_garbage, NULL));
	assert_int_equal(recording_events(&recording), 8 + GARBAGE_EVENTS);
	frames = frames_of(&recording, 0, &count);
	assert_int_equal(count, 2);
	assert_in_range(frames[0], (uintptr_t)report_one, (uintptr_t)report_one + 1024);
	assert_in_range(frames[1], (uintptr_t)call_with, (uintptr_t)call_with + 16);
	for (size_t i = 1; i < recording.count; i++)
		if (recording.events[i].kind == TTA_ALLOC)
			assert_int_equal(recording.events[i].stack, recording.events[0].stack);
	recording_close(&recording);
#else
	(void)state;
	skip();
#endif
}

/* ---- Handlers that come in between ---- */

#define HANDLED 2000
#define OF_HANDLER 1000u /* bytes */

static volatile sig_atomic_t handled;

KEPT static void report_at(uint32_t depth, uint64_t size_bytes)
{
	if (depth > 0)
		report_at(depth - 1, size_bytes);
	else
		ttalloc_alloc(&(struct ttalloc_block){.address = 1, .size_bytes = size_bytes});
	NO_TAIL_CALL();
}

static void report_in_handler(int signal_number)
{
	(void)signal_number;
	report_at((uint32_t)handled % 7, OF_HANDLER + (uint32_t)handled % 7);
	handled++;
}

static void run_interrupted(void *argument)
{
	struct sigaction action = {.sa_handler = report_in_handler, .sa_flags = SA_RESTART};
	struct itimerval every = {.it_interval = {.tv_usec = 50}, .it_value = {.tv_usec = 50}};
	struct itimerval never = {.it_value = {.tv_usec = 0}};

	(void)argument;
	report_at(0, 1); /* the flusher starts, which no signal handler may do */
	CHILD_CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &every, NULL) == 0);
	for (uint32_t i = 0; handled < HANDLED; i++)
		report_at(i % 11, 1 + i % 11);
	setitimer(ITIMER_REAL, &never, NULL);
}

/* Wherever a handler interrupts the search for a stack, both find their own. */
static void test_interrupted_searches(void **state)
{
	struct recording recording;
	uint32_t count;

	setenv("TTALLOC_STACKS", "8", 1);
	setenv("TTALLOC_FULL_WAIT_MS", "10000", 1);
	recording = open_child(state, run_child(run_interrupted, NULL));
	for (size_t i = 0; i < recording.count; i++) {
		const struct tta_event *event = &recording.events[i];
		bool of_handler = event->size_bytes >= OF_HANDLER;
		uint32_t depth = (uint32_t)event->size_bytes - (of_handler ? OF_HANDLER : 1), same = 1;
		const uint64_t *frames;

		if (event->kind != TTA_ALLOC)
			continue;
		frames = frames_of(&recording, i, &count);
		while (same < count && frames[same] == frames[1])
			same++;
		assert_int_equal(same, depth == 0 ? same : depth + 1 < count ? depth + 1 : count);
		assert_in_range(frames[0], (uintptr_t)report_at, (uintptr_t)report_at + 1024);
	}
	assert_true(recording_events(&recording) > HANDLED);
	recording_close(&recording);
}

/* ---- Modules ---- */

/* The entry of the module that ADDRESS lay in when the entry STACK was made: the last one of those before it. */
static const struct tta_module_entry *module_at(const struct recording *recording, uint64_t address, uint32_t stack)
{
	const uint8_t *table = recording->file + recording->header->table_offset;
	const struct tta_module_entry *found = NULL;
	uint64_t at = 8;

	while (at < (uint64_t)stack * 8) {
		const struct tta_entry_header *header = (const void *)(table + at);
		const struct tta_module_entry *module = (const void *)(header + 1);

		if (header->type == TTA_ENTRY_MODULE && address >= module->start && address < module->end) {
			assert_true(header->data_bytes >= sizeof(*module));
			assert_int_equal(sizeof(*module) + module->build_id_bytes + module->path_bytes,
			                 header->data_bytes);
			found = module;
		}
		at += sizeof(*header) + (header->data_bytes + 7ull) / 8 * 8;
	}
	return found;
}

static const char *path_of(const struct tta_module_entry *module, char *path, size_t path_bytes)
{
	assert_non_null(module);
	assert_true(module->path_bytes < path_bytes);
	memcpy(path, (const char *)(module + 1) + module->build_id_bytes, module->path_bytes);
	path[module->path_bytes] = '\0';
	return path;
}

/* Every frame of EVENT lies in a module that had its entry by then. */
static void check_modules(const struct recording *recording, size_t event)
{
	uint32_t count;
	const uint64_t *frames = frames_of(recording, event, &count);

	for (uint32_t i = 0; i < count; i++)
		assert_non_null(module_at(recording, frames[i], recording->events[event].stack));
}

/* Notes a build id as the dynamic linker's list of modules has it. */
static void note_build_id(struct library *library, const char *notes, size_t bytes)
{
	for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= bytes;) {
		const ElfW(Nhdr) *entry = (const void *)(notes + at);
		const char *name = (const char *)(entry + 1), *data = name + (entry->n_namesz + 3) / 4 * 4;

		if (entry->n_type == NT_GNU_BUILD_ID && entry->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
			library->build_id_bytes = entry->n_descsz;
			memcpy(library->build_id, data, entry->n_descsz);
		}
		at = (size_t)(data - notes) + (entry->n_descsz + 3) / 4 * 4;
	}
}

static int note_library(struct dl_phdr_info *info, size_t bytes, void *context)
{
	struct library *library = &shared->libraries[shared->library_count];

	(void)bytes;
	(void)context;
	if (shared->library_count == MOST_LIBRARIES || strstr(info->dlpi_name, "vdso"))
		return 0;
	library->bias = info->dlpi_addr;
	snprintf(library->path, sizeof(library->path), "%s", info->dlpi_name);
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_LOAD && header->p_flags & PF_X)
			library->address = info->dlpi_addr + header->p_vaddr;
		if (header->p_type == PT_NOTE)
			note_build_id(library, (const char *)(uintptr_t)(info->dlpi_addr + header->p_vaddr),
			              header->p_filesz);
	}
	shared->library_count++;
	return 0;
}

static void run_libraries(void *argument)
{
	(void)argument;
	outer(0);
	shared->library_count = 0;
	dl_iterate_phdr(note_library, NULL);
}

static void test_modules_are_those_of_the_linker(void **state)
{
	struct recording recording;
	char path[1024], resolved[PATH_MAX];

	setenv("TTALLOC_STACKS", "64", 1);
	recording = open_child(state, run_child(run_libraries, NULL));
	check_modules(&recording, 0);
	assert_in_range(shared->library_count, 3, MOST_LIBRARIES);
	for (uint32_t i = 0; i < shared->library_count; i++) {
		const struct library *library = &shared->libraries[i];
		const struct tta_module_entry *module =
		    module_at(&recording, library->address, recording.events[0].stack);

		path_of(module, path, sizeof(path));
		if (library->path[0]) /* the program itself has no name there */
			assert_string_equal(path, realpath(library->path, resolved));
		assert_int_equal(module->bias, library->bias);
		assert_int_equal(module->build_id_bytes, library->build_id_bytes);
		assert_memory_equal(module + 1, library->build_id, library->build_id_bytes);
	}
	recording_close(&recording);
}

static void run_fork(void *argument)
{
	pid_t child;

	(void)argument;
	outer(0);
	child = fork();
	if (child == 0) {
		outer(1);
		leave_noted();
		_exit(0);
	}
	shared->pid = child;
	CHILD_CHECK(wait_child(child) == 0);
}

static void test_forked_child_knows_its_modules(void **state)
{
	struct recording parent, child;

	setenv("TTALLOC_STACKS", "16", 1);
	parent = open_child(state, run_child(run_fork, NULL));
	child = open_child(state, shared->pid);
	check_modules(&parent, 0);
	check_modules(&child, 0);
	check_noted(&child, 0, 16);
	recording_close(&parent);
	recording_close(&child);
}

static void plugin_path(unsigned number, char *path, size_t path_bytes)
{
	ssize_t length = readlink("/proc/self/exe", path, path_bytes - 64);

	CHILD_CHECK(length > 0);
	path[length] = '\0';
	snprintf(strrchr(path, '/'), 64, "/libstack_plugin_%u.so", number);
}

struct plugin {
	void *library;
	void (*call)(void (*)(void));
};

static struct plugin load_plugin(unsigned number)
{
	struct plugin plugin;
	char path[1024];

	plugin_path(number, path, sizeof(path));
	plugin.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CHILD_CHECK(plugin.library);
	*(void **)&plugin.call = dlsym(plugin.library, "plugin_call");
	CHILD_CHECK(plugin.call);
	return plugin;
}

/* The flusher has found that something lies where a library lay, or nothing, more often than BEFORE. */
static void wait_for_watch(uint32_t before)
{
	for (unsigned tries = 0; __atomic_load_n(&tta_context.modules.displaced, __ATOMIC_ACQUIRE) == before; tries++) {
		CHILD_CHECK(tries < 12000);
		sleep_ms(5);
	}
}

/* Plugins of the same size, one after the other, with one event from each, at the address that is noted. */
struct plugin_run {
	unsigned numbers[4];
	bool without_count; /* as if the loader's count were not known */
};

static void run_plugins(void *argument)
{
	const struct plugin_run *run = argument;
	uint32_t displaced = 0;

	if (run->without_count)
		tta_loader_adds_place = &tta_loader_adds_unknown;
	CHILD_CHECK(run->without_count || tta_loader_is_known());
	report_alloc(0, 1);
	for (uint32_t i = 0; i < 4; i++) {
		struct plugin plugin = load_plugin(run->numbers[i]);

		if (run->without_count && i > 0)
			wait_for_watch(displaced);
		if (run->without_count)
			sleep_ms(150); /* longer than the hook waits between two looks */
		plugin.call(report_one);
		shared->noted[i] = (uint64_t)(uintptr_t)plugin.call;
		displaced = __atomic_load_n(&tta_context.modules.displaced, __ATOMIC_ACQUIRE);
		dlclose(plugin.library);
	}
}

/* Also when they lie where others lay before, with the same return addresses. */
static void test_each_plugin_is_told_apart(void **state)
{
	static struct plugin_run runs[] = {
	    {{1, 2, 1, 2}, .without_count = true},  {{3, 4, 3, 4}, .without_count = true},
	    {{1, 2, 1, 2}, .without_count = false}, {{3, 4, 3, 4}, .without_count = false},
	    {{5, 6, 5, 6}, .without_count = false},
	};
	char path[1024], expected[64];

	setenv("TTALLOC_STACKS", "4", 1);
	for (size_t r = 0; r < sizeof(runs) / sizeof(*runs); r++) {
		struct recording recording = open_child(state, run_child(run_plugins, &runs[r]));

		assert_int_equal(recording.count, 5);
		for (size_t i = 0; i < 4; i++) {
			uint32_t count, stack = recording.events[i + 1].stack;
			const uint64_t *frames = frames_of(&recording, i + 1, &count);

			assert_int_equal(count, 4);
			snprintf(expected, sizeof(expected), "libstack_plugin_%u.so", runs[r].numbers[i]);
			path_of(module_at(&recording, frames[1], stack), path, sizeof(path));
			assert_string_equal(strrchr(path, '/') + 1, expected);
			if (runs[r].numbers[0] != 1 && shared->noted[i] != shared->noted[0])
				print_message("plugin %zu lies elsewhere: half tested\n", i);
		}
		recording_close(&recording);
	}
}

#define PAGE 4096u

/* The page of a plugin's code is there again when the plugin is gone, as if somebody had made that code. It needs
 * nothing else of the plugin, unless a sanitizer has been at it. */
static void run_made_code(void *argument)
{
	struct plugin plugin;
	uint32_t displaced;
	char *page, copy[PAGE];

	(void)argument;
	report_alloc(0, 1);
	plugin = load_plugin(1);
	plugin.call(report_one);
	page = (char *)((uintptr_t)plugin.call & ~(uintptr_t)(PAGE - 1));
	memcpy(copy, page, sizeof(copy));
	displaced = __atomic_load_n(&tta_context.modules.displaced, __ATOMIC_ACQUIRE);
	dlclose(plugin.library);
	CHILD_CHECK(mmap(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == page);
	memcpy(page, copy, sizeof(copy));
	wait_for_watch(displaced);
	plugin.call(report_one);
}

static void test_made_code_is_no_plugin(void **state)
{
	struct recording recording;
	char path[1024];

	if (SANITIZED)
		skip();
	setenv("TTALLOC_STACKS", "4", 1);
	recording = open_child(state, run_child(run_made_code, NULL));
	assert_int_equal(recording.count, 3);
	for (size_t i = 1; i < 3; i++) {
		uint32_t count, stack = recording.events[i].stack;
		const uint64_t *frames = frames_of(&recording, i, &count);

		assert_int_equal(count, 4);
		path_of(module_at(&recording, frames[1], stack), path, sizeof(path));
		assert_string_equal(strrchr(path, '/') ? strrchr(path, '/') + 1 : path,
		                    i == 1 ? "libstack_plugin_1.so" : "");
	}
	recording_close(&recording);
}

/* ---- Two copies, and too many ---- */

static void run_copies(void *argument)
{
	struct copy copy = functions_of(load_copy());

	(void)argument;
	outer(0); /* this copy records */
	calls[1] = copy.alloc;
	outer(1);
	leave_noted();
}

static void test_two_copies(void **state)
{
	struct recording recording;
	void *library = load_copy();

	if (!library)
		skip();
	dlclose(library);
	setenv("TTALLOC_STACKS", "16", 1);
	recording = open_child(state, run_child(run_copies, NULL));
	assert_int_equal(recording.count, 2);
	check_noted(&recording, 1, 16);
	check_modules(&recording, 1);
	recording_close(&recording);
}

#define TURNS 17u

KEPT static void turn_left(uint64_t turns, uint32_t left);

KEPT static void turn_right(uint64_t turns, uint32_t left)
{
	if (left == 0)
		report_alloc(turns, 1);
	else if (turns >> left & 1)
		turn_left(turns, left - 1);
	else
		turn_right(turns, left - 1);
	NO_TAIL_CALL();
}

KEPT static void turn_left(uint64_t turns, uint32_t left)
{
	if (left == 0)
		report_alloc(turns, 1);
	else if (turns >> left & 1)
		turn_left(turns, left - 1);
	else
		turn_right(turns, left - 1);
	NO_TAIL_CALL();
}

static void run_many(void *argument)
{
	(void)argument;
	for (uint64_t turns = 0; turns < 1u << TURNS; turns++)
		turn_right(turns, TURNS);
	ttalloc_label_push("still there");
	report_alloc(0, 1);
}

static void test_many_stacks_are_bounded(void **state)
{
	struct recording recording;
	char label[64];

	setenv("TTALLOC_STACKS", "32", 1);
	setenv("TTALLOC_SPOOL_MIB", "16", 1);
	recording = open_child(state, run_child(run_many, NULL));
	assert_true(recording.header->table_bytes <= recording.header->table_capacity / 2 + 1024);
	assert_true(recording.header->table_bytes > recording.header->table_capacity / 4);
	for (size_t i = 0; i < recording.count; i++)
		if (recording.events[i].kind == TTA_ALLOC && recording.events[i].stack != TTA_LEFT_OUT) {
			uint32_t count;

			frames_of(&recording, i, &count);
			assert_in_range(count, TURNS, 32);
		}
	assert_int_equal(recording.lost, 0);
	assert_int_equal(recording.count, (1u << TURNS) + 1);
	assert_int_equal(recording.events[recording.count - 1].stack, TTA_LEFT_OUT);
	recording_label(&recording, recording.events[recording.count - 1].label, label, sizeof(label));
	assert_string_equal(label, "still there");
	recording_close(&recording);
}

#define STACK_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STACK_TEST(test_known_chain),
	    STACK_TEST(test_none_unless_asked_for),
	    STACK_TEST(test_threads),
	    STACK_TEST(test_deep_recursion),
	    STACK_TEST(test_handler_on_a_stack_of_its_own),
	    STACK_TEST(test_garbage_instead_of_a_frame_pointer),
	    STACK_TEST(test_interrupted_searches),
	    STACK_TEST(test_modules_are_those_of_the_linker),
	    STACK_TEST(test_forked_child_knows_its_modules),
	    STACK_TEST(test_each_plugin_is_told_apart),
	    STACK_TEST(test_made_code_is_no_plugin),
	    STACK_TEST(test_two_copies),
	    STACK_TEST(test_many_stacks_are_bounded),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED || cmocka_run_group_tests(tests, NULL, NULL);
}
