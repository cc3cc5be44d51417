# SPDX-License-Identifier: Apache-2.0
"""Programs for the real ttnn, as people write them; what TT-Metal says after each operation is written down.

usage: workloads.py NAME (TTALLOC_WITNESS: where to)
"""
import contextlib
import sys
import threading

from witness import Held, Witness, ttnn

L1_SMALL_BYTES = 32768


def open_one(**more):
    device = ttnn.open_device(device_id=0, l1_small_size=L1_SMALL_BYTES, **more)
    return device, Witness([(device, [0])])


def rand(device, *shape, layout=ttnn.TILE_LAYOUT, memory=ttnn.DRAM_MEMORY_CONFIG):
    return ttnn.rand(shape, dtype=ttnn.bfloat16, layout=layout, device=device, memory_config=memory)


def empty(device, *shape, memory=ttnn.DRAM_MEMORY_CONFIG):
    """Allocated by no program."""
    return ttnn.empty(shape, dtype=ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device, memory_config=memory)


def norms():
    device, witness = open_one()
    x, weight = rand(device, 1, 1, 64, 1024), rand(device, 1, 1, 1, 1024)
    witness.look("tensors")
    for turn in range(2):
        y = witness.operation("layer_norm", lambda: ttnn.layer_norm(x, weight=weight, bias=weight))
        z = witness.operation("rms_norm", lambda: ttnn.rms_norm(x, weight=weight))
        witness.operation("softmax", lambda: ttnn.softmax(x, dim=-1))
        ttnn.deallocate(y)
        witness.look(f"turn {turn}")
        del z
    wide = rand(device, 1, 1, 32, 8192)
    witness.operation("wide", lambda: ttnn.layer_norm(wide))
    ttnn.close_device(device)


def matmuls():
    device, witness = open_one()
    x, weight, bias = rand(device, 1, 1, 512, 1024), rand(device, 1, 1, 1024, 1024), rand(device, 1, 1, 1, 1024)
    kept = [witness.operation("matmul", lambda: ttnn.matmul(x, weight)),
            witness.operation("linear", lambda: ttnn.linear(x, weight, bias=bias, activation="gelu")),
            witness.operation("into L1", lambda: ttnn.matmul(x, weight, memory_config=ttnn.L1_MEMORY_CONFIG)),
            witness.operation("matmul", lambda: ttnn.matmul(x, weight))]
    ttnn.deallocate(kept[2])
    witness.look("freed")
    ttnn.close_device(device)


def sharded():
    device, witness = open_one()
    shape, grid = (1, 1, 256, 512), ttnn.CoreGrid(y=2, x=4)
    block, height = (ttnn.create_sharded_memory_config(shape, core_grid=grid, strategy=strategy)
                     for strategy in (ttnn.ShardStrategy.BLOCK, ttnn.ShardStrategy.HEIGHT))
    x = rand(device, *shape)
    a = witness.operation("to shards", lambda: ttnn.to_memory_config(x, block))
    b = witness.operation("add", lambda: ttnn.add(a, a))
    ttnn.deallocate(a)
    c = witness.operation("reshard", lambda: ttnn.to_memory_config(b, height))
    witness.operation("softmax", lambda: ttnn.softmax(c, dim=-1))
    witness.operation("interleaved", lambda: ttnn.sharded_to_interleaved(b))
    ttnn.close_device(device)


def conv():
    """Convolutions and pools keep tables of addresses in L1_SMALL."""
    device, witness = open_one()
    x = rand(device, 1, 1, 256, 32, layout=ttnn.ROW_MAJOR_LAYOUT)
    weight = ttnn.from_device(rand(device, 32, 32, 3, 3, layout=ttnn.ROW_MAJOR_LAYOUT))
    witness.look("tensors")
    for turn in range(2):
        y = ttnn.conv2d(input_tensor=x, weight_tensor=weight, device=device, in_channels=32, out_channels=32, batch_size=1,
                        input_height=16, input_width=16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
        witness.look(f"conv2d {turn}")
        z = ttnn.max_pool2d(x, batch_size=1, input_h=16, input_w=16, channels=32, kernel_size=[2, 2], stride=[2, 2],
                            padding=[0, 0], dilation=[1, 1])
        witness.look(f"max_pool2d {turn}")
        del y, z
    ttnn.close_device(device)


def attention():
    """A prefill, then a token at a time into the cache of keys and values."""
    device, witness = open_one()
    keys, values = rand(device, 1, 8, 128, 64), rand(device, 1, 8, 128, 64)
    q, k, v = (rand(device, 1, 8, 64, 64) for _ in range(3))
    witness.look("tensors")
    witness.operation("prefill", lambda: ttnn.transformer.scaled_dot_product_attention(q, k, v, is_causal=True))
    ttnn.fill_cache(keys, k, 0)
    ttnn.fill_cache(values, v, 0)
    witness.look("filled")
    for token in range(64, 68):
        new = rand(device, 1, 8, 1, 64)
        ttnn.update_cache(keys, new, token)
        ttnn.update_cache(values, new, token)
        scores = ttnn.matmul(new, ttnn.transpose(keys, -1, -2))
        weights = ttnn.softmax(scores, dim=-1)
        ttnn.matmul(weights, values)
        witness.look(f"token {token}")
    ttnn.close_device(device)


def training():
    """Two layers, forwards, backwards, and a step of the optimizer; one loss is kept each time: a leak."""
    device, witness = open_one()
    weights = [rand(device, 256, 256) for _ in range(2)]
    losses = []
    for step in range(4):
        x = rand(device, 64, 256)
        hidden = ttnn.matmul(x, weights[0])
        active = ttnn.gelu(hidden)
        out = ttnn.matmul(active, weights[1])
        losses.append(ttnn.mean(out))
        witness.look(f"forward {step}")
        gradients = [ttnn.matmul(ttnn.transpose(active, -1, -2), out)]
        back = ttnn.gelu_bw(ttnn.matmul(out, ttnn.transpose(weights[1], -1, -2)), hidden)[0]
        gradients.insert(0, ttnn.matmul(ttnn.transpose(x, -1, -2), back))
        witness.look(f"backward {step}")
        weights = [ttnn.subtract(weight, ttnn.multiply(gradient, 0.01)) for weight, gradient in zip(weights, gradients)]
        witness.look(f"step {step}")
    ttnn.close_device(device)


def on_mesh(rows, columns):
    mesh = ttnn.open_mesh_device(ttnn.MeshShape(rows, columns))
    witness = Witness([(mesh, list(range(rows * columns)))])
    x, weight = rand(mesh, 1, 1, 128, 512), rand(mesh, 1, 1, 512, 512)
    witness.look("tensors")
    y = witness.operation("matmul", lambda: ttnn.matmul(x, weight))
    z = witness.operation("softmax into L1", lambda: ttnn.softmax(ttnn.to_memory_config(y, ttnn.L1_MEMORY_CONFIG), dim=-1))
    ttnn.deallocate(y)
    ttnn.deallocate(z)
    witness.look("freed")
    ttnn.close_mesh_device(mesh)


def mesh4():
    on_mesh(2, 2)


def mesh8():
    on_mesh(2, 4)


def submeshes():
    """Parent and submesh give out the same addresses, of allocators of their own. (The mock device cannot be closed when both
    have run programs.)"""
    mesh = ttnn.open_mesh_device(ttnn.MeshShape(2, 2))
    top = mesh.create_submesh(ttnn.MeshShape(1, 2), ttnn.MeshCoordinate(0, 0))
    bottom = mesh.create_submesh(ttnn.MeshShape(1, 2), ttnn.MeshCoordinate(1, 0))
    witness = Witness([(mesh, [0, 1, 2, 3]), (top, [0, 1]), (bottom, [2, 3])])
    first, second, third = (empty(device, 1, 1, rows, 256) for device, rows in ((mesh, 256), (top, 512), (bottom, 128)))
    witness.look("tensors")
    small = empty(top, 1, 1, 64, 64, memory=ttnn.L1_MEMORY_CONFIG)
    witness.look("in L1")
    large = empty(mesh, 1, 1, 8192, 4096, memory=ttnn.L1_MEMORY_CONFIG)
    witness.look("the parent's in L1")
    for name, device in (("the parent has", mesh), ("a submesh has", top)):
        witness.failure(f"more than {name}", lambda: empty(device, 1, 1, 32768, 4096, memory=ttnn.L1_MEMORY_CONFIG))
    for name, tensor in (("large", large), ("parent's", first), ("top's", second), ("small", small), ("bottom's", third)):
        ttnn.deallocate(tensor)
        witness.look(f"{name} freed")
    ttnn.close_mesh_device(mesh)


def one_board():
    """One of two processes, each of which sees one board, and calls it 0."""
    device, witness = open_one()
    x = rand(device, 1, 1, 64, 512)
    y = witness.operation("gelu", lambda: ttnn.gelu(x))
    witness.operation("add", lambda: ttnn.add(x, y))
    ttnn.close_device(device)


def threads():
    """Each thread has tensors and operations of its own; looked at while they wait for each other. Everything that reaches the
    device takes turns: 0.75.0 fills its cache of programs without a lock, and hangs or throws by itself in one run of eight."""
    device, witness = open_one()
    barrier, turn_of_one = threading.Barrier(4), threading.Lock()

    def run(number):
        kept = []
        for turn in range(3):
            with turn_of_one:
                x = rand(device, 1, 1, 32 * (number + 1), 256)
                kept.append(ttnn.gelu(ttnn.add(x, x)))
            barrier.wait()
            if number == 0:
                witness.look(f"turn {turn}")
            barrier.wait()

    workers = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    witness.look("ended")
    ttnn.close_device(device)


def cache_cleared():
    device, witness = open_one()
    x = rand(device, 1, 1, 128, 512)
    for turn in range(3):
        y = ttnn.softmax(ttnn.gelu(x), dim=-1)
        ttnn.deallocate(y)
        witness.look(f"turn {turn}")
        device.clear_program_cache()
        witness.look(f"cleared {turn}")
    device.disable_and_clear_program_cache()
    for turn in range(2):
        ttnn.gelu(x)
        witness.look(f"without {turn}")
    ttnn.close_device(device)


def on_cores(device, x0, y0, x1, y1, rows=32, how="in lockstep"):
    """Shards on a rectangle of cores: at one address everywhere, at one on these cores alone, or at one on each of them."""
    cores = ttnn.CoreRangeSet({ttnn.CoreRange(ttnn.CoreCoord(x0, y0), ttnn.CoreCoord(x1, y1))})
    config = ttnn.MemoryConfig(ttnn.TensorMemoryLayout.HEIGHT_SHARDED, ttnn.BufferType.L1,
                               ttnn.ShardSpec(cores, [rows, 256], ttnn.ShardOrientation.ROW_MAJOR))
    if how == "each by itself":
        config.experimental_set_per_core_allocation(True)
    elif how == "in step":
        config.experimental_set_range_lockstep_allocation(True)
    tensor = empty(device, 1, 1, rows * (x1 - x0 + 1) * (y1 - y0 + 1), 256, memory=config)
    return Held(tensor, device, [(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)], rows * 256 * 2, how)


def hybrid():
    """A device that may give each core blocks of its own."""
    device, witness = open_one()
    held = witness.on_cores = []

    def hold(name, *cores, **more):
        held.append(on_cores(device, *cores, **more))
        witness.look(name)
        return held[-1]

    def let_go(name, tensor):
        held.remove(tensor)
        ttnn.deallocate(tensor.tensor)
        witness.look(f"{name} freed")

    first = hold("core 0", 0, 0, 0, 0, how="each by itself")
    second = hold("core 1", 1, 0, 1, 0, how="each by itself")
    hold("both", 0, 0, 1, 0, rows=64, how="each by itself")
    let_go("core 0", first)
    hold("eight, at two addresses", 0, 0, 3, 1, how="each by itself")
    hold("in lockstep", 0, 0, 1, 0)
    if hasattr(ttnn.MemoryConfig, "experimental_set_range_lockstep_allocation"):
        hold("in step on four", 4, 4, 5, 5, how="in step")
    hold("interleaved", 2, 0, 2, 0)
    for name, *cores, how in (("of cores that have some", 0, 0, 1, 0, "each by itself"),
                              ("of a core that has none", 6, 6, 6, 6, "each by itself"),
                              ("of all", 6, 6, 7, 7, "in lockstep")):
        witness.failure(name, lambda cores=cores, how=how: on_cores(device, *cores, rows=32 * 86, how=how))
    let_go("core 1", second)
    for tensor in list(held):
        let_go("another", tensor)
    ttnn.close_device(device)


def hybrid_mesh():
    """Each chip of a mesh has lists of its own for its cores; a submesh shares them."""
    mesh = ttnn.open_mesh_device(ttnn.MeshShape(2, 2))
    top = mesh.create_submesh(ttnn.MeshShape(1, 2), ttnn.MeshCoordinate(0, 0))
    witness = Witness([(mesh, [0, 1, 2, 3]), (top, [0, 1])])
    held = witness.on_cores = []
    for device, name, *cores in ((mesh, "all chips", 0, 0, 1, 0), (top, "two chips", 0, 0, 0, 0), (mesh, "again", 0, 0, 2, 1)):
        held.append(on_cores(device, *cores, how="each by itself"))
        witness.look(name)
    while held:
        ttnn.deallocate(held.pop(0).tensor)
        witness.look("freed")
    ttnn.close_mesh_device(mesh)


def failures():
    """Too much for DRAM and for L1, in one piece and of what is left; and programs that have no room."""
    device, witness = open_one()
    x, held = rand(device, 1, 1, 1024, 1024), []

    def hold(rows, columns, memory):
        return empty(device, 1, 1, rows, columns, memory=memory)

    witness.failure("DRAM at once", lambda: hold(1 << 17, 1 << 18, ttnn.DRAM_MEMORY_CONFIG))
    witness.failure("L1 at once", lambda: hold(1 << 14, 1 << 14, ttnn.L1_MEMORY_CONFIG))
    for rows in (20, 5, 1):
        def fill(rows=rows):
            while True:
                held.append(hold(32 * 130, 32 * rows, ttnn.L1_MEMORY_CONFIG))
        witness.failure(f"L1 by {rows}", fill)
    witness.failure("clash", lambda: ttnn.matmul(x, x))
    for tensor in held[::2]:
        ttnn.deallocate(tensor)
    witness.look("in pieces")
    witness.failure("L1 in pieces", lambda: hold(32 * 130, 32 * 40, ttnn.L1_MEMORY_CONFIG))
    ttnn.close_device(device)


def no_region():
    """A request for a region that the device was opened without; the program goes on."""
    device = ttnn.open_device(device_id=0)
    witness = Witness([(device, [0])])
    with contextlib.suppress(RuntimeError):
        empty(device, 1, 1, 32, 32, memory=ttnn.MemoryConfig(ttnn.TensorMemoryLayout.INTERLEAVED, ttnn.BufferType.L1_SMALL))
    witness.look("refused", failure={"region": "L1_SMALL", "size_bytes": 2048, "bank_bytes": 2048})  # of a bank: not known
    held = []
    for number in range(8):
        held.append(empty(device, 1, 1, 1024, 1024))
        witness.look(f"block {number}")
    ttnn.close_device(device)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
