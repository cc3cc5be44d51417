# SPDX-License-Identifier: Apache-2.0
"""The first words of a hook to a recorder (ttalloc/wire.h), true or not."""
import os
import socket
import struct

MAGIC, VERSION, HELLO, SEALED, MESSAGE_BYTES = 0x48415454, 1, 1, 4, 544


def message(kind, body=b"", magic=MAGIC, version=VERSION):
    return (struct.pack("<IHH", magic, version, kind) + body).ljust(MESSAGE_BYTES, b"\0")


def hello(path, pid=None, identity=b"x" * 16):
    return message(HELLO, identity + struct.pack("<II", pid or os.getpid(), 0) + os.fsencode(path)[:511].ljust(512, b"\0"))


def connect(place):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(place.socket)
    return client
