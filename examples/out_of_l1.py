# SPDX-License-Identifier: Apache-2.0
"""A model whose activations stay in L1 until one does not fit: ttalloc-recorder --python-stacks -o run.db -- python out_of_l1.py"""
import ttnn

LAYERS, WIDTH = 24, 2048


def rand(device):
    return ttnn.rand((1, 1, WIDTH, WIDTH), dtype=ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device)


def forward(x, weights):
    kept = []
    for weight in weights:
        x = ttnn.linear(x, weight, activation="gelu", memory_config=ttnn.L1_MEMORY_CONFIG)
        kept.append(x)  # nobody needs them again
    return ttnn.softmax(x, dim=-1)


device = ttnn.open_device(device_id=0)
print(forward(rand(device), [rand(device) for _ in range(LAYERS)]).shape)
ttnn.close_device(device)
