/* SPDX-License-Identifier: Apache-2.0
 *
 * training.c - the loop: data parallel, every device holds the whole model and its own batch. Gradients come into being
 * in the backward pass and are freed once the optimizer has used them.
 */
#include "training.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <ttalloc.h>

#include "disturbance.h"
#include "evaluation.h"
#include "model.h"

enum {
	BATCH_LENGTHS = 4,            /* full, and three shorter ones */
	TRACE_TOTAL_BYTES = 23887872, /* over all DRAM banks */
	TRACE_LAYER_BYTES = 98304,    /* commands of one layer's optimizer */
	L1_SMALL_BYTES = 32768,
	MOMENTS = 2,
};

/* A layer, or the head: embedding, final norm and output projection. */
struct module {
	enum module_kind kind;
	char label[24];
	struct tensor tensors[SLOTS];
	struct tensor weights[WEIGHTS];
	struct tensor gradients[WEIGHTS];
	struct tensor moments[WEIGHTS][MOMENTS];
};

struct training {
	struct training_options options;
	struct mesh *mesh;
	struct module *layers;
	struct module head;
	struct tensor semaphores; /* of the all-reduce */
	struct tensor gathering;  /* semaphore of this step's all-gather */
	struct tensor trace;
	struct stragglers stragglers;
	uint64_t random;
	uint64_t step;
	uint64_t steps_done;
	uint64_t leaked_bytes;
	uint64_t step_start_ns;
	unsigned batch_length; /* 0: full */
	char message[DEVICE_MESSAGE_MAX];
};

/* Programs: each operation for each length of a batch, then the optimizer's and the all-reduce's for each weight. */
static unsigned op_program(const struct training *training, unsigned op)
{
	return op * BATCH_LENGTHS + training->batch_length;
}

static unsigned weight_program(enum weight weight, bool all_reduce)
{
	return model_op_count() * BATCH_LENGTHS + 2 * weight + all_reduce;
}

static unsigned evaluation_program(void)
{
	return weight_program(WEIGHTS, false);
}

static uint32_t batch_tokens(const struct training *training)
{
	uint32_t tokens = training->options.tokens * (BATCH_LENGTHS - training->batch_length) / BATCH_LENGTHS;

	return (tokens + MODEL_TILE_ROWS - 1) / MODEL_TILE_ROWS * MODEL_TILE_ROWS;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Sleeps until PART of PARTS of the step's time has passed. */
static void keep_pace(const struct training *training, uint64_t part, uint64_t parts)
{
	uint64_t due_ns = training->step_start_ns + training->options.step_time_us * 1000u * part / parts;
	struct timespec due = {.tv_sec = (time_t)(due_ns / 1000000000u), .tv_nsec = (long)(due_ns % 1000000000u)};

	if (training->options.step_time_us > 0 && !mesh_failed(training->mesh))
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static void make_slot(struct training *training, struct module *module, enum slot slot)
{
	uint32_t cores = training->options.architecture->l1_banks;
	struct buffer_request request = model_tensor(slot, batch_tokens(training), cores);

	mesh_make(training->mesh, &request, &module->tensors[slot]);
}

static void make_weight_sized(struct training *training, uint64_t size_bytes, struct tensor *tensor)
{
	struct buffer_request request = {
	    .region = TTALLOC_DRAM,
	    .size_bytes = size_bytes,
	    .page_bytes = MODEL_TILE_BYTES,
	};

	mesh_make(training->mesh, &request, tensor);
}

static void run_op(struct training *training, struct module *module, const struct op *op, unsigned number)
{
	const struct tensor *output = op->makes[0] ? &module->tensors[op->makes[0]] : NULL;

	ttalloc_label_push(op->name);
	for (unsigned i = 0; i < OP_MAKES_MAX && op->makes[i]; i++)
		make_slot(training, module, op->makes[i]);
	if (op->gradient)
		make_weight_sized(training, model_weight_bytes(op->gradient, module->kind),
		                  &module->gradients[op->gradient]);
	mesh_run(training->mesh, op_program(training, number), op->recipe, output);
	for (unsigned i = 0; i < OP_DROPS_MAX && op->drops[i]; i++)
		mesh_drop(training->mesh, &module->tensors[op->drops[i]]);
	ttalloc_label_pop();
}

static void run_phase(struct training *training, struct module *module, enum phase phase)
{
	const struct op_list *list = &model_phases[phase];
	const char *group = NULL;

	ttalloc_label_push(module->label);
	for (unsigned i = 0; i < list->count; i++) {
		const struct op *op = &list->ops[i];

		if (op->group != group) {
			if (group)
				ttalloc_label_pop();
			ttalloc_label_push(op->group);
			group = op->group;
		}
		run_op(training, module, op, model_first_op(phase) + i);
		if (i == 0 && phase == PHASE_LAYER_FORWARD && training->options.fragment)
			stragglers_add(&training->stragglers, training->mesh, training->step);
		if (i == 0 && phase == PHASE_HEAD && training->options.evaluate)
			all_gather(training->mesh, &training->gathering);
	}
	if (group)
		ttalloc_label_pop();
	ttalloc_label_pop();
}

/* What a module found out about its input is what the module before has to know about its output. */
static void pass_back(struct module *from, struct module *to)
{
	to->tensors[SLOT_D_OUTPUT] = from->tensors[SLOT_D_INPUT];
	from->tensors[SLOT_D_INPUT] = (struct tensor){0};
}

static void forward_and_backward(struct training *training)
{
	uint32_t layers = training->options.layers;
	uint64_t parts = 3 * (uint64_t)layers;

	ttalloc_label_push("model");
	run_phase(training, &training->head, PHASE_EMBED);
	for (uint32_t layer = 0; layer < layers; layer++) {
		run_phase(training, &training->layers[layer], PHASE_LAYER_FORWARD);
		keep_pace(training, layer + 1, parts);
	}
	run_phase(training, &training->head, PHASE_HEAD);
	pass_back(&training->head, &training->layers[layers - 1]);
	for (uint32_t layer = layers; layer-- > 0;) {
		run_phase(training, &training->layers[layer], PHASE_LAYER_BACKWARD);
		pass_back(&training->layers[layer], layer > 0 ? &training->layers[layer - 1] : &training->head);
		keep_pace(training, 2 * layers - layer, parts);
	}
	run_phase(training, &training->head, PHASE_EMBED_BACKWARD);
	ttalloc_label_pop();
}

static void optimize_weight(struct training *training, struct module *module, enum weight weight)
{
	uint64_t size_bytes = model_weight_bytes(weight, module->kind);
	struct tensor temporary = {0};

	if (size_bytes == 0)
		return;
	ttalloc_label_push(model_weight_name(weight));
	if (training->options.devices > 1) {
		make_weight_sized(training, size_bytes, &temporary);
		mesh_run(training->mesh, weight_program(weight, true), &model_all_reduce, &temporary);
		mesh_drop(training->mesh, &temporary);
	}
	make_weight_sized(training, size_bytes, &temporary);
	mesh_run(training->mesh, weight_program(weight, false), &model_optimizer, &temporary);
	mesh_drop(training->mesh, &temporary);
	mesh_drop(training->mesh, &module->gradients[weight]);
	ttalloc_label_pop();
}

static void optimize_module(struct training *training, struct module *module)
{
	ttalloc_label_push(module->label);
	for (enum weight weight = 1; weight < WEIGHTS; weight++)
		optimize_weight(training, module, weight);
	ttalloc_label_pop();
}

static void optimize(struct training *training)
{
	uint32_t layers = training->options.layers;

	ttalloc_label_push("optimizer");
	for (uint32_t layer = 0; layer < layers; layer++) {
		optimize_module(training, &training->layers[layer]);
		keep_pace(training, 2 * layers + layer + 1, 3 * (uint64_t)layers);
	}
	optimize_module(training, &training->head);
	ttalloc_label_pop();
}

/* The second step is captured as a trace, as programs do once everything is compiled. */
static void capture_trace(struct training *training)
{
	struct buffer_request request = {
	    .region = TTALLOC_TRACE,
	    .size_bytes = (uint64_t)training->options.layers * TRACE_LAYER_BYTES,
	    .page_bytes = MODEL_TILE_BYTES,
	};

	ttalloc_label_push("trace");
	mesh_make(training->mesh, &request, &training->trace);
	ttalloc_label_pop();
}

static void load_batch(struct training *training)
{
	ttalloc_label_push("dataloader");
	make_slot(training, &training->head, SLOT_TOKENS);
	make_slot(training, &training->head, SLOT_TARGETS);
	if (training->options.leak_bytes > 0) {
		ttalloc_label_push("prefetch");
		leak(training->mesh, training->options.leak_bytes);
		if (!mesh_failed(training->mesh))
			training->leaked_bytes += training->options.leak_bytes;
		ttalloc_label_pop();
	}
	ttalloc_label_pop();
}

static void drop_batch(struct training *training)
{
	mesh_drop(training->mesh, &training->head.tensors[SLOT_TOKENS]);
	mesh_drop(training->mesh, &training->head.tensors[SLOT_TARGETS]);
}

static void end_gathering(struct training *training)
{
	if (training->options.keep_semaphores)
		training->gathering = (struct tensor){0}; /* and nobody knows of it any more */
	mesh_drop(training->mesh, &training->gathering);
}

static void run_step(struct training *training)
{
	training->step_start_ns = now_ns();
	training->step++;
	ttalloc_step(training->step);
	if (training->options.seed != 0)
		training->batch_length = (unsigned)(next_random(&training->random) >> 32) % BATCH_LENGTHS;
	load_batch(training);
	forward_and_backward(training);
	if (training->step == 2)
		capture_trace(training);
	if (training->options.fail && training->step == training->options.steps)
		ask_for_too_much(training->mesh);
	optimize(training);
	end_gathering(training);
	drop_batch(training);
	stragglers_drop(&training->stragglers, training->mesh, training->step);
	if (!mesh_failed(training->mesh))
		training->steps_done++;
}

static void make_weights(struct training *training, struct module *module)
{
	ttalloc_label_push(module->label);
	for (enum weight weight = 1; weight < WEIGHTS; weight++) {
		uint64_t size_bytes = model_weight_bytes(weight, module->kind);

		if (size_bytes == 0)
			continue;
		ttalloc_label_push(model_weight_name(weight));
		make_weight_sized(training, size_bytes, &module->weights[weight]);
		for (unsigned moment = 0; moment < MOMENTS; moment++)
			make_weight_sized(training, size_bytes, &module->moments[weight][moment]);
		ttalloc_label_pop();
	}
	ttalloc_label_pop();
}

static void load_model(struct training *training)
{
	const struct buffer_request semaphores = {.region = TTALLOC_L1_SMALL, .size_bytes = 64, .page_bytes = 4};

	ttalloc_label_push("load");
	make_weights(training, &training->head);
	for (uint32_t layer = 0; layer < training->options.layers; layer++)
		make_weights(training, &training->layers[layer]);
	if (training->options.devices > 1)
		mesh_make(training->mesh, &semaphores, &training->semaphores);
	ttalloc_label_pop();
}

/* Everything that MODULE still holds, whether the run went well or broke off in the middle of a step. */
static void drop_module(struct training *training, struct module *module)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		mesh_drop(training->mesh, &module->tensors[slot]);
	for (unsigned weight = 0; weight < WEIGHTS; weight++) {
		mesh_drop(training->mesh, &module->gradients[weight]);
		for (unsigned moment = 0; moment < MOMENTS; moment++)
			mesh_drop(training->mesh, &module->moments[weight][moment]);
		mesh_drop(training->mesh, &module->weights[weight]);
	}
}

static void unload_model(struct training *training)
{
	stragglers_drop(&training->stragglers, training->mesh, UINT64_MAX);
	for (uint32_t layer = 0; layer < training->options.layers; layer++)
		drop_module(training, &training->layers[layer]);
	drop_module(training, &training->head);
	mesh_drop(training->mesh, &training->semaphores);
	mesh_drop(training->mesh, &training->gathering);
	mesh_drop(training->mesh, &training->trace);
	mesh_forget_programs(training->mesh);
}

static bool more_steps(const struct training *training)
{
	const struct training_options *options = &training->options;

	return !mesh_failed(training->mesh) && (options->steps == 0 || training->step < options->steps) &&
	       (options->event_limit == 0 || mesh_events(training->mesh) < options->event_limit);
}

struct training *training_begin(const struct training_options *options)
{
	struct training *training = calloc(1, sizeof(*training));

	if (training)
		training->layers = calloc(options->layers, sizeof(*training->layers));
	if (!training || !training->layers) {
		fputs("out of host memory\n", stderr);
		exit(1);
	}
	training->options = *options;
	training->random = options->seed * 0x9E3779B97F4A7C15u | 1;
	training->stragglers.random = training->random;
	training->head = (struct module){.kind = MODULE_HEAD, .label = "head"};
	for (uint32_t layer = 0; layer < options->layers; layer++)
		snprintf(training->layers[layer].label, sizeof(training->layers[layer].label), "layer.%u", layer);
	training->mesh = mesh_open(&(struct mesh_options){
	    .architecture = options->architecture,
	    .first_chip = options->first_chip,
	    .devices = options->devices,
	    .programs = evaluation_program() + 1,
	    .trace_bytes = TRACE_TOTAL_BYTES,
	    .l1_small_bytes = L1_SMALL_BYTES,
	});
	return training;
}

bool training_run(struct training *training)
{
	load_model(training);
	while (more_steps(training))
		run_step(training);
	if (training->options.evaluate)
		evaluate(training->mesh, evaluation_program());
	snprintf(training->message, sizeof(training->message), "%s", mesh_message(training->mesh));
	unload_model(training);
	return !mesh_failed(training->mesh);
}

void training_end(struct training *training)
{
	mesh_close(training->mesh);
	free(training->layers);
	free(training);
}

uint64_t training_steps(const struct training *training)
{
	return training->steps_done;
}

uint64_t training_leaked_bytes(const struct training *training)
{
	return training->leaked_bytes;
}

const char *training_message(const struct training *training)
{
	return training->message;
}

struct mesh *training_mesh(struct training *training)
{
	return training->mesh;
}
