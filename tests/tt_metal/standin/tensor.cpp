// SPDX-License-Identifier: Apache-2.0
//
// Tensors, and operations on them, with plain C entry points as in ttnn.cpp.
#include "tensor.hpp"

#include <deque>
#include <thread>
#include <utility>

using namespace tt::tt_metal;
#if GENERATION >= 202612
using ttnn::Tensor;
#endif

namespace {
std::atomic<std::uint64_t> texts{0};  // of tensors, that were made

std::string list(const std::vector<std::uint32_t>& numbers) {
    std::string text;
    for (auto number : numbers) {
        text += (text.empty() ? "" : ", ") + std::to_string(number);
    }
    return text;
}

std::string core(const CoreCoord& at) {
    return "{\"x\":" + std::to_string(at.x) + ",\"y\":" + std::to_string(at.y) + "}";
}

std::string text_of(const ShardSpec& shards) {
    std::string grid;
    for (const auto& range : shards.grid.ranges()) {
        grid += (grid.empty() ? "" : ", ") + std::string("{\"start\":") + core(range.start_coord) +
                ",\"end\":" + core(range.end_coord) + "}";
    }
    return "ShardSpec{grid=[" + grid + "], shape=[" + list({shards.shape[0], shards.shape[1]}) +
           "], orientation=ShardOrientation::" +
           (shards.orientation == ShardOrientation::ROW_MAJOR ? "ROW_MAJOR" : "COL_MAJOR") + "}";
}
}  // namespace

// ---- What tensors are ----------------------------------------------------------------------------------------------

namespace tt::tt_metal {
Shape::Shape(const std::vector<std::uint32_t>& dimensions) : dimensions_(dimensions.size()) {
    for (std::size_t i = dimensions.size(); i < 4; i++) {
        values_[count_++] = 1;
    }
    for (auto dimension : dimensions) {
        values_[count_++] = dimension;
    }
}

std::vector<std::uint32_t> Shape::dimensions() const { return {values_ + count_ - dimensions_, values_ + count_}; }

#if GENERATION >= 202612
TensorMemoryLayout MemoryConfig::memory_layout() const { return members_->layout; }
#endif

std::string to_text(const Shape& shape) { return "Shape([" + list(shape.dimensions()) + "])"; }

std::string to_text(DataType dtype) {
    static const char* const names[] = {"BFLOAT16", "FLOAT32", "UINT32"};
    return std::string("DataType::") + names[static_cast<int>(dtype)];
}

std::string to_text(Layout layout) { return layout == Layout::TILE ? "Layout::TILE" : "Layout::ROW_MAJOR"; }

std::string to_text(const MemoryConfig& memory) {
    static const char* const layouts[] = {"INTERLEAVED", "", "HEIGHT_SHARDED", "WIDTH_SHARDED", "BLOCK_SHARDED"};
    const auto& members = memory.members();
    return std::string("MemoryConfig(memory_layout=TensorMemoryLayout::") + layouts[static_cast<int>(members.layout)] +
           ",buffer_type=BufferType::" + (members.type == BufferType::DRAM ? "DRAM" : "L1") +
           ",shard_spec=" + (members.shards ? text_of(*members.shards) : "std::nullopt") +
           ",nd_shard_spec=std::nullopt,created_with_nd_shard_spec=0)";
}
}  // namespace tt::tt_metal

#if GENERATION >= 202612
namespace ttnn {
#else
namespace tt::tt_metal {
#endif
StorageType Tensor::storage_type() const { return attributes_->storage; }
bool Tensor::is_allocated() const { return attributes_->buffer != nullptr; }
const Shape& Tensor::logical_shape() const {
    return attributes_->says_other ? attributes_->other_shape : attributes_->shape;
}
DataType Tensor::dtype() const { return attributes_->dtype; }
Layout Tensor::layout() const { return attributes_->layout; }
const MemoryConfig& Tensor::memory_config() const { return attributes_->memory; }
Buffer* Tensor::buffer() const {
    if (!attributes_->buffer) {
        throw std::runtime_error("Tensor is not allocated");
    }
    return attributes_->buffer.get();
}
IDevice* Tensor::device() const { return buffer()->device(); }

std::string to_text(const Tensor& tensor) {
    texts++;
    const auto& is = tensor.attributes();
    return "Tensor(storage=DeviceStorage(),tensor_spec=TensorSpec(logical_shape=" + to_text(is.shape) +
           ",tensor_layout=TensorLayout(dtype=" + to_text(is.dtype) + ",page_config=PageConfig(config=" +
           (is.layout == Layout::TILE ? "TilePageConfig(tile=Tile(tile_shape={32, 32}))" : "RowMajorPageConfig()") +
           "),memory_config=" + to_text(is.memory) + ",alignment=Alignment([32, 32]))))";
}
}  // namespace

// ---- What operations take ------------------------------------------------------------------------------------------

namespace {
using References = std::vector<std::reference_wrapper<const Tensor>>;
using Optional = std::optional<Tensor>;

std::string text_of_each(const auto& tensors) {
    std::string text;
    for (const Tensor& tensor : tensors) {
        text += (text.empty() ? "{" : ", ") + to_text(tensor);
    }
    return text + "}";
}

std::string make_text(const References& tensors) { return text_of_each(tensors); }
std::string make_text(const std::vector<Tensor>& tensors) { return text_of_each(tensors); }
std::string make_text(const Optional& tensor) { return tensor ? to_text(*tensor) : "std::nullopt"; }
std::string make_text(const std::vector<Optional>& tensors) { return std::to_string(tensors.size()) + " tensors"; }
template <typename T>
std::string make_text(const T& other) {
    return to_text(other);
}

// What lives as long as the operation.
struct Arguments {
    std::vector<TrackedArgument> tracked;
    std::deque<std::any> kept;

    template <typename T>
    void add(T& value) {
        tracked.push_back({std::any(std::ref(value)), [](const std::any& any) {
                               return make_text(std::any_cast<std::reference_wrapper<T>>(any).get());
                           }});
    }
    template <typename T>
    T& keep(T value) {
        kept.push_back(std::move(value));
        return *std::any_cast<T>(&kept.back());
    }
};

// KINDS: of each argument. How many tensors of the list it takes, or none.
Arguments arguments_of(const char* kinds, Tensor* const* at) {
    Arguments arguments;
    for (; *kinds != '\0'; kinds++) {
        switch (*kinds) {
            case 't': arguments.add(*at++[0]); break;
            case 'c': arguments.add(std::as_const(*at++[0])); break;
            case 'r': arguments.add(arguments.keep(References{*at[0], *at[1]})), at += 2; break;
            case 'v': arguments.add(arguments.keep(std::vector<Tensor>{*at[0], *at[1]})), at += 2; break;
            case 'o': arguments.add(arguments.keep(Optional(*at++[0]))); break;
            case 'n': arguments.add(arguments.keep(Optional())); break;
            case 'w': arguments.add(arguments.keep(std::vector<Optional>{*at[0], std::nullopt, *at[1]})), at += 2; break;
            case 's':  // what one is to be
                arguments.add(std::as_const(at[0]->attributes().shape));
                arguments.add(at[0]->attributes().dtype);
                arguments.add(at[0]->attributes().layout);
                arguments.add(std::as_const(at[0]->attributes().memory));
                at++;
                break;
            default: throw std::logic_error("no such kind");
        }
    }
    return arguments;
}

[[gnu::noinline]] void operate(const char* name, Arguments& arguments, Tensor& result) {
    auto& tracker = GraphTracker::instance();
    for (const auto& processor : tracker.get_processors()) {
        processor->track_function_start(name, arguments.tracked);
    }
    tracker.track_function_end(result);
}
}  // namespace

extern "C" {
// What is in nn_buffer()'s handle.
struct Handle {
    std::shared_ptr<Buffer> buffer;
};

// SHARDS: four numbers for each range of cores, behind the two of a shard's shape. BUFFER: NULL of one on the host.
void* nn_tensor(Handle* handle, const std::uint32_t* dimensions, int count, int dtype, int tile, int memory_layout,
                int type, const std::uint32_t* shards, int ranges, int column_major) {
    std::vector<std::uint32_t> shape(dimensions, dimensions + count), other(shape);
    MemoryMembers memory{static_cast<TensorMemoryLayout>(memory_layout), static_cast<BufferType>(type), std::nullopt};
    if (ranges > 0) {
        std::vector<CoreRange> grid;
        for (const auto* at = shards + 2; at < shards + 2 + 4 * ranges; at += 4) {
            grid.push_back({{at[0], at[1]}, {at[2], at[3]}});
        }
        memory.shards = ShardSpec{CoreRangeSet(grid), {shards[0], shards[1]}, static_cast<ShardOrientation>(column_major)};
    }
    other.back()++;
    return new Tensor(std::shared_ptr<TensorAttributes>(new TensorAttributes{
        Shape(shape), Shape(other), static_cast<DataType>(dtype), static_cast<Layout>(tile), MemoryConfig(std::move(memory)),
        handle ? handle->buffer : nullptr, handle ? StorageType::DEVICE : StorageType::HOST}));
}

void nn_give_back(void* tensor) { static_cast<Tensor*>(tensor)->attributes().buffer.reset(); }
void nn_say_other(void* tensor) { static_cast<Tensor*>(tensor)->attributes().says_other = true; }
std::uint64_t nn_texts() { return texts; }

void nn_operate(const char* name, const char* kinds, void* const* tensors, void* result) {
    std::vector<Tensor*> taken;
    for (; *tensors != nullptr; tensors++) {
        taken.push_back(static_cast<Tensor*>(*tensors));
    }
    auto arguments = arguments_of(kinds, taken.data());
    operate(name, arguments, *static_cast<Tensor*>(result));
}

// Threads that do the same at once.
void nn_operate_threads(const char* kinds, void* const* tensors, void* result, int threads, int rounds) {
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; t++) {
        workers.emplace_back([=] {
            for (int i = 0; i < rounds; i++) {
                nn_operate(("of_" + std::to_string(t)).c_str(), kinds, tensors, result);
            }
        });
    }
    for (auto& worker : workers) {
        worker.join();
    }
}
}
