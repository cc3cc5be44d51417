# SPDX-License-Identifier: Apache-2.0
"""The texts of the real TT-Metal about memory, against those that 'ttalloc-analyze why --message' knows.

usage: test_texts.py VERSION  (a directory that mock.py made, in $TTALLOC_TTNN), or a directory with libtt_metal.so

Walks the strings of libtt_metal.so and _ttnncpp.so. Each that refuses a request for a device's memory has to be a row of
sql/answers/why/wording.c and, with figures put in, to be understood; each row that the version has, has to be there.
"""
import ast
import os
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOCKS = pathlib.Path(os.environ.get("TTALLOC_TTNN", harness.BUILD.parent / "ttnn"))
LIBRARIES = ("libtt_metal.so", "_ttnncpp.so")
SKIPPED = 77
TEXT_BYTES_MIN, TEXT_BYTES_MAX = 24, 4000

# What a text is about that says that something was too large for the memory of a device.
REFUSES = re.compile(
    r"(?i)not enough|out of memory|\boom\b|clash|beyond|exceed|n.t fit|not fit|cannot fit|too (small|large|big)|larger than|"
    r"overflow|overlap|insufficient|\bneeds? .*\b(but|only|have|has|budget)\b|requires? .*\bonly\b|"
    r"(cannot|could not|unable to|fail(ed|s)? to) (allocate|place|hold|reserve)|only .* (available|allocated)|no room|ran out")
MEMORY = re.compile(
    r"\bL1|DRAM|\bmemory\b|\bbanks?\b|\} ?B\b|\bbytes\b|\btrace|kernel config|\barena|\bspace\b|buffer size|circular buffer|"
    r"dataflow buffer|\bCBs?\b|\bDFBs?\b|binary size|overflows limit")

# Texts that are so, and are no refusal of a device's memory to a program.
OTHERS = {
    "warnings, after which the program goes on": (
        r"DPRINT ", r"Real-time profiler disabled", r"\[streaming profiler\]", r"streaming profiler", r"CircularBuffer depth reduced",
        r".*leaves only \{\} CB slot", r"ttnn\.split: L1 budget exceeded", r"high_bw_all_gather reduced workers", r".*start markers",
        r"The fabric mux reserves raw L1"),
    "reports of the watcher": (r" \((NOC|ethernet)", r".*core overflowed L1", r"Data corruption detected", r"Watcher detected"),
    "other libraries inside": (
        r"DW_DLE_", r".*dwarf", r".*DWARF", r".*creating record", r"Unable to (allocate|malloc)", r" Unable to allocate", r": Unable to",
        r".*block records", r".*_kjCondition", r".*tee buffer", r".*object section", r".*%zu", r"size_type boost", r".*protobuf",
        r".*(string|input|header|list|segment|object|message|traversal).*(too large|exceed|larger)", r"splice pipe", r"STRING BUFFER",
        r"cannot create std::", r"Allocation of", r"Allocating a", r".*FlatMessageBuilder"),
    "counts: of indices, slots, cores, senders, semaphores": (
        r".*(index|count|Bank ID|CQ id|bank count|circular buffer slots|senders|receivers|receiver_domain|transfers|cores|overlay counters"
        r"|Pack|remapper pairs|tile-counter|id)\b.*(exceed|overflow|maximum|available|capacity|slots|must)",
        r"Not enough circular buffer for", r"DRAM harvesting", r".*claimed twice", r".*hops exceeds", r".*src shards", r".*reader core",
        r".*PrefetcherPipeParameter", r".*tile counters", r".*fuse", r"Intra-tensix", r".*JIT data-format",
        r".*Pack local-interface"),
    "what fits the width of a field, a packet or a command": (
        r".*u?int(8|16|32)_t", r".*fabric (max |maximum )?payload", r".*one-packet", r".*prefetch(er)? command", r".*field width",
        r".*HW BUFFER_CAPACITY", r".*route table", r".*action map", r".*32-bit", r".*pack-precision", r".*DFB \{\}: .*maximum \{\}",
        r".*uint8_t", r".*buf_size", r".*fabric packet", r"DFB config", r"DFB \{\} \(device slot", r".*is-?aligned", r".*alignment",
        r".*MAX_PRODUCERS", r"GCB size"),
    "rings, pages and windows whose sizes a program chose": (
        r".*KiB arena", r".*(ring_half|stage_third|stage half|K-row|request page|window \[|metadata|page size|page-sized|worst-case)",
        r".*config buffer \[", r".*64 KiB reader buffer", r"Command queue size", r"d2h: ", r"Embedding sharded output", r"CrossNodeDFB",
        r"Source vector is too small", r".*fixed-size L1 scratch", r"LayerAckService", r".*drain sink", r"hybrid routed expert overlapped",
        r".*disjoint", r"L1 ceiling", r"A rank-scoped socket", r".*head stick"),
    "layouts of tensors": (r"Output memory config", r"use_fp8_combine", r".*overhang", r"Operands to", r".*memory layout"),
    "memory of cores that run no programs": (r"DRISC L1", r"Dispatch telemetry", r"Issue queue"),
}
NO_REFUSAL = re.compile("|".join(f"(?:{pattern})" for patterns in OTHERS.values() for pattern in patterns), re.S)


def libraries(place):
    """Those of a directory that mock.py made, or of one that has them."""
    for folder in [place, *sorted(place.glob("python/lib/python3*/site-packages/ttnn/build/lib"))]:
        if (folder / LIBRARIES[0]).exists():
            return [folder / name for name in LIBRARIES]
    return []


def version_of(place):
    names = [path.name for path in place.glob("python/lib/python3*/site-packages/ttnn-*.dist-info")]
    return re.fullmatch(r"ttnn-([0-9.]+[0-9]).*\.dist-info", names[0])[1] if names else None


def strings(library):
    """The texts in it: what is printable up to a zero byte."""
    for piece in library.read_bytes().split(b"\0"):
        if TEXT_BYTES_MIN <= len(piece) <= TEXT_BYTES_MAX and b" " in piece and not piece.startswith(b"_Z"):
            try:
                text = piece.decode()
            except UnicodeDecodeError:
                continue
            if all(character.isprintable() or character in "\n\t\033" for character in text):
                yield text


def rows():
    """(first version, last or None, text) of each row of wording.c."""
    literal = r'"(?:[^"\\]|\\.)*"'
    row = re.compile(rf"^    \{{MESSAGE_\w+,\s+\w+,\s+({literal}),\s+(NULL|{literal}),\s+((?:{literal}\s*)+),", re.M)
    found = [(ast.literal_eval(first), None if last == "NULL" else ast.literal_eval(last),
              "".join(ast.literal_eval(part) for part in re.findall(literal, text)))
             for first, last, text in row.findall((ROOT / "sql/answers/why/wording.c").read_text())]
    harness.check(len(found) > 50, f"only {len(found)} rows were found in wording.c")
    return found


def number(version):
    return [int(part) for part in version.split(".")]


def has(version, first, last):
    return "-" not in first and number(first) <= number(version) and (last is None or number(version) <= number(last))


def printed(text):
    """TEXT as TT-Metal prints it."""
    text = re.sub(r"(range |cores? )\{\}", r"\1[0-0 - 7-7]", text)
    text = re.sub(r"\{\}(?= buffer across| across| buffer type)", "L1", text)
    text = re.sub(r"(?<=across )\{\}", "64", text)
    return re.sub(r"\{[^}]*x\}", "1f00", re.sub(r"\{:#x\}", "0x1f00", re.sub(r"\{\}", "4096", text)))


def is_understood(file, text):
    result = harness.run([harness.program("ttalloc-analyze"), "why", "--device", "0", "--message", "-", file], input=printed(text))
    return "no message of TT-Metal" not in result.stderr


def main():
    place = MOCKS / sys.argv[1]
    found = libraries(place)
    if not found:
        print(f"skipped: no {LIBRARIES[0]} in {place}")
        sys.exit(SKIPPED)
    texts = set(text for library in found for text in strings(library))
    known = rows()
    version = version_of(place)
    gone = []
    about = sorted(text for text in texts if REFUSES.search(text) and MEMORY.search(text))
    refusals = [text for text in about if any(text.startswith(row) for _, _, row in known)]
    unknown = [text for text in about if text not in refusals and not NO_REFUSAL.match(text)]
    if version:
        gone = [row for first, last, row in known
                if has(version, first, last) and not any(text.startswith(row) for text in texts)]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "run.db"
        harness.run([harness.program("ttalloc-recorder"), "-q", "-o", file, "--", harness.program("ttalloc-trainer"), "--quiet"])
        misread = [text for text in refusals if not is_understood(file, text)]
    for what, listed in (("not in wording.c, and in none of OTHERS", unknown), ("in wording.c for this version, and not in it", gone),
                         ("not understood by 'why --message'", misread)):
        for text in listed:
            print(f"{what}: {text!r}")
    print(f"ttnn {version or place}: {len(about)} texts about memory, {len(refusals)} of them refusals, all understood"
          if not unknown + gone + misread else f"ttnn {version or place}: {len(unknown)} unknown, {len(gone)} gone, {len(misread)} misread")
    sys.exit(bool(unknown + gone + misread))


if __name__ == "__main__":
    main()
