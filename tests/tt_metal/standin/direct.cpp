// SPDX-License-Identifier: Apache-2.0
//
// A program linked with libtt_metal: a multicore matmul with reuse, enqueued by hand, as upstream's example of that name.
#include "tt_metal.hpp"

using namespace tt::tt_metal;

int main() {
    Device device(0);
    constexpr std::uint64_t tile_bytes = 2048, tiles = 20 * 20;
    auto dram = [&] {
        return Buffer::create(&device, tiles * tile_bytes, tile_bytes, BufferType::DRAM,
                              TensorMemoryLayout::INTERLEAVED, true, std::nullopt);
    };
    auto a = dram(), b = dram(), c = dram();
    for (int round = 0; round < 2; round++) {
        Program program;
        CoreRange grid{{0, 0}, {4, 4}};
        program.add({CoreRangeSet({grid}), 16 * tile_bytes, 0});
        program.add({CoreRangeSet({grid}), 8 * tile_bytes, 0});
        program.add({CoreRangeSet({grid}), 4 * tile_bytes, 0});
        program.compile(&device);
        program.compile(&device);
    }
    try {
        Buffer::create(&device, 64ull << 20, 1 << 20, BufferType::L1, TensorMemoryLayout::INTERLEAVED, false,
                       std::optional<std::uint32_t>(1));
    } catch (const std::runtime_error&) {
        return 0;
    }
    return 1;
}
