// SPDX-License-Identifier: Apache-2.0
//
// The tracker is a translation unit of its own, as upstream: its callers reach it through the dynamic linker.
#include "tt_metal.hpp"

#ifdef PATCHED
#include "allocation_client.hpp"
#endif

namespace tt::tt_metal {

#if GENERATION >= 202512
GraphTracker& GraphTracker::instance() {
    static GraphTracker tracker;
    return tracker;
}
#endif

void GraphTracker::track_allocate(const Buffer* buffer) {
#ifdef PATCHED
    if (AllocationClient::is_enabled() && buffer->device() != nullptr) {
        AllocationClient::report_allocation(
            buffer->device()->id(), buffer->size(), static_cast<uint8_t>(buffer->buffer_type()), buffer->address());
    }
#endif
    (void)buffer;
    calls_++;
}

void GraphTracker::track_deallocate(Buffer* buffer) {
#ifdef PATCHED
    if (AllocationClient::is_enabled() && buffer->device() != nullptr) {
        AllocationClient::report_deallocation(buffer->address());
    }
#endif
    (void)buffer;
    calls_++;
}

void GraphTracker::track_allocate_cb(
    [[maybe_unused]] const CoreRangeSet& core_range_set,
    [[maybe_unused]] uint64_t addr,
    [[maybe_unused]] uint64_t size,
    [[maybe_unused]] bool is_globally_allocated,
    [[maybe_unused]] const IDevice* device) {
    calls_++;
}

void GraphTracker::track_deallocate_cb([[maybe_unused]] const IDevice* device) { calls_++; }

void GraphTracker::track_program([[maybe_unused]] Program* program, [[maybe_unused]] const IDevice* device) {
    calls_++;
}

bool GraphTracker::hook_allocate(const Buffer*) { return no_dispatch_; }

bool GraphTracker::hook_program(Program*) { return no_dispatch_; }

}  // namespace tt::tt_metal
