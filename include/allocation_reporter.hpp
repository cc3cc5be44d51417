// SPDX-License-Identifier: Apache-2.0
//
// allocation_reporter.hpp - report TT-Metal's own objects, from inside TT-Metal: what hook/tt_metal/apply.sh inserts into
// today's GraphTracker and Buffer calls these. As allocation_client.hpp: nothing to link, nothing done while off.
//
// The template parameter Mesh is distributed::MeshDevice, which TT-Metal declares in a header of its own.
#ifndef TTALLOC_ALLOCATION_REPORTER_HPP
#define TTALLOC_ALLOCATION_REPORTER_HPP

#include <exception>

#include "allocation_client.hpp"

namespace tt::tt_metal {

namespace ttalloc_client {

// What runs on a chip.
struct Chip {
    std::atomic<std::uint64_t> program{0};   // announced last
    std::atomic<std::uint32_t> cb_index{0};  // circular buffers since then
};

struct Objects {
    Chip chips[256];
    std::atomic<std::uintptr_t> allocators[64]{};  // whose geometry was reported
    std::atomic<std::uint64_t> placed[1024]{};     // programs that had circular buffers, as far as there is room
};

inline Objects objects;

template <class Program, class = void>
struct HasNumber : std::false_type {};
template <class Program>
struct HasNumber<Program, std::void_t<decltype(static_cast<std::uint64_t>(std::declval<const Program&>().get_id()))>>
    : std::true_type {};

// What names PROGRAM: its own number, which no other one has; where it has none, its address, which a later one may have.
template <class Program>
std::uint64_t program_number(const Program* program) {
    if constexpr (HasNumber<Program>::value) {
        return static_cast<std::uint64_t>(program->get_id());
    } else {
        return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(program));
    }
}

// Whether PROGRAM had circular buffers on CHIP before; from now on it has. A program places all of its own at once, so
// those are gone, and so may be the program: another one has its address.
inline bool places_again(std::uint32_t chip, std::uint64_t program) noexcept {
    std::uint64_t key = (program ^ (std::uint64_t{chip} << 48)) * 0x9E3779B97F4A7C15u | 1u;
    return objects.placed[key >> 54].exchange(key, std::memory_order_relaxed) == key;
}

// A graph capture (NO_DISPATCH) places its buffers at address 0: they take no memory.
template <class Buffer>
bool is_captured(const Buffer& buffer, bool says_so) {
    if (buffer.address() == 0 && says_so && library.note != nullptr) {
        library.note("events of TT-Metal's graph captures (NO_DISPATCH), which take no memory: left out", 1);
    }
    return buffer.address() == 0;
}

// Calls REPORT(chip) for DEVICE, or for each device of it when it is a Mesh: the numbers of meshes are not chips'.
template <class Mesh, class Device, class Report>
void for_each_chip(const Device* device, Report&& report) {
    if (const auto* mesh = dynamic_cast<const Mesh*>(device)) {
        for (const auto* member : mesh->get_devices()) {
            report(chip(member->id()));
        }
    } else {
        report(chip(device->id()));
    }
}

// Whether ALLOCATOR is seen for the first time. When there are more than fit, they are seen again and again.
inline bool is_new(const void* allocator) noexcept {
    auto number = reinterpret_cast<std::uintptr_t>(allocator);
    for (auto& known : objects.allocators) {
        std::uintptr_t none = 0;
        if (known.load(std::memory_order_relaxed) == number) {
            return false;
        }
        if (known.compare_exchange_strong(none, number, std::memory_order_relaxed)) {
            return true;
        }
        if (none == number) {
            return false;
        }
    }
    return true;
}

inline const char* arch_name(int arch) noexcept {
    return arch == 2 ? "wormhole_b0" : arch == 3 ? "blackhole" : nullptr;
}

}  // namespace ttalloc_client

class AllocationReporter {
public:
    // BUFFER was placed.
    template <class Mesh, class Buffer>
    static void report_buffer(const Buffer& buffer) {
        if (!ttalloc_client::recording() || buffer.device() == nullptr || ttalloc_client::is_captured(buffer, true)) {
            return;
        }
        auto flags = buffer_flags(buffer);
        auto type = static_cast<std::uint8_t>(buffer.buffer_type());
        ttalloc_client::for_each_chip<Mesh>(buffer.device(), [&](std::uint32_t chip) {
            AllocationClient::report_allocation(static_cast<int>(chip), buffer.size(), type, buffer.address(),
                                                type == TTALLOC_SYSTEM_MEMORY ? 0 : buffer.aligned_size_per_bank(),
                                                flags);
        });
    }

    // BUFFER is about to be given back.
    template <class Mesh, class Buffer>
    static void report_buffer_free(const Buffer& buffer) {
        if (!ttalloc_client::recording() || buffer.device() == nullptr || ttalloc_client::is_captured(buffer, false)) {
            return;
        }
        ttalloc_client::for_each_chip<Mesh>(buffer.device(), [&](std::uint32_t chip) {
            AllocationClient::report_free(chip, static_cast<std::uint16_t>(buffer.buffer_type()), buffer.address());
        });
    }

    // A circular buffer of the program that was announced last. SIZE is on each core.
    template <class Mesh, class CoreRangeSet, class Device>
    static void report_circular_buffer(const CoreRangeSet& cores, std::uint64_t address, std::uint64_t size,
                                       bool is_globally_allocated, const Device* device) {
        if (!ttalloc_client::recording() || device == nullptr || address == 0) {
            return;
        }
        ttalloc_core_range ranges[64];
        std::uint32_t count = 0;
        for (const auto& range : cores.ranges()) {
            if (count < 64 && ttalloc_client::corners(range, ranges[count])) {
                count++;
            }
        }
        ttalloc_cb cb{};
        cb.address = address;
        cb.size_bytes = size;
        cb.aliased = is_globally_allocated ? 1 : 0;
        cb.cores = count != 0 ? ranges : nullptr;
        cb.core_ranges = count;
        ttalloc_client::for_each_chip<Mesh>(device, [&](std::uint32_t chip) {
            auto& running = ttalloc_client::objects.chips[chip % 256];
            cb.device = chip;
            cb.program = running.program.load(std::memory_order_relaxed);
            cb.index = running.cb_index.fetch_add(1, std::memory_order_relaxed);
            if (cb.index == 0 && ttalloc_client::places_again(chip, cb.program)) {
                ttalloc_client::library.cb_free(chip, cb.program);
            }
            AllocationClient::report_cb(cb);
        });
    }

    // PROGRAM is about to run.
    template <class Mesh, class Program, class Device>
    static void report_program_run(const Program* program, const Device* device) {
        if (!ttalloc_client::recording() || device == nullptr) {
            return;
        }
        auto number = ttalloc_client::program_number(program);
        ttalloc_client::claim(ttalloc_client::CIRCULAR_BUFFERS);
        ttalloc_client::for_each_chip<Mesh>(device, [&](std::uint32_t chip) {
            auto& running = ttalloc_client::objects.chips[chip % 256];
            running.program.store(number, std::memory_order_relaxed);
            running.cb_index.store(0, std::memory_order_relaxed);
            ttalloc_client::library.program_run(chip, number);
        });
    }

    // The geometry of DEVICE, by its ALLOCATOR, once for each. BufferType and HalMemType are TT-Metal's.
    template <class Mesh, class BufferType, class HalMemType, class Device, class Allocator>
    static void report_device(const Device* device, const Allocator& allocator) {
        if (!ttalloc_client::recording() || device == nullptr || !ttalloc_client::is_new(&allocator)) {
            return;
        }
        ttalloc_bank_layout layouts[4];
        std::uint32_t count = 0;
        for (int region : {TTALLOC_DRAM, TTALLOC_L1, TTALLOC_L1_SMALL, TTALLOC_TRACE}) {
            layouts[count] = bank_layout<BufferType, HalMemType>(allocator, region);
            count += layouts[count].bank_bytes != 0 ? 1 : 0;
        }
        ttalloc_client::for_each_chip<Mesh>(device, [&](std::uint32_t chip) {
            ttalloc_device open{};
            open.struct_size = sizeof(open);
            open.device = chip;
            open.arch = ttalloc_client::arch_name(static_cast<int>(device->arch()));
            open.layouts = layouts;
            open.layout_count = count;
            ttalloc_client::library.device_open(&open);
        });
    }

    // Lives while a buffer asks for its memory: reports the request as failed when an exception ends it.
    template <class Mesh, class Buffer>
    class Request {
    public:
        explicit Request(const Buffer& buffer) : buffer_(buffer), exceptions_(std::uncaught_exceptions()) {
            if (!ttalloc_client::recording() || buffer.device() == nullptr) {
                return;
            }
            wanted_ = true;
            block_.region = static_cast<std::uint16_t>(buffer.buffer_type());
            block_.flags = buffer_flags(buffer);
            block_.size_bytes = buffer.size();
            // The allocator has no banks of other regions, and throws when it is asked for them.
            block_.bank_bytes = block_.region == TTALLOC_SYSTEM_MEMORY ? 0 : buffer.aligned_size_per_bank();
        }
        Request(const Request&) = delete;
        Request& operator=(const Request&) = delete;
        ~Request() {
            if (!wanted_ || std::uncaught_exceptions() == exceptions_) {
                return;
            }
            ttalloc_client::for_each_chip<Mesh>(buffer_.device(), [&](std::uint32_t chip) {
                block_.device = chip;
                ttalloc_client::library.alloc_failed(&block_, nullptr);
                block_.flags |= TTALLOC_SAME_REQUEST;
            });
        }

    private:
        const Buffer& buffer_;
        ttalloc_block block_{};
        int exceptions_;
        bool wanted_ = false;
    };

    // BUFFER is about to ask ALLOCATOR for memory. Keep what this returns until it has it.
    template <class Mesh, class Buffer, class Allocator>
    [[nodiscard]] static Request<Mesh, Buffer> watch_request(const Buffer& buffer, const Allocator& allocator) {
        report_device<Mesh, decltype(buffer.buffer_type()), decltype(buffer.memory_type())>(buffer.device(), allocator);
        return Request<Mesh, Buffer>(buffer);
    }

private:
    // L1_SMALL and TRACE lie above L1 and DRAM in the same bank.
    template <class BufferType, class HalMemType, class Allocator>
    static ttalloc_bank_layout bank_layout(const Allocator& allocator, int region) {
        bool in_dram = region == TTALLOC_DRAM || region == TTALLOC_TRACE;
        auto type = static_cast<BufferType>(region);
        auto below = static_cast<BufferType>(in_dram ? TTALLOC_DRAM : TTALLOC_L1);
        ttalloc_bank_layout layout{};
        layout.region = static_cast<std::uint16_t>(region);
        layout.top_down = in_dram ? 0 : 1;
        layout.banks = allocator.get_num_banks(type);
        layout.bank_bytes = allocator.get_bank_size(type);
        layout.base_address = allocator.get_base_allocator_addr(static_cast<HalMemType>(in_dram ? 1 : 0));
        layout.base_address += type == below ? 0 : allocator.get_bank_size(below);
        layout.alignment_bytes = allocator.get_alignment(type);
        return layout;
    }

    // Kernel binaries: DRAM, from above, interleaved, in pages of 2048 bytes.
    template <class Buffer>
    static std::uint16_t buffer_flags(const Buffer& buffer) {
        unsigned flags = 0;
        if (!buffer.bottom_up()) {
            flags |= TTALLOC_TOP_DOWN;
        }
        if (static_cast<int>(buffer.buffer_layout()) >= 2) {
            flags |= TTALLOC_SHARDED;
        }
        if (!buffer.bottom_up() && static_cast<int>(buffer.buffer_type()) == TTALLOC_DRAM &&
            static_cast<int>(buffer.buffer_layout()) == 0 && buffer.page_size() == 2048) {
            flags |= TTALLOC_KERNEL_BINARY;
        }
        return static_cast<std::uint16_t>(flags);
    }
};

}  // namespace tt::tt_metal

#endif
