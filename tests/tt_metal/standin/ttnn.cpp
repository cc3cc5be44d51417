// SPDX-License-Identifier: Apache-2.0
//
// A library above libtt_metal, as ttnn is: tests drive it through ctypes, with plain C entry points.
#include <cxxabi.h>
#include <pthread.h>

#include <cstring>
#include <thread>

#include "failures.hpp"
#include "tt_metal.hpp"

using namespace tt::tt_metal;

namespace {
thread_local std::string last_error;

struct Handle {
    std::shared_ptr<Buffer> buffer;
};
}  // namespace

#if GENERATION >= 202606
namespace ttnn::graph {
// Writes down what happens, as captures do.
class GraphProcessor : public IGraphProcessor {
public:
    void track_allocate(const Buffer* buffer) override;
    void track_deallocate(Buffer* buffer) override;
    void track_allocate_cb(const CoreRangeSet& cores, std::uint64_t address, std::uint64_t size, bool global,
                           const IDevice* device) override;
#if GENERATION >= 202612
    void track_allocate_dataflow_buffer(const CoreRangeSet& cores, std::uint64_t address, std::uint64_t size, bool borrows,
                                        const IDevice* device) override;
    void track_allocate_scratchpad(const CoreRangeSet& cores, std::uint64_t address, std::uint64_t size,
                                   const IDevice* device) override;
#endif
    void track_deallocate_cb(const IDevice* device) override;
    void track_program(Program* program, const IDevice* device) override;
    void track_function_start(std::string_view name, std::span<TrackedArgument> arguments) override;
    void track_function_end() override;
    void track_function_end(const std::any& result) override;
    void begin_capture(RunMode mode) override;
    int end_capture() override;
    ~GraphProcessor() override;

private:
    std::string text_;
};

// One whose text a function of its own is, so that no two are folded into one.
void GraphProcessor::track_allocate(const Buffer*) { text_ += "allocate;"; }
void GraphProcessor::track_deallocate(Buffer*) { text_ += "deallocate;"; }
void GraphProcessor::track_allocate_cb(const CoreRangeSet&, std::uint64_t, std::uint64_t, bool, const IDevice*) {
    text_ += "cb;";
}
#if GENERATION >= 202612
void GraphProcessor::track_allocate_dataflow_buffer(const CoreRangeSet&, std::uint64_t, std::uint64_t, bool,
                                                    const IDevice*) {
    text_ += "dataflow;";
}
void GraphProcessor::track_allocate_scratchpad(const CoreRangeSet&, std::uint64_t, std::uint64_t, const IDevice*) {
    text_ += "scratchpad;";
}
#endif
void GraphProcessor::track_deallocate_cb(const IDevice*) { text_ += "no cb;"; }
void GraphProcessor::track_program(Program*, const IDevice*) { text_ += "program;"; }
void GraphProcessor::track_function_start(std::string_view name, std::span<TrackedArgument>) {
    text_ += std::string(name) + "(";
}
void GraphProcessor::track_function_end() { text_ += ")"; }
void GraphProcessor::track_function_end(const std::any& result) {
#if GENERATION >= 202612
    if (std::any_cast<internal::GraphFunctionAbort>(&result) != nullptr) {
        text_ += "!";
    }
#else
    (void)result;
#endif
    text_ += ")";
}
void GraphProcessor::begin_capture(RunMode mode) {
    text_.clear();
    if (mode == RunMode::NO_DISPATCH) {
        GraphTracker::instance().set_no_dispatch(true);
    }
}
int GraphProcessor::end_capture() {
    GraphTracker::instance().set_no_dispatch(false);
    last_error = text_;
    return 1;
}
GraphProcessor::~GraphProcessor() { text_.clear(); }
}  // namespace ttnn::graph

namespace {
// An operation in DEPTH others; the innermost throws if it is to FAIL. As upstream's are since 0.81, each says so then.
[[gnu::noinline]] void operation(const std::string& name, int depth, bool fail) {
    [[maybe_unused]] volatile char frame[2048];  // that of an operation is large, too
    frame[depth] = 0;
    auto& tracker = GraphTracker::instance();
    tracker.track_function_start(name, depth);
#if GENERATION >= 202612
    try {
#endif
        if (depth > 0) {
            operation(name + "." + std::to_string(depth), depth - 1, fail);
        } else if (fail) {
            throw std::runtime_error(name + " failed");
        }
#if GENERATION >= 202612
    } catch (...) {
        for (auto& processor : tracker.get_processors()) {
            processor->track_function_end(std::any(internal::GraphFunctionAbort{"it failed"}));
        }
        throw;
    }
#endif
    tracker.track_function_end();
}
}  // namespace
#endif

extern "C" {

#if GENERATION >= 202606
int nn_operation(const char* name, int depth, int fail) {
    try {
        operation(name, depth, fail != 0);
        return 1;
    } catch (const std::exception& error) {
        last_error = error.what();
        return 0;
    }
}

void nn_begin_capture(int no_dispatch) {
    auto processor = std::make_shared<ttnn::graph::GraphProcessor>();
    GraphTracker::instance().push_processor(processor);
    processor->begin_capture(no_dispatch != 0 ? IGraphProcessor::RunMode::NO_DISPATCH : IGraphProcessor::RunMode::NORMAL);
}

// What was captured is then in nn_error().
void nn_end_capture() {
    GraphTracker::instance().get_processors().back()->end_capture();
    GraphTracker::instance().pop_processor();
}

int nn_is_enabled() { return GraphTracker::instance().is_enabled() ? 1 : 0; }

void nn_operation_on_thread() {
    std::thread([] { nn_operation("threaded", 2, 0); }).join();
}
#endif

const char* nn_error() { return last_error.c_str(); }

void* nn_open_chip(int id) { return static_cast<IDevice*>(new Device(id)); }

void* nn_open_mesh(void* const* chips, int count) {
    std::vector<Device*> devices;
    for (int i = 0; i < count; i++) {
        devices.push_back(static_cast<Device*>(static_cast<IDevice*>(chips[i])));
    }
    return static_cast<IDevice*>(new distributed::MeshDevice(devices));
}

void nn_close(void* device) { static_cast<IDevice*>(device)->close(); }

// All that its allocator has placed is gone, as at the end of a test upstream.
void nn_clear(void* device) { static_cast<IDevice*>(device)->allocator()->deallocate_buffers(); }

void* nn_buffer(void* device, std::uint64_t size, std::uint64_t page_size, int type, int layout, int bottom_up,
                int cores) {
    try {
        return new Handle{Buffer::create(
            static_cast<IDevice*>(device), size, page_size, static_cast<BufferType>(type),
            static_cast<TensorMemoryLayout>(layout), bottom_up != 0,
            cores > 0 ? std::optional<std::uint32_t>(cores) : std::nullopt)};
    } catch (const std::exception& error) {
        last_error = error.what() != nullptr ? error.what() : "";
        return nullptr;
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (...) {
        last_error = "not a std::exception";
        return nullptr;
    }
}

std::uint64_t nn_address(void* buffer) { return static_cast<Handle*>(buffer)->buffer->address(); }

void nn_free(void* buffer) { delete static_cast<Handle*>(buffer); }

void* nn_program() { return new Program; }

void nn_add_cb(void* program, std::uint64_t size, std::uint64_t borrowed, int x0, int y0, int x1, int y1) {
    auto coordinate = [](int value) { return static_cast<std::size_t>(value); };
    CoreRange range{{coordinate(x0), coordinate(y0)}, {coordinate(x1), coordinate(y1)}};
    static_cast<Program*>(program)->add({CoreRangeSet({range}), size, borrowed});
}

// CORES: two numbers each, which are a range for itself.
void nn_add_cb_on(void* program, std::uint64_t size, const std::uint32_t* cores, int count) {
    std::vector<CoreRange> ranges;
    for (const auto* at = cores; at < cores + 2 * count; at += 2) {
        ranges.push_back({{at[0], at[1]}, {at[0], at[1]}});
    }
    static_cast<Program*>(program)->add({CoreRangeSet(ranges), size, 0});
}

#if GENERATION >= 202606
void nn_add_dataflow(void* program, int entry_size, int entries, int kind, int x0, int y0, int x1, int y1) {
    auto coordinate = [](int value) { return static_cast<std::size_t>(value); };
    static_cast<Program*>(program)->impl().add_dataflow_buffer(
        {{coordinate(x0), coordinate(y0)}, {coordinate(x1), coordinate(y1)}}, static_cast<std::uint32_t>(entry_size),
        static_cast<std::uint32_t>(entries), kind);
}

void nn_add_scratchpad(void* program, int size, int x0, int y0, int x1, int y1) {
    auto coordinate = [](int value) { return static_cast<std::size_t>(value); };
    static_cast<Program*>(program)->impl().add_scratchpad(
        {{coordinate(x0), coordinate(y0)}, {coordinate(x1), coordinate(y1)}}, static_cast<std::uint32_t>(size));
}

void nn_resize(void* program, int entries) { static_cast<Program*>(program)->impl().resize(static_cast<std::uint32_t>(entries)); }
#endif

// Newer ttnn does so before it announces the program. Whether there was room.
int nn_compile(void* program, void* device) {
    try {
        static_cast<Program*>(program)->compile(static_cast<IDevice*>(device));
        return 1;
    } catch (const std::exception& error) {
        last_error = error.what();
        return 0;
    }
}

// ttnn announces a program before each run; programs that are enqueued by hand are not announced.
void nn_run(void* program, void* device, int announce) {
    if (announce != 0) {
        GraphTracker::instance().track_program(static_cast<Program*>(program), static_cast<IDevice*>(device));
        if (GraphTracker::instance().hook_program(static_cast<Program*>(program))) {
            return;
        }
    }
    static_cast<Program*>(program)->compile(static_cast<IDevice*>(device));
}

// One program for each chip of a mesh, a row. They are taken over.
void* nn_workload(void* const* programs, int count) {
    auto* workload = new distributed::MeshWorkload;
    for (int i = 0; i < count; i++) {
        distributed::MeshCoordinate at(0, static_cast<std::uint32_t>(i));
        auto* program = static_cast<Program*>(programs[i]);
        workload->nodes.push_back(std::unique_ptr<distributed::MeshWorkload::Node>(
            new distributed::MeshWorkload::Node{{at, at, {}}, std::move(*program)}));
        delete program;
    }
    return workload;
}

void nn_run_workload(void* workload, void* device) {
    auto& nodes = static_cast<distributed::MeshWorkload*>(workload)->nodes;
    for (auto& node : nodes) {
        GraphTracker::instance().track_program(&node->program, static_cast<IDevice*>(device));
    }
    for (auto& node : nodes) {
        node->program.compile(static_cast<IDevice*>(device));
    }
}

void nn_end_workload(void* workload) { delete static_cast<distributed::MeshWorkload*>(workload); }

static distributed::MeshDevice* mesh(void* device) {
    return static_cast<distributed::MeshDevice*>(static_cast<IDevice*>(device));
}
int nn_begin_trace(void* device) { return static_cast<int>(mesh(device)->begin_mesh_trace(0).value); }
void nn_end_trace(void* device, int id) { mesh(device)->end_mesh_trace(0, {static_cast<std::uint32_t>(id)}); }
void nn_replay(void* device, int id) { mesh(device)->replay_mesh_trace(0, {static_cast<std::uint32_t>(id)}, true); }
void nn_release(void* device, int id) { mesh(device)->release_mesh_trace({static_cast<std::uint32_t>(id)}); }

void nn_end_program(void* program) { delete static_cast<Program*>(program); }

void nn_no_dispatch(int on) { GraphTracker::instance().set_no_dispatch(on != 0); }

std::uint64_t nn_tracker_calls() { return GraphTracker::instance().calls(); }

void nn_fail_next(int failure) { fail_next(static_cast<Failure>(failure)); }

// A request that fails while the exception of another one unwinds, and one that fails while that is handled.
void nn_fail_again(void* device) {
    struct Again {
        void* device;
        Failure failure;
        ~Again() {
            fail_next(failure);
            nn_buffer(device, 4096, 1024, 0, 0, 1, 0);
        }
    };
    try {
        Again again{device, Failure::SEVERAL_BASES};
        fail_next(Failure::FRAMED);
        Buffer::create(static_cast<IDevice*>(device), 2048, 1024, BufferType::DRAM, TensorMemoryLayout::INTERLEAVED, true,
                       std::nullopt);
    } catch (const std::exception& error) {
        last_error = error.what();
        Again{device, Failure::NESTED};
    }
}

// A thread that is cancelled in mid-request. Whether it was.
int nn_cancel(void* device) {
    pthread_t thread;
    void* result = nullptr;
    auto body = [](void* argument) -> void* {
        fail_next(Failure::CANCELLED);
        return nn_buffer(argument, 4096, 1024, 0, 0, 1, 0);
    };
    if (pthread_create(&thread, nullptr, body, device) != 0 || pthread_join(thread, &result) != 0) {
        return 0;
    }
    return result == PTHREAD_CANCELED ? 1 : 0;
}

void nn_threads(void* device, int threads, int rounds) {
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; t++) {
        workers.emplace_back([device, rounds] {
            for (int i = 0; i < rounds; i++) {
                nn_free(nn_buffer(device, 4096, 1024, 0, 0, 1, 0));
            }
        });
    }
    for (auto& worker : workers) {
        worker.join();
    }
}
}
