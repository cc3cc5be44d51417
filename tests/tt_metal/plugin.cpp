// SPDX-License-Identifier: Apache-2.0
//
// A stand-in for TT-Metal linked into another library, of which nothing is exported and no symbol table is left: the
// class of its allocators, with the virtual functions of one version of it (SLOTS), and a C function that drives them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tt::tt_metal::allocator {
struct Statistics {
    uint64_t total, allocated, free, largest;
};

class Algorithm {
public:
    Algorithm(uint64_t bank, uint64_t base, uint64_t smallest, uint64_t alignment) :
        bank_(bank), base_(base), smallest_(smallest), alignment_(alignment) {}
    virtual ~Algorithm() = default;
    virtual void init() = 0;
    virtual std::vector<std::pair<uint64_t, uint64_t>> available_addresses(uint64_t size) const = 0;
    virtual std::vector<std::pair<uint64_t, uint64_t>> allocated_addresses() const = 0;
#if SLOTS != 14
    virtual std::optional<uint64_t> get_allocation_size(uint64_t address) const = 0;
#endif
#if SLOTS == 16 && defined(SHUFFLED) // as many as are known, in an order that is not
    virtual void deallocate(uint64_t address) = 0;
#endif
    virtual std::optional<uint64_t> allocate(uint64_t size, bool bottom_up = true, uint64_t limit = 0) = 0;
    virtual std::optional<uint64_t> allocate_at_address(uint64_t address, uint64_t size) = 0;
#if !(SLOTS == 16 && defined(SHUFFLED))
    virtual void deallocate(uint64_t address) = 0;
#endif
    virtual void clear() = 0;
    virtual Statistics get_statistics() const = 0;
    virtual void dump_blocks() const = 0;
    virtual std::string get_memory_block_table() const = 0;
    virtual void shrink_size(uint64_t size, bool bottom_up) = 0;
    virtual void reset_size() = 0;
#if SLOTS >= 16
    virtual void validate_shrink_size() const {}
#endif
#if SLOTS == 17
    virtual void one_more() const {}
#endif
protected:
    uint64_t bank_, base_, smallest_, alignment_;
};

class FreeListOpt : public Algorithm {
public:
    using Algorithm::Algorithm;
    void init() override {}
    std::vector<std::pair<uint64_t, uint64_t>> available_addresses(uint64_t) const override { return {}; }
    std::vector<std::pair<uint64_t, uint64_t>> allocated_addresses() const override {
        return {blocks_.begin(), blocks_.end()};
    }
#if SLOTS != 14
    std::optional<uint64_t> get_allocation_size(uint64_t address) const override {
        return blocks_.count(address) ? std::optional(blocks_.at(address)) : std::nullopt;
    }
#endif
    std::optional<uint64_t> allocate(uint64_t size, bool bottom_up, uint64_t) override {
        size = fit(size);
        uint64_t at = bottom_up ? base_ : base_ + bank_ - size;
        for (uint64_t tried = 0; tried + size <= bank_; tried += alignment_) {
            at = bottom_up ? base_ + tried : base_ + bank_ - size - tried;
            if (is_free(at, size)) {
                blocks_[at] = size;
                return at;
            }
        }
        return std::nullopt;
    }
    std::optional<uint64_t> allocate_at_address(uint64_t address, uint64_t size) override {
        if (!is_free(address, fit(size))) {
            return std::nullopt;
        }
        blocks_[address] = fit(size);
        return address;
    }
    void deallocate(uint64_t address) override { blocks_.erase(address); }
    void clear() override { blocks_.clear(); }
    // STANDIN_HIDDEN_BYTES: a block that no call has told of.
    Statistics get_statistics() const override {
        const char* hidden = std::getenv("STANDIN_HIDDEN_BYTES");
        uint64_t allocated = hidden && base_ == 1 << 20 ? std::stoul(hidden) : 0;
        for (auto [start, bytes] : blocks_) {
            allocated += bytes;
        }
        return {bank_, allocated, bank_ - allocated, 0};
    }
    void dump_blocks() const override {}
    std::string get_memory_block_table() const override { return {}; }
    void shrink_size(uint64_t, bool) override {}
    void reset_size() override {}

private:
    uint64_t fit(uint64_t size) const {
        return ((size < smallest_ ? smallest_ : size) + alignment_ - 1) / alignment_ * alignment_;
    }
    bool is_free(uint64_t at, uint64_t size) const {
        for (auto [start, bytes] : blocks_) {
            if (start < at + size && at < start + bytes) {
                return false;
            }
        }
        return true;
    }
    std::map<uint64_t, uint64_t> blocks_;
};
}  // namespace tt::tt_metal::allocator

using tt::tt_metal::allocator::Algorithm;
using tt::tt_metal::allocator::FreeListOpt;

static std::vector<std::unique_ptr<Algorithm>> lists;  // registers its destructor when the library is loaded

#define API extern "C" __attribute__((visibility("default")))
API int plugin_list(uint64_t bank, uint64_t base, uint64_t alignment) {
    lists.push_back(std::make_unique<FreeListOpt>(bank, base, alignment, alignment));
    return static_cast<int>(lists.size()) - 1;
}
API uint64_t plugin_allocate(int list, uint64_t size, int bottom_up) {
    return lists[list]->allocate(size, bottom_up, 0).value_or(0);
}
API uint64_t plugin_allocate_at(int list, uint64_t address, uint64_t size) {
    return lists[list]->allocate_at_address(address, size).value_or(0);
}
API void plugin_free(int list, uint64_t address) { lists[list]->deallocate(address); }
API void plugin_clear(int list) { lists[list]->clear(); }
API void plugin_delete(int list) { lists[list].reset(); }
