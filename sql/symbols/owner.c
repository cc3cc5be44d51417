/* SPDX-License-Identifier: Apache-2.0
 *
 * owner.c - see owner.h.
 */
#include "owner.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* By what a function is told. */
enum part {
	MODULE,   /* the name of its module begins so */
	FILE_,    /* the path of its source has this in it */
	FUNCTION, /* its qualified name begins so, wherever it was compiled into: templates and inline functions */
};

/* The first row that fits decides. */
static const struct {
	enum owner owner;
	enum part part;
	const char *text;
} rules[] = {
    {OWNER_TTALLOC, MODULE, "libttalloc"},
    {OWNER_TTALLOC, FILE_, "/ttalloc.py"},
    {OWNER_TTALLOC, FUNCTION, "tt::tt_metal::ttalloc_client::"},
    {OWNER_TTALLOC, FUNCTION, "tt::tt_metal::allocation_tracker::"},
    {OWNER_TT_METAL, MODULE, "libtt_metal"},
    {OWNER_TT_METAL, MODULE, "libtt_stl"},
    {OWNER_TT_METAL, MODULE, "libtt-umd"},
    {OWNER_TT_METAL, MODULE, "libdevice.so"}, /* UMD's name before */
    {OWNER_TT_METAL, MODULE, "_ttnncpp"},
    {OWNER_TT_METAL, MODULE, "_ttnn."},
    {OWNER_TT_METAL, MODULE, "libtracy"},
    {OWNER_TT_METAL, FILE_, "-packages/ttnn/"}, /* installed */
    {OWNER_TT_METAL, FILE_, "/ttnn/ttnn/"},     /* in a clone */
    {OWNER_TT_METAL, FILE_, "-packages/tracy/"},
    {OWNER_TT_METAL, FUNCTION, "tt::"},
    {OWNER_TT_METAL, FUNCTION, "ttnn::"},
    {OWNER_TT_METAL, FUNCTION, "ttsl::"},
    {OWNER_TT_METAL, FUNCTION, "tt_stl::"},
    {OWNER_TT_METAL, MODULE, "libtt.so"}, /* JAX's plugin, and what leads there */
    {OWNER_TT_METAL, MODULE, "pjrt_plugin_tt"},
    {OWNER_TT_METAL, MODULE, "libTTMLIRRuntime"},
    {OWNER_TT_METAL, FILE_, "-packages/jax/"},
    {OWNER_TT_METAL, FILE_, "-packages/jaxlib/"},
    {OWNER_TT_METAL, FILE_, "-packages/jax_plugins/"},
    {OWNER_TT_METAL, MODULE, "libjax_common"},
    {OWNER_TT_METAL, MODULE, "_jax."},
    {OWNER_SYSTEM, MODULE, "libc.so"},
    {OWNER_SYSTEM, MODULE, "libc-"},
    {OWNER_SYSTEM, MODULE, "libpthread"},
    {OWNER_SYSTEM, MODULE, "libstdc++"},
    {OWNER_SYSTEM, MODULE, "libc++"},
    {OWNER_SYSTEM, MODULE, "libgcc_s"},
    {OWNER_SYSTEM, MODULE, "ld-linux"},
    {OWNER_SYSTEM, MODULE, "libpython"},
    {OWNER_SYSTEM, MODULE, "python3"},
    {OWNER_SYSTEM, FUNCTION, "std::"},
    {OWNER_SYSTEM, FUNCTION, "__gnu_cxx::"},
    {OWNER_SYSTEM, FUNCTION, "_start"},
};

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

static bool begins(const char *text, const char *with)
{
	return text && strncmp(text, with, strlen(with)) == 0;
}

enum owner owner_of(const char *module, const char *file, const char *function)
{
	const char *name = base_name(module);

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		const char *text = rules[i].text;

		if (rules[i].part == FILE_ ? file && strstr(file, text)
		                           : begins(rules[i].part == MODULE ? name : function, text))
			return rules[i].owner;
	}
	return OWNER_PROGRAM;
}

static const char *word_of(enum part part, const char *path)
{
	const char *name = base_name(path);

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (rules[i].part == part &&
		    (part == FILE_ ? strstr(path, rules[i].text) != NULL : begins(name, rules[i].text)))
			return rules[i].text;
	return NULL;
}

const char *owner_word_of_module(const char *path)
{
	return word_of(MODULE, path);
}

const char *owner_word_of_file(const char *path)
{
	return word_of(FILE_, path);
}
