// SPDX-License-Identifier: Apache-2.0
//
// A stand-in for TT-Metal's public classes, as far as allocation goes: the same names, members in the same order, the
// same call sequences, over an allocator of a few lines. GENERATION chooses the month it stands for: 202503, 202505,
// 202507, 202511, 202606; 202612 hides the members of Buffer, and 299912 is a generation that nobody has seen.
#pragma once

#include <any>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct CoreCoord {
    std::size_t x = 0, y = 0;
};

#if GENERATION >= 202511
namespace tt::tt_metal {
#endif
struct CoreRange {
    CoreCoord start_coord, end_coord;
};
class CoreRangeSet {
public:
    CoreRangeSet() = default;
    explicit CoreRangeSet(std::vector<CoreRange> ranges) : ranges_(std::move(ranges)) {}
    const std::vector<CoreRange>& ranges() const { return ranges_; }

private:
    std::vector<CoreRange> ranges_;
};
#if GENERATION >= 202511
}
#endif

namespace ttsl {
template <typename T, typename Tag>
struct StrongType {
    T value;
};
}  // namespace ttsl

namespace tt {
enum class ARCH { WORMHOLE_B0 = 2, BLACKHOLE = 3, Invalid = 0xFF };

namespace tt_metal {
using DeviceAddr = std::uint64_t;
enum class BufferType { DRAM, L1, SYSTEM_MEMORY, L1_SMALL, TRACE };
enum class TensorMemoryLayout { INTERLEAVED = 0, HEIGHT_SHARDED = 2, WIDTH_SHARDED = 3, BLOCK_SHARDED = 4 };
enum class HalMemType : std::uint8_t { L1 = 0, DRAM = 1, HOST = 2 };

class Buffer;
class Program;
class IDevice;

#if GENERATION >= 202512
class AllocatorImpl;
using DeviceAllocator = AllocatorImpl;
#else
class Allocator;
using DeviceAllocator = Allocator;
#endif

// ---- Allocator ----------------------------------------------------------------------------------------------------

// Of each bank.
struct Statistics {
    std::size_t total_allocatable_size_bytes = 0, total_allocated_bytes = 0, total_free_bytes = 0;
    std::size_t largest_free_block_bytes = 0;
#if GENERATION < 202606
    std::vector<std::uint32_t> largest_free_block_addrs;
#endif
};

struct Bank {
    DeviceAddr base = 0, size = 0;
    std::uint32_t count = 0;
    std::map<DeviceAddr, DeviceAddr> used;  // address to bytes
    DeviceAddr place(DeviceAddr bytes, bool bottom_up);
};

#if GENERATION >= 202512
class AllocatorImpl {
public:
    explicit AllocatorImpl(DeviceAddr l1_small_bytes);
    ~AllocatorImpl();
#else
class Allocator {
public:
    explicit Allocator(DeviceAddr l1_small_bytes);
    ~Allocator();
#endif
    DeviceAddr allocate_buffer(Buffer* buffer);
    void deallocate_buffer(Buffer* buffer);
    void deallocate_buffers();
    std::uint32_t get_num_banks(const BufferType& type) const;
    DeviceAddr get_bank_size(const BufferType& type) const;
    DeviceAddr get_base_allocator_addr(const HalMemType& memory) const;
    std::uint32_t get_alignment(BufferType type) const;
    Statistics get_statistics(const BufferType& type) const;
    std::optional<DeviceAddr> lowest_l1() const;  // that is taken

private:
    const Bank& bank(BufferType type) const;
    mutable std::mutex mutex_;
    std::array<Bank, 5> banks_;
};

// ---- Devices ------------------------------------------------------------------------------------------------------

class IDevice {
public:
    virtual ~IDevice() = default;
    virtual tt::ARCH arch() const = 0;
    virtual int id() const = 0;
    virtual int build_id() const = 0;
    virtual std::uint8_t num_hw_cqs() const = 0;
    virtual bool is_initialized() const = 0;
    virtual DeviceAllocator* allocator() const = 0;
    virtual bool close() = 0;
};

class Device : public IDevice {
public:
    explicit Device(int id);
    ~Device() override;
    tt::ARCH arch() const override;
    int id() const override;
    int build_id() const override;
    std::uint8_t num_hw_cqs() const override;
    bool is_initialized() const override;
    DeviceAllocator* allocator() const override;
    bool close() override;

private:
    int id_;
    bool initialized_ = true;
    std::unique_ptr<DeviceAllocator> allocator_;
};

namespace distributed {
using MeshTraceId = ttsl::StrongType<std::uint32_t, struct MeshTraceIdTag>;

// A vector that has its numbers in itself.
struct MeshCoordinate {
    const std::uint32_t* values = here;
    std::uint32_t count = 2, capacity = 8, here[8] = {};
    MeshCoordinate(std::uint32_t row, std::uint32_t column) : here{row, column} {}
    MeshCoordinate(const MeshCoordinate& other) : MeshCoordinate(other.here[0], other.here[1]) {}
    MeshCoordinate& operator=(const MeshCoordinate&) = delete;
};
struct MeshShape {
    const std::uint32_t* values = here;
    std::uint32_t count = 4, capacity = 8, here[8] = {1, 1, 1, 1};
    explicit MeshShape(std::uint32_t columns) { here[3] = columns; }
    MeshShape(const MeshShape&) = delete;
};
struct MeshCoordinateRange {
    MeshCoordinate start, end;
    char wraparound_shape[144] = {};
};

class MeshDevice : public IDevice, public std::enable_shared_from_this<MeshDevice> {
public:
    explicit MeshDevice(std::vector<Device*> devices);
    ~MeshDevice() override;
    tt::ARCH arch() const override;
    int id() const override;
    int build_id() const override;
    std::uint8_t num_hw_cqs() const override;
    bool is_initialized() const override;
    DeviceAllocator* allocator() const override;
    bool close() override;
    std::vector<IDevice*> get_devices() const;
    const MeshShape& shape() const;
    MeshTraceId begin_mesh_trace(std::uint8_t queue);
    void end_mesh_trace(std::uint8_t queue, const MeshTraceId& id);
    void replay_mesh_trace(std::uint8_t queue, const MeshTraceId& id, bool blocking);
    void release_mesh_trace(const MeshTraceId& id);

private:
    int id_;
    bool initialized_ = true;
    std::vector<Device*> devices_;
    MeshShape shape_;
    std::unique_ptr<DeviceAllocator> allocator_;
};
}  // namespace distributed

// ---- Buffers ------------------------------------------------------------------------------------------------------

struct SubDeviceId {
    std::uint8_t value;
};
struct SubDeviceManagerId {
    std::uint64_t value;
};

enum class AllocationStatus : std::uint8_t {
    ALLOCATION_REQUESTED,
#if GENERATION < 202505
    ALLOCATION_FAILED,
#endif
    ALLOCATED,
    DEALLOCATED,
};

struct BufferMembers {
    BufferMembers(IDevice* device, DeviceAddr size, DeviceAddr page_size, BufferType type, TensorMemoryLayout layout,
                  bool bottom_up, std::optional<std::uint32_t> cores);
    IDevice* const device_;
#if GENERATION >= 299912
    std::string context_;
#endif
    const DeviceAddr size_;
    const BufferType buffer_type_;
    const TensorMemoryLayout buffer_layout_;
    const bool bottom_up_;
    const std::optional<SubDeviceId> sub_device_id_;
    const bool owns_data_;
    std::optional<SubDeviceManagerId> sub_device_manager_id_;
    DeviceAllocator* allocator_;
#if GENERATION < 202505
    std::atomic<AllocationStatus> allocation_status_ = AllocationStatus::ALLOCATION_REQUESTED;
    DeviceAddr address_ = 0;
    mutable std::mutex allocation_mutex_;
    mutable std::condition_variable allocation_cv_;
    std::atomic<bool> deallocation_requested_ = false;
#else
    AllocationStatus allocation_status_ = AllocationStatus::ALLOCATION_REQUESTED;
    bool hooked_allocation_ = false;
    DeviceAddr address_ = 0;
#endif
    DeviceAddr page_size_;
    std::optional<std::uint32_t> cores_;
};

#if GENERATION >= 202507
class Buffer final : public std::enable_shared_from_this<Buffer>
#else
class Buffer final
#endif
#if GENERATION < 202612 || GENERATION >= 299912
    // Members of the base come right after it, as they would in the class itself.
#if GENERATION >= 202507
    , private BufferMembers
#else
    : private BufferMembers
#endif
#endif
{
public:
    static std::shared_ptr<Buffer> create(IDevice* device, DeviceAddr size, DeviceAddr page_size, BufferType type,
                                          TensorMemoryLayout layout, bool bottom_up,
                                          std::optional<std::uint32_t> cores);
    Buffer(IDevice* device, DeviceAddr size, DeviceAddr page_size, BufferType type, TensorMemoryLayout layout,
           bool bottom_up, std::optional<std::uint32_t> cores);
    ~Buffer();

    std::uint32_t address() const;
    DeviceAddr page_size() const;
    std::uint32_t num_pages() const;
    std::optional<std::uint32_t> num_cores() const;
    DeviceAddr aligned_size() const;
    DeviceAddr aligned_page_size() const;
    DeviceAddr aligned_size_per_bank() const;
    void mark_as_deallocated();
    HalMemType memory_type() const;

    IDevice* device() const { return members().device_; }
    DeviceAddr size() const { return members().size_; }
    BufferType buffer_type() const { return members().buffer_type_; }
    TensorMemoryLayout buffer_layout() const { return members().buffer_layout_; }
    bool bottom_up() const { return members().bottom_up_; }

private:
    void allocate_impl();
    void deallocate_impl();
#if GENERATION >= 202612 && GENERATION < 299912
    BufferMembers& members() { return *pimpl_; }
    const BufferMembers& members() const { return *pimpl_; }
    std::unique_ptr<BufferMembers> pimpl_;
#else
    BufferMembers& members() { return *this; }
    const BufferMembers& members() const { return *this; }
#endif
};

// ---- Programs -----------------------------------------------------------------------------------------------------

struct CircularBuffer {
    CoreRangeSet cores;
    std::uint64_t size, borrowed_address;  // borrowed_address: of the tensor it lies in; 0: its own place
};

#if GENERATION >= 202606
// Placed at the offsets that upstream has them at; what is between is not looked at.
struct CoreHash {
    std::size_t operator()(const CoreCoord& core) const { return core.x * 31 + core.y; }
};
struct CoreEqual {
    bool operator()(const CoreCoord& a, const CoreCoord& b) const { return a.x == b.x && a.y == b.y; }
};
constexpr std::size_t borrows_offset = GENERATION >= 202612 ? 114 : 118;
struct DataflowBufferImpl {
    std::uint32_t id = 0;
    alignas(16) CoreRangeSet cores;
    std::uint32_t entry_size = 0, num_entries = 0;
    char config[borrows_offset - 48] = {};
    bool borrows_memory = false;
    alignas(8) char groups[32] = {};
    std::unordered_map<CoreCoord, std::pair<std::size_t, std::uint32_t>, CoreHash, CoreEqual> lookup;
    char descriptors[24] = {};
    std::uint32_t borrowed_address = 0;
#if GENERATION >= 202612
    alignas(8) char gap[8] = {};
#endif
    std::optional<std::uint32_t> alias_primary;
    char rest[64] = {};
    std::uint32_t total_size() const { return entry_size * num_entries; }
};
static_assert(offsetof(DataflowBufferImpl, cores) == 16 && offsetof(DataflowBufferImpl, entry_size) == 40);
static_assert(offsetof(DataflowBufferImpl, borrows_memory) == borrows_offset);
static_assert(offsetof(DataflowBufferImpl, lookup) == 152 && offsetof(DataflowBufferImpl, borrowed_address) == 232);
static_assert(offsetof(DataflowBufferImpl, alias_primary) == (GENERATION >= 202612 ? 248 : 236));

struct CircularBufferAllocator {
    CoreRange core_range;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> l1_regions;
    void mark_address(std::uint64_t address, std::uint64_t size);
    std::uint64_t end() const { return l1_regions.empty() ? 0 : l1_regions.back().second; }
};
constexpr std::size_t allocators_offset = GENERATION >= 299912 ? 640 : GENERATION >= 202612 ? 568 : 432;

struct Scratchpad {
    CoreRangeSet cores;
    std::uint32_t size;
};
#endif

namespace detail {
#if GENERATION >= 202507
class ProgramImpl : public std::enable_shared_from_this<ProgramImpl> {
public:
    ProgramImpl();
    ~ProgramImpl() noexcept;
#else
class Program_ {
public:
    Program_();
    ~Program_() noexcept;
#endif
    void add(CircularBuffer buffer) { buffers_.push_back(std::move(buffer)); }
    void allocate_circular_buffers(const IDevice* device);
    void validate_circular_buffer_region(const IDevice* device);
    void compile(const IDevice* device);  // places what it has, once per device

#if GENERATION >= 202606
    const std::vector<std::shared_ptr<DataflowBufferImpl>>& dataflow_buffers() const;
    void add_dataflow_buffer(const CoreRange& cores, std::uint32_t entry_size, std::uint32_t entries, int kind);
    void add_scratchpad(const CoreRange& cores, std::uint32_t size) { scratchpads_.push_back({CoreRangeSet({cores}), size}); }
    void resize(std::uint32_t entries);  // of the first dataflow buffer
    void allocate_dataflow_buffers(const IDevice* device);
    void allocate_scratchpads(const IDevice* device);
    void validate_dataflow_buffer_region(const IDevice* device);
#endif

private:
    std::vector<CircularBuffer> buffers_;
    std::vector<const IDevice*> compiled_for_;
#if GENERATION >= 202606
    CircularBufferAllocator& allocator_of(const CoreRange& range);
    std::uint64_t place(const CoreRangeSet& cores, std::uint64_t size, const IDevice* device);
    std::vector<std::shared_ptr<DataflowBufferImpl>> dataflow_buffers_;
    char between_[allocators_offset - 24] = {};
    std::vector<CircularBufferAllocator> dfb_allocators_;
    std::vector<Scratchpad> scratchpads_;
    bool dataflow_buffers_placed_ = false, scratchpads_placed_ = false;
#endif
};
}  // namespace detail

#if GENERATION < 202507
namespace detail { using ProgramImpl = Program_; }
#endif

class Program {
public:
    Program();
    Program(Program&&) = default;
    ~Program() noexcept;
    void add(CircularBuffer buffer) { impl_->add(std::move(buffer)); }
    void compile(const IDevice* device) { impl_->compile(device); }
    detail::ProgramImpl& impl() { return *impl_; }

private:
    std::shared_ptr<detail::ProgramImpl> impl_;
};

namespace distributed {
// Upstream's is a map, of nodes like these.
struct MeshWorkload {
    struct Node {
        MeshCoordinateRange range;
        Program program;
    };
    std::vector<std::unique_ptr<Node>> nodes;
};
}  // namespace distributed

// ---- GraphTracker -------------------------------------------------------------------------------------------------

#if GENERATION >= 202606
struct TrackedArgument {
    std::any value;
    std::string (*to_string_fn)(const std::any&);
};

inline std::string to_text(int number) { return std::to_string(number); }

template <typename T>
std::string serialize_tracked_arg(const std::any& any) {
    return to_text(std::any_cast<std::reference_wrapper<T>>(any).get());
}

class IGraphProcessor {
public:
    enum class RunMode { NORMAL, NO_DISPATCH };
#if GENERATION < 299912
    virtual bool is_capture_processor() const { return true; }
#endif
    virtual void track_allocate(const Buffer*) {}
    virtual void track_deallocate(Buffer*) {}
    virtual void track_allocate_cb(const CoreRangeSet&, std::uint64_t, std::uint64_t, bool, const IDevice*) {}
#if GENERATION >= 202612
    virtual void track_allocate_dataflow_buffer(const CoreRangeSet&, std::uint64_t, std::uint64_t, bool, const IDevice*) {}
    virtual void track_allocate_scratchpad(const CoreRangeSet&, std::uint64_t, std::uint64_t, const IDevice*) {}
#endif
    virtual void track_deallocate_cb(const IDevice*) {}
    virtual void track_program(Program*, const IDevice*) {}
    virtual void track_function_start(std::string_view, std::span<TrackedArgument>) {}
    virtual void track_function_end() {}
    virtual void track_function_end(const std::any&) {}
    virtual void begin_capture(RunMode) {}
    virtual int end_capture();
    virtual ~IGraphProcessor() = default;
};

class IGraphHooks {
public:
    virtual bool hook_program(Program* program) = 0;
    virtual ~IGraphHooks() = default;
};
#endif

#if GENERATION >= 202612
namespace internal {
struct GraphFunctionAbort {
    std::string reason;
    bool unwind_all = false;
};
void unwind_open_functions(std::string_view reason);
}  // namespace internal
#endif

class GraphTracker {
public:
#if GENERATION >= 202512
    static GraphTracker& instance();
#else
    static GraphTracker& instance() {
        static GraphTracker tracker;
        return tracker;
    }
#endif
    void track_allocate(const Buffer* buffer);
    void track_deallocate(Buffer* buffer);
    void track_allocate_cb(const CoreRangeSet& cores, std::uint64_t address, std::uint64_t size,
                           bool is_globally_allocated, const IDevice* device);
    void track_deallocate_cb(const IDevice* device);
    void track_program(Program* program, const IDevice* device);
    bool hook_allocate(const Buffer* buffer);
    bool hook_program(Program* program);

    std::uint64_t calls() const { return calls_; }
#if GENERATION >= 202606
    void set_no_dispatch(bool on);
    bool is_enabled() const;
    void push_processor(const std::shared_ptr<IGraphProcessor>& processor);
    void pop_processor();
    const std::vector<std::shared_ptr<IGraphProcessor>>& get_processors() const;
    const std::shared_ptr<IGraphHooks>& get_hook() const;

    template <class... Args>
    void track_function_start(std::string_view name, Args&&... args) {
        if (processors.empty()) {
            return;
        }
        std::array<TrackedArgument, sizeof...(Args)> params{
            TrackedArgument{std::any(std::ref(args)), &serialize_tracked_arg<std::remove_reference_t<Args>>}...};
        for (auto& it : processors) {
            it->track_function_start(name, params);
        }
    }
    void track_function_end() {
        for (auto& it : processors) {
            it->track_function_end();
        }
    }
    template <class Result>
    void track_function_end(Result& result) {
        for (auto& it : processors) {
            it->track_function_end(std::ref(result));
        }
    }
#else
    void set_no_dispatch(bool on) { no_dispatch_ = on; }
#endif

private:
    std::atomic<std::uint64_t> calls_{0};
#if GENERATION >= 202606
    static thread_local std::vector<std::shared_ptr<IGraphProcessor>> processors;
    static thread_local std::shared_ptr<IGraphHooks> hook;
#else
    std::atomic<bool> no_dispatch_{false};
#endif
};

}  // namespace tt_metal
}  // namespace tt
