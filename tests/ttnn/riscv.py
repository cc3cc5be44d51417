# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the compiler of Tenstorrent's kernels, which ttnn wheels lack: nothing that it makes is ever run.

TT-Metal compiles a program's kernels when the program is first used, and reads the executables: segments, symbols that
other kernels are linked against, relocations. So each link gives the same small executable that has one of each.
"""
import pathlib
import struct

TEXT_AT = 0x6000
NOP, RETURN = 0x00000013, 0x00008067
TEXT = struct.pack("<16I", *[NOP] * 15, RETURN)
DATA = struct.pack("<4I", 7, 0, 0, 0)
DATA_AT = TEXT_AT + len(TEXT)

EXECUTABLE, RISCV = 2, 243
LOAD, READ, WRITE, RUN = 1, 4, 2, 1
PROGBITS, SYMTAB, STRTAB, RELA = 1, 2, 3, 4
ALLOC_WRITE, ALLOC_RUN, INFO_LINK = 3, 6, 0x40
GLOBAL_FUNCTION, GLOBAL_OBJECT, GLOBAL = 0x12, 0x11, 0x10
R_RISCV_RELAX = 51  # allows a linker to shorten code: there is nothing to be relocated

SCRIPT = """#!/bin/sh
# Objects are empty; every link gives the executable beside this script.
compile= out= depends=
while [ $# -gt 0 ]; do
	case $1 in
	-c) compile=yes ;;
	-o) out=$2; shift ;;
	-MF) depends=$2; shift ;;
	esac
	shift
done
if [ -z "$out" ]; then
	echo "riscv-tt-elf-g++ (stand-in) 15.1.0"
elif [ -z "$compile" ]; then
	cp "$(dirname "$0")/kernel.elf" "$out"
else
	: >"$out"
	[ -z "$depends" ] || echo "$out:" >"$depends"
fi
"""


class Strings:
    """A table of strings, and where each one begins."""

    def __init__(self):
        self.bytes = b"\0"

    def add(self, text):
        at = len(self.bytes)
        self.bytes += text.encode() + b"\0"
        return at


def executable():
    """ELF, 32 bits: header, two segments, then the sections in order, then their headers."""
    symbol_names, section_names = Strings(), Strings()

    def symbol(name, value, size, kind, section):
        return struct.pack("<IIIBBH", symbol_names.add(name), value, size, kind, 0, section)

    symbols = bytes(16) + b"".join((
        symbol("_start", TEXT_AT, len(TEXT), GLOBAL_FUNCTION, 1),
        symbol("__fw_export_text_end", DATA_AT, 0, GLOBAL, 1),
        symbol("a_word", DATA_AT, 4, GLOBAL_OBJECT, 2),
        symbol("__global_pointer$", DATA_AT + len(DATA), 0, GLOBAL, 2)))
    relocations = struct.pack("<IIi", TEXT_AT, 1 << 8 | R_RISCV_RELAX, 0)
    # name, type, flags, address, content, link, info, entry size
    sections = [
        (".text", PROGBITS, ALLOC_RUN, TEXT_AT, TEXT, 0, 0, 0),
        (".data", PROGBITS, ALLOC_WRITE, DATA_AT, DATA, 0, 0, 0),
        (".symtab", SYMTAB, 0, 0, symbols, 4, 1, 16),
        (".strtab", STRTAB, 0, 0, symbol_names.bytes, 0, 0, 0),
        (".rela.text", RELA, INFO_LINK, 0, relocations, 3, 1, 12),
        (".shstrtab", STRTAB, 0, 0, None, 0, 0, 0),
    ]
    names = [section_names.add(section[0]) for section in sections]
    body, headers, at = b"", bytes(40), 0x80
    for name, (_, kind, flags, address, content, link, info, entry) in zip(names, sections):
        content = section_names.bytes if content is None else content
        headers += struct.pack("<10I", name, kind, flags, address, at + len(body), len(content), link, info, 4, entry)
        body += content + bytes(-len(content) % 4)
    header = b"\x7fELF\1\1\1".ljust(16, b"\0") + struct.pack(
        "<HHIIIIIHHHHHH", EXECUTABLE, RISCV, 1, TEXT_AT, 52, at + len(body), 0, 52, 32, 2, 40, len(sections) + 1, len(sections))
    for address, content, offset, rights in ((TEXT_AT, TEXT, at, READ | RUN), (DATA_AT, DATA, at + len(TEXT), READ | WRITE)):
        header += struct.pack("<8I", LOAD, offset, address, address, len(content), len(content), rights, 16)
    return header.ljust(at, b"\0") + body + headers


def install(package):
    """Into PACKAGE, the directory of ttnn's Python files."""
    folder = pathlib.Path(package, "runtime/sfpi/compiler/bin")
    folder.mkdir(parents=True, exist_ok=True)
    pathlib.Path(package, "runtime/sfpi/include").mkdir(exist_ok=True)
    (folder / "kernel.elf").write_bytes(executable())
    compiler = folder / "riscv-tt-elf-g++"
    compiler.write_text(SCRIPT, encoding="utf-8")
    compiler.chmod(0o755)
