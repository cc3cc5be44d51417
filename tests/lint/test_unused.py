# SPDX-License-Identifier: Apache-2.0
"""What a header of a room offers is called from another file, or from its own and a unit test; what only its own file needs is static
there, and what nobody but tests would call is not kept. Begins by proving that it would notice."""
import collections
import re

from lint import name_of, report, sources, without_comments

PROTOTYPE = re.compile(r"^(?!static|typedef|#|extern)[A-Za-z_][\w \t*]*?[\s*](\w+)\([^;{}]*\)(?:\s*__attribute__\(\(.*?\)\))?;", re.M)
WORD = re.compile(r"\b[A-Za-z_]\w*\b")

# Called by what is no C of ours: a preload's library by its name.
CALLED_BY_OTHERS = {"ttalloc_tt_metal_yield"}


def offered(headers):
    """{function: header} of what HEADERS, {name: text}, declare."""
    return {function: name for name, text in headers.items() for function in PROTOTYPE.findall(text)}


def findings(headers, others, tests=""):
    """A function, its header and what is wrong with it. OTHERS: {name: text} of everything else that may call it."""
    users = collections.defaultdict(set)
    for name, text in others.items():
        for word in set(WORD.findall(text)):
            users[word].add(name)
    for function, header in sorted(offered(headers).items()):
        definition = re.compile(rf"^[A-Za-z_][\w \t*]*?[\s*]{function}\([^;{{}}]*\)\s*\{{", re.M)
        calling = [name for name in users[function] if not definition.search(others[name])]
        if not calling and function not in CALLED_BY_OTHERS:
            inside = any(len(re.findall(rf"\b{function}\b", others[name])) > 1 for name in users[function])
            if not inside or not re.search(rf"\b{function}\b", tests):
                yield f"{header}: {function}() is called {'in its own file alone' if inside else 'nowhere'}"


def prove_that_it_notices():
    header = {"a.h": "int used(int a);\nint unused(\n    int a);\nstruct a *own(void);\nstatic inline int s(void);\n"}
    source = {"a.c": "int used(int a)\n{\n}\n\nint unused(int a)\n{\n}\n\nstruct a *own(void)\n{\n\treturn own();\n}\n", "b.c": "x = used(1);"}
    said = [finding.split(": ")[1] for finding in findings(header, source)]
    if said != ["own() is called in its own file alone", "unused() is called nowhere"]:
        yield f"test_unused.py: wrong about its own example: {said}"


texts = {name_of(path): without_comments(path.read_text(encoding="utf-8"))
         for path in sources("hook", "recorder", "sql", "analyze", "examples", "include", suffixes=(".c", ".h", ".cpp", ".hpp", ".def"))}
headers = {name: text for name, text in texts.items() if name.endswith(".h") and not name.startswith(("include", "examples"))}
found = list(prove_that_it_notices())
tests = "".join(path.read_text(encoding="utf-8") for path in sources("tests", suffixes=(".c",)))
found += findings(headers, {name: PROTOTYPE.sub("", text) for name, text in texts.items()}, tests)
report(found, len(offered(headers)))
