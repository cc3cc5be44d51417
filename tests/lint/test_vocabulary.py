# SPDX-License-Identifier: Apache-2.0
"""No SQL has a bare number of the vocabulary: .sql files write {region.CB}, SQL in C has SQL_REGION_CB (sql/base/vocabulary_sql.h, which
the build makes). Begins by proving that it would notice."""
import re

from lint import name_of, report, sources

COLUMN = r"\b(?:region|class|kind|flags|ended)"
NUMBER = re.compile(COLUMN + r"(?:\s*(?:=|<>|!=|&|<|>|<=|>=)\s*|\s+(?:IS|IS NOT|IN|NOT IN|BETWEEN)\s*\(?)[0-9]|"
                    r"CASE [a-z.]*" + COLUMN + r" WHEN [0-9]|\bdevice *(?:=|<>|!=|<) *65535")
COMMENT = {".sql": r"--[^\n]*", ".c": r"//[^\n]*|/\*.*?\*/"}
LITERAL = re.compile(r'"((?:\\.|[^"\\\n])*)"')

# What has such a name, and is none of the vocabulary.
OTHERS = {"sql/answers/verify/ranges.c": ("ended NOT IN (0",)}  # range_what.ended: whether an exception left it


def findings(text, suffix, others=()):
    """Line and text of each number in TEXT."""
    blank = re.compile(COMMENT[".sql" if suffix == ".sql" else ".c"], re.S)
    text = blank.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
    if suffix != ".sql":  # strings that stand one behind the other are one; all else is C
        text = re.sub(r'"(\s*)"', lambda match: re.sub(r"[^\n]", "", match.group(1)) + " ", text)
        text = "".join(match.group(0) if quoted else re.sub(r"[^\n]", " ", match.group(0))
                       for match in re.finditer(r'"(?:\\.|[^"\\])*"|[^"]+', text) for quoted in [match.group(0)[0] == '"'])
    for match in NUMBER.finditer(text):
        if match.group(0) not in others:
            yield text.count("\n", 0, match.start()) + 1, match.group(0)


def prove_that_it_notices():
    for suffix, text, found in ((".c", 'x = "WHERE region = 16";', True), (".c", 'x = "WHERE o.region = "\n    "16";', True), (".c", 'x = "flags & 4";', True),
                                (".c", 'x = "kind IN (2, 8)";', True), (".c", 'x = "ended IS NOT 1";', True), (".c", "if (region == 16)", False),
                                (".c", 'x = "region = " SQL_REGION_CB;', False), (".c", '/* "region = 16" */', False), (".c", 'x = "u.device <> 65535";', True),
                                (".def", 'STORE(a, "DELETE FROM a WHERE class = 2")', True), (".sql", "CASE o.kind WHEN 1 THEN", True),
                                (".sql", "region = {region.CB} -- region = 16", False), (".sql", "u.region = 16", True)):
        if any(findings(text, suffix)) != found:
            yield f"test_vocabulary.py: wrong about {text}"


found = list(prove_that_it_notices())
files = [path for path in sources("sql", "recorder", "analyze", suffixes=(".c", ".h", ".def", ".sql")) if "clickhouse" not in path.parts]
for path in files:
    for line, text in findings(path.read_text(encoding="utf-8"), path.suffix, OTHERS.get(name_of(path), ())):
        found.append(f"{name_of(path)}:{line}: {text}")
report(found, len(files))
