/* SPDX-License-Identifier: Apache-2.0
 *
 * tensors.c - see tensors.h.
 *
 * Where a tensor lies is asked of its exported functions. What it is of is said in TT-Metal's own text of it, which
 * costs as much as an operation: so it is made once for all tensors that are alike. Alike are those with the same
 * numbers, which are read from its shape and memory configuration as these lie in memory. The numbers have to agree
 * with the text when that is made; where they do not, no two tensors are alike.
 */
#include "tensors.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "buffer.h"
#include "device.h"
#include "hook/core/producer.h"
#include "say.h"
#include "spec.h"

#define MOST_SPECS 4096 /* that are remembered, a power of two */
#define MOST_KEY (8 + TT_SPEC_MOST_DIMENSIONS + 2 * TT_SPEC_MOST_RANGES)
#define TYPE_BITS 10 /* of the number of types of values that are remembered */
#define TYPES (1u << TYPE_BITS)

/* ---- The types of what operations take and give back ---- */

enum shape_of_value {
	NO_TENSOR,
	TENSOR,
	TENSORS,          /* a vector of them */
	REFERENCES,       /* a vector of references to them */
	OPTIONAL_TENSOR,  /* one, and whether there is one */
	OPTIONAL_TENSORS, /* a vector of such */
	ABORT,            /* no value: an exception left the operation */
};

/* References to them; C is the class, S0 to S2 what C++'s mangling abbreviates behind it. */
#define REFERENCE_TO(WHAT) "St17reference_wrapperI" WHAT "E"
#define TENSOR_TYPES(C, S0, S1, S2)                                                                                    \
	{REFERENCE_TO(C), TENSOR}, {REFERENCE_TO("K" C), TENSOR},                                                      \
	    {REFERENCE_TO("St6vectorI" C "SaI" S0 "EE"), TENSORS},                                                     \
	    {REFERENCE_TO("St6vectorIS_IK" C "ESaI" S1 "EE"), REFERENCES},                                             \
	    {REFERENCE_TO("St8optionalI" C "E"), OPTIONAL_TENSOR},                                                     \
	    {REFERENCE_TO("KSt8optionalI" C "E"), OPTIONAL_TENSOR},                                                    \
	    {REFERENCE_TO("St8optionalIK" C "E"), OPTIONAL_TENSOR},                                                    \
	    {REFERENCE_TO("St6vectorISt8optionalI" C "ESaI" S1 "EE"), OPTIONAL_TENSORS},                               \
	{                                                                                                              \
		REFERENCE_TO("St6vectorISt8optionalIK" C "ESaI" S2 "EE"), OPTIONAL_TENSORS                             \
	}

static enum shape_of_value look_at_type(const char *name)
{
	static const struct {
		const char *name;
		enum shape_of_value shape;
	} types[] = {TENSOR_TYPES(TT_CLASS_TENSOR, "S2_", "S4_", "S5_"),
	             TENSOR_TYPES(TT_CLASS_TENSOR_OLD, "S3_", "S5_", "S6_")};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].shape;
	return strcmp(name, TT_CLASS_FUNCTION_ABORT) == 0 ? ABORT : NO_TENSOR;
}

/* By the function that knows a value's type. */
static enum shape_of_value shape_of(const struct tt_any *any)
{
	static struct {
		atomic_uintptr_t manager; /* published after the shape */
		atomic_int shape;
	} known[TYPES];
	uintptr_t manager = (uintptr_t)any->manager;
	size_t slot = (manager * 0x9E3779B97F4A7C15u) >> (64 - TYPE_BITS);
	enum shape_of_value shape;

	if (atomic_load_explicit(&known[slot].manager, memory_order_acquire) == manager)
		return (enum shape_of_value)atomic_load_explicit(&known[slot].shape, memory_order_relaxed);
	shape = look_at_type(tt_any_type(any));
	if (!atomic_load_explicit(&known[slot].manager, memory_order_relaxed)) {
		uintptr_t none = 0;

		/* Who comes second finds another one's, or its own with the same shape. */
		if (atomic_compare_exchange_strong(&known[slot].manager, &none, 1)) {
			atomic_store_explicit(&known[slot].shape, (int)shape, memory_order_relaxed);
			atomic_store_explicit(&known[slot].manager, manager, memory_order_release);
		}
	}
	return shape;
}

bool tt_tensors_are(const struct tt_any *value)
{
	enum shape_of_value shape = shape_of(value);

	return shape != NO_TENSOR && shape != ABORT;
}

bool tt_tensors_abort(const struct tt_any *value)
{
	return shape_of(value) == ABORT;
}

/* ---- How tensors are read ---- */

/* A spec by its numbers: those of its types, then how many, and its dimensions and shards. */
struct key {
	uint32_t count;
	uint32_t numbers[MOST_KEY];
};

struct spec {
	struct tt_spec_words words;
	struct ttalloc_tensor_spec told;
	struct key key;
};

/* The functions of class Tensor, and what was found out by them. */
struct tt_tensors {
	int (*storage_type)(const void *tensor);
	bool (*is_allocated)(const void *tensor);
	const struct tt_shape *(*logical_shape)(const void *tensor);
	int (*dtype)(const void *tensor);
	int (*layout)(const void *tensor);
	const void *(*memory_config)(const void *tensor);
	const void *(*buffer)(const void *tensor); /* throws where there is none, as does the next one */
	const void *(*device)(const void *tensor);
	size_t bytes;             /* of one */
	bool memory_is_behind;    /* a memory configuration is a pointer to its members */
	atomic_bool has_maker;    /* published after the maker */
	struct tt_argument maker; /* of texts; its value is a vector of references to tensors */
	atomic_bool numbers_are_wrong;
	struct spec *_Atomic specs[MOST_SPECS];
};

static void *find_function(void *handle, const char *class_name, const char *function)
{
	char name[128];

	snprintf(name, sizeof(name), "_ZNK%s%zu%sEv", class_name, strlen(function), function);
	return dlsym(handle, name);
}

static bool find_functions(struct tt_tensors *tensors, void *handle, const char *class_name)
{
	*(void **)&tensors->storage_type = find_function(handle, class_name, "storage_type");
	*(void **)&tensors->is_allocated = find_function(handle, class_name, "is_allocated");
	*(void **)&tensors->logical_shape = find_function(handle, class_name, "logical_shape");
	*(void **)&tensors->dtype = find_function(handle, class_name, "dtype");
	*(void **)&tensors->layout = find_function(handle, class_name, "layout");
	*(void **)&tensors->memory_config = find_function(handle, class_name, "memory_config");
	*(void **)&tensors->buffer = find_function(handle, class_name, "buffer");
	*(void **)&tensors->device = find_function(handle, class_name, "device");
	return tensors->storage_type && tensors->is_allocated && tensors->logical_shape && tensors->dtype &&
	       tensors->layout && tensors->memory_config && tensors->buffer && tensors->device;
}

struct tt_tensors *tt_tensors_meet(void *handle)
{
	struct tt_tensors *tensors = calloc(1, sizeof(*tensors));

	if (!tensors)
		return NULL;
	tensors->bytes = find_functions(tensors, handle, TT_TENSOR_FUNCTIONS)       ? TT_TENSOR_BYTES
	                 : find_functions(tensors, handle, TT_TENSOR_FUNCTIONS_OLD) ? TT_TENSOR_BYTES_OLD
	                                                                            : 0;
	if (!tensors->bytes) {
		free(tensors);
		return NULL;
	}
	tensors->memory_is_behind = dlsym(handle, TT_MEMORY_LAYOUT) != NULL;
	return tensors;
}

static const struct tt_memory *memory_of(const struct tt_tensors *tensors, const void *memory_config)
{
	return tensors->memory_is_behind ? *(const struct tt_memory *const *)memory_config : memory_config;
}

/* ---- What a tensor is ---- */

static bool key_add(struct key *key, uint32_t number)
{
	if (key->count == MOST_KEY)
		return false;
	key->numbers[key->count++] = number;
	return true;
}

/* Where the shards begin in a key: they have two numbers each for their shape, then four for each range of cores. */
static bool key_add_shards(struct key *key, const struct tt_memory *memory)
{
	const struct tt_core_range *range = memory->shards.grid.begin;
	size_t count = (size_t)((const struct tt_core_range *)memory->shards.grid.end - range);

	if (!key_add(key, (uint32_t)count) || count > TT_SPEC_MOST_RANGES)
		return false;
	key_add(key, memory->shards.shape[0]);
	key_add(key, memory->shards.shape[1]);
	for (size_t i = 0; i < count; i++, range++) {
		key_add(key, (uint32_t)(range->x0 << 16 | range->y0));
		if (!key_add(key, (uint32_t)(range->x1 << 16 | range->y1)))
			return false;
	}
	return true;
}

/* What a spec consists of. */
struct parts {
	int dtype, layout;
	const struct tt_shape *shape;
	const struct tt_memory *memory;
};

/* The key of PARTS. False: there is none, for more than these counts. */
static bool make_key(const struct parts *parts, struct key *key)
{
	const struct tt_memory *memory = parts->memory;
	const struct tt_shape *shape = parts->shape;
	bool is_sharded = memory->layout != TT_LAYOUT_INTERLEAVED;

	key->count = 0;
	key_add(key, (uint32_t)parts->dtype);
	key_add(key, (uint32_t)parts->layout);
	key_add(key, (uint32_t)memory->layout);
	key_add(key, (uint32_t)memory->type);
	if (shape->dimensions > TT_SPEC_MOST_DIMENSIONS || shape->dimensions > shape->numbers.count)
		return false;
	key_add(key, (uint32_t)shape->dimensions);
	for (uint64_t i = shape->numbers.count - shape->dimensions; i < shape->numbers.count; i++)
		key_add(key, shape->numbers.values[i]);
	if (!is_sharded)
		return key_add(key, 0);
	/* Shards of any number of dimensions are told elsewhere. */
	if (!memory->is_sharded || !key_add_shards(key, memory))
		return false;
	return key_add(key, (uint32_t)memory->shards.orientation);
}

/* The same numbers, as far as a text has them. */
static bool is_key_of(const struct key *key, const struct tt_spec_numbers *numbers)
{
	const uint32_t *at = key->numbers + 4;

	if (*at++ != numbers->dimension_count ||
	    memcmp(at, numbers->dimensions, numbers->dimension_count * sizeof(*at)) != 0)
		return false;
	at += numbers->dimension_count;
	if (*at++ != numbers->range_count)
		return false;
	if (numbers->range_count && (*at++ != numbers->shard[0] || *at++ != numbers->shard[1]))
		return false;
	for (uint32_t i = 0; i < numbers->range_count; i++) {
		const struct ttalloc_core_range *range = &numbers->ranges[i];

		if (*at++ != ((uint32_t)range->x0 << 16 | range->y0) ||
		    *at++ != ((uint32_t)range->x1 << 16 | range->y1))
			return false;
	}
	return true;
}

/* Fills WORDS. False: there is no text of TENSOR, or it is not understood. */
static bool make_words(struct tt_library *library, const void *tensor, struct tt_spec_numbers *numbers,
                       struct tt_spec_words *words)
{
	struct tt_tensors *tensors = library->tensors;
	const void *references[] = {tensor};
	struct tt_vector vector = {references, references + 1, references + 1};
	struct tt_any value = {.manager = tensors->maker.value.manager, .value = &vector};
	struct tt_string text;
	bool done;

	if (!atomic_load_explicit(&tensors->has_maker, memory_order_acquire))
		return false;
	tensors->maker.make_text(&text, &value);
	done = tt_spec_parse(text.text, numbers, words);
	if (!done)
		ttalloc_note("tensors of which TT-Metal says what is not understood: left out", 1);
	else if (words->shard_shape[0] && !words->shard_grid[0])
		ttalloc_note("tensors with shards on more ranges of cores than are kept: these are left out", 1);
	if (text.text != text.here)
		library->operator_delete(text.text);
	return done;
}

static void tell(struct spec *spec)
{
	const struct tt_spec_words *words = &spec->words;

	spec->told = (struct ttalloc_tensor_spec){.shape = words->shape,
	                                          .dtype = words->dtype,
	                                          .layout = words->layout,
	                                          .memory = words->memory,
	                                          .shard_shape = words->shard_shape,
	                                          .shard_grid = words->shard_grid,
	                                          .orientation = words->orientation};
}

static size_t slot_of(const struct key *key)
{
	uint64_t hash = key->count;

	for (uint32_t i = 0; i < key->count; i++)
		hash = (hash ^ key->numbers[i]) * 0x9E3779B97F4A7C15u;
	return hash >> 40;
}

static bool is_same_key(const struct key *a, const struct key *b)
{
	return a->count == b->count && memcmp(a->numbers, b->numbers, a->count * sizeof(a->numbers[0])) == 0;
}

/* The spec that is alike. NULL: there is none; then *PLACE is where it belongs, NULL if there is no room. */
static struct spec *find_spec(struct tt_tensors *tensors, const struct key *key, struct spec *_Atomic **place)
{
	size_t slot = slot_of(key);

	for (size_t i = 0; i < 16; i++) {
		struct spec *_Atomic *at = &tensors->specs[(slot + i) % MOST_SPECS];
		struct spec *spec = atomic_load_explicit(at, memory_order_acquire);

		*place = at;
		if (!spec || is_same_key(&spec->key, key))
			return spec;
	}
	*place = NULL;
	return NULL;
}

/* SPEC, of KEY, is remembered. */
static struct spec *keep_spec(struct spec *_Atomic *place, const struct spec *spec, const struct key *key)
{
	struct spec *kept = malloc(sizeof(*kept)), *none = NULL;

	if (!kept)
		return NULL;
	kept->words = spec->words;
	kept->key = *key;
	tell(kept);
	if (atomic_compare_exchange_strong(place, &none, kept))
		return kept;
	free(kept); /* another thread was there before */
	return NULL;
}

/* What TENSOR is. SPEC has room for one that is like no other. NULL: that is not known. */
static struct spec *spec_of(struct tt_library *library, const void *tensor, const struct tt_memory *memory,
                            struct spec *spec)
{
	struct tt_tensors *tensors = library->tensors;
	struct parts parts = {.dtype = tensors->dtype(tensor),
	                      .layout = tensors->layout(tensor),
	                      .shape = tensors->logical_shape(tensor),
	                      .memory = memory};
	struct spec *_Atomic *place = NULL;
	struct tt_spec_numbers numbers;
	struct key key;
	bool has_key =
	    !atomic_load_explicit(&tensors->numbers_are_wrong, memory_order_relaxed) && make_key(&parts, &key);
	struct spec *found = has_key ? find_spec(tensors, &key, &place) : NULL;

	if (found)
		return found;
	if (!make_words(library, tensor, &numbers, &spec->words))
		return NULL;
	if (has_key && !is_key_of(&key, &numbers))
		atomic_store(&tensors->numbers_are_wrong, true);
	else if (place)
		found = keep_spec(place, spec, &key);
	if (!found)
		tell(spec);
	return found ? found : spec;
}

/* ---- What tensors are, before an operation had one ---- */

/* Whether ARGUMENT is a reference to an object of a class with this NAME, as mangling ends with it. */
static bool is_a(const struct tt_argument *argument, const char *name)
{
	return strstr(tt_any_type(&argument->value), name) != NULL;
}

/* Tensors are often made before the first operation: from what they are to be, which are the same words. */
static void learn(struct tt_library *library, const struct tt_argument *arguments, size_t count)
{
	struct tt_tensors *tensors = library->tensors;
	const struct tt_argument *shape = NULL, *dtype = NULL, *layout = NULL, *memory = NULL;
	struct spec *_Atomic *place = NULL;
	struct tt_spec_numbers numbers;
	char text[TT_ARGUMENTS_BYTES] = "";
	struct parts parts;
	struct spec spec;

	for (size_t i = 0; i < count; i++) {
		shape = is_a(&arguments[i], "5ShapeE") ? &arguments[i] : shape;
		dtype = is_a(&arguments[i], "8DataTypeE") ? &arguments[i] : dtype;
		layout = is_a(&arguments[i], "6LayoutE") ? &arguments[i] : layout;
		memory = is_a(&arguments[i], "12MemoryConfigE") ? &arguments[i] : memory;
	}
	if (!shape || !dtype || !layout || !memory)
		return;
	tt_argument_text(library, shape, "logical_shape=", text, sizeof(text));
	tt_argument_text(library, dtype, ",dtype=", text, sizeof(text));
	tt_argument_text(library, layout, ",page_config=", text, sizeof(text));
	tt_argument_text(library, memory, ",memory_config=", text, sizeof(text));
	parts = (struct parts){.dtype = *(const int *)dtype->value.value,
	                       .layout = *(const int *)layout->value.value,
	                       .shape = shape->value.value,
	                       .memory = memory_of(tensors, memory->value.value)};
	if (make_key(&parts, &spec.key) && !find_spec(tensors, &spec.key, &place) && place &&
	    tt_spec_parse(text, &numbers, &spec.words) && is_key_of(&spec.key, &numbers))
		keep_spec(place, &spec, &spec.key);
}

/* ---- Where it lies ---- */

/* Of the device that this thread met last. */
static __thread struct {
	const void *device;
	uint32_t generation; /* of all devices */
	uint16_t allocator;
	struct tt_chips chips;
} met;

static bool find_place(struct tt_library *library, const void *device, const void *buffer)
{
	uint32_t generation = tt_device_generation();
	struct tt_allocator_use use;
	struct tt_buffer read;

	if (met.device == device && met.generation == generation)
		return true;
	met.device = NULL;
	if (!tt_buffer_read(library, buffer, true, &read) || read.hooked ||
	    !tt_device_chips(library, read.device, &met.chips))
		return false;
	use = (struct tt_allocator_use){
	    .allocator = read.allocator, .device = read.device, .on_sub_device = read.on_sub_device};
	met.allocator = tt_device_announce(library, &use, &met.chips);
	met.device = device;
	met.generation = generation;
	return true;
}

/* ---- Reports ---- */

/* Tensors of one operation are counted. */
struct report {
	struct tt_library *library;
	bool given;
	uint32_t index;
};

static void report_tensor(struct report *report, const void *tensor)
{
	struct tt_tensors *tensors = report->library->tensors;
	const struct tt_memory *memory;
	const void *buffer;
	struct spec room, *spec;
	uint32_t index = report->index++, chips;

	if (tensors->storage_type(tensor) != TT_STORAGE_DEVICE || !tensors->is_allocated(tensor))
		return;
	buffer = tensors->buffer(tensor);
	if (!find_place(report->library, tensors->device(tensor), buffer))
		return;
	memory = memory_of(tensors, tensors->memory_config(tensor));
	spec = spec_of(report->library, tensor, memory, &room);
	if (!spec)
		return;
	/* What is made is told for each chip; what is taken, for the first one. */
	chips = report->given ? met.chips.count : met.chips.count > 0;
	for (uint32_t i = 0; i < chips; i++)
		ttalloc_tensor(&(struct ttalloc_tensor){.device = ttalloc_on(met.chips.ids[i], met.allocator),
		                                        .region = (uint16_t)memory->type,
		                                        .given = report->given,
		                                        .index = index,
		                                        .address = report->library->address(buffer),
		                                        .spec = &spec->told});
}

static void report_vector(struct report *report, const struct tt_vector *vector, size_t stride,
                          enum shape_of_value shape)
{
	const uint8_t *at = vector->begin, *end = vector->end;

	if ((size_t)(end - at) % stride)
		return;
	for (; at < end; at += stride) {
		if (shape == REFERENCES)
			report_tensor(report, *(const void *const *)at);
		else if (shape == TENSORS || at[report->library->tensors->bytes])
			report_tensor(report, at);
	}
}

static void report_value(struct report *report, const struct tt_any *any)
{
	enum shape_of_value shape = shape_of(any);
	size_t bytes = report->library->tensors->bytes;
	const uint8_t *value = any->value;

	if (shape == TENSOR || (shape == OPTIONAL_TENSOR && value[bytes]))
		report_tensor(report, value);
	else if (shape == TENSORS)
		report_vector(report, any->value, bytes, shape);
	else if (shape == REFERENCES)
		report_vector(report, any->value, sizeof(void *), shape);
	else if (shape == OPTIONAL_TENSORS)
		report_vector(report, any->value, bytes + sizeof(void *), shape);
}

/* The first that operations say how to make texts of. */
static void keep_maker(struct tt_tensors *tensors, const struct tt_argument *argument)
{
	tt_lock();
	if (!atomic_load(&tensors->has_maker)) {
		tensors->maker = *argument;
		atomic_store_explicit(&tensors->has_maker, true, memory_order_release);
	}
	tt_unlock();
}

void tt_tensors_taken(struct tt_library *library, const struct tt_argument *arguments, size_t count)
{
	struct report report = {.library = library};

	for (size_t i = 0; i < count; i++) {
		if (!atomic_load_explicit(&library->tensors->has_maker, memory_order_relaxed) &&
		    shape_of(&arguments[i].value) == REFERENCES)
			keep_maker(library->tensors, &arguments[i]);
		report_value(&report, &arguments[i].value);
	}
	if (!atomic_load_explicit(&library->tensors->has_maker, memory_order_relaxed))
		learn(library, arguments, count);
}

void tt_tensors_given(struct tt_library *library, const struct tt_any *result)
{
	report_value(&(struct report){.library = library, .given = true}, result);
}
