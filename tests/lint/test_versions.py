# SPDX-License-Identifier: Apache-2.0
"""Only what SQLite 3.37, zstd 1.4.8 and CMake 3.22 have is used."""
import re

from lint import FOLDERS, SOURCE, name_of, report, sources, without_comments

NEWER_C = re.compile(r"\b(" + "|".join((
    # SQLite after 3.37
    "sqlite3_error_offset", "sqlite3_vtab_distinct", "sqlite3_vtab_in", "sqlite3_vtab_in_first", "sqlite3_vtab_in_next",
    "sqlite3_vtab_rhs_value", "sqlite3_db_name", "sqlite3_value_encoding", "sqlite3_is_interrupted",
    "sqlite3_stmt_explain", "sqlite3_get_clientdata", "sqlite3_set_clientdata", "sqlite3_setlk_timeout",
    "sqlite3_db_status64", "sqlite3_set_errmsg",
    # zstd after 1.4.8
    "ZSTD_defaultCLevel", "ZSTD_getDictID_fromCDict", "ZSTD_createCDict_advanced2", "ZSTD_CCtx_setCParams",
    "ZSTD_CCtx_setFParams", "ZSTD_CCtx_setParams", "ZSTD_registerSequenceProducer", "ZSTD_mergeBlockDelimiters",
    "ZSTD_sequenceBound", "ZSTD_decompressionMargin", "ZSTD_c_useRowMatchFinder", "ZSTD_c_targetCBlockSize",
    "ZSTD_compressSequencesAndLiterals",
    # glibc after 2.34, also where a newer one happens to be installed
    "arc4random", "arc4random_buf", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "process_madvise", "fsopen",
    "strlcpy", "strlcat",
)) + r")\b")
NEWER_SQL = re.compile(r"->|\b(RIGHT|FULL)(\s+OUTER)?\s+JOIN\b|\b(unixepoch|string_agg|concat|concat_ws|octet_length|"
                       r"timediff|unhex|format|jsonb|jsonb_\w+|json_error_position|json_pretty|if)\s*\(|"
                       r"IS\s+(NOT\s+)?DISTINCT\s+FROM", re.I)
STRINGS = re.compile(r"'[^']*'|--[^\n]*")
NEWER_CMAKE = re.compile(r"\b(cmake_path\s*\(\s*CONVERT.*NORMALIZE|cmake_language\s*\(\s*EXIT|block\s*\(|FILE_SET.*CXX_MODULES|"
                         r"return\s*\(\s*PROPAGATE|\$<LIST:|\$<PATH:)")


def matches(path, text, pattern):
    for match in pattern.finditer(text):
        yield f"{name_of(path)}:{text.count(chr(10), 0, match.start()) + 1}: {match.group(0)}"


c_files = sources(*FOLDERS, "examples")
sql_files = [path for path in sources("sql", suffixes=(".sql",)) if "clickhouse" not in path.parts]  # of SQLite
cmake_files = sorted(SOURCE.glob("*/CMakeLists.txt")) + [SOURCE / "CMakeLists.txt"]
found = [f for p in c_files for f in matches(p, without_comments(p.read_text(encoding="utf-8")), NEWER_C)]
found += [f for p in sql_files
          for f in matches(p, STRINGS.sub(lambda m: " " * len(m.group(0)), p.read_text(encoding="utf-8")), NEWER_SQL)]
found += [f for p in cmake_files for f in matches(p, p.read_text(encoding="utf-8"), NEWER_CMAKE)]
report(found, len(c_files) + len(sql_files) + len(cmake_files))
