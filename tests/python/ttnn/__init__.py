# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the ttnn package: operations of both of its classes, which place a buffer through libttalloc.

Of ttnn it has what labels depend on: the two classes, how operations are registered in ttnn and its submodules, that a
fast operation hands itself to a slow one when slow mode is switched on, and that operations call others."""
import os
import types


class _Config:
    enable_fast_runtime_mode = os.environ.get("STANDIN_FAST", "1") == "1"


CONFIG = _Config()

from ttnn import device, decorators  # noqa: E402, F401  (they need CONFIG)
from ttnn.operations import register  # noqa: E402

transformer = types.ModuleType("ttnn.transformer")
register()
