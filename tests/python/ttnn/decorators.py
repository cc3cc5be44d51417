# SPDX-License-Identifier: Apache-2.0
"""The two classes of operations."""
import dataclasses
from typing import Callable

import ttnn

HOOKS = []


@dataclasses.dataclass
class FastOperation:
    python_fully_qualified_name: str
    function: Callable

    @property
    def __name__(self):
        return self.python_fully_qualified_name

    def __hash__(self):
        return hash(self.python_fully_qualified_name)

    def __call__(self, *function_args, **function_kwargs):
        """What a fast operation does."""
        if not ttnn.CONFIG.enable_fast_runtime_mode:
            return Operation(self.python_fully_qualified_name, self.function)(*function_args, **function_kwargs)
        return self.function(*function_args, **function_kwargs)


@dataclasses.dataclass
class Operation:
    python_fully_qualified_name: str
    function: Callable

    @property
    def __name__(self):
        return self.python_fully_qualified_name

    def __hash__(self):
        return hash(self.python_fully_qualified_name)

    def __call__(self, *function_args, **function_kwargs):
        """What a slow operation does."""
        for hook in HOOKS:
            hook(self, function_args, function_kwargs)
        return self.function(*function_args, **function_kwargs)
