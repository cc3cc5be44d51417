// SPDX-License-Identifier: Apache-2.0
//
// What a program places in L1. Its callers reach it through the dynamic linker, as upstream.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "tt_metal.hpp"

namespace tt::tt_metal {

#if GENERATION >= 202606
void CircularBufferAllocator::mark_address(std::uint64_t address, std::uint64_t size) {
    if (!l1_regions.empty() && l1_regions.back().second == address) {
        l1_regions.back().second += size;
    } else {
        l1_regions.emplace_back(address, address + size);
    }
}
#endif

namespace detail {

static DeviceAddr aligned(DeviceAddr value, DeviceAddr unit) { return (value + unit - 1) / unit * unit; }

#if GENERATION >= 202507
ProgramImpl::ProgramImpl() = default;
ProgramImpl::~ProgramImpl() noexcept {
#else
Program_::Program_() = default;
Program_::~Program_() noexcept {
#endif
#if GENERATION >= 202605
    for (const IDevice* device : compiled_for_) {
        GraphTracker::instance().track_deallocate_cb(device);
    }
#endif
}

// Until 2026-04 the events name the mesh, since then each chip.
void ProgramImpl::allocate_circular_buffers(const IDevice* device) {
    std::vector<const IDevice*> targets{device};
#if GENERATION >= 202605
    if (const auto* mesh = dynamic_cast<const distributed::MeshDevice*>(device)) {
        auto chips = mesh->get_devices();
        targets.assign(chips.begin(), chips.end());
    }
#endif
    for (const IDevice* target : targets) {
        bool known = false;
        for (const IDevice* seen : compiled_for_) {
            known = known || seen == target;
        }
        if (known) {
            continue;
        }
        compiled_for_.push_back(target);
        DeviceAddr next = target->allocator()->get_base_allocator_addr(HalMemType::L1);
        for (const auto& buffer : buffers_) {
            bool borrowed = buffer.borrowed_address != 0;
            GraphTracker::instance().track_allocate_cb(
                buffer.cores, borrowed ? buffer.borrowed_address : next, buffer.size, borrowed, target);
            next += borrowed ? 0 : aligned(buffer.size, 32);
        }
    }
}

static void validate(const char* kind, DeviceAddr end, const IDevice* device) {
    constexpr DeviceAddr l1_size = 1499136;
    auto lowest = device->allocator()->lowest_l1();
    std::string what = std::string("Statically allocated ") + kind + " buffers ";
    if (end > l1_size) {
        throw std::runtime_error(what + "on core range [0-0 - 7-7] grow to " + std::to_string(end) +
                                 " B which is beyond max L1 size of " + std::to_string(l1_size) + " B");
    }
    if (lowest && *lowest < end) {
        throw std::runtime_error("TT_THROW @ program.cpp:1: tt::exception\ninfo:\n" + what +
                                 "in program 7 clash with L1 buffers on core range [0-0 - 7-7]. L1 buffer allocated at " +
                                 std::to_string(*lowest) + " and static " + kind + " buffer region ends at " +
                                 std::to_string(end) + "\nbacktrace:\n --- nothing");
    }
}

void ProgramImpl::validate_circular_buffer_region(const IDevice* device) {
    DeviceAddr end = device->allocator()->get_base_allocator_addr(HalMemType::L1);
    for (const auto& buffer : buffers_) {
        end += buffer.borrowed_address != 0 ? 0 : aligned(buffer.size, 32);
    }
    validate("circular", buffers_.empty() ? 0 : end, device);
}

#if GENERATION >= 202606
const std::vector<std::shared_ptr<DataflowBufferImpl>>& ProgramImpl::dataflow_buffers() const {
    return dataflow_buffers_;
}

// KIND: 0 its own, 1 borrows a tensor's memory, 2 lies where the one before lies.
void ProgramImpl::add_dataflow_buffer(const CoreRange& cores, std::uint32_t entry_size, std::uint32_t entries, int kind) {
    auto buffer = std::make_shared<DataflowBufferImpl>();
    buffer->id = static_cast<std::uint32_t>(dataflow_buffers_.size());
    buffer->cores = CoreRangeSet({cores});
    buffer->entry_size = entry_size;
    buffer->num_entries = entries;
    buffer->borrows_memory = kind == 1;
    if (kind == 2) {
        buffer->alias_primary = dataflow_buffers_.back()->id;
    }
    allocator_of(cores);
    dataflow_buffers_.push_back(std::move(buffer));
}

CircularBufferAllocator& ProgramImpl::allocator_of(const CoreRange& range) {
    for (auto& known : dfb_allocators_) {
        const auto &a = known.core_range.start_coord, &b = known.core_range.end_coord;
        if (a.x == range.start_coord.x && a.y == range.start_coord.y && b.x == range.end_coord.x &&
            b.y == range.end_coord.y) {
            return known;
        }
    }
    return dfb_allocators_.emplace_back(CircularBufferAllocator{range, {}});
}

// At one address on all cores, above what any of them has; whose cores meet, has it taken.
std::uint64_t ProgramImpl::place(const CoreRangeSet& cores, std::uint64_t size, const IDevice* device) {
    auto meets = [&](const CoreRange& other) {
        for (const auto& range : cores.ranges()) {
            if (range.start_coord.x <= other.end_coord.x && other.start_coord.x <= range.end_coord.x &&
                range.start_coord.y <= other.end_coord.y && other.start_coord.y <= range.end_coord.y) {
                return true;
            }
        }
        return false;
    };
    std::uint64_t address = device->allocator()->get_base_allocator_addr(HalMemType::L1);
    for (const auto& range : cores.ranges()) {
        allocator_of(range);
    }
    for (const auto& allocator : dfb_allocators_) {
        address = meets(allocator.core_range) ? std::max(address, allocator.end()) : address;
    }
    address = aligned(address, 32);
    for (auto& allocator : dfb_allocators_) {
        if (meets(allocator.core_range)) {
            allocator.mark_address(address, size);
        }
    }
    return address;
}

void ProgramImpl::allocate_dataflow_buffers(const IDevice* device) {
    if (dataflow_buffers_placed_) {
        return;
    }
    for (auto& buffer : dataflow_buffers_) {
        std::uint64_t address = 0;
        if (buffer->alias_primary) {
            address = dataflow_buffers_[*buffer->alias_primary]->lookup.begin()->second.second;
        } else if (!buffer->borrows_memory) {
            address = place(buffer->cores, buffer->total_size(), device);
        }
        buffer->lookup.clear();
        for (const auto& range : buffer->cores.ranges()) {
            for (std::size_t x = range.start_coord.x; x <= range.end_coord.x; x++) {
                for (std::size_t y = range.start_coord.y; y <= range.end_coord.y; y++) {
                    buffer->lookup.emplace(CoreCoord{x, y}, std::make_pair(0, static_cast<std::uint32_t>(address)));
                }
            }
        }
    }
    dataflow_buffers_placed_ = true;
}

void ProgramImpl::allocate_scratchpads(const IDevice* device) {
    for (const auto& scratchpad : scratchpads_) {
        if (!scratchpads_placed_) {
            place(scratchpad.cores, scratchpad.size, device);
        }
    }
    scratchpads_placed_ = true;
}

void ProgramImpl::resize(std::uint32_t entries) {
    dataflow_buffers_.front()->num_entries = entries;
    for (auto& allocator : dfb_allocators_) {
        allocator.l1_regions.clear();
    }
    dataflow_buffers_placed_ = scratchpads_placed_ = false;
}

void ProgramImpl::validate_dataflow_buffer_region(const IDevice* device) {
    for (const auto& allocator : dfb_allocators_) {
        validate("dataflow", allocator.end(), device);
    }
}
#endif

}  // namespace detail
}  // namespace tt::tt_metal
