// SPDX-License-Identifier: Apache-2.0
//
// Where a buffer asks for its memory.
#include "tt_metal.hpp"

namespace tt::tt_metal {

HalMemType Buffer::memory_type() const {
    return buffer_type() == BufferType::DRAM || buffer_type() == BufferType::TRACE ? HalMemType::DRAM : HalMemType::L1;
}

void Buffer::allocate_impl() {
    auto& address_ = members().address_;
    auto* allocator_ = members().allocator_;
    if (GraphTracker::instance().hook_allocate(this)) {
        address_ = 0;
#if GENERATION >= 202505
        members().hooked_allocation_ = true;
#endif
    } else {
        address_ = allocator_->allocate_buffer(this);
    }
    members().allocation_status_ = AllocationStatus::ALLOCATED;
    GraphTracker::instance().track_allocate(this);
}

}  // namespace tt::tt_metal
