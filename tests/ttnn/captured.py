# SPDX-License-Identifier: Apache-2.0
"""One of workloads.py, with what ttnn's own graph capture says of it, if $TTALLOC_CAPTURED names a file for that.

usage: captured.py NAME (TTALLOC_CAPTURED: where to)
"""
import json
import os
import sys

import witness
from witness import ttnn


class Witness:
    """Asks nothing, for asking is an operation of its own."""

    def __init__(self, chips_of):
        del chips_of

    def look(self, name, **more):
        pass

    def operation(self, name, function):
        return function()

    def failure(self, name, function):
        try:
            function()
        except RuntimeError:
            return
        raise AssertionError(f"{name} found enough memory")


def within_capture(opens, closes):
    """The program's one capture, of its main thread: from where a device is open until it is closed."""
    def begin(*arguments, **more):
        device = opens(*arguments, **more)
        ttnn.graph.begin_graph_capture(ttnn.graph.RunMode.NORMAL)
        return device

    def end(device):
        nodes = ttnn.graph.end_graph_capture()
        with open(os.environ["TTALLOC_CAPTURED"], "w", encoding="utf-8") as file:
            json.dump(nodes, file)
        closes(device)

    return begin, end


witness.Witness = Witness
import workloads  # noqa: E402  pylint: disable=wrong-import-position

if __name__ == "__main__":
    if "TTALLOC_CAPTURED" in os.environ:
        ttnn.open_device, ttnn.close_device = within_capture(ttnn.open_device, ttnn.close_device)
        ttnn.open_mesh_device, ttnn.close_mesh_device = within_capture(ttnn.open_mesh_device, ttnn.close_mesh_device)
    getattr(workloads, sys.argv[1])()
