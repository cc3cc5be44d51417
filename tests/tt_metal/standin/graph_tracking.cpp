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

#if GENERATION >= 202606
thread_local std::vector<std::shared_ptr<IGraphProcessor>> GraphTracker::processors;
thread_local std::shared_ptr<IGraphHooks> GraphTracker::hook;

int IGraphProcessor::end_capture() { return 0; }

namespace {
struct NoDispatch : IGraphHooks {
    bool hook_program(Program*) override { return true; }
};
}  // namespace

void GraphTracker::set_no_dispatch(bool on) { hook = on ? std::make_shared<NoDispatch>() : nullptr; }

bool GraphTracker::is_enabled() const {
    for (const auto& processor : processors) {
#if GENERATION < 299912
        if (processor->is_capture_processor()) {
            return true;
        }
#else
        (void)processor;
        return true;
#endif
    }
    return false;
}

void GraphTracker::push_processor(const std::shared_ptr<IGraphProcessor>& processor) { processors.push_back(processor); }

void GraphTracker::pop_processor() { processors.pop_back(); }

const std::vector<std::shared_ptr<IGraphProcessor>>& GraphTracker::get_processors() const { return processors; }

const std::shared_ptr<IGraphHooks>& GraphTracker::get_hook() const { return hook; }

bool GraphTracker::hook_allocate(const Buffer*) { return hook && hook->hook_program(nullptr); }

bool GraphTracker::hook_program(Program* program) { return hook && hook->hook_program(program); }
#else
bool GraphTracker::hook_allocate(const Buffer*) { return no_dispatch_; }

bool GraphTracker::hook_program(Program*) { return no_dispatch_; }
#endif

#if GENERATION >= 202612
void internal::unwind_open_functions(std::string_view reason) {
    for (auto& processor : GraphTracker::instance().get_processors()) {
        processor->track_function_end(std::any(GraphFunctionAbort{std::string(reason), true}));
    }
}
#endif

}  // namespace tt::tt_metal
