// SPDX-License-Identifier: Apache-2.0
//
// Devices, buffers and programs.
#include "tt_metal.hpp"

namespace tt::tt_metal {

// ---- Devices ------------------------------------------------------------------------------------------------------

Device::Device(int id) : id_(id), allocator_(std::make_unique<DeviceAllocator>(32768)) {}
Device::~Device() { close(); }
tt::ARCH Device::arch() const { return tt::ARCH::WORMHOLE_B0; }
int Device::id() const { return id_; }
int Device::build_id() const { return 1000 + id_; }
std::uint8_t Device::num_hw_cqs() const { return 1; }
bool Device::is_initialized() const { return initialized_; }
DeviceAllocator* Device::allocator() const { return allocator_.get(); }
bool Device::close() {
    if (initialized_) {
        initialized_ = false;
        allocator_->deallocate_buffers();
    }
    return true;
}

namespace distributed {
static int next_mesh_id = 0;  // collides with chip ids, as upstream's

MeshDevice::MeshDevice(std::vector<Device*> devices) :
    id_(next_mesh_id++),
    devices_(std::move(devices)),
    shape_(static_cast<std::uint32_t>(devices_.size())),
    allocator_(std::make_unique<DeviceAllocator>(32768)) {}
const MeshShape& MeshDevice::shape() const { return shape_; }
MeshTraceId MeshDevice::begin_mesh_trace(std::uint8_t) {
    static std::uint32_t next_id = 0;
    return {next_id++};
}
void MeshDevice::end_mesh_trace(std::uint8_t, const MeshTraceId&) {}
void MeshDevice::replay_mesh_trace(std::uint8_t, const MeshTraceId&, bool) {}
void MeshDevice::release_mesh_trace(const MeshTraceId&) {}
MeshDevice::~MeshDevice() { close(); }
tt::ARCH MeshDevice::arch() const { return devices_.at(0)->arch(); }
int MeshDevice::id() const { return id_; }
int MeshDevice::build_id() const { return 2000 + id_; }
std::uint8_t MeshDevice::num_hw_cqs() const { return 1; }
bool MeshDevice::is_initialized() const { return initialized_; }
DeviceAllocator* MeshDevice::allocator() const { return allocator_.get(); }
std::vector<IDevice*> MeshDevice::get_devices() const { return {devices_.begin(), devices_.end()}; }
bool MeshDevice::close() {
    if (initialized_) {
        initialized_ = false;
        allocator_->deallocate_buffers();
    }
    return true;
}
}  // namespace distributed

// ---- Buffers ------------------------------------------------------------------------------------------------------

BufferMembers::BufferMembers(IDevice* device, DeviceAddr size, DeviceAddr page_size, BufferType type,
                             TensorMemoryLayout layout, bool bottom_up, std::optional<std::uint32_t> cores) :
    device_(device),
    size_(size),
    buffer_type_(type),
    buffer_layout_(layout),
    bottom_up_(bottom_up),
    owns_data_(true),
    allocator_(device->allocator()),
    page_size_(page_size),
    cores_(cores) {}

Buffer::Buffer(IDevice* device, DeviceAddr size, DeviceAddr page_size, BufferType type, TensorMemoryLayout layout,
               bool bottom_up, std::optional<std::uint32_t> cores) :
#if GENERATION >= 202612 && GENERATION < 299912
    pimpl_(std::make_unique<BufferMembers>(device, size, page_size, type, layout, bottom_up, cores))
#else
    BufferMembers(device, size, page_size, type, layout, bottom_up, cores)
#endif
{
}

Buffer::~Buffer() { deallocate_impl(); }

std::shared_ptr<Buffer> Buffer::create(IDevice* device, DeviceAddr size, DeviceAddr page_size, BufferType type,
                                       TensorMemoryLayout layout, bool bottom_up,
                                       std::optional<std::uint32_t> cores) {
    auto buffer = std::make_shared<Buffer>(device, size, page_size, type, layout, bottom_up, cores);
    if (size != 0) {
        buffer->allocate_impl();
    }
    return buffer;
}

void Buffer::deallocate_impl() {
    if (members().allocation_status_ != AllocationStatus::ALLOCATED) {
        return;
    }
    if (members().device_->is_initialized() && members().size_ != 0) {
        GraphTracker::instance().track_deallocate(this);
        if (members().address_ != 0) {
            members().allocator_->deallocate_buffer(this);
        }
    }
    members().allocation_status_ = AllocationStatus::DEALLOCATED;
}

// Before the allocator has answered, upstream throws here, or waits for ever.
std::uint32_t Buffer::address() const {
    if (members().allocation_status_ == AllocationStatus::ALLOCATION_REQUESTED) {
        throw std::logic_error("Can only query the address of a buffer that has been allocated");
    }
    return static_cast<std::uint32_t>(members().address_);
}

DeviceAddr Buffer::page_size() const { return members().page_size_; }
std::uint32_t Buffer::num_pages() const {
    return members().page_size_ == 0 ? 0 : static_cast<std::uint32_t>(members().size_ / members().page_size_);
}
std::optional<std::uint32_t> Buffer::num_cores() const { return members().cores_; }
static DeviceAddr aligned(DeviceAddr value, DeviceAddr unit) { return (value + unit - 1) / unit * unit; }
DeviceAddr Buffer::aligned_page_size() const {
    return aligned(members().page_size_, members().allocator_->get_alignment(members().buffer_type_));
}
DeviceAddr Buffer::aligned_size() const { return num_pages() * aligned_page_size(); }
DeviceAddr Buffer::aligned_size_per_bank() const {
    std::uint32_t banks = members().cores_.value_or(0);
    if (banks == 0) {
        banks = members().allocator_->get_num_banks(members().buffer_type_);
    }
    return (num_pages() + banks - 1) / banks * aligned_page_size();
}
void Buffer::mark_as_deallocated() { members().allocation_status_ = AllocationStatus::DEALLOCATED; }

// ---- Programs -----------------------------------------------------------------------------------------------------

Program::Program() : impl_(std::make_shared<detail::ProgramImpl>()) {}
Program::~Program() noexcept = default;

void detail::ProgramImpl::compile(const IDevice* device) {
    allocate_circular_buffers(device);
    validate_circular_buffer_region(device);
#if GENERATION >= 202606
    allocate_dataflow_buffers(device);
    allocate_scratchpads(device);
    validate_dataflow_buffer_region(device);
#endif
}

}  // namespace tt::tt_metal
