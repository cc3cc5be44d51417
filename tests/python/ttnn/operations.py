# SPDX-License-Identifier: Apache-2.0
"""What the operations do."""
import sys

import ttnn
from ttnn.decorators import FastOperation, Operation


def add(size):
    ttnn.device.place(size)
    return size


def softmax(size):
    ttnn.device.place(size)
    return ttnn.add(size + 1)


def power(size, depth):
    """Calls itself."""
    ttnn.device.place(size)
    return ttnn.transformer.power(size + 1, depth - 1) if depth else size


def fail(size):
    ttnn.device.place(size)
    raise ValueError("the operation failed")


def register():
    kind = FastOperation if ttnn.CONFIG.enable_fast_runtime_mode else Operation
    sys.modules["ttnn.transformer"] = ttnn.transformer
    for module, function in ((ttnn, add), (ttnn, fail), (ttnn.transformer, softmax), (ttnn.transformer, power)):
        setattr(module, function.__name__, kind(f"{module.__name__}.{function.__name__}", function))
