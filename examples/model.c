/* SPDX-License-Identifier: Apache-2.0
 *
 * model.c - the tables: shapes, weights, kinds of programs, and the operations of each phase.
 */
#include "model.h"

#include <ttalloc.h>

/* Llama-3.2-1B */
enum {
	HIDDEN = 2048,
	HEADS = 32,
	KEY_VALUE_COLUMNS = 512, /* 8 heads of 64 */
	QKV_COLUMNS = HIDDEN + 2 * KEY_VALUE_COLUMNS,
	INTERMEDIATE = 8192,
	VOCABULARY = 128256,
};

enum { TILE = MODEL_TILE_BYTES };

/* Rows are tokens; columns are per token. */
struct shape {
	uint32_t columns;
	uint8_t element_bytes; /* 0: that of the model */
	bool square;           /* columns times tokens: attention scores */
	bool scalar;           /* no rows: one tile */
	bool l1;               /* interleaved over L1, unless sharded */
	bool sharded;          /* by rows, over as many cores as there are rows of tiles */
};

static const struct shape shapes[SLOTS] = {
    [SLOT_OUTPUT] = {.columns = HIDDEN},
    [SLOT_ATTENTION_NORM] = {.columns = HIDDEN, .l1 = true, .sharded = true},
    [SLOT_QKV] = {.columns = QKV_COLUMNS},
    [SLOT_Q] = {.columns = HIDDEN},
    [SLOT_K] = {.columns = KEY_VALUE_COLUMNS},
    [SLOT_V] = {.columns = KEY_VALUE_COLUMNS},
    [SLOT_SCORES] = {.columns = HEADS, .square = true},
    [SLOT_PROBABILITIES] = {.columns = HEADS, .square = true},
    [SLOT_CONTEXT] = {.columns = HIDDEN},
    [SLOT_ATTENTION_OUT] = {.columns = HIDDEN, .l1 = true},
    [SLOT_MIDDLE] = {.columns = HIDDEN},
    [SLOT_MLP_NORM] = {.columns = HIDDEN, .l1 = true, .sharded = true},
    [SLOT_GATE] = {.columns = INTERMEDIATE},
    [SLOT_UP] = {.columns = INTERMEDIATE},
    [SLOT_ACTIVATED] = {.columns = INTERMEDIATE},
    [SLOT_MLP_OUT] = {.columns = HIDDEN, .l1 = true},
    [SLOT_D_OUTPUT] = {.columns = HIDDEN},
    [SLOT_D_ACTIVATED] = {.columns = INTERMEDIATE},
    [SLOT_D_GATE] = {.columns = INTERMEDIATE},
    [SLOT_D_UP] = {.columns = INTERMEDIATE},
    [SLOT_D_MLP_NORM] = {.columns = HIDDEN, .l1 = true},
    [SLOT_D_MLP_NORM_2] = {.columns = HIDDEN, .l1 = true},
    [SLOT_D_MIDDLE] = {.columns = HIDDEN},
    [SLOT_D_CONTEXT] = {.columns = HIDDEN},
    [SLOT_D_PROBABILITIES] = {.columns = HEADS, .square = true},
    [SLOT_D_SCORES] = {.columns = HEADS, .square = true},
    [SLOT_D_Q] = {.columns = HIDDEN},
    [SLOT_D_K] = {.columns = KEY_VALUE_COLUMNS},
    [SLOT_D_V] = {.columns = KEY_VALUE_COLUMNS},
    [SLOT_D_QKV] = {.columns = QKV_COLUMNS},
    [SLOT_D_ATTENTION_NORM] = {.columns = HIDDEN, .l1 = true},
    [SLOT_D_INPUT] = {.columns = HIDDEN},
    [SLOT_TOKENS] = {.columns = 1, .element_bytes = 4},
    [SLOT_TARGETS] = {.columns = 1, .element_bytes = 4},
    [SLOT_FINAL_NORM] = {.columns = HIDDEN, .l1 = true, .sharded = true},
    [SLOT_LOGITS] = {.columns = VOCABULARY},
    [SLOT_LOSS] = {.scalar = true, .l1 = true},
    [SLOT_D_LOGITS] = {.columns = VOCABULARY},
    [SLOT_D_FINAL_NORM] = {.columns = HIDDEN, .l1 = true},
};

static const struct {
	const char *name;
	uint32_t rows;
	uint32_t columns;
	enum module_kind kind;
} weights[WEIGHTS] = {
    [WEIGHT_ATTENTION_NORM] = {"attention_norm", 1, HIDDEN, MODULE_LAYER},
    [WEIGHT_QKV] = {"wqkv", QKV_COLUMNS, HIDDEN, MODULE_LAYER},
    [WEIGHT_ATTENTION_OUT] = {"wo", HIDDEN, HIDDEN, MODULE_LAYER},
    [WEIGHT_MLP_NORM] = {"mlp_norm", 1, HIDDEN, MODULE_LAYER},
    [WEIGHT_GATE] = {"w_gate", INTERMEDIATE, HIDDEN, MODULE_LAYER},
    [WEIGHT_UP] = {"w_up", INTERMEDIATE, HIDDEN, MODULE_LAYER},
    [WEIGHT_DOWN] = {"w_down", HIDDEN, INTERMEDIATE, MODULE_LAYER},
    [WEIGHT_EMBEDDING] = {"embedding", VOCABULARY, HIDDEN, MODULE_HEAD},
    [WEIGHT_FINAL_NORM] = {"final_norm", 1, HIDDEN, MODULE_HEAD},
};

/* Circular buffers: inputs double-buffered, then the output, then partial sums. */
static const struct program_recipe embed = {
    .name = "embedding", .binary_bytes = 9312, .cb_bytes = {2 * TILE, 8 * TILE}};
static const struct program_recipe norm = {.name = "rms_norm",
                                           .binary_bytes = 21744,
                                           .cb_bytes = {64 * TILE, 2 * TILE, 64 * TILE, 4 * TILE},
                                           .borrows_output = true};
static const struct program_recipe matmul = {
    .name = "matmul", .binary_bytes = 26880, .cb_bytes = {32 * TILE, 64 * TILE, 32 * TILE, 64 * TILE}};
static const struct program_recipe heads = {
    .name = "rotary_heads", .binary_bytes = 17520, .cb_bytes = {24 * TILE, 8 * TILE, 8 * TILE, 24 * TILE}};
static const struct program_recipe softmax = {
    .name = "softmax", .binary_bytes = 19104, .cb_bytes = {64 * TILE, 2 * TILE, 64 * TILE, 2 * TILE}};
static const struct program_recipe elementwise = {
    .name = "binary", .binary_bytes = 12384, .cb_bytes = {16 * TILE, 16 * TILE, 16 * TILE}};
static const struct program_recipe loss = {
    .name = "cross_entropy", .binary_bytes = 22608, .cb_bytes = {32 * TILE, 2 * TILE, 32 * TILE, 4 * TILE}};
static const struct program_recipe norm_backward = {.name = "rms_norm_backward",
                                                    .binary_bytes = 30096,
                                                    .cb_bytes = {64 * TILE, 64 * TILE, 2 * TILE, 64 * TILE, 8 * TILE}};
static const struct program_recipe matmul_backward = {
    .name = "matmul_backward", .binary_bytes = 27648, .cb_bytes = {48 * TILE, 48 * TILE, 32 * TILE, 64 * TILE}};
const struct program_recipe model_all_reduce = {
    .name = "all_reduce", .binary_bytes = 24192, .cb_bytes = {16 * TILE, 16 * TILE, 16 * TILE}};
const struct program_recipe model_optimizer = {
    .name = "adamw", .binary_bytes = 23760, .cb_bytes = {8 * TILE, 8 * TILE, 8 * TILE, 8 * TILE, 8 * TILE}};

static const struct op embed_ops[] = {
    {.group = "embedding", .name = "lookup", .recipe = &embed, .makes = {SLOT_OUTPUT}},
};

static const struct op layer_forward_ops[] = {
    {.group = "attention", .name = "norm", .recipe = &norm, .makes = {SLOT_ATTENTION_NORM}},
    {.group = "attention", .name = "qkv", .recipe = &matmul, .makes = {SLOT_QKV}, .drops = {SLOT_ATTENTION_NORM}},
    {.group = "attention", .name = "rotary", .recipe = &heads, .makes = {SLOT_Q, SLOT_K, SLOT_V}, .drops = {SLOT_QKV}},
    {.group = "attention", .name = "scores", .recipe = &matmul, .makes = {SLOT_SCORES}},
    {.group = "attention",
     .name = "softmax",
     .recipe = &softmax,
     .makes = {SLOT_PROBABILITIES},
     .drops = {SLOT_SCORES}},
    {.group = "attention", .name = "context", .recipe = &matmul, .makes = {SLOT_CONTEXT}},
    {.group = "attention", .name = "output", .recipe = &matmul, .makes = {SLOT_ATTENTION_OUT}},
    {.group = "attention",
     .name = "residual",
     .recipe = &elementwise,
     .makes = {SLOT_MIDDLE},
     .drops = {SLOT_ATTENTION_OUT}},
    {.group = "mlp", .name = "norm", .recipe = &norm, .makes = {SLOT_MLP_NORM}},
    {.group = "mlp", .name = "gate", .recipe = &matmul, .makes = {SLOT_GATE}},
    {.group = "mlp", .name = "up", .recipe = &matmul, .makes = {SLOT_UP}, .drops = {SLOT_MLP_NORM}},
    {.group = "mlp", .name = "activation", .recipe = &elementwise, .makes = {SLOT_ACTIVATED}},
    {.group = "mlp", .name = "down", .recipe = &matmul, .makes = {SLOT_MLP_OUT}},
    {.group = "mlp", .name = "residual", .recipe = &elementwise, .makes = {SLOT_OUTPUT}, .drops = {SLOT_MLP_OUT}},
};

static const struct op head_ops[] = {
    {.group = "head", .name = "norm", .recipe = &norm, .makes = {SLOT_FINAL_NORM}},
    {.group = "head", .name = "logits", .recipe = &matmul, .makes = {SLOT_LOGITS}},
    {.group = "head", .name = "loss", .recipe = &loss, .makes = {SLOT_LOSS}},
    {.group = "head",
     .name = "loss.backward",
     .recipe = &loss,
     .makes = {SLOT_D_LOGITS},
     .drops = {SLOT_LOGITS, SLOT_LOSS}},
    {.group = "head",
     .name = "logits.backward",
     .recipe = &matmul_backward,
     .makes = {SLOT_D_FINAL_NORM},
     .drops = {SLOT_D_LOGITS, SLOT_FINAL_NORM},
     .gradient = WEIGHT_EMBEDDING},
    {.group = "head",
     .name = "norm.backward",
     .recipe = &norm_backward,
     .makes = {SLOT_D_INPUT},
     .drops = {SLOT_D_FINAL_NORM},
     .gradient = WEIGHT_FINAL_NORM},
};

/* Norms are computed again rather than kept. The output is what the next layer read: it goes first. */
static const struct op layer_backward_ops[] = {
    {.group = "mlp",
     .name = "down.backward",
     .recipe = &matmul_backward,
     .makes = {SLOT_D_ACTIVATED},
     .drops = {SLOT_OUTPUT, SLOT_ACTIVATED},
     .gradient = WEIGHT_DOWN},
    {.group = "mlp",
     .name = "activation.backward",
     .recipe = &elementwise,
     .makes = {SLOT_D_GATE, SLOT_D_UP},
     .drops = {SLOT_D_ACTIVATED, SLOT_GATE, SLOT_UP}},
    {.group = "mlp", .name = "norm", .recipe = &norm, .makes = {SLOT_MLP_NORM}},
    {.group = "mlp",
     .name = "gate.backward",
     .recipe = &matmul_backward,
     .makes = {SLOT_D_MLP_NORM},
     .drops = {SLOT_D_GATE},
     .gradient = WEIGHT_GATE},
    {.group = "mlp",
     .name = "up.backward",
     .recipe = &matmul_backward,
     .makes = {SLOT_D_MLP_NORM_2},
     .drops = {SLOT_D_UP, SLOT_MLP_NORM},
     .gradient = WEIGHT_UP},
    {.group = "mlp",
     .name = "norm.backward",
     .recipe = &norm_backward,
     .makes = {SLOT_D_MIDDLE},
     .drops = {SLOT_D_MLP_NORM, SLOT_D_MLP_NORM_2, SLOT_MIDDLE, SLOT_D_OUTPUT},
     .gradient = WEIGHT_MLP_NORM},
    {.group = "attention",
     .name = "output.backward",
     .recipe = &matmul_backward,
     .makes = {SLOT_D_CONTEXT},
     .drops = {SLOT_CONTEXT},
     .gradient = WEIGHT_ATTENTION_OUT},
    {.group = "attention",
     .name = "context.backward",
     .recipe = &matmul_backward,
     .makes = {SLOT_D_PROBABILITIES, SLOT_D_V},
     .drops = {SLOT_V, SLOT_D_CONTEXT}},
    {.group = "attention",
     .name = "softmax.backward",
     .recipe = &softmax,
     .makes = {SLOT_D_SCORES},
     .drops = {SLOT_D_PROBABILITIES, SLOT_PROBABILITIES}},
    {.group = "attention",
     .name = "scores.backward",
     .recipe = &matmul_backward,
     .makes = {SLOT_D_Q, SLOT_D_K},
     .drops = {SLOT_D_SCORES, SLOT_Q, SLOT_K}},
    {.group = "attention",
     .name = "rotary.backward",
     .recipe = &heads,
     .makes = {SLOT_D_QKV},
     .drops = {SLOT_D_Q, SLOT_D_K, SLOT_D_V}},
    {.group = "attention", .name = "norm", .recipe = &norm, .makes = {SLOT_ATTENTION_NORM}},
    {.group = "attention",
     .name = "qkv.backward",
     .recipe = &matmul_backward,
     .makes = {SLOT_D_ATTENTION_NORM},
     .drops = {SLOT_D_QKV, SLOT_ATTENTION_NORM},
     .gradient = WEIGHT_QKV},
    {.group = "attention",
     .name = "norm.backward",
     .recipe = &norm_backward,
     .makes = {SLOT_D_INPUT},
     .drops = {SLOT_D_ATTENTION_NORM, SLOT_D_MIDDLE},
     .gradient = WEIGHT_ATTENTION_NORM},
};

static const struct op embed_backward_ops[] = {
    {.group = "embedding", .name = "lookup.backward", .recipe = &embed, .drops = {SLOT_OUTPUT, SLOT_D_OUTPUT}},
};

#define OPS(table)                                                                                                     \
	{                                                                                                              \
		table, sizeof(table) / sizeof((table)[0])                                                              \
	}

const struct op_list model_phases[PHASES] = {
    [PHASE_EMBED] = OPS(embed_ops),
    [PHASE_LAYER_FORWARD] = OPS(layer_forward_ops),
    [PHASE_HEAD] = OPS(head_ops),
    [PHASE_LAYER_BACKWARD] = OPS(layer_backward_ops),
    [PHASE_EMBED_BACKWARD] = OPS(embed_backward_ops),
};

unsigned model_first_op(enum phase phase)
{
	unsigned first = 0;

	for (unsigned before = 0; before < phase; before++)
		first += model_phases[before].count;
	return first;
}

unsigned model_op_count(void)
{
	return model_first_op(PHASES);
}

static uint64_t tensor_bytes(const struct shape *shape, uint32_t tokens)
{
	uint64_t element_bytes = shape->element_bytes ? shape->element_bytes : MODEL_ELEMENT_BYTES;

	if (shape->scalar)
		return TILE;
	return (uint64_t)tokens * shape->columns * (shape->square ? tokens : 1) * element_bytes;
}

struct buffer_request model_tensor(enum slot slot, uint32_t tokens, uint32_t cores)
{
	const struct shape *shape = &shapes[slot];
	uint64_t size_bytes = tensor_bytes(shape, tokens);
	uint32_t tile_rows = (tokens + MODEL_TILE_ROWS - 1) / MODEL_TILE_ROWS;

	return (struct buffer_request){
	    .region = shape->l1 ? TTALLOC_L1 : TTALLOC_DRAM,
	    .shard_cores = !shape->sharded     ? 0
	                   : tile_rows < cores ? tile_rows
	                                       : cores,
	    .size_bytes = size_bytes,
	    .page_bytes = size_bytes < TILE ? size_bytes : TILE,
	};
}

uint64_t model_weight_bytes(enum weight weight, enum module_kind kind)
{
	if (weights[weight].kind != kind)
		return 0;
	return (uint64_t)weights[weight].rows * weights[weight].columns * MODEL_ELEMENT_BYTES;
}

const char *model_weight_name(enum weight weight)
{
	return weights[weight].name;
}
