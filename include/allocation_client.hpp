// SPDX-License-Identifier: Apache-2.0
//
// allocation_client.hpp - report from inside TT-Metal: the calls of the proof of concept's AllocationClient and
// allocation_tracker, in one header that records with ttalloc.
//
// Nothing has to be linked. libttalloc.so.1 is looked for at run time, at the first call, and only when the environment
// has TT_ALLOC_TRACKING_ENABLED=1; without it every call is one load and one branch. There is no thread and no static
// constructor, nothing throws but what the caller's own classes throw, and errno is kept. All functions are thread-safe.
//
// Report an allocation after it is placed, and a free before the memory is given back. A buffer that was created at a
// given address owns nothing and must not be reported: its owner is. hook/tt-metal/README.md says where each call goes.
#ifndef TTALLOC_ALLOCATION_CLIENT_HPP
#define TTALLOC_ALLOCATION_CLIENT_HPP

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <type_traits>
#include <utility>

#ifdef TTALLOC_NO_MACROS
#include "ttalloc.h"
#else
#define TTALLOC_NO_MACROS
#include "ttalloc.h"
#undef TTALLOC_NO_MACROS
#endif

// A library that was built with this header reports itself: the preload looks for this name, and leaves it alone.
extern "C" {
__attribute__((used, visibility("default"))) inline unsigned ttalloc_drop_in = 1;
}

namespace tt::tt_metal {

namespace ttalloc_client {

// What the preload must not report as well. Values of its ttalloc_tt_metal_yield().
enum Share : std::uint32_t { BUFFERS = 1, CIRCULAR_BUFFERS = 2 };

struct Library {
    const ttalloc_gate_page* gate;
    bool (*decide)();
    void (*alloc)(const ttalloc_block*);
    void (*free)(std::uint32_t, std::uint16_t, std::uint64_t);
    void (*cb_alloc)(const ttalloc_cb*);
    void (*cb_free)(std::uint32_t, std::uint64_t);
    void (*program_run)(std::uint32_t, std::uint64_t);
    void (*alloc_failed)(const ttalloc_block*, const char*);
    void (*device_open)(const ttalloc_device*);
    void (*kernel_load)(const ttalloc_kernel*);
    void (*kernel_unload)(std::uint32_t, std::uint64_t);
    bool (*flush)(unsigned);
    void (*lost)(std::uint64_t);            // may be missing
    void (*yield)(std::uint32_t);           // of the preload; may be missing
    void (*name_producer)(const char*);     // may be missing
};

// What runs on a chip.
struct Chip {
    std::atomic<std::uint64_t> program{0};   // announced last
    std::atomic<std::uint32_t> cb_index{0};  // circular buffers since then
};

struct State {
    std::atomic<unsigned> gate{TTALLOC_GATE_UNKNOWN};  // whether the library is there
    std::atomic<bool> paused{false};                   // by disable_tracking()
    std::atomic<bool> loss_told{false};                // of this pause
    std::atomic<std::uint32_t> claimed{0};             // Share that the preload was told about
    std::atomic<std::uint64_t> kernels{0};             // kernels that were reported without a name
    Chip chips[256];
    std::atomic<std::uintptr_t> allocators[64]{};  // whose geometry was reported
};

inline State state;
inline Library library;  // written once, before state.gate says ON

template <class Function>
bool load(void* handle, const char* name, Function& function) noexcept {
    void* found = dlsym(handle, name);
    static_assert(sizeof(found) == sizeof(function));
    std::memcpy(&function, &found, sizeof(found));
    return found != nullptr;
}

inline bool load_all(void* handle, Library& to) noexcept {
    load(handle, "ttalloc_lost", to.lost);
    load(handle, "ttalloc_name_producer", to.name_producer);
    load(RTLD_DEFAULT, "ttalloc_tt_metal_yield", to.yield);
    return load(handle, "ttalloc_gate", to.gate) && load(handle, "ttalloc_gate_decide", to.decide) &&
           load(handle, "ttalloc_alloc", to.alloc) && load(handle, "ttalloc_free", to.free) &&
           load(handle, "ttalloc_cb_alloc", to.cb_alloc) && load(handle, "ttalloc_cb_free", to.cb_free) &&
           load(handle, "ttalloc_program_run", to.program_run) &&
           load(handle, "ttalloc_alloc_failed", to.alloc_failed) &&
           load(handle, "ttalloc_device_open", to.device_open) && load(handle, "ttalloc_kernel_load", to.kernel_load) &&
           load(handle, "ttalloc_kernel_unload", to.kernel_unload) && load(handle, "ttalloc_flush", to.flush);
}

inline unsigned open_library() noexcept {
    const char* wanted = secure_getenv("TT_ALLOC_TRACKING_ENABLED");
    if (wanted == nullptr || std::strcmp(wanted, "1") != 0) {
        return TTALLOC_GATE_OFF;
    }
    int saved = errno;
    void* handle = dlopen("libttalloc.so.1", RTLD_NOW | RTLD_LOCAL);
    bool found = handle != nullptr && load_all(handle, library);
    if (found && library.name_producer != nullptr) {
        library.name_producer("drop-in");
    }
    if (!found) {
        static constexpr char line[] = "ttalloc: libttalloc.so.1 was not found: this process is not recorded\n";
        (void)!write(STDERR_FILENO, line, sizeof(line) - 1);
    }
    errno = saved;
    return found ? TTALLOC_GATE_ON : TTALLOC_GATE_OFF;
}

inline bool decide() noexcept {
    static const unsigned decided = open_library();  // once, however many threads ask
    state.gate.store(decided, std::memory_order_release);
    return decided == TTALLOC_GATE_ON;
}

// What is not reported from here on, while recording is paused, is a loss; said once for each pause.
inline bool tell_loss() noexcept {
    if (!state.loss_told.exchange(true) && library.lost != nullptr) {
        library.lost(0);
    }
    return false;
}

inline bool available() noexcept {
    unsigned gate = state.gate.load(std::memory_order_acquire);
    if (__builtin_expect(gate == TTALLOC_GATE_OFF, 1)) {
        return false;
    }
    if (gate == TTALLOC_GATE_UNKNOWN && !decide()) {
        return false;
    }
    // libttalloc's own gate: a fork wipes it.
    gate = __atomic_load_n(&library.gate->state, __ATOMIC_RELAXED);
    return gate == TTALLOC_GATE_ON || (gate == TTALLOC_GATE_UNKNOWN && library.decide());
}

inline bool recording() noexcept {
    return available() && (!state.paused.load(std::memory_order_relaxed) || tell_loss());
}

// One process is recorded by one producer.
inline void claim(std::uint32_t share) noexcept {
    if ((state.claimed.load(std::memory_order_relaxed) & share) != share) {
        state.claimed.fetch_or(share, std::memory_order_relaxed);
        if (library.yield != nullptr) {
            library.yield(share);
        }
    }
}

inline std::uint32_t chip(int device_id) noexcept { return static_cast<std::uint32_t>(device_id); }

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

template <class Range, class = void>
struct HasCorners : std::false_type {};
template <class Range>
struct HasCorners<
    Range,
    std::void_t<decltype(std::declval<const Range&>().start_coord.x), decltype(std::declval<const Range&>().end_coord.y)>>
    : std::true_type {};

// CORES as ttalloc has them. False when the class does not say where it begins and ends.
template <class Range>
bool corners(const Range& cores, ttalloc_core_range& to) noexcept {
    if constexpr (HasCorners<Range>::value) {
        to.x0 = static_cast<std::uint16_t>(cores.start_coord.x);
        to.y0 = static_cast<std::uint16_t>(cores.start_coord.y);
        to.x1 = static_cast<std::uint16_t>(cores.end_coord.x);
        to.y1 = static_cast<std::uint16_t>(cores.end_coord.y);
        return true;
    } else {
        (void)cores;
        (void)to;
        return false;
    }
}

// Whether ALLOCATOR is seen for the first time. When there are more than fit, they are seen again and again.
inline bool is_new(const void* allocator) noexcept {
    auto number = reinterpret_cast<std::uintptr_t>(allocator);
    for (auto& known : state.allocators) {
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

// Circular buffers that were reported without a program: each is a program of its own.
inline std::uint64_t lone_program(std::uint64_t number) noexcept { return number | std::uint64_t{1} << 62; }

}  // namespace ttalloc_client

class AllocationClient {
public:
    // Whether this process is recorded.
    static bool is_enabled() noexcept { return ttalloc_client::recording(); }

    // A buffer of SIZE bytes, over all banks, was placed at ADDRESS. BUFFER_TYPE is TT-Metal's BufferType. BANK_BYTES is
    // its footprint in each bank, aligned_size_per_bank(); 0: not known. FLAGS: enum ttalloc_flag.
    static void report_allocation(int device_id, std::uint64_t size, std::uint8_t buffer_type, std::uint64_t address,
                                  std::uint64_t bank_bytes = 0, std::uint16_t flags = 0) noexcept {
        // Address 0 is that of a NO_DISPATCH capture, which takes no memory.
        if (!ttalloc_client::recording() || address == 0) {
            return;
        }
        ttalloc_client::claim(ttalloc_client::BUFFERS | ttalloc_client::CIRCULAR_BUFFERS);
        ttalloc_block block{ttalloc_client::chip(device_id), buffer_type, flags, address, size, bank_bytes};
        ttalloc_client::library.alloc(&block);
    }

    static void report_deallocation(int device_id, std::uint64_t address) noexcept {
        report_free(ttalloc_client::chip(device_id), TTALLOC_ANY, address);
    }

    // On whichever device: the only live block at ADDRESS, or the youngest.
    static void report_deallocation(std::uint64_t address) noexcept { report_free(TTALLOC_ANY, TTALLOC_ANY, address); }

    // A circular buffer of SIZE bytes was placed; CB_ID is its address in L1.
    static void report_cb_allocation(int device_id, std::uint64_t size, std::uint64_t cb_id) noexcept {
        if (ttalloc_client::recording()) {
            report_cb(lone_cb(device_id, size, cb_id, cb_id));
        }
    }

    static void report_cb_deallocation(int device_id, std::uint64_t size, std::uint64_t cb_id) noexcept {
        (void)size;
        if (ttalloc_client::recording()) {
            ttalloc_client::library.cb_free(ttalloc_client::chip(device_id), ttalloc_client::lone_program(cb_id));
        }
    }

    // KERNEL_TYPE: 0 application, 1 fabric, 2 dispatch.
    static void report_kernel_load(int device_id, std::uint64_t size, std::uint64_t kernel_id,
                                   std::uint8_t kernel_type = 0) noexcept {
        static constexpr const char* kinds[] = {"application", "fabric", "dispatch"};
        if (ttalloc_client::recording()) {
            report_kernel(device_id, size, kernel_id, kernel_type < 3 ? kinds[kernel_type] : nullptr, nullptr);
        }
    }

    static void report_kernel_unload(int device_id, std::uint64_t size, std::uint64_t kernel_id) noexcept {
        (void)size;
        if (ttalloc_client::recording()) {
            ttalloc_client::library.kernel_unload(ttalloc_client::chip(device_id), kernel_id);
        }
    }

    // Waits, a second at most, until all that was reported before is in the recording.
    static void flush() noexcept {
        if (ttalloc_client::available()) {
            ttalloc_client::library.flush(1000);
        }
    }

    // ---- For today's GraphTracker, which hands over TT-Metal's own objects. Mesh is distributed::MeshDevice. ----

    template <class Mesh, class Buffer>
    static void report_buffer(const Buffer& buffer) {
        if (!ttalloc_client::recording() || buffer.device() == nullptr || buffer.address() == 0) {
            return;
        }
        auto flags = buffer_flags(buffer);
        auto type = static_cast<std::uint8_t>(buffer.buffer_type());
        ttalloc_client::for_each_chip<Mesh>(buffer.device(), [&](std::uint32_t chip) {
            report_allocation(static_cast<int>(chip), buffer.size(), type, buffer.address(),
                              type == TTALLOC_SYSTEM_MEMORY ? 0 : buffer.aligned_size_per_bank(), flags);
        });
    }

    template <class Mesh, class Buffer>
    static void report_buffer_free(const Buffer& buffer) {
        if (!ttalloc_client::recording() || buffer.device() == nullptr) {
            return;
        }
        ttalloc_client::for_each_chip<Mesh>(buffer.device(), [&](std::uint32_t chip) {
            report_free(chip, static_cast<std::uint16_t>(buffer.buffer_type()), buffer.address());
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
            auto& running = ttalloc_client::state.chips[chip % 256];
            cb.device = chip;
            cb.program = running.program.load(std::memory_order_relaxed);
            cb.index = running.cb_index.fetch_add(1, std::memory_order_relaxed);
            report_cb(cb);
        });
    }

    // PROGRAM is about to run.
    template <class Mesh, class Program, class Device>
    static void report_program_run(const Program* program, const Device* device) {
        if (!ttalloc_client::recording() || device == nullptr) {
            return;
        }
        auto number = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(program));
        ttalloc_client::claim(ttalloc_client::CIRCULAR_BUFFERS);
        ttalloc_client::for_each_chip<Mesh>(device, [&](std::uint32_t chip) {
            auto& running = ttalloc_client::state.chips[chip % 256];
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

    // ---- What the functions of allocation_tracker are made of ----

    static void report_free(std::uint32_t device, std::uint16_t region, std::uint64_t address) noexcept {
        if (!ttalloc_client::recording() || address == 0) {
            return;
        }
        ttalloc_client::claim(ttalloc_client::BUFFERS | ttalloc_client::CIRCULAR_BUFFERS);
        ttalloc_client::library.free(device, region, address);
    }

    static ttalloc_cb lone_cb(int device_id, std::uint64_t size, std::uint64_t number, std::uint64_t address) noexcept {
        ttalloc_cb cb{};
        cb.device = ttalloc_client::chip(device_id);
        cb.program = ttalloc_client::lone_program(number);
        cb.address = address;
        cb.size_bytes = size;
        return cb;
    }

    static void report_cb(ttalloc_cb cb) noexcept {
        ttalloc_client::claim(ttalloc_client::CIRCULAR_BUFFERS);
        cb.struct_size = sizeof(cb);
        ttalloc_client::library.cb_alloc(&cb);
    }

    static void report_kernel(int device_id, std::uint64_t size, std::uint64_t id, const char* kind,
                              const char* core_type) noexcept {
        ttalloc_kernel kernel{};
        kernel.struct_size = sizeof(kernel);
        kernel.device = ttalloc_client::chip(device_id);
        kernel.id = id;
        kernel.size_bytes = size;
        kernel.kind = kind;
        kernel.core_type = core_type;
        ttalloc_client::library.kernel_load(&kernel);
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

namespace allocation_tracker {

inline bool is_tracking_enabled() noexcept { return ttalloc_client::recording(); }

// Recording starts by itself; this ends a pause.
inline void enable_tracking() noexcept {
    ttalloc_client::state.loss_told.store(false);
    ttalloc_client::state.paused.store(false);
}

// From here on nothing of this header is reported. What then would have been is a loss, and the recording says so.
inline void disable_tracking() noexcept { ttalloc_client::state.paused.store(true); }

// A kernel was added to a program. It has no name here, so it is never unloaded.
template <class CoreType>
void report_kernel_allocation(int device_id, std::uint64_t size, CoreType core_type) noexcept {
    if (!ttalloc_client::recording()) {
        return;
    }
    char core_type_text[] = "core type 0";
    auto number = static_cast<unsigned>(core_type);
    core_type_text[sizeof(core_type_text) - 2] = number < 10 ? static_cast<char>('0' + number) : '?';
    AllocationClient::report_kernel(device_id, size, ttalloc_client::state.kernels.fetch_add(1) + 1, "application",
                                    core_type_text);
}

// Circular buffer BUFFER_INDEX of SIZE bytes per core was created on CORES. Its address is not known here, and it is
// replaced by the next one of that index.
template <class CoreRange>
void report_cb_allocation(int device_id, std::uint64_t size, std::uint32_t buffer_index,
                          const CoreRange& cores) noexcept {
    if (!ttalloc_client::recording()) {
        return;
    }
    ttalloc_core_range range{};
    ttalloc_cb cb = AllocationClient::lone_cb(device_id, size, buffer_index, 0);
    cb.index = buffer_index;
    if (ttalloc_client::corners(cores, range)) {
        cb.cores = &range;
        cb.core_ranges = 1;
    }
    AllocationClient::report_cb(cb);
}

inline void report_cb_free(int device_id, std::uint64_t size, std::uint32_t buffer_index) noexcept {
    AllocationClient::report_cb_deallocation(device_id, size, buffer_index);
}

}  // namespace allocation_tracker

}  // namespace tt::tt_metal

#endif
