// SPDX-License-Identifier: Apache-2.0
//
// ttnn's tensors, as operations take and give them: the same names, sizes and exported functions, and the same text of
// what they are. From 2026-12 on class Tensor is ttnn's, and a memory configuration keeps its members elsewhere.
#pragma once

#include "tt_metal.hpp"

namespace tt::tt_metal {
enum class DataType { BFLOAT16 = 0, FLOAT32 = 1, UINT32 = 2 };
enum class Layout { ROW_MAJOR = 0, TILE = 1 };
enum class StorageType { HOST = 0, DEVICE = 1 };
enum class ShardOrientation { ROW_MAJOR = 0, COL_MAJOR = 1 };

// Ones stand before the dimensions, up to four numbers in all. The first eight lie in the object itself.
class Shape {
public:
    explicit Shape(const std::vector<std::uint32_t>& dimensions);
    Shape(const Shape&) = delete;
    Shape& operator=(const Shape&) = delete;
    std::vector<std::uint32_t> dimensions() const;

protected:
    std::uint32_t* values_ = here_;
    std::uint32_t count_ = 0, capacity_ = 8;
    std::uint32_t here_[8] = {};
    std::uint64_t dimensions_;
};

struct ShardSpec {
    CoreRangeSet grid;
    std::array<std::uint32_t, 2> shape;
    ShardOrientation orientation;
};

struct MemoryMembers {
    TensorMemoryLayout layout;
    BufferType type;
    std::optional<ShardSpec> shards;
};

#if GENERATION >= 202612
class MemoryConfig {
public:
    explicit MemoryConfig(MemoryMembers members) : members_(std::make_unique<MemoryMembers>(std::move(members))) {}
    TensorMemoryLayout memory_layout() const;
    const MemoryMembers& members() const { return *members_; }

private:
    std::unique_ptr<MemoryMembers> members_;
};
#else
class MemoryConfig {
public:
    explicit MemoryConfig(MemoryMembers members) : members_(std::move(members)) {}
    const MemoryMembers& members() const { return members_; }

private:
    MemoryMembers members_;
};
#endif

struct TensorAttributes {
    Shape shape, other_shape;  // the other one: what a tensor says whose numbers are not those of its text
    DataType dtype;
    Layout layout;
    MemoryConfig memory;
    std::shared_ptr<Buffer> buffer;  // none: it lies on the host, or was given back
    StorageType storage;
    bool says_other = false;
};
}  // namespace tt::tt_metal

#if GENERATION >= 202612
namespace ttnn {
using namespace tt::tt_metal;
#else
namespace tt::tt_metal {
#endif
class Tensor {
public:
    explicit Tensor(std::shared_ptr<TensorAttributes> attributes) : attributes_(std::move(attributes)) {}
    StorageType storage_type() const;
    bool is_allocated() const;
    const Shape& logical_shape() const;
    DataType dtype() const;
    Layout layout() const;
    const MemoryConfig& memory_config() const;
    Buffer* buffer() const;
    IDevice* device() const;

    TensorAttributes& attributes() const { return *attributes_; }

protected:
    std::shared_ptr<TensorAttributes> attributes_;
    std::uint64_t others_[GENERATION >= 202612 ? 1 : 3] = {};
};
static_assert(sizeof(Tensor) == (GENERATION >= 202612 ? 24 : 40));

std::string to_text(const Tensor& tensor);
}  // namespace

namespace tt::tt_metal {
std::string to_text(const Shape& shape);
std::string to_text(DataType dtype);
std::string to_text(Layout layout);
std::string to_text(const MemoryConfig& memory);
}  // namespace tt::tt_metal
