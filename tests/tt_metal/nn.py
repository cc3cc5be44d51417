# SPDX-License-Identifier: Apache-2.0
"""Drives a stand-in's libttnn.so through ctypes, which loads it as Python loads ttnn: RTLD_LOCAL."""
import ctypes

U64, INT, POINTER = ctypes.c_uint64, ctypes.c_int, ctypes.c_void_p
DRAM, L1, SYSTEM_MEMORY, L1_SMALL, TRACE = range(5)
INTERLEAVED, HEIGHT_SHARDED, WIDTH_SHARDED, BLOCK_SHARDED = 0, 2, 3, 4


class NN:
    def __init__(self, place):
        self.library = ctypes.CDLL(f"{place}/libttnn.so", mode=ctypes.RTLD_LOCAL)
        for name, result, arguments in (
                ("nn_error", ctypes.c_char_p, []), ("nn_open_chip", POINTER, [INT]),
                ("nn_open_mesh", POINTER, [POINTER, INT]), ("nn_close", None, [POINTER]), ("nn_clear", None, [POINTER]),
                ("nn_buffer", POINTER, [POINTER, U64, U64, INT, INT, INT, INT]), ("nn_address", U64, [POINTER]),
                ("nn_free", None, [POINTER]), ("nn_program", POINTER, []),
                ("nn_add_cb", None, [POINTER, U64, U64, INT, INT, INT, INT]),
                ("nn_run", None, [POINTER, POINTER, INT]), ("nn_end_program", None, [POINTER]),
                ("nn_no_dispatch", None, [INT]), ("nn_tracker_calls", U64, []),
                ("nn_fail_next", None, [INT]), ("nn_fail_again", None, [POINTER]), ("nn_cancel", INT, [POINTER]),
                ("nn_threads", None, [POINTER, INT, INT]), ("nn_compile", INT, [POINTER, POINTER]),
                ("nn_add_cb_on", None, [POINTER, U64, POINTER, INT]), ("nn_add_dataflow", None, [POINTER] + [INT] * 7), ("nn_add_scratchpad", None, [POINTER] + [INT] * 5),
                ("nn_resize", None, [POINTER, INT]), ("nn_workload", POINTER, [POINTER, INT]),
                ("nn_run_workload", None, [POINTER, POINTER]), ("nn_end_workload", None, [POINTER]),
                ("nn_begin_trace", INT, [POINTER]), ("nn_end_trace", None, [POINTER, INT]),
                ("nn_operation", INT, [ctypes.c_char_p, INT, INT]), ("nn_begin_capture", None, [INT]),
                ("nn_end_capture", None, []), ("nn_is_enabled", INT, []), ("nn_operation_on_thread", None, []),
                ("nn_tensor", POINTER, [POINTER, POINTER, INT, INT, INT, INT, INT, POINTER, INT, INT]),
                ("nn_give_back", None, [POINTER]), ("nn_say_other", None, [POINTER]), ("nn_texts", U64, []),
                ("nn_operate", None, [ctypes.c_char_p, ctypes.c_char_p, POINTER, POINTER]),
                ("nn_operate_threads", None, [ctypes.c_char_p, POINTER, POINTER, INT, INT]),
                ("nn_replay", None, [POINTER, INT]), ("nn_release", None, [POINTER, INT])):
            function = getattr(self.library, name, None)
            if function is None:
                continue  # older generations have none
            function.restype, function.argtypes = result, arguments
            setattr(self, "make_tensor" if name == "nn_tensor" else name[3:], function)

    def open_mesh_of(self, chips):
        return self.open_mesh((POINTER * len(chips))(*chips), len(chips))

    def workload_of(self, programs):
        return self.workload((POINTER * len(programs))(*programs), len(programs))

    def tensor_of(self, buffer, dimensions, dtype=0, tile=1, layout=INTERLEAVED, region=DRAM, shard=(), grid=(), column_major=0):
        """A tensor in BUFFER; None: on the host. GRID: four numbers for each range of cores, each of which has a SHARD."""
        numbers = [*shard, *(number for cores in grid for number in cores)]
        return self.make_tensor(buffer, (ctypes.c_uint32 * len(dimensions))(*dimensions), len(dimensions), dtype, tile, layout,
                                region, (ctypes.c_uint32 * len(numbers))(*numbers), len(grid), column_major)

    def add_cb_apart(self, program, size, cores):
        """A circular buffer on CORES, each of which is a range for itself."""
        numbers = [number for core in cores for number in core]
        self.add_cb_on(program, size, (ctypes.c_uint32 * len(numbers))(*numbers), len(cores))

    def operation_on(self, name, kinds, tensors, result):
        """One that takes TENSORS in arguments of these KINDS (tensor.cpp), and gives RESULT."""
        self.operate(name.encode(), kinds.encode(), (POINTER * (len(tensors) + 1))(*tensors), result)

    def tensor(self, device, size, page=2048, region=DRAM, layout=INTERLEAVED, bottom_up=None, cores=0):
        """A buffer, placed as TT-Metal does by default: DRAM from below, L1 from above."""
        up = region in (DRAM, TRACE) if bottom_up is None else bottom_up
        return self.buffer(device, size, page, region, layout, int(up), cores)


def count(what):
    """A counter of the preload: 0 placed, 1 served, 2 hooked, 3 refused."""
    function = ctypes.CDLL(None).ttalloc_tt_metal_count
    function.restype, function.argtypes = U64, [ctypes.c_uint32]
    return function(what)
