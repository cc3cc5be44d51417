/* SPDX-License-Identifier: Apache-2.0
 *
 * upstream.h - what the preload knows about TT-Metal's binaries: names and offsets, each with the upstream
 * commit (tenstorrent/tt-metal) from which it holds, or in which it was read. Nothing else in hook/ depends on
 * upstream.
 */
#ifndef TTALLOC_TT_METAL_UPSTREAM_H
#define TTALLOC_TT_METAL_UPSTREAM_H

/* ---- Functions that are interposed, Itanium mangling (g++ and clang++ agree) ---- */

/* a9328e67c7 (2025-03-12): the inline namespace v0 goes, and with it the "2v0" in these names. */
#define TT_TRACK_ALLOCATE "_ZN2tt8tt_metal12GraphTracker14track_allocateEPKNS0_6BufferE"
#define TT_TRACK_DEALLOCATE "_ZN2tt8tt_metal12GraphTracker16track_deallocateEPNS0_6BufferE"
#define TT_TRACK_DEALLOCATE_CB "_ZN2tt8tt_metal12GraphTracker19track_deallocate_cbEPKNS0_7IDeviceE"
#define TT_TRACK_PROGRAM "_ZN2tt8tt_metal12GraphTracker13track_programEPNS0_7ProgramEPKNS0_7IDeviceE"
/* a9328e67c7 (2025-03-12) to e9debc3116 (2025-11-07), which moves CoreRangeSet into tt::tt_metal. */
#define TT_TRACK_ALLOCATE_CB_GLOBAL                                                                                    \
	"_ZN2tt8tt_metal12GraphTracker17track_allocate_cbERK12CoreRangeSetmmbPKNS0_7IDeviceE"
/* e9debc3116 (2025-11-07) */
#define TT_TRACK_ALLOCATE_CB "_ZN2tt8tt_metal12GraphTracker17track_allocate_cbERKNS0_12CoreRangeSetEmmbPKNS0_7IDeviceE"
/* Asked after track_program; true when the program will not run. a9328e67c7 (2025-03-12) */
#define TT_HOOK_PROGRAM "_ZN2tt8tt_metal12GraphTracker12hook_programEPNS0_7ProgramE"
#define TT_GRAPH_TRACKER "_ZN2tt8tt_metal12GraphTracker8instanceEv"
/* 58509621342 (after 2026-06): called for programs that are hooked, never for those that run. */
#define TT_TRACK_DATAFLOW_BUFFER                                                                                       \
	"_ZN2tt8tt_metal12GraphTracker30track_allocate_dataflow_bufferERKNS0_12CoreRangeSetEmmbPKNS0_7IDeviceE"
#define TT_TRACK_SCRATCHPAD                                                                                            \
	"_ZN2tt8tt_metal12GraphTracker25track_allocate_scratchpadERKNS0_12CoreRangeSetEmmPKNS0_7IDeviceE"
/* 025138fbf9 (2025): class Allocator. 622c6fb9c0 (2026-06-23; since 2025-12): class AllocatorImpl. */
#define TT_ALLOCATE_BUFFER "_ZN2tt8tt_metal9Allocator15allocate_bufferEPNS0_6BufferE"
#define TT_DEALLOCATE_BUFFERS "_ZN2tt8tt_metal9Allocator18deallocate_buffersEv"
#define TT_IMPL_ALLOCATE_BUFFER "_ZN2tt8tt_metal13AllocatorImpl15allocate_bufferEPNS0_6BufferE"
#define TT_IMPL_DEALLOCATE_BUFFERS "_ZN2tt8tt_metal13AllocatorImpl18deallocate_buffersEv"
/* 00e257450c (2025): Program's destructor is out of line. Both names have one body. */
#define TT_PROGRAM_END "_ZN2tt8tt_metal7ProgramD1Ev"
#define TT_PROGRAM_END_BASE "_ZN2tt8tt_metal7ProgramD2Ev"

/* 70d9a5c4c5 (2025) to 0.81.1 (2026-11): what a program places in L1, each called when it is compiled for a device;
 * those of dataflow buffers since 0.67.4, of scratchpads since 0.75.0. Until 2025 the class was Program_. */
#define TT_PROGRAM_IMPL "_ZN2tt8tt_metal6detail11ProgramImpl"
#define TT_PROGRAM_CONST "_ZNK2tt8tt_metal6detail11ProgramImpl"
#define TT_DEVICE_ARGUMENT "EPKNS0_7IDeviceE"
#define TT_ALLOCATE_CIRCULAR_BUFFERS TT_PROGRAM_IMPL "25allocate_circular_buffers" TT_DEVICE_ARGUMENT
#define TT_ALLOCATE_DATAFLOW_BUFFERS TT_PROGRAM_IMPL "25allocate_dataflow_buffers" TT_DEVICE_ARGUMENT
/* They throw when what was placed has no room. */
#define TT_VALIDATE_CIRCULAR_BUFFERS TT_PROGRAM_IMPL "31validate_circular_buffer_region" TT_DEVICE_ARGUMENT
#define TT_VALIDATE_DATAFLOW_BUFFERS TT_PROGRAM_IMPL "31validate_dataflow_buffer_region" TT_DEVICE_ARGUMENT
#define TT_ALLOCATE_SCRATCHPADS TT_PROGRAM_IMPL "20allocate_scratchpads" TT_DEVICE_ARGUMENT
/* The last thing that a program does. Both names have one body. */
#define TT_PROGRAM_IMPL_END TT_PROGRAM_IMPL "D1Ev"
#define TT_PROGRAM_IMPL_END_BASE TT_PROGRAM_IMPL "D2Ev"

/* 0.66.0 to 0.81.1 (2026-11): traces of MeshDevice. ARGUMENTS are a queue, by number ("Eh") or, since 0.78.0, itself.
 */
#define TT_MESH_DEVICE "_ZN2tt8tt_metal11distributed10MeshDevice"
#define TT_TRACE_ID "RKN4ttsl10StrongTypeIjNS1_14MeshTraceIdTagEEE"
#define TT_BEGIN_TRACE(ARGUMENTS) TT_MESH_DEVICE "16begin_mesh_trace" ARGUMENTS
#define TT_END_TRACE(ARGUMENTS) TT_MESH_DEVICE "14end_mesh_trace" ARGUMENTS
#define TT_REPLAY_TRACE(ARGUMENTS) TT_MESH_DEVICE "17replay_mesh_trace" ARGUMENTS
#define TT_RELEASE_TRACE TT_MESH_DEVICE "18release_mesh_traceE" TT_TRACE_ID
#define TT_QUEUE_NUMBER "Eh"
#define TT_QUEUE_ITSELF "ERNS1_16MeshCommandQueueE"

/* ---- Functions that are called ---- */

/* 00ef79b53c (2025); all out of line since a9328e67c7 (2025-03-12) and before. */
#define TT_BUFFER_ADDRESS "_ZNK2tt8tt_metal6Buffer7addressEv"
#define TT_BUFFER_PAGE_SIZE "_ZNK2tt8tt_metal6Buffer9page_sizeEv"
#define TT_BUFFER_NUM_PAGES "_ZNK2tt8tt_metal6Buffer9num_pagesEv"
#define TT_BUFFER_SIZE_PER_BANK "_ZNK2tt8tt_metal6Buffer21aligned_size_per_bankEv"
/* Hybrid allocation, releases 0.70.1 to 0.81.1 (2026-11); the addresses are a struct tt_core_map. */
#define TT_BUFFER_IS_PER_CORE                                                                                          \
	"_ZN2tt8tt_metal12experimental19per_core_allocation22is_per_core_allocationERKNS0_6BufferE"
#define TT_BUFFER_PER_CORE_ADDRESSES                                                                                   \
	"_ZN2tt8tt_metal12experimental19per_core_allocation22get_per_core_addressesERKNS0_6BufferE"
/* 0.81.1 (2026-11): one address, taken on the cores of its shards alone, which shard_spec() begins with. */
#define TT_BUFFER_IS_RANGE_LOCKSTEP                                                                                    \
	"_ZN2tt8tt_metal12experimental25range_lockstep_allocation28is_range_lockstep_allocationERKNS0_6BufferE"
#define TT_BUFFER_HAS_SHARD_SPEC "_ZNK2tt8tt_metal6Buffer14has_shard_specEv"
#define TT_BUFFER_SHARD_SPEC "_ZNK2tt8tt_metal6Buffer10shard_specEv"
/* CLASS is 9Allocator or 13AllocatorImpl, as above. */
#define TT_NUM_BANKS(CLASS) "_ZNK2tt8tt_metal" CLASS "13get_num_banksERKNS0_10BufferTypeE"
#define TT_BANK_SIZE(CLASS) "_ZNK2tt8tt_metal" CLASS "13get_bank_sizeERKNS0_10BufferTypeE"
#define TT_BASE_ADDRESS(CLASS) "_ZNK2tt8tt_metal" CLASS "23get_base_allocator_addrERKNS0_10HalMemTypeE"
#define TT_ALIGNMENT(CLASS) "_ZNK2tt8tt_metal" CLASS "13get_alignmentENS0_10BufferTypeE"
/* Gives a struct tt_statistics. 622c6fb9c0 (2026-06-23); in all releases from 0.66.0 (2025-12) on. */
#define TT_STATISTICS(CLASS) "_ZNK2tt8tt_metal" CLASS "14get_statisticsERKNS0_10BufferTypeE"
/* 622c6fb9c0 (2026-06-23) and samples since 2025-01 */
#define TT_MESH_DEVICES "_ZNK2tt8tt_metal11distributed10MeshDevice11get_devicesEv"
/* 0.66.0 to 0.81.1 (2026-11): a const MeshShape &, which begins as struct tt_numbers. */
#define TT_MESH_SHAPE "_ZNK2tt8tt_metal11distributed10MeshDevice5shapeEv"
#define TT_OPERATOR_DELETE "_ZdlPv"
/* Of the driver, UMD, inside libtt_metal's own library or beside it; called by libtt_metal. 0.66.0 to 0.81.1 (2026-11):
 * a const std::unordered_map<int, uint64_t> &. Since 0.78.0 it says whether it made the ids up. */
#define TT_CHIP_UNIQUE_IDS "_ZNK2tt3umd17ClusterDescriptor19get_chip_unique_idsEv"
#define TT_CHIP_IDS_ARE_AUTHENTIC "_ZNK2tt3umd17ClusterDescriptor29has_authentic_chip_unique_idsEv"
/* Since dataflow buffers are there: a const std::vector<std::shared_ptr<DataflowBufferImpl>> &. */
#define TT_DATAFLOW_BUFFERS TT_PROGRAM_CONST "16dataflow_buffersEv"
#define TT_STANDARD_EXCEPTION "_ZTISt9exception"

/* ---- Classes, by their run-time type's name ---- */

/* 001b6f9404 (2025) and samples 2025-01 to 2026-06; IDevice is the first base of both. */
#define TT_CLASS_CHIP "N2tt8tt_metal6DeviceE"
#define TT_CLASS_MESH "N2tt8tt_metal11distributed10MeshDeviceE"
/* IDevice's virtual functions begin: destructor (2 slots), arch(), id(). */
#define TT_SLOT_ARCH 2
#define TT_SLOT_ID 3

/* The algorithm of all allocators; its base class begins with bank bytes, base address, smallest block and alignment,
 * 8 bytes each, behind the table of functions. Releases 0.66.0 (2025-12) to 0.81.1 (2026-10) */
#define TT_CLASS_FREE_LIST "N2tt8tt_metal9allocator11FreeListOptE"
#define TT_FREE_LIST_ALLOCATE "_ZN2tt8tt_metal9allocator11FreeListOpt8allocateEmbm"
#define TT_FREE_LIST_ALLOCATE_AT "_ZN2tt8tt_metal9allocator11FreeListOpt19allocate_at_addressEmm"
#define TT_FREE_LIST_DEALLOCATE "_ZN2tt8tt_metal9allocator11FreeListOpt10deallocateEm"
#define TT_FREE_LIST_CLEAR "_ZN2tt8tt_metal9allocator11FreeListOpt5clearEv"
#define TT_FREE_LIST_SIZE "_ZNK2tt8tt_metal9allocator11FreeListOpt19get_allocation_sizeEm"
/* How many virtual functions it has, and which of them, from 0, are allocate, allocate_at_address, deallocate, clear,
 * and get_statistics (0: not asked): before them come two destructors, init, and functions that tell something, after
 * them others. */
#define TT_FREE_LIST_ORDERS(ROW)                                                                                       \
	/* 0.78.0 (2026) to 0.81.1, and JAX's plugin 0.1.3 */                                                          \
	ROW(16, 6, 7, 8, 9, 10)                                                                                        \
	/* 0.70.1 (2026) to 0.75.0: get_allocation_size comes before them */                                           \
	ROW(15, 6, 7, 8, 9, 10)                                                                                        \
	/* 0.66.0 (2025-12) */                                                                                         \
	ROW(14, 5, 6, 7, 8, 0)

/* Processors, which the tracker tells of what happens: its stack of them, since 0.75.0 one for each thread (then there
 * is TT_PROCESSORS), and upstream's own, of ttnn. is_capture_processor() is there since 0.70.1 (2026). 0.81.1 (2026-11)
 */
#define TT_PROCESSORS "_ZN2tt8tt_metal12GraphTracker10processorsE"
#define TT_GET_PROCESSORS "_ZNK2tt8tt_metal12GraphTracker14get_processorsEv"
#define TT_PUSH_PROCESSOR "_ZN2tt8tt_metal12GraphTracker14push_processorERKSt10shared_ptrINS0_15IGraphProcessorEE"
#define TT_TRACKER_IS_ENABLED "_ZNK2tt8tt_metal12GraphTracker10is_enabledEv"
#define TT_GET_HOOK "_ZNK2tt8tt_metal12GraphTracker8get_hookEv"
#define TT_PROCESSOR_TABLE "_ZTVN2tt8tt_metal15IGraphProcessorE"
#define TT_TTNN_PROCESSOR_TABLE "_ZTVN4ttnn5graph14GraphProcessorE"
#define TT_TTNN_PROCESSOR "_ZN4ttnn5graph14GraphProcessor"
#define TT_PROCESSOR_BEGIN                                                                                             \
	TT_TTNN_PROCESSOR "20track_function_startESt17basic_string_viewIcSt11char_traitsIcEE"                          \
	                  "St4spanIN2tt8tt_metal15TrackedArgumentELm18446744073709551615EE"
#define TT_PROCESSOR_END TT_TTNN_PROCESSOR "18track_function_endEv"
#define TT_PROCESSOR_END_WITH_RESULT TT_TTNN_PROCESSOR "18track_function_endERKSt3any"
/* Tensors, in ttnn since 0.78.0 (2026), and how large one is. 0.70.1 to 0.81.1 (2026-11) */
#define TT_CLASS_TENSOR "N4ttnn6TensorE"
#define TT_CLASS_TENSOR_OLD "N2tt8tt_metal6TensorE"
#define TT_TENSOR_FUNCTIONS "4ttnn6Tensor"
#define TT_TENSOR_FUNCTIONS_OLD "2tt8tt_metal6Tensor"
#define TT_TENSOR_BYTES 24
#define TT_TENSOR_BYTES_OLD 40
#define TT_STORAGE_DEVICE 1
/* An exported function of MemoryConfig since its members are behind a pointer, 0.78.0. */
#define TT_MEMORY_LAYOUT "_ZNK2tt8tt_metal12MemoryConfig13memory_layoutEv"
/* In the place of a result: the operation was left by an exception. A std::string, then whether all that are open were.
 * 0.81.1 (2026-11); before, nobody tells. */
#define TT_CLASS_FUNCTION_ABORT "N2tt8tt_metal8internal18GraphFunctionAbortE"
#define TT_ABORT_ALL 32

/* What DRAM is read in, and what blocks of DRAM and L1 are therefore multiples of. 622c6fb9c0 (2026-06-23) */
#define TT_DRAM_ALIGNMENT_WORMHOLE 32
#define TT_DRAM_ALIGNMENT_BLACKHOLE 64

/* ---- Enumerations ---- */

/* BufferType is ours (enum ttalloc_region). TensorMemoryLayout: 0 interleaved, 1 single bank (until 2025), then the
 * sharded ones. HalMemType: 0 L1, 1 DRAM. tt::ARCH: 2 Wormhole B0, 3 Blackhole. 622c6fb9c0 (2026-06-23) */
#define TT_LAYOUT_INTERLEAVED 0
#define TT_LAYOUT_FIRST_SHARDED 2
#define TT_LAYOUT_LAST 5
#define TT_MEMORY_L1 0
#define TT_MEMORY_DRAM 1
#define TT_ARCH_WORMHOLE_B0 2
#define TT_ARCH_BLACKHOLE 3

/* Kernel binaries are DRAM buffers, placed top-down, in pages of this size (PROGRAM_PAGE_SIZE). 622c6fb9c0 */
#define TT_KERNEL_BINARY_PAGE_BYTES 2048

/* ---- Members of class Buffer, x86-64, libstdc++: byte offsets ---- */

/* HOLDER: where in Buffer the pointer to the object with these members lies; -1: Buffer has them itself. HOOKED: -1:
 * there is no such member. SUB_DEVICE is an optional of one byte: value, then whether it has one.
 *
 *       holder device size type layout bottom_up sub_device allocator hooked address page_size */
#define TT_BUFFER_LAYOUTS(ROW)                                                                                         \
	/* a9328e67c7 (2025-03-12), samples of that spring: a mutex and a condition before the page size */            \
	ROW(-1, 0, 8, 16, 20, 24, 25, 48, -1, 64, 168)                                                                 \
	/* until 2914f22bea (2025-06-20): without them, and with hooked_allocation_ */                                 \
	ROW(-1, 0, 8, 16, 20, 24, 25, 48, 57, 64, 72)                                                                  \
	/* 2914f22bea (2025-06-20), 58eb2b3b4b, 00ef79b53c, 622c6fb9c0 (2026-06-23): enable_shared_from_this */        \
	ROW(-1, 16, 24, 32, 36, 40, 41, 64, 73, 80, 88)                                                                \
	/* 33df036fd3 (2026): the members move to class BufferImpl, behind a unique_ptr */                             \
	ROW(16, 0, 8, 16, 20, 24, 25, 48, 57, 64, 72)

/* ---- Members of class ProgramImpl and of what it holds, x86-64, libstdc++: byte offsets ---- */

/* ALLOCATORS: where its std::vector of allocators lies, from the one of its dataflow buffers; the other columns are of
 * class DataflowBufferImpl. LOOKUP is where its unordered_map of cores has its first node: a pointer to the next node,
 * a core, two numbers, the second of which is the address. ALIAS is an optional of four bytes: value, then whether it
 * has one; who has one lies where another one does.
 *
 *       allocators id cores entry_size entries borrows lookup borrowed_address alias */
#define TT_PROGRAM_LAYOUTS(ROW)                                                                                        \
	/* 0.78.0 (2026) */                                                                                            \
	ROW(432, 0, 16, 40, 44, 118, 168, 232, 236)                                                                    \
	/* 0.79.0 (2026) */                                                                                            \
	ROW(608, 0, 16, 40, 44, 118, 168, 232, 236)                                                                    \
	/* 0.80.0 (2026) */                                                                                            \
	ROW(568, 0, 16, 40, 44, 106, 160, 224, 228)                                                                    \
	/* 0.81.1 (2026-11) */                                                                                         \
	ROW(568, 0, 16, 40, 44, 114, 168, 232, 248)

/* CircularBufferAllocator: a range of cores, and what is taken there, from the lowest address up. */
struct tt_l1_allocator {
	struct {
		uint64_t x0, y0, x1, y1;
	} cores;
	struct {
		const struct tt_l1_span *begin, *end, *capacity_end;
	} taken;
};
struct tt_l1_span {
	uint64_t begin, end;
};

/* MeshCoordinate, and the beginning of MeshShape, where ones stand before the numbers of a shape: a vector that has its
 * first numbers in itself. MeshCoordinateRange begins with two coordinates; MeshWorkload maps such ranges to Programs,
 * in nodes where the range begins so many bytes before its Program. 0.66.0, 0.75.0 and 0.81.1 (2026-11) */
#define TT_RANGE_BEFORE_PROGRAM 240
struct tt_numbers {
	const uint32_t *values;
	uint32_t count, capacity;
	uint32_t here[8];
};

/* Members of CoreRangeSet: one std::vector<CoreRange> at 0. CoreRange: x and y of the first corner, then of the last,
 * 8 bytes each. 622c6fb9c0 (2026-06-23) and samples since 2025-01 */
struct tt_core_range {
	uint64_t x0, y0, x1, y1;
};

/* std::unordered_map<int, uint64_t> of libstdc++, and its nodes. */
struct tt_chip_node {
	const struct tt_chip_node *next;
	int32_t number; /* as the process counts its chips */
	uint64_t id;
};
struct tt_chip_map {
	const void *buckets;
	uint64_t bucket_count;
	const struct tt_chip_node *first;
};

/* std::unordered_map<CoreCoord, uint64_t>, where a core has an address. */
struct tt_core_node {
	const struct tt_core_node *next;
	uint64_t x, y, address;
};
struct tt_core_map {
	const void *buckets;
	uint64_t bucket_count;
	const struct tt_core_node *first;
	uint64_t count;
};

/* What TT-Metal shares with tt-smi is a file for each chip, /dev/shm/tt_device_ID_memory. 0.70.1 to 0.81.1 (2026-11),
 * and JAX's plugin 0.1.3 */
#define TT_SHARED_STATISTICS "/dev/shm/tt_device_"

/* std::vector of libstdc++. */
struct tt_vector {
	const void *begin, *end, *capacity_end;
};

/* Shape, where ones may stand before the dimensions, and the members of MemoryConfig. 0.70.1 to 0.81.1 (2026-11) */
struct tt_shape {
	struct tt_numbers numbers;
	uint64_t dimensions;
};
struct tt_memory {
	int32_t layout, type; /* TensorMemoryLayout, BufferType */
	struct {
		struct tt_vector grid; /* of struct tt_core_range */
		uint32_t shape[2];
		int32_t orientation;
	} shards;
	uint8_t is_sharded;
};

/* Of one region, in each bank. What is behind: in 0.66.0 (2025-12) a vector of addresses; elsewhere nothing. */
struct tt_statistics {
	uint64_t total_bytes, allocated_bytes, free_bytes, largest_free_bytes;
	struct tt_vector addresses;
	uint64_t room[8]; /* for what a version may add */
};

#endif
