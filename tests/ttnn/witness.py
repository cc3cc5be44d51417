# SPDX-License-Identifier: Apache-2.0
"""What TT-Metal itself says of its memory, written down by a recorded program after each of its operations.

One line of JSON a moment, into $TTALLOC_WITNESS. A moment's time lies between two calls, in which nothing is allocated.
"""
import json
import os
import re
import struct
import sys
import time
import types

os.environ.setdefault("LOGURU_LEVEL", "ERROR")

import ttnn  # noqa: E402
import ttnn._ttnn.reports as reports  # noqa: E402

# Captured operations are searched for tensors of torch, whether it is installed or not.
if "torch" not in sys.modules:
    sys.modules["torch"] = types.ModuleType("torch")
    sys.modules["torch"].Tensor = type("Tensor", (), {})

REGIONS = {"DRAM": ttnn.BufferType.DRAM, "L1": ttnn.BufferType.L1, "L1_SMALL": ttnn.BufferType.L1_SMALL}
TYPE_REGIONS = {value: name for name, value in REGIONS.items()}
SHARED_PROCESSES_AT, SHARED_PROCESS_BYTES, SHARED_PROCESSES = 856, 120, 64
OUT_OF_MEMORY = re.compile(
    r"Not enough space to allocate (?P<size_bytes>\d+) B (?P<region>\w+) buffer across (?P<banks>\d+) banks, where each "
    r"bank needs to store (?P<bank_bytes>\d+) B, but bank size is \d+ B \(allocated: (?P<allocated_bytes>\d+) B, free: "
    r"(?P<free_bytes>\d+) B, largest free block: (?P<largest_bytes>\d+) B\)")


# Where blocks lie on some cores alone: what is left of a bank beside those that are in the way.
PLACEABLE = re.compile(r"(?P<placeable>\d+) B remained placeable across \d+ window\(s\), largest (?P<largest>\d+) B")


class Held:
    """A tensor that lies on some cores alone, or in lockstep there."""

    def __init__(self, tensor, device, cores, bank_bytes, how):
        self.tensor, self.device, self.cores, self.bank_bytes, self.how = tensor, device, cores, bank_bytes, how

    def address_on(self, chip, core):
        if self.how != "each by itself":
            return self.tensor.buffer_address()
        columns, at = self.device.shape[1], ttnn.CoreCoord(*core)
        try:
            return self.tensor.experimental_per_core_buffer_address(ttnn.MeshCoordinate(chip // columns, chip % columns), at)
        except TypeError:  # before 0.78, which asks for no chip
            return self.tensor.experimental_per_core_buffer_address(at)

    def places(self):
        """[chip, x, y, address, bytes in the bank, whether its address is the same on all of its cores]"""
        return [[chip, *core, self.address_on(chip, core), self.bank_bytes, self.how == "in step"]
                for chip in range(self.device.get_num_devices()) for core in self.cores]


def shared_statistics(path):
    """Bytes of this process on a chip: DRAM, L1, L1_SMALL, by the file that TT-Metal keeps for tt-smi. None without it."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return None
    for slot in range(SHARED_PROCESSES):
        at = SHARED_PROCESSES_AT + slot * SHARED_PROCESS_BYTES
        pid, dram, l1, l1_small = struct.unpack_from("<I4x3Q", content, at)
        if pid == os.getpid():
            return {"DRAM": dram, "L1": l1, "L1_SMALL": l1_small}
    return None


def placed(nodes, kind, memory_of_others):
    """(device, size) of what a capture saw placed for programs, without what lies in memory of other blocks."""
    return [(node["params"]["device_id"], int(node["params"]["size"])) for node in nodes
            if node["node_type"] == kind and node["params"].get(memory_of_others, "0") == "0"]


class Witness:
    """The moments of one program. DEVICES: a name for each device (or mesh) that is open, and the chips that it has."""

    def __init__(self, chips_of):
        self.file = open(os.environ["TTALLOC_WITNESS"], "a", encoding="utf-8", buffering=1)
        self.chips_of = chips_of
        self.last_ns = time.monotonic_ns()
        self.seen = set()
        self.on_cores = None

    def write(self, **moment):
        self.file.write(json.dumps(moment) + "\n")

    def look(self, name, **more):
        """After the operation NAME: totals by bank, and each buffer."""
        started_ns = time.monotonic_ns()
        devices = [{
            "chips": chips,
            "totals": {region: ttnn.get_memory_view(device, kind).total_bytes_allocated_per_bank
                       for region, kind in REGIONS.items()},
            "buffers": sorted([TYPE_REGIONS[buffer.buffer_type], buffer.address, buffer.max_size_per_bank]
                              for buffer in reports.get_buffers([device]) if buffer.buffer_type in TYPE_REGIONS),
        } for device, chips in self.chips_of]
        if self.on_cores is not None:
            more["alone"] = [place for held in self.on_cores if held.how != "in lockstep" for place in held.places()]
        first_id = int(os.environ.get("TTALLOC_FIRST_CHIP_ID", "0"))
        shared = {chip: shared_statistics(f"/dev/shm/tt_device_{first_id + chip}_memory")
                  for _, chips in self.chips_of for chip in chips}
        at_ns = (started_ns + time.monotonic_ns()) // 2
        self.write(name=name, after_ns=self.last_ns, at_ns=at_ns, devices=devices, shared=shared, **more)
        self.last_ns = at_ns

    def operation(self, name, function):
        """Runs FUNCTION under a capture and looks. Its program's memory is asked for in a run without dispatch before, the
        first time; what that says is true of a real run if a program had to be made for it."""
        graph, promised, tried_ns = ttnn.graph, [], time.monotonic_ns()
        if name not in self.seen:
            self.seen.add(name)
            graph.begin_graph_capture(graph.RunMode.NO_DISPATCH)
            try:
                function()
            finally:
                promised = placed(graph.end_graph_capture(), "dataflow_buffer_allocate", "borrows_memory")
        started_ns = time.monotonic_ns()
        graph.begin_graph_capture(graph.RunMode.NORMAL)
        try:
            result = function()
        finally:
            circular = placed(graph.end_graph_capture(), "circular_buffer_allocate", "globally_allocated")
        self.look(name, tried_ns=tried_ns, started_ns=started_ns, circular=circular, dataflow=[size for _, size in promised])
        return result

    def failure(self, name, function):
        """FUNCTION has to run out of memory; what TT-Metal says of that."""
        try:
            function()
        except RuntimeError as error:
            found = OUT_OF_MEMORY.search(str(error))
            if found:
                self.look(name, failure={key: value if key == "region" else int(value) for key, value in found.groupdict().items()})
            else:
                placeable = PLACEABLE.search(str(error))
                more = {key: int(value) for key, value in placeable.groupdict().items()} if placeable else {}
                clash = "clash" in str(error) or "beyond max L1" in str(error)
                self.look(name, failure={"clash": clash, "text": str(error)[:2000], **more})
            return
        raise AssertionError(f"{name} found enough memory")
