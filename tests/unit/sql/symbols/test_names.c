/* SPDX-License-Identifier: Apache-2.0
 *
 * test_names.c - what functions are called, and whose they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sql/symbols/mangled_name.h"
#include "sql/symbols/owner.h"

/* Symbols of ttnn and of the C++ runtime. */
static void names_what_has_constraints(void **state)
{
	static const struct {
		const char *symbol, *name;
	} symbols[] = {
	    {"_ZN4ttnn16device_operation6detail15get_mesh_deviceITkNS0_22DeviceOperationConceptENS_10operations10index_"
	     "fill18IndexFillOperationEEEPN2tt8tt_metal11distributed10MeshDeviceERKNT_22operation_attributes_tERKNSB_"
	     "13tensor_args_tE",
	     "ttnn::device_operation::detail::get_mesh_device"},
	    {"_ZN4ttnn4fullIiQoosr3stdE9is_same_vIT_iEsr3stdE9is_same_vIS1_fEEENS_6TensorERKN2tt8tt_metal5ShapeES1_",
	     "ttnn::full"},
	    {"_ZN4ttsl10reflectionlsIN2tt8tt_metal12FaceGeometryEQaasr4ttsl8conceptsE11ReflectableIT_Entoosr3stdE8"
	     "integralIS5_Esr3stdE10is_array_vIS5_EEERSoS6_RKS5_",
	     "ttsl::reflection::operator<<"},
	    {"_ZSt12construct_atIiJiEEPT_S1_DpOT0_", "std::construct_at"},
	    {"_ZN12_GLOBAL__N_13fooIiEEvT_", "(anonymous namespace)::foo"},
	    {"_ZN1A1BILm9EEC2Ev", "A::B::B"},
	    {"_ZN1A1BD0Ev", "A::B::~B"},
	    {"_ZZN1A1fIiEEvT_ENKUlvE0_clEv", "A::f::{lambda#2}::operator()"},
	    {"_ZNK1A3getB5cxx11Ev", "A::get"},
	    {"_Z4mainv", "main"},
	};
	char name[256];

	(void)state;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
		assert_true(mangled_name(symbols[i].symbol, name, sizeof(name)));
		assert_string_equal(name, symbols[i].name);
	}
}

static void reads_symbols_that_are_cut_or_none(void **state)
{
	static const char symbol[] =
	    "_ZN4ttnn16device_operation6detail15get_mesh_deviceITkNS0_22DeviceOperationConceptENS_"
	    "10operations10index_fill18IndexFillOperationEEEvv";
	char cut[sizeof(symbol)], name[32];

	(void)state;
	for (size_t length = 0; length < sizeof(symbol); length++) {
		snprintf(cut, sizeof(cut), "%.*s", (int)length, symbol);
		mangled_name(cut, name, sizeof(name)); /* which is too small for all of it */
		assert_true(strlen(name) < sizeof(name));
	}
	assert_false(mangled_name("main", name, sizeof(name)));
	assert_false(mangled_name("", name, sizeof(name)));
	assert_false(mangled_name("_Z99999999999999999999x", name, sizeof(name)));
}

static void knows_whose_a_function_is(void **state)
{
	static const struct {
		enum owner owner;
		const char *module, *file, *function;
	} functions[] = {
	    {OWNER_TT_METAL, "/usr/lib/libtt_metal.so", NULL, NULL},
	    {OWNER_TT_METAL, "/v/lib/python3.10/site-packages/ttnn/_ttnn.cpython-310-x86_64-linux-gnu.so", NULL, "f"},
	    {OWNER_TT_METAL, NULL, "/v/lib/python3.10/site-packages/ttnn/decorators.py", NULL},
	    {OWNER_TT_METAL, NULL, "/home/u/tt-metal/ttnn/ttnn/decorators.py", NULL},
	    {OWNER_TT_METAL, "/home/u/program", NULL, "ttnn::matmul"},
	    {OWNER_PROGRAM, NULL, "/home/u/tt-metal/tests/ttnn/unit_tests/test_add.py", NULL},
	    {OWNER_PROGRAM, NULL, "/home/u/tt-metal/models/demos/llama/model.py", NULL},
	    {OWNER_PROGRAM, "/home/u/ttnn_server", NULL, "main"},
	    {OWNER_PROGRAM, NULL, NULL, NULL},
	    {OWNER_SYSTEM, "/usr/lib/x86_64-linux-gnu/libc.so.6", NULL, "__libc_start_main"},
	    {OWNER_SYSTEM, "/home/u/program", NULL, "std::function::operator()"},
	    {OWNER_TTALLOC, "/opt/lib/libttalloc-tt-metal.so", NULL, NULL},
	    {OWNER_TTALLOC, NULL, "/opt/lib/ttalloc/python/ttalloc.py", NULL},
	    {OWNER_TTALLOC, "/home/u/program", NULL, "tt::tt_metal::ttalloc_client::report"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		assert_int_equal(owner_of(functions[i].module, functions[i].file, functions[i].function),
		                 functions[i].owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_what_has_constraints),
	    cmocka_unit_test(reads_symbols_that_are_cut_or_none),
	    cmocka_unit_test(knows_whose_a_function_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
