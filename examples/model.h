/* SPDX-License-Identifier: Apache-2.0
 *
 * model.h - a transformer as data: which weights a module has, which tensors its operations make and drop, forward and
 * backward. The sizes are those of Llama-3.2-1B in bf16. Constant; all of it may be read from any thread.
 */
#ifndef EXAMPLES_MODEL_H
#define EXAMPLES_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "program.h"

enum { MODEL_LAYERS = 16, MODEL_ELEMENT_BYTES = 2, MODEL_TILE_ROWS = 32, MODEL_TILE_BYTES = 2048 };

/* Tensors of a module that live during a step. A name that begins with D_ is a gradient of the loss. */
enum slot {
	SLOT_NONE, /* ends a list */
	SLOT_OUTPUT,
	SLOT_ATTENTION_NORM,
	SLOT_QKV,
	SLOT_Q,
	SLOT_K,
	SLOT_V,
	SLOT_SCORES,
	SLOT_PROBABILITIES,
	SLOT_CONTEXT,
	SLOT_ATTENTION_OUT,
	SLOT_MIDDLE,
	SLOT_MLP_NORM,
	SLOT_GATE,
	SLOT_UP,
	SLOT_ACTIVATED,
	SLOT_MLP_OUT,
	SLOT_D_OUTPUT,
	SLOT_D_ACTIVATED,
	SLOT_D_GATE,
	SLOT_D_UP,
	SLOT_D_MLP_NORM,
	SLOT_D_MLP_NORM_2,
	SLOT_D_MIDDLE,
	SLOT_D_CONTEXT,
	SLOT_D_PROBABILITIES,
	SLOT_D_SCORES,
	SLOT_D_Q,
	SLOT_D_K,
	SLOT_D_V,
	SLOT_D_QKV,
	SLOT_D_ATTENTION_NORM,
	SLOT_D_INPUT, /* becomes D_OUTPUT of the module before */
	SLOT_TOKENS,
	SLOT_TARGETS,
	SLOT_FINAL_NORM,
	SLOT_LOGITS,
	SLOT_LOSS,
	SLOT_D_LOGITS,
	SLOT_D_FINAL_NORM,
	SLOTS
};

enum weight {
	WEIGHT_NONE,
	WEIGHT_ATTENTION_NORM,
	WEIGHT_QKV,
	WEIGHT_ATTENTION_OUT,
	WEIGHT_MLP_NORM,
	WEIGHT_GATE,
	WEIGHT_UP,
	WEIGHT_DOWN,
	WEIGHT_EMBEDDING, /* also the output projection */
	WEIGHT_FINAL_NORM,
	WEIGHTS
};

enum { OP_MAKES_MAX = 3, OP_DROPS_MAX = 4 };

/* One operation on a device. Drops take place after it ran. */
struct op {
	const char *group; /* label around it; NULL: none */
	const char *name;  /* label */
	const struct program_recipe *recipe;
	enum slot makes[OP_MAKES_MAX];
	enum slot drops[OP_DROPS_MAX];
	enum weight gradient; /* of this weight is made here */
};

struct op_list {
	const struct op *ops;
	unsigned count;
};

enum phase {
	PHASE_EMBED,          /* head: tokens to vectors */
	PHASE_LAYER_FORWARD,  /* each layer */
	PHASE_HEAD,           /* head: vectors to loss, and the first gradients */
	PHASE_LAYER_BACKWARD, /* each layer, last one first */
	PHASE_EMBED_BACKWARD, /* head */
	PHASES
};

enum module_kind { MODULE_LAYER, MODULE_HEAD };

extern const struct op_list model_phases[PHASES];
extern const struct program_recipe model_all_reduce;
extern const struct program_recipe model_optimizer;

/* Operations of all phases; they are numbered phase by phase from 0. */
unsigned model_op_count(void);

/* Number of the first operation of PHASE. */
unsigned model_first_op(enum phase phase);

/* What a batch of TOKENS tokens needs for SLOT on a chip with CORES cores. */
struct buffer_request model_tensor(enum slot slot, uint32_t tokens, uint32_t cores);

/* Bytes of WEIGHT in a module of KIND; 0 when it has none. */
uint64_t model_weight_bytes(enum weight weight, enum module_kind kind);

const char *model_weight_name(enum weight weight);

#endif
