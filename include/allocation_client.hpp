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
// given address owns nothing and must not be reported: its owner is. Nor must what a graph capture (NO_DISPATCH) places
// at address 0, which takes no memory. hook/tt_metal/README.md says where each call goes.
#ifndef TTALLOC_ALLOCATION_CLIENT_HPP
#define TTALLOC_ALLOCATION_CLIENT_HPP

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
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

// The functions of ttalloc.h that are called here, under the names they have there.
#define TTALLOC_CLIENT_FUNCTIONS(F)                                                                                    \
    F(alloc) F(free) F(alloc_failed) F(cb_alloc) F(cb_free) F(cb_free_one) F(program_run) F(kernel_load) F(kernel_unload)             \
    F(device_open) F(flush) F(gate_decide)

struct Library {
#define TTALLOC_CLIENT_MEMBER(name) decltype(&::ttalloc_##name) name;
    TTALLOC_CLIENT_FUNCTIONS(TTALLOC_CLIENT_MEMBER)
#undef TTALLOC_CLIENT_MEMBER
    const ttalloc_gate_page* gate;
    void (*lost)(std::uint64_t);         // may be missing
    void (*name_producer)(const char*);  // may be missing
    void (*note)(const char*, std::uint64_t);  // may be missing
    void (*yield)(std::uint32_t);        // of the preload; may be missing
};

struct State {
    std::atomic<unsigned> gate{TTALLOC_GATE_UNKNOWN};  // whether the library is there
    std::atomic<bool> paused{false};                   // by disable_tracking()
    std::atomic<bool> loss_told{false};                // of this pause
    std::atomic<std::uint32_t> claimed{0};             // Share that the preload was told about
    std::atomic<std::uint64_t> kernels{0};             // kernels that were reported without a name
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
    bool complete = load(handle, "ttalloc_gate", to.gate);
#define TTALLOC_CLIENT_LOAD(name) complete = load(handle, "ttalloc_" #name, to.name) && complete;
    TTALLOC_CLIENT_FUNCTIONS(TTALLOC_CLIENT_LOAD)
#undef TTALLOC_CLIENT_LOAD
#undef TTALLOC_CLIENT_FUNCTIONS
    load(handle, "ttalloc_lost", to.lost);
    load(handle, "ttalloc_name_producer", to.name_producer);
    load(handle, "ttalloc_note", to.note);
    load(RTLD_DEFAULT, "ttalloc_tt_metal_yield", to.yield);
    return complete;
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
    return gate == TTALLOC_GATE_ON || (gate == TTALLOC_GATE_UNKNOWN && library.gate_decide());
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

// Circular buffers that were reported without a program are those of one program, so that all of them are resident.
// Those that are known by their address, which is below 2 GiB in any L1, have other numbers than those with an index.
constexpr std::uint64_t LONE_PROGRAM = std::uint64_t{1} << 62;
inline std::uint32_t lone_number(std::uint64_t cb_id) noexcept { return static_cast<std::uint32_t>(cb_id) | 1u << 31; }

}  // namespace ttalloc_client

class AllocationClient {
public:
    // Whether this process is recorded.
    static bool is_enabled() noexcept { return ttalloc_client::recording(); }

    // A buffer of SIZE bytes, over all banks, was placed at ADDRESS. BUFFER_TYPE is TT-Metal's BufferType. BANK_BYTES is
    // its footprint in each bank, aligned_size_per_bank(); 0: not known. FLAGS: enum ttalloc_flag.
    static void report_allocation(int device_id, std::uint64_t size, std::uint8_t buffer_type, std::uint64_t address,
                                  std::uint64_t bank_bytes = 0, std::uint16_t flags = 0) noexcept {
        if (!ttalloc_client::recording()) {
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
            report_cb(lone_cb(device_id, size, ttalloc_client::lone_number(cb_id), cb_id));
        }
    }

    static void report_cb_deallocation(int device_id, std::uint64_t size, std::uint64_t cb_id) noexcept {
        if (ttalloc_client::recording()) {
            end_cb(lone_cb(device_id, size, ttalloc_client::lone_number(cb_id), cb_id));
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

    // ---- What the functions of allocation_tracker are made of ----

    static void report_free(std::uint32_t device, std::uint16_t region, std::uint64_t address) noexcept {
        if (!ttalloc_client::recording()) {
            return;
        }
        ttalloc_client::claim(ttalloc_client::BUFFERS | ttalloc_client::CIRCULAR_BUFFERS);
        ttalloc_client::library.free(device, region, address);
    }

    static ttalloc_cb lone_cb(int device_id, std::uint64_t size, std::uint32_t number, std::uint64_t address) noexcept {
        ttalloc_cb cb{};
        cb.device = ttalloc_client::chip(device_id);
        cb.program = ttalloc_client::LONE_PROGRAM;
        cb.index = number;
        cb.address = address;
        cb.size_bytes = size;
        return cb;
    }

    static void report_cb(ttalloc_cb cb) noexcept {
        ttalloc_client::claim(ttalloc_client::CIRCULAR_BUFFERS);
        cb.struct_size = sizeof(cb);
        ttalloc_client::library.cb_alloc(&cb);
    }

    static void end_cb(ttalloc_cb cb) noexcept {
        ttalloc_client::claim(ttalloc_client::CIRCULAR_BUFFERS);
        cb.struct_size = sizeof(cb);
        ttalloc_client::library.cb_free_one(&cb);
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
    if (ttalloc_client::corners(cores, range)) {
        cb.cores = &range;
        cb.core_ranges = 1;
    }
    AllocationClient::report_cb(cb);
}

inline void report_cb_free(int device_id, std::uint64_t size, std::uint32_t buffer_index) noexcept {
    if (ttalloc_client::recording()) {
        AllocationClient::end_cb(AllocationClient::lone_cb(device_id, size, buffer_index, 0));
    }
}

}  // namespace allocation_tracker

}  // namespace tt::tt_metal

#endif
