/* SPDX-License-Identifier: Apache-2.0
 *
 * python_frames.c - see python_frames.h. What is where in an interpreter's structures depends on its version, and is in
 * one table. Nothing is taken for code, or for text, that does not have its type.
 *
 * Nothing is kept from one event to the next: a code object that is gone may have another one in its place.
 */
#include "python_frames.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/core/context.h"
#include "hook/base/stderr.h"

#define NONE UINT16_MAX
#define CODE_UNIT_BYTES 2
#define OWNED_BY_C_STACK 3 /* enum _frameowner: where C calls into Python */
#define FUNCTION_BYTES TTALLOC_NAME_MAX
#define FILE_BYTES (TTA_ENTRY_MAX_BYTES - sizeof(struct tta_code_entry) - FUNCTION_BYTES)
#define LONGEST_CHAIN 100000u

/* Offsets in the structures of one version, as its headers declare them for 64-bit builds. */
struct layout {
	unsigned minor;          /* of Python 3 */
	uint16_t thread_frame;   /* PyThreadState: the innermost frame, or the _PyCFrame that has it */
	uint16_t c_frame_frame;  /* _PyCFrame.current_frame; NONE: there is no _PyCFrame */
	uint16_t frame_previous; /* the frame's caller */
	uint16_t frame_code;
	uint16_t frame_instruction; /* a pointer into the code; or, where code_start is NONE, an index (int) */
	uint16_t frame_owner;       /* NONE: all frames are those of functions */
	uint16_t code_start;        /* PyCodeObject.co_code_adaptive */
	uint16_t code_file, code_function;
	uint16_t ascii_text, other_text; /* PyUnicode's compact kinds: where their characters are */
};

static const struct layout layouts[] = {
    /* CPython 3.10.13: Include/cpython/pystate.h (_ts), frameobject.h (_frame), code.h, unicodeobject.h. Without
     * co_qualname, the function's name is co_name. */
    {10, 24, NONE, 24, 32, 96, NONE, NONE, 104, 112, 48, 72},
    /* CPython 3.11.7: Include/cpython/pystate.h (_ts, _PyCFrame), internal/pycore_frame.h, cpython/code.h */
    {11, 56, 8, 48, 32, 56, NONE, 184, 112, 128, 48, 72},
    /* CPython 3.12.1: the same headers */
    {12, 56, 0, 8, 0, 56, 70, 192, 112, 128, 40, 56},
    /* CPython 3.13.0: the same headers; current_frame is in PyThreadState */
    {13, 72, NONE, 8, 0, 56, 70, 200, 112, 128, 40, 56},
};

/* What every version has in the same place. */
#define OBJECT_COUNT 0
#define OBJECT_TYPE 8
#define TEXT_LENGTH 16
#define TEXT_STATE 32
#define STATE_KIND(state) ((state) >> 2 & 7) /* bytes of a character */
#define STATE_COMPACT 0x20u
#define STATE_ASCII 0x40u

/* The interpreter of this process. */
static struct {
	const struct layout *layout; /* published last */
	atomic_bool is_looked_for;
	void *(*this_thread)(void);         /* PyGILState_GetThisThreadState */
	int (*line_of)(void *code, int at); /* PyCode_Addr2Line */
	const void *code_type, *text_type;
} python;

/* ---- The interpreter ---- */

static void say_unknown(const char *version)
{
	char line[256];
	int bytes = snprintf(line, sizeof(line), "ttalloc: no Python frames: the layout of Python %.*s is not known\n",
	                     (int)strcspn(version, " "), version);

	if (bytes >= (int)sizeof(line))
		bytes = (int)sizeof(line) - 1;
	if (tta_context.options.verbose >= 1)
		tta_stderr_write(line, (size_t)bytes);
}

static const struct layout *layout_of(const char *version)
{
	unsigned minor;

	/* A build without the lock has other objects. */
	if (sizeof(void *) != 8 || sscanf(version, "3.%u", &minor) != 1 || strstr(version, "free-threading"))
		return NULL;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].minor == minor)
			return &layouts[i];
	return NULL;
}

static const struct layout *find_python(void)
{
	const char *(*version)(void);
	const struct layout *layout;

	if (atomic_exchange(&python.is_looked_for, true))
		return __atomic_load_n(&python.layout, __ATOMIC_ACQUIRE);
	*(void **)&version = dlsym(RTLD_DEFAULT, "Py_GetVersion");
	*(void **)&python.this_thread = dlsym(RTLD_DEFAULT, "PyGILState_GetThisThreadState");
	*(void **)&python.line_of = dlsym(RTLD_DEFAULT, "PyCode_Addr2Line");
	python.code_type = dlsym(RTLD_DEFAULT, "PyCode_Type");
	python.text_type = dlsym(RTLD_DEFAULT, "PyUnicode_Type");
	if (!version || !python.this_thread || !python.line_of || !python.code_type || !python.text_type)
		return NULL; /* no Python */
	layout = layout_of(version());
	if (!layout)
		say_unknown(version());
	__atomic_store_n(&python.layout, layout, __ATOMIC_RELEASE);
	return layout;
}

/* ---- Its objects ---- */

static void *pointer_at(const void *object, uint16_t offset)
{
	void *pointer;

	memcpy(&pointer, (const char *)object + offset, sizeof(pointer));
	return pointer;
}

static int int_at(const void *object, uint16_t offset)
{
	int value;

	memcpy(&value, (const char *)object + offset, sizeof(value));
	return value;
}

/* Whether OBJECT is one of TYPE. Its count is 0 while it is torn down, which may report frees. */
static bool is_a(const void *object, const void *type)
{
	return object && (uintptr_t)object % sizeof(void *) == 0 && pointer_at(object, OBJECT_TYPE) == type &&
	       pointer_at(object, OBJECT_COUNT) != NULL;
}

/* The character NUMBER of a text whose characters have KIND bytes each. */
static uint32_t character(const uint8_t *text, uint32_t kind, uint64_t number)
{
	uint32_t value = 0;

	memcpy(&value, text + number * kind, kind);
	return value;
}

/* Writes CHARACTER in UTF-8; those that have no place in it (undecodable bytes of a path) as '?'. */
static uint32_t encode(uint32_t value, char *to)
{
	if (value < 0x80) {
		to[0] = (char)value;
		return 1;
	}
	if (value < 0x800) {
		to[0] = (char)(0xC0 | value >> 6);
		to[1] = (char)(0x80 | (value & 0x3F));
		return 2;
	}
	if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
		to[0] = '?';
		return 1;
	}
	if (value < 0x10000) {
		to[0] = (char)(0xE0 | value >> 12);
		to[1] = (char)(0x80 | (value >> 6 & 0x3F));
		to[2] = (char)(0x80 | (value & 0x3F));
		return 3;
	}
	to[0] = (char)(0xF0 | value >> 18);
	to[1] = (char)(0x80 | (value >> 12 & 0x3F));
	to[2] = (char)(0x80 | (value >> 6 & 0x3F));
	to[3] = (char)(0x80 | (value & 0x3F));
	return 4;
}

/* Writes at most ROOM bytes of a str, of which no character is cut. Its characters never change. Returns how many. */
static uint32_t take_text(const struct layout *layout, const void *object, char *to, uint32_t room)
{
	const uint8_t *text = object;
	uint32_t state, kind, bytes = 0;
	uint64_t length;

	if (!is_a(object, python.text_type))
		return 0;
	length = (uint64_t)(uintptr_t)pointer_at(object, TEXT_LENGTH);
	state = (uint32_t)int_at(object, TEXT_STATE);
	kind = STATE_KIND(state);
	if (!(state & STATE_COMPACT) || (kind != 1 && kind != 2 && kind != 4))
		return 0;
	if (state & STATE_ASCII) {
		bytes = length < room ? (uint32_t)length : room;
		memcpy(to, text + layout->ascii_text, bytes);
		return bytes;
	}
	text += layout->other_text;
	for (uint64_t i = 0; i < length; i++) {
		char encoded[4];
		uint32_t more = encode(character(text, kind, i), encoded);

		if (bytes + more > room)
			break;
		memcpy(to + bytes, encoded, more);
		bytes += more;
	}
	return bytes;
}

/* ---- Frames ---- */

static int line_of(const struct layout *layout, const void *frame, void *code)
{
	ptrdiff_t at;
	int line;

	if (layout->code_start == NONE)
		at = (ptrdiff_t)int_at(frame, layout->frame_instruction) * CODE_UNIT_BYTES;
	else
		at = (char *)pointer_at(frame, layout->frame_instruction) - ((char *)code + layout->code_start);
	if (at > INT_MAX)
		return 0;
	line = python.line_of(code, at < 0 ? -1 : (int)at);
	return line < 0 ? 0 : line;
}

/* The value of a stack's entry for FRAME, which runs CODE. */
static uint64_t frame_value(const struct layout *layout, const void *frame, void *code)
{
	union {
		struct tta_code_entry head;
		char data[TTA_ENTRY_MAX_BYTES];
	} entry;
	char *text = entry.data + sizeof(entry.head);
	uint32_t function, file, number;

	function = take_text(layout, pointer_at(code, layout->code_function), text, FUNCTION_BYTES);
	file = take_text(layout, pointer_at(code, layout->code_file), text + function, FILE_BYTES);
	entry.head = (struct tta_code_entry){.function_bytes = function, .file_bytes = file};
	number = tta_table_intern(&tta_context.table, TTA_ENTRY_CODE, entry.data,
	                          (uint32_t)sizeof(entry.head) + function + file);
	return TTA_FRAME_CODE | (uint64_t)(uint32_t)line_of(layout, frame, code) << 32 | number;
}

/* Whether FRAME is one of a Python function, with its code. */
static bool is_function(const struct layout *layout, const void *frame, const void *code)
{
	if (layout->frame_owner != NONE && ((const char *)frame)[layout->frame_owner] == OWNED_BY_C_STACK)
		return false;
	return is_a(code, python.code_type);
}

static const void *innermost_frame(const struct layout *layout)
{
	const void *thread = python.this_thread();
	const void *frame = thread ? pointer_at(thread, layout->thread_frame) : NULL;

	return frame && layout->c_frame_frame != NONE ? pointer_at(frame, layout->c_frame_frame) : frame;
}

uint32_t tta_python_frames(uint64_t *frames, uint32_t room)
{
	const struct layout *layout = __atomic_load_n(&python.layout, __ATOMIC_ACQUIRE);
	const void *frame;
	uint32_t count = 0;

	if (!layout)
		layout = find_python();
	if (!layout)
		return 0;
	frame = innermost_frame(layout);
	for (uint32_t i = 0; frame && count < room && i < LONGEST_CHAIN; i++) {
		void *code = pointer_at(frame, layout->frame_code);

		if (is_function(layout, frame, code))
			frames[count++] = frame_value(layout, frame, code);
		frame = pointer_at(frame, layout->frame_previous);
	}
	return count;
}
