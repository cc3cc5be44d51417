# SPDX-License-Identifier: Apache-2.0
"""The device: places blocks of a given size, as libttalloc is told by a C++ allocator that knows nothing of Python."""
import ctypes
import itertools

_library = ctypes.CDLL("libttalloc.so.1")
_addresses = itertools.count(1)


class _Block(ctypes.Structure):
    _fields_ = [("device", ctypes.c_uint32), ("region", ctypes.c_uint16), ("flags", ctypes.c_uint16),
                ("address", ctypes.c_uint64), ("size_bytes", ctypes.c_uint64), ("bank_bytes", ctypes.c_uint64)]


def place(size):
    _library.ttalloc_alloc(ctypes.byref(_Block(0, 0, 0, next(_addresses) << 20, size, 0)))
