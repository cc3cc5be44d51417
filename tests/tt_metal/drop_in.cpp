// SPDX-License-Identifier: Apache-2.0
//
// The calls of the proof of concept's patches, against allocation_client.hpp, with stand-in types. Argument: what to do.
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "allocation_client.hpp"
#include "allocation_reporter.hpp"

namespace tt::tt_metal {

enum class CoreType { ARC, DRAM, ETH, PCIE, WORKER };
enum class BufferType { DRAM, L1, SYSTEM_MEMORY, L1_SMALL, TRACE };
using DeviceAddr = std::uint64_t;

struct CoreCoord {
    std::size_t x, y;
};
struct CoreRange {
    CoreCoord start_coord, end_coord;
};
struct OpaqueRange {
    int id;
};

struct Device {
    int id() const { return 2; }
};
struct Config {
    int device_id = 2;
};
struct Buffer {
    const Device* device() const { return &owner; }
    DeviceAddr size() const { return 4096; }
    BufferType buffer_type() const { return BufferType::L1; }
    std::uint32_t address() const { return 0x10000; }
    Device owner;
};

// As in a patched Allocator.
static void allocate_and_free() {
    auto config_ = std::make_unique<Config>();
    DeviceAddr size = 1 << 20, address = 0x20000;
    auto buffer_type = BufferType::DRAM;
    if (AllocationClient::is_enabled()) {
        AllocationClient::report_allocation(config_->device_id, size, static_cast<uint8_t>(buffer_type), address);
    }
    if (AllocationClient::is_enabled()) {
        AllocationClient::report_deallocation(address);
    }
}

// As in a patched GraphTracker.
static void track(const Buffer* buffer) {
    if (AllocationClient::is_enabled() && buffer->device() != nullptr) {
        AllocationClient::report_allocation(
            buffer->device()->id(), buffer->size(), static_cast<uint8_t>(buffer->buffer_type()), buffer->address());
    }
    if (AllocationClient::is_enabled() && buffer->device() != nullptr) {
        AllocationClient::report_deallocation(buffer->address());
    }
    if (AllocationClient::is_enabled()) {
        AllocationClient::report_deallocation(buffer->device()->id(), buffer->address());
    }
}

static void circular_buffers_and_kernels() {
    AllocationClient::report_cb_allocation(2, 8192, 0x1a000);
    AllocationClient::report_cb_deallocation(2, 8192, 0x1a000);
    AllocationClient::report_kernel_load(2, 5000, 77);
    AllocationClient::report_kernel_load(2, 6000, 78, 1);
    AllocationClient::report_kernel_unload(2, 5000, 77);
    AllocationClient::flush();
}

static void tracker() {
    allocation_tracker::enable_tracking();
    if (allocation_tracker::is_tracking_enabled()) {
        allocation_tracker::report_kernel_allocation(2, 1234, CoreType::WORKER);
        allocation_tracker::report_cb_allocation(2, 4096, 3, CoreRange{{0, 0}, {7, 7}});
        allocation_tracker::report_cb_allocation(2, 4096, 4, OpaqueRange{1});
        allocation_tracker::report_cb_free(2, 4096, 3);
    }
    allocation_tracker::disable_tracking();
}

static void pause_in_mid_run() {
    Buffer buffer;
    track(&buffer);
    allocation_tracker::disable_tracking();
    track(&buffer);
    track(&buffer);
    allocation_tracker::enable_tracking();
    track(&buffer);
}

// As in a patched GraphTracker, which reports TT-Metal's own objects.
struct Mesh {
    virtual ~Mesh() = default;
    std::vector<Device*> get_devices() const { return {}; }
};
struct Program {};
struct NumberedProgram {
    std::uint64_t number;
    std::uint64_t get_id() const { return number; }
};
struct CoreRangeSet {
    std::vector<CoreRange> all;
    const std::vector<CoreRange>& ranges() const { return all; }
};
struct VirtualDevice {
    virtual ~VirtualDevice() = default;
    int id() const { return 2; }
};

template <class Any>
static void run_program(const Any* program, unsigned buffers) {
    VirtualDevice device;

    AllocationReporter::report_program_run<Mesh>(program, &device);
    for (unsigned i = 0; i < buffers; i++) {
        AllocationReporter::report_circular_buffer<Mesh>(CoreRangeSet{}, 4096 * (i + 1), 4096, false, &device);
    }
}

static void programs() {
    NumberedProgram first{7}, second{8};
    Program reused;

    run_program(&first, 1);
    run_program(&first, 0);  // again: nothing is placed anew
    run_program(&second, 1);
    run_program(&reused, 2);
    run_program(&reused, 1);  // another one at its address
}

static void address_0() {
    AllocationClient::report_allocation(2, 64, 0, 0);
    AllocationClient::report_deallocation(2, 0);
}

}  // namespace tt::tt_metal

int main(int argc, char** argv) {
    using namespace tt::tt_metal;
    const char* what = argc > 1 ? argv[1] : "";
    Buffer buffer;

    if (std::strcmp(what, "allocator") == 0) {
        allocate_and_free();
    } else if (std::strcmp(what, "graph") == 0) {
        track(&buffer);
    } else if (std::strcmp(what, "cb") == 0) {
        circular_buffers_and_kernels();
    } else if (std::strcmp(what, "tracker") == 0) {
        tracker();
    } else if (std::strcmp(what, "pause") == 0) {
        pause_in_mid_run();
    } else if (std::strcmp(what, "programs") == 0) {
        programs();
    } else if (std::strcmp(what, "zero") == 0) {
        address_0();
    }
    std::printf("%d\n", AllocationClient::is_enabled() ? 1 : 0);
    return 0;
}
