// SPDX-License-Identifier: Apache-2.0
//
// The allocator: lock-step banks, first fit.
#include <cstdlib>
#include <string>
#include <utility>

#include "failures.hpp"
#include "tt_metal.hpp"

namespace tt::tt_metal {

static thread_local Failure failure_wanted = Failure::NONE;

void fail_next(Failure failure) { failure_wanted = failure; }

static DeviceAddr round_up(DeviceAddr value, DeviceAddr unit) { return (value + unit - 1) / unit * unit; }

DeviceAddr Bank::place(DeviceAddr bytes, bool bottom_up) {
    std::vector<std::pair<DeviceAddr, DeviceAddr>> gaps;
    DeviceAddr from = base;
    for (const auto& [address, length] : used) {
        gaps.emplace_back(from, address);
        from = address + length;
    }
    gaps.emplace_back(from, base + size);
    std::optional<DeviceAddr> found;
    for (const auto& [begin, end] : gaps) {
        if (end - begin < bytes || (bottom_up && found)) {
            continue;
        }
        found = bottom_up ? begin : end - bytes;
    }
    if (!found) {
        throw std::runtime_error("Out of Memory: Not enough space to allocate " + std::to_string(bytes) + " B");
    }
    used[*found] = bytes;
    return *found;
}

static constexpr DeviceAddr l1_base = 104224, l1_end = 1499136;
static constexpr DeviceAddr dram_base = 1048640, dram_end = 1073741824, trace_bytes = 16777216;

DeviceAllocator::
#if GENERATION >= 202512
    AllocatorImpl
#else
    Allocator
#endif
    (DeviceAddr l1_small_bytes) {
    banks_[0] = Bank{dram_base, dram_end - trace_bytes - dram_base, 12, {}};
    banks_[1] = Bank{l1_base, l1_end - l1_small_bytes - l1_base, 64, {}};
    banks_[3] = Bank{l1_end - l1_small_bytes, l1_small_bytes, 64, {}};
    banks_[4] = Bank{dram_end - trace_bytes, trace_bytes, 12, {}};
}

#if GENERATION >= 202512
AllocatorImpl::~AllocatorImpl() = default;
#else
Allocator::~Allocator() = default;
#endif

const Bank& DeviceAllocator::bank(BufferType type) const {
    if (type == BufferType::SYSTEM_MEMORY) {
        throw std::runtime_error("Unsupported buffer type!");
    }
    return banks_[static_cast<std::size_t>(type)];
}

DeviceAddr DeviceAllocator::allocate_buffer(Buffer* buffer) {
    failures::raise(std::exchange(failure_wanted, Failure::NONE));
    std::lock_guard<std::mutex> lock(mutex_);
    Bank& place = const_cast<Bank&>(bank(buffer->buffer_type()));
    std::uint32_t banks = buffer->num_cores().value_or(place.count);
    DeviceAddr unit = buffer->buffer_type() == BufferType::L1 ? 16 : 32;
    DeviceAddr pages = buffer->size() / buffer->page_size();
    return place.place(round_up((pages + banks - 1) / banks * round_up(buffer->page_size(), unit), 32),
                       buffer->bottom_up());
}

void DeviceAllocator::deallocate_buffer(Buffer* buffer) {
    std::lock_guard<std::mutex> lock(mutex_);
    banks_[static_cast<std::size_t>(buffer->buffer_type())].used.erase(buffer->address());
}

void DeviceAllocator::deallocate_buffers() {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto& bank : banks_) {
        bank.used.clear();
    }
}

// The getters lock, as upstream's do: a caller that holds the allocator's lock would wait for ever.
std::uint32_t DeviceAllocator::get_num_banks(const BufferType& type) const {
    std::lock_guard<std::mutex> lock(mutex_);
    return bank(type).count;
}

DeviceAddr DeviceAllocator::get_bank_size(const BufferType& type) const {
    std::lock_guard<std::mutex> lock(mutex_);
    return bank(type).size;
}

DeviceAddr DeviceAllocator::get_base_allocator_addr(const HalMemType& memory) const {
    return memory == HalMemType::DRAM ? dram_base : l1_base;
}

std::uint32_t DeviceAllocator::get_alignment(BufferType type) const {
    return type == BufferType::DRAM || type == BufferType::TRACE ? 32 : 16;
}

std::optional<DeviceAddr> DeviceAllocator::lowest_l1() const {
    const auto& used = bank(BufferType::L1).used;
    return used.empty() ? std::nullopt : std::optional<DeviceAddr>(used.begin()->first);
}

// STANDIN_HIDDEN_BYTES: a block of DRAM that no event has told of.
Statistics DeviceAllocator::get_statistics(const BufferType& type) const {
    std::lock_guard<std::mutex> lock(mutex_);
    Statistics statistics;
    for (const auto& [address, bytes] : bank(type).used) {
        statistics.total_allocated_bytes += bytes;
    }
    if (const char* hidden = type == BufferType::DRAM ? std::getenv("STANDIN_HIDDEN_BYTES") : nullptr) {
        statistics.total_allocated_bytes += std::stoul(hidden);
    }
#if GENERATION < 202606
    statistics.largest_free_block_addrs = {1, 2, 3};
#endif
    return statistics;
}

}  // namespace tt::tt_metal
