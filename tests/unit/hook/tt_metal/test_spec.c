/* SPDX-License-Identifier: Apache-2.0
 *
 * test_spec.c - TT-Metal's texts of tensors, as its versions make them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hook/tt_metal/spec.h"

#define HEAD(SHAPE, DTYPE, PAGE)                                                                                       \
	"Tensor(storage=DeviceStorage(),tensor_spec=TensorSpec(logical_shape=Shape([" SHAPE                            \
	"]),tensor_layout=TensorLayout(dtype=DataType::" DTYPE ",page_config=PageConfig(config=" PAGE                  \
	"PageConfig(tile=Tile(tile_shape={32, 32},face_shape={16, 16},num_faces=4))),memory_config=MemoryConfig("
#define TAIL ",created_with_nd_shard_spec=0),alignment=Alignment([32, 32]))))"
#define MEMORY(LAYOUT, SHARDS, ND_SHARDS)                                                                              \
	"memory_layout=TensorMemoryLayout::" LAYOUT ",buffer_type=BufferType::L1,shard_spec=" SHARDS                   \
	",nd_shard_spec=" ND_SHARDS

static const char interleaved[] =
    HEAD("1, 1, 64, 128", "BFLOAT16", "Tile") MEMORY("INTERLEAVED", "std::nullopt", "std::nullopt") TAIL;
static const char sharded[] = HEAD("256, 512", "BFLOAT8_B", "RowMajor")
    MEMORY("BLOCK_SHARDED",
           "ShardSpec{grid=[{\"start\":{\"x\":0,\"y\":0},\"end\":{\"x\":3,\"y\":1}}, "
           "{\"start\":{\"x\":5,\"y\":6},\"end\":{\"x\":7,\"y\":6}}], shape=[32, 128], "
           "orientation=ShardOrientation::COL_MAJOR}",
           "{\"shard_shape\":[9],\"grid\":[]}") TAIL;
/* 0.75.0 to 0.81.1 forget the last bracket of the last range. */
static const char forgotten[] = HEAD("256, 512", "BFLOAT16", "Tile")
    MEMORY("HEIGHT_SHARDED",
           "ShardSpec{grid=[{\"start\":{\"x\":0,\"y\":0},\"end\":{\"x\":1,\"y\":0}], shape=[32, 128], "
           "orientation=ShardOrientation::ROW_MAJOR}",
           "std::nullopt") TAIL;
static const char nd_sharded[] = HEAD("8, 32, 32", "UINT32", "Tile")
    MEMORY("ND_SHARDED", "std::nullopt",
           "{\"shard_shape\":[2, 32, 32],\"grid\":[{\"start\":{\"x\":0,\"y\":0},\"end\":{\"x\":1,\"y\":0}}],"
           "\"orientation\":\"ShardOrientation::ROW_MAJOR\",\"shard_distribution_strategy\":\"ROUND_ROBIN_1D\"}") TAIL;

static void expect(const char *text, const char *wanted)
{
	struct tt_spec_numbers numbers;
	struct tt_spec_words words;
	char found[2048];

	assert_true(tt_spec_parse(text, &numbers, &words));
	snprintf(found, sizeof(found), "%s %s %s %s|%s|%s|%s|%u %u", words.shape, words.dtype, words.layout,
	         words.memory, words.shard_shape, words.shard_grid, words.orientation, numbers.dimension_count,
	         numbers.range_count);
	assert_string_equal(found, wanted);
}

static void test_texts(void **state)
{
	(void)state;
	expect(interleaved, "1x1x64x128 bfloat16 TILE interleaved||||4 0");
	expect(sharded, "256x512 bfloat8_b ROW_MAJOR block sharded|32x128|[[0,0,3,1],[5,6,7,6]]|COL_MAJOR|2 2");
	expect(forgotten, "256x512 bfloat16 TILE height sharded|32x128|[[0,0,1,0]]|ROW_MAJOR|2 1");
	expect(nd_sharded, "8x32x32 uint32 TILE nd sharded|2x32x32|[[0,0,1,0]]|ROW_MAJOR|3 0");
	expect(HEAD("", "FLOAT32", "Tile") MEMORY("INTERLEAVED", "std::nullopt", "std::nullopt") TAIL,
	       "scalar float32 TILE interleaved||||0 0");
	expect(
	    "logical_shape=Shape([3]),dtype=DataType::INT32,page_config=Layout::ROW_MAJOR,memory_config=MemoryConfig("
	    "memory_layout=TensorMemoryLayout::INTERLEAVED,buffer_type=BufferType::DRAM,shard_spec=std::nullopt,"
	    "nd_shard_spec=std::nullopt,created_with_nd_shard_spec=0)",
	    "3 int32 ROW_MAJOR interleaved||||1 0");
}

/* COUNT ranges of a core each, in TEXT. */
static void make_many(unsigned count, char *text, size_t bytes)
{
	size_t used =
	    (size_t)snprintf(text, bytes, "%s",
	                     HEAD("256, 512", "BFLOAT16", "Tile") "memory_layout=TensorMemoryLayout::"
	                                                          "HEIGHT_SHARDED,shard_spec=ShardSpec{grid=[");

	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, bytes - used,
		                         "%s{\"start\":{\"x\":%u,\"y\":%u},\"end\":{\"x\":%u,\"y\":%u}}", i ? ", " : "",
		                         10 + i % 16, 10 + i / 16, 10 + i % 16, 10 + i / 16);
	snprintf(text + used, bytes - used,
	         "], shape=[32, 128], orientation=ShardOrientation::ROW_MAJOR},nd_shard_spec=std::nullopt" TAIL);
}

/* All of as many ranges as are kept have room in the words; of more there are none, and all else is there. */
static void test_many_ranges(void **state)
{
	struct tt_spec_numbers numbers;
	struct tt_spec_words words;
	char text[8192];

	(void)state;
	make_many(TT_SPEC_MOST_RANGES, text, sizeof(text));
	assert_true(tt_spec_parse(text, &numbers, &words));
	assert_int_equal(numbers.range_count, TT_SPEC_MOST_RANGES);
	assert_non_null(strstr(words.shard_grid, ",[25,13,25,13]]"));
	make_many(TT_SPEC_MOST_RANGES + 1, text, sizeof(text));
	expect(text, "256x512 bfloat16 TILE height sharded|32x128||ROW_MAJOR|2 65");
}

static void test_numbers(void **state)
{
	struct tt_spec_numbers numbers;
	struct tt_spec_words words;

	(void)state;
	assert_true(tt_spec_parse(sharded, &numbers, &words));
	assert_int_equal(numbers.dimensions[0] * 1000 + numbers.dimensions[1], 256512);
	assert_int_equal(numbers.shard[0] * 1000 + numbers.shard[1], 32128);
	assert_int_equal(numbers.ranges[1].x0 * 1000 + numbers.ranges[1].y0 * 100 + numbers.ranges[1].x1 * 10, 5670);
	assert_int_equal(numbers.ranges[1].y1, 6);
}

/* What is cut off anywhere, or too long, is understood nowhere, and harms nobody. */
static void test_other_texts(void **state)
{
	static const char *const texts[] = {interleaved, sharded, nd_sharded};
	struct tt_spec_numbers numbers;
	struct tt_spec_words words;
	char text[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (size_t cut = 0; cut < strlen(texts[i]); cut++) {
			snprintf(text, sizeof(text), "%.*s", (int)cut, texts[i]);
			if (tt_spec_parse(text, &numbers, &words))
				assert_true(cut > strlen(texts[i]) - strlen(TAIL) - 64);
		}
	strcpy(text, "Tensor(logical_shape=Shape([");
	for (int i = 0; i < 40; i++)
		strcat(text, "4294967295, ");
	strcat(text, "1]),dtype=DataType::BFLOAT16,page_config=PageConfig(config=TilePageConfig())");
	assert_false(tt_spec_parse(text, &numbers, &words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_many_ranges),
	    cmocka_unit_test(test_other_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
